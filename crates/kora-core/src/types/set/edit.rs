//! Changing a set in whatever form it has, and from one form to the next.

use super::{LISTPACK_BYTES_MAX, SetLimits, SetRef, SetTable, below};
use crate::entry::{Kind, Packing};
use crate::number::parse_i64;
use crate::packed::intset::{self, IntSet};
use crate::packed::listpack::{self, Buffer, ListPack};
use crate::table::{EntryMut, PackedMut};
use crate::types::packed_table::{PackedTable, Record};

/// A set, for modification in the form it has.
#[derive(Debug)]
pub enum Open<'a, B> {
    /// An intset.
    Integers(B),
    /// A listpack.
    Packed(B),
    /// A large set.
    Table(&'a mut PackedTable),
}

impl<B: Buffer> Open<'_, B> {
    /// The set, for reading.
    pub(super) fn view(&self) -> SetRef<'_> {
        match self {
            Self::Integers(bytes) => SetRef::Integers(IntSet::new(bytes.bytes())),
            Self::Packed(bytes) => SetRef::Packed(ListPack::new(bytes.bytes())),
            Self::Table(table) => SetRef::Table(table),
        }
    }
}

/// Where a set is kept.
pub trait SetHome {
    /// Its packed bytes.
    type Bytes<'a>: Buffer
    where
        Self: 'a;

    /// The set, for modification in the form it has.
    fn open(&mut self) -> Open<'_, Self::Bytes<'_>>;
    /// Makes it a listpack of these bytes.
    fn set_packed(&mut self, bytes: Vec<u8>);
    /// Makes it this table.
    fn set_table(&mut self, table: PackedTable);
}

/// An entry that holds a set.
impl SetHome for EntryMut<'_> {
    type Bytes<'a>
        = PackedMut<'a>
    where
        Self: 'a;

    #[inline]
    fn open(&mut self) -> Open<'_, PackedMut<'_>> {
        let Some((packing, _)) = self.packed() else {
            let table =
                self.as_object_mut().and_then(|object| object.as_any_mut().downcast_mut::<SetTable>());
            return Open::Table(&mut table.expect("an entry that holds a set was asked for one").table);
        };
        let bytes = self.packed_mut().expect("it was packed a line before");
        if packing == Packing::IntSet { Open::Integers(bytes) } else { Open::Packed(bytes) }
    }

    fn set_packed(&mut self, bytes: Vec<u8>) {
        EntryMut::set_packed(self, Kind::Set, Packing::ListPack, &bytes);
    }

    fn set_table(&mut self, table: PackedTable) {
        self.set_object(Box::new(SetTable::of(table)));
    }
}

/// Whether a member was taken, was there already, or has no place in the form the set has.
enum Added {
    New,
    Known,
    /// A listpack may hold the set and the member.
    NeedsListPack,
    /// Only a table may.
    NeedsTable,
}

/// Adds `member`; says whether it is new.
/// Complexity: that of [`SetRef::contains`], and O(n) when the set changes its form.
#[inline]
pub fn add(home: &mut impl SetHome, member: &[u8], limits: &SetLimits) -> bool {
    let added = match home.open() {
        Open::Table(table) => return table.add(&Record::key(member)),
        Open::Packed(mut bytes) => add_packed(&mut bytes, member, limits),
        Open::Integers(mut bytes) => add_integer(&mut bytes, member, limits),
    };
    match added {
        Added::New => return true,
        Added::Known => return false,
        Added::NeedsListPack => become_listpack(home),
        Added::NeedsTable => become_table(home, limits),
    }
    match home.open() {
        Open::Table(table) => table.add(&Record::key(member)),
        Open::Packed(mut bytes) | Open::Integers(mut bytes) => {
            listpack::push_back(&mut bytes, member);
            true
        }
    };
    true
}

fn add_packed(bytes: &mut impl Buffer, member: &[u8], limits: &SetLimits) -> Added {
    let list = ListPack::new(bytes.bytes());
    if list.find(list.first(), member, 0).is_some() {
        return Added::Known;
    }
    if !fits_listpack(list.len(), list.bytes().len(), member.len(), limits) {
        return Added::NeedsTable;
    }
    listpack::push_back(bytes, member);
    Added::New
}

fn add_integer(bytes: &mut impl Buffer, member: &[u8], limits: &SetLimits) -> Added {
    if let Some(value) = parse_i64(member) {
        if !intset::add(bytes, value) {
            return Added::Known;
        }
        let is_small = IntSet::new(bytes.bytes()).len() <= limits.intset_entries;
        return if is_small { Added::New } else { Added::NeedsTable };
    }
    let set = IntSet::new(bytes.bytes());
    let text_bytes = |value: i64| itoa::Buffer::new().format(value).len();
    let longest = [set.first(), set.last()].into_iter().flatten().map(text_bytes).max().unwrap_or(0);
    let stored = [set.first(), set.last()].into_iter().flatten().map(stored_bytes).max().unwrap_or(0);
    if longest <= limits.listpack_value_bytes
        && fits_listpack(set.len(), stored * set.len(), member.len(), limits)
    {
        Added::NeedsListPack
    } else {
        Added::NeedsTable
    }
}

fn stored_bytes(value: i64) -> usize {
    listpack::element_bytes(itoa::Buffer::new().format(value).as_bytes())
}

/// Whether a listpack of so many members and bytes may take another one.
fn fits_listpack(len: usize, bytes: usize, member_bytes: usize, limits: &SetLimits) -> bool {
    len < limits.listpack_entries
        && member_bytes <= limits.listpack_value_bytes
        && bytes.saturating_add(member_bytes) <= LISTPACK_BYTES_MAX
}

fn become_listpack(home: &mut impl SetHome) {
    let mut bytes = listpack::EMPTY.to_vec();
    home.open().view().for_each(|member| member.with(|text| listpack::push_back(&mut bytes, text)));
    home.set_packed(bytes);
}

fn become_table(home: &mut impl SetHome, limits: &SetLimits) {
    let mut table = PackedTable::new(limits.table_seed);
    home.open().view().for_each(|member| {
        member.with(|text| table.add(&Record::key(text)));
    });
    home.set_table(table);
}

/// Makes a set ready to take `count` members at once: a small one that could not hold so many becomes a table.
pub fn prepare(home: &mut impl SetHome, count: usize, limits: &SetLimits) {
    let is_too_small = match home.open() {
        Open::Integers(_) => count > limits.intset_entries,
        Open::Packed(_) => count > limits.listpack_entries,
        Open::Table(_) => false,
    };
    if is_too_small {
        become_table(home, limits);
    }
}

/// Removes `member`; says whether it was one. Complexity: as for [`SetRef::contains`].
pub fn remove(home: &mut impl SetHome, member: &[u8]) -> bool {
    match home.open() {
        Open::Table(table) => table.remove(member),
        Open::Packed(mut bytes) => {
            let list = ListPack::new(bytes.bytes());
            let found = list.find(list.first(), member, 0);
            if let Some(at) = found {
                listpack::remove(&mut bytes, at, 1);
            }
            found.is_some()
        }
        Open::Integers(mut bytes) => parse_i64(member).is_some_and(|value| intset::remove(&mut bytes, value)),
    }
}

/// Takes out a member chosen at random, each with equal probability, and shows it before it goes; `false` if there is
/// none. Complexity: O(n) in a small set, else O(1).
pub fn pop(home: &mut impl SetHome, mut random: impl FnMut() -> u64, show: impl FnOnce(&[u8])) -> bool {
    match home.open() {
        Open::Table(table) => {
            let Some(position) = table.random(random) else { return false };
            show(table.record(position).key);
            table.remove_at(position);
        }
        Open::Packed(mut bytes) => {
            let list = ListPack::new(bytes.bytes());
            let index = isize::try_from(below(random(), list.len())).expect("no allocation is longer");
            let Some(at) = list.at(index) else { return false };
            list.get(at).with(show);
            listpack::remove(&mut bytes, at, 1);
        }
        Open::Integers(mut bytes) => {
            let set = IntSet::new(bytes.bytes());
            let Some(value) = set.get(below(random(), set.len())) else { return false };
            show(itoa::Buffer::new().format(value).as_bytes());
            intset::remove(&mut bytes, value);
        }
    }
    true
}
