//! The words of an index that are near to another one.

use std::fmt;

use super::Index;
use crate::dictionary::{Compiled, EDITS_MAX};
use crate::query::Pattern;

/// A walk through the words that are at most so many edits away from another one, stems and the like included, some steps at a time. A few words that
/// are one edit further away come along; for more than three edits all words do.
pub struct WordsNear {
    pattern: Compiled,
}

impl WordsNear {
    /// Begins. Complexity: O(length x edits).
    #[must_use]
    pub fn new(word: &str, edits: u8) -> Self {
        let pattern = if edits > EDITS_MAX {
            Pattern::Prefix(String::new())
        } else {
            Pattern::Fuzzy(word.to_owned(), edits)
        };
        Self { pattern: Compiled::new(&pattern) }
    }

    /// Goes on until it is through or has looked at so many words. Calls with each word and with how many documents have it, in the order of their
    /// bytes. Returns whether it is through.
    pub fn step(&mut self, index: &Index, mut steps: usize, mut visit: impl FnMut(&str, u64)) -> bool {
        index.terms.expand(&mut self.pattern, &mut steps, |text, held| {
            if held.count() > 0 {
                visit(text, held.count());
            }
            true
        })
    }
}

impl fmt::Debug for WordsNear {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("WordsNear").finish_non_exhaustive()
    }
}
