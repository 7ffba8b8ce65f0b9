//! An entry in its table, open for modification.

use super::changes::Changes;
use super::expiries::Expiries;
use super::garbage::Garbage;
use crate::entry::object::Object;
use crate::entry::usage::Usage;
use crate::entry::{Entry, Footprint, Form, Kind, NewValue, Packing, Tally};
use crate::packed::listpack::Buffer;
use crate::time::UnixMs;

/// Larger than any value.
const UNTOLD: usize = usize::MAX;

/// An entry in its table, open for modification. Dereferences to [`Entry`]. The key stays as it is. Once it is dropped, those
/// who follow the key are told.
#[derive(Debug)]
pub struct EntryMut<'a> {
    entry: &'a mut Entry,
    /// The hash of its key.
    hash: u64,
    expiries: &'a mut Expiries,
    changes: &'a mut Changes,
    garbage: &'a mut Garbage,
    /// How it was counted when it was opened.
    before: Tally,
    /// What its memory was then.
    footprint: Footprint,
    /// How large the value is, if its type has just counted that, or [`UNTOLD`].
    size: usize,
}

impl std::ops::Deref for EntryMut<'_> {
    type Target = Entry;

    #[inline]
    fn deref(&self) -> &Entry {
        self.entry
    }
}

impl<'a> EntryMut<'a> {
    pub(crate) fn new(
        (entry, hash): (&'a mut Entry, u64),
        expiries: &'a mut Expiries,
        changes: &'a mut Changes,
        garbage: &'a mut Garbage,
    ) -> Self {
        let (before, footprint) = (entry.tally(), entry.footprint());
        Self { entry, hash, expiries, changes, garbage, before, footprint, size: UNTOLD }
    }

    /// Tells how large the value is, to spare a walk through it: the last thing to do before it is dropped.
    #[inline]
    pub(crate) fn tell_size(&mut self, size: usize) {
        self.size = size;
    }

    /// Replaces the value by an integer, in place; the deadline stays.
    #[inline]
    pub fn set_integer(&mut self, value: i64) {
        self.replace(NewValue::Integer(value));
    }

    /// Replaces the value by a string, stored as an integer if it is one; the deadline stays.
    pub fn set_string(&mut self, value: &[u8]) {
        self.replace(NewValue::text(value));
    }

    /// Replaces the value by a string, without integer encoding, as INCRBYFLOAT does; the deadline stays.
    pub fn set_bytes(&mut self, value: &[u8]) {
        self.replace(NewValue::Bytes { bytes: value, form: Form::Text });
    }

    /// Replaces the value by a raw string (OBJECT ENCODING `raw`), which may be shorter; the deadline stays.
    pub fn set_raw(&mut self, value: &[u8]) {
        self.replace(NewValue::Bytes { bytes: value, form: Form::Raw });
    }

    /// Replaces the value by a small collection in its packed form; the deadline stays.
    ///
    /// # Panics
    /// If that kind is never packed so.
    pub fn set_packed(&mut self, kind: Kind, packing: Packing, bytes: &[u8]) {
        self.replace(NewValue::Bytes { bytes, form: Form::Packed(kind, packing) });
    }

    /// Replaces the value by a large collection; the deadline stays.
    pub fn set_object(&mut self, object: Box<dyn Object>) {
        self.replace(NewValue::Object(object));
    }

    /// Replaces the value by another form of it, or another value of its kind. One of another kind is for the keyspace to put there:
    /// the database knows what hangs on the old one, such as the next deadline of its fields.
    #[inline]
    fn replace(&mut self, value: NewValue<'_>) {
        let kind = self.entry.kind();
        let mut heap = self.entry.replace(value, self.entry.deadline());
        self.changes.left(&mut heap);
        debug_assert_eq!(self.entry.kind(), kind, "the kind of a value stays");
        self.garbage.add_heap(heap);
    }

    /// Appends to a string value, which becomes raw; returns the new length in bytes.
    /// Complexity: amortised O(bytes appended).
    ///
    /// # Panics
    /// If the value is not a string.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        self.entry.append(bytes)
    }

    /// Makes a string value raw and at least `len` bytes long (zero padded), and lends it for writing.
    ///
    /// # Panics
    /// If the value is not a string.
    pub fn raw_mut(&mut self, len: usize) -> &mut [u8] {
        self.entry.raw_mut(len)
    }

    /// The small collection, if the value is one, to modify it in its packed form.
    #[inline]
    pub fn packed_mut(&mut self) -> Option<PackedMut<'_>> {
        self.entry.packed()?;
        Some(PackedMut { entry: self.entry })
    }

    /// The large collection, if the value is one, to modify it.
    pub fn as_object_mut(&mut self) -> Option<&mut dyn Object> {
        self.entry.as_object_mut()
    }

    /// Gives the entry a deadline or takes it away.
    pub fn set_expiry(&mut self, at: Option<UnixMs>) {
        let deadline = self.expiries.renew(self.entry.deadline(), at, self.hash);
        self.entry.set_deadline(deadline);
    }

    /// Makes the entry look unused for so long, for RESTORE and tests.
    pub fn set_idle_seconds(&mut self, seconds: u32, now: UnixMs) {
        self.entry.set_usage(Usage::from_idle(seconds, now));
    }

    /// Makes the entry look used so often, on the scale of [`Entry::frequency`].
    pub fn set_frequency(&mut self, count: u8, now: UnixMs) {
        self.entry.set_usage(Usage::from_count(u32::from(count), now));
    }
}

impl Drop for EntryMut<'_> {
    #[inline]
    fn drop(&mut self) {
        let size = if self.size == UNTOLD { self.entry.size() } else { self.size };
        debug_assert_eq!(size, self.entry.size(), "a size that was told is true");
        let after = self.entry.tally_of(size);
        self.changes.modified(self.entry, self.before, after);
        self.changes.grown(self.entry.growth_since(self.footprint));
    }
}

/// A small collection in its entry, open for modification. What its bytes are is for its type to know.
#[derive(Debug)]
pub struct PackedMut<'a> {
    entry: &'a mut Entry,
}

impl Buffer for PackedMut<'_> {
    #[inline]
    fn bytes(&self) -> &[u8] {
        self.entry.packed().expect("made of packed collections only").1
    }

    #[inline]
    fn bytes_mut(&mut self) -> &mut [u8] {
        self.entry.packed_bytes_mut()
    }

    #[inline]
    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        self.entry.splice(at, removed, inserted);
    }

    #[inline]
    fn is_bare(&self) -> bool {
        self.entry.packed().is_some_and(|(packing, _)| packing == Packing::BareListPack)
    }
}
