//! Words that are too common to be indexed.

use std::collections::BTreeSet;

/// Those of an index that names none, in order.
pub const DEFAULT_STOP_WORDS: [&str; 33] = [
    "a", "an", "and", "are", "as", "at", "be", "but", "by", "for", "if", "in", "into", "is", "it", "no",
    "not", "of", "on", "or", "such", "that", "the", "their", "then", "there", "these", "they", "this", "to",
    "was", "will", "with",
];

/// The words that an index leaves out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StopWords(BTreeSet<String>);

impl StopWords {
    /// A schema's own, or else the default ones.
    #[must_use]
    pub fn new(own: Option<&[String]>) -> Self {
        Self(match own {
            Some(own) => own.iter().map(|word| word.to_ascii_lowercase()).collect(),
            None => DEFAULT_STOP_WORDS.iter().map(|word| (*word).to_owned()).collect(),
        })
    }

    /// Whether it is left out. Complexity: O(log words).
    #[must_use]
    pub fn contains(&self, word: &str) -> bool {
        self.0.contains(word)
    }
}
