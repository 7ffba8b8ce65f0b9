//! From the text of a condition to its words.

use kora_index::scalar::Scalar;

use super::{Comparison, Literal};

/// A word of a condition.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// A name, which may be a keyword.
    Name(String),
    /// A path between backticks.
    Path(String),
    /// A text.
    Text(String),
    /// A number.
    Number(Literal),
    /// A comparison.
    Comparison(Comparison),
    /// `(`
    Open,
    /// `)`
    Close,
    /// `,`
    Comma,
}

/// What is wrong with a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QuoteError {
    /// A quote is not closed.
    #[error("a quote that is not closed")]
    Open,
    /// A character that begins no word.
    #[error("a character that begins no word")]
    Character,
    /// A number that is none, or beyond all doubles.
    #[error("not a number")]
    Number,
}

/// A word, and where it begins and ends.
pub(super) type Placed = (Token, std::ops::Range<usize>);

/// Reads all words.
///
/// # Errors
/// With the place of what is no word.
pub(super) fn tokens(text: &str) -> Result<Vec<Placed>, (usize, QuoteError)> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(first) = text[at..].chars().next() {
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        let (token, len) = token(&text[at..], first).map_err(|error| (at, error))?;
        found.push((token, at..at + len));
        at += len;
    }
    Ok(found)
}

fn token(rest: &str, first: char) -> Result<(Token, usize), QuoteError> {
    let second = rest[first.len_utf8()..].chars().next();
    let comparison = match (first, second) {
        ('!', Some('=')) => Some((Comparison::NotEqual, 2)),
        ('<', Some('=')) => Some((Comparison::LessOrEqual, 2)),
        ('>', Some('=')) => Some((Comparison::GreaterOrEqual, 2)),
        ('=', _) => Some((Comparison::Equal, 1)),
        ('<', _) => Some((Comparison::Less, 1)),
        ('>', _) => Some((Comparison::Greater, 1)),
        _ => None,
    };
    if let Some((comparison, len)) = comparison {
        return Ok((Token::Comparison(comparison), len));
    }
    match first {
        '(' => Ok((Token::Open, 1)),
        ')' => Ok((Token::Close, 1)),
        ',' => Ok((Token::Comma, 1)),
        '\'' | '"' => quoted(rest, first).map(|(text, len)| (Token::Text(text), len)),
        '`' => quoted(rest, first).map(|(text, len)| (Token::Path(text), len)),
        '-' | '0'..='9' => number(rest),
        _ if is_of_name(first) => {
            let len = rest.find(|other| !is_of_name(other) && other != '.').unwrap_or(rest.len());
            Ok((Token::Name(rest[..len].to_owned()), len))
        }
        _ => Err(QuoteError::Character),
    }
}

fn is_of_name(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// What stands between quotes. Between backticks two of them are one, and nothing is escaped.
fn quoted(rest: &str, quote: char) -> Result<(String, usize), QuoteError> {
    let mut text = String::new();
    let mut chars = rest.char_indices().skip(1).peekable();
    while let Some((at, c)) = chars.next() {
        if c == quote {
            if quote == '`' && chars.next_if(|(_, next)| *next == '`').is_some() {
                text.push('`');
                continue;
            }
            return Ok((text, at + 1));
        }
        if c != '\\' || quote == '`' {
            text.push(c);
            continue;
        }
        let (at, escape) = chars.next().ok_or(QuoteError::Open)?;
        match escape {
            '\\' | '\'' | '"' | '`' | '/' => text.push(escape),
            'n' => text.push('\n'),
            't' => text.push('\t'),
            'r' => text.push('\r'),
            'b' => text.push('\u{8}'),
            'f' => text.push('\u{c}'),
            'u' => {
                let (c, len) = unicode(&rest[at + 1..]).unwrap_or(('\\', 0));
                text.push(c);
                if len == 0 {
                    text.push('u');
                }
                if len > 0 {
                    chars.nth(len - 1);
                }
            }
            _ => text.extend(['\\', escape]),
        }
    }
    Err(QuoteError::Open)
}

/// The character of the hexadecimal digits behind `\u`, with the second half of a pair if it is one of those, and how many characters that takes.
fn unicode(rest: &str) -> Option<(char, usize)> {
    let digits = |rest: &str| {
        let digits = rest.get(..4).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()))?;
        u32::from_str_radix(digits, 16).ok()
    };
    let first = digits(rest)?;
    if let Some(c) = char::from_u32(first) {
        return Some((c, 4));
    }
    let second = digits(rest.get(4..)?.strip_prefix("\\u")?)?;
    let is_pair = (0xd800..0xdc00).contains(&first) && (0xdc00..0xe000).contains(&second);
    let pair = is_pair.then(|| 0x1_0000 + ((first - 0xd800) << 10) + (second - 0xdc00));
    Some((char::from_u32(pair?)?, 10))
}

/// A number as in JSON.
fn number(rest: &str) -> Result<(Token, usize), QuoteError> {
    let bytes = rest.as_bytes();
    let digits =
        |from: usize| bytes[from.min(bytes.len())..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let len_of_sign = usize::from(bytes[0] == b'-');
    let whole = digits(len_of_sign);
    let mut len = len_of_sign;
    len += whole;
    let mut is_integer = true;
    if bytes.get(len) == Some(&b'.') && digits(len + 1) > 0 {
        len += 1 + digits(len + 1);
        is_integer = false;
    }
    if let Some(b'e' | b'E') = bytes.get(len) {
        let sign = usize::from(matches!(bytes.get(len + 1), Some(b'+' | b'-')));
        let exponent = digits(len + 1 + sign);
        if exponent > 0 {
            len += 1 + sign + exponent;
            is_integer = false;
        }
    }
    let is_apart = rest[len..].chars().next().is_none_or(|next| !is_of_name(next) && next != '.');
    let has_zero_before = whole > 1 && bytes[len_of_sign] == b'0';
    if whole == 0 || has_zero_before || !is_apart {
        return Err(QuoteError::Number);
    }
    let literal = number_of(&rest[..len], is_integer).ok_or(QuoteError::Number)?;
    Ok((Token::Number(literal), len))
}

/// Integers of 64 bits are exact.
fn number_of(text: &str, is_integer: bool) -> Option<Literal> {
    let limits = i128::from(i64::MIN)..=i128::from(u64::MAX);
    let exact = text.parse::<i128>().ok().filter(|number| is_integer && limits.contains(number));
    let scalar = match exact {
        Some(number) => Scalar::Integer(number),
        None => Scalar::Double(text.parse::<f64>().ok().filter(|number| number.is_finite())?),
    };
    Some(Literal(scalar.encoded().into()))
}

/// Whether a quote is open behind what was read of a text so far: what follows belongs to it, whatever it is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Quotes {
    open: Option<u8>,
    is_escaped: bool,
}

impl Quotes {
    /// Reads on.
    pub fn read(&mut self, text: &[u8]) {
        for byte in text {
            match self.open {
                Some(_) if self.is_escaped => self.is_escaped = false,
                Some(b'\'' | b'"') if *byte == b'\\' => self.is_escaped = true,
                Some(quote) if *byte == quote => self.open = None,
                Some(_) => {}
                None if matches!(byte, b'\'' | b'"' | b'`') => self.open = Some(*byte),
                None => {}
            }
        }
    }

    /// Whether a quote is open.
    #[must_use]
    pub fn are_open(self) -> bool {
        self.open.is_some()
    }
}
