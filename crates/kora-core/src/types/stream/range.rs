//! Entries between two IDs, from either end.

use std::collections::btree_map;

use super::block::{Block, Entry, Walk};
use super::id::StreamId;
use super::log::Log;

/// Entries from one ID to another, both included, without tombstones.
#[derive(Clone, Debug)]
pub struct Range<'a> {
    blocks: btree_map::Range<'a, StreamId, Block>,
    front: Option<Walk<'a>>,
    back: Option<Walk<'a>>,
    start: StreamId,
    end: StreamId,
}

impl<'a> Range<'a> {
    pub(super) fn new(log: &'a Log, start: StreamId, end: StreamId) -> Self {
        Self { blocks: log.blocks_from(start, end), front: None, back: None, start, end }
    }

    fn contains(&self, entry: &Entry<'_>) -> bool {
        !entry.is_deleted() && self.start <= entry.id && entry.id <= self.end
    }
}

impl<'a> Iterator for Range<'a> {
    type Item = Entry<'a>;

    fn next(&mut self) -> Option<Entry<'a>> {
        loop {
            if self.front.is_none() {
                self.front = match self.blocks.next() {
                    Some((&base, block)) => Some(block.walk(base)),
                    None => self.back.take(),
                };
            }
            match self.front.as_mut()?.next() {
                Some(entry) if self.contains(&entry) => return Some(entry),
                // IDs ascend: nothing behind it is within the range.
                Some(entry) if entry.id > self.end => {
                    self.start = StreamId::MAX;
                    self.end = StreamId::MIN;
                    return None;
                }
                Some(_) => {}
                None => self.front = None,
            }
        }
    }
}

impl DoubleEndedIterator for Range<'_> {
    fn next_back(&mut self) -> Option<Self::Item> {
        loop {
            if self.back.is_none() {
                self.back = match self.blocks.next_back() {
                    Some((&base, block)) => Some(block.walk(base)),
                    None => self.front.take(),
                };
            }
            match self.back.as_mut()?.next_back() {
                Some(entry) if self.contains(&entry) => return Some(entry),
                Some(entry) if entry.id < self.start => {
                    self.start = StreamId::MAX;
                    self.end = StreamId::MIN;
                    return None;
                }
                Some(_) => {}
                None => self.back = None,
            }
        }
    }
}
