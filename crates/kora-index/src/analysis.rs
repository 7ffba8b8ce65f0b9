//! From text to words, as RediSearch does it: which bytes part words, what is dropped, what is lower-cased, what is stemmed.
//!
//! Words are parted at blanks and ASCII punctuation but `_`, and control characters, line feeds among them, are dropped from words rather than part
//! them. ASCII letters become small, others stay. A backslash takes the next character into the word, whatever it is. A zero byte ends the text.
//! Bytes that are not UTF-8 are dropped, and what a word has past 128 bytes.

use std::ops::Range;

mod sounds;
mod stemming;
mod stems;
mod stop_words;
#[cfg(test)]
mod tests;

pub(crate) use sounds::sound;
pub(crate) use stemming::Stemmer;
pub use stemming::is_language;
pub use stop_words::{DEFAULT_STOP_WORDS, StopWords};

/// Before a stem that is indexed beside the word it is the stem of.
pub(crate) const STEM_MARK: char = '+';
/// Before the name of a group of synonyms.
pub(crate) const SYNONYM_MARK: char = '~';

/// Before how a word sounds.
pub(crate) const SOUND_MARK: char = '<';

/// Longest word that is indexed.
const WORD_BYTES_MAX: usize = 128;

/// Whether a character parts words.
#[must_use]
pub fn is_separator(byte: u8) -> bool {
    byte == b' ' || byte == b'\t' || (byte.is_ascii_punctuation() && byte != b'_' && byte != b'\\')
}

/// Calls with each word of a text, in its order. Stop words are among them.
///
/// Complexity: O(length).
pub fn words(text: &[u8], mut visit: impl FnMut(&str)) {
    spans(text, |word, _| visit(word));
}

/// Calls with each word of a text and the bytes of the text that it is made of. Stop words are among them.
///
/// Complexity: O(length).
pub fn spans(text: &[u8], mut visit: impl FnMut(&str, Range<usize>)) {
    let mut word: Vec<u8> = Vec::new();
    // Where the word began.
    let mut start = None;
    let mut emit = |word: &mut Vec<u8>, start: &mut Option<usize>, end: usize| {
        let bytes = start.take().unwrap_or(end)..end;
        if !word.is_empty() {
            word.truncate(WORD_BYTES_MAX);
            match std::str::from_utf8(word) {
                Ok(whole) => visit(whole, bytes),
                Err(_) => {
                    let valid: String = word.utf8_chunks().map(|chunk| chunk.valid()).collect();
                    if !valid.is_empty() {
                        visit(&valid, bytes);
                    }
                }
            }
            word.clear();
        }
    };
    let mut bytes = text.iter().copied().enumerate();
    let mut end = text.len();
    while let Some((place, byte)) = bytes.next() {
        match byte {
            0 => {
                end = place;
                break;
            }
            b'\\' => {
                start.get_or_insert(place);
                match bytes.next() {
                    None | Some((_, 0)) => {
                        end = place + 1;
                        break;
                    }
                    Some((_, next)) if next.is_ascii_control() => {}
                    Some((_, next)) => word.push(next.to_ascii_lowercase()),
                }
            }
            byte if is_separator(byte) => emit(&mut word, &mut start, place),
            byte if byte.is_ascii_control() => {}
            byte => {
                start.get_or_insert(place);
                word.push(byte.to_ascii_lowercase());
            }
        }
    }
    emit(&mut word, &mut start, end);
}

/// Calls with each tag of a value: parted by the separator, if there is one, without blanks around, ASCII in lower case unless `case_sensitive`.
///
/// Complexity: O(length).
pub fn tags(value: &[u8], separator: Option<char>, case_sensitive: bool, mut visit: impl FnMut(&str)) {
    let text = String::from_utf8_lossy(value);
    let mut one = |tag: &str| {
        let tag = tag.trim_matches(|character: char| character.is_ascii_whitespace());
        if case_sensitive { visit(tag) } else { visit(&tag.to_ascii_lowercase()) }
    };
    match separator {
        Some(separator) => text.split(separator).for_each(one),
        None => one(&text),
    }
}
