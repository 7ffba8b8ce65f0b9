//! Structures about words: suggestions of FT.SUG*, dictionaries of FT.DICT*, groups of synonyms, and the ranking of FT.SPELLCHECK.

mod dictionary;
mod distance;
mod spelling;
mod suggestions;
mod synonyms;

#[cfg(test)]
mod tests;

pub use self::dictionary::Dictionary;
pub use self::distance::near;
pub use self::spelling::{Candidate, Spelled, SpelledWord, Vocabulary, check};
pub use self::suggestions::{Suggested, Suggestions};
pub use self::synonyms::Synonyms;
