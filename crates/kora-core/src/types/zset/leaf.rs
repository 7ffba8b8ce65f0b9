//! Leaves of the index of a large sorted set: up to [`LEAF_ENTRIES`] entries in order, members packed behind each other.
//!
//! A leaf is two allocations, whose capacities are the allocator's size classes: a half-full leaf costs half a leaf.
//!
//! Invariants: slots ascend by score, then member; `end` of a slot is where its member ends in `bytes`, and it begins
//! where the one before ends. A leaf that is not alone in its tree is not empty.

use crate::entry::size_class;
use crate::table::prefetch;

/// Most entries of a leaf.
pub(super) const LEAF_ENTRIES: usize = 64;

/// Members of a leaf are not longer than this together, unless one alone is: an insertion moves this much at most.
pub(super) const LEAF_BYTES: usize = 4096;

/// Slots in a line of the cache.
const SLOTS_PER_LINE: usize = 64 / size_of::<Slot>();

/// Names a leaf in its tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct LeafId(pub(super) u32);

impl LeafId {
    /// Names no leaf.
    pub(super) const NONE: Self = Self(u32::MAX);
}

/// What entries are ordered by: the score, and between equal scores the member.
#[derive(Clone, Copy, Debug)]
pub(super) struct Key<'a> {
    pub(super) score: f64,
    pub(super) member: &'a [u8],
}

impl Key<'_> {
    /// Whether `self` comes before `other`. Scores are never NaN; zero is one number, whatever its sign.
    #[inline]
    pub(super) fn is_before(self, other: Key<'_>) -> bool {
        self.score < other.score || (self.score == other.score && self.member < other.member)
    }
}

/// An entry that is about to be inserted.
#[derive(Clone, Copy, Debug)]
pub(super) struct NewEntry<'a> {
    pub(super) key: Key<'a>,
    pub(super) hash: u32,
}

/// What a leaf knows of an entry besides the member's bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Slot {
    pub(super) score: f64,
    /// Hash of the member.
    pub(super) hash: u32,
    end: u32,
}

/// A run of entries in order.
#[derive(Clone, Debug)]
pub(super) struct Leaf {
    slots: Vec<Slot>,
    bytes: Vec<u8>,
    pub(super) previous: LeafId,
    pub(super) next: LeafId,
}

impl Leaf {
    pub(super) fn new() -> Self {
        Self { slots: Vec::new(), bytes: Vec::new(), previous: LeafId::NONE, next: LeafId::NONE }
    }

    #[inline]
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    #[inline]
    pub(super) fn slots(&self) -> &[Slot] {
        &self.slots
    }

    pub(super) fn member_bytes(&self) -> usize {
        self.bytes.len()
    }

    #[inline]
    fn start(&self, at: usize) -> usize {
        if at == 0 { 0 } else { self.slots[at - 1].end as usize }
    }

    #[inline]
    pub(super) fn key(&self, at: usize) -> Key<'_> {
        let slot = &self.slots[at];
        Key { score: slot.score, member: &self.bytes[self.start(at)..slot.end as usize] }
    }

    /// Fetches what [`Leaf::find`] reads into the cache, but for members.
    #[inline]
    pub(super) fn prefetch(&self) {
        self.slots.chunks(SLOTS_PER_LINE).for_each(|line| prefetch::line(line.as_ptr()));
    }

    /// The place of `member`, whose hash is known.
    #[inline]
    pub(super) fn find(&self, hash: u32, member: &[u8]) -> Option<usize> {
        let is_it = |at: &usize| self.slots[*at].hash == hash && self.key(*at).member == member;
        (0..self.len()).find(is_it)
    }

    /// Number of entries at the beginning for which `is_before` holds; it holds for none behind those.
    #[inline]
    pub(super) fn count_before(&self, is_before: impl Fn(Key<'_>) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(self.key(middle)) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low
    }

    /// Gives the entry at `at` another score if it stays between its neighbours in this leaf.
    pub(super) fn rescore(&mut self, at: usize, score: f64) -> bool {
        if at == 0 || at + 1 >= self.len() {
            return false;
        }
        let key = Key { score, member: self.key(at).member };
        let stays = self.key(at - 1).is_before(key) && key.is_before(self.key(at + 1));
        if stays {
            self.slots[at].score = score;
        }
        stays
    }

    pub(super) fn insert(&mut self, at: usize, entry: NewEntry<'_>) {
        let NewEntry { key: Key { score, member }, hash } = entry;
        let start = self.start(at);
        let len = u32::try_from(member.len()).expect("longer members are refused");
        reserve(&mut self.bytes, member.len());
        let old_len = self.bytes.len();
        self.bytes.resize(old_len + member.len(), 0);
        self.bytes.copy_within(start..old_len, start + member.len());
        self.bytes[start..start + member.len()].copy_from_slice(member);
        let end = u32::try_from(start).expect("a leaf has one long member at most") + len;
        reserve(&mut self.slots, 1);
        self.slots.insert(at, Slot { score, hash, end });
        self.slots[at + 1..].iter_mut().for_each(|slot| slot.end += len);
    }

    pub(super) fn remove(&mut self, at: usize) {
        let (start, end) = (self.start(at), self.slots.remove(at).end);
        self.bytes.drain(start..end as usize);
        let len = end - u32::try_from(start).expect("before an end that fits");
        self.slots[at..].iter_mut().for_each(|slot| slot.end -= len);
        shrink(&mut self.bytes);
        shrink(&mut self.slots);
    }

    /// Moves the entries from `at` on into a new leaf. The caller links both.
    pub(super) fn split_off(&mut self, at: usize) -> Self {
        if at == 0 {
            // A long member is not copied.
            return std::mem::replace(self, Self::new());
        }
        let start = self.start(at);
        let mut right = Self::new();
        right.bytes = sized(&self.bytes[start..]);
        right.slots = sized(&self.slots[at..]);
        self.bytes.truncate(start);
        self.slots.truncate(at);
        shrink(&mut self.bytes);
        shrink(&mut self.slots);
        let start = u32::try_from(start).expect("an end that fits");
        right.slots.iter_mut().for_each(|slot| slot.end -= start);
        right
    }

    /// Moves all entries of `right`, the leaf behind, to the end of this one.
    pub(super) fn append(&mut self, right: &Self) {
        let start = u32::try_from(self.bytes.len()).expect("leaves are joined while both are small");
        reserve(&mut self.bytes, right.bytes.len());
        self.bytes.extend_from_slice(&right.bytes);
        reserve(&mut self.slots, right.slots.len());
        self.slots.extend(right.slots.iter().map(|slot| Slot { end: slot.end + start, ..*slot }));
    }

    /// Bytes allocated for it, itself included.
    pub(super) fn memory_bytes(&self) -> usize {
        size_class(size_of::<Self>())
            + size_class(self.slots.capacity() * size_of::<Slot>())
            + size_class(self.bytes.capacity())
    }
}

/// Makes room for `extra` items, up to the end of the allocator's size class.
fn reserve<T>(items: &mut Vec<T>, extra: usize) {
    let needed = items.len() + extra;
    if needed > items.capacity() {
        items.reserve_exact(size_class(needed * size_of::<T>()) / size_of::<T>() - items.len());
    }
}

/// Gives memory back once less than half of it is used.
fn shrink<T>(items: &mut Vec<T>) {
    if items.len() < items.capacity() / 2 {
        items.shrink_to(size_class(items.len() * size_of::<T>()) / size_of::<T>());
    }
}

fn sized<T: Copy>(items: &[T]) -> Vec<T> {
    let mut copy = Vec::new();
    reserve(&mut copy, items.len());
    copy.extend_from_slice(items);
    copy
}
