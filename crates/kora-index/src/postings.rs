//! In which documents a word or value occurs: blocks of document numbers, each number as the distance from the one before it, with what a
//! [`Layout`] says is kept beside it.
//!
//! Numbers only grow, so what is new is appended to the last block. A document that goes is counted out of its block; once half of a block is
//! gone, the block is written anew without what is gone, and joined with the one before it if both are small. So garbage is never more than the
//! rest, and a removal costs O(1) writes on average.
//!
//! A block that takes no more entries is written in another form ([`full`]): numbers stand before frequencies and positions, so that a search that looks for
//! few of its documents reads the others' numbers only.
//!
//! Invariants: `first <= last` of each block, and each block's `last` is less than the next one's `first`; `live` is the sum of the blocks' `live`,
//! none of which is 0.

mod cursor;
mod entries;
mod full;
#[cfg(test)]
mod tests;
mod window;

use smallvec::SmallVec;

pub(crate) use cursor::Cursor;
use entries::Entries;
use full::Full;
pub(crate) use window::{Marks, Numbers, WINDOW_WORDS, Window, Within};

use crate::varint;

/// Entries in a block at most.
const BLOCK_ENTRIES_MAX: u8 = 128;
/// A block with more bytes than this is full.
const BLOCK_BYTES_MAX: usize = 1024;
/// Numbers that a block has at most.
const BLOCK_NUMBERS: usize = BLOCK_ENTRIES_MAX as usize;
/// Two neighbours with so many entries together become one.
const JOINED_ENTRIES_MAX: u8 = 64;
/// A block that is written anew with fewer entries stays as it is.
const FULL_ENTRIES_MIN: u8 = 16;
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
    count: u8,
    live: u8,
    /// The fields of the last entry, if they are few; 0: others.
    last_fields: u8,
    /// It takes no more entries, and has the form of such.
    is_full: bool,
    best: Best,
    bytes: SmallVec<[u8; 16]>,
}

/// The documents of one word or value. A single one lies here; a name or number that is in one document is the most common kind of word.
#[derive(Clone, Debug, Default)]
pub(crate) enum Postings {
    /// None.
    #[default]
    Empty,
    /// One whose entry is small.
    One(One),
    /// Several.
    Many(Box<Many>),
}

/// A small entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct One {
    document: u32,
    best: Best,
    frequency: u8,
    fields: u8,
    positions_length: u8,
    positions: [u8; ONE_POSITIONS_MAX],
}

/// Bytes of positions that [`One`] has room for.
const ONE_POSITIONS_MAX: usize = 5;

/// Blocks of entries.
#[derive(Clone, Debug, Default)]
pub(crate) struct Many {
    blocks: SmallVec<[Block; 1]>,
    live: u32,
}

impl One {
    fn new(layout: Layout, entry: &Entry<'_>, length: u32) -> Option<Self> {
        let given = if layout.positions { entry.positions } else { &[] };
        let mut positions = [0; ONE_POSITIONS_MAX];
        positions.get_mut(..given.len())?.copy_from_slice(given);
        Some(Self {
            document: entry.document,
            best: Best::of(entry.frequency, length),
            frequency: if layout.frequencies { u8::try_from(entry.frequency).ok()? } else { 1 },
            fields: if layout.fields { u8::try_from(entry.fields).ok()? } else { 0 },
            positions_length: u8::try_from(given.len()).ok()?,
            positions,
        })
    }

    fn entry(&self, layout: Layout) -> Entry<'_> {
        Entry {
            document: self.document,
            frequency: self.frequency.into(),
            fields: if layout.fields { self.fields.into() } else { u128::MAX },
            positions: &self.positions[..self.positions_length.into()],
        }
    }
}

impl Postings {
    /// Documents that it holds and that were not removed. Complexity: O(1).
    pub(crate) fn live(&self) -> u32 {
        match self {
            Self::Empty => 0,
            Self::One(_) => 1,
            Self::Many(many) => many.live,
        }
    }

    fn blocks(&self) -> &[Block] {
        match self {
            Self::Empty | Self::One(_) => &[],
            Self::Many(many) => &many.blocks,
        }
    }

    /// Number of blocks.
    pub(crate) fn block_count(&self) -> usize {
        if matches!(self, Self::One(_)) { 1 } else { self.blocks().len() }
    }

    /// Appends a document, whose number must be greater than all before it. Returns by how much it grew on the heap.
    ///
    /// `length` is that of the document, in words. Complexity: O(size of the entry) on average.
    pub(crate) fn push(&mut self, layout: Layout, entry: &Entry<'_>, length: u32) -> isize {
        match self {
            Self::Many(many) => many.push(layout, entry, length),
            Self::Empty if let Some(one) = One::new(layout, entry, length) => {
                *self = Self::One(one);
                0
            }
            Self::Empty | Self::One(_) => {
                let mut many = Box::new(Many::default());
                let mut growth = size_of::<Many>().cast_signed();
                if let Self::One(one) = self {
                    growth += many.push(layout, &one.entry(layout), 0);
                    // What the entry is at best was known when it came.
                    many.blocks[0].best = one.best;
                }
                growth += many.push(layout, entry, length);
                *self = Self::Many(many);
                growth
            }
        }
    }

    /// Takes out a document that is there. `is_gone` tells which documents have been taken out, this one included. Returns by how much it grew on the
    /// heap: less than nothing, mostly.
    ///
    /// Complexity: O(log blocks), and O(entries of a block) each time half of a block is gone.
    pub(crate) fn remove(&mut self, layout: Layout, document: u32, is_gone: impl Fn(u32) -> bool) -> isize {
        match self {
            Self::Empty => 0,
            Self::One(one) => {
                if one.document == document {
                    *self = Self::Empty;
                }
                0
            }
            Self::Many(many) => {
                let growth = many.remove(layout, document, is_gone);
                if many.live > 0 {
                    return growth;
                }
                *self = Self::Empty;
                growth - size_of::<Many>().cast_signed()
            }
        }
    }

    /// Bytes on the heap: the sum of all growth. Complexity: O(blocks).
    #[cfg(test)]
    pub(crate) fn heap_bytes(&self) -> usize {
        match self {
            Self::Empty | Self::One(_) => 0,
            Self::Many(many) => {
                let blocks = many.blocks.iter().map(Block::spilled_bytes).sum::<usize>();
                size_of::<Many>() + many.spilled_bytes() + blocks
            }
        }
    }

    /// Bytes that positions take.
    pub(crate) fn position_bytes(&self, layout: Layout) -> usize {
        if let Self::One(one) = self {
            return one.positions_length.into();
        }
        let mut total = 0;
        for block in self.blocks() {
            let mut entries = block.entries(layout);
            while let Some(entry) = entries.next() {
                total += entry.positions.len();
            }
        }
        total
    }

    /// Reads from the first document on.
    pub(crate) fn cursor(&self, layout: Layout) -> Cursor<'_> {
        match self {
            Self::One(one) => Cursor::of_one(one.entry(layout), one.best, layout),
            _ => Cursor::new(self.blocks(), layout),
        }
    }
}

impl Many {
    fn push(&mut self, layout: Layout, entry: &Entry<'_>, length: u32) -> isize {
        let before = self.spilled_bytes() + self.blocks.last().map_or(0, Block::spilled_bytes);
        let mut sealed = 0;
        let is_full = self.blocks.last().is_none_or(Block::is_full);
        if is_full {
            if let Some(full) = self.blocks.last_mut() {
                full.close(layout);
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

    fn remove(&mut self, layout: Layout, document: u32, is_gone: impl Fn(u32) -> bool) -> isize {
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
        // The last one takes more entries.
        let is_last = at + 1 == self.blocks.len();
        if joins {
            self.blocks.remove(at);
        }
        match written {
            Some(mut block) => {
                if is_last || block.count < FULL_ENTRIES_MIN {
                    block.bytes.shrink_to_fit();
                } else {
                    block.close(layout);
                }
                // What is gone may have been the best: then no entry is as good, which does no harm.
                block.best = best;
                self.blocks[start] = block;
            }
            None => {
                self.blocks.remove(start);
            }
        }
    }
}

/// Frequency and positions of an entry.
type Occurrences<'a> = (u32, &'a [u8]);

/// Flags of a head: the entry is a single occurrence; its fields are those of the entry before it.
const IS_SIMPLE: u64 = 1;
const SAME_FIELDS: u64 = 2;
/// Bits of flags.
const FLAG_BITS: u32 = 2;

impl Block {
    fn new(first: u32) -> Self {
        let bytes = SmallVec::new();
        Self {
            first,
            last: first,
            count: 0,
            live: 0,
            last_fields: 0,
            is_full: false,
            best: Best::LEAST,
            bytes,
        }
    }

    fn spilled_bytes(&self) -> usize {
        if self.bytes.spilled() { self.bytes.capacity() } else { 0 }
    }

    fn is_full(&self) -> bool {
        self.is_full || self.count >= BLOCK_ENTRIES_MAX || self.bytes.len() >= BLOCK_BYTES_MAX
    }

    /// Appends an entry: its distance from the one before it; if more is kept than numbers, with flags; then what they do not tell.
    fn push(&mut self, layout: Layout, entry: &Entry<'_>) {
        let distance = u64::from(entry.document - self.last);
        self.last = entry.document;
        self.count += 1;
        self.live += 1;
        if layout == Layout::BARE {
            varint::write_short(&mut self.bytes, distance);
            return;
        }
        let is_simple = entry.frequency == 1 && is_one_position(entry.positions) == layout.positions;
        let fields = if layout.fields { u8::try_from(entry.fields).unwrap_or(0) } else { 0 };
        let is_same = !layout.fields || (fields != 0 && fields == self.last_fields);
        self.last_fields = fields;
        let flags = if is_simple { IS_SIMPLE } else { 0 } | if is_same { SAME_FIELDS } else { 0 };
        varint::write_short(&mut self.bytes, distance << FLAG_BITS | flags);
        if !is_simple {
            if layout.frequencies {
                varint::write_short(&mut self.bytes, entry.frequency.into());
            }
            if layout.positions {
                varint::write_short(&mut self.bytes, entry.positions.len() as u64);
            }
        }
        if !is_same {
            varint::write(&mut self.bytes, entry.fields);
        }
        match entry.positions {
            _ if !layout.positions => {}
            [position] => self.bytes.push(*position),
            positions => self.bytes.extend_from_slice(positions),
        }
    }

    /// Gives it the form of a full block. It takes no more entries then.
    fn close(&mut self, layout: Layout) {
        if !self.is_full {
            (self.bytes, self.is_full) = (full::write(&self.bytes, layout), true);
        }
    }

    fn entries(&self, layout: Layout) -> Entries<'_> {
        let before = (self.first, if layout.fields { 0 } else { u128::MAX });
        if self.is_full {
            Entries::full(Full::new(&self.bytes, self.count, self.first), layout, before)
        } else {
            Entries::open(&self.bytes, layout, before)
        }
    }
}

/// Growth from one count of bytes to another.
pub(crate) fn change(before: usize, after: usize) -> isize {
    after.cast_signed() - before.cast_signed()
}

/// Whether these are one position: a single number.
fn is_one_position(positions: &[u8]) -> bool {
    if let [position] = positions {
        return *position < 0x80;
    }
    positions
        .split_last()
        .is_some_and(|(last, before)| *last < 0x80 && before.iter().all(|byte| *byte >= 0x80))
}
