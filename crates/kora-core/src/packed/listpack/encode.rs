//! How one element becomes bytes, and how its bytes are read.

use smallvec::SmallVec;

use super::{END, Element};
use crate::number::parse_i64;

/// First byte of a 16-bit integer; the wider ones follow it.
const INT16: u8 = 0xF1;
const INT24: u8 = 0xF2;
const INT32: u8 = 0xF3;
const INT64: u8 = 0xF4;
/// First byte of a string with a 32-bit length.
const STRING32: u8 = 0xF0;

/// An element's encoding without the length at its end: first bytes, then, for a string, its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Encoded<'a> {
    head: [u8; 9],
    head_len: usize,
    text: &'a [u8],
}

impl<'a> Encoded<'a> {
    /// The one encoding of `text`.
    pub(super) fn of(text: &'a [u8]) -> Self {
        match parse_i64(text) {
            Some(value) => Self::integer(value),
            None => Self::string(text),
        }
    }

    #[expect(clippy::cast_sign_loss, clippy::cast_possible_truncation, reason = "the low bits are meant")]
    pub(super) fn integer(value: i64) -> Self {
        let bytes = value.to_le_bytes();
        let wide = |first: u8, width: usize| {
            let mut head = [first, 0, 0, 0, 0, 0, 0, 0, 0];
            head[1..=width].copy_from_slice(&bytes[..width]);
            (head, width + 1)
        };
        let (head, head_len) = match value {
            0..=127 => ([value as u8, 0, 0, 0, 0, 0, 0, 0, 0], 1),
            -4096..=4095 => ([0xC0 | ((value >> 8) as u8 & 0x1F), value as u8, 0, 0, 0, 0, 0, 0, 0], 2),
            -0x8000..=0x7FFF => wide(INT16, 2),
            -0x80_0000..=0x7F_FFFF => wide(INT24, 3),
            -0x8000_0000..=0x7FFF_FFFF => wide(INT32, 4),
            _ => wide(INT64, 8),
        };
        Self { head, head_len, text: &[] }
    }

    #[expect(clippy::cast_possible_truncation, reason = "each arm keeps the length within its bits")]
    fn string(text: &'a [u8]) -> Self {
        let len = u32::try_from(text.len()).expect("a listpack is shorter than 4 GiB");
        let mut head = [0; 9];
        let head_len = match len {
            0..=0x3F => {
                head[0] = 0x80 | len as u8;
                1
            }
            0x40..=0xFFF => {
                head[0] = 0xE0 | (len >> 8) as u8;
                head[1] = len as u8;
                2
            }
            _ => {
                head[0] = STRING32;
                head[1..5].copy_from_slice(&len.to_le_bytes());
                5
            }
        };
        Self { head, head_len, text }
    }

    pub(super) fn len(&self) -> usize {
        self.head_len + self.text.len()
    }

    /// Whether the element at the beginning of `bytes` is this one.
    #[inline]
    pub(super) fn begins(&self, bytes: &[u8]) -> bool {
        // Nearly all elements that differ do so in the first byte, which tells encoding and length.
        bytes[0] == self.head[0]
            && bytes.starts_with(&self.head[..self.head_len])
            && bytes[self.head_len..].starts_with(self.text)
    }

    /// The whole element, its length at the end included.
    pub(super) fn to_bytes(self) -> SmallVec<[u8; 128]> {
        let mut bytes = SmallVec::new();
        self.write_to(&mut bytes);
        bytes
    }

    /// Adds the whole element to `bytes`.
    #[inline]
    pub(super) fn write_to<const N: usize>(self, bytes: &mut SmallVec<[u8; N]>) {
        bytes.reserve(self.len() + 5);
        bytes.extend_from_slice(&self.head[..self.head_len]);
        bytes.extend_from_slice(self.text);
        push_back_len(bytes, self.len());
    }
}

/// Bytes that `text` takes as an element.
#[must_use]
pub fn element_bytes(text: &[u8]) -> usize {
    let len = Encoded::of(text).len();
    len + back_len_bytes(len)
}

/// Bytes of the length at the end of an element of `len` bytes. The bounds are Redis's: a length that would fill
/// its bits gets a byte more.
#[inline]
pub(super) fn back_len_bytes(len: usize) -> usize {
    match len {
        0..=127 => 1,
        128..=16382 => 2,
        16383..=2_097_150 => 3,
        2_097_151..=268_435_454 => 4,
        _ => 5,
    }
}

/// Seven bits a byte, the highest first; all but the first byte are marked, for a reader who comes from behind.
fn push_back_len<const N: usize>(bytes: &mut SmallVec<[u8; N]>, len: usize) {
    let count = back_len_bytes(len);
    for index in (0..count).rev() {
        let mark = if index + 1 == count { 0 } else { 0x80 };
        bytes.push((len >> (7 * index)).to_le_bytes()[0] & 0x7F | mark);
    }
}

/// Reads the length that ends before `end`: the length of the element and the bytes it takes to say so.
#[inline]
pub(super) fn back_len(bytes: &[u8], end: usize) -> Option<(usize, usize)> {
    let mut len = 0;
    for index in 0..5 {
        let byte = *bytes.get(end.checked_sub(index + 1)?)?;
        len |= usize::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((len, index + 1));
        }
    }
    None
}

/// Length of the element at the beginning of `bytes`, without the length at its end; `None` at the end of the
/// listpack or where nothing known begins.
#[inline]
pub(super) fn encoded_len(bytes: &[u8]) -> Option<usize> {
    let first = *bytes.first()?;
    Some(match first {
        0..=0x7F => 1,
        0x80..=0xBF => 1 + usize::from(first & 0x3F),
        0xC0..=0xDF => 2,
        0xE0..=0xEF => 2 + (usize::from(first & 0x0F) << 8 | usize::from(*bytes.get(1)?)),
        STRING32 => 5 + u32::from_le_bytes(bytes.get(1..5)?.try_into().ok()?) as usize,
        INT16 => 3,
        INT24 => 4,
        INT32 => 5,
        INT64 => 9,
        _ => {
            debug_assert!(first == END || first > INT64);
            return None;
        }
    })
}

/// The text of the element at the beginning of `bytes`, and the bytes of the whole element, if it is a string of the shortest encoding,
/// as most are.
#[inline]
pub(super) fn short_string(bytes: &[u8]) -> Option<(&[u8], usize)> {
    let (first, rest) = bytes.split_first()?;
    let len = usize::from(first & 0x3F);
    let text = rest.get(..len).filter(|_| first & 0xC0 == 0x80)?;
    Some((text, len + 2))
}

/// The element that `bytes`, which hold it and nothing else, encode.
#[inline]
pub(super) fn decode(bytes: &[u8]) -> Element<'_> {
    let first = bytes[0];
    match first {
        0..=0x7F => Element::Integer(i64::from(first)),
        0x80..=0xBF => Element::Bytes(&bytes[1..]),
        0xC0..=0xDF => {
            let bits = i64::from(first & 0x1F) << 8 | i64::from(bytes[1]);
            // 13 bits with a sign.
            Element::Integer(bits << 51 >> 51)
        }
        0xE0..=0xEF => Element::Bytes(&bytes[2..]),
        STRING32 => Element::Bytes(&bytes[5..]),
        _ => Element::Integer(wide_integer(&bytes[1..])),
    }
}

/// A little-endian integer of any width, sign extended.
fn wide_integer(bytes: &[u8]) -> i64 {
    let negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut word = if negative { [0xFF; 8] } else { [0; 8] };
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}
