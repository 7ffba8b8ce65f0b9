//! What a word of a text is found by: itself, its stem, and the groups of synonyms that it is in.

use std::collections::BTreeMap;
use std::ops::Range;

use super::{Index, Indexed};
use crate::analysis::{self, STEM_MARK, SYNONYM_MARK, Stemmer};
use crate::schema::FieldKind;

/// Under what a word is in the dictionary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// As it is written, in lower case.
    Word,
    /// By its stem, if that is another text.
    Stem,
    /// By a group of synonyms.
    Synonym,
}

/// How the words of a field are found.
pub(super) struct Forms<'a> {
    /// None: by no stems.
    pub(super) stemmer: Option<&'a Stemmer>,
    pub(super) synonyms: &'a BTreeMap<String, Vec<String>>,
}

impl Forms<'_> {
    /// Calls with each text that the dictionary has for a word. The buffer is for marked ones.
    pub(super) fn visit(&self, word: &str, buffer: &mut String, mut visit: impl FnMut(Form, &str)) {
        visit(Form::Word, word);
        if let Some(stem) = self.stemmer.and_then(|stemmer| stemmer.stem(word)) {
            visit(Form::Stem, marked(buffer, STEM_MARK, &stem));
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
        let kind = self.schema.fields.get(field).map(|field| &field.kind);
        let indexed = self.fields.get(field).map(|field| &field.indexed);
        let (Some(FieldKind::Text { no_stem, .. }), Some(Indexed::Text(_))) = (kind, indexed) else { return };
        let language = self.language(language).to_ascii_lowercase();
        let stemmer = self.stemmers.get(&language).filter(|_| !no_stem);
        let forms = Forms { stemmer, synonyms: &self.synonyms };
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
