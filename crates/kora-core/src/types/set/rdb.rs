//! Sets in files.

use super::{SetLimits, SetRef, SetTable, SetValue, add};
use crate::codec::{
    RdbError, RdbResult, Reader, Style, are_distinct, listpack_bytes, put_count, put_text, value_code,
};
use crate::entry::data_type::{Head, Loader, NumberedPieces, Rest};
use crate::entry::{Encoding, Entry, Kind, Packing};
use crate::packed::intset::{self, IntSet};
use crate::packed::listpack::{Element, ListPack};
use crate::types::PIECE_RECORDS;

const DUPLICATE: RdbError = RdbError::Corrupt("a member of a set twice");

pub(super) fn code_of(entry: &Entry) -> u8 {
    match entry.packed() {
        Some((Packing::IntSet, _)) => value_code::SET_INTSET,
        Some(_) => value_code::SET_LISTPACK,
        None => value_code::SET,
    }
}

pub(super) fn write(entry: &Entry, style: Style, out: &mut Vec<u8>) -> Rest {
    match entry.packed() {
        Some((Packing::IntSet, bytes)) => put_text(out, &IntSet::new(bytes).to_redis(), style.compress),
        Some((_, bytes)) => put_text(out, bytes, style.compress),
        None => return write_table(entry, out),
    }
    None
}

fn write_table(entry: &Entry, out: &mut Vec<u8>) -> Rest {
    put_count(out, SetRef::of(entry)?.len());
    Some(NumberedPieces::from(0, write_members))
}

/// Writes members of a table from a cursor on.
fn write_members(entry: &Entry, cursor: u64, style: Style, out: &mut Vec<u8>) -> Option<u64> {
    let set: Option<&SetTable> = entry.as_object().and_then(|object| object.as_any().downcast_ref());
    let table = &set.expect("the value has not changed").table;
    let next = table.scan(cursor, PIECE_RECORDS, |record| put_text(out, record.key, style.compress));
    (next != 0).then_some(next)
}

pub(super) fn read(
    value_kind: u8,
    reader: &mut Reader<'_>,
    key: Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    match value_kind {
        value_code::SET => of_members(reader, key, loader),
        value_code::SET_INTSET => of_intset(&reader.text()?, key, loader),
        _ => of_listpack(&listpack_bytes(&reader.text()?)?, key, loader),
    }
}

/// A set of single members: an intset for as long as they are integers and few.
fn of_members(reader: &mut Reader<'_>, (key, expiry): Head<'_>, loader: &Loader<'_>) -> RdbResult<Entry> {
    let limits = SetLimits::new(loader.config, loader.seed);
    let count = reader.number()?;
    if count == 0 {
        return Err(RdbError::Empty);
    }
    let is_small = count <= loader.config.set_max_intset_entries;
    let mut set = SetValue::empty(if is_small { Encoding::IntSet } else { Encoding::HashTable }, &limits);
    for _ in 0..count {
        if !add(&mut set, &reader.text()?, &limits) {
            return Err(DUPLICATE);
        }
    }
    Ok(set.into_entry(key, expiry))
}

fn of_intset(bytes: &[u8], (key, expiry): Head<'_>, loader: &Loader<'_>) -> RdbResult<Entry> {
    /// An intset without members, of any width.
    const EMPTY_TAIL: [u8; 4] = [0; 4];
    if bytes.len() == 8 && bytes.ends_with(&EMPTY_TAIL) {
        return Err(RdbError::Empty);
    }
    let bytes = intset::from_redis(bytes).map_err(|_| RdbError::Corrupt("a corrupt intset"))?;
    let set = IntSet::new(&bytes);
    if set.len() as u64 <= loader.config.set_max_intset_entries {
        return Ok(Entry::new_packed(key, (Kind::Set, Packing::IntSet), &bytes, expiry));
    }
    table(set.iter().map(Element::Integer), loader).map(|set| set.into_entry(key, expiry))
}

fn of_listpack(bytes: &[u8], (key, expiry): Head<'_>, loader: &Loader<'_>) -> RdbResult<Entry> {
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
        if !member.with(|text| add(&mut set, text, &limits)) {
            return Err(DUPLICATE);
        }
    }
    Ok(set)
}
