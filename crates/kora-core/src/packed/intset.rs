//! Small sets of integers, in ascending order, as close together as they lie to each other.
//!
//! ```text
//! head 1 | base, if the integers are offsets | integers
//! ```
//!
//! Bits 0 and 1 of the head tell the bytes of each integer, bits 2 and 3 the *width*, as powers of two; all numbers are little-endian. The width
//! is 2, 4 or 8: that of the widest integer that ever was in the set, as Redis keeps it in its own [format](redis). Where all
//! members lie near each other, as numbers of rows do, they are held as offsets without a sign from a base of the set's width; else
//! they take the width each, with a sign, and there is no base. The number of members follows from the number of bytes.
//!
//! The base lies below the least member if members were added in descending order: else each would move the base and all offsets.
//!
//! An [`IntSet`] is a view of such bytes. Editing functions take any [`Buffer`].

mod redis;
#[cfg(test)]
mod tests;

use super::listpack::Buffer;
pub use redis::{Corrupt, from_redis};

/// A set without members.
pub const EMPTY: [u8; 3] = [1 << WIDTH_SHIFT, 0, 0];

const INTEGER_BITS: u8 = 0b11;
const WIDTH_SHIFT: u32 = 2;

/// A set of integers, for reading.
#[derive(Clone, Copy, Debug)]
pub struct IntSet<'a> {
    layout: Layout,
    integers: &'a [u8],
}

/// How integers are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    /// Bytes of the widest integer there ever was.
    width: usize,
    /// Bytes of each integer; less than the width if they are offsets.
    integer_bytes: usize,
    /// What offsets are counted from, 0 if they are not.
    base: i64,
}

impl Layout {
    #[inline]
    fn read(bytes: &[u8]) -> Self {
        let head = bytes[0];
        let mut layout =
            Self { width: 1 << (head >> WIDTH_SHIFT), integer_bytes: 1 << (head & INTEGER_BITS), base: 0 };
        if layout.has_offsets() {
            layout.base = sign_extended(word(&bytes[1..=layout.width]), layout.width);
        }
        layout
    }

    /// That of a set whose members are `least`, `greatest` and some between, to which members below `least` will be added if it
    /// `grows_down`.
    fn of(least: i64, greatest: i64, width: usize, grows_down: bool) -> Self {
        let range = greatest.abs_diff(least);
        let integer_bytes = match range {
            0..=0xFF => 1,
            0x100..=0xFFFF => 2,
            0x1_0000..=0xFFFF_FFFF => 4,
            _ => 8,
        };
        if integer_bytes >= width {
            return Self { width, integer_bytes: width, base: 0 };
        }
        let spare = if grows_down { greatest_offset(integer_bytes) - range } else { 0 };
        let lowest = i64::MIN >> (64 - 8 * width);
        let base = least.saturating_sub_unsigned(spare).max(lowest);
        Self { width, integer_bytes, base }
    }

    #[inline]
    fn has_offsets(self) -> bool {
        self.integer_bytes < self.width
    }

    /// Where the integers begin.
    #[inline]
    fn head_bytes(self) -> usize {
        if self.has_offsets() { 1 + self.width } else { 1 }
    }

    /// Writes what stands before the integers.
    fn write(self, bytes: &mut Vec<u8>) {
        let exponent = |bytes: usize| bytes.trailing_zeros().to_le_bytes()[0];
        bytes.push(exponent(self.integer_bytes) | exponent(self.width) << WIDTH_SHIFT);
        bytes.extend_from_slice(&self.base.to_le_bytes()[..self.head_bytes() - 1]);
    }

    /// Whether `value` can be held so.
    #[inline]
    fn holds(self, value: i64) -> bool {
        let is_near = value >= self.base && value.abs_diff(self.base) <= greatest_offset(self.integer_bytes);
        width_of(value) <= self.width && (is_near || !self.has_offsets())
    }

    /// The bytes of `value`, which can be held so: the first [`Layout::integer_bytes`].
    #[inline]
    fn encode(self, value: i64) -> [u8; 8] {
        value.wrapping_sub(self.base).to_le_bytes()
    }

    /// The integer that `bytes` hold.
    #[inline]
    fn decode(self, bytes: &[u8]) -> i64 {
        let word = word(bytes);
        if self.has_offsets() {
            self.base.wrapping_add_unsigned(word)
        } else {
            sign_extended(word, self.integer_bytes)
        }
    }
}

impl<'a> IntSet<'a> {
    /// A view of bytes that are known to be such a set.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let layout = Layout::read(bytes);
        let integers = &bytes[layout.head_bytes()..];
        debug_assert!(integers.len().is_multiple_of(layout.integer_bytes));
        Self { layout, integers }
    }

    /// Number of members.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        self.integers.len() >> self.layout.integer_bytes.trailing_zeros()
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.integers.is_empty()
    }

    /// The member at `index`, in ascending order; `None` behind the last.
    #[inline]
    #[must_use]
    pub fn get(self, index: usize) -> Option<i64> {
        let at = index * self.layout.integer_bytes;
        self.integers.get(at..at + self.layout.integer_bytes).map(|bytes| self.layout.decode(bytes))
    }

    /// The least member.
    #[must_use]
    pub fn first(self) -> Option<i64> {
        self.get(0)
    }

    /// The greatest member.
    #[must_use]
    pub fn last(self) -> Option<i64> {
        self.len().checked_sub(1).and_then(|last| self.get(last))
    }

    /// The members, in ascending order.
    pub fn iter(self) -> impl ExactSizeIterator<Item = i64> + DoubleEndedIterator + Clone + 'a {
        let layout = self.layout;
        self.integers.chunks_exact(layout.integer_bytes).map(move |bytes| layout.decode(bytes))
    }

    /// Whether `value` is a member. Complexity: O(log n).
    #[inline]
    #[must_use]
    pub fn contains(self, value: i64) -> bool {
        self.layout.holds(value) && self.find(value).is_ok()
    }

    /// Where `value` is, or where it would be.
    fn find(self, value: i64) -> Result<usize, usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.get(middle).expect("the middle of a range of members").cmp(&value) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Greater => high = middle,
                std::cmp::Ordering::Equal => return Ok(middle),
            }
        }
        Err(low)
    }
}

/// Adds `value`; says whether it is new. Complexity: O(n) bytes moved.
pub fn add<B: Buffer + ?Sized>(buffer: &mut B, value: i64) -> bool {
    let set = IntSet::new(buffer.bytes());
    let layout = set.layout;
    let Err(index) = set.find(value) else { return false };
    if layout.holds(value) {
        let at = layout.head_bytes() + index * layout.integer_bytes;
        buffer.splice(at, 0, &layout.encode(value)[..layout.integer_bytes]);
    } else {
        let (before, behind) = (set.iter().take(index), set.iter().skip(index));
        let bytes = pack(before.chain(std::iter::once(value)).chain(behind), set.layout.width, index == 0);
        let removed = buffer.bytes().len();
        buffer.splice(0, removed, &bytes);
    }
    true
}

/// The bytes of a set of these members, which ascend; `width` is that of its members before.
fn pack(members: impl DoubleEndedIterator<Item = i64> + Clone, width: usize, grows_down: bool) -> Vec<u8> {
    let (Some(least), Some(greatest)) = (members.clone().next(), members.clone().next_back()) else {
        return EMPTY.to_vec();
    };
    let width = width.max(width_of(least)).max(width_of(greatest));
    let layout = Layout::of(least, greatest, width, grows_down);
    let mut bytes = Vec::with_capacity(layout.head_bytes() + members.clone().count() * layout.integer_bytes);
    layout.write(&mut bytes);
    for value in members {
        bytes.extend_from_slice(&layout.encode(value)[..layout.integer_bytes]);
    }
    bytes
}

/// Removes `value`; says whether it was a member. Complexity: O(n) bytes moved.
pub fn remove<B: Buffer + ?Sized>(buffer: &mut B, value: i64) -> bool {
    let set = IntSet::new(buffer.bytes());
    let layout = set.layout;
    let Ok(index) = set.find(value) else { return false };
    buffer.splice(layout.head_bytes() + index * layout.integer_bytes, layout.integer_bytes, &[]);
    true
}

/// The least width that holds `value`.
#[inline]
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

/// The greatest offset of so many bytes.
#[inline]
fn greatest_offset(bytes: usize) -> u64 {
    u64::MAX >> (64 - 8 * bytes)
}

/// The number that 1, 2, 4 or 8 bytes hold, without a sign.
#[inline]
fn word(bytes: &[u8]) -> u64 {
    match *bytes {
        [a] => a.into(),
        [a, b] => u16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => u32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("integers have 1, 2, 4 or 8 bytes"),
    }
}

/// The integer whose lower bytes a word holds, the highest bit of these being its sign.
#[inline]
fn sign_extended(word: u64, bytes: usize) -> i64 {
    let shift = 64 - 8 * bytes;
    (word << shift).cast_signed() >> shift
}
