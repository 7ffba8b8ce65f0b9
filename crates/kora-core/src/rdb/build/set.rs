//! Sets.

use super::super::format::kind;
use super::super::read::Reader;
use super::super::{RdbError, RdbResult};
use super::{Loader, are_distinct, listpack_bytes};
use crate::keyspace::entry::{Encoding, Entry, Kind, Packing};
use crate::time::UnixMs;
use crate::types::intset::IntSet;
use crate::types::listpack::{Element, ListPack};
use crate::types::set::{self, SetLimits, SetValue};

const DUPLICATE: RdbError = RdbError::Corrupt("a member of a set twice");

pub(super) fn build(
    value_kind: u8,
    reader: &mut Reader<'_>,
    key: (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    match value_kind {
        kind::SET => of_members(reader, key, loader),
        kind::SET_INTSET => of_intset(&reader.text()?, key, loader),
        _ => of_listpack(&listpack_bytes(&reader.text()?)?, key, loader),
    }
}

/// A set of single members: an intset for as long as they are integers and few.
fn of_members(
    reader: &mut Reader<'_>,
    (key, expiry): (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let limits = SetLimits::new(loader.config, loader.seed);
    let count = reader.number()?;
    if count == 0 {
        return Err(RdbError::Empty);
    }
    let is_small = count <= loader.config.set_max_intset_entries;
    let mut set = SetValue::empty(if is_small { Encoding::IntSet } else { Encoding::HashTable }, &limits);
    for _ in 0..count {
        if !set::add(&mut set, &reader.text()?, &limits) {
            return Err(DUPLICATE);
        }
    }
    Ok(set.into_entry(key, expiry))
}

fn of_intset(bytes: &[u8], (key, expiry): (&[u8], Option<UnixMs>), loader: &Loader<'_>) -> RdbResult<Entry> {
    /// An intset without members, of any width.
    const EMPTY_TAIL: [u8; 4] = [0; 4];
    if bytes.len() == 8 && bytes.ends_with(&EMPTY_TAIL) {
        return Err(RdbError::Empty);
    }
    let set = IntSet::check(bytes).map_err(|_| RdbError::Corrupt("a corrupt intset"))?;
    if set.len() as u64 <= loader.config.set_max_intset_entries {
        return Ok(Entry::new_packed(key, (Kind::Set, Packing::IntSet), bytes, expiry));
    }
    table(set.iter().map(Element::Integer), loader).map(|set| set.into_entry(key, expiry))
}

fn of_listpack(
    bytes: &[u8],
    (key, expiry): (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let list = ListPack::new(bytes);
    if list.is_empty() {
        return Err(RdbError::Empty);
    }
    if list.len() as u64 > loader.config.set_max_listpack_entries {
        return table(list.iter(), loader).map(|set| set.into_entry(key, expiry));
    }
    if !are_distinct(list, 1) {
        return Err(DUPLICATE);
    }
    Ok(Entry::new_packed(key, (Kind::Set, Packing::ListPack), bytes, expiry))
}

/// A large set.
fn table<'a>(members: impl Iterator<Item = Element<'a>>, loader: &Loader<'_>) -> RdbResult<SetValue> {
    let limits = SetLimits::new(loader.config, loader.seed);
    let mut set = SetValue::empty(Encoding::HashTable, &limits);
    for member in members {
        if !member.with(|text| set::add(&mut set, text, &limits)) {
            return Err(DUPLICATE);
        }
    }
    Ok(set)
}
