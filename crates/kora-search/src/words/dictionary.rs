//! Dictionaries of FT.DICT*.

use std::collections::BTreeSet;

use super::distance::near;

/// Characters of a word at most.
const CHARACTERS_MAX: usize = 255;

/// Words, as they were added.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dictionary {
    words: BTreeSet<String>,
}

impl Dictionary {
    /// Adds a word, unless it is empty or has more than 255 characters, as in RediSearch; whether it is new. Complexity: O(log n).
    pub fn add(&mut self, word: &str) -> bool {
        let fits = !word.is_empty() && word.chars().nth(CHARACTERS_MAX).is_none();
        fits && self.words.insert(word.to_owned())
    }

    /// Removes a word; whether it was there. Complexity: O(log n).
    pub fn remove(&mut self, word: &str) -> bool {
        self.words.remove(word)
    }

    /// All words, sorted by their bytes.
    pub fn words(&self) -> impl Iterator<Item = &str> {
        self.words.iter().map(String::as_str)
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.words.is_empty()
    }

    /// Whether a word is there, in any ASCII case. Complexity: O(n).
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.words.iter().any(|known| known.eq_ignore_ascii_case(word))
    }

    /// Words that are [near] to another one, in any ASCII case. Complexity: O(n m) with m characters.
    pub fn near(&self, word: &str, distance: u8) -> impl Iterator<Item = (&str, usize)> {
        let word = word.to_ascii_lowercase();
        self.words.iter().filter_map(move |known| {
            let found = near(&known.to_ascii_lowercase(), &word, usize::from(distance))?;
            Some((known.as_str(), found))
        })
    }
}
