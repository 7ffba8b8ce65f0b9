//! Sets of documents: those of a range or circle, collected before a search walks through them in order.

#[cfg(test)]
mod tests;

use crate::postings::{END, Marks, Window};

/// A set with fewer than one in so many of all numbers is a list: it takes less time to go through many words of bits than to sort a few numbers.
const LIST_SHARE: usize = 512;
/// A longer list is bits: sorting it would take long.
const LIST_LENGTH_MAX: usize = 16_384;

/// Numbers of documents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum DocumentSet {
    /// Ascending, once [`DocumentSet::seal`] was called.
    List(Vec<u32>),
    /// One bit for each number.
    Bits(Vec<u64>),
}

impl DocumentSet {
    /// An empty set for about so many of the numbers below `horizon`.
    pub(crate) fn new(expected_count: usize, horizon: u32) -> Self {
        if expected_count > LIST_LENGTH_MAX || expected_count > horizon as usize / LIST_SHARE {
            Self::Bits(vec![0; (horizon as usize).div_ceil(64)])
        } else {
            Self::List(Vec::with_capacity(expected_count))
        }
    }

    /// Adds a number; those past the horizon are left out of a set of bits.
    #[inline]
    pub(crate) fn insert(&mut self, document: u32) {
        match self {
            Self::List(list) => list.push(document),
            Self::Bits(bits) => {
                if let Some(word) = bits.get_mut((document / 64) as usize) {
                    *word |= 1 << (document % 64);
                }
            }
        }
    }

    /// Adds those of some numbers that are below the horizon. Complexity: O(numbers).
    pub(crate) fn extend(&mut self, documents: &[u32], horizon: u32) {
        let below = documents.iter().copied().filter(|document| *document < horizon);
        match self {
            Self::List(list) => list.extend(below),
            Self::Bits(bits) => {
                for document in below {
                    if let Some(word) = bits.get_mut((document / 64) as usize) {
                        *word |= 1 << (document % 64);
                    }
                }
            }
        }
    }

    /// Makes it ready to be walked through. Complexity: O(n log n) for a list.
    pub(crate) fn seal(&mut self) {
        if let Self::List(list) = self {
            list.sort_unstable();
            list.dedup();
        }
    }

    /// Whether a number is in it, once it is sealed. Complexity: O(log n) for a list, else O(1).
    pub(crate) fn contains(&self, document: u32) -> bool {
        match self {
            Self::List(list) => list.binary_search(&document).is_ok(),
            Self::Bits(bits) => {
                bits.get((document / 64) as usize).is_some_and(|word| word >> (document % 64) & 1 == 1)
            }
        }
    }

    /// How many it has, once it is sealed. Complexity: O(size).
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.cursor().count()
    }

    pub(crate) fn cursor(&self) -> SetCursor<'_> {
        match self {
            Self::List(list) => SetCursor::List(list),
            Self::Bits(bits) => SetCursor::Bits(bits),
        }
    }
}

/// A place in a set.
#[derive(Clone, Copy, Debug)]
pub(crate) enum SetCursor<'a> {
    /// What is left of a list.
    List(&'a [u32]),
    /// All bits.
    Bits(&'a [u64]),
}

impl SetCursor<'_> {
    /// The first number from `target` on, or [`END`].
    #[inline]
    pub(crate) fn advance(&mut self, target: u32) -> u32 {
        match self {
            Self::List(list) => {
                let mut span = 1;
                while span < list.len() && list[span] < target {
                    span *= 2;
                }
                let near = &list[..list.len().min(span + 1)];
                *list = &list[near.partition_point(|document| *document < target)..];
                list.first().copied().unwrap_or(END)
            }
            Self::Bits(bits) => {
                let mut at = (target / 64) as usize;
                let Some(mut word) = bits.get(at).map(|word| word & (u64::MAX << (target % 64))) else {
                    return END;
                };
                while word == 0 {
                    at += 1;
                    match bits.get(at) {
                        Some(next) => word = *next,
                        None => return END,
                    }
                }
                u32::try_from(at).map_or(END, |at| at * 64 + word.trailing_zeros())
            }
        }
    }

    /// How many numbers it goes through, if it has not been moved. Complexity: O(1) for a list, else O(words).
    pub(crate) fn count(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Bits(bits) => bits.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    /// Numbers or words that it goes through.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::List(list) => list.len(),
            Self::Bits(bits) => bits.len(),
        }
    }

    /// Marks its numbers in a window, which lies behind the last one that was asked for. Returns how many numbers or words it read.
    pub(crate) fn mark(&mut self, window: &mut Window) -> usize {
        self.advance(window.base);
        match self {
            Self::List(list) => {
                let end = window.end();
                let (inside, rest) = list.split_at(list.partition_point(|document| *document < end));
                *list = rest;
                let base = window.base;
                inside.iter().for_each(|document| window.mark(document - base));
                inside.len()
            }
            Self::Bits(bits) => {
                let words = bits.get((window.base / 64) as usize..).unwrap_or_default();
                let ours = &mut window.matched[..window.words];
                ours.iter_mut().zip(words).for_each(|(our, their)| *our |= their);
                window.words
            }
        }
    }
}
