//! The bytes of one record: lengths, deadline if any, key, value.
//!
//! ```text
//! varint: key's length * 2 + (1 with a deadline) | varint: value's length | deadline 8, if any | key | value
//! ```
//!
//! A varint holds seven bits a byte, lowest first; all but its last byte have the highest bit set. So a short member of a
//! set costs two bytes beyond its own.

use crate::time::UnixMs;

/// A key with its value and deadline, as it lies in a table. Members of a set have an empty value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The key: a set's member, a hash's field.
    pub key: &'a [u8],
    /// The value.
    pub value: &'a [u8],
    /// When the record expires. The table only keeps it.
    pub deadline: Option<UnixMs>,
}

const DEADLINE_BYTES: usize = 8;

impl<'a> Record<'a> {
    /// A record that is a key alone.
    #[must_use]
    pub fn key(key: &'a [u8]) -> Self {
        Self { key, value: b"", deadline: None }
    }

    fn head(&self) -> [usize; 2] {
        [self.key.len() << 1 | usize::from(self.deadline.is_some()), self.value.len()]
    }

    /// Bytes it takes.
    #[inline]
    pub(super) fn encoded_bytes(&self) -> usize {
        let head: usize = self.head().into_iter().map(varint_bytes).sum();
        let deadline = if self.deadline.is_some() { DEADLINE_BYTES } else { 0 };
        head + deadline + self.key.len() + self.value.len()
    }

    /// Writes it to `bytes`, which has just the room.
    #[inline]
    pub(super) fn encode(&self, bytes: &mut [u8]) {
        let mut at = 0;
        for number in self.head() {
            at += write_varint(&mut bytes[at..], number);
        }
        if let Some(deadline) = self.deadline {
            bytes[at..at + DEADLINE_BYTES].copy_from_slice(&deadline.0.to_le_bytes());
            at += DEADLINE_BYTES;
        }
        let (key, value) = bytes[at..].split_at_mut(self.key.len());
        key.copy_from_slice(self.key);
        value.copy_from_slice(self.value);
    }

    /// The record at the beginning of `bytes`, and how many bytes it takes.
    #[inline]
    pub(super) fn decode(bytes: &'a [u8]) -> (Self, usize) {
        let (head, head_bytes) = read_varint(bytes);
        let (value_len, value_head_bytes) = read_varint(&bytes[head_bytes..]);
        let mut at = head_bytes + value_head_bytes;
        let deadline = (head & 1 != 0).then(|| {
            let deadline = bytes[at..].first_chunk().expect("a record's head says that a deadline follows");
            at += DEADLINE_BYTES;
            UnixMs(i64::from_le_bytes(*deadline))
        });
        let (key_end, end) = (at + (head >> 1), at + (head >> 1) + value_len);
        (Self { key: &bytes[at..key_end], value: &bytes[key_end..end], deadline }, end)
    }
}

#[inline]
fn varint_bytes(number: usize) -> usize {
    if number < 0x80 { 1 } else { (usize::BITS - number.leading_zeros()).div_ceil(7) as usize }
}

#[inline]
fn write_varint(bytes: &mut [u8], mut number: usize) -> usize {
    let mut at = 0;
    while number >= 0x80 {
        bytes[at] = (number & 0x7F | 0x80).to_le_bytes()[0];
        number >>= 7;
        at += 1;
    }
    bytes[at] = number.to_le_bytes()[0];
    at + 1
}

#[inline]
fn read_varint(bytes: &[u8]) -> (usize, usize) {
    let mut number = usize::from(bytes[0] & 0x7F);
    let mut at = 0;
    while bytes[at] >= 0x80 {
        at += 1;
        number |= usize::from(bytes[at] & 0x7F) << (7 * at);
    }
    (number, at + 1)
}
