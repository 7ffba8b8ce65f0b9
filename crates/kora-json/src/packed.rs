//! A JSON value as one run of bytes: how it is laid down, and reading it in place.
//!
//! ```text
//! 00 null | 01 false | 02 true
//! 03 04 05 06   an integer of 1, 2, 4, 8 bytes | 07 an integer of 8 bytes without a sign
//! 08            a double of 8 bytes
//! 09 0A 0B      hundredths in 1, 2, 4 bytes | 0C 0D ten-thousandths in 2, 4 bytes | 0E 10^-8 in 4 bytes
//! 0F            length, text
//! 10 11         array, object: bytes of the body, count, body
//! 40 to 7F      the integers 0 to 63
//! 80 to FF      a text of 0 to 127 bytes
//! ```
//!
//! Bytes of numbers stand lowest first. Lengths and counts have seven bits in each byte, the lowest first; the highest bit says that more
//! follow. An array's body is its elements one behind the other, an object's its members: a text, then a value. Decimal fractions are
//! doubles that a division makes again exactly.
//!
//! Invariants of every run: texts are UTF-8, members have distinct names, values are nested at most [`DEPTH_MAX`] deep, lengths and counts
//! are right. Only [`Builder`] and [`edit`](crate::edit) make runs, and nothing is read that they did not make: readers rely on that, and
//! index.
//!
//! Complexity: passing over a value is O(1), looking a member or element up O(members or elements before it).

mod builder;
#[cfg(test)]
mod tests;

pub use builder::Builder;
pub(crate) use builder::put_count;

use crate::number::Number;

/// Arrays and objects in each other, at most: as many as RedisJSON's parser takes.
pub const DEPTH_MAX: usize = 127;

/// First bytes of values.
pub(crate) mod tag {
    pub(crate) const NULL: u8 = 0;
    pub(crate) const FALSE: u8 = 1;
    pub(crate) const TRUE: u8 = 2;
    pub(crate) const INT_1: u8 = 3;
    pub(crate) const INT_2: u8 = 4;
    pub(crate) const INT_4: u8 = 5;
    pub(crate) const INT_8: u8 = 6;
    pub(crate) const UNSIGNED: u8 = 7;
    pub(crate) const DOUBLE: u8 = 8;
    pub(crate) const HUNDREDTHS_1: u8 = 9;
    pub(crate) const HUNDREDTHS_2: u8 = 10;
    pub(crate) const HUNDREDTHS_4: u8 = 11;
    pub(crate) const FOUR_DIGITS_2: u8 = 12;
    pub(crate) const FOUR_DIGITS_4: u8 = 13;
    pub(crate) const EIGHT_DIGITS: u8 = 14;
    pub(crate) const TEXT: u8 = 15;
    pub(crate) const ARRAY: u8 = 16;
    pub(crate) const OBJECT: u8 = 17;
    /// Integers from 0 on.
    pub(crate) const SMALL: u8 = 0x40;
    /// Short texts, by their length.
    pub(crate) const SHORT: u8 = 0x80;
}

/// A value within a run.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    run: &'a [u8],
    at: usize,
}

/// What a value is, opened.
#[derive(Clone, Copy, Debug)]
pub enum Node<'a> {
    /// `null`.
    Null,
    /// A truth value.
    Bool(bool),
    /// A number.
    Number(Number),
    /// A text, in UTF-8.
    Text(&'a [u8]),
    /// An array.
    Array(Container<'a>),
    /// An object.
    Object(Container<'a>),
}

/// An array or an object.
#[derive(Clone, Copy)]
pub struct Container<'a> {
    run: &'a [u8],
    /// Where the body begins and ends.
    pub(crate) body: (usize, usize),
    count: usize,
}

impl<'a> Value<'a> {
    /// The value at the beginning of a run.
    pub(crate) fn root(run: &'a [u8]) -> Self {
        Self { run, at: 0 }
    }

    /// The value that begins at a place of a run.
    pub(crate) fn at_place(run: &'a [u8], at: usize) -> Self {
        Self { run, at }
    }

    /// The run that it is in.
    pub(crate) fn run(self) -> &'a [u8] {
        self.run
    }

    /// Another value of the same run.
    pub(crate) fn moved_to(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// Where it begins in its run.
    pub(crate) fn place(self) -> usize {
        self.at
    }

    /// Where it ends in its run.
    pub(crate) fn end(self) -> usize {
        let tag = self.run[self.at];
        let behind = self.at + 1;
        match tag {
            tag::NULL..=tag::TRUE | tag::SMALL..tag::SHORT => behind,
            tag::INT_1 | tag::HUNDREDTHS_1 => behind + 1,
            tag::INT_2 | tag::HUNDREDTHS_2 | tag::FOUR_DIGITS_2 => behind + 2,
            tag::INT_4 | tag::HUNDREDTHS_4 | tag::FOUR_DIGITS_4 | tag::EIGHT_DIGITS => behind + 4,
            tag::INT_8 | tag::UNSIGNED | tag::DOUBLE => behind + 8,
            tag::TEXT => {
                let (len, start) = take_count(self.run, behind);
                start + len
            }
            tag::SHORT.. => behind + usize::from(tag - tag::SHORT),
            _ => self.container().body.1,
        }
    }

    /// Its bytes: a run of its own.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        &self.run[self.at..self.end()]
    }

    /// What it is.
    #[must_use]
    pub fn node(self) -> Node<'a> {
        let tag = self.run[self.at];
        match tag {
            tag::NULL => Node::Null,
            tag::FALSE | tag::TRUE => Node::Bool(tag == tag::TRUE),
            tag::SHORT.. | tag::TEXT => Node::Text(text_at(self.run, self.at).0),
            tag::ARRAY => Node::Array(self.container()),
            tag::OBJECT => Node::Object(self.container()),
            _ => Node::Number(self.number(tag)),
        }
    }

    fn number(self, tag: u8) -> Number {
        if tag >= tag::SMALL {
            return Number::Integer((tag - tag::SMALL).into());
        }
        let of = |bytes: usize| -> i64 {
            let from = &self.run[self.at + 1..][..bytes];
            match *from {
                [byte] => i8::from_le_bytes([byte]).into(),
                [a, b] => i16::from_le_bytes([a, b]).into(),
                [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
                _ => i64::from_le_bytes(from.try_into().expect("eight are left")),
            }
        };
        let eight = || self.run[self.at + 1..][..8].try_into().expect("eight were taken");
        match tag {
            tag::INT_1 => Number::Integer(of(1)),
            tag::INT_2 => Number::Integer(of(2)),
            tag::INT_4 => Number::Integer(of(4)),
            tag::INT_8 => Number::Integer(of(8)),
            tag::UNSIGNED => Number::Unsigned(u64::from_le_bytes(eight())),
            tag::DOUBLE => Number::Double(f64::from_le_bytes(eight())),
            tag::HUNDREDTHS_1 => fraction(of(1), 1e2),
            tag::HUNDREDTHS_2 => fraction(of(2), 1e2),
            tag::HUNDREDTHS_4 => fraction(of(4), 1e2),
            tag::FOUR_DIGITS_2 => fraction(of(2), 1e4),
            tag::FOUR_DIGITS_4 => fraction(of(4), 1e4),
            tag::EIGHT_DIGITS => fraction(of(4), 1e8),
            _ => unreachable!("no run has this tag: {tag}"),
        }
    }

    fn container(self) -> Container<'a> {
        let (len, at) = take_count(self.run, self.at + 1);
        let (count, start) = take_count(self.run, at);
        Container { run: self.run, body: (start, start + len), count }
    }

    /// The text that it is; `None` if it is something else.
    #[must_use]
    pub fn as_str(self) -> Option<&'a str> {
        match self.node() {
            Node::Text(text) => Some(std::str::from_utf8(text).expect("texts are UTF-8")),
            _ => None,
        }
    }

    /// What JSON.TYPE calls it.
    #[must_use]
    pub fn type_name(self) -> &'static str {
        match self.node() {
            Node::Null => "null",
            Node::Bool(_) => "boolean",
            Node::Number(number) if number.is_integer() => "integer",
            Node::Number(_) => "number",
            Node::Text(_) => "string",
            Node::Array(_) => "array",
            Node::Object(_) => "object",
        }
    }

    /// How many arrays and objects are in each other in it, itself included. Complexity: O(bytes).
    #[must_use]
    pub fn depth(self) -> usize {
        match self.node() {
            Node::Array(elements) => 1 + elements.elements().map(Self::depth).max().unwrap_or(0),
            Node::Object(members) => 1 + members.members().map(|(_, value)| value.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }
}

impl std::fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut text = Vec::new();
        crate::text::write(*self, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

impl std::fmt::Debug for Container<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Container")
            .field("body", &self.body)
            .field("count", &self.count)
            .finish_non_exhaustive()
    }
}

impl<'a> Container<'a> {
    /// Number of elements or members.
    #[must_use]
    pub fn len(self) -> usize {
        self.count
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.count == 0
    }

    /// The elements of an array.
    pub fn elements(self) -> impl Iterator<Item = Value<'a>> {
        let mut at = self.body.0;
        std::iter::from_fn(move || {
            let value = Value { run: self.run, at };
            (at < self.body.1).then(|| at = value.end())?;
            Some(value)
        })
    }

    /// The members of an object: name and value.
    pub fn members(self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let mut at = self.body.0;
        std::iter::from_fn(move || {
            if at == self.body.1 {
                return None;
            }
            let (name, behind) = text_at(self.run, at);
            let value = Value { run: self.run, at: behind };
            at = value.end();
            Some((name, value))
        })
    }

    /// The values in it.
    pub fn values(self, is_object: bool) -> impl Iterator<Item = Value<'a>> {
        let mut at = self.body.0;
        std::iter::from_fn(move || {
            if at == self.body.1 {
                return None;
            }
            let start = if is_object { text_at(self.run, at).1 } else { at };
            let value = Value { run: self.run, at: start };
            at = value.end();
            Some(value)
        })
    }

    /// The element at a place of an array.
    #[must_use]
    pub fn element(self, index: usize) -> Option<Value<'a>> {
        if index >= self.count { None } else { self.elements().nth(index) }
    }

    /// The member of an object with this name.
    #[must_use]
    pub fn member(self, name: &[u8]) -> Option<Value<'a>> {
        self.members().find(|(found, _)| *found == name).map(|(_, value)| value)
    }
}

/// The text at a place, and where it ends.
pub(crate) fn text_at(run: &[u8], at: usize) -> (&[u8], usize) {
    let tag = run[at];
    let (len, start) =
        if tag == tag::TEXT { take_count(run, at + 1) } else { (usize::from(tag - tag::SHORT), at + 1) };
    (&run[start..start + len], start + len)
}

/// The double that these parts of one are.
#[expect(clippy::cast_precision_loss, reason = "32 bits are exact")]
fn fraction(parts: i64, scale: f64) -> Number {
    Number::Double(parts as f64 / scale)
}

/// A length or count, and where it ends.
#[inline]
pub(crate) fn take_count(run: &[u8], at: usize) -> (usize, usize) {
    let (mut count, mut shift, mut next) = (0, 0, at);
    loop {
        let byte = run[next];
        count |= usize::from(byte & 0x7F) << shift;
        next += 1;
        if byte < 0x80 {
            return (count, next);
        }
        shift += 7;
    }
}
