//! Bytes that pass through text and come out as they were.
//!
//! Replies on one line, errors above all, repeat what a client has sent, which may be any bytes; and what puts them together, `format!` and
//! the `Display` of errors, knows only text. So bytes that are no UTF-8 go through it as characters of a range that nobody uses ([`of`]), and
//! whoever writes the reply turns these back ([`bytes`]). Nothing is lost: a character of that range among what was sent is no text either, and
//! goes byte by byte.
//!
//! Invariants: `bytes(of(b)) == b`; and `bytes(x + y) == bytes(x) + bytes(y)`, so that texts can be joined, and cut between characters.

use std::borrow::Cow;

/// The character that stands for the byte 0; those for others follow it. In a plane for private use.
const FIRST: u32 = 0x10_FE00;
/// The first bytes, in UTF-8, of the characters that stand for bytes from 0x80 on.
const HEAD: &[u8] = b"\xF4\x8F";

/// The byte that a character stands for.
fn byte_of(character: char) -> Option<u8> {
    let byte = u32::from(character).checked_sub(FIRST).and_then(|byte| u8::try_from(byte).ok());
    byte.filter(|byte| *byte >= 0x80)
}

/// `bytes` as text, from which [`bytes`] makes them again. What is UTF-8 stays as it is.
#[must_use]
pub fn of(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) if !text.chars().any(|character| byte_of(character).is_some()) => Cow::Borrowed(text),
        _ => Cow::Owned(escaped(bytes)),
    }
}

#[cold]
fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    let push_each = |text: &mut String, bytes: &[u8]| {
        let characters = bytes.iter().map(|byte| FIRST.saturating_add((*byte).into()));
        text.extend(characters.filter_map(char::from_u32));
    };
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match byte_of(character) {
                None => text.push(character),
                Some(_) => push_each(&mut text, character.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_each(&mut text, chunk.invalid());
    }
    text
}

/// The bytes that `text` stands for: see [`of`].
#[must_use]
#[inline]
pub fn bytes(text: &str) -> Cow<'_, [u8]> {
    // Most texts are short and plain.
    if !text.as_bytes().windows(HEAD.len()).any(|pair| pair == HEAD) {
        return Cow::Borrowed(text.as_bytes());
    }
    Cow::Owned(unescaped(text))
}

#[cold]
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    for character in text.chars() {
        match byte_of(character) {
            Some(byte) => bytes.push(byte),
            None => bytes.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn text_stays_as_it_is() {
        for plain in ["", "ERR", "größer \u{1F600}", "\u{10FFFF}", "\u{10FE7F}"] {
            assert!(matches!(of(plain.as_bytes()), Cow::Borrowed(text) if text == plain));
            assert!(
                matches!(bytes(plain), Cow::Borrowed(_))
                    || plain.starts_with('\u{10FE7F}')
                    || plain.starts_with('\u{10FFFF}')
            );
            assert_eq!(&*bytes(plain), plain.as_bytes());
        }
    }

    #[test]
    fn what_is_no_text_comes_out_as_it_was() {
        let hostile: [&[u8]; 5] =
            [b"\xff", b"a\x80b", b"\xc3", "\u{10FEFF}x".as_bytes(), b"\xf4\x8f\xbb\xbf\xf4\x8f"];
        for word in hostile {
            let joined = format!("ERR '{}' and '{}'", of(word), of(word));
            assert_eq!(*bytes(&joined), [b"ERR '", word, b"' and '", word, b"'"].concat());
        }
    }

    proptest! {
        #[test]
        fn nothing_is_lost(
            parts in prop::collection::vec(prop_oneof![
                any::<Vec<u8>>(),
                Just("\u{10FE80}".as_bytes().to_vec()),
                Just(b"\xf4\x8f\xba".to_vec()),
            ], 0..6)
        ) {
            let joined: String = parts.iter().map(|part| of(part).into_owned()).collect();
            prop_assert_eq!(bytes(&joined).into_owned(), parts.concat());
        }
    }
}
