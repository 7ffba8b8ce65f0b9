//! In which documents a word or value occurs: blocks of document numbers, each number as the distance from the one before it, with what a
//! [`Layout`] says is kept beside it.
//!
//! Numbers only grow, so what is new is appended to the last block. A document that goes is counted out of its block; once half of a block is
//! gone, the block is written anew without what is gone, and joined with the one before it if both are small. So garbage is never more than the
//! rest, and a removal costs O(1) writes on average.
//!
//! Invariants: `first <= last` of each block, and each block's `last` is less than the next one's `first`; `live` is the sum of the blocks' `live`,
//! none of which is 0.

mod cursor;
#[cfg(test)]
mod tests;

use smallvec::SmallVec;

pub(crate) use cursor::Cursor;

use crate::varint;

/// Entries in a block at most.
const BLOCK_ENTRIES_MAX: u16 = 128;
/// A block with more bytes than this is full.
const BLOCK_BYTES_MAX: usize = 1024;
/// Two neighbours with so many entries together become one.
const JOINED_ENTRIES_MAX: u16 = 64;
/// Past every document's number.
pub(crate) const END: u32 = u32::MAX;

/// What is kept with each document.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    /// How often the word occurs.
    pub(crate) frequencies: bool,
    /// Which fields it occurs in.
    pub(crate) fields: bool,
    /// Where it occurs.
    pub(crate) positions: bool,
}

impl Layout {
    /// Numbers of documents alone.
    pub(crate) const BARE: Self = Self { frequencies: false, fields: false, positions: false };

    /// Whether an entry has more than its number.
    fn has_more(self) -> bool {
        self.frequencies || self.positions
    }
}

/// One document's entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    /// Its number.
    pub(crate) document: u32,
    /// How often the word occurs, fields' weights included.
    pub(crate) frequency: u32,
    /// The fields, one bit each.
    pub(crate) fields: u128,
    /// The positions, as distances.
    pub(crate) positions: &'a [u8],
}

/// What no entry of a block is better than. No score in the block is above the one that follows from these.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Best {
    /// The greatest frequency; `u16::MAX` stands for that and all greater ones.
    pub(crate) frequency_max: u16,
    /// The least length of a document, or less.
    pub(crate) length_min: u16,
}

impl Best {
    /// What nothing is better than.
    const LEAST: Self = Self { frequency_max: 0, length_min: u16::MAX };

    /// The best of two.
    fn or(self, other: Self) -> Self {
        Self {
            frequency_max: self.frequency_max.max(other.frequency_max),
            length_min: self.length_min.min(other.length_min),
        }
    }

    fn of(frequency: u32, length: u32) -> Self {
        let short = |number: u32| u16::try_from(number).unwrap_or(u16::MAX);
        Self { frequency_max: short(frequency), length_min: short(length) }
    }
}

#[derive(Clone, Debug)]
struct Block {
    first: u32,
    last: u32,
    count: u16,
    live: u16,
    best: Best,
    bytes: SmallVec<[u8; 16]>,
}

/// The documents of one word or value.
#[derive(Clone, Debug, Default)]
pub(crate) struct Postings {
    blocks: SmallVec<[Block; 1]>,
    live: u32,
}

impl Postings {
    /// Documents that it holds and that were not removed. Complexity: O(1).
    pub(crate) fn live(&self) -> u32 {
        self.live
    }

    /// Number of blocks.
    pub(crate) fn block_count(&self) -> usize {
        self.blocks.len()
    }

    /// Appends a document, whose number must be greater than all before it. Returns by how much it grew on the heap.
    ///
    /// `length` is that of the document, in words. Complexity: O(size of the entry) on average.
    pub(crate) fn push(&mut self, layout: Layout, entry: &Entry<'_>, length: u32) -> isize {
        let before = self.spilled_bytes() + self.blocks.last().map_or(0, Block::spilled_bytes);
        let mut sealed = 0;
        let is_full = self.blocks.last().is_none_or(Block::is_full);
        if is_full {
            if let Some(full) = self.blocks.last_mut() {
                full.bytes.shrink_to_fit();
                sealed = full.spilled_bytes();
            }
            self.blocks.push(Block::new(entry.document));
        }
        let block = self.blocks.last_mut().expect("one was pushed if there was none");
        block.push(layout, entry);
        block.best = block.best.or(Best::of(entry.frequency, length));
        let after = block.spilled_bytes();
        self.live += 1;
        change(before, self.spilled_bytes() + sealed + after)
    }

    /// Takes out a document that is there. `is_gone` tells which documents have been taken out, this one included. Returns by how much it grew on the
    /// heap: less than nothing, mostly.
    ///
    /// Complexity: O(log blocks), and O(entries of a block) each time half of a block is gone.
    pub(crate) fn remove(&mut self, layout: Layout, document: u32, is_gone: impl Fn(u32) -> bool) -> isize {
        let at = self.blocks.partition_point(|block| block.last < document);
        let near = at.saturating_sub(1)..at + 1;
        let before = self.spilled_bytes() + self.near_bytes(near.clone());
        let length = self.blocks.len();
        let Some(block) = self.blocks.get_mut(at).filter(|block| block.first <= document) else { return 0 };
        block.live -= 1;
        self.live -= 1;
        if block.live == 0 {
            self.blocks.remove(at);
            self.blocks.shrink_to_fit();
        } else if block.live * 2 <= block.count {
            self.rewrite(layout, at, is_gone);
        }
        let near = near.start..near.end - (length - self.blocks.len()).min(near.len());
        change(before, self.spilled_bytes() + self.near_bytes(near))
    }

    fn near_bytes(&self, near: std::ops::Range<usize>) -> usize {
        self.blocks.iter().take(near.end).skip(near.start).map(Block::spilled_bytes).sum()
    }

    fn spilled_bytes(&self) -> usize {
        if self.blocks.spilled() { self.blocks.capacity() * size_of::<Block>() } else { 0 }
    }

    fn rewrite(&mut self, layout: Layout, at: usize, is_gone: impl Fn(u32) -> bool) {
        let joins = at > 0 && self.blocks[at - 1].live + self.blocks[at].live <= JOINED_ENTRIES_MAX;
        let start = if joins { at - 1 } else { at };
        let mut written: Option<Block> = None;
        let mut best = Best::LEAST;
        for block in &self.blocks[start..=at] {
            best = best.or(block.best);
            let mut entries = block.entries(layout);
            while let Some(entry) = entries.next() {
                if !is_gone(entry.document) {
                    written.get_or_insert_with(|| Block::new(entry.document)).push(layout, &entry);
                }
            }
        }
        if joins {
            self.blocks.remove(at);
        }
        match written {
            Some(mut block) => {
                block.bytes.shrink_to_fit();
                // What is gone may have been the best: then no entry is as good, which does no harm.
                block.best = best;
                self.blocks[start] = block;
            }
            None => {
                self.blocks.remove(start);
            }
        }
    }

    /// Bytes on the heap: the sum of all growth. Complexity: O(blocks).
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        self.spilled_bytes() + self.blocks.iter().map(Block::spilled_bytes).sum::<usize>()
    }

    /// Bytes that positions take.
    pub(crate) fn position_bytes(&self, layout: Layout) -> usize {
        let mut total = 0;
        for block in &self.blocks {
            let mut entries = block.entries(layout);
            while let Some(entry) = entries.next() {
                total += entry.positions.len();
            }
        }
        total
    }

    /// Reads from the first document on.
    pub(crate) fn cursor(&self, layout: Layout) -> Cursor<'_> {
        Cursor::new(&self.blocks, layout)
    }
}

impl Block {
    fn new(first: u32) -> Self {
        Self { first, last: first, count: 0, live: 0, best: Best::LEAST, bytes: SmallVec::new() }
    }

    fn spilled_bytes(&self) -> usize {
        if self.bytes.spilled() { self.bytes.capacity() } else { 0 }
    }

    fn is_full(&self) -> bool {
        self.count >= BLOCK_ENTRIES_MAX || self.bytes.len() >= BLOCK_BYTES_MAX
    }

    fn push(&mut self, layout: Layout, entry: &Entry<'_>) {
        let distance = u128::from(entry.document - self.last);
        self.last = entry.document;
        self.count += 1;
        self.live += 1;
        if layout.has_more() {
            let is_simple = entry.frequency == 1 && is_one_position(entry.positions) == layout.positions;
            varint::write(&mut self.bytes, distance << 1 | u128::from(is_simple));
            if !is_simple {
                if layout.frequencies {
                    varint::write(&mut self.bytes, u128::from(entry.frequency));
                }
                if layout.positions {
                    varint::write(&mut self.bytes, entry.positions.len() as u128);
                }
            }
        } else {
            varint::write(&mut self.bytes, distance);
        }
        if layout.fields {
            varint::write(&mut self.bytes, entry.fields);
        }
        if layout.positions {
            self.bytes.extend_from_slice(entry.positions);
        }
    }

    fn entries(&self, layout: Layout) -> Entries<'_> {
        Entries { reader: varint::Reader::new(&self.bytes), layout, document: self.first }
    }
}

/// Growth from one count of bytes to another.
pub(crate) fn change(before: usize, after: usize) -> isize {
    after.cast_signed() - before.cast_signed()
}

/// Whether these are one position: a single number.
fn is_one_position(positions: &[u8]) -> bool {
    positions
        .split_last()
        .is_some_and(|(last, before)| *last < 0x80 && before.iter().all(|byte| *byte >= 0x80))
}

/// Decodes a block.
#[derive(Clone, Copy, Debug)]
struct Entries<'a> {
    reader: varint::Reader<'a>,
    layout: Layout,
    document: u32,
}

impl<'a> Entries<'a> {
    #[inline]
    fn next(&mut self) -> Option<Entry<'a>> {
        self.next_from(0, u128::MAX)
    }

    /// The next entry of a document from `target` on that is in one of these fields.
    #[inline]
    fn next_from(&mut self, target: u32, wanted: u128) -> Option<Entry<'a>> {
        let layout = self.layout;
        let mut reader = self.reader;
        while !reader.is_done() {
            let (mut frequency, mut positions_length) = (1, None);
            if layout.has_more() {
                let head = reader.read();
                self.document = self.document.wrapping_add(u32::try_from(head >> 1).unwrap_or(0));
                if head & 1 == 0 {
                    if layout.frequencies {
                        frequency = reader.read32();
                    }
                    if layout.positions {
                        positions_length = Some(reader.read_length());
                    }
                }
            } else {
                self.document = self.document.wrapping_add(reader.read32());
            }
            let fields = if layout.fields { reader.read_wide() } else { u128::MAX };
            let positions = match (layout.positions, positions_length) {
                (false, _) => &[],
                (true, Some(length)) => reader.take(length),
                (true, None) => reader.take_one(),
            };
            if self.document >= target && fields & wanted != 0 {
                self.reader = reader;
                return Some(Entry { document: self.document, frequency, fields, positions });
            }
        }
        self.reader = reader;
        None
    }
}
