//! A key and its value, deadline and use bits in one allocation, behind one thin pointer.
//!
//! The pointer's lowest bit says whether there is a deadline: eviction among those that have one reads table slots and
//! touches no other entry. The parts of the allocation are described in [`shape`]; long values and collections have
//! memory of their own, which the entry owns.
//!
//! Invariants, on which every unsafe block here relies:
//! - the pointer (without its lowest bit) is the start of a live allocation of `shape().layout()`, aligned to 8,
//!   that nothing else points to;
//! - header, key and value are initialised, and `Repr` says what the cell holds;
//! - the cell holds `i64`, `Option<Box<dyn Object>>` (`None` only while the value is being replaced) or [`Long`].
#![expect(unsafe_code, reason = "one allocation of variable layout; safe for all who use it")]

pub(crate) mod account;
mod collection;
mod compact_key;
pub mod data_type;
pub(crate) mod deadline;
mod form;
mod heap;
pub mod kind;
mod long;
mod modify;
pub mod object;
mod shape;
mod size;
mod splice;
mod string;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod usage;

use std::alloc::{alloc, dealloc, handle_alloc_error};
use std::fmt;
use std::ptr::NonNull;

use crate::config::CoreConfig;
use crate::time::UnixMs;
pub use account::Account;
pub(crate) use account::Footprint;
pub use collection::Collection;
use compact_key::CompactKey;
use deadline::Deadline;
pub use deadline::Ttl;
pub(crate) use form::Form;
pub use form::Packing;
use form::{kind_bits, kind_of};
pub(crate) use heap::{Heap, NewValue};
pub use kind::{Encoding, Kind};
use long::Long;
use object::Object;
pub(crate) use shape::size_class;
use shape::{HEADER_BYTES, Repr, Shape};
pub use size::SizeClass;
pub(crate) use size::Tally;
pub use string::{StringRef, StringValue};
use usage::Usage;

/// The longest string that OBJECT ENCODING calls `embstr`.
const EMBSTR_BYTES: usize = 44;
/// Set in the pointer of an entry with a deadline.
const DEADLINE_BIT: usize = 1;
/// Use bits of an entry that is not in a table yet.
const UNUSED: Usage = Usage(1 << 24);

/// The first eight bytes of an entry.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
struct Header {
    /// Bits 0 and 1: [`Repr`]; bit 2: see [`Form`], and for an integer [`Entry::has_own_integer`]; bit 3: see [`Entry::mark`]; bits 4 to 7: [`Kind`].
    tag: u8,
    /// The key's length byte: see [`CompactKey`].
    key_len: u8,
    /// The lower ten bits: length of an inline value; the others: see [`Entry::tally`].
    sizes: u16,
    /// See [`Usage`].
    usage: Usage,
}

const _: () = assert!(size_of::<Header>() == HEADER_BYTES && align_of::<Header>() <= 8);

/// The bits of `sizes` that hold the length of an inline value.
const INLINE_LEN_MASK: u16 = (1 << SIZE_CLASS_SHIFT) - 1;
/// Where the class of the value's size begins in `sizes`.
const SIZE_CLASS_SHIFT: u32 = 10;

/// The bits of a tag that tell kind and form.
const FORM_MASK: u8 = !0b1011;

/// Set in the tag of an entry whose integer is not one that Redis would share: see [`Entry::has_own_integer`].
const OWN_INTEGER_BIT: u8 = 1 << 2;

/// Set in the tag of an entry whose mark is up: see [`Entry::mark`].
const MARK_BIT: u8 = 1 << 3;

impl Header {
    /// A header of an entry of this shape; `form` are the bits of its tag that tell kind and form.
    fn new(shape: Shape, form: u8) -> Self {
        Self {
            tag: shape.repr as u8 | form,
            key_len: 0,
            sizes: u16::try_from(shape.inline_bytes).expect("Shape::fits_inline keeps inline values short"),
            usage: UNUSED,
        }
    }

    /// Length of an inline value.
    #[inline]
    fn inline_len(self) -> usize {
        usize::from(self.sizes & INLINE_LEN_MASK)
    }

    #[inline]
    fn repr(self) -> Repr {
        match self.tag & 3 {
            0 => Repr::Inline,
            1 => Repr::Integer,
            2 => Repr::Object,
            _ => Repr::External,
        }
    }

    /// What its bytes are, if it holds bytes.
    #[inline]
    fn form(self) -> Form {
        Form::of(self.tag)
    }

    #[inline]
    fn kind(self) -> Kind {
        kind_of(self.tag)
    }
}

/// An owned entry: a key with its value, deadline and use bits.
pub struct Entry(NonNull<u8>);

// SAFETY: an entry owns all it points to, and that is bytes, a `Long` or a `Box<dyn Object>`, which are `Send`.
unsafe impl Send for Entry {}

impl Entry {
    /// A string entry; integers are stored as such, as Redis encodes them.
    #[must_use]
    pub fn new_string(key: &[u8], value: &[u8], expiry: Option<UnixMs>) -> Self {
        Self::build(key, NewValue::text(value), expiry)
    }

    /// An entry whose value is a large collection.
    #[must_use]
    pub fn new_object(key: &[u8], value: Box<dyn Object>, expiry: Option<UnixMs>) -> Self {
        Self::build(key, NewValue::Object(value), expiry)
    }

    /// An entry whose value is a small collection in its packed form.
    ///
    /// # Panics
    /// If that kind is never packed so.
    #[must_use]
    pub fn new_packed(
        key: &[u8],
        (kind, packing): (Kind, Packing),
        bytes: &[u8],
        expiry: Option<UnixMs>,
    ) -> Self {
        Self::build(key, NewValue::Bytes { bytes, form: Form::Packed(kind, packing) }, expiry)
    }

    /// An entry of its own.
    pub(crate) fn build(key: &[u8], value: NewValue<'_>, expiry: Option<UnixMs>) -> Self {
        let shape = value.shape(key.len(), expiry.is_some());
        let value = value.settled(shape);
        let mut entry = Self::allocate(shape);
        let key = CompactKey(key);
        // SAFETY: `shape` says that the key fits there.
        unsafe { key.write(entry.base().add(shape.key_at())) };
        entry.fill(
            shape,
            Header { key_len: key.len_byte(), ..Header::new(shape, kind_bits(Kind::String)) },
            value,
        );
        if let Some(at) = expiry {
            entry.write_deadline(Deadline::at(at));
        }
        entry
    }

    /// Memory for `shape`, all of it yet to be written: nothing may panic before the header is.
    fn allocate(shape: Shape) -> Self {
        let layout = shape.layout();
        // SAFETY: the layout is not empty: there is always a header.
        let base = unsafe { alloc(layout) };
        let Some(base) = NonNull::new(base) else { handle_alloc_error(layout) };
        let tag = if shape.has_deadline { DEADLINE_BIT } else { 0 };
        Self(base.map_addr(|address| address | tag))
    }

    /// Start of the allocation.
    #[inline]
    fn base(&self) -> *mut u8 {
        self.0.as_ptr().map_addr(|address| address & !DEADLINE_BIT)
    }

    #[inline]
    fn header(&self) -> Header {
        // SAFETY: an entry begins with its header.
        unsafe { self.base().cast::<Header>().read() }
    }

    #[inline]
    fn set_header(&mut self, header: Header) {
        // SAFETY: an entry begins with its header, and `&mut self` is the only way to it.
        unsafe { self.base().cast::<Header>().write(header) };
    }

    fn shape(&self) -> Shape {
        let header = self.header();
        let mut shape = Shape {
            repr: header.repr(),
            has_deadline: self.has_expiry(),
            key_bytes: 0,
            inline_bytes: header.inline_len(),
        };
        // SAFETY: the place of the key follows from what the shape holds so far, and a key was written there.
        shape.key_bytes = unsafe { CompactKey::len(header.key_len, self.base().add(shape.key_at())) };
        shape
    }

    /// The key.
    #[inline]
    #[must_use]
    pub fn key(&self) -> &[u8] {
        let header = self.header();
        let cell_at = if self.has_expiry() { HEADER_BYTES + 8 } else { HEADER_BYTES };
        let key_at = cell_at + header.repr() as usize * 8;
        // SAFETY: `Shape::key_at` of this entry; a key was written there and stays while `self` is borrowed.
        unsafe { CompactKey::read(header.key_len, self.base().add(key_at)) }
    }

    /// The data type of the value.
    #[inline]
    #[must_use]
    pub fn kind(&self) -> Kind {
        self.header().kind()
    }

    /// How the value is stored, as Redis would say.
    #[must_use]
    pub fn encoding(&self) -> Encoding {
        let header = self.header();
        match (header.repr(), header.form()) {
            (Repr::Integer, _) => Encoding::Int,
            (Repr::Object, _) => self.as_object().expect("its Repr says so").encoding(),
            (_, Form::Packed(_, packing)) => packing.encoding(),
            (_, Form::Text) if self.value_bytes().is_some_and(|bytes| bytes.len() <= EMBSTR_BYTES) => {
                Encoding::EmbStr
            }
            (_, Form::Text | Form::Raw) => Encoding::Raw,
        }
    }

    /// Whether there is a deadline. Looks at the pointer only.
    #[inline]
    #[must_use]
    pub fn has_expiry(&self) -> bool {
        self.0.as_ptr().addr() & DEADLINE_BIT != 0
    }

    /// The deadline.
    #[inline]
    #[must_use]
    pub fn expiry(&self) -> Option<UnixMs> {
        self.deadline().map(Deadline::time)
    }

    /// The deadline as it is stored.
    #[inline]
    pub(crate) fn deadline(&self) -> Option<Deadline> {
        // SAFETY: the bit says that a deadline stands behind the header.
        let bits = || unsafe { self.base().add(HEADER_BYTES).cast::<i64>().read() };
        self.has_expiry().then(|| Deadline::from_bits(bits()))
    }

    /// Whether the deadline has passed at `now`.
    #[inline]
    #[must_use]
    pub fn is_expired(&self, now: UnixMs) -> bool {
        self.expiry().is_some_and(|at| at < now)
    }

    /// The small collection, if it is one, in its packed form.
    #[inline]
    #[must_use]
    pub fn packed(&self) -> Option<(Packing, &[u8])> {
        match self.header().form() {
            Form::Packed(_, packing) => self.value_bytes().map(|bytes| (packing, bytes)),
            Form::Text | Form::Raw => None,
        }
    }

    /// The value, if it is held as an integer.
    #[inline]
    fn integer(&self) -> Option<i64> {
        // SAFETY: `Repr::Integer` says that the cell holds an i64.
        (self.header().repr() == Repr::Integer).then(|| unsafe { self.cell::<i64>().read() })
    }

    /// The value, if it is held as bytes: a string or a packed collection.
    #[inline]
    fn value_bytes(&self) -> Option<&[u8]> {
        match self.header().repr() {
            Repr::Inline => Some(self.inline_value()),
            Repr::External => Some(self.long().bytes()),
            Repr::Integer | Repr::Object => None,
        }
    }

    /// The bytes of a value whose `Repr` is `External`.
    #[inline]
    fn long(&self) -> &Long {
        assert!(self.header().repr() == Repr::External, "asked of values in memory of their own only");
        // SAFETY: `Repr::External` says that the cell holds long bytes, borrowed like `self`.
        unsafe { &*self.cell::<Long>() }
    }

    /// Whether the value is a large collection.
    #[inline]
    pub(crate) fn is_large(&self) -> bool {
        self.header().repr() == Repr::Object
    }

    /// The large collection, if it is one.
    #[must_use]
    pub fn as_object(&self) -> Option<&dyn Object> {
        if self.header().repr() != Repr::Object {
            return None;
        }
        // SAFETY: `Repr::Object` says what the cell holds; it is borrowed like `self`.
        unsafe { &*self.cell::<Option<Box<dyn Object>>>() }.as_deref()
    }

    /// The large collection, if it is one, to modify it.
    pub fn as_object_mut(&mut self) -> Option<&mut dyn Object> {
        if self.header().repr() != Repr::Object {
            return None;
        }
        // SAFETY: `Repr::Object` says what the cell holds; it is borrowed like `self`.
        unsafe { &mut *self.cell::<Option<Box<dyn Object>>>() }.as_deref_mut()
    }

    /// What freeing it gives back, about, where an allocation of a large collection is taken to have so many bytes. Complexity: O(1).
    pub(crate) fn waste_bytes(&self, bytes_per_allocation: usize) -> usize {
        match self.as_object() {
            Some(object) => size_class(self.shape().bytes()) + object.free_effort() * bytes_per_allocation,
            None => self.memory_bytes(),
        }
    }

    /// Bytes allocated for key, value and bookkeeping.
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let shape = self.shape();
        let beyond = match shape.repr {
            Repr::Inline | Repr::Integer => 0,
            Repr::External => self.long().memory_bytes(),
            Repr::Object => self.as_object().expect("its Repr says so").memory_bytes(),
        };
        size_class(shape.bytes()) + beyond
    }

    /// An independent copy, as if just created.
    #[must_use]
    pub fn duplicate(&self) -> Self {
        let value = match self.as_object() {
            Some(object) => NewValue::Object(object.duplicate()),
            None => self.plain_value(),
        };
        Self::build(self.key(), value, self.expiry())
    }

    /// Whether the value is an integer that came of copying another value: OBJECT REFCOUNT counts no other key with it.
    #[must_use]
    pub fn has_own_integer(&self) -> bool {
        let header = self.header();
        header.repr() == Repr::Integer && header.tag & OWN_INTEGER_BIT != 0
    }

    /// Notes of an integer that it came of copying another value, until the value changes.
    pub(crate) fn own_integer(&mut self) {
        let header = self.header();
        if header.repr() == Repr::Integer {
            self.set_header(Header { tag: header.tag | OWN_INTEGER_BIT, ..header });
        }
    }

    /// What tells whether a snapshot still has to write the entry: see [`snapshot`](crate::store::snapshot). It stays when value and
    /// deadline change.
    #[inline]
    pub(crate) fn mark(&self) -> bool {
        self.header().tag & MARK_BIT != 0
    }

    #[inline]
    pub(crate) fn set_mark(&mut self, mark: bool) {
        let header = self.header();
        let bit = if mark { MARK_BIT } else { 0 };
        self.set_header(Header { tag: header.tag & !MARK_BIT | bit, ..header });
    }

    /// Seconds since the last use, as far as it was tracked by time.
    #[must_use]
    pub fn idle_seconds(&self, now: UnixMs) -> u32 {
        self.header().usage.idle_seconds(now)
    }

    /// Use on a logarithmic scale from 0 to 255, as far as it was tracked by frequency.
    #[must_use]
    pub fn frequency(&self, now: UnixMs, config: &CoreConfig) -> u32 {
        self.header().usage.frequency(config, now)
    }

    /// Where the entry lies, to fetch it into the cache.
    #[inline]
    pub(crate) fn address(&self) -> *const u8 {
        self.base()
    }

    /// Cell of the value. Its type is what `Repr` says.
    #[inline]
    fn cell<T>(&self) -> *mut T {
        let cell_at = if self.has_expiry() { HEADER_BYTES + 8 } else { HEADER_BYTES };
        // SAFETY: a cell, even an empty one, lies within the allocation or at its end; it is aligned to 8.
        unsafe { self.base().add(cell_at).cast() }
    }

    #[inline]
    fn inline_value(&self) -> &[u8] {
        let key = self.key();
        let len = self.header().inline_len();
        // SAFETY: an inline value of that length was written directly behind the key. The pointer is made from the
        // allocation's, since the key's may not be used beyond the key.
        unsafe {
            let value_at = key.as_ptr().add(key.len()).addr() - self.base().addr();
            std::slice::from_raw_parts(self.base().add(value_at), len)
        }
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let layout = self.shape().layout();
        drop(self.take_heap());
        // SAFETY: this is the allocation's layout, and nothing uses it any more.
        unsafe { dealloc(self.base(), layout) };
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut fields = formatter.debug_struct("Entry");
        fields.field("key", &self.key().escape_ascii().to_string());
        match (self.string(), self.as_object()) {
            (Some(StringRef::Bytes(bytes)), _) => fields.field("value", &bytes.escape_ascii().to_string()),
            (Some(StringRef::Integer(value)), _) => fields.field("value", &value),
            (None, None) => fields.field("value", &self.packed()),
            (None, object) => fields.field("value", &object),
        };
        fields.field("expiry", &self.expiry()).finish()
    }
}
