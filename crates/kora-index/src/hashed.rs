//! A hash table of numbers that grows a piece at a time, so that no insertion pays for all (linear hashing, Litwin 1980).
//!
//! Entries lie in segments of some hundred. When the average grows too large, one segment is split in two, each in its turn. Whoever owns the table
//! knows what a number stands for, and so its hash. A copy shares the segments, each until either side changes it.
//!
//! Invariant: a number is in the segment that [`place`] gives for its hash.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use hashbrown::HashTable;

/// Average number of entries in a segment at most.
const SEGMENT_ENTRIES: usize = 448;
/// Counts of those who share a segment.
const COUNT_BYTES: usize = 16;

/// Numbers by the hashes of what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Hashed {
    segments: Vec<Arc<HashTable<u32>>>,
    len: usize,
    segment_bytes: usize,
}

/// The segment of a hash among so many: by its upper half, as tables use the lower bits and the uppermost ones.
fn place(hash: u64, count: usize) -> usize {
    let bits = usize::try_from(hash >> 25 & 0xffff_ffff).unwrap_or(0);
    let mask = count.next_power_of_two() - 1;
    let at = bits & mask;
    if at < count { at } else { at & (mask >> 1) }
}

impl Hashed {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// A number with this hash that `is_it`. Complexity: O(1).
    #[inline]
    pub fn find(&self, hash: u64, is_it: impl FnMut(&u32) -> bool) -> Option<u32> {
        if self.segments.is_empty() {
            return None;
        }
        self.segments[place(hash, self.segments.len())].find(hash, is_it).copied()
    }

    /// Adds a number that is not there. Complexity: O(1) on average, O(entries of a segment) at worst.
    pub fn insert(&mut self, hash: u64, number: u32, hash_of: impl Fn(u32) -> u64) {
        if self.len >= self.segments.len() * SEGMENT_ENTRIES {
            self.split(&hash_of);
        }
        let at = place(hash, self.segments.len());
        let segment = Arc::make_mut(&mut self.segments[at]);
        let before = segment.allocation_size();
        segment.insert_unique(hash, number, |other| hash_of(*other));
        self.segment_bytes = self.segment_bytes + segment.allocation_size() - before;
        self.len += 1;
    }

    fn split(&mut self, hash_of: &impl Fn(u32) -> u64) {
        let at = self.segments.len();
        self.segments.push(Arc::default());
        let count = self.segments.len();
        if at == 0 {
            return;
        }
        let source = at & ((count.next_power_of_two() >> 1) - 1);
        let (mut own, mut added) = (std::mem::take(&mut self.segments[source]), HashTable::new());
        let table = Arc::make_mut(&mut own);
        let moved: Vec<(u64, u32)> = table
            .extract_if(|number| place(hash_of(*number), count) == at)
            .map(|number| (hash_of(number), number))
            .collect();
        let before = table.allocation_size();
        table.shrink_to_fit(|number| hash_of(*number));
        for (hash, number) in moved {
            added.insert_unique(hash, number, |other| hash_of(*other));
        }
        let after = table.allocation_size() + added.allocation_size();
        self.segments[source] = own;
        self.segments[at] = Arc::new(added);
        self.segment_bytes = self.segment_bytes + after - before;
    }

    /// Takes a number out, if it is there.
    pub fn remove(&mut self, hash: u64, number: u32) {
        if self.segments.is_empty() {
            return;
        }
        let at = place(hash, self.segments.len());
        if let Ok(entry) = Arc::make_mut(&mut self.segments[at]).find_entry(hash, |other| *other == number) {
            entry.remove();
            self.len -= 1;
        }
        if self.len == 0 {
            *self = Self::default();
        }
    }

    /// All numbers, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u32> {
        self.segments.iter().flat_map(|segment| segment.iter().copied())
    }

    /// Bytes on the heap. Complexity: O(1).
    pub fn memory_bytes(&self) -> usize {
        self.segments.capacity() * size_of::<Arc<HashTable<u32>>>()
            + self.segments.len() * (size_of::<HashTable<u32>>() + COUNT_BYTES)
            + self.segment_bytes
    }
}
