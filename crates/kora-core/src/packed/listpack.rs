//! Redis's listpack: strings and integers, one behind the other in one run of bytes.
//!
//! ```text
//! total bytes u32 | elements u16 | element ... | 0xFF        element: encoding and data | its length, read backwards
//! ```
//!
//! Numbers are little-endian. 65535 elements means "count them". A text that is a canonical integer is stored as one,
//! so that equal texts always have equal bytes and a search compares bytes. The format follows the specification at
//! <https://github.com/antirez/listpack>, with Redis's bounds for the lengths at the end of elements.
//!
//! A [`ListPack`] is a view of bytes that are known to be whole; [`ListPack::check`] makes one of bytes that are not.
//! Editing functions take any [`Buffer`]. A list in its entry is kept *bare*: the elements alone, since the entry knows their
//! bytes and counting a few elements is quick; seven bytes decide the size class of many.
//!
//! Complexity: O(1) at the ends, O(n) bytes elsewhere: for small collections and for nodes of large ones.

mod edit;
mod encode;
#[cfg(test)]
mod tests;
mod view;

pub use edit::{
    Run, append, insert, push_back, push_front, push_run, rebuild, remove, replace, replace_integer, view,
};
pub use encode::element_bytes;
pub use view::{Corrupt, Iter, ListPack, Wanted};

use crate::number::parse_i64;
use crate::reply::{Bulks, Reply};

/// A listpack without elements.
pub const EMPTY: [u8; 7] = [7, 0, 0, 0, 0, 0, END];

/// Bytes before the first element.
const HEAD_BYTES: usize = 6;
/// What follows the last element.
const END: u8 = 0xFF;
/// The element count that says "count them".
const COUNT_UNKNOWN: u16 = u16::MAX;

/// Bytes that a packed form lives in, wherever that is.
pub trait Buffer {
    /// The bytes.
    fn bytes(&self) -> &[u8];
    /// The bytes, for writing in place.
    fn bytes_mut(&mut self) -> &mut [u8];
    /// Replaces `removed` bytes from `at` on by `inserted`.
    ///
    /// # Panics
    /// If the range is not within the bytes.
    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]);
    /// Whether a listpack here is kept without its head and end, which its elements tell too.
    #[inline]
    fn is_bare(&self) -> bool {
        false
    }
}

impl Buffer for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        let (old_len, tail) = (self.len(), at + removed);
        assert!(tail <= old_len, "a range of the bytes");
        if inserted.len() > removed {
            self.resize(old_len + inserted.len() - removed, 0);
        }
        self.copy_within(tail..old_len, at + inserted.len());
        self[at..at + inserted.len()].copy_from_slice(inserted);
        self.truncate(old_len - removed + inserted.len());
    }
}

/// Where an element begins, in bytes from the beginning of the listpack. Any edit before it makes it stale.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct At(pub(crate) usize);

/// What an element holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Element<'a> {
    /// An integer; as a text, its canonical decimal form.
    Integer(i64),
    /// Any other text.
    Bytes(&'a [u8]),
}

impl<'a> Element<'a> {
    /// The element of a text: an integer if it is a canonical one.
    #[inline]
    #[must_use]
    pub fn of(text: &'a [u8]) -> Self {
        parse_i64(text).map_or(Self::Bytes(text), Self::Integer)
    }

    /// Lends the element's text.
    #[inline]
    pub fn with<T>(self, use_text: impl FnOnce(&[u8]) -> T) -> T {
        match self {
            Self::Integer(value) => use_text(itoa::Buffer::new().format(value).as_bytes()),
            Self::Bytes(bytes) => use_text(bytes),
        }
    }

    /// Whether the element's text is `text`.
    #[must_use]
    pub fn equals(self, text: &[u8]) -> bool {
        self.with(|own| own == text)
    }

    /// A copy of the element's text.
    #[must_use]
    pub fn to_vec(self) -> Vec<u8> {
        self.with(<[u8]>::to_vec)
    }

    /// Length of the element's text in bytes.
    #[must_use]
    pub fn len(self) -> usize {
        self.with(<[u8]>::len)
    }

    /// Whether the element's text is empty.
    #[must_use]
    pub fn is_empty(self) -> bool {
        matches!(self, Self::Bytes([]))
    }

    /// Writes the element's text as one of many strings.
    #[inline]
    pub(crate) fn add_to(self, bulks: &mut Bulks<'a, '_>) {
        match self {
            Self::Bytes(text) => bulks.push(text),
            Self::Integer(value) => bulks.push_integer(value),
        }
    }

    /// Writes the element's text as a bulk string.
    #[inline]
    pub fn reply(self, out: &mut dyn Reply) {
        self.with(|text| out.bulk(text));
    }
}
