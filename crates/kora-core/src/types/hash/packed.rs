//! Small hashes: one run of bytes, in one of two layouts.
//!
//! - without deadlines: [`pairs`] of field and value, in the order in which the fields were added;
//! - with room for them: Redis's `listpackex`, a listpack of field, value, deadline ... where the deadline is in milliseconds since
//!   1970, 0 for none; fields with deadlines come first, in the order of these, and among equal ones the latest set comes first.
//!
//! So the next deadline is the third element of a listpack, and what is due is a prefix.

use super::Field;
use crate::entry::{Packing, Ttl};
use crate::packed::listpack::{self, At, Buffer, Element, ListPack};
use crate::packed::pairs::{self, Pairs};
use crate::time::UnixMs;

/// The deadline of a field that has none, as `listpackex` stores it.
const NO_DEADLINE: &[u8] = b"0";
/// Elements of `listpackex` for each field.
const WIDTH: usize = 3;

/// A small hash, for reading.
#[derive(Clone, Copy, Debug)]
pub enum Packed<'a> {
    /// One without room for deadlines.
    Pairs(Pairs<'a>),
    /// One with it.
    Expiring(ListPack<'a>),
}

/// Where a field is: the number of its pair, or where it begins in a listpack. Any change before it makes it stale.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place(usize);

/// The deadline that an element tells.
fn deadline(element: Element<'_>) -> Option<UnixMs> {
    match element {
        Element::Integer(at) if at != 0 => Some(UnixMs(at)),
        _ => None,
    }
}

/// The field that begins an iteration over elements of `listpackex`.
#[inline]
fn next_field<'a>(elements: &mut listpack::Iter<'a>) -> Option<Field<'a>> {
    let (name, value, at) = (elements.next()?, elements.next()?, elements.next()?);
    Some(Field { name, value, deadline: deadline(at) })
}

#[inline]
fn lasting((name, value): pairs::Pair<'_>) -> Field<'_> {
    Field { name, value, deadline: None }
}

impl<'a> Packed<'a> {
    /// A view of the bytes of a packed hash.
    #[inline]
    #[must_use]
    pub(super) fn new(packing: Packing, bytes: &'a [u8]) -> Self {
        if packing == Packing::ListPackEx {
            Self::Expiring(ListPack::new(bytes))
        } else {
            Self::Pairs(Pairs::new(bytes))
        }
    }

    /// Number of fields.
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            Self::Pairs(pairs) => pairs.len(),
            Self::Expiring(list) => list.len() / WIDTH,
        }
    }

    /// A field and where it is. Complexity: O(n).
    #[inline]
    pub(super) fn find(self, field: &[u8]) -> Option<(Place, Field<'a>)> {
        match self {
            Self::Pairs(pairs) => {
                let found = pairs.find(field)?;
                Some((Place(found.index), lasting((found.first, found.second))))
            }
            Self::Expiring(list) => {
                let at = list.find(list.first(), field, WIDTH - 1)?;
                Some((Place(at.0), next_field(&mut list.iter_from(at))?))
            }
        }
    }

    /// The fields, in the order in which they lie.
    #[inline]
    pub(super) fn iter(self) -> Fields<'a> {
        match self {
            Self::Pairs(pairs) => Fields::Pairs(pairs.iter()),
            Self::Expiring(list) => Fields::Expiring(list.iter()),
        }
    }

    /// Field number `index`, below the number of fields. Complexity: O(n).
    pub(super) fn nth(self, index: usize) -> Field<'a> {
        self.iter().nth(index).expect("the caller keeps the index below the number of fields")
    }

    /// The next deadline of a field.
    #[inline]
    pub(super) fn next_deadline(self) -> Option<UnixMs> {
        match self {
            Self::Pairs(_) => None,
            Self::Expiring(list) => next_field(&mut list.iter())?.deadline,
        }
    }
}

/// The fields of a packed hash.
#[derive(Clone, Debug)]
pub(super) enum Fields<'a> {
    Pairs(pairs::Iter<'a>),
    Expiring(listpack::Iter<'a>),
}

impl<'a> Iterator for Fields<'a> {
    type Item = Field<'a>;

    #[inline]
    fn next(&mut self) -> Option<Field<'a>> {
        match self {
            Self::Pairs(pairs) => pairs.next().map(lasting),
            Self::Expiring(elements) => next_field(elements),
        }
    }
}

/// A small hash in its buffer, for writing.
pub(super) struct PackedMut<'a, B: Buffer + ?Sized> {
    pub(super) buffer: &'a mut B,
    pub(super) packing: Packing,
}

impl<B: Buffer + ?Sized> PackedMut<'_, B> {
    #[inline]
    fn packed(&self) -> Packed<'_> {
        Packed::new(self.packing, self.buffer.bytes())
    }

    /// Gives a field its value and says whether it is new. Only `listpackex` can hold a deadline.
    #[inline]
    pub(super) fn set(&mut self, field: &[u8], value: &[u8], ttl: Ttl) -> bool {
        match self.packed() {
            Packed::Pairs(pairs) => {
                debug_assert!(!matches!(ttl, Ttl::At(_)), "there is no room for a deadline");
                let found = pairs.find(field).map(|found| found.index);
                match found {
                    Some(index) => pairs::set_second(self.buffer, index, Element::of(value)),
                    None => pairs::push(self.buffer, (Element::of(field), Element::of(value))),
                }
                found.is_none()
            }
            Packed::Expiring(_) => self.set_expiring(field, value, ttl),
        }
    }

    fn set_expiring(&mut self, field: &[u8], value: &[u8], ttl: Ttl) -> bool {
        let Some((at, Field { deadline: present, .. })) = self.packed().find(field) else {
            self.add(field, value, if let Ttl::At(deadline) = ttl { Some(deadline) } else { None });
            return true;
        };
        let wanted = match ttl {
            Ttl::Clear => None,
            Ttl::Keep => present,
            Ttl::At(deadline) => Some(deadline),
        };
        if wanted == present && !matches!(ttl, Ttl::At(_)) {
            let value_at = ListPack::new(self.buffer.bytes()).next(At(at.0)).expect("a field has a value");
            listpack::replace(self.buffer, value_at, value);
        } else {
            self.remove(at);
            self.add(field, value, wanted);
        }
        false
    }

    /// Adds a field that is not there to a `listpackex`.
    fn add(&mut self, field: &[u8], value: &[u8], deadline: Option<UnixMs>) {
        let Some(deadline) = deadline else {
            [field, value, NO_DEADLINE].iter().for_each(|text| listpack::push_back(self.buffer, text));
            return;
        };
        let mut text = itoa::Buffer::new();
        let record = [field, value, text.format(deadline.0).as_bytes()];
        match self.place_of(deadline) {
            Some(at) => record.iter().rev().for_each(|text| listpack::insert(self.buffer, at, text)),
            None => record.iter().for_each(|text| listpack::push_back(self.buffer, text)),
        }
    }

    /// Where a field with this deadline belongs in a `listpackex`; `None` for the end.
    fn place_of(&self, deadline: UnixMs) -> Option<At> {
        let list = ListPack::new(self.buffer.bytes());
        let mut at = list.first();
        for field in self.packed().iter() {
            if field.deadline.is_none_or(|present| present >= deadline) {
                return at;
            }
            at = (0..WIDTH).try_fold(at?, |at, _| list.next(at));
        }
        at
    }

    /// Takes the field at `place` out.
    pub(super) fn remove(&mut self, place: Place) {
        match self.packing {
            Packing::ListPackEx => listpack::remove(self.buffer, At(place.0), WIDTH),
            _ => pairs::remove(self.buffer, place.0, 1),
        }
    }

    /// Gives a field that is there a deadline or takes it away: of `listpackex` only.
    pub(super) fn set_deadline(&mut self, field: &[u8], deadline: Option<UnixMs>) {
        let Some((place, Field { value, .. })) = self.packed().find(field) else { return };
        let value = value.to_vec();
        self.remove(place);
        self.add(field, &value, deadline);
    }

    /// Takes out those of `fields` whose deadline is before `now`, and shows their names.
    pub(super) fn expire_named<'f>(
        &mut self,
        now: UnixMs,
        fields: impl Iterator<Item = &'f [u8]>,
        visit: &mut dyn FnMut(&[u8]),
    ) {
        for field in fields {
            if let Some((place, found)) = self.packed().find(field)
                && !found.is_live(now)
            {
                visit(field);
                self.remove(place);
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
        if let Packed::Expiring(list) = self.packed()
            && let Some(first) = list.first()
            && count > 0
        {
            listpack::remove(self.buffer, first, count * WIDTH);
        }
    }
}

/// A packed hash with room for deadlines.
pub(super) fn with_deadlines(packed: Packed<'_>) -> Vec<u8> {
    let mut bytes = listpack::EMPTY.to_vec();
    let mut run = listpack::Run::default();
    for field in packed.iter() {
        run.push_element(field.name);
        run.push_element(field.value);
        run.push(NO_DEADLINE);
    }
    listpack::push_run(&mut bytes, &run);
    bytes
}
