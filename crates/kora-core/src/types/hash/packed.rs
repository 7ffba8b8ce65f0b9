//! Small hashes: one listpack, in one of Redis's two layouts.
//!
//! - `listpack`: field, value, field, value ... in the order in which the fields were added;
//! - `listpackex`: field, value, deadline ... where the deadline is in milliseconds since 1970, 0 for none; fields with
//!   deadlines come first, in the order of these, and among equal ones the latest set comes first.
//!
//! So the next deadline is the third element, and what is due is a prefix.

use super::Field;
use crate::entry::{Packing, Ttl};
use crate::packed::listpack::{self, At, Buffer, Element, Iter, ListPack};
use crate::time::UnixMs;

/// The deadline of a field that has none, as `listpackex` stores it.
const NO_DEADLINE: &[u8] = b"0";

/// A small hash, for reading.
#[derive(Clone, Copy, Debug)]
pub struct Packed<'a> {
    list: ListPack<'a>,
    /// Elements for each field: 2, or 3 with deadlines.
    width: usize,
}

/// Elements for each field.
fn width(packing: Packing) -> usize {
    if packing == Packing::ListPackEx { 3 } else { 2 }
}

/// The deadline that an element tells.
fn deadline(element: Element<'_>) -> Option<UnixMs> {
    match element {
        Element::Integer(at) if at != 0 => Some(UnixMs(at)),
        _ => None,
    }
}

impl<'a> Packed<'a> {
    /// A view of the bytes of a packed hash.
    #[inline]
    #[must_use]
    pub(super) fn new(packing: Packing, bytes: &'a [u8]) -> Self {
        Self { list: ListPack::new(bytes), width: width(packing) }
    }

    /// Number of fields.
    #[inline]
    pub(super) fn len(self) -> usize {
        self.list.len() / self.width
    }

    /// Where a field begins. Complexity: O(n).
    #[inline]
    pub(super) fn find(self, field: &[u8]) -> Option<At> {
        self.list.find(self.list.first(), field, self.width - 1)
    }

    /// The field that begins at `at`.
    #[inline]
    pub(super) fn field(self, at: At) -> Field<'a> {
        self.fields(self.list.iter_from(at)).next().expect("a field has a value")
    }

    /// The fields, in the order in which they lie.
    #[inline]
    pub(super) fn iter(self) -> Fields<'a> {
        self.fields(self.list.iter())
    }

    fn fields(self, elements: Iter<'a>) -> Fields<'a> {
        Fields { elements, has_deadlines: self.width == 3 }
    }

    /// Field number `index`, below the number of fields. Complexity: O(n).
    pub(super) fn nth(self, index: usize) -> Field<'a> {
        let at = isize::try_from(index * self.width).ok().and_then(|index| self.list.at(index));
        self.field(at.expect("the caller keeps the index below the number of fields"))
    }

    /// The next deadline of a field.
    #[inline]
    pub(super) fn next_deadline(self) -> Option<UnixMs> {
        if self.width == 2 { None } else { self.iter().next()?.deadline }
    }
}

/// The fields of a packed hash.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    elements: Iter<'a>,
    has_deadlines: bool,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        let (name, value) = (self.elements.next()?, self.elements.next()?);
        let deadline = if self.has_deadlines { deadline(self.elements.next()?) } else { None };
        Some(Field { name, value, deadline })
    }
}

/// A small hash in its buffer, for writing.
pub(super) struct PackedMut<'a, B: Buffer + ?Sized> {
    pub(super) buffer: &'a mut B,
    pub(super) packing: Packing,
}

impl<B: Buffer + ?Sized> PackedMut<'_, B> {
    fn packed(&self) -> Packed<'_> {
        Packed::new(self.packing, self.buffer.bytes())
    }

    fn list(&self) -> ListPack<'_> {
        self.packed().list
    }

    /// Gives a field its value and says whether it is new. Only `listpackex` can hold a deadline.
    #[inline]
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], ttl: Ttl) -> bool {
        let Some(at) = self.packed().find(field) else {
            self.add(field, value, if let Ttl::At(deadline) = ttl { Some(deadline) } else { None });
            return true;
        };
        let present =
            if self.packing == Packing::ListPackEx { self.packed().field(at).deadline } else { None };
        let wanted = match ttl {
            Ttl::Clear => None,
            Ttl::Keep => present,
            Ttl::At(deadline) => Some(deadline),
        };
        if wanted == present && !matches!(ttl, Ttl::At(_)) {
            let value_at = self.list().next(at).expect("a field has a value");
            listpack::replace(self.buffer, value_at, value);
        } else {
            self.remove(at);
            self.add(field, value, wanted);
        }
        false
    }

    /// Adds a field that is not there.
    fn add(&mut self, field: &[u8], value: &[u8], deadline: Option<UnixMs>) {
        let Some(deadline) = deadline else {
            listpack::push_back(self.buffer, field);
            listpack::push_back(self.buffer, value);
            if self.packing == Packing::ListPackEx {
                listpack::push_back(self.buffer, NO_DEADLINE);
            }
            return;
        };
        let mut text = itoa::Buffer::new();
        let record = [field, value, text.format(deadline.0).as_bytes()];
        match self.place_of(deadline) {
            Some(at) => record.iter().rev().for_each(|text| listpack::insert(self.buffer, at, text)),
            None => record.iter().for_each(|text| listpack::push_back(self.buffer, text)),
        }
    }

    /// Where a field with this deadline belongs; `None` for the end.
    fn place_of(&self, deadline: UnixMs) -> Option<At> {
        let list = self.list();
        let mut at = list.first();
        for field in self.packed().iter() {
            if field.deadline.is_none_or(|present| present >= deadline) {
                return at;
            }
            at = (0..self.packed().width).try_fold(at?, |at, _| list.next(at));
        }
        at
    }

    /// Takes the field that begins at `at` out.
    pub(super) fn remove(&mut self, at: At) {
        listpack::remove(self.buffer, at, width(self.packing));
    }

    /// Gives the field that begins at `at` a deadline or takes it away: of `listpackex` only.
    pub(super) fn set_deadline(&mut self, at: At, deadline: Option<UnixMs>) {
        let Field { name, value, .. } = self.packed().field(at);
        let (name, value) = (name.to_vec(), value.to_vec());
        self.remove(at);
        self.add(&name, &value, deadline);
    }

    /// Takes out those of `fields` whose deadline is before `now`, and shows their names.
    pub(super) fn expire_named<'f>(
        &mut self,
        now: UnixMs,
        fields: impl Iterator<Item = &'f [u8]>,
        visit: &mut dyn FnMut(&[u8]),
    ) {
        for field in fields {
            let is_due = |at: &At| !self.packed().field(*at).is_live(now);
            if let Some(at) = self.packed().find(field).filter(is_due) {
                visit(field);
                self.remove(at);
            }
        }
    }

    /// Takes out up to `most` fields whose deadline is before `now`, and shows their names.
    pub(super) fn expire(&mut self, now: UnixMs, most: usize, visit: &mut dyn FnMut(&[u8])) {
        let is_due = |field: &Field<'_>| !field.is_live(now);
        let mut count = 0;
        for field in self.packed().iter().take_while(is_due).take(most) {
            field.name.with(&mut *visit);
            count += 1;
        }
        if let Some(first) = self.list().first()
            && count > 0
        {
            listpack::remove(self.buffer, first, count * width(self.packing));
        }
    }
}

/// A packed hash with room for deadlines.
pub(super) fn with_deadlines(packed: Packed<'_>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(packed.list.bytes().len() + 2 * packed.len());
    bytes.extend_from_slice(&listpack::EMPTY);
    for field in packed.iter() {
        for element in [field.name, field.value] {
            element.with(|text| listpack::push_back(&mut bytes, text));
        }
        listpack::push_back(&mut bytes, NO_DEADLINE);
    }
    bytes
}
