//! Splits a line into words as inline requests, the interactive client and the configuration file write them.
//!
//! Words are separated by blanks. `"..."` takes the escapes `\n \r \t \b \a`, `\xHH` and a backslash before any other
//! byte; `'...'` takes `\'` alone. A quote may open inside a word, but a word ends with the quote that closes.
//!
//! Redis stops at a NUL byte; here NUL is a byte like any other.

use std::fmt;

/// A quote is not closed, or is followed by something other than a blank.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnbalancedQuotes;

impl fmt::Display for UnbalancedQuotes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("unbalanced quotes")
    }
}

impl std::error::Error for UnbalancedQuotes {}

/// The words of `line`, unquoted.
///
/// # Errors
/// If a quote is not closed, or text touches a closing quote.
pub fn split_line(line: &[u8]) -> Result<Vec<Vec<u8>>, UnbalancedQuotes> {
    let mut words = Vec::new();
    let mut rest = line;
    loop {
        let mut word = Vec::new();
        match take_word(rest, &mut word)? {
            Some(after) => rest = after,
            None => return Ok(words),
        }
        words.push(word);
    }
}

/// Appends the first word of `line` to `word`, unquoted, and returns what follows it; `None` if only blanks are left.
pub(crate) fn take_word<'a>(
    line: &'a [u8],
    word: &mut Vec<u8>,
) -> Result<Option<&'a [u8]>, UnbalancedQuotes> {
    let mut rest = trim_blanks(line);
    if rest.is_empty() {
        return Ok(None);
    }
    loop {
        rest = match rest {
            [] => return Ok(Some(rest)),
            [blank, after @ ..] if ends_word(*blank) => return Ok(Some(after)),
            [b'"', after @ ..] => return take_double_quoted(after, word).map(Some),
            [b'\'', after @ ..] => return take_single_quoted(after, word).map(Some),
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

/// `line` without the blanks it starts with.
pub(crate) fn trim_blanks(line: &[u8]) -> &[u8] {
    let mut rest = line;
    while let [blank, after @ ..] = rest
        && is_blank(*blank)
    {
        rest = after;
    }
    rest
}

/// What C's `isspace` accepts: skipped before a word and expected after a closing quote.
const fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | 0x0b | 0x0c | b'\r')
}

/// What ends an unquoted word. Vertical tab and form feed do not, in Redis.
pub(crate) const fn ends_word(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

fn take_double_quoted<'a>(quoted: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    let mut rest = quoted;
    loop {
        rest = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'"', after @ ..] => return after_quote(after),
            [b'\\', b'x', high, low, after @ ..] if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                word.push(hex_value(*high) << 4 | hex_value(*low));
                after
            }
            [b'\\', escaped, after @ ..] => {
                word.push(unescape(*escaped));
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

fn take_single_quoted<'a>(quoted: &'a [u8], word: &mut Vec<u8>) -> Result<&'a [u8], UnbalancedQuotes> {
    let mut rest = quoted;
    loop {
        rest = match rest {
            [] => return Err(UnbalancedQuotes),
            [b'\'', after @ ..] => return after_quote(after),
            [b'\\', b'\'', after @ ..] => {
                word.push(b'\'');
                after
            }
            [byte, after @ ..] => {
                word.push(*byte);
                after
            }
        };
    }
}

/// What follows a closing quote, if the word ends there.
fn after_quote(rest: &[u8]) -> Result<&[u8], UnbalancedQuotes> {
    match rest.first() {
        Some(byte) if !is_blank(*byte) => Err(UnbalancedQuotes),
        _ => Ok(rest),
    }
}

const fn unescape(escaped: u8) -> u8 {
    match escaped {
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'b' => 0x08,
        b'a' => 0x07,
        other => other,
    }
}

/// The value of a hexadecimal digit; 0 for any other byte.
const fn hex_value(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit.wrapping_sub(b'0'),
        b'a'..=b'f' => digit.wrapping_sub(b'a').wrapping_add(10),
        b'A'..=b'F' => digit.wrapping_sub(b'A').wrapping_add(10),
        _ => 0,
    }
}

#[cfg(test)]
mod tests;
