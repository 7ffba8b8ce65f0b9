//! Redis's intset: different integers in ascending order, all of one width.
//!
//! ```text
//! width u32: 2, 4 or 8 | count u32 | integers
//! ```
//!
//! Numbers are little-endian. The width is that of the widest integer that ever was in the set: adding a wider one
//! rewrites all, removing it leaves the width as it is. The format follows Redis's RDB files, which hold sets so.
//!
//! An [`IntSet`] is a view of bytes that are known to be whole; [`IntSet::check`] makes one of bytes that are not.
//! Editing functions take any [`Buffer`].

#[cfg(test)]
mod tests;

use super::listpack::Buffer;

/// An intset without members.
pub const EMPTY: [u8; HEAD_BYTES] = [2, 0, 0, 0, 0, 0, 0, 0];

/// Bytes before the first integer.
const HEAD_BYTES: usize = 8;

/// Why bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt intset")]
pub struct Corrupt;

/// An intset, for reading.
#[derive(Clone, Copy, Debug)]
pub struct IntSet<'a>(&'a [u8]);

impl<'a> IntSet<'a> {
    /// A view of bytes that are known to be an intset.
    #[inline]
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        let set = Self(bytes);
        debug_assert_eq!(bytes.len(), HEAD_BYTES + set.len() * set.width());
        set
    }

    /// A view of bytes that may be anything.
    ///
    /// # Errors
    /// [`Corrupt`] if they are not an intset with at least one member.
    pub fn check(bytes: &'a [u8]) -> Result<Self, Corrupt> {
        let (head, integers) = bytes.split_at_checked(HEAD_BYTES).ok_or(Corrupt)?;
        let width = usize::from(head[0]);
        let count = u32_at(head, 4) as usize;
        let is_whole = u32_at(head, 0) as usize == width
            && matches!(width, 2 | 4 | 8)
            && count > 0
            && integers.len().is_multiple_of(width)
            && integers.len() / width == count;
        let set = Self(bytes);
        if is_whole && set.iter().zip(set.iter().skip(1)).all(|(one, next)| one < next) {
            Ok(set)
        } else {
            Err(Corrupt)
        }
    }

    /// The bytes.
    #[must_use]
    pub fn bytes(self) -> &'a [u8] {
        self.0
    }

    /// Number of members.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        u32_at(self.0, 4) as usize
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    #[inline]
    fn width(self) -> usize {
        usize::from(self.0[0])
    }

    /// The member at `index`, in ascending order; `None` behind the last.
    #[inline]
    #[must_use]
    pub fn get(self, index: usize) -> Option<i64> {
        let at = HEAD_BYTES + index * self.width();
        self.0.get(at..at + self.width()).map(decode)
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
        self.0[HEAD_BYTES..].chunks_exact(self.width()).map(decode)
    }

    /// Whether `value` is a member. Complexity: O(log n).
    #[inline]
    #[must_use]
    pub fn contains(self, value: i64) -> bool {
        width_of(value) <= self.width() && self.find(value).is_ok()
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
    let (count, width) = (set.len() + 1, width_of(value));
    if width > set.width() {
        // A wider integer than all others is less than all of them or greater.
        let others = set.iter();
        let widened: Vec<u8> = if value < 0 {
            std::iter::once(value).chain(others).flat_map(|value| encode(value, width)).collect()
        } else {
            others.chain(std::iter::once(value)).flat_map(|value| encode(value, width)).collect()
        };
        let removed = buffer.bytes().len() - HEAD_BYTES;
        buffer.splice(HEAD_BYTES, removed, &widened);
        buffer.bytes_mut()[0] = width.to_le_bytes()[0];
    } else {
        let width = set.width();
        let Err(index) = set.find(value) else { return false };
        buffer.splice(HEAD_BYTES + index * width, 0, &value.to_le_bytes()[..width]);
    }
    set_count(buffer, count);
    true
}

/// Removes `value`; says whether it was a member. Complexity: O(n) bytes moved.
pub fn remove<B: Buffer + ?Sized>(buffer: &mut B, value: i64) -> bool {
    let set = IntSet::new(buffer.bytes());
    let Ok(index) = set.find(value) else { return false };
    let (count, width) = (set.len() - 1, set.width());
    buffer.splice(HEAD_BYTES + index * width, width, &[]);
    set_count(buffer, count);
    true
}

fn set_count<B: Buffer + ?Sized>(buffer: &mut B, count: usize) {
    let count = u32::try_from(count).expect("a set that large is no intset");
    buffer.bytes_mut()[4..HEAD_BYTES].copy_from_slice(&count.to_le_bytes());
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_le_bytes(*bytes[at..].first_chunk().expect("an intset has a head of eight bytes"))
}

/// The least width that holds `value`.
fn width_of(value: i64) -> usize {
    if i16::try_from(value).is_ok() {
        2
    } else if i32::try_from(value).is_ok() {
        4
    } else {
        8
    }
}

fn encode(value: i64, width: usize) -> impl Iterator<Item = u8> {
    value.to_le_bytes().into_iter().take(width)
}

/// The integer that 2, 4 or 8 bytes hold.
#[inline]
fn decode(bytes: &[u8]) -> i64 {
    match *bytes {
        [a, b] => i16::from_le_bytes([a, b]).into(),
        [a, b, c, d] => i32::from_le_bytes([a, b, c, d]).into(),
        [a, b, c, d, e, f, g, h] => i64::from_le_bytes([a, b, c, d, e, f, g, h]),
        _ => unreachable!("the width of an intset is 2, 4 or 8"),
    }
}
