//! Which of the numbers from some number on are in postings, one bit each: so those of several words are joined and intersected many at a time.

use super::entries::Entries;
use super::{BLOCK_NUMBERS, Block, Cursor, END, Layout};

/// Words of 64 numbers each.
pub(crate) const WINDOW_WORDS: usize = 128;

/// Numbers from `base` on, which is a multiple of 64.
pub(crate) struct Window {
    pub(crate) base: u32,
    /// Words that are used.
    pub(crate) words: usize,
    /// Numbers that match.
    pub(crate) matched: [u64; WINDOW_WORDS],
    /// Those where something occurs more than once. It may have others that do not match.
    pub(crate) several: [u64; WINDOW_WORDS],
}

/// Where numbers are marked that lie between a base and an end.
pub(crate) trait Marks {
    /// None of its numbers is less.
    fn base(&self) -> u32;

    /// All its numbers are less.
    fn end(&self) -> u32;

    /// Marks the number at a place behind its base, which is in it.
    fn mark(&mut self, place: u32);

    /// Notes that something occurs more than once in the document with the number at that place.
    fn mark_several(&mut self, place: u32);
}

/// Numbers that another window of the same place has, too. Where that has few, hardly anything is written.
pub(crate) struct Within<'w> {
    pub(crate) own: &'w mut Window,
    pub(crate) other: &'w Window,
}

impl Marks for Within<'_> {
    #[inline]
    fn base(&self) -> u32 {
        self.own.base
    }

    #[inline]
    fn end(&self) -> u32 {
        self.own.end()
    }

    #[inline]
    fn mark(&mut self, place: u32) {
        let (word, bit) = bit_of(place);
        if self.other.matched[word] & bit != 0 {
            self.own.matched[word] |= bit;
        }
    }

    #[inline]
    fn mark_several(&mut self, place: u32) {
        self.own.mark_several(place);
    }
}

impl Marks for Window {
    #[inline]
    fn base(&self) -> u32 {
        self.base
    }

    #[inline]
    fn end(&self) -> u32 {
        let numbers = u32::try_from(self.words).map_or(u32::MAX, |words| words * u64::BITS);
        self.base.saturating_add(numbers)
    }

    #[inline]
    fn mark(&mut self, place: u32) {
        let (word, bit) = bit_of(place);
        self.matched[word] |= bit;
    }

    #[inline]
    fn mark_several(&mut self, place: u32) {
        let (word, bit) = bit_of(place);
        self.several[word] |= bit;
    }
}

/// The word and bit of a place.
#[inline]
fn bit_of(place: u32) -> (usize, u64) {
    ((place / u64::BITS) as usize % WINDOW_WORDS, 1 << (place % u64::BITS))
}

impl Window {
    /// Without a number.
    pub(crate) fn new(base: u32, words: usize) -> Self {
        let words = words.min(WINDOW_WORDS);
        Self { base, words, matched: [0; WINDOW_WORDS], several: [0; WINDOW_WORDS] }
    }

    /// Without a number, at another place.
    pub(crate) fn reset(&mut self, base: u32) {
        self.base = base;
        self.matched[..self.words].fill(0);
        self.several[..self.words].fill(0);
    }

    /// The number of the first bit of a word.
    #[inline]
    pub(crate) fn first_of(&self, word: usize) -> u32 {
        self.base + u32::try_from(word).map_or(0, |word| word * u64::BITS)
    }

    /// How many numbers are marked.
    pub(crate) fn count(&self) -> usize {
        self.matched[..self.words].iter().map(|word| word.count_ones() as usize).sum()
    }

    /// The next word from this one on in which a number is marked.
    #[inline]
    pub(crate) fn next_filled(&self, from: usize) -> Option<usize> {
        let rest = self.matched[..self.words].get(from..)?;
        rest.iter().position(|word| *word != 0).map(|passed| from + passed)
    }

    /// Adds the numbers of another one of the same place.
    pub(crate) fn join(&mut self, other: &Self) {
        self.matched.iter_mut().zip(&other.matched).for_each(|(our, their)| *our |= their);
        self.several.iter_mut().zip(&other.several).for_each(|(our, their)| *our |= their);
    }

    /// Leaves those numbers that another one of the same place has, too.
    pub(crate) fn intersect(&mut self, other: &Self) {
        self.matched.iter_mut().zip(&other.matched).for_each(|(our, their)| *our &= their);
        self.several.iter_mut().zip(&other.several).for_each(|(our, their)| *our |= their);
    }
}

/// Marks a document, which is in the window.
#[inline]
pub(super) fn mark(window: &mut impl Marks, document: u32, is_simple: bool) {
    let place = document - window.base();
    window.mark(place);
    if !is_simple {
        window.mark_several(place);
    }
}

/// Reads the numbers of a word or value alone, window by window.
pub(crate) struct Numbers<'a> {
    blocks: &'a [Block],
    layout: Layout,
    /// The fields that it is to stand in; all bits: any.
    wanted: u128,
    /// The block that `entries` are of.
    at: usize,
    entries: Option<Entries<'a>>,
    /// The only entry, and whether it is more than one occurrence.
    one: Option<(u32, bool)>,
}

impl<'a> Numbers<'a> {
    /// All numbers of a cursor, which has not been moved.
    pub(crate) fn new(cursor: &Cursor<'a>, wanted: u128) -> Self {
        let one = cursor.only().filter(|one| one.fields & wanted != 0);
        let one = one.map(|one| (one.document, one.frequency != 1));
        Self { blocks: cursor.blocks(), layout: cursor.layout(), wanted, at: 0, entries: None, one }
    }

    /// About how many entries it reads in all. Complexity: O(1).
    pub(crate) fn size(&self) -> usize {
        match self.blocks {
            [full @ .., last] => full.len() * BLOCK_NUMBERS + usize::from(last.count),
            [] => usize::from(self.one.is_some()),
        }
    }

    /// A number from `target` on that none from `target` on is less than, or [`END`]. Complexity: O(log blocks).
    pub(crate) fn from(&mut self, target: u32) -> u32 {
        if let Some((document, _)) = self.one {
            return if document >= target { document } else { END };
        }
        if self.blocks.get(self.at).is_some_and(|block| block.last < target) {
            let rest = &self.blocks[self.at..];
            let mut span = 1;
            while span < rest.len() && rest[span].last < target {
                span *= 2;
            }
            let near = &rest[..rest.len().min(span + 1)];
            self.at += near.partition_point(|block| block.last < target);
            self.entries = None;
        }
        self.blocks.get(self.at).map_or(END, |block| block.first.max(target))
    }

    /// Marks its numbers in a window, which lies behind the last one that was asked for. Returns how many entries it read.
    /// Complexity: O(log blocks + entries of the blocks that have some there).
    pub(crate) fn mark(&mut self, window: &mut impl Marks) -> usize {
        let end = window.end();
        if self.from(window.base()) >= end {
            return 0;
        }
        if let Some((document, is_several)) = self.one {
            mark(window, document, !is_several);
            return 1;
        }
        let mut read = 0;
        while let Some(block) = self.blocks.get(self.at)
            && block.first < end
        {
            let entries = self.entries.get_or_insert_with(|| block.entries(self.layout));
            read += entries.mark(self.wanted, window);
            if !entries.is_done() {
                break;
            }
            self.at += 1;
            self.entries = None;
        }
        read
    }
}
