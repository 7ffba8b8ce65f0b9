//! The large form of sets and hashes: records packed into blocks that are found by hash.
//!
//! A chained or open table spends a pointer, an allocation's slack and a header on every element. Here some twenty records
//! share one allocation ([`block`]), so that an element costs its own bytes and about eight more, and a look-up reads
//! a directory slot, the block's index and the record.
//!
//! The blocks are found by extendible hashing: a directory, indexed by the top bits of the hash, names a block; a full
//! block splits in two by the next bit, sparse neighbours merge. Growing the directory copies 4-byte numbers. So no
//! operation touches the records of more than two blocks, however large the table is.
//!
//! Invariants:
//! - a block owns exactly the places that begin with its `prefix`, and all directory slots of those bits;
//! - `len` is the number of records in all blocks, and no two have the same key.
//!
//! Each table has a hasher of its own. With one for all, copying a table in its order would fill the copy from one end,
//! and extendible hashing needs its keys in an order that has nothing to do with their hashes.
//!
//! Source: Fagin et al., "Extendible hashing", 1979.

mod ahead;
mod block;
mod chunks;
mod directory;
mod record;
mod scan;
#[cfg(test)]
mod tests;

use crate::hash::{KeyHasher, hash_key, key_hasher};
use directory::Directory;
pub use record::Record;

/// A place in the table.
type Place = crate::extendible::Place<48>;

/// Hashes the keys of one table.
#[derive(Clone, Debug)]
struct TableHasher(KeyHasher);

impl TableHasher {
    #[inline]
    fn hash(&self, key: &[u8]) -> u64 {
        hash_key(&self.0, key)
    }
}

/// Where a record lies, until the table changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    block: u32,
    slot: u32,
}

/// A map from byte strings to byte strings, packed. An empty one allocates nothing.
#[derive(Clone, Debug)]
pub struct PackedTable {
    directory: Directory,
    hasher: TableHasher,
    len: usize,
}

impl PackedTable {
    /// An empty table, whose hashes depend on `seed`: it must be secret, and another one for each table.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { directory: Directory::default(), hasher: TableHasher(key_hasher(seed)), len: 0 }
    }

    /// Number of records.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no records.
    #[inline]
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Bytes allocated, the table itself not included. Complexity: O(1).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        self.directory.memory_bytes()
    }

    /// Where the record of `key` lies. Complexity: O(1).
    #[inline]
    #[must_use]
    pub fn find(&self, key: &[u8]) -> Option<Position> {
        self.find_hashed(self.hasher.hash(key), key)
    }

    #[inline]
    fn find_hashed(&self, hash: u64, key: &[u8]) -> Option<Position> {
        let block = self.directory.locate(Place::of(hash))?;
        let slot = self.directory.blocks.get(block).find(hash, key)?;
        Some(Position { block, slot })
    }

    /// Whether there is a record of `key`. Complexity: O(1).
    #[inline]
    #[must_use]
    pub fn contains(&self, key: &[u8]) -> bool {
        self.find(key).is_some()
    }

    /// The record of `key`. Complexity: O(1).
    #[inline]
    #[must_use]
    pub fn get(&self, key: &[u8]) -> Option<Record<'_>> {
        self.find(key).map(|position| self.record(position))
    }

    /// The record at `position`, which must be of this table as it is.
    #[inline]
    #[must_use]
    pub fn record(&self, position: Position) -> Record<'_> {
        self.directory.blocks.get(position.block).record(position.slot)
    }

    /// Adds `record` unless there is one of its key already; says whether it did.
    /// Complexity: O(1), and a copy of the directory when that doubles.
    #[inline]
    pub fn add(&mut self, record: &Record<'_>) -> bool {
        let hash = self.hasher.hash(record.key);
        let is_new = self.find_hashed(hash, record.key).is_none();
        if is_new {
            self.insert_new(hash, record);
        }
        is_new
    }

    /// Puts `record` in, in the place of that with its key if there is one; says whether the key is new.
    /// Complexity: as for [`PackedTable::add`].
    #[inline]
    pub fn insert(&mut self, record: &Record<'_>) -> bool {
        let hash = self.hasher.hash(record.key);
        let found = self.find_hashed(hash, record.key);
        match found {
            Some(position) => self.replace(position, hash, record),
            None => self.insert_new(hash, record),
        }
        found.is_none()
    }

    #[inline]
    fn insert_new(&mut self, hash: u64, record: &Record<'_>) {
        let block = self.directory.locate_room(Place::of(hash), record, &self.hasher);
        self.directory.change(block, |block| block.insert(hash, record));
        self.len += 1;
    }

    fn replace(&mut self, position: Position, hash: u64, record: &Record<'_>) {
        if !self.directory.blocks.get_mut(position.block).replace_in_place(position.slot, record) {
            self.directory.change(position.block, |block| block.remove(position.slot));
            self.len -= 1;
            self.insert_new(hash, record);
        }
    }

    /// Takes the record of `key` out; says whether there was one. Complexity: O(1).
    #[inline]
    pub fn remove(&mut self, key: &[u8]) -> bool {
        let found = self.find(key);
        if let Some(position) = found {
            self.remove_at(position);
        }
        found.is_some()
    }

    /// Takes the record at `position` out. Gives memory back as the table empties. Complexity: O(1).
    pub fn remove_at(&mut self, position: Position) {
        self.directory.change(position.block, |block| block.remove(position.slot));
        self.len -= 1;
        if self.len == 0 {
            self.directory = Directory::default();
        } else {
            self.directory.reduce(position.block);
        }
    }

    /// All records, in no particular order.
    pub fn iter(&self) -> impl Iterator<Item = Record<'_>> {
        self.directory.blocks.iter().flat_map(|block| block.slots().map(|slot| block.record(slot)))
    }

    /// The position of a record, each with equal probability; `None` if there are none. Complexity: O(1) expected.
    pub fn random(&self, mut random: impl FnMut() -> u64) -> Option<Position> {
        if self.len == 0 {
            return None;
        }
        // Blocks are chosen with equal probability and then a slot of the fullest one's count: so each record is as
        // likely as any other, however full its block is. Few tries miss.
        let blocks = &self.directory.blocks;
        let fullest = self.directory.fullest();
        loop {
            let number = random();
            let block = scale(number >> 32, blocks.len());
            let slot = scale(number & 0xFFFF_FFFF, fullest);
            if blocks.get(block).slots().contains(&slot) {
                return Some(Position { block, slot });
            }
        }
    }

    /// Prepares an empty table for `len` records. A hint: all else works without it.
    pub fn reserve(&mut self, len: usize) {
        if self.is_empty() {
            self.directory.reserve(len);
        }
    }

    /// Frees up to about `budget` allocations of a table that is no longer in use, and says how many: fewer than
    /// `budget` if nothing is left.
    pub fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(block) = self.directory.blocks.pop()
        {
            freed += block.allocations();
        }
        freed
    }

    /// About how many allocations it consists of. Complexity: O(1).
    #[must_use]
    pub fn allocations(&self) -> usize {
        self.directory.blocks.len()
    }
}

/// `number`, below 2^32, scaled to `0..range`.
fn scale(number: u64, range: usize) -> u32 {
    u32::try_from((u128::from(number) * range as u128) >> 32).expect("a table has fewer than 2^32 blocks")
}
