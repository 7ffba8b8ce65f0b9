//! A member of a JSON object, found without parsing the rest. What stands behind it is not looked at. A list is gone through and not kept.

use super::number;
use super::value::{Text, Value};

/// The value of the first member of this name, a list without what is in it; `None` if there is none, or if it is an object.
pub(super) fn member<'a>(text: &'a [u8], name: &[u8]) -> Option<Value<'a>> {
    let mut scanner = Scanner { text, at: 0 };
    if scanner.seek(name) { scanner.value(|_| ()) } else { None }
}

/// Whether the first member of this name is a list that has a value in it, or a text that it is part of. `None` as for [`member`].
pub(super) fn holds(text: &[u8], name: &[u8], value: Value<'_>) -> Option<bool> {
    let mut scanner = Scanner { text, at: 0 };
    if !scanner.seek(name) {
        return None;
    }
    let mut is_met = false;
    let member = scanner.value(|other| is_met = is_met || value.equals(other))?;
    Some(is_met || value.is_in(member))
}

/// Whether the first member of this name is a number that passes a test; what is no number passes another one. `None` as for [`member`].
#[inline]
pub(super) fn compares(
    text: &[u8],
    name: &[u8],
    is_met: impl Fn(f64) -> bool,
    by_value: impl Fn(Value<'_>) -> bool,
) -> Option<bool> {
    let mut scanner = Scanner { text, at: 0 };
    if !scanner.seek(name) {
        return None;
    }
    // Most are short, and known without a detour over values.
    match number::short(&text[scanner.at..]) {
        Some((number, _)) => Some(is_met(number)),
        None => scanner.value(|_| ()).map(by_value),
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    /// Goes in front of the value of the first member of this name; false if there is none. Nobody can name the one without a name.
    fn seek(&mut self, name: &[u8]) -> bool {
        !name.is_empty() && self.seek_member(name).is_some()
    }

    fn seek_member(&mut self, name: &[u8]) -> Option<()> {
        self.expect(b'{')?;
        loop {
            self.skip_spaces();
            let key = self.string()?;
            self.expect(b':')?;
            self.skip_spaces();
            if key.raw == name {
                return Some(());
            }
            self.skip_member()?;
            self.expect(b',')?;
        }
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_spaces();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A string, without its quotes.
    #[inline]
    fn string(&mut self) -> Option<Text<'a>> {
        self.expect(b'"')?;
        let from = self.at;
        let mut is_escaped = false;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    is_escaped = true;
                    self.at += 2;
                }
                _ => self.at += 1,
            }
        }
        self.at += 1;
        Some(Text { raw: self.text.get(from..self.at - 1)?, is_escaped })
    }

    /// A value, which is no object; what is in a list goes to `each`.
    fn value(mut self, each: impl FnMut(Value<'a>)) -> Option<Value<'a>> {
        if self.peek()? != b'[' {
            return self.scalar();
        }
        self.list(each)?;
        Some(Value::List(&[]))
    }

    /// Goes through a list, which has no object in it, nor have the lists in it, however deep they are.
    fn list(&mut self, mut each: impl FnMut(Value<'a>)) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            if self.peek()? == b'[' {
                self.at += 1;
                depth += 1;
                self.skip_spaces();
                if self.peek()? != b']' {
                    continue;
                }
            } else {
                let value = self.scalar()?;
                if depth == 1 {
                    each(value);
                }
            }
            self.skip_spaces();
            while self.peek()? == b']' {
                self.at += 1;
                depth -= 1;
                match depth {
                    0 => return Some(()),
                    1 => each(Value::List(&[])),
                    _ => {}
                }
                self.skip_spaces();
            }
            self.expect(b',')?;
            self.skip_spaces();
        }
    }

    /// A string, a number or a word.
    fn scalar(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.string().map(Value::Text),
            b'-' | b'+' | b'0'..=b'9' => {
                if let Some((value, length)) = number::short(&self.text[self.at..]) {
                    self.at += length;
                    return Some(Value::Number(value));
                }
                let (number, value) = number::leading(&self.text[self.at..], is_of_number);
                self.at += number.len();
                value.map(Value::Number)
            }
            _ => {
                let words: [(&[u8], Value<'a>); 3] =
                    [(b"true", Value::Number(1.0)), (b"false", Value::Number(0.0)), (b"null", Value::Null)];
                let rest = &self.text[self.at..];
                let (word, value) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
                self.at += word.len();
                let is_whole =
                    self.peek().is_none_or(|byte| is_space(byte) || matches!(byte, b',' | b']' | b'}'));
                is_whole.then_some(value)
            }
        }
    }

    /// Passes over the value of a member.
    fn skip_member(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' => self.string().map(|_| ()),
            b'[' => self.skip_between(b'[', b']'),
            b'{' => self.skip_between(b'{', b'}'),
            byte if is_of_number(byte) => {
                while self.peek().is_some_and(is_of_number) {
                    self.at += 1;
                }
                Some(())
            }
            _ => self.scalar().map(|_| ()),
        }
    }

    /// Passes over a list or an object, however deep it is: to the bracket that closes it, whatever is between them.
    fn skip_between(&mut self, open: u8, close: u8) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.at += memchr::memchr3(b'"', open, close, self.text.get(self.at..)?)?;
            match self.peek()? {
                b'"' => {
                    self.string()?;
                    continue;
                }
                byte if byte == open => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Whether a byte is a space as in C, with the vertical one.
#[inline]
fn is_space(byte: u8) -> bool {
    byte.is_ascii_whitespace() || byte == 0x0b
}

/// Whether a byte may stand in a number.
#[inline]
pub(super) fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// What a string of JSON stands for. As in Redis, a letter behind a backslash that is none of `n`, `r`, `t` stands for itself, but for `\\u`.
pub(super) fn unescape(raw: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            out.push(*byte);
            continue;
        }
        let Some((escaped, after)) = rest.split_first() else { break };
        rest = after;
        match escaped {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => rest = unescape_char(rest, &mut out),
            other => out.push(*other),
        }
    }
    out
}

/// Adds the character of four hexadecimal digits, or of eight with `\u` in their middle; returns what is left.
fn unescape_char<'a>(rest: &'a [u8], out: &mut Vec<u8>) -> &'a [u8] {
    let unit = |digits: &[u8]| {
        std::str::from_utf8(digits).ok().and_then(|digits| u16::from_str_radix(digits, 16).ok())
    };
    let Some((digits, after)) = rest.split_at_checked(4) else { return rest };
    let Some(first) = unit(digits) else { return rest };
    let second = after.strip_prefix(b"\\u").and_then(|after| after.split_at_checked(4));
    let pair = second.and_then(|(digits, after)| Some((unit(digits)?, after)));
    let (units, after) = match pair {
        Some((second, after)) if (0xD800..0xDC00).contains(&first) => (vec![first, second], after),
        _ => (vec![first], after),
    };
    let text: String =
        char::decode_utf16(units).map(|char| char.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    out.extend_from_slice(text.as_bytes());
    after
}
