//! The codes of texts: how many bits they have, how they are read and written.

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

/// Writes a code, or other bits in its place, from bit `bit` on.
pub(super) fn write_code(bytes: &mut [u8], mut bit: usize, column: Column, code: u64) {
    let (mut code, mut left) = (code, column.bits);
    while left > 0 {
        let shift = u32::try_from(bit % 8).expect("below 8");
        let count = (8 - shift).min(left);
        let mask = u8::MAX >> (8 - count);
        let byte = &mut bytes[bit / 8];
        *byte = *byte & !(mask << shift) | (code.to_le_bytes()[0] & mask) << shift;
        code >>= count;
        left -= count;
        bit += count as usize;
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
