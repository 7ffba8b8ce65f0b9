//! A string as an array of bits: bit 0 is the most significant bit of the first byte, as SETBIT and GETBIT number them.
//!
//! Counting follows W. Muła, N. Kurz and D. Lemire, "Faster Population Counts Using AVX2 Instructions" (2018): carry-save
//! adders turn eight words into one to count. They work on several words side by side, in a form that compilers turn
//! into vector instructions of any width; so no instruction beyond the architecture's base is needed.

mod combine;
mod field;

use std::ops::Range;

pub use combine::{Combination, Operator};
pub use field::{FieldType, Overflow};

/// Words that are counted side by side.
const LANES: usize = 4;
/// Bytes of so many words.
const ROW_BYTES: usize = LANES * 8;
/// Rows that the adders turn into one.
const ROWS: usize = 8;
/// Bytes looked at together by [`first_bit`].
const STRIDE_BYTES: usize = 64;

type Row = [u64; LANES];

/// The bit at `offset`; beyond the end all bits are 0.
#[must_use]
pub fn bit(bytes: &[u8], offset: u64) -> bool {
    let byte = usize::try_from(offset / 8).ok().and_then(|at| bytes.get(at));
    byte.is_some_and(|byte| byte & mask(offset) != 0)
}

/// Sets or clears the bit at `offset`.
///
/// # Panics
/// If it lies beyond the end.
pub fn set_bit(bytes: &mut [u8], offset: u64, on: bool) {
    let byte = &mut bytes[byte_index(offset)];
    if on { *byte |= mask(offset) } else { *byte &= !mask(offset) }
}

/// The byte that a bit lies in.
///
/// # Panics
/// If no string could be so long.
#[must_use]
pub fn byte_index(offset: u64) -> usize {
    usize::try_from(offset / 8).expect("offsets are checked against the longest string")
}

/// How many bits are set. Complexity: O(n), at 0.6 instructions per byte (x86-64, base instructions).
#[must_use]
pub fn count_ones(bytes: &[u8]) -> u64 {
    let (blocks, rest) = bytes.as_chunks::<{ ROW_BYTES * ROWS }>();
    let (mut ones, mut twos, mut fours) = (Row::default(), Row::default(), Row::default());
    let mut eights_count = 0;
    for block in blocks {
        let eights = add_block(block, &mut ones, &mut twos, &mut fours);
        eights_count += count_row(eights);
    }
    let rest_count: u64 = rest.iter().map(|byte| u64::from(byte.count_ones())).sum();
    8 * eights_count + 4 * count_row(fours) + 2 * count_row(twos) + count_row(ones) + rest_count
}

/// Adds a block to the counters of each bit's place; returns the carries, which count eight each.
#[inline]
fn add_block(block: &[u8; ROW_BYTES * ROWS], ones: &mut Row, twos: &mut Row, fours: &mut Row) -> Row {
    let row = |index: usize| -> Row {
        let (words, _) = block[index * ROW_BYTES..(index + 1) * ROW_BYTES].as_chunks::<8>();
        std::array::from_fn(|lane| u64::from_ne_bytes(words[lane]))
    };
    let mut pair = |index: usize| {
        let two = carry(ones, row(index), row(index + 1));
        let other_two = carry(ones, row(index + 2), row(index + 3));
        carry(twos, two, other_two)
    };
    let four = pair(0);
    let other_four = pair(4);
    carry(fours, four, other_four)
}

/// Adds two numbers to a sum, all of one bit in each place; returns the carries.
#[inline]
fn carry(sum: &mut Row, a: Row, b: Row) -> Row {
    let mut carries = Row::default();
    for lane in 0..LANES {
        let partial = sum[lane] ^ a[lane];
        carries[lane] = (sum[lane] & a[lane]) | (partial & b[lane]);
        sum[lane] = partial ^ b[lane];
    }
    carries
}

#[inline]
fn count_row(row: Row) -> u64 {
    row.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// How many of the bits in `range` are set.
///
/// # Panics
/// If the range is not empty and ends beyond the end.
#[must_use]
pub fn count_ones_in(bytes: &[u8], range: Range<u64>) -> u64 {
    if range.is_empty() {
        return 0;
    }
    let (first, last) = (byte_index(range.start), byte_index(range.end - 1));
    let before = bytes[first] & !from(range.start);
    let after = bytes[last] & !until(range.end);
    count_ones(&bytes[first..=last]) - u64::from(before.count_ones() + after.count_ones())
}

/// The first bit in `range` that is `wanted`. Complexity: O(n), a word at a time.
///
/// # Panics
/// If the range is not empty and ends beyond the end.
#[must_use]
pub fn first_bit_in(bytes: &[u8], wanted: bool, range: Range<u64>) -> Option<u64> {
    if range.is_empty() {
        return None;
    }
    let (first, last) = (byte_index(range.start), byte_index(range.end - 1));
    // The ends are looked at alone, with the bits outside of the range made such as are not wanted.
    let in_byte = |at: usize, mask: u8| {
        let byte = if wanted { bytes[at] & mask } else { !bytes[at] & mask };
        (byte != 0).then(|| at as u64 * 8 + u64::from(byte.leading_zeros()))
    };
    if first == last {
        return in_byte(first, from(range.start) & until(range.end));
    }
    in_byte(first, from(range.start))
        .or_else(|| {
            let between = first_bit(&bytes[first + 1..last], wanted)?;
            Some((first as u64 + 1) * 8 + between)
        })
        .or_else(|| in_byte(last, until(range.end)))
}

/// The first bit that is `wanted`.
fn first_bit(bytes: &[u8], wanted: bool) -> Option<u64> {
    let other = if wanted { 0 } else { u64::MAX };
    let (strides, _) = bytes.as_chunks::<STRIDE_BYTES>();
    let differs = |stride: &[u8; STRIDE_BYTES]| {
        let (words, _) = stride.as_chunks::<8>();
        words.iter().fold(0, |found, word| found | (u64::from_ne_bytes(*word) ^ other)) != 0
    };
    let skipped = strides.iter().take_while(|stride| !differs(stride)).count() * STRIDE_BYTES;
    let [other, ..] = other.to_ne_bytes();
    let at = skipped + bytes[skipped..].iter().position(|byte| *byte != other)?;
    Some(at as u64 * 8 + u64::from((bytes[at] ^ other).leading_zeros()))
}

/// The bit of its byte.
fn mask(offset: u64) -> u8 {
    0x80 >> (offset % 8)
}

/// The bits of its byte from `offset` on.
fn from(offset: u64) -> u8 {
    0xFF >> (offset % 8)
}

/// The bits of the byte before `offset` up to there.
fn until(offset: u64) -> u8 {
    !(0x7F >> ((offset - 1) % 8))
}

#[cfg(test)]
mod tests;
