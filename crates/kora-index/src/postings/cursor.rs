//! Reads postings in the order of documents, and skips blocks that a search has no use for.

use super::entries::Entries;
use super::{Best, Block, END, Entry, Layout};

/// A place among the postings of a word. Before the first call of [`Cursor::advance`] it stands before all documents.
#[derive(Clone, Debug)]
pub(crate) struct Cursor<'a> {
    blocks: &'a [Block],
    layout: Layout,
    at: usize,
    entries: Entries<'a>,
    /// The only entry, while it is to come.
    one: Option<(Entry<'a>, Best)>,
    current: Spot<'a>,
    has_current: bool,
    /// Frequency and positions of where it stands are read.
    is_read: bool,
}

/// Where a cursor stands.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spot<'a> {
    pub(crate) document: u32,
    /// How often the word occurs, fields' weights included.
    pub(crate) frequency: u32,
    /// The positions, as distances.
    pub(crate) positions: &'a [u8],
}

impl<'a> Cursor<'a> {
    pub(super) fn new(blocks: &'a [Block], layout: Layout) -> Self {
        let entries = Entries::open(&[], layout, (0, 0));
        let current = Spot { document: 0, frequency: 0, positions: &[] };
        let mut cursor =
            Self { blocks, layout, at: 0, entries, one: None, current, has_current: false, is_read: true };
        cursor.enter(0);
        cursor
    }

    /// A cursor over one entry.
    pub(super) fn of_one(entry: Entry<'a>, best: Best, layout: Layout) -> Self {
        Self { one: Some((entry, best)), ..Self::new(&[], layout) }
    }

    /// A cursor over nothing.
    pub(crate) fn empty() -> Self {
        Self::new(&[], Layout::BARE)
    }

    fn enter(&mut self, at: usize) {
        self.at = at;
        if let Some(block) = self.blocks.get(at) {
            self.entries = block.entries(self.layout);
        }
    }

    /// The entry it stands at. Behind [`Cursor::advance`], only its number is sure before [`Cursor::read`].
    #[inline]
    pub(crate) fn entry(&self) -> &Spot<'a> {
        &self.current
    }

    /// Goes on to the first document from `target` on that stands in one of the fields, and returns it, or [`END`]. It never goes back.
    ///
    /// Complexity: O(1) for the next one; O(log blocks + entries of a block) for one further off.
    #[inline]
    pub(crate) fn advance(&mut self, target: u32, fields: u128) -> u32 {
        if self.has_current && self.current.document >= target {
            return self.current.document;
        }
        loop {
            let Some(block) = self.blocks.get(self.at) else { return self.last(target, fields) };
            if block.last < target {
                self.skip(target);
                continue;
            }
            if let Some((document, read)) = self.entries.next_from(target, fields) {
                self.current.document = document;
                self.has_current = true;
                self.is_read = read.is_some();
                if let Some((frequency, positions)) = read {
                    (self.current.frequency, self.current.positions) = (frequency, positions);
                }
                return document;
            }
            self.enter(self.at + 1);
        }
    }

    /// Reads the frequency of the entry at which it stands, and its positions if they are asked for. Complexity: O(1) for a single occurrence without
    /// positions, else O(entries since the last one that was read).
    #[inline]
    pub(crate) fn read(&mut self, with_positions: bool) {
        if self.is_read {
            return;
        }
        if !with_positions && self.entries.is_simple() {
            (self.current.frequency, self.current.positions) = (1, &[]);
        } else {
            (self.current.frequency, self.current.positions) = self.entries.occurrences();
            self.is_read = true;
        }
    }

    pub(super) fn blocks(&self) -> &'a [Block] {
        self.blocks
    }

    /// What is kept of each document.
    pub(crate) fn layout(&self) -> Layout {
        self.layout
    }

    /// The entry, if it is the only one and to come.
    pub(super) fn only(&self) -> Option<Entry<'a>> {
        self.one.map(|(entry, _)| entry)
    }

    /// Goes past blocks from the one with `target` on for as long as `is_wanted` has no use for them, and returns the first number that may be in one
    /// that is wanted, `target` at least. It never goes back. Complexity: O(log blocks + blocks that are passed).
    pub(crate) fn pass(&mut self, target: u32, mut is_wanted: impl FnMut(Best) -> bool) -> u32 {
        if let Some((entry, best)) = self.one {
            return if is_wanted(best) { target.max(entry.document) } else { END };
        }
        if self.blocks.get(self.at).is_some_and(|block| block.last < target) {
            self.skip(target);
        }
        let rest = &self.blocks[self.at.min(self.blocks.len())..];
        match rest.iter().position(|block| is_wanted(block.best)) {
            Some(0) => target,
            Some(passed) => {
                self.enter(self.at + passed);
                target.max(self.blocks[self.at].first)
            }
            None => {
                self.enter(self.blocks.len());
                END
            }
        }
    }

    fn skip(&mut self, target: u32) {
        let rest = &self.blocks[self.at + 1..];
        let mut span = 1;
        while span < rest.len() && rest[span].last < target {
            span *= 2;
        }
        let near = &rest[..rest.len().min(span + 1)];
        self.enter(self.at + 1 + near.partition_point(|block| block.last < target));
    }

    /// Behind the blocks: the only entry, or the end.
    fn last(&mut self, target: u32, wanted: u128) -> u32 {
        let one = self.one.take().filter(|(one, _)| one.document >= target && one.fields & wanted != 0);
        (self.has_current, self.is_read) = (true, true);
        self.current = match one {
            Some((Entry { document, frequency, positions, .. }, _)) => {
                Spot { document, frequency, positions }
            }
            None => Spot { document: END, frequency: 0, positions: &[] },
        };
        self.current.document
    }
}
