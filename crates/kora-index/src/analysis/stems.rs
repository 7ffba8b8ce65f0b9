//! Stems that a thread has found of late: most words of texts and queries are among those that came before, and to look one up takes a fraction of what it
//! takes to find it.
//!
//! A stem depends on the language and the word alone. Each thread has so many places, one for each hash; what comes to a place takes it.

use std::borrow::Cow;
use std::cell::RefCell;

use ahash::RandomState;

/// Places of a thread.
const PLACES: usize = 2048;
/// Bytes of a word and its stem together at most.
const BYTES_MAX: usize = 29;

thread_local! {
    static STEMS: RefCell<Stems> = RefCell::new(Stems { hasher: RandomState::new(), places: Vec::new() });
}

struct Stems {
    hasher: RandomState,
    /// None before the first word.
    places: Vec<Place>,
}

#[derive(Clone, Copy)]
struct Place {
    language: u8,
    word_length: u8,
    /// None: the word has no other stem than itself.
    stem_length: u8,
    bytes: [u8; BYTES_MAX],
}

impl Place {
    /// No word is empty, so this is that of none.
    const EMPTY: Self = Self { language: 0, word_length: 0, stem_length: 0, bytes: [0; BYTES_MAX] };

    fn new(language: u8, word: &str, stem: &str) -> Option<Self> {
        let mut bytes = [0; BYTES_MAX];
        let (own, rest) = bytes.split_at_mut_checked(word.len())?;
        own.copy_from_slice(word.as_bytes());
        rest.get_mut(..stem.len())?.copy_from_slice(stem.as_bytes());
        let (word_length, stem_length) = (u8::try_from(word.len()).ok()?, u8::try_from(stem.len()).ok()?);
        Some(Self { language, word_length, stem_length, bytes })
    }

    /// The stem, if it is of this word: empty if it is the word itself.
    fn stem_of(&self, language: u8, word: &str) -> Option<&str> {
        let (own, rest) = self.bytes.split_at(self.word_length.into());
        let is_of_word = self.language == language && !own.is_empty() && own == word.as_bytes();
        let stem = rest.get(..self.stem_length.into()).filter(|_| is_of_word)?;
        std::str::from_utf8(stem).ok()
    }
}

/// A word's stem in a language, if it is another text than the word. `find` gives it.
pub(super) fn stem<'a>(
    language: u8,
    word: &'a str,
    find: impl FnOnce() -> Option<Cow<'a, str>>,
) -> Option<Cow<'a, str>> {
    STEMS.with_borrow_mut(|Stems { hasher, places }| {
        if places.is_empty() {
            places.resize(PLACES, Place::EMPTY);
        }
        let hash = hasher.hash_one((language, word));
        let place = &mut places[usize::try_from(hash % PLACES as u64).unwrap_or(0)];
        if let Some(stem) = place.stem_of(language, word) {
            return (!stem.is_empty()).then(|| Cow::Owned(stem.to_owned()));
        }
        let found = find();
        if let Some(new) = Place::new(language, word, found.as_deref().unwrap_or_default()) {
            *place = new;
        }
        found
    })
}
