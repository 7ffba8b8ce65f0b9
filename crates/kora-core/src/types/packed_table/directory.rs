//! The blocks of a table and the directory that finds them.
//!
//! Numbers of blocks stay dense: when two blocks merge, the last one takes the free number.

use super::block::{Block, RECORDS_MAX};
use super::chunks::Chunks;
use super::record::Record;
use super::{Place, TableHasher};
use crate::extendible::Slots;

/// The blocks and how to find them.
#[derive(Clone, Debug, Default)]
pub(super) struct Directory {
    slots: Slots,
    pub(super) blocks: Chunks<Block>,
    /// No block has had more records.
    fullest: usize,
    /// Bytes allocated for the blocks' records.
    heap_bytes: usize,
}

impl Directory {
    /// The number of the block that owns `place`; `None` while there are no blocks.
    #[inline]
    pub(super) fn locate(&self, place: Place) -> Option<u32> {
        self.slots.locate(place)
    }

    /// The number of the block that owns `place` and has room for `record`, or can't be given any.
    #[inline]
    pub(super) fn locate_room(&mut self, place: Place, record: &Record<'_>, hasher: &TableHasher) -> u32 {
        loop {
            let number = self.locate(place).unwrap_or_else(|| self.create());
            let block = self.blocks.get(number);
            if !block.is_full_for(record) || !self.slots.may_split(block.depth.into(), self.blocks.len()) {
                return number;
            }
            self.split(number, hasher);
        }
    }

    #[cold]
    fn create(&mut self) -> u32 {
        *self = Self { slots: Slots::of_depth(0), ..Self::default() };
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
        self.heap_bytes + self.blocks.memory_bytes() + self.slots.memory_bytes()
    }

    /// Makes as many blocks as `len` records need. Only for a table without records.
    pub(super) fn reserve(&mut self, len: usize) {
        let blocks = (len / (RECORDS_MAX / 2)).clamp(1, 1 << 16);
        self.create();
        self.blocks.pop();
        let depth = blocks.ilog2();
        self.slots = Slots::of_depth(depth);
        for prefix in 0..1 << depth {
            self.blocks.push(Block::new(prefix, depth.to_le_bytes()[0]));
        }
    }

    /// Divides a block by the next bit of its places.
    #[cold]
    fn split(&mut self, number: u32, hasher: &TableHasher) {
        let block = std::mem::take(self.blocks.get_mut(number));
        let heap_bytes = block.heap_bytes();
        let halves = block.split(hasher);
        self.slots.split(halves[0].depth.into());
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
        let buddy = self.slots.buddy(block.prefix, block.depth.into())?;
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
        let Self { slots, blocks, .. } = self;
        slots.merged(depth.into(), || blocks.iter().map(|block| block.depth.into()));
    }

    /// Makes the slots of a block's prefix name it.
    fn point_to(&mut self, number: u32) {
        let &Block { prefix, depth, .. } = self.blocks.get(number);
        self.slots.point_to(number, prefix, depth.into());
    }

    /// Everything the directory promises.
    #[cfg(test)]
    pub(super) fn check(&self, hasher: &TableHasher) {
        self.slots.check(self.blocks.iter().map(|block| (block.prefix, block.depth.into())));
        for number in 0..u32::try_from(self.blocks.len()).expect("a test's table is small") {
            let block = self.blocks.get(number);
            for slot in block.slots() {
                let hash = block.hash(slot, hasher);
                assert_eq!(hash, hasher.hash(block.record(slot).key));
                assert_eq!(Place::of(hash).prefix(block.depth.into()), u64::from(block.prefix));
                assert_eq!(block.find(hash, block.record(slot).key), Some(slot));
            }
        }
        assert_eq!(self.blocks.iter().map(Block::heap_bytes).sum::<usize>(), self.heap_bytes);
        assert!(self.blocks.iter().all(|block| block.len() <= self.fullest()));
    }
}

fn last(blocks: &Chunks<Block>) -> u32 {
    u32::try_from(blocks.len() - 1).expect("fewer blocks than slots, below 2^31")
}
