//! The blocks of a table and the directory that finds them.
//!
//! Directory slots hold block numbers, not pointers, so that this file is safe code; numbers stay dense: when two blocks
//! merge, the last one takes the free number.

use super::block::{Block, RECORDS_MAX};
use super::chunks::Chunks;
use super::record::Record;
use super::{Place, TableHasher};

/// Most bits of a place that the directory looks at.
const DEPTH_MAX: u8 = 31;
/// A split may double the directory only while it has fewer slots than this per block. Hashes spread evenly never
/// come near; keys chosen to collide fill side lists instead of making the directory fill the memory.
const SLOTS_PER_BLOCK: usize = 32;

/// The blocks and how to find them.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    /// Block numbers, by the top `depth` bits of a place.
    slots: Vec<u32>,
    pub(super) blocks: Chunks<Block>,
    depth: u8,
    /// How many blocks need all `depth` bits.
    deepest_count: usize,
    /// No block has had more records.
    fullest: usize,
    /// Bytes allocated for the blocks' records.
    heap_bytes: usize,
}

impl Directory {
    /// The number of the block that owns `place`; `None` while there are no blocks.
    #[inline]
    pub(super) fn locate(&self, place: Place) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "a prefix has at most DEPTH_MAX bits")]
        self.slots.get(place.prefix(self.depth.into()) as usize).copied()
    }

    /// The number of the block that owns `place` and has room for `record`, or can't be given any.
    #[inline]
    pub(super) fn locate_room(&mut self, place: Place, record: &Record<'_>, hasher: &TableHasher) -> u32 {
        loop {
            let number = self.locate(place).unwrap_or_else(|| self.create());
            let block = self.blocks.get(number);
            if !block.is_full_for(record) || !self.may_split(block) {
                return number;
            }
            self.split(number, hasher);
        }
    }

    #[cold]
    fn create(&mut self) -> u32 {
        *self = Self { slots: vec![0], deepest_count: 1, ..Self::default() };
        self.blocks.push(Block::new(0, 0));
        0
    }

    /// Changes a block, and keeps account of its memory.
    #[inline]
    pub(super) fn change<T>(&mut self, number: u32, change: impl FnOnce(&mut Block) -> T) -> T {
        let block = self.blocks.get_mut(number);
        let before = block.heap_bytes();
        let result = change(block);
        self.heap_bytes = self.heap_bytes + block.heap_bytes() - before;
        self.fullest = self.fullest.max(block.len());
        result
    }

    /// Records of the fullest block, or more.
    pub(super) fn fullest(&self) -> usize {
        if self.blocks.len() == 1 { self.blocks.get(0).len() } else { self.fullest }
    }

    /// Bytes of directory and blocks.
    pub(super) fn memory_bytes(&self) -> usize {
        self.heap_bytes + self.blocks.memory_bytes() + self.slots.capacity() * size_of::<u32>()
    }

    /// Makes as many blocks as `len` records need. Only for a table without records.
    pub(super) fn reserve(&mut self, len: usize) {
        let blocks = (len / (RECORDS_MAX / 2)).clamp(1, 1 << 16);
        self.create();
        self.blocks.pop();
        self.depth = blocks.ilog2().to_le_bytes()[0];
        self.deepest_count = 1 << self.depth;
        self.slots = (0..1 << self.depth).collect();
        for prefix in 0..1 << self.depth {
            self.blocks.push(Block::new(prefix, self.depth));
        }
    }

    fn may_split(&self, block: &Block) -> bool {
        let is_sparse = self.slots.len() >= SLOTS_PER_BLOCK * self.blocks.len();
        block.depth < self.depth || (block.depth < DEPTH_MAX && !is_sparse)
    }

    /// Divides a block by the next bit of its places.
    #[cold]
    fn split(&mut self, number: u32, hasher: &TableHasher) {
        let block = std::mem::take(self.blocks.get_mut(number));
        let heap_bytes = block.heap_bytes();
        let halves = block.split(hasher);
        let depth = halves[0].depth;
        if depth > self.depth {
            self.slots = self.slots.iter().flat_map(|&slot| [slot, slot]).collect();
            self.depth = depth;
            self.deepest_count = 0;
        }
        self.deepest_count += if depth == self.depth { 2 } else { 0 };
        let added: usize = halves.iter().map(Block::heap_bytes).sum();
        self.heap_bytes = self.heap_bytes + added - heap_bytes;
        let [low, high] = halves;
        *self.blocks.get_mut(number) = low;
        self.blocks.push(high);
        self.point_to(number);
        self.point_to(last(&self.blocks));
    }

    /// Gives memory back after a block lost a record: merges it with its buddy, the block that differs in the last bit
    /// of the prefix, and what came of that with its own.
    #[inline]
    pub(super) fn reduce(&mut self, number: u32) {
        if self.blocks.get(number).is_sparse() {
            self.reduce_sparse(number);
        }
    }

    #[cold]
    fn reduce_sparse(&mut self, mut number: u32) {
        while let Some(buddy) = self.mergeable_buddy(number) {
            self.merge(number, buddy);
            number = number.min(buddy);
        }
    }

    fn mergeable_buddy(&self, number: u32) -> Option<u32> {
        let block = self.blocks.get(number);
        if block.depth == 0 {
            return None;
        }
        let buddy = self.slots[(block.prefix as usize ^ 1) << (self.depth - block.depth)];
        block.may_merge_with(self.blocks.get(buddy)).then_some(buddy)
    }

    fn merge(&mut self, first: u32, second: u32) {
        let (number, freed) = (first.min(second), first.max(second));
        let [one, two] = [number, freed].map(|number| std::mem::take(self.blocks.get_mut(number)));
        let heap_bytes = one.heap_bytes() + two.heap_bytes();
        let merged = one.merge(two);
        let depth = merged.depth;
        self.heap_bytes = self.heap_bytes + merged.heap_bytes() - heap_bytes;
        *self.blocks.get_mut(number) = merged;
        self.point_to(number);
        self.blocks.swap_remove(freed);
        if (freed as usize) < self.blocks.len() {
            self.point_to(freed);
        }
        if depth + 1 == self.depth {
            self.deepest_count -= 2;
            while self.deepest_count == 0 {
                self.halve();
            }
        }
    }

    /// Makes the slots of a block's prefix name it.
    fn point_to(&mut self, number: u32) {
        let &Block { prefix, depth, .. } = self.blocks.get(number);
        let shift = self.depth - depth;
        self.slots[(prefix as usize) << shift..(prefix as usize + 1) << shift].fill(number);
    }

    /// Gives up the last bit of the directory, which no block needs.
    fn halve(&mut self) {
        self.slots = self.slots.iter().copied().step_by(2).collect();
        self.depth -= 1;
        self.deepest_count = self.blocks.iter().filter(|block| block.depth == self.depth).count();
    }

    /// Everything the directory promises.
    #[cfg(test)]
    pub(super) fn check(&self, hasher: &TableHasher) {
        let mut owned = vec![false; self.slots.len()];
        for number in 0..u32::try_from(self.blocks.len()).expect("a test's table is small") {
            let block = self.blocks.get(number);
            let shift = self.depth - block.depth;
            let range = (block.prefix as usize) << shift..(block.prefix as usize + 1) << shift;
            assert!(self.slots[range.clone()].iter().all(|&slot| slot == number));
            assert!(
                owned[range].iter_mut().all(|owned| !std::mem::replace(owned, true)),
                "blocks do not overlap"
            );
            for slot in block.slots() {
                let hash = block.hash(slot, hasher);
                assert_eq!(hash, hasher.hash(block.record(slot).key));
                assert_eq!(Place::of(hash).prefix(block.depth.into()), u64::from(block.prefix));
                assert_eq!(block.find(hash, block.record(slot).key), Some(slot));
            }
        }
        assert!(owned.into_iter().all(|owned| owned), "every place has a block");
        assert_eq!(self.blocks.iter().filter(|block| block.depth == self.depth).count(), self.deepest_count);
        assert_eq!(self.blocks.iter().map(Block::heap_bytes).sum::<usize>(), self.heap_bytes);
        assert!(self.blocks.iter().all(|block| block.len() <= self.fullest()));
    }
}

fn last(blocks: &Chunks<Block>) -> u32 {
    u32::try_from(blocks.len() - 1).expect("fewer blocks than slots, below 2^31")
}
