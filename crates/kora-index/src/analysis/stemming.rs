//! Snowball stemmers by the names of their languages.

use std::borrow::Cow;

use rust_stemmers::Algorithm;

use super::stems;

/// Languages without a stemmer here, whose words are indexed as they are written: none.
const LANGUAGES: [(&str, Algorithm); 18] = [
    ("arabic", Algorithm::Arabic),
    ("danish", Algorithm::Danish),
    ("dutch", Algorithm::Dutch),
    ("english", Algorithm::English),
    ("finnish", Algorithm::Finnish),
    ("french", Algorithm::French),
    ("german", Algorithm::German),
    ("greek", Algorithm::Greek),
    ("hungarian", Algorithm::Hungarian),
    ("italian", Algorithm::Italian),
    ("norwegian", Algorithm::Norwegian),
    ("portuguese", Algorithm::Portuguese),
    ("romanian", Algorithm::Romanian),
    ("russian", Algorithm::Russian),
    ("spanish", Algorithm::Spanish),
    ("swedish", Algorithm::Swedish),
    ("tamil", Algorithm::Tamil),
    ("turkish", Algorithm::Turkish),
];

/// Whether words of a language can be stemmed; its name in any case.
#[must_use]
pub fn is_language(name: &str) -> bool {
    Stemmer::new(name).is_some()
}

/// The stemmer of a language.
pub(crate) struct Stemmer {
    /// Its place among all.
    language: u8,
    inner: rust_stemmers::Stemmer,
}

impl Stemmer {
    /// By the language's name, in any case.
    pub(crate) fn new(name: &str) -> Option<Self> {
        let mut all = (0..).zip(LANGUAGES);
        let (language, (_, algorithm)) = all.find(|(_, (other, _))| other.eq_ignore_ascii_case(name))?;
        Some(Self { language, inner: rust_stemmers::Stemmer::create(algorithm) })
    }

    /// A word's stem, if it is another text than the word.
    pub(crate) fn stem<'a>(&self, word: &'a str) -> Option<Cow<'a, str>> {
        stems::stem(self.language, word, || {
            let stem = self.inner.stem(word);
            (stem != word && !stem.is_empty()).then_some(stem)
        })
    }
}
