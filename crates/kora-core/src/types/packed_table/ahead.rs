//! Fetching the memory of look-ups ahead.
//!
//! A look-up in a large table misses the cache for the block, for its index and for the record, one after the other. Where several
//! look-ups are known before the first is made, each of these waits is one for all of them.

use super::{PackedTable, Place};
use crate::entry::object::Ahead;
use crate::table::prefetch;

/// A table of fewer blocks lies in the nearer caches as a whole: with twenty records of some thirty bytes each, in a few hundred KiB.
const BLOCKS_MIN: usize = 256;

impl PackedTable {
    /// Begins a look-up of `key`, unless the table is small.
    #[inline]
    pub(crate) fn fetch_ahead(&self, key: &[u8]) -> Option<Ahead> {
        let blocks = &self.directory.blocks;
        if blocks.len() < BLOCKS_MIN {
            return None;
        }
        let hash = self.hasher.hash(key);
        let at = self.directory.locate(Place::of(hash))?;
        prefetch::line(blocks.get(at));
        Some(Ahead { hash, at })
    }

    /// Goes on with it: the block's index, then the records.
    #[inline]
    pub(crate) fn fetch_further(&self, ahead: Ahead, step: usize) {
        let block = self.directory.blocks.get(ahead.at);
        if step == 0 { block.prefetch_index() } else { block.prefetch_records(ahead.hash) }
    }
}
