//! From the text of a query to its pieces.
//!
//! The longest piece that fits is taken; a byte that begins none separates and is left out. Bytes that are not ASCII, ASCII letters,
//! digits, `_` and escaped punctuation make words. Dialect 1 knows fewer kinds of pieces: no whole quoted texts, comparisons,
//! wildcards or signs of numbers other than `-`.

use super::token::{Affix, Comparison, Kind, Token};
use crate::stop_words::StopWords;

/// Cuts a text into pieces, one at a time.
#[derive(Clone)]
pub(super) struct Lexer<'a> {
    text: &'a str,
    position: usize,
    is_modern: bool,
    stop_words: StopWords<'a>,
    /// A comparison and its number, seen behind the last modifier, the comparison last, each with where it ends.
    pending: Vec<(Token<'a>, usize)>,
    /// Where the last piece was, comparisons and what belongs to them aside.
    last_offset: usize,
    /// The last word before that.
    last_near: &'a str,
}

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str, is_modern: bool, stop_words: StopWords<'a>) -> Self {
        Self { text, position: 0, is_modern, stop_words, pending: Vec::new(), last_offset: 0, last_near: "" }
    }

    /// The next piece; [`Kind::End`] for ever once there is none, which is where the last one was.
    pub(super) fn next(&mut self) -> Token<'a> {
        if let Some((token, end)) = self.pending.pop() {
            self.position = end;
            return token;
        }
        let token = loop {
            if self.position >= self.text.len() {
                break Token { kind: Kind::End, offset: self.last_offset, text: "", near: None };
            }
            if let Some(token) = self.piece() {
                break token;
            }
        };
        if self.pending.is_empty() {
            self.last_offset = token.offset;
            self.last_near = token.near.unwrap_or(self.last_near);
        }
        token
    }

    fn byte(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    /// The piece at the position, which moves behind it; none if a separator stands there.
    fn piece(&mut self) -> Option<Token<'a>> {
        let start = self.position;
        let first = self.byte(start)?;
        let found = match first {
            b'@' => self.modifier(start),
            b'$' => self.dollar(start),
            b'=' if self.byte(start + 1) == Some(b'>') => Some(self.arrow(start)),
            b'"' | b'\'' => self.quoted(start),
            b'*' => Some(self.starred(start)),
            _ => self.word_or_number(start).or_else(|| self.sign(start)),
        };
        if found.is_none() {
            self.position += self.text[start..].chars().next().map_or(1, char::len_utf8);
        }
        found
    }

    fn plain(&mut self, kind: Kind, start: usize) -> Token<'a> {
        self.position = start + 1;
        Token { kind, offset: start, text: "", near: None }
    }

    fn named(&mut self, kind: Kind, offset: usize, text: (usize, usize), end: usize) -> Token<'a> {
        self.position = end;
        let text = &self.text[text.0..text.1];
        Token { kind, offset, text, near: Some(text) }
    }

    fn sign(&mut self, start: usize) -> Option<Token<'a>> {
        let kind = match self.byte(start)? {
            b'(' => Kind::LeftParen,
            b')' => Kind::RightParen,
            b'{' => Kind::LeftBrace,
            b'}' => Kind::RightBrace,
            b'[' => Kind::LeftBracket,
            b']' => Kind::RightBracket,
            b'|' => Kind::Bar,
            b'~' => Kind::Tilde,
            b'-' => Kind::Minus,
            b'%' => Kind::Percent,
            b':' => Kind::Colon,
            b';' => Kind::Semicolon,
            _ => return None,
        };
        Some(self.plain(kind, start))
    }

    /// `=>`; an error names it with the character behind it, and without its own first one.
    fn arrow(&mut self, start: usize) -> Token<'a> {
        let behind = self.text[start + 2..].chars().next().map_or(0, char::len_utf8);
        self.named(Kind::Arrow, start, (start + 1, start + 2 + behind), start + 2)
    }

    fn modifier(&mut self, start: usize) -> Option<Token<'a>> {
        let end = word_end(self.text, start + 1);
        if end == start + 1 {
            return None;
        }
        let token = self.named(Kind::Modifier, start, (start + 1, end), end);
        if self.is_modern {
            self.pending = self.comparison(end).unwrap_or_default();
        }
        Some(token)
    }

    /// The comparison behind a modifier and its operand, last piece first, if a number or a parameter follows it. Errors behind
    /// them name what stands before the modifier.
    fn comparison(&self, from: usize) -> Option<Vec<(Token<'a>, usize)>> {
        let start = self.after_space(from);
        let (comparison, length) = match (self.byte(start)?, self.byte(start + 1)) {
            (b'=', Some(b'=')) => (Comparison::Equal, 2),
            (b'!', Some(b'=')) => (Comparison::NotEqual, 2),
            (b'>', Some(b'=')) => (Comparison::GreaterOrEqual, 2),
            (b'<', Some(b'=')) => (Comparison::LessOrEqual, 2),
            (b'>', _) => (Comparison::Greater, 1),
            (b'<', _) => (Comparison::Less, 1),
            _ => return None,
        };
        let operand = self.after_space(start + length);
        let is_negated = self.text[operand..].starts_with("-$");
        let from = operand;
        let operand = from + usize::from(is_negated);
        let (kind, text, end) = match number_end(self.text, operand, true) {
            Some(end) => (Kind::Number, (operand, end), end),
            None if self.byte(operand) == Some(b'$') => {
                let end = word_end(self.text, operand + 1);
                if end == operand + 1 {
                    return None;
                }
                // As in RediSearch, the character behind the name belongs to it, unless it is a blank, and is read again.
                let behind = self.text[end..].chars().next().filter(|next| !next.is_ascii_whitespace());
                (Kind::Dollar, (operand + 1, end + behind.map_or(0, char::len_utf8)), end)
            }
            None => return None,
        };
        let number =
            Token { kind, offset: operand, text: &self.text[text.0..text.1], near: Some(self.last_near) };
        let comparison = Token { kind: Kind::Compare(comparison), offset: start, text: "", near: None };
        let minus = Token { kind: Kind::Minus, offset: from, text: "", near: None };
        let mut pieces = vec![(number, end)];
        pieces.extend(is_negated.then_some((minus, operand)));
        pieces.push((comparison, from));
        Some(pieces)
    }

    fn after_space(&self, from: usize) -> usize {
        let bytes = self.text.as_bytes();
        (from..bytes.len()).find(|&at| !bytes[at].is_ascii_whitespace()).unwrap_or(bytes.len())
    }

    fn dollar(&mut self, start: usize) -> Option<Token<'a>> {
        let end = word_end(self.text, start + 1);
        if end == start + 1 {
            return None;
        }
        if self.is_modern && self.byte(end) == Some(b'*') {
            let affix = Affix { is_open_before: false, is_open_behind: true, is_parameter: true };
            return Some(self.named(Kind::Affix(affix), start, (start + 1, end), end + 1));
        }
        Some(self.named(Kind::Dollar, start, (start + 1, end), end))
    }

    fn quoted(&mut self, start: usize) -> Option<Token<'a>> {
        let quote = self.byte(start)?;
        let is_double = quote == b'"';
        let end = if self.is_modern { quote_end(self.text, start, quote) } else { None };
        let Some(end) = end else {
            return is_double.then(|| self.plain(Kind::Quote, start));
        };
        let inner = (start + 1, end - 1);
        if inner.0 == inner.1 {
            return Some(self.named(Kind::Empty, start, inner, end));
        }
        if is_double && self.byte(end) == Some(b'*') {
            let affix = Affix { is_open_before: false, is_open_behind: true, is_parameter: false };
            return Some(self.named(Kind::Affix(affix), start, inner, end + 1));
        }
        let kind = if is_double { Kind::Quoted } else { Kind::SingleQuoted };
        Some(self.named(kind, start, inner, end))
    }

    /// `*`, or what it begins.
    fn starred(&mut self, start: usize) -> Token<'a> {
        let at = start + 1;
        let (inner, end, is_parameter) = match self.byte(at) {
            Some(b'$') if self.is_modern && word_end(self.text, at + 1) > at + 1 => {
                let end = word_end(self.text, at + 1);
                ((at + 1, end), end, true)
            }
            Some(b'"') if self.is_modern => match quote_end(self.text, at, b'"') {
                Some(end) if end > at + 2 => ((at + 1, end - 1), end, false),
                _ => return self.plain(Kind::Star, start),
            },
            _ => {
                let number = number_end(self.text, at, self.is_modern).unwrap_or(at);
                let end = word_end(self.text, at).max(number);
                if end == at || is_signed_infinity(&self.text[at..end]) {
                    return self.plain(Kind::Star, start);
                }
                ((at, end), end, false)
            }
        };
        let is_open_behind = self.byte(end) == Some(b'*');
        let affix = Affix { is_open_before: true, is_open_behind, is_parameter };
        self.named(Kind::Affix(affix), start, inner, end + usize::from(is_open_behind))
    }

    fn wildcard_end(&self, start: usize) -> Option<usize> {
        let is_one = self.is_modern && self.text[start..].starts_with("w'");
        is_one.then(|| quote_end(self.text, start + 1, b'\''))?.filter(|end| *end > start + 3)
    }

    fn word_or_number(&mut self, start: usize) -> Option<Token<'a>> {
        let word = word_end(self.text, start);
        let number = number_end(self.text, start, self.is_modern).unwrap_or(start);
        if let Some(end) = self.wildcard_end(start) {
            let token = self.named(Kind::Wildcard, start + 2, (start + 2, end - 1), end);
            let near = token.text.strip_prefix('$').unwrap_or(token.text);
            return Some(Token { near: Some(near), ..token });
        }
        let end = word.max(number);
        let text = &self.text[start..end];
        if !text.is_empty() && self.byte(end) == Some(b'*') && !is_signed_infinity(text) {
            let affix = Affix { is_open_before: false, is_open_behind: true, is_parameter: false };
            return Some(self.named(Kind::Affix(affix), start, (start, end), end + 1));
        }
        if text.is_empty() || text == "_" {
            return None;
        }
        let kind = if number == end {
            Kind::Number
        } else if self.is_modern && text.eq_ignore_ascii_case("ismissing") {
            Kind::Missing
        } else if self.stop_words.contain(text) {
            Kind::StopWord
        } else {
            Kind::Word
        };
        Some(self.named(kind, start, (start, end), end))
    }
}

/// Where the word that begins at a place ends; the place itself if none does.
pub(super) fn word_end(text: &str, start: usize) -> usize {
    let bytes = text.as_bytes();
    let mut at = start;
    while let Some(&byte) = bytes.get(at) {
        if byte == b'\\' && bytes.get(at + 1).is_some_and(|&next| is_escapable(next)) {
            at += 2;
        } else if byte >= 0x80 || byte.is_ascii_alphanumeric() || byte == b'_' {
            at += 1;
        } else {
            break;
        }
    }
    at
}

fn is_escapable(byte: u8) -> bool {
    byte.is_ascii_punctuation() || byte.is_ascii_whitespace()
}

/// Where the number that begins at a place ends. Only the later dialects have a `+` before one and infinity in any case.
fn number_end(text: &str, start: usize, is_modern: bool) -> Option<usize> {
    let bytes = text.as_bytes();
    let sign = bytes.get(start).copied().filter(|byte| matches!(byte, b'+' | b'-'));
    let from = start + usize::from(sign.is_some());
    let is_infinity = |word: &[u8]| word == b"inf" || is_modern && word.eq_ignore_ascii_case(b"inf");
    if bytes.get(from..from + 3).is_some_and(is_infinity) {
        return Some(from + 3);
    }
    if sign == Some(b'+') && !is_modern {
        return None;
    }
    let digits = |from: usize| from + bytes[from..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let whole = digits(from);
    if whole == from {
        return None;
    }
    let mut end = whole;
    if bytes.get(end) == Some(&b'.') && digits(end + 1) > end + 1 {
        end = digits(end + 1);
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let is_signed = match bytes.get(end + 1) {
            Some(b'-') => true,
            Some(b'+') => is_modern,
            _ => false,
        };
        let exponent = end + 1 + usize::from(is_signed);
        if exponent < bytes.len() && digits(exponent) > exponent {
            end = digits(exponent);
        }
    }
    Some(end)
}

fn is_signed_infinity(text: &str) -> bool {
    text.starts_with(['+', '-']) && text[1..].eq_ignore_ascii_case("inf")
}

/// Where a quoted text that begins at a place ends. One in double quotes ends behind its first quote without a backslash before it,
/// or else its last one with.
fn quote_end(text: &str, start: usize, quote: u8) -> Option<usize> {
    let bytes = text.as_bytes();
    let mut escaped = None;
    let mut at = start + 1;
    while at < bytes.len() {
        if bytes[at] == b'\\' {
            if quote == b'"' && bytes.get(at + 1) == Some(&quote) {
                escaped = Some(at + 2);
            }
            at += 2;
        } else if bytes[at] == quote {
            return Some(at + 1);
        } else {
            at += 1;
        }
    }
    escaped
}
