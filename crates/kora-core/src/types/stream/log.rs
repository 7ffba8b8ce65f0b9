//! The entries of a stream, in blocks by ID.
//!
//! Blocks stand in a B-tree under the ID that each was made for, so that finding an entry, adding one and taking the
//! oldest block away are O(log n). Only the last block grows; the others hold no memory in reserve.
//!
//! Invariants: IDs ascend within and across blocks, and none is above `last_id`; no block but the last is without
//! entries that are not deleted; `length` is the number of those in all blocks.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::block::{Block, BlockLimits, BlockSummary, Corrupt, Entry};
use super::id::StreamId;
use super::range::Range;

/// Bytes of a block beside its listpack: its place in a B-tree whose nodes are about two thirds full.
const BLOCK_PLACE_BYTES: usize = (size_of::<StreamId>() + size_of::<Block>()) * 3 / 2;

/// The entries of a stream.
#[derive(Clone, Debug, Default)]
pub struct Log {
    pub(super) blocks: BTreeMap<StreamId, Block>,
    pub(super) length: u64,
    last_id: StreamId,
    max_deleted_id: StreamId,
    entries_added: u64,
}

impl Log {
    /// Number of entries.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.length
    }

    /// Whether there are no entries. There may have been some.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.length == 0
    }

    /// The ID that a new entry must be above: that of the last entry ever added, or what was set.
    #[must_use]
    pub fn last_id(&self) -> StreamId {
        self.last_id
    }

    /// The highest ID of an entry that was deleted by itself, not by trimming; 0-0 if there was none.
    #[must_use]
    pub fn max_deleted_id(&self) -> StreamId {
        self.max_deleted_id
    }

    /// Entries ever added.
    #[must_use]
    pub fn entries_added(&self) -> u64 {
        self.entries_added
    }

    /// Sets what is told of the past. The caller has checked it against the entries.
    pub fn set_past(&mut self, last_id: StreamId, max_deleted_id: StreamId, entries_added: u64) {
        self.last_id = last_id;
        self.max_deleted_id = max_deleted_id;
        self.entries_added = entries_added;
    }

    /// The ID of the first entry, if there is one.
    /// Complexity: O(1), but for tombstones in the first block.
    #[must_use]
    pub fn first_id(&self) -> Option<StreamId> {
        self.range(StreamId::MIN, StreamId::MAX).next().map(|entry| entry.id)
    }

    /// The ID of the last entry that is still there.
    /// Complexity: as [`Log::first_id`].
    #[must_use]
    pub fn last_entry_id(&self) -> Option<StreamId> {
        self.range(StreamId::MIN, StreamId::MAX).next_back().map(|entry| entry.id)
    }

    /// Entries from `start` to `end`, both included, from either end.
    #[must_use]
    pub fn range(&self, start: StreamId, end: StreamId) -> Range<'_> {
        Range::new(self, start, end)
    }

    /// The entry `id`, if it is there.
    /// Complexity: O(log n).
    #[must_use]
    pub fn get(&self, id: StreamId) -> Option<Entry<'_>> {
        let (&base, block) = self.blocks.range(..=id).next_back()?;
        block.find(base, id)
    }

    /// Number of entries from `start` to `end`, or `limit` if there are more.
    /// Complexity: O(log n + blocks up to the limit).
    #[must_use]
    pub fn count(&self, start: StreamId, end: StreamId, limit: u64) -> u64 {
        let mut count = 0;
        let mut blocks = self.blocks_from(start, end).peekable();
        while let Some((&base, block)) = blocks.next()
            && count < limit
        {
            // Blocks behind this one begin within the range: so all of it is.
            let is_inside = base >= start && blocks.peek().is_some();
            count += if is_inside {
                block.live()
            } else {
                let is_counted =
                    |entry: &Entry<'_>| !entry.is_deleted() && entry.id >= start && entry.id <= end;
                block.walk(base).filter(is_counted).count() as u64
            };
        }
        count.min(limit)
    }

    /// The blocks that entries from `start` to `end` are in.
    pub(super) fn blocks_from(
        &self,
        start: StreamId,
        end: StreamId,
    ) -> std::collections::btree_map::Range<'_, StreamId, Block> {
        let first = self.blocks.range(..=start).next_back().map_or(start, |(&base, _)| base);
        // A range that ends before it begins is empty, and a panic of the map.
        self.blocks.range(first..=end.max(first))
    }

    /// Adds an entry, fields and values in turn. Its ID must be above [`Log::last_id`].
    /// Complexity: O(log n + bytes of the entry), and O(bytes of a block) when one is full.
    pub fn append(&mut self, id: StreamId, pairs: &[&[u8]], limits: BlockLimits) {
        debug_assert!(id > self.last_id, "IDs ascend");
        let element_bytes: usize = pairs.iter().map(|text| text.len()).sum();
        match self.blocks.last_entry() {
            Some(mut last) if !last.get().is_full(element_bytes, limits) => {
                let base = *last.key();
                let block = last.get_mut();
                block.append(base, id, pairs);
                if block.is_full(0, limits) {
                    block.close();
                }
            }
            last => {
                if let Some(mut last) = last {
                    if last.get().live() == 0 {
                        last.remove();
                    } else {
                        last.get_mut().close();
                    }
                }
                let mut block = Block::new(pairs);
                block.append(id, id, pairs);
                self.blocks.insert(id, block);
            }
        }
        self.length += 1;
        self.entries_added += 1;
        self.last_id = id;
    }

    /// Deletes the entry `id`; whether it was there.
    /// Complexity: O(log n + bytes of a block).
    pub fn delete(&mut self, id: StreamId) -> bool {
        let Some((&base, block)) = self.blocks.range_mut(..=id).next_back() else { return false };
        if block.find(base, id).is_none() {
            return false;
        }
        if block.live() == 1 {
            self.blocks.remove(&base);
        } else {
            block.delete_where(base, |entry| if entry > id { None } else { Some(entry == id) });
        }
        self.length -= 1;
        self.max_deleted_id = self.max_deleted_id.max(id);
        true
    }

    /// Blocks with their IDs, as a snapshot stores them.
    pub fn blocks(&self) -> impl Iterator<Item = (StreamId, &[u8])> {
        self.blocks.iter().map(|(&base, block)| (base, block.bytes()))
    }

    /// Number of blocks that have entries which are not deleted. Only the last block may have none.
    pub(crate) fn live_block_count(&self) -> usize {
        let is_last_dead = self.blocks.last_key_value().is_some_and(|(_, block)| block.live() == 0);
        self.blocks.len() - usize::from(is_last_dead)
    }

    /// Those of them that come behind the block `last`, all if there is none.
    pub(crate) fn live_blocks_behind(
        &self,
        last: Option<StreamId>,
    ) -> impl Iterator<Item = (StreamId, &[u8])> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let blocks = self.blocks.range((start, Bound::Unbounded)).filter(|(_, block)| block.live() > 0);
        blocks.map(|(&base, block)| (base, block.bytes()))
    }

    /// Adds a block that a snapshot stored, behind all others; one whose entries are all deleted only counts as having
    /// been there.
    ///
    /// # Errors
    /// If the bytes are not a block, hold nothing, or do not come after those added before.
    pub fn add_block(&mut self, base: StreamId, bytes: &[u8]) -> Result<BlockSummary, Corrupt> {
        let summary = super::block::check(base, bytes)?;
        let is_behind = self.blocks.last_key_value().is_none_or(|(&last, block)| base > block.last_id(last));
        let (Some((_, last_id)), true) = (summary.ids, is_behind) else { return Err(Corrupt) };
        self.length = self.length.checked_add(summary.live).ok_or(Corrupt)?;
        self.last_id = self.last_id.max(last_id);
        if summary.live > 0 {
            self.blocks.insert(base, Block::from_bytes(bytes));
        }
        Ok(summary)
    }

    /// Bytes allocated for it, itself not included.
    pub(super) fn memory_bytes(&self) -> usize {
        self.blocks.values().map(|block| block.capacity() + BLOCK_PLACE_BYTES).sum()
    }

    /// Frees up to `budget` blocks of a log that is not used any more, and says how many.
    pub(super) fn free_some(&mut self, budget: usize) -> usize {
        (0..budget).take_while(|_| self.blocks.pop_first().is_some()).count()
    }
}
