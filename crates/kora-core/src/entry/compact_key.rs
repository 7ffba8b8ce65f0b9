//! The compact representation of a key inside its entry.
//!
//! The entry's header holds the length in one byte. A key of 255 bytes or more says so by [`LONG`] there and stores
//! its length in eight bytes in front of its own. So the usual key costs no more than its bytes, and a key may be
//! as long as the memory allows.
#![expect(
    unsafe_code,
    reason = "a key lies inside its entry's allocation, whose layout only the entry knows"
)]

/// The length byte of a key whose length is stored in front of it.
const LONG: u8 = u8::MAX;
/// Bytes that the length of a long key takes.
const PREFIX_BYTES: usize = size_of::<u64>();

/// A key on its way into an entry.
#[derive(Clone, Copy, Debug)]
pub(crate) struct CompactKey<'a>(pub(crate) &'a [u8]);

impl<'a> CompactKey<'a> {
    /// The length byte for the entry's header.
    pub(crate) fn len_byte(self) -> u8 {
        u8::try_from(self.0.len()).unwrap_or(LONG)
    }

    /// Bytes the representation takes for a key of `len` bytes.
    pub(crate) fn stored_bytes(len: usize) -> usize {
        if len < usize::from(LONG) { len } else { PREFIX_BYTES + len }
    }

    /// Writes the representation to `at`.
    ///
    /// # Safety
    /// `stored_bytes(key length)` bytes at `at` are writable.
    pub(crate) unsafe fn write(self, at: *mut u8) {
        let bytes = self.0;
        let mut to = at;
        // SAFETY: the caller vouches for prefix and key together; nothing else can refer to the target.
        unsafe {
            if self.len_byte() == LONG {
                to.cast::<u64>().write_unaligned(bytes.len() as u64);
                to = to.add(PREFIX_BYTES);
            }
            to.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }

    /// The length of the key at `at`.
    ///
    /// # Safety
    /// [`CompactKey::write`] wrote a key there, whose length byte is `len_byte`.
    #[inline]
    pub(crate) unsafe fn len(len_byte: u8, at: *const u8) -> usize {
        if len_byte == LONG {
            // SAFETY: a long key begins with its length.
            unsafe { long_len(at) }
        } else {
            usize::from(len_byte)
        }
    }

    /// The key at `at`.
    ///
    /// # Safety
    /// As for [`CompactKey::len`], and the bytes stay as they are for `'a`.
    #[inline]
    pub(crate) unsafe fn read(len_byte: u8, at: *const u8) -> &'a [u8] {
        // SAFETY: the caller vouches that a whole representation lies at `at`.
        unsafe {
            if len_byte == LONG {
                std::slice::from_raw_parts(at.add(PREFIX_BYTES), long_len(at))
            } else {
                std::slice::from_raw_parts(at, usize::from(len_byte))
            }
        }
    }
}

/// The stored length of a long key.
///
/// # Safety
/// A long key's representation lies at `at`.
#[cold]
#[expect(clippy::cast_possible_truncation, reason = "it was a usize when it was written")]
unsafe fn long_len(at: *const u8) -> usize {
    // SAFETY: a long key begins with its length.
    unsafe { at.cast::<u64>().read_unaligned() as usize }
}
