//! A member of a JSON object, found without parsing the rest. What stands behind it is not looked at. A list is gone through and not kept.

use std::borrow::Cow;

use super::{Value, number};

/// The value of the first member of this name, a list without what is in it; `None` if there is none, or if it is an object.
pub(super) fn member<'a>(text: &'a [u8], name: &[u8]) -> Option<Value<'a>> {
    at_member(text, name)?.value(|_| ())
}

/// Whether the first member of this name is a list that has a value in it, or a text that it is part of. `None` as for [`member`].
pub(super) fn holds(text: &[u8], name: &[u8], value: &Value<'_>) -> Option<bool> {
    let mut is_met = false;
    let member = at_member(text, name)?.value(|other| is_met = is_met || value.equals(&other))?;
    Some(is_met || value.is_in(&member))
}

/// In front of the value of the first member of this name.
fn at_member<'a>(text: &'a [u8], name: &[u8]) -> Option<Scanner<'a>> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.expect(b'{')?;
    loop {
        scanner.skip_spaces();
        let key = scanner.raw_string()?;
        scanner.expect(b':')?;
        scanner.skip_spaces();
        if key == name {
            return Some(scanner);
        }
        scanner.skip_member()?;
        scanner.expect(b',')?;
    }
}

struct Scanner<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn skip_spaces(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        self.skip_spaces();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A string as it is written, without its quotes.
    fn raw_string(&mut self) -> Option<&'a [u8]> {
        self.expect(b'"')?;
        let from = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(from..self.at - 1)
    }

    /// A value, which is no object; what is in a list goes to `each`.
    fn value(mut self, mut each: impl FnMut(Value<'a>)) -> Option<Value<'a>> {
        if self.peek()? != b'[' {
            return self.scalar();
        }
        self.at += 1;
        let list = Value::List(Vec::new());
        self.skip_spaces();
        if self.peek()? == b']' {
            return Some(list);
        }
        loop {
            self.skip_spaces();
            let value = if self.peek()? == b'[' {
                self.skip_value()?;
                Value::List(Vec::new())
            } else {
                self.scalar()?
            };
            each(value);
            self.skip_spaces();
            match self.peek()? {
                b',' => self.at += 1,
                b']' => return Some(list),
                _ => return None,
            }
        }
    }

    /// A string, a number or a word.
    fn scalar(&mut self) -> Option<Value<'a>> {
        match self.peek()? {
            b'"' => self.raw_string().map(|raw| Value::Text(unescape(raw))),
            b'-' | b'+' | b'0'..=b'9' => {
                let (number, value) = number::leading(&self.text[self.at..], is_of_number);
                self.at += number.len();
                value.map(Value::Number)
            }
            _ => {
                let words: [(&[u8], Value<'static>); 3] =
                    [(b"true", Value::Number(1.0)), (b"false", Value::Number(0.0)), (b"null", Value::Null)];
                let rest = &self.text[self.at..];
                let (word, value) = words.into_iter().find(|(word, _)| rest.starts_with(word))?;
                self.at += word.len();
                let is_whole = !self.peek().is_some_and(|byte| byte.is_ascii_alphanumeric());
                is_whole.then_some(value)
            }
        }
    }

    /// Passes over the value of a member.
    fn skip_member(&mut self) -> Option<()> {
        match self.peek()? {
            b'"' | b'[' | b'{' => self.skip_value(),
            byte if is_of_number(byte) => {
                while self.peek().is_some_and(is_of_number) {
                    self.at += 1;
                }
                Some(())
            }
            _ => self.scalar().map(|_| ()),
        }
    }

    /// Passes over a value, however deep it is.
    fn skip_value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.skip_spaces();
            match self.peek()? {
                b'"' => drop(self.raw_string()?),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                }
                b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' if depth > 0 => self.at += 1,
                b',' | b':' => return None,
                _ => {
                    while self.peek().is_some_and(|byte| !b",:]}[{\" \t\r\n".contains(&byte)) {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }
}

/// Whether a byte may stand in a number.
fn is_of_number(byte: u8) -> bool {
    byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E')
}

/// What a string of JSON stands for.
fn unescape(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\\') {
        return Cow::Borrowed(raw);
    }
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
            b'b' => out.push(0x08),
            b'f' => out.push(0x0c),
            b'u' => rest = unescape_char(rest, &mut out),
            other => out.push(*other),
        }
    }
    Cow::Owned(out)
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
