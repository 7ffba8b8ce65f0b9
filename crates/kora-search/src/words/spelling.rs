//! FT.SPELLCHECK: which words of a query an index does not have, and what may be meant.

use super::dictionary::Dictionary;

/// What an index knows of words.
pub trait Vocabulary {
    /// Whether a document has the word, in whichever field.
    fn contains(&self, word: &str) -> bool;

    /// Words that are at most so many changes away and that documents have in one of the fields.
    fn near(&self, word: &str, distance: u8, fields: Option<&[String]>) -> Vec<Candidate>;

    /// How many documents there are.
    fn document_count(&self) -> u64;
}

/// A word that documents have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The word.
    pub word: String,
    /// How many documents have it, in whichever field.
    pub document_count: u64,
    /// Changes between it and the word that is checked.
    pub distance: usize,
}

/// A word of a query, and the fields that it is asked for in (none: all).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpelledWord {
    /// The word, in lower case unless it is of a tag.
    pub word: String,
    /// The fields.
    pub fields: Option<Vec<String>>,
}

/// What is said of a word.
#[derive(Clone, Debug, PartialEq)]
pub struct Spelled {
    /// The word.
    pub word: String,
    /// What may be meant by it, with scores, the best first. None: some document has the word.
    pub suggestions: Option<Vec<(String, f64)>>,
}

/// Checks words. Those that documents have are told of only if `is_full`. A score is the part of all documents that have the suggestion, or their number (`is_full`); 0 if only a dictionary has
/// it. Suggestions with one score are ordered by distance, then by their bytes.
pub fn check(
    words: &[SpelledWord],
    distance: u8,
    vocabulary: &dyn Vocabulary,
    included: &[&Dictionary],
    excluded: &[&Dictionary],
    is_full: bool,
) -> Vec<Spelled> {
    let suggest = |spelled: &SpelledWord| {
        let mut candidates = vocabulary.near(&spelled.word, distance, spelled.fields.as_deref());
        for (word, _) in included.iter().flat_map(|dictionary| dictionary.near(&spelled.word, distance)) {
            // Words of dictionaries are in the order of their bytes.
            candidates.push(Candidate { word: word.to_owned(), document_count: 0, distance: 0 });
        }
        rank(candidates, vocabulary.document_count(), is_full)
    };
    let check = |spelled: &SpelledWord| {
        let word = spelled.word.clone();
        if vocabulary.contains(&word) {
            return is_full.then_some(Spelled { word, suggestions: None });
        }
        let is_excluded = excluded.iter().any(|dictionary| dictionary.contains(&word));
        (!is_excluded).then(|| Spelled { word, suggestions: Some(suggest(spelled)) })
    };
    words.iter().filter_map(check).collect()
}

#[expect(clippy::cast_precision_loss, reason = "counts of documents are far below 2^53")]
fn rank(mut candidates: Vec<Candidate>, total: u64, is_full: bool) -> Vec<(String, f64)> {
    candidates.sort_by(|left, right| {
        let by_count = right.document_count.cmp(&left.document_count);
        by_count.then(left.distance.cmp(&right.distance)).then_with(|| left.word.cmp(&right.word))
    });
    let mut seen = std::collections::HashSet::new();
    candidates.retain(|candidate| seen.insert(candidate.word.clone()));
    let score = |count: u64| if is_full { count as f64 } else { count as f64 / total.max(1) as f64 };
    candidates.into_iter().map(|candidate| (candidate.word, score(candidate.document_count))).collect()
}
