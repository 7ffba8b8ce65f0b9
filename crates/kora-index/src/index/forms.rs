//! What a word of a text is found by: itself, its stem, how it sounds, and the groups of synonyms that it is in.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Index, Indexed};
use crate::analysis::{self, SOUND_MARK, STEM_MARK, SYNONYM_MARK, Stemmer};
use crate::schema::{Field, FieldKind};

/// Shortest word that has a sound of its own, in bytes.
const SOUNDING_BYTES_MIN: usize = 3;

/// Under what a word is in the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is written, in lower case.
    Word,
    /// By its stem, if that is another text.
    Stem,
    /// By how it sounds, where the field is PHONETIC.
    Sound,
    /// By a group of synonyms.
    Synonym,
}

/// How the words of a field are found.
pub(super) struct Forms<'a> {
    /// None: by no stems.
    stemmer: Option<&'a Stemmer>,
    by_sound: bool,
    /// The sound of the last word of the text that is long enough to have one.
    sound: Option<String>,
    synonyms: &'a BTreeMap<String, Vec<String>>,
}

impl<'a> Forms<'a> {
    /// Of a field, with the stemmer of the document's language.
    pub(super) fn new(
        field: &Field,
        stemmer: Option<&'a Stemmer>,
        synonyms: &'a BTreeMap<String, Vec<String>>,
    ) -> Self {
        let FieldKind::Text { no_stem, phonetic, .. } = &field.kind else {
            return Self { stemmer: None, by_sound: false, sound: None, synonyms };
        };
        Self { stemmer: stemmer.filter(|_| !no_stem), by_sound: phonetic.is_some(), sound: None, synonyms }
    }

    /// Begins a text.
    pub(super) fn begin(&mut self) {
        self.sound = None;
    }

    /// Calls with each text that the dictionary has for the next word of the text. The buffer is for marked ones.
    pub(super) fn visit(&mut self, word: &str, buffer: &mut String, mut visit: impl FnMut(Form, &str)) {
        visit(Form::Word, word);
        if let Some(stem) = self.stemmer.and_then(|stemmer| stemmer.stem(word)) {
            visit(Form::Stem, marked(buffer, STEM_MARK, &stem));
        }
        if self.by_sound {
            // A shorter word has the sound of the word before it, as in RediSearch.
            if word.len() >= SOUNDING_BYTES_MIN {
                self.sound = analysis::sound(word);
            }
            if let Some(sound) = &self.sound {
                visit(Form::Sound, marked(buffer, SOUND_MARK, sound));
            }
        }
        for group in self.synonyms.get(word).into_iter().flatten() {
            visit(Form::Synonym, marked(buffer, SYNONYM_MARK, group));
        }
    }
}

/// A mark and a text, in a buffer that is used again.
fn marked<'a>(buffer: &'a mut String, mark: char, text: &str) -> &'a str {
    buffer.clear();
    buffer.push(mark);
    buffer.push_str(text);
    buffer
}

impl Index {
    /// Calls with each word of a text as a field would index it: its number among the words that are no stop words, its bytes in the text, and
    /// a text that it is found by. Those of one word follow each other. Nothing for a field that indexes no words.
    ///
    /// Complexity: O(length).
    pub fn each_form(
        &self,
        field: usize,
        language: Option<&str>,
        text: &[u8],
        mut visit: impl FnMut(usize, Range<usize>, &str),
    ) {
        let indexed = self.fields.get(field).map(|field| &field.indexed);
        let (Some(field), Some(Indexed::Text(_))) = (self.schema.fields.get(field), indexed) else { return };
        let language = self.language(language).to_ascii_lowercase();
        let mut forms = Forms::new(field, self.stemmers.get(&language), &self.synonyms);
        let (mut place, mut buffer) = (0, String::new());
        analysis::spans(text, |word, bytes| {
            if self.stop_words.contains(word) {
                return;
            }
            forms.visit(word, &mut buffer, |_, form| visit(place, bytes.clone(), form));
            place += 1;
        });
    }
}

/// Whether words of a field are also found by how they sound.
pub(crate) fn is_phonetic(field: &Field) -> bool {
    matches!(field.kind, FieldKind::Text { phonetic: Some(_), .. })
}
