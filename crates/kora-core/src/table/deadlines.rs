//! An ordered index of deadlines: what is due is found without looking at what is not.
//!
//! What a deadline belongs to is told by a number that its owner makes: a hash of a key, a place in a table. Two things
//! may share a number, so each pair is counted; the owner looks among the things of that number for one with that
//! deadline.
//!
//! Complexity: O(log n) per change, O(1) while there is nothing in it.

use std::collections::BTreeMap;

use crate::time::UnixMs;

/// Entries of one node of the tree when it is full.
const NODE_ENTRIES: usize = 11;
/// Bytes of such a node, nearly all of them leaves.
const NODE_BYTES: usize = NODE_ENTRIES * (size_of::<(UnixMs, u64)>() + size_of::<u32>()) + 16;

/// A multiset of deadlines with numbers, in order of time. An empty one allocates nothing.
#[derive(Clone, Debug, Default)]
pub(crate) struct Deadlines {
    counts: BTreeMap<(UnixMs, u64), u32>,
    len: usize,
    /// Whether a value has had room for deadlines, though there may be none in it.
    has_room: bool,
}

impl Deadlines {
    /// Number of deadlines.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Notes a value that has room for deadlines.
    #[inline]
    pub(crate) fn note_room(&mut self) {
        self.has_room = true;
    }

    /// Whether any value has had room for deadlines.
    pub(crate) fn has_room(&self) -> bool {
        self.has_room
    }

    /// The next deadline and its number.
    #[inline]
    pub(crate) fn first(&self) -> Option<(UnixMs, u64)> {
        self.counts.first_key_value().map(|(first, _)| *first)
    }

    /// Notes a deadline.
    pub(crate) fn add(&mut self, at: UnixMs, number: u64) {
        *self.counts.entry((at, number)).or_default() += 1;
        self.len += 1;
    }

    /// Forgets a deadline, which must have been noted.
    pub(crate) fn remove(&mut self, at: UnixMs, number: u64) {
        let count = self.counts.get_mut(&(at, number)).expect("a deadline is forgotten once it was noted");
        *count -= 1;
        if *count == 0 {
            self.counts.remove(&(at, number));
        }
        self.len -= 1;
    }

    /// Notes that the deadline of what has this number changed.
    #[inline]
    pub(crate) fn change(&mut self, before: Option<UnixMs>, after: Option<UnixMs>, number: u64) {
        if before == after {
            return;
        }
        if let Some(at) = before {
            self.remove(at, number);
        }
        if let Some(at) = after {
            self.add(at, number);
        }
    }

    /// Bytes allocated, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        // Nodes of a tree that was filled in random order are two thirds full.
        (self.counts.len() * NODE_BYTES).div_ceil(NODE_ENTRIES) * 3 / 2
    }

    /// About how many allocations it consists of.
    pub(crate) fn allocations(&self) -> usize {
        self.counts.len() / (NODE_ENTRIES / 2)
    }

    /// Frees up to about `budget` allocations of an index that is no longer in use, and says how many: fewer than
    /// `budget` if little is left.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        let before = self.counts.len();
        for _ in 0..budget.saturating_mul(NODE_ENTRIES / 2) {
            if self.counts.pop_first().is_none() {
                break;
            }
        }
        (before - self.counts.len()) / (NODE_ENTRIES / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::Deadlines;
    use crate::time::UnixMs;

    #[test]
    fn deadlines_come_in_order_of_time() {
        let mut deadlines = Deadlines::default();
        for (at, number) in [(30, 1), (10, 2), (20, 3), (10, 2)] {
            deadlines.add(UnixMs(at), number);
        }
        assert_eq!((deadlines.len(), deadlines.first()), (4, Some((UnixMs(10), 2))));
        deadlines.remove(UnixMs(10), 2);
        assert_eq!(deadlines.first(), Some((UnixMs(10), 2)), "the same deadline and number, twice");
        deadlines.change(Some(UnixMs(10)), Some(UnixMs(40)), 2);
        assert_eq!((deadlines.len(), deadlines.first()), (3, Some((UnixMs(20), 3))));
        deadlines.change(Some(UnixMs(20)), None, 3);
        deadlines.change(None, None, 3);
        assert_eq!((deadlines.len(), deadlines.first()), (2, Some((UnixMs(30), 1))));
    }

    #[test]
    fn deadlines_are_freed_in_slices() {
        let mut deadlines = Deadlines::default();
        (0..1000).for_each(|number| deadlines.add(UnixMs(5), number));
        assert_eq!(deadlines.free_some(10), 10);
        assert!(deadlines.free_some(1000) < 1000);
        assert_eq!(deadlines.first(), None);
    }
}
