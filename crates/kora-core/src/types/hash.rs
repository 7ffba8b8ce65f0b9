//! Hashes: fields with values, each field with a deadline if it was given one.
//!
//! A small hash is one run of bytes in its entry ([`packed`]), a large one a table of packed records ([`table`]). [`HashRef`] reads
//! either, [`HashMut`] changes either and converts as Redis does: a packed hash gets room for deadlines when one may be
//! given, and becomes a table when it outgrows [`Limits`]; neither is ever undone.
//!
//! A field whose deadline has passed stays until somebody expires it: the sweep, or a look-up, which expires what [`Due`] names of
//! the fields that are due. Views and commands pass the others over, or count them as there where Redis does.

mod data_type;
mod edit;
mod packed;
mod rdb;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use data_type::DATA_TYPE;
pub use edit::{HashMut, Limits};
pub(crate) use edit::{PACKED_BYTES_MAX, collect};
pub use packed::Packed;
pub use table::HashTable;

use crate::entry::{Entry, Kind};
use crate::packed::listpack::Element;
use crate::time::UnixMs;
use crate::types::packed_table::Record;

/// A field of a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field<'a> {
    /// Its name.
    pub name: Element<'a>,
    /// Its value.
    pub value: Element<'a>,
    /// When it expires.
    pub deadline: Option<UnixMs>,
}

impl<'a> From<Record<'a>> for Field<'a> {
    #[inline]
    fn from(record: Record<'a>) -> Self {
        Self {
            name: Element::Bytes(record.key),
            value: Element::Bytes(record.value),
            deadline: record.deadline,
        }
    }
}

impl Field<'_> {
    /// Whether its time has not come by `now`.
    #[inline]
    #[must_use]
    pub fn is_live(&self, now: UnixMs) -> bool {
        self.deadline.is_none_or(|at| at >= now)
    }
}

/// Which of the fields that are due are to be expired.
#[derive(Clone, Copy, Debug)]
pub enum Due<'a> {
    /// None: the command counts them as there, or passes them over.
    Nothing,
    /// All.
    Every,
    /// So many at most, the earliest first.
    First(usize),
    /// Those named by every `step`-th of `args`.
    Named {
        /// The arguments, beginning with a name.
        args: &'a [&'a [u8]],
        /// Distance between names.
        step: usize,
    },
}

impl<'a> Due<'a> {
    /// Those named by `fields`.
    #[must_use]
    pub fn among(fields: &'a [&'a [u8]]) -> Self {
        Self::Named { args: fields, step: 1 }
    }
}

/// A hash, for reading.
#[derive(Clone, Copy, Debug)]
pub enum HashRef<'a> {
    /// A small one.
    Packed(Packed<'a>),
    /// A large one.
    Table(&'a HashTable),
}

impl<'a> HashRef<'a> {
    /// The hash that an entry holds, if it holds one.
    #[inline]
    #[must_use]
    pub fn of(entry: &'a Entry) -> Option<Self> {
        if entry.kind() != Kind::Hash {
            return None;
        }
        match entry.packed() {
            Some((packing, bytes)) => Some(Self::Packed(Packed::new(packing, bytes))),
            None => entry.as_object()?.as_any().downcast_ref().map(Self::Table),
        }
    }

    /// Number of fields, due ones included.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Packed(packed) => packed.len(),
            Self::Table(hash) => hash.table().len(),
        }
    }

    /// Whether there are no fields.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// A field. Complexity: O(1), O(n) for a small hash.
    #[inline]
    #[must_use]
    pub fn get(self, field: &[u8]) -> Option<Field<'a>> {
        match self {
            Self::Packed(packed) => packed.find(field).map(|(_, field)| field),
            Self::Table(hash) => hash.table().get(field).map(Field::from),
        }
    }

    /// A field whose time has not come by `now`. Complexity: as for [`HashRef::get`].
    #[inline]
    #[must_use]
    pub fn get_live(self, field: &[u8], now: UnixMs) -> Option<Field<'a>> {
        self.get(field).filter(|field| field.is_live(now))
    }

    /// Number of fields whose time has not come by `now`. Complexity: O(1), O(n) if that of others has.
    #[must_use]
    pub fn live_len(self, now: UnixMs) -> usize {
        if !self.is_due(now) {
            return self.len();
        }
        let mut count = 0;
        self.for_each_live(now, |_| count += 1);
        count
    }

    /// All fields whose time has not come by `now`, in no order that means anything.
    #[inline]
    pub fn for_each_live(self, now: UnixMs, mut visit: impl FnMut(Field<'a>)) {
        self.for_each(|field| {
            if field.is_live(now) {
                visit(field);
            }
        });
    }

    /// All fields, in no order that means anything.
    #[inline]
    pub fn for_each(self, mut visit: impl FnMut(Field<'a>)) {
        match self {
            Self::Packed(Packed::Pairs(pairs)) => {
                pairs.iter().for_each(|(name, value)| visit(Field { name, value, deadline: None }));
            }
            Self::Packed(packed) => packed.iter().for_each(visit),
            Self::Table(hash) => hash.table().iter().for_each(|record| visit(record.into())),
        }
    }

    /// Visits fields that are not due from `cursor` on, 0 to begin, until at least `count` were looked at; returns the next
    /// cursor, 0 at the end. A small hash is visited at once. Fields that are there throughout a scan are visited.
    pub fn scan(self, cursor: u64, count: usize, now: UnixMs, mut visit: impl FnMut(Field<'_>)) -> u64 {
        let mut visit_live = |field: Field<'_>| {
            if field.is_live(now) {
                visit(field);
            }
        };
        match self {
            Self::Packed(packed) => {
                packed.iter().for_each(visit_live);
                0
            }
            Self::Table(hash) => hash.table().scan(cursor, count, |record| visit_live(record.into())),
        }
    }

    /// A field, each with equal probability; `None` if there are none. Complexity: O(1), O(n) for a small hash.
    #[must_use]
    pub fn random(self, mut random: impl FnMut() -> u64) -> Option<Field<'a>> {
        match self {
            Self::Packed(packed) => {
                let index = (u128::from(random()) * packed.len() as u128) >> u64::BITS;
                (packed.len() > 0).then(|| packed.nth(usize::try_from(index).expect("below the length")))
            }
            Self::Table(hash) => {
                let position = hash.table().random(random)?;
                Some(hash.table().record(position).into())
            }
        }
    }

    /// The next deadline of a field.
    #[inline]
    #[must_use]
    pub fn next_deadline(self) -> Option<UnixMs> {
        match self {
            Self::Packed(packed) => packed.next_deadline(),
            Self::Table(hash) => hash.next_deadline(),
        }
    }

    /// Whether a field's deadline has passed at `now`.
    #[inline]
    #[must_use]
    pub fn is_due(self, now: UnixMs) -> bool {
        self.next_deadline().is_some_and(|at| at < now)
    }
}

/// The next deadline of a field, if the entry holds a hash that has one.
#[inline]
pub(crate) fn next_deadline(entry: &Entry) -> Option<UnixMs> {
    HashRef::of(entry)?.next_deadline()
}
