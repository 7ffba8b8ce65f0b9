//! The leaves of one tree by number, linked in order.
//!
//! Numbers instead of pointers: an entry of the look-up table names its leaf in four bytes, and the table is told only
//! when an entry moves from one leaf to another.

use super::leaf::{LEAF_BYTES, LEAF_ENTRIES, Leaf, LeafId, NewEntry};
use super::locator::Locator;
use crate::entry::size_class;

/// Two neighbours with fewer entries than this together become one leaf.
const JOINED_ENTRIES_MAX: usize = LEAF_ENTRIES * 3 / 4;

/// A leaf slab.
///
/// Invariant: following `next` from the first leaf visits each live one once, in order of entries.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaves {
    slots: Vec<Option<Box<Leaf>>>,
    free: Vec<LeafId>,
}

impl Leaves {
    #[inline]
    pub(super) fn get(&self, id: LeafId) -> &Leaf {
        self.slots[id.0 as usize].as_deref().expect("what is named is a live leaf")
    }

    #[inline]
    pub(super) fn get_mut(&mut self, id: LeafId) -> &mut Leaf {
        self.slots[id.0 as usize].as_deref_mut().expect("what is named is a live leaf")
    }

    pub(super) fn add(&mut self, leaf: Leaf) -> LeafId {
        let leaf = Some(Box::new(leaf));
        if let Some(id) = self.free.pop() {
            self.slots[id.0 as usize] = leaf;
            return id;
        }
        let id = LeafId(u32::try_from(self.slots.len()).expect("2^32 leaves don't fit into memory"));
        self.slots.push(leaf);
        id
    }

    /// Takes a leaf out of the chain; its number may be given to another.
    pub(super) fn release(&mut self, id: LeafId) -> Box<Leaf> {
        let leaf = self.slots[id.0 as usize].take().expect("what is named is a live leaf");
        if leaf.previous != LeafId::NONE {
            self.get_mut(leaf.previous).next = leaf.next;
        }
        if leaf.next != LeafId::NONE {
            self.get_mut(leaf.next).previous = leaf.previous;
        }
        self.free.push(id);
        leaf
    }

    /// Inserts an entry into leaf `id`, which is split first if it is full; the new leaf behind it is returned.
    pub(super) fn insert(
        &mut self,
        id: LeafId,
        entry: NewEntry<'_>,
        locator: &mut Locator,
    ) -> Option<LeafId> {
        let leaf = self.get_mut(id);
        let at = leaf.count_before(|key| key.is_before(entry.key));
        let is_long = leaf.len() > 0 && leaf.member_bytes() + entry.key.member.len() > LEAF_BYTES;
        if leaf.len() < LEAF_ENTRIES && !is_long {
            leaf.insert(at, entry);
            locator.insert(entry.hash, id);
            return None;
        }
        let is_at_end = at == leaf.len() && leaf.next == LeafId::NONE;
        let is_at_start = at == 0 && leaf.previous == LeafId::NONE;
        // Whoever inserts in order leaves full leaves behind; and a long member is moved aside, not along.
        let middle = if is_long || is_at_end || is_at_start { at } else { leaf.len() / 2 };
        let right = self.split(id, middle, locator);
        let [left_bytes, right_bytes] = [id, right].map(|id| self.get(id).member_bytes());
        let goes_right = if at == middle {
            self.get(id).len() > 0 && (self.get(right).len() == 0 || right_bytes < left_bytes)
        } else {
            at > middle
        };
        let (target, at) = if goes_right { (right, at - middle) } else { (id, at) };
        self.get_mut(target).insert(at, entry);
        locator.insert(entry.hash, target);
        Some(right)
    }

    /// Moves the entries of leaf `id` from `at` on into a new leaf behind it. One of both may be empty.
    fn split(&mut self, id: LeafId, at: usize, locator: &mut Locator) -> LeafId {
        let left = self.get_mut(id);
        let (previous, next) = (left.previous, left.next);
        let mut right = left.split_off(at);
        (right.previous, right.next) = (id, next);
        let right = self.add(right);
        let left = self.get_mut(id);
        (left.previous, left.next) = (previous, right);
        if next != LeafId::NONE {
            self.get_mut(next).previous = right;
        }
        for slot in self.get(right).slots() {
            locator.relocate(slot.hash, id, right);
        }
        right
    }

    /// Makes one leaf of two neighbours if it stays small, and says whether it did; `right` is gone then.
    pub(super) fn join(&mut self, left: LeafId, right: LeafId, locator: &mut Locator) -> bool {
        let [first, second] = [left, right].map(|id| self.get(id));
        if first.len() + second.len() > JOINED_ENTRIES_MAX
            || first.member_bytes() + second.member_bytes() > LEAF_BYTES
        {
            return false;
        }
        for slot in second.slots() {
            locator.relocate(slot.hash, right, left);
        }
        let moved = self.release(right);
        self.get_mut(left).append(&moved);
        true
    }

    /// Bytes allocated, as far as a sample of `samples` leaves tells.
    pub(super) fn memory_bytes(&self, samples: usize) -> usize {
        let sampled: Vec<_> =
            self.slots.iter().flatten().take(samples).map(|leaf| leaf.memory_bytes()).collect();
        let live = self.slots.len() - self.free.len();
        let slab = size_class(self.slots.capacity() * 8) + size_class(self.free.capacity() * 4);
        slab + sampled.iter().sum::<usize>() * live / sampled.len().max(1)
    }

    /// Frees up to `count` leaves of a tree that is no longer used; says how many.
    pub(super) fn free_some(&mut self, count: usize) -> usize {
        let kept = self.slots.len().saturating_sub(count);
        let freed = self.slots.len() - kept;
        self.slots.truncate(kept);
        self.free.clear();
        freed
    }

    pub(super) fn live(&self) -> usize {
        self.slots.len() - self.free.len()
    }
}
