//! A set that is being made and lies in no entry yet.

use super::edit::{Open, SetHome};
use super::{SetLimits, SetRef, SetTable};
use crate::entry::{Collection, Encoding, Entry, Kind, Packing};
use crate::number::parse_i64;
use crate::packed::listpack::Buffer;
use crate::packed::{intset, listpack};
use crate::table::EntryMut;
use crate::time::UnixMs;
use crate::types::packed_table::PackedTable;

/// A set of its own.
#[derive(Debug)]
pub enum SetValue {
    /// An intset.
    Integers(Vec<u8>),
    /// A listpack.
    Packed(Vec<u8>),
    /// A large set.
    Table(PackedTable),
}

impl SetHome for SetValue {
    type Bytes<'a> = &'a mut Vec<u8>;

    fn open(&mut self) -> Open<'_, &mut Vec<u8>> {
        match self {
            Self::Integers(bytes) => Open::Integers(bytes),
            Self::Packed(bytes) => Open::Packed(bytes),
            Self::Table(table) => Open::Table(table),
        }
    }

    fn set_packed(&mut self, bytes: Vec<u8>) {
        *self = Self::Packed(bytes);
    }

    fn set_table(&mut self, table: PackedTable) {
        *self = Self::Table(table);
    }
}

impl SetValue {
    /// An empty set of that encoding, from which it may grow.
    #[must_use]
    pub fn empty(encoding: Encoding, limits: &SetLimits) -> Self {
        match encoding {
            Encoding::IntSet => Self::Integers(intset::EMPTY.to_vec()),
            Encoding::ListPack => Self::Packed(listpack::EMPTY.to_vec()),
            _ => Self::Table(PackedTable::new(limits.table_seed)),
        }
    }

    /// An empty set in the form that suits `first` and about `count` members.
    #[must_use]
    pub fn suited_to(first: &[u8], count: usize, limits: &SetLimits) -> Self {
        let encoding = if parse_i64(first).is_some() && count <= limits.intset_entries {
            Encoding::IntSet
        } else if count <= limits.listpack_entries {
            Encoding::ListPack
        } else {
            Encoding::HashTable
        };
        Self::empty(encoding, limits)
    }

    /// The set, for reading.
    #[must_use]
    pub fn view(&self) -> SetRef<'_> {
        match self {
            Self::Integers(bytes) => SetRef::Integers(intset::IntSet::new(bytes)),
            Self::Packed(bytes) => SetRef::Packed(listpack::ListPack::new(bytes)),
            Self::Table(table) => SetRef::Table(table),
        }
    }

    /// Makes it an intset if all members are integers and few enough.
    pub fn settle(&mut self, limits: &SetLimits) {
        if matches!(self, Self::Integers(_)) || self.view().len() > limits.intset_entries {
            return;
        }
        let mut bytes = intset::EMPTY.to_vec();
        let mut is_all_integers = true;
        self.view().for_each(|member| match member.with(parse_i64) {
            Some(value) if is_all_integers => {
                intset::add(&mut bytes, value);
            }
            _ => is_all_integers = false,
        });
        if is_all_integers {
            *self = Self::Integers(bytes);
        }
    }

    /// As it is to be stored.
    pub(crate) fn into_collection(self) -> Collection {
        match self {
            Self::Integers(bytes) => Collection::Packed(Kind::Set, Packing::IntSet, bytes),
            Self::Packed(bytes) => Collection::Packed(Kind::Set, Packing::ListPack, bytes),
            Self::Table(table) => Collection::Object(Box::new(SetTable::of(table))),
        }
    }

    /// Puts it in the place of the set that an entry holds; the entry's deadline stays.
    pub fn put(self, entry: &mut EntryMut<'_>) {
        match self.into_collection() {
            Collection::Packed(kind, packing, bytes) => entry.set_packed(kind, packing, &bytes),
            Collection::Object(object) => entry.set_object(object),
        }
    }

    /// Makes it an entry.
    pub(crate) fn into_entry(self, key: &[u8], expiry: Option<UnixMs>) -> Entry {
        self.into_collection().into_entry(key, expiry)
    }
}

impl Buffer for &mut Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        self
    }

    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        Buffer::splice(*self, at, removed, inserted);
    }
}
