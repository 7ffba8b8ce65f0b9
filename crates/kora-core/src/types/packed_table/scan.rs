//! Going through a table piecemeal, while it grows and shrinks in between.
//!
//! A cursor is a place: all records before it were visited, none behind it. A block owns a range of places, so a step
//! visits what a block has from the cursor on and moves the cursor to the first place of the next block. A record's place
//! never changes. Hence each record that is present throughout is visited exactly once.

use super::record::Record;
use super::{PackedTable, Place, Position};

/// Blocks that a scan passes for each record it was asked for: bounds a step through an emptied table.
const BLOCKS_PER_RECORD: usize = 10;

impl PackedTable {
    /// Visits records from `cursor` on, 0 to begin, until at least `count` were visited. Returns the next cursor, below
    /// 2^48; 0 at the end. Complexity: O(count).
    pub fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(Record<'_>)) -> u64 {
        let mut from = Place::at(cursor);
        let mut visited = 0;
        for _ in 0..count.saturating_mul(BLOCKS_PER_RECORD).max(1) {
            let Some(number) = self.block_from(from) else { return 0 };
            let block = self.directory.blocks.get(number);
            // The cursor may point into a block that has grown by a merge.
            let is_whole = block.first_place() == from;
            for slot in block.slots() {
                if is_whole || Place::of(block.hash(slot, &self.hasher)) >= from {
                    visited += 1;
                    visit(block.record(slot));
                }
            }
            from = block.end_place();
            if visited >= count {
                break;
            }
        }
        from.cursor()
    }

    /// A cursor from which a scan meets the record of `key` at once, whether it is there yet or not.
    #[must_use]
    pub fn cursor_of(&self, key: &[u8]) -> u64 {
        Place::of(self.hasher.hash(key)).cursor()
    }

    /// A record whose key has this [cursor](PackedTable::cursor_of) and that is wanted. Complexity: O(1).
    #[must_use]
    pub fn find_at(&self, cursor: u64, is_wanted: impl Fn(Record<'_>) -> bool) -> Option<Position> {
        let place = Place::at(cursor);
        let number = self.block_from(place)?;
        let block = self.directory.blocks.get(number);
        let mut slots = block.slots();
        let slot = slots.find(|&slot| {
            is_wanted(block.record(slot)) && Place::of(block.hash(slot, &self.hasher)) == place
        })?;
        Some(Position { block: number, slot })
    }

    /// The block of a place; `None` behind the last one and in an empty table.
    fn block_from(&self, place: Place) -> Option<u32> {
        if place.is_in_table() { self.directory.locate(place) } else { None }
    }
}
