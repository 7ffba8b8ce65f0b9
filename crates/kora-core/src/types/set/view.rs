//! Reading a set in whatever form it has.

use super::SetTable;
use crate::entry::{Encoding, Entry, Kind, Packing};
use crate::number::parse_i64;
use crate::packed::intset::IntSet;
use crate::packed::listpack::{Element, ListPack};
use crate::types::packed_table::PackedTable;

/// A set, for reading.
#[derive(Clone, Copy, Debug)]
pub enum SetRef<'a> {
    /// A small set of integers.
    Integers(IntSet<'a>),
    /// Another small set.
    Packed(ListPack<'a>),
    /// A large set.
    Table(&'a PackedTable),
}

impl<'a> SetRef<'a> {
    /// The set that an entry holds, if it is one.
    #[inline]
    #[must_use]
    pub fn of(entry: &'a Entry) -> Option<Self> {
        if entry.kind() != Kind::Set {
            return None;
        }
        match entry.packed() {
            Some((Packing::IntSet, bytes)) => Some(Self::Integers(IntSet::new(bytes))),
            Some((_, bytes)) => Some(Self::Packed(ListPack::new(bytes))),
            None => {
                let table: &SetTable = entry.as_object()?.as_any().downcast_ref()?;
                Some(Self::Table(&table.table))
            }
        }
    }

    /// How it is stored, as OBJECT ENCODING names it.
    #[must_use]
    pub fn encoding(self) -> Encoding {
        match self {
            Self::Integers(_) => Encoding::IntSet,
            Self::Packed(_) => Encoding::ListPack,
            Self::Table(_) => Encoding::HashTable,
        }
    }

    /// Number of members. Complexity: O(1).
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Integers(set) => set.len(),
            Self::Packed(list) => list.len(),
            Self::Table(table) => table.len(),
        }
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// Whether `member` is one. Complexity: O(1) in a large set, O(log n) among integers, O(n) in another small one.
    #[inline]
    #[must_use]
    pub fn contains(self, member: &[u8]) -> bool {
        match self {
            Self::Integers(set) => parse_i64(member).is_some_and(|value| set.contains(value)),
            Self::Packed(list) => list.find(list.first(), member, 0).is_some(),
            Self::Table(table) => table.contains(member),
        }
    }

    /// Visits all members.
    pub fn for_each(self, mut visit: impl FnMut(Element<'a>)) {
        match self {
            Self::Integers(set) => set.iter().map(Element::Integer).for_each(visit),
            Self::Packed(list) => list.iter().for_each(visit),
            Self::Table(table) => table.iter().for_each(|record| visit(Element::Bytes(record.key))),
        }
    }

    /// Visits members from `cursor` on, 0 to begin: of a small set all at once, of a large one until at least `count`
    /// were visited. Returns the next cursor, 0 at the end.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        if let Self::Table(table) = self {
            return table.scan(cursor, count, |record| visit(record.key));
        }
        self.for_each(|member| member.with(&mut visit));
        0
    }

    /// A member, each with equal probability; `None` if there are none.
    /// Complexity: O(n) in a listpack, else O(1).
    pub fn random(self, mut random: impl FnMut() -> u64) -> Option<Element<'a>> {
        if self.is_empty() {
            return None;
        }
        match self {
            Self::Integers(set) => set.get(below(random(), set.len())).map(Element::Integer),
            Self::Packed(list) => {
                let index = isize::try_from(below(random(), list.len())).ok()?;
                list.at(index).map(|at| list.get(at))
            }
            Self::Table(table) => {
                table.random(random).map(|position| Element::Bytes(table.record(position).key))
            }
        }
    }
}

/// A random number scaled to `0..range`.
#[must_use]
pub fn below(random: u64, range: usize) -> usize {
    usize::try_from((u128::from(random) * range as u128) >> 64).expect("it is below a usize")
}
