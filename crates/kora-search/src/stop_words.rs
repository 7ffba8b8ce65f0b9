//! Words that are neither indexed nor searched for.

use std::borrow::Cow;

/// What an index leaves out when it declares nothing else, in order.
pub use kora_index::analysis::DEFAULT_STOP_WORDS as DEFAULT;

/// The words that a query leaves out.
#[derive(Clone, Copy, Debug)]
pub enum StopWords<'a> {
    /// Those of an index that declares none.
    Default,
    /// Those that an index declares.
    Declared(&'a [String]),
    /// None: NOSTOPWORDS.
    None,
}

impl StopWords<'_> {
    /// Whether the word is left out, in any ASCII case. Complexity: O(log n) for the default words, O(n) for declared ones.
    #[must_use]
    pub fn contain(&self, word: &str) -> bool {
        let word = lower(word);
        match self {
            Self::Default => DEFAULT.binary_search(&&*word).is_ok(),
            Self::Declared(words) => words.iter().any(|stop| *stop == *word),
            Self::None => false,
        }
    }
}

/// A word in lower case, as words are indexed: ASCII letters only.
pub(crate) fn lower(word: &str) -> Cow<'_, str> {
    if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(word.to_ascii_lowercase())
    } else {
        Cow::Borrowed(word)
    }
}
