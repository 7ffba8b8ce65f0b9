//! Making runs: value by value, in the order of a text.

use super::{Value, tag};
use crate::number::Number;

/// Bytes of a container's head while its length is not known: most bodies are short.
const HEAD_BYTES: usize = 3;

/// Builds runs. Whoever uses it keeps to the order of values: one at the top, in an object a name before each.
#[derive(Debug, Default)]
pub struct Builder {
    out: Vec<u8>,
}

/// A container that is being built.
#[derive(Debug)]
pub(crate) struct Open {
    start: usize,
}

impl Open {
    /// Where the body begins, until the container is closed.
    pub(crate) fn body(&self) -> usize {
        self.start + HEAD_BYTES
    }
}

impl Builder {
    /// A builder with room for so many bytes.
    pub(crate) fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes) }
    }

    /// The run.
    pub(crate) fn finish(self) -> Vec<u8> {
        self.out
    }

    /// What was built so far.
    pub(crate) fn built(&self) -> &[u8] {
        &self.out
    }

    /// Takes back what was built behind a place.
    pub(crate) fn truncate(&mut self, len: usize) {
        self.out.truncate(len);
    }

    /// Adds `null`.
    pub(crate) fn null(&mut self) {
        self.out.push(tag::NULL);
    }

    /// Adds a truth value.
    pub(crate) fn bool(&mut self, value: bool) {
        self.out.push(if value { tag::TRUE } else { tag::FALSE });
    }

    /// Adds a number.
    pub(crate) fn number(&mut self, number: Number) {
        match number {
            Number::Integer(number) => self.integer(number),
            Number::Unsigned(number) => match i64::try_from(number) {
                Ok(number) => self.integer(number),
                Err(_) => self.tagged(tag::UNSIGNED, &number.to_le_bytes()),
            },
            Number::Double(number) => self.double(number),
        }
    }

    fn integer(&mut self, number: i64) {
        if let Ok(small @ 0..64) = u8::try_from(number) {
            self.out.push(tag::SMALL + small);
        } else if let Ok(number) = i8::try_from(number) {
            self.tagged(tag::INT_1, &number.to_le_bytes());
        } else if let Ok(number) = i16::try_from(number) {
            self.tagged(tag::INT_2, &number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number) {
            self.tagged(tag::INT_4, &number.to_le_bytes());
        } else {
            self.tagged(tag::INT_8, &number.to_le_bytes());
        }
    }

    fn double(&mut self, number: f64) {
        if let Some(parts) = parts_of(number, 1e2) {
            if let Ok(parts) = i8::try_from(parts) {
                self.tagged(tag::HUNDREDTHS_1, &parts.to_le_bytes());
            } else if let Ok(parts) = i16::try_from(parts) {
                self.tagged(tag::HUNDREDTHS_2, &parts.to_le_bytes());
            } else {
                self.tagged(tag::HUNDREDTHS_4, &parts.to_le_bytes());
            }
        } else if let Some(parts) = parts_of(number, 1e4) {
            match i16::try_from(parts) {
                Ok(parts) => self.tagged(tag::FOUR_DIGITS_2, &parts.to_le_bytes()),
                Err(_) => self.tagged(tag::FOUR_DIGITS_4, &parts.to_le_bytes()),
            }
        } else if let Some(parts) = parts_of(number, 1e8) {
            self.tagged(tag::EIGHT_DIGITS, &parts.to_le_bytes());
        } else {
            self.tagged(tag::DOUBLE, &number.to_le_bytes());
        }
    }

    fn tagged(&mut self, tag: u8, bytes: &[u8]) {
        self.out.push(tag);
        self.out.extend_from_slice(bytes);
    }

    /// Adds a text, or a name.
    pub(crate) fn text(&mut self, text: &[u8]) {
        match u8::try_from(text.len()) {
            Ok(len @ 0..0x80) => self.out.push(tag::SHORT + len),
            _ => {
                self.out.push(tag::TEXT);
                put_count(&mut self.out, text.len());
            }
        }
        self.out.extend_from_slice(text);
    }

    /// Adds a copy of a value.
    pub(crate) fn copy(&mut self, value: Value<'_>) {
        self.out.extend_from_slice(value.bytes());
    }

    /// Adds bytes of a run: elements, or members.
    pub(crate) fn copy_bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Adds an empty array, or object.
    pub(crate) fn empty(&mut self, is_object: bool) {
        self.open(is_object);
    }

    /// Begins an array, or an object.
    pub(crate) fn open(&mut self, is_object: bool) -> Open {
        let start = self.out.len();
        self.out.extend_from_slice(&[if is_object { tag::OBJECT } else { tag::ARRAY }, 0, 0]);
        Open { start }
    }

    /// Ends it.
    pub(crate) fn close(&mut self, open: &Open, count: usize) {
        let body = open.body();
        let len = self.out.len() - body;
        if let (Ok(len @ 0..0x80), Ok(count @ 0..0x80)) = (u8::try_from(len), u8::try_from(count)) {
            self.out[open.start + 1] = len;
            self.out[open.start + 2] = count;
            return;
        }
        let mut head = Vec::new();
        put_count(&mut head, len);
        put_count(&mut head, count);
        self.out.splice(open.start + 1..body, head);
    }
}

/// The double as whole parts of one, if a division makes it again exactly.
#[expect(clippy::cast_possible_truncation, reason = "checked by going back")]
fn parts_of(number: f64, scale: f64) -> Option<i32> {
    let parts = (number * scale).round() as i32;
    ((f64::from(parts) / scale).to_bits() == number.to_bits()).then_some(parts)
}

/// Adds a length or a count.
pub(crate) fn put_count(out: &mut Vec<u8>, mut count: usize) {
    while count >= 0x80 {
        out.push(count.to_le_bytes()[0] | 0x80);
        count >>= 7;
    }
    out.push(count.to_le_bytes()[0]);
}
