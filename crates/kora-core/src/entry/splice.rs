//! Editing of values held as bytes, at any place: how packed collections change.
//!
//! An inline value stays in its allocation while the size class stays; a value in memory of its own gets exactly the
//! size class it needs, since collections are many and rarely changed, where strings that are appended to get room
//! for more.

use std::alloc::dealloc;

use super::Entry;
use super::form::Form;
use super::heap::NewValue;
use super::long::Long;
use super::shape::{Repr, Shape, size_class};
use crate::packed::listpack::Buffer;

impl Entry {
    /// The bytes of a packed collection, for writing.
    ///
    /// # Panics
    /// If the value is something else.
    #[inline]
    pub(crate) fn packed_bytes_mut(&mut self) -> &mut [u8] {
        assert!(self.packed().is_some(), "asked of packed collections only");
        self.bytes_mut()
    }

    /// Replaces `removed` bytes of a packed collection from `at` on by `inserted`.
    ///
    /// # Panics
    /// If the value is something else, or the range is not within its bytes.
    pub(crate) fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        let present = self.packed().expect("asked of packed collections only").1.len();
        assert!(at <= present && removed <= present - at, "a range of the value");
        let len = present - removed + inserted.len();
        match self.header().repr() {
            Repr::Inline if Shape::fits_inline(self.key().len(), len) => {
                self.splice_inline(at, removed, inserted);
            }
            Repr::Inline => self.splice_out(at, removed, inserted, len),
            Repr::External => self.splice_external(at, removed, inserted, len),
            Repr::Integer | Repr::Object => unreachable!("a packed collection is held as bytes"),
        }
    }

    /// The same for an inline value that stays one.
    fn splice_inline(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        let old = self.shape();
        let new = Shape { inline_bytes: old.inline_bytes - removed + inserted.len(), ..old };
        let place = old.value_at() + at;
        let tail = old.inline_bytes - at - removed;
        if size_class(old.bytes()) == size_class(new.bytes()) {
            // SAFETY: before and after, the tail lies within the allocation, which fits both shapes; the two places may
            // overlap.
            unsafe {
                self.base().add(place + removed).copy_to(self.base().add(place + inserted.len()), tail);
            }
        } else {
            let target = Self::allocate(new);
            let source = std::mem::replace(self, target);
            let base = source.base();
            // An inline entry owns nothing beside its allocation.
            std::mem::forget(source);
            // SAFETY: what lies before the place and the tail lie within the old allocation and, the tail at its new
            // place, within the new one. Then nothing points to the old one, which was made for `old`, any more.
            unsafe {
                self.base().copy_from_nonoverlapping(base, place);
                self.base()
                    .add(place + inserted.len())
                    .copy_from_nonoverlapping(base.add(place + removed), tail);
                dealloc(base, old.layout());
            }
        }
        // SAFETY: the new shape has room for the inserted bytes before the tail; they are borrowed from elsewhere,
        // since this entry is borrowed for writing.
        unsafe { self.base().add(place).copy_from_nonoverlapping(inserted.as_ptr(), inserted.len()) };
        self.set_inline_len(new);
    }

    /// The same for an inline value that becomes too long for it.
    fn splice_out(&mut self, at: usize, removed: usize, inserted: &[u8], len: usize) {
        let (form, old) = (self.header().form(), self.inline_value());
        let mut bytes = Vec::with_capacity(size_class(len));
        bytes.extend_from_slice(&old[..at]);
        bytes.extend_from_slice(inserted);
        bytes.extend_from_slice(&old[at + removed..]);
        let owned = self.replace(NewValue::External { bytes: Long::of(bytes, form), form }, self.deadline());
        debug_assert!(owned.is_none(), "an inline value owns nothing");
    }

    /// The same for a value in memory of its own, which moves back in when it has become short.
    fn splice_external(&mut self, at: usize, removed: usize, inserted: &[u8], len: usize) {
        let key_bytes = self.key().len();
        let form = self.header().form();
        let vector = self.long_mut().expect("its Repr says so").vector_mut(0);
        if len > vector.capacity() {
            vector.reserve_exact(size_class(len) - vector.len());
        }
        Buffer::splice(vector, at, removed, inserted);
        if Shape::fits_inline(key_bytes, len.saturating_mul(2)) {
            let bytes = std::mem::take(vector);
            self.replace_inline(&bytes, form);
        } else if len < vector.capacity() / 2 {
            vector.shrink_to(size_class(len));
        }
    }

    /// Puts bytes that fit inline in the place of an emptied vector.
    fn replace_inline(&mut self, bytes: &[u8], form: Form) {
        // The emptied vector is what is taken out.
        drop(self.replace(NewValue::Bytes { bytes, form }, self.deadline()));
    }
}
