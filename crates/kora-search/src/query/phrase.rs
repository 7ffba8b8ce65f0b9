//! The words of a quoted text.

use crate::stop_words::lower;

/// Its words: what stands between punctuation, controls and blanks, in lower case, without escapes. `_` and `$` belong to words.
pub(super) fn words(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut rest = text.chars().peekable();
    while let Some(character) = rest.next() {
        let escaped =
            rest.next_if(|next| character == '\\' && (separates(*next) || matches!(next, '_' | '$')));
        if let Some(escaped) = escaped {
            word.push(escaped);
        } else if !separates(character) || character == '\\' {
            word.push(character);
        } else if !word.is_empty() {
            words.push(lower(&std::mem::take(&mut word)).into_owned());
        }
    }
    if !word.is_empty() {
        words.push(lower(&word).into_owned());
    }
    words
}

fn separates(character: char) -> bool {
    let is_mark = character.is_ascii_punctuation() && character != '_' && character != '$';
    is_mark || character.is_ascii_whitespace() || character.is_ascii_control()
}
