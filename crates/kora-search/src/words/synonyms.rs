//! Groups of synonyms of an index.

use std::collections::{BTreeMap, BTreeSet};

/// Which groups words belong to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Synonyms {
    groups: BTreeMap<String, BTreeSet<String>>,
}

impl Synonyms {
    /// Adds words to a group, which is made if there is none. Words are in lower case. Complexity: O(log n) for each.
    pub fn update(&mut self, group: &str, words: impl IntoIterator<Item = String>) {
        for word in words {
            self.groups.entry(word).or_default().insert(group.to_owned());
        }
    }

    /// The groups of a word, sorted. Complexity: O(log n).
    pub fn groups(&self, word: &str) -> impl Iterator<Item = &str> {
        self.groups.get(word).into_iter().flatten().map(String::as_str)
    }

    /// All words with their groups, sorted.
    pub fn words(&self) -> impl Iterator<Item = (&str, impl Iterator<Item = &str>)> {
        self.groups.iter().map(|(word, groups)| (word.as_str(), groups.iter().map(String::as_str)))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.groups.is_empty()
    }
}
