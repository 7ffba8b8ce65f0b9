//! Hashes from files, of all versions.

use crate::codec::{RdbError, RdbResult, Reader, Ziplist, Zipmap, are_distinct, listpack_bytes, value_code};
use crate::entry::data_type::{Head, Loader};
use crate::entry::{Entry, Kind, Packing, Ttl};
use crate::packed::listpack::{self, Element, ListPack, Run};
use crate::packed::pairs;
use crate::time::UnixMs;
use crate::types::hash::{HashTable, Limits, PACKED_BYTES_MAX};

const DUPLICATE: RdbError = RdbError::Corrupt("a field of a hash twice");
const NO_VALUE: RdbError = RdbError::Corrupt("a field of a hash without value");
const NO_DEADLINE: RdbError = RdbError::Corrupt("a deadline of a field that is out of range");
/// The latest deadline of a field: more than 48 bits are no time to Redis.
const DEADLINE_MAX: u64 = (1 << 48) - 1;

pub(in crate::types::hash) fn read(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    loader: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut hash = HashLoader::new(loader, false);
    match value_kind {
        value_code::HASH_LISTPACK => hash = of_listpack(&reader.text()?, Packing::ListPack, loader)?,
        value_code::HASH_LISTPACK_EX => {
            checked_deadline(reader.u64_le()?)?;
            hash = of_listpack(&reader.text()?, Packing::ListPackEx, loader)?;
        }
        value_code::HASH_LISTPACK_EX_EARLY => {
            hash = of_listpack(&reader.text()?, Packing::ListPackEx, loader)?
        }
        value_code::HASH_ZIPLIST => hash.add_elements(Ziplist::check(&reader.text()?)?.iter())?,
        value_code::HASH_ZIPMAP => hash.add_elements(Zipmap::check(&reader.text()?)?.iter())?,
        value_code::HASH => hash.add_fields(reader, |_| Ok(None))?,
        value_code::HASH_METADATA => {
            hash = HashLoader::new(loader, true);
            let next = checked_deadline(reader.u64_le()?)?;
            hash.add_fields(reader, |reader| match reader.number()? {
                0 => Ok(None),
                beyond => deadline(next.checked_add(beyond - 1).ok_or(NO_DEADLINE)?),
            })?;
        }
        _ => {
            hash = HashLoader::new(loader, true);
            hash.add_fields(reader, |reader| deadline(reader.number()?))?;
        }
    }
    hash.into_entry(key, expiry)
}

fn checked_deadline(at: u64) -> RdbResult<u64> {
    if at <= DEADLINE_MAX { Ok(at) } else { Err(NO_DEADLINE) }
}

/// The deadline that a number stands for.
fn deadline(at: u64) -> RdbResult<Option<UnixMs>> {
    let at = i64::try_from(checked_deadline(at)?).map_err(|_| NO_DEADLINE)?;
    Ok((at != 0).then_some(UnixMs(at)))
}

/// A packed hash from anywhere: kept if it is small, and put in order if need be.
fn of_listpack(bytes: &[u8], packing: Packing, loader: &Loader<'_>) -> RdbResult<HashLoader> {
    let bytes = listpack_bytes(bytes)?;
    let list = ListPack::new(&bytes);
    let has_deadlines = packing == Packing::ListPackEx;
    let width = width(has_deadlines);
    if !list.len().is_multiple_of(width) {
        return Err(NO_VALUE);
    }
    let mut hash = HashLoader::new(loader, has_deadlines);
    hash.count = list.len() / width;
    if has_deadlines {
        list.iter().skip(2).step_by(3).try_for_each(|element| element_deadline(element).map(drop))?;
    }
    hash.form = Collected::Packed(bytes.into_owned());
    if !hash.limits.take_count(hash.count) {
        hash.make_table()?;
    }
    Ok(hash)
}

fn element_deadline(element: Element<'_>) -> RdbResult<Option<UnixMs>> {
    match element {
        Element::Integer(at) => deadline(u64::try_from(at).map_err(|_| NO_DEADLINE)?),
        Element::Bytes(_) => Err(NO_DEADLINE),
    }
}

/// Elements for each field.
fn width(has_deadlines: bool) -> usize {
    if has_deadlines { 3 } else { 2 }
}

/// A hash that is being loaded.
struct HashLoader {
    form: Collected,
    count: usize,
    has_deadlines: bool,
    limits: Limits,
    seed: u64,
}

enum Collected {
    /// Fields in the order in which they came, some of them maybe twice.
    Packed(Vec<u8>),
    Table(Box<HashTable>),
}

impl HashLoader {
    fn new(loader: &Loader<'_>, has_deadlines: bool) -> Self {
        let (limits, form) = (Limits::new(loader.config), Collected::Packed(listpack::EMPTY.to_vec()));
        Self { form, count: 0, has_deadlines, limits, seed: loader.seed }
    }

    /// Adds fields that stand one by one, each behind what `read_deadline` reads.
    fn add_fields(
        &mut self,
        reader: &mut Reader<'_>,
        read_deadline: impl Fn(&mut Reader<'_>) -> RdbResult<Option<UnixMs>>,
    ) -> RdbResult<()> {
        let count = reader.number()?;
        if !usize::try_from(count).is_ok_and(|count| self.limits.take_count(count)) {
            self.make_table()?;
        }
        for _ in 0..count {
            let deadline = read_deadline(reader)?;
            let (name, value) = (reader.text()?, reader.text()?);
            self.add(&name, &value, deadline)?;
        }
        Ok(())
    }

    /// Adds names and values in turn.
    fn add_elements<'a>(&mut self, mut elements: impl Iterator<Item = Element<'a>>) -> RdbResult<()> {
        while let Some(name) = elements.next() {
            let value = elements.next().ok_or(NO_VALUE)?;
            name.with(|name| value.with(|value| self.add(name, value, None)))?;
        }
        Ok(())
    }

    fn add(&mut self, name: &[u8], value: &[u8], deadline: Option<UnixMs>) -> RdbResult<()> {
        self.count += 1;
        let is_small = match &self.form {
            Collected::Packed(bytes) => {
                self.limits.take_count(self.count)
                    && self.limits.take(name, value)
                    && bytes.len() + name.len() + value.len() <= PACKED_BYTES_MAX
            }
            Collected::Table(_) => true,
        };
        if !is_small {
            self.make_table()?;
        }
        match &mut self.form {
            Collected::Table(table) => set(table, name, value, deadline),
            Collected::Packed(bytes) => {
                let mut run = Run::default();
                run.push(name);
                run.push(value);
                if self.has_deadlines {
                    run.push_integer(deadline.map_or(0, |at| at.0));
                }
                listpack::push_run(bytes, &run);
                Ok(())
            }
        }
    }

    fn make_table(&mut self) -> RdbResult<()> {
        let Collected::Packed(bytes) = &self.form else { return Ok(()) };
        let list = ListPack::new(bytes);
        let width = width(self.has_deadlines);
        let mut table = HashTable::new(self.seed, list.len() / width);
        let mut elements = list.iter();
        while let (Some(name), Some(value)) = (elements.next(), elements.next()) {
            let element = if self.has_deadlines { elements.next() } else { None };
            let deadline = element.map_or(Ok(None), element_deadline)?;
            name.with(|name| value.with(|value| set(&mut table, name, value, deadline)))?;
        }
        self.form = Collected::Table(Box::new(table));
        Ok(())
    }

    fn into_entry(self, key: &[u8], expiry: Option<UnixMs>) -> RdbResult<Entry> {
        if self.count == 0 {
            return Err(RdbError::Empty);
        }
        let bytes = match self.form {
            Collected::Table(table) => return Ok(Entry::new_object(key, table, expiry)),
            Collected::Packed(bytes) => bytes,
        };
        if !are_distinct(ListPack::new(&bytes), width(self.has_deadlines)) {
            return Err(DUPLICATE);
        }
        if !self.has_deadlines {
            let bytes = pairs::of_listpack(ListPack::new(&bytes));
            return Ok(Entry::new_packed(key, (Kind::Hash, Packing::Pairs), &bytes, expiry));
        }
        let bytes = in_order(bytes)?;
        Ok(Entry::new_packed(key, (Kind::Hash, Packing::ListPackEx), &bytes, expiry))
    }
}

fn set(table: &mut HashTable, name: &[u8], value: &[u8], deadline: Option<UnixMs>) -> RdbResult<()> {
    let is_new = table.set(name, value, deadline.map_or(Ttl::Clear, Ttl::At));
    if is_new { Ok(()) } else { Err(DUPLICATE) }
}

/// Triples in the order of their deadlines, those without behind.
fn in_order(bytes: Vec<u8>) -> RdbResult<Vec<u8>> {
    let list = ListPack::new(&bytes);
    let mut triples = Vec::new();
    let mut elements = list.iter();
    while let (Some(name), Some(value), Some(at)) = (elements.next(), elements.next(), elements.next()) {
        let at = element_deadline(at)?.map_or(i64::MAX, |at| at.0);
        triples.push((at, name, value));
    }
    if triples.is_sorted_by_key(|(at, ..)| *at) {
        return Ok(bytes);
    }
    triples.sort_by_key(|(at, ..)| *at);
    let mut run = Run::default();
    for (at, name, value) in triples {
        run.push_element(name);
        run.push_element(value);
        run.push_integer(if at == i64::MAX { 0 } else { at });
    }
    let mut ordered = listpack::EMPTY.to_vec();
    listpack::push_run(&mut ordered, &run);
    Ok(ordered)
}
