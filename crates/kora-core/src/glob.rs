//! Glob patterns as KEYS, SCAN, CONFIG GET and ACL rules match them.
//!
//! `*` stands for any bytes, `?` for one byte, `[a-c]` and `[^ab]` for one byte of a class; `\` takes the next byte as it is.
//! What Redis makes of malformed patterns is part of the protocol and kept: a class without its `]` ends with the
//! pattern; `[a-]` is a range that ends at `]`; bytes in ranges are signed; an escaped byte in a class has case even where
//! case is ignored; no pattern but the empty one matches the empty text; more than [`STARS_MAX`] stars match nothing.
//!
//! Every element but `*` stands for exactly one byte. So if a match exists at all, one exists in which every `*` stands for
//! as few bytes as possible, and only the last `*` ever has to be extended. Without recursion or memory this takes
//! O(text + pattern) time where what stands between two stars is plain bytes, which are searched for as a whole in a long
//! text, and O(text * piece) in the worst case for a piece between two stars with `?`, classes or escapes.

use std::cmp::Ordering;

use memchr::memmem;

/// Most stars (adjacent ones count once, one that ends the pattern does not count) that are tried.
pub const STARS_MAX: usize = 1000;

/// Whether `text` matches `pattern`, case told apart.
#[must_use]
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { is_case_ignored: false }.matches(pattern, text)
}

/// Whether `text` matches `pattern`, the case of ASCII letters ignored.
#[must_use]
pub fn matches_ignore_case(pattern: &[u8], text: &[u8]) -> bool {
    Matcher { is_case_ignored: true }.matches(pattern, text)
}

/// In a text at least this long, plain bytes behind a star are searched for as a whole. Tests do it always.
const LONG_TEXT_BYTES: usize = if cfg!(test) { 1 } else { 256 };

#[derive(Clone, Copy)]
struct Matcher {
    is_case_ignored: bool,
}

impl Matcher {
    fn matches(self, mut pattern: &[u8], mut text: &[u8]) -> bool {
        if text.is_empty() {
            return pattern.is_empty();
        }
        // What to go back to: the pattern behind the last star, the text at which that was tried last.
        let mut retry: Option<(&[u8], &[u8])> = None;
        let mut stars = 0;
        loop {
            if let [b'*', ..] = pattern {
                pattern = skip_stars(pattern);
                if pattern.is_empty() {
                    return true;
                }
                stars += 1;
                if stars > STARS_MAX {
                    return false;
                }
                retry = Some((pattern, text));
                if text.len() >= LONG_TEXT_BYTES
                    && !self.is_case_ignored
                    && let Some((plain, rest)) = plain_piece(pattern)
                {
                    if rest.is_empty() {
                        return text.ends_with(plain);
                    }
                    let Some(at) = memmem::find(text, plain) else { return false };
                    (pattern, text) = (rest, &text[at + plain.len()..]);
                    continue;
                }
            }
            match (text.split_first(), self.element(pattern, text.first().copied())) {
                (None, None) => return true,
                (Some((_, rest_of_text)), Some((true, rest_of_pattern))) => {
                    (pattern, text) = (rest_of_pattern, rest_of_text);
                }
                // The text ended before the pattern: extending a star would only make that worse.
                (None, Some(_)) => return false,
                (Some(_), _) => {
                    let Some((behind_star, tried)) = &mut retry else { return false };
                    *tried = &tried[1..];
                    (pattern, text) = (*behind_star, *tried);
                }
            }
        }
    }

    /// Whether `byte` matches the pattern's first element, which is no star, and what follows that element; `None` at
    /// the pattern's end.
    #[inline]
    fn element(self, pattern: &[u8], byte: Option<u8>) -> Option<(bool, &[u8])> {
        let is = |wanted: u8| byte.is_some_and(|byte| self.are_equal(wanted, byte));
        Some(match pattern {
            [] => return None,
            [b'?', rest @ ..] => (byte.is_some(), rest),
            [b'[', rest @ ..] => self.class(rest, byte),
            [b'\\', wanted, rest @ ..] | [wanted, rest @ ..] => (is(*wanted), rest),
        })
    }

    /// Whether `byte` is in the class whose inside `pattern` begins with, and what follows the class.
    fn class(self, pattern: &[u8], byte: Option<u8>) -> (bool, &[u8]) {
        let (is_negated, mut inside) = match pattern {
            [b'^', inside @ ..] => (true, inside),
            inside => (false, inside),
        };
        let Some(byte) = byte else { return (false, &[]) };
        let mut is_found = false;
        loop {
            inside = match inside {
                [b'\\', wanted, rest @ ..] => {
                    is_found |= *wanted == byte;
                    rest
                }
                [b']', rest @ ..] => return (is_found != is_negated, rest),
                [] => return (is_found != is_negated, &[]),
                [from, b'-', to, rest @ ..] => {
                    is_found |= self.is_between(byte, *from, *to);
                    rest
                }
                [wanted, rest @ ..] => {
                    is_found |= self.are_equal(*wanted, byte);
                    rest
                }
            };
        }
    }

    #[inline]
    fn are_equal(self, wanted: u8, byte: u8) -> bool {
        wanted == byte || self.is_case_ignored && wanted.eq_ignore_ascii_case(&byte)
    }

    /// Whether `byte` lies between two others, in whatever order these are given, as signed numbers.
    fn is_between(self, byte: u8, from: u8, to: u8) -> bool {
        let (low, high) = match from.cast_signed().cmp(&to.cast_signed()) {
            Ordering::Greater => (to, from),
            _ => (from, to),
        };
        let value =
            |byte: u8| if self.is_case_ignored { byte.to_ascii_lowercase() } else { byte }.cast_signed();
        (value(low)..=value(high)).contains(&value(byte))
    }
}

/// The beginning of a pattern up to its next star, and the rest, if only plain bytes come before that.
fn plain_piece(pattern: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = pattern.iter().position(|byte| b"*?[\\".contains(byte)).unwrap_or(pattern.len());
    let (plain, rest) = pattern.split_at(end);
    matches!(rest, [] | [b'*', ..]).then_some((plain, rest))
}

fn skip_stars(mut pattern: &[u8]) -> &[u8] {
    while let [b'*', rest @ ..] = pattern {
        pattern = rest;
    }
    pattern
}

#[cfg(test)]
mod tests;
