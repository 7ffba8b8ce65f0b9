//! The entries of a database: the segmented table that finds them, and below it what follows them: reminders of deadlines
//! ([`calendar`], [`expiries`]), who is told of changes ([`changes`], [`sizes`]), and what waits to be freed ([`garbage`]).
//!
//! Extendible hashing: a directory, indexed by the top bits of the hash, names a segment; a segment is a small array
//! of buckets that grows in steps and, at its largest, splits in two by the next bit. Growing the directory copies
//! 4-byte numbers. So no operation touches the entries of more than two segments, however large the table is.
//!
//! Inside a segment the home bucket is monotone in the hash, and a table position is simply a value of the hash's
//! top bits ([`Place`]). That is what makes SCAN exact: see [`scan`].
//!
//! Invariants:
//! - segment `s` owns exactly the places that begin with its `prefix`, and all directory slots of those bits;
//! - an entry lies in its home bucket or one that follows it, and every bucket passed over counts it.
//!
//! Source: Fagin et al., "Extendible hashing", 1979; the overflow counts are those of F14 (Bronson and Shi,
//! "Open-sourcing F14", 2019).

mod bucket;
pub(crate) mod calendar;
pub mod changes;
pub(crate) mod deadlines;
mod directory;
mod entry_mut;
pub(crate) mod expiries;
pub mod garbage;
pub(crate) mod prefetch;
mod scan;
mod segment;
pub mod sizes;
#[cfg(test)]
mod tests;

use crate::entry::Entry;
use crate::hash::{KeyHasher, hash_key};
use directory::Directory;
pub use entry_mut::{EntryMut, PackedMut};
use segment::{Segment, Spot};

/// Number of hash bits that place an entry.
const PLACE_BITS: u32 = 43;

/// A place in the table.
type Place = crate::extendible::Place<PLACE_BITS>;

/// Where an entry lies, until the table changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    segment: u32,
    spot: Spot,
}

/// A set of entries by key. An empty one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Table {
    directory: Directory,
    len: usize,
}

impl Table {
    /// Number of entries.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Where the entry of `key` lies. Complexity: O(1).
    #[inline]
    pub(crate) fn find(&self, hash: u64, key: &[u8]) -> Option<Position> {
        self.find_where(hash, |entry| entry.key() == key)
    }

    /// Where an entry lies that is wanted, among those whose keys have this hash, or nearly so: few bits are compared.
    /// Complexity: O(1).
    #[inline]
    pub(crate) fn find_where(&self, hash: u64, is_wanted: impl FnMut(&Entry) -> bool) -> Option<Position> {
        let segment = self.directory.locate(Place::of(hash))?;
        let spot = self.directory.segments[segment as usize].find(hash, is_wanted)?;
        Some(Position { segment, spot })
    }

    /// Where an entry lies whose key has this hash. Complexity: O(1).
    pub(crate) fn find_hash(&self, hash: u64, hasher: &KeyHasher) -> Option<Position> {
        self.find_where(hash, |entry| hash_key(hasher, entry.key()) == hash)
    }

    /// The entry at `position`, which must be of this table as it is.
    #[inline]
    pub(crate) fn entry(&self, position: Position) -> &Entry {
        self.directory.segments[position.segment as usize].entry(position.spot)
    }

    /// The entry at `position`, which must be of this table as it is. Its key must stay.
    #[inline]
    pub(crate) fn entry_mut(&mut self, position: Position) -> &mut Entry {
        self.directory.segments[position.segment as usize].entry_mut(position.spot)
    }

    /// Adds an entry whose key is not in the table. Complexity: O(1) amortised, O(entries of a segment) at worst,
    /// and a copy of the directory when that doubles.
    pub(crate) fn insert(&mut self, hash: u64, entry: Entry, hasher: &KeyHasher) {
        debug_assert_eq!(hash, hash_key(hasher, entry.key()));
        let place = Place::of(hash);
        let mut segment = self.directory.locate_or_create(place);
        while self.directory.segments[segment as usize].is_full() {
            self.directory.enlarge(segment, hasher);
            segment = self.directory.locate_or_create(place);
        }
        self.directory.segments[segment as usize].insert(hash, entry);
        self.len += 1;
    }

    /// Takes the entry at `position` out; `hash` is its key's. Gives memory back as the table empties.
    /// Complexity: as for [`Table::insert`].
    pub(crate) fn remove(&mut self, position: Position, hash: u64, hasher: &KeyHasher) -> Entry {
        let entry = self.remove_in_place(position, hash);
        self.reduce(position, hasher);
        entry
    }

    /// Gives memory back if the segment of `position` has become sparse.
    pub(crate) fn reduce(&mut self, position: Position, hasher: &KeyHasher) {
        self.directory.reduce(position.segment, hasher);
    }

    /// Takes the entry at `position` out; `hash` is its key's. All other positions stay valid until
    /// [`Table::reduce`].
    pub(crate) fn remove_in_place(&mut self, position: Position, hash: u64) -> Entry {
        self.len -= 1;
        self.directory.segments[position.segment as usize].remove(position.spot, hash)
    }

    /// The position of an entry, each with equal probability; `None` if there are none. Complexity: O(1) expected.
    pub(crate) fn random(&self, mut random: impl FnMut() -> u64) -> Option<Position> {
        if self.len == 0 {
            return None;
        }
        // Segments are chosen with equal probability and then a slot of the widest one's count: so each entry is
        // as likely as any other, whatever the width and fill of its segment. Few tries miss.
        let segments = &self.directory.segments;
        let widest = self.directory.widest_slots();
        loop {
            let number = random();
            let segment = scale(number >> 32, segments.len());
            let slot = scale(number & 0xFFFF_FFFF, widest);
            if let Some(spot) = segments[segment].occupied(slot) {
                #[expect(
                    clippy::cast_possible_truncation,
                    reason = "the directory holds segment numbers as u32"
                )]
                return Some(Position { segment: segment as u32, spot });
            }
        }
    }

    /// Frees up to about `budget` entries of a table that is no longer in use, and says how many.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(segment) = self.directory.segments.pop()
        {
            // Freeing reads each entry's header: without a prefetch that is a cache miss at a time.
            segment.prefetch_entries();
            freed += segment.len() + 1;
        }
        freed
    }

    /// Fetches what decides a look-up of a key with this hash into the cache: the home bucket.
    #[inline]
    pub(crate) fn prefetch_bucket(&self, hash: u64) {
        if let Some(segment) = self.directory.locate(Place::of(hash)) {
            self.directory.segments[segment as usize].prefetch_home(hash);
        }
    }

    /// Fetches the entries that may have this hash into the cache. Call it once the bucket has arrived.
    #[inline]
    pub(crate) fn prefetch_entry(&self, hash: u64) {
        if let Some(segment) = self.directory.locate(Place::of(hash)) {
            self.directory.segments[segment as usize].prefetch_candidates(hash);
        }
    }

    /// Bytes of directory and buckets, the entries not included.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.directory.memory_bytes()
    }
}

/// `number`, below 2^32, scaled to `0..range`.
fn scale(number: u64, range: usize) -> usize {
    ((u128::from(number) * range as u128) >> 32) as usize
}
