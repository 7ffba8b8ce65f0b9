//! Where the parts of an entry lie, and how large its allocation is.
//!
//! ```text
//! header 8 | deadline 8, if any | cell 0, 8, 16 or 24 | key | inline value, if any
//! ```
//!
//! The key comes before an inline value, so that a look-up finds it in the first cache line however long the value
//! is. Everything here is arithmetic; the entry itself does the reading and writing.
//!
//! Invariant: an entry's allocation has exactly `size_class(shape.bytes())` bytes. So the size need not be stored,
//! and a value that fits the same class is written in place.

use std::alloc::Layout;

use super::compact_key::CompactKey;

/// Bytes of the header.
pub(super) const HEADER_BYTES: usize = 8;
/// Bytes of a deadline.
const DEADLINE_BYTES: usize = 8;
/// An entry with an inline value longer than [`SHORT_BYTES`] has at most so many bytes. Beyond, a value of its own
/// size class wastes less, and a new value of another length does not move the entry.
const INLINE_ENTRY_BYTES: usize = 512;
/// Values up to this length are inline however long the key is.
const SHORT_BYTES: usize = 64;

const _: () = assert!(INLINE_ENTRY_BYTES <= super::INLINE_LEN_MASK as usize);

/// How a value is held. The number is the size of its cell in words of eight bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Repr {
    /// Bytes behind the key; no cell.
    Inline = 0,
    /// A 64-bit integer in the cell.
    Integer = 1,
    /// An `Option<Box<dyn Object>>` in the cell.
    Object = 2,
    /// A [`Long`](super::long::Long) in the cell.
    External = 3,
}

/// What decides the places of an entry's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Shape {
    pub(super) repr: Repr,
    pub(super) has_deadline: bool,
    pub(super) key_bytes: usize,
    /// Length of an inline value; 0 for all others.
    pub(super) inline_bytes: usize,
}

impl Shape {
    /// Whether a string of `value_bytes` is held inline beside a key of `key_bytes`. Does not depend on the
    /// deadline, so that setting one never moves the value out.
    pub(super) fn fits_inline(key_bytes: usize, value_bytes: usize) -> bool {
        let most = INLINE_ENTRY_BYTES - HEADER_BYTES - DEADLINE_BYTES;
        value_bytes <= SHORT_BYTES || value_bytes.saturating_add(key_bytes) <= most
    }

    #[inline]
    pub(super) fn cell_at(self) -> usize {
        HEADER_BYTES + if self.has_deadline { DEADLINE_BYTES } else { 0 }
    }

    #[inline]
    pub(super) fn key_at(self) -> usize {
        self.cell_at() + self.repr as usize * 8
    }

    /// Bytes of the key's representation.
    pub(super) fn stored_key_bytes(self) -> usize {
        CompactKey::stored_bytes(self.key_bytes)
    }

    #[inline]
    pub(super) fn value_at(self) -> usize {
        self.key_at() + self.stored_key_bytes()
    }

    /// Bytes in use.
    pub(super) fn bytes(self) -> usize {
        self.value_at() + self.inline_bytes
    }

    /// What to allocate.
    pub(super) fn layout(self) -> Layout {
        Layout::from_size_align(size_class(self.bytes()), 8)
            .expect("a key and a short value are below isize::MAX")
    }
}

/// `bytes` rounded up to the next size for which allocators keep memory: steps of 16 up to 128, then four steps
/// for each doubling (jemalloc's classes; others waste little with them).
pub(crate) fn size_class(bytes: usize) -> usize {
    if bytes <= 128 {
        return bytes.next_multiple_of(16);
    }
    let step = 1 << ((bytes - 1).ilog2() - 2);
    bytes.next_multiple_of(step)
}
