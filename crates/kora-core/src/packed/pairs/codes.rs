//! The codes of texts: how many bits they have, how they are read and written.

use std::ops::Range;

use super::Element;

/// Bits of a column's byte that tell the bits of its codes.
const BITS_MASK: u8 = 0x3F;
/// Set in the byte of a column with integers.
const INTEGERS_BIT: u8 = 0x80;

/// How the codes of one column are stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Column {
    /// Bits of each code.
    pub(super) bits: u32,
    pub(super) has_integers: bool,
}

impl Column {
    #[inline]
    pub(super) fn read(byte: u8) -> Self {
        Self { bits: (byte & BITS_MASK).into(), has_integers: byte & INTEGERS_BIT != 0 }
    }

    pub(super) fn byte(self) -> u8 {
        self.bits.to_le_bytes()[0] | if self.has_integers { INTEGERS_BIT } else { 0 }
    }

    /// The column of these texts.
    pub(super) fn of<'a>(texts: impl Iterator<Item = Element<'a>> + Clone) -> Self {
        let (mut longest, mut has_integers) = (0, false);
        for text in texts {
            has_integers |= matches!(text, Element::Integer(_));
            longest =
                longest.max(2 * stored_bytes(text) as u64 + u64::from(matches!(text, Element::Integer(_))));
        }
        let greatest = if has_integers { longest } else { longest / 2 };
        Self { bits: u64::BITS - greatest.leading_zeros(), has_integers }
    }

    /// The code of a text; `None` if the column has no integers, and it is one.
    #[inline]
    pub(super) fn code_of(self, text: Element<'_>) -> Option<u64> {
        let bytes = stored_bytes(text) as u64;
        match text {
            Element::Bytes(_) => Some(bytes << u32::from(self.has_integers)),
            Element::Integer(_) => self.has_integers.then_some(bytes << 1 | 1),
        }
    }

    /// The code of a text, if the column has room for it.
    #[inline]
    pub(super) fn fitting_code(self, text: Element<'_>) -> Option<u64> {
        self.code_of(text).filter(|code| code >> self.bits == 0)
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the length of a text in memory")]
    pub(super) fn text_bytes(self, code: u64) -> usize {
        (code >> u32::from(self.has_integers)) as usize
    }

    #[inline]
    pub(super) fn is_integer(self, code: u64) -> bool {
        self.has_integers && code & 1 == 1
    }
}

/// Bytes that hold the codes of so many pairs.
#[inline]
pub(super) fn bytes_for(columns: [Column; 2], count: usize) -> usize {
    (count * (columns[0].bits + columns[1].bits) as usize).div_ceil(8)
}

/// Bytes of a text as it is stored.
#[inline]
pub(super) fn stored_bytes(text: Element<'_>) -> usize {
    match text {
        Element::Bytes(text) => text.len(),
        Element::Integer(value) => integer_bytes(value),
    }
}

/// The fewest bytes that hold an integer with its sign; none for zero.
#[inline]
pub(super) fn integer_bytes(value: i64) -> usize {
    let magnitude = if value < 0 { !value } else { value };
    if value == 0 { 0 } else { ((u64::BITS - magnitude.leading_zeros()) as usize + 8) / 8 }
}

/// The integer that up to eight bytes hold.
#[inline]
pub(super) fn integer(bytes: &[u8]) -> i64 {
    let sign = if bytes.last().is_some_and(|last| last & 0x80 != 0) { 0xFF } else { 0 };
    let mut word = [sign; 8];
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}

/// Reads codes one after the other.
#[derive(Clone, Copy, Debug)]
pub(super) struct Codes<'a> {
    bytes: &'a [u8],
    bit: usize,
}

impl<'a> Codes<'a> {
    /// Codes from the beginning of `bytes` on.
    #[inline]
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, bit: 0 }
    }

    /// Those behind the codes of so many pairs.
    #[inline]
    pub(super) fn behind(bytes: &'a [u8], columns: [Column; 2], count: usize) -> Self {
        Self { bytes, bit: count * (columns[0].bits + columns[1].bits) as usize }
    }

    #[inline]
    pub(super) fn next(&mut self, column: Column) -> u64 {
        let bytes = &self.bytes[self.bit / 8..];
        let word = match bytes.first_chunk::<8>() {
            Some(word) => *word,
            None => {
                let mut word = [0; 8];
                word[..bytes.len()].copy_from_slice(bytes);
                word
            }
        };
        let code = u64::from_le_bytes(word) >> (self.bit % 8) & ((1 << column.bits) - 1);
        self.bit += column.bits as usize;
        code
    }
}

/// Bits that are read and written at once.
const WORD_BITS: usize = 32;

/// Reads up to [`WORD_BITS`] bits from bit `bit` on.
fn read_bits(bytes: &[u8], bit: usize, count: usize) -> u64 {
    let column = Column { bits: u32::try_from(count).expect("a word's bits"), has_integers: false };
    Codes { bytes, bit }.next(column)
}

/// Writes `count` bits, up to [`WORD_BITS`], in the place of those from bit `bit` on.
fn write_bits(bytes: &mut [u8], bit: usize, count: usize, bits: u64) {
    let (shift, mask) = (bit % 8, (1_u64 << count) - 1);
    let bytes = &mut bytes[bit / 8..];
    let mut word = [0; 8];
    let len = bytes.len().min(8);
    word[..len].copy_from_slice(&bytes[..len]);
    let written = u64::from_le_bytes(word) & !(mask << shift) | bits << shift;
    bytes[..len].copy_from_slice(&written.to_le_bytes()[..len]);
}

/// Writes a code in the place of the bits from bit `bit` on.
pub(super) fn write_code(bytes: &mut [u8], bit: usize, column: Column, code: u64) {
    write_bits(bytes, bit, column.bits as usize, code);
}

/// Moves the bits of a range `by` bits towards the end; those that they leave stay as they are.
pub(super) fn move_up(bytes: &mut [u8], range: Range<usize>, by: usize) {
    let mut end = range.end;
    while end > range.start {
        let begin = range.start.max(end.saturating_sub(WORD_BITS));
        let bits = read_bits(bytes, begin, end - begin);
        write_bits(bytes, begin + by, end - begin, bits);
        end = begin;
    }
}

/// Moves the bits of a range `by` bits towards the beginning; those that they leave become zero.
pub(super) fn move_down(bytes: &mut [u8], range: Range<usize>, by: usize) {
    let mut begin = range.start;
    while begin < range.end {
        let count = WORD_BITS.min(range.end - begin);
        let bits = read_bits(bytes, begin, count);
        write_bits(bytes, begin - by, count, bits);
        begin += count;
    }
    let mut left = range.end - by;
    while left < range.end {
        let count = WORD_BITS.min(range.end - left);
        write_bits(bytes, left, count, 0);
        left += count;
    }
}

/// Bytes that tell a number: seven bits each, lowest first; all but the last have the highest bit set.
pub(super) fn put_varint(bytes: &mut Vec<u8>, mut number: usize) {
    while number >= 0x80 {
        bytes.push((number & 0x7F | 0x80).to_le_bytes()[0]);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

/// The number at the beginning of `bytes`, and the bytes that tell it.
#[inline]
pub(super) fn read_varint(bytes: &[u8]) -> (usize, usize) {
    let mut number = usize::from(bytes[0] & 0x7F);
    let mut at = 0;
    while bytes[at] >= 0x80 {
        at += 1;
        number |= usize::from(bytes[at] & 0x7F) << (7 * at);
    }
    (number, at + 1)
}
