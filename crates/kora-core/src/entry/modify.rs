//! Changes of an entry: values and deadlines come and go, in place where the allocation's size class stays.

use std::alloc::dealloc;
use std::num::NonZero;

use super::deadline::Deadline;
use super::heap::{Heap, NewValue};
use super::long::Long;
use super::object::Object;
use super::shape::{HEADER_BYTES, Repr, Shape, size_class};
use super::usage::Usage;
use super::{
    DEADLINE_BIT, Entry, FORM_MASK, Form, Header, INLINE_LEN_MASK, Kind, MARK_BIT, StringRef, UNUSED,
};
use crate::config::{CoreConfig, Tracking};
use crate::time::UnixMs;

/// Bytes that stay when an entry takes another shape: from and to are offsets before and after.
#[derive(Clone, Copy, Debug)]
struct Kept {
    from: usize,
    to: usize,
    bytes: usize,
}

impl Entry {
    /// Puts `value` in the place of the present one and sets or clears the deadline. Returns what the old value
    /// owned, for the caller to drop now or later.
    pub(crate) fn replace(&mut self, value: NewValue<'_>, deadline: Option<Deadline>) -> Option<Heap> {
        let old = self.shape();
        let new = value.shape(old.key_bytes, deadline.is_some());
        if let NewValue::Bytes { bytes, form } = value
            && new.repr == Repr::External
            && self.overwrite_external(bytes, form)
        {
            self.set_deadline(deadline);
            return None;
        }
        let value = value.settled(new);
        let heap = self.take_heap();
        let kept = Kept { from: old.key_at(), to: new.key_at(), bytes: old.stored_key_bytes() };
        let header = self.header();
        self.reshape(old, new, kept);
        self.fill(new, header, value);
        if let Some(deadline) = deadline {
            self.write_deadline(deadline);
        }
        heap
    }

    /// Gives the entry a deadline or takes it away.
    pub(crate) fn set_deadline(&mut self, deadline: Option<Deadline>) {
        if self.has_expiry() != deadline.is_some() {
            let old = self.shape();
            let new = Shape { has_deadline: deadline.is_some(), ..old };
            let kept = Kept { from: old.cell_at(), to: new.cell_at(), bytes: old.bytes() - old.cell_at() };
            self.reshape(old, new, kept);
        }
        if let Some(deadline) = deadline {
            self.write_deadline(deadline);
        }
    }

    /// Makes a string value raw and at least `len` bytes long, zero padded, and lends it.
    ///
    /// # Panics
    /// If the value is not a string.
    pub(crate) fn raw_mut(&mut self, len: usize) -> &mut [u8] {
        self.make_bytes();
        let present = self.bytes().len();
        if len > present {
            self.grow(len);
        }
        self.set_form(Form::Raw);
        self.bytes_mut()
    }

    /// Appends to a string value, which becomes raw; returns the new length.
    ///
    /// # Panics
    /// If the value is not a string.
    pub(crate) fn append(&mut self, bytes: &[u8]) -> usize {
        self.make_bytes();
        let present = self.bytes().len();
        if let Some(long) = self.long_mut() {
            reserve(long, present + bytes.len()).extend_from_slice(bytes);
            long.settle(Form::Raw);
        } else {
            self.grow(present + bytes.len());
            self.bytes_mut()[present..].copy_from_slice(bytes);
        }
        self.set_form(Form::Raw);
        present + bytes.len()
    }

    /// Puts value, deadline and use under another key.
    pub(crate) fn with_key(mut self, key: &[u8]) -> Self {
        let form = self.header().form();
        let expiry = self.expiry();
        let usage = self.usage();
        let has_own_integer = self.has_own_integer();
        let heap = self.take_heap();
        let mut entry = match heap {
            Some(Heap::Bytes(bytes)) => Self::build(key, NewValue::External { bytes, form }, expiry),
            Some(Heap::Object(object)) => Self::build(key, NewValue::Object(object), expiry),
            None => Self::build(key, self.plain_value(), expiry),
        };
        entry.set_usage(usage);
        if has_own_integer {
            entry.own_integer();
        }
        entry
    }

    /// Takes out what the value owns. What stays behind is only to be filled or dropped.
    pub(crate) fn take_heap(&mut self) -> Option<Heap> {
        match self.header().repr() {
            Repr::Inline | Repr::Integer => None,
            Repr::External => self.long_mut().map(|long| Heap::Bytes(long.take())),
            // SAFETY: `Repr` says what the cell holds; `None` takes its place.
            Repr::Object => unsafe { self.cell::<Option<Box<dyn Object>>>().replace(None) }.map(Heap::Object),
        }
    }

    /// Writes `value` and a header that describes it into an entry of shape `shape`, whose key is in place and
    /// whose cell owns nothing.
    pub(super) fn fill(&mut self, shape: Shape, header: Header, value: NewValue<'_>) {
        let described = Header::new(shape, value.form_bits());
        let tag = described.tag | header.tag & MARK_BIT;
        let sizes = described.sizes | header.sizes & !INLINE_LEN_MASK;
        self.set_header(Header { tag, sizes, ..header });
        // SAFETY: `shape` is that of the allocation, so that cell and inline value lie within it; and the cell is
        // aligned to 8, as all it can hold needs.
        unsafe {
            match value {
                NewValue::Integer(value) => self.cell::<i64>().write(value),
                NewValue::Bytes { bytes, .. } => {
                    debug_assert_eq!(shape.inline_bytes, bytes.len());
                    self.base().add(shape.value_at()).copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
                }
                NewValue::External { bytes, .. } => self.cell::<Long>().write(bytes),
                NewValue::Object(object) => self.cell::<Option<Box<dyn Object>>>().write(Some(object)),
            }
        }
    }

    /// Writes the deadline of an entry whose shape has one.
    pub(crate) fn write_deadline(&mut self, deadline: Deadline) {
        assert!(self.has_expiry(), "only an entry with a deadline has room for one");
        // SAFETY: the shape has room for a deadline behind the header.
        unsafe { self.base().add(HEADER_BYTES).cast::<i64>().write(deadline.to_bits()) };
    }

    /// Makes the allocation fit `new`, moving the header and what is `kept`. The rest is for the caller to write.
    fn reshape(&mut self, old: Shape, new: Shape, kept: Kept) {
        if size_class(old.bytes()) == size_class(new.bytes()) {
            if kept.from != kept.to {
                // SAFETY: both ranges lie within the allocation, which fits both shapes; they may overlap.
                unsafe { self.base().add(kept.from).copy_to(self.base().add(kept.to), kept.bytes) };
            }
            let tag = if new.has_deadline { DEADLINE_BIT } else { 0 };
            self.0 = self
                .0
                .map_addr(|address| NonZero::new(address.get() & !DEADLINE_BIT | tag).expect("not null"));
            return;
        }
        let target = Self::allocate(new);
        let source = std::mem::replace(self, target);
        // SAFETY: header and kept bytes lie within the old allocation and, at their new place, within the new one.
        unsafe {
            self.base().copy_from_nonoverlapping(source.base(), HEADER_BYTES);
            self.base().add(kept.to).copy_from_nonoverlapping(source.base().add(kept.from), kept.bytes);
        }
        let base = source.base();
        // What the cell owned was taken out or moved along: only the memory itself is left to free.
        std::mem::forget(source);
        // SAFETY: `old` is the shape that the allocation was made for, and nothing points to it any more.
        unsafe { dealloc(base, old.layout()) };
    }

    /// Overwrites bytes in memory of their own, if there is any and that can be.
    fn overwrite_external(&mut self, bytes: &[u8], form: Form) -> bool {
        let is_done = self.long_mut().is_some_and(|long| long.overwrite(bytes, form));
        if is_done {
            self.set_form(form);
        }
        is_done
    }

    /// Turns an integer into its text.
    ///
    /// # Panics
    /// If the value is not a string.
    fn make_bytes(&mut self) {
        assert!(self.kind() == Kind::String, "only strings are modified as strings");
        if let Some(StringRef::Integer(value)) = self.string() {
            let mut text = itoa::Buffer::new();
            let bytes = text.format(value).as_bytes();
            let replaced = self.replace(NewValue::Bytes { bytes, form: Form::Raw }, self.deadline());
            debug_assert!(replaced.is_none(), "an integer owns nothing");
        }
    }

    /// Makes a string held as bytes `len` bytes long, which must be more than it has, by zeros.
    fn grow(&mut self, len: usize) {
        if let Some(long) = self.long_mut() {
            reserve(long, len).resize(len, 0);
            long.settle(Form::Raw);
            return;
        }
        let old = self.shape();
        if Shape::fits_inline(old.key_bytes, len) {
            let new = Shape { inline_bytes: len, ..old };
            let all = Kept { from: HEADER_BYTES, to: HEADER_BYTES, bytes: old.bytes() - HEADER_BYTES };
            self.reshape(old, new, all);
            // SAFETY: the new shape has room for the longer value; header and key stay as they are.
            unsafe { self.base().add(old.bytes()).write_bytes(0, len - old.inline_bytes) };
            self.set_inline_len(new);
        } else {
            let mut bytes = Vec::with_capacity(len);
            bytes.extend_from_slice(self.inline_value());
            bytes.resize(len, 0);
            let bytes = Long::of(bytes, Form::Raw);
            let replaced = self.replace(NewValue::External { bytes, form: Form::Raw }, self.deadline());
            debug_assert!(replaced.is_none(), "an inline value owns nothing");
        }
    }

    /// A string or a packed collection, to be stored elsewhere.
    ///
    /// # Panics
    /// If the value is an object.
    pub(super) fn plain_value(&self) -> NewValue<'_> {
        if let Some(value) = self.integer() {
            return NewValue::Integer(value);
        }
        let bytes = self.value_bytes().expect("asked of strings and packed collections only");
        NewValue::Bytes { bytes, form: self.header().form() }
    }

    fn set_form(&mut self, form: Form) {
        let header = self.header();
        self.set_header(Header { tag: header.tag & !FORM_MASK | form.bits(), ..header });
    }

    /// Notes the length of the inline value of an entry that now has the shape `shape`.
    pub(super) fn set_inline_len(&mut self, shape: Shape) {
        let header = self.header();
        let sizes = Header::new(shape, 0).sizes | header.sizes & !INLINE_LEN_MASK;
        self.set_header(Header { sizes, ..header });
    }

    /// The bytes of a value in memory of its own.
    pub(super) fn long_mut(&mut self) -> Option<&mut Long> {
        // SAFETY: `Repr` says that the cell holds long bytes; they are borrowed like `self`.
        (self.header().repr() == Repr::External).then(|| unsafe { &mut *self.cell::<Long>() })
    }

    /// The bytes of a value held as bytes.
    fn bytes(&self) -> &[u8] {
        self.value_bytes().expect("only values held as bytes are modified as bytes")
    }

    /// The bytes of a value held as bytes, for writing.
    pub(super) fn bytes_mut(&mut self) -> &mut [u8] {
        if self.header().repr() == Repr::External {
            return self.long_mut().expect("its Repr says so").vector_mut(0);
        }
        let shape = self.shape();
        assert!(shape.repr == Repr::Inline, "only values held as bytes are modified as bytes");
        // SAFETY: an inline value of that length was written there; it is borrowed like `self`.
        unsafe { std::slice::from_raw_parts_mut(self.base().add(shape.value_at()), shape.inline_bytes) }
    }

    /// The bits that tell how the entry is used.
    #[inline]
    pub(crate) fn usage(&self) -> Usage {
        self.header().usage
    }

    /// Whether the entry was never in a table.
    pub(crate) fn is_new(&self) -> bool {
        self.usage() == UNUSED
    }

    /// Replaces the bits that tell how the entry is used.
    #[inline]
    pub(crate) fn set_usage(&mut self, usage: Usage) {
        self.set_header(Header { usage, ..self.header() });
    }

    /// Makes the entry look used as a snapshot or RESTORE tells, as far as it tells what is tracked here.
    pub(crate) fn restore_use(
        &mut self,
        idle_seconds: Option<u64>,
        frequency: Option<u8>,
        config: &CoreConfig,
        now: UnixMs,
    ) {
        match (config.tracking, idle_seconds, frequency) {
            (Tracking::Lfu, _, Some(count)) => self.set_usage(Usage::from_count(count.into(), now)),
            (Tracking::Lru, Some(seconds), _) => self.set_usage(Usage::from_long_idle(seconds, now)),
            _ => {}
        }
    }
}

/// Makes room for `bytes` in all, and for as much again, so that repeated growth costs constant time per byte; a
/// long string gets an eighth. Lends the vector with that room.
fn reserve(long: &mut Long, bytes: usize) -> &mut Vec<u8> {
    const GENEROUS_BYTES: usize = 1024 * 1024;
    let extra = if bytes < GENEROUS_BYTES { bytes } else { GENEROUS_BYTES.max(bytes / 8) };
    let vector = long.vector_mut(bytes + extra);
    if bytes > vector.capacity() {
        vector.reserve_exact(bytes + extra - vector.len());
    }
    vector
}
