//! Bytes in memory of their own: long strings and packed collections.
//!
//! A long string is held by a reference count, so that replies take a reference and no copy. Whoever writes to it while others hold it
//! gets a copy first: what a reply holds never changes.
//!
//! Invariant: a string from [`SHARED_BYTES_MIN`] on is shared; a packed collection never is. A shared string may have become shorter.

use std::sync::Arc;

use super::form::Form;
use super::shape::size_class;

/// Strings from this length on are held by a reference count. It costs [`COUNTED_BYTES`] of memory and one more look-up, which is
/// little for so many bytes.
pub(crate) const SHARED_BYTES_MIN: usize = 4096;

/// Bytes of what the reference count is kept in: two counts and the vector.
const COUNTED_BYTES: usize = size_of::<[usize; 2]>() + size_of::<Vec<u8>>();

/// See the module.
#[derive(Debug)]
pub(crate) enum Long {
    /// Nobody else holds it.
    Own(Vec<u8>),
    /// Replies may hold it as well.
    Shared(Arc<Vec<u8>>),
}

// A cell of an entry has room for a vector: the other form costs no space.
const _: () = assert!(size_of::<Long>() == size_of::<Vec<u8>>());

impl Long {
    /// These bytes, which are to be held in this form.
    pub(super) fn of(bytes: Vec<u8>, form: Form) -> Self {
        let mut long = Self::Own(bytes);
        long.settle(form);
        long
    }

    /// Takes it out; empty bytes take its place.
    pub(super) fn take(&mut self) -> Self {
        std::mem::replace(self, Self::Own(Vec::new()))
    }

    /// The bytes.
    #[inline]
    pub(super) fn bytes(&self) -> &[u8] {
        self.vector()
    }

    /// The vector that they are in.
    #[inline]
    fn vector(&self) -> &Vec<u8> {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// Bytes that there is room for.
    pub(crate) fn capacity(&self) -> usize {
        self.vector().capacity()
    }

    /// Bytes allocated, as if nobody else held it.
    pub(super) fn memory_bytes(&self) -> usize {
        let counted = match self {
            Self::Own(_) => 0,
            Self::Shared(_) => size_class(COUNTED_BYTES),
        };
        counted + size_class(self.capacity())
    }

    /// The vector for writing, to which nobody else has a reference.
    ///
    /// `room`: what a copy, if one is needed, has room for at least.
    pub(super) fn vector_mut(&mut self, room: usize) -> &mut Vec<u8> {
        match self {
            Self::Own(bytes) => bytes,
            Self::Shared(shared) => {
                if Arc::get_mut(shared).is_none() {
                    let mut copy = Vec::with_capacity(room.max(shared.len()));
                    copy.extend_from_slice(shared);
                    *shared = Arc::new(copy);
                }
                Arc::get_mut(shared).expect("nobody has a reference to what was just made")
            }
        }
    }

    /// Puts `bytes` in their place if there is room for them, which would not be left mostly empty, and nobody else holds it.
    pub(super) fn overwrite(&mut self, bytes: &[u8], form: Form) -> bool {
        if bytes.len() > self.capacity() || bytes.len() < self.capacity() / 4 * 3 {
            return false;
        }
        let vector = match self {
            Self::Own(bytes) => bytes,
            Self::Shared(_) if !is_string(form) => return false,
            Self::Shared(shared) => match Arc::get_mut(shared) {
                Some(bytes) => bytes,
                None => return false,
            },
        };
        vector.clear();
        vector.extend_from_slice(bytes);
        self.settle(form);
        true
    }

    /// Brings it into the form that its length asks for: after every change that may have made it longer.
    pub(super) fn settle(&mut self, form: Form) {
        if let Self::Own(bytes) = self
            && bytes.len() >= SHARED_BYTES_MIN
            && is_string(form)
        {
            *self = Self::Shared(Arc::new(std::mem::take(bytes)));
        }
    }
}

fn is_string(form: Form) -> bool {
    matches!(form, Form::Text | Form::Raw)
}

#[cfg(test)]
mod tests;
