//! Making an entry of a value as files and payloads hold it.
//!
//! Small collections that are laid down as entries keep them are copied, once all of them was checked. Everything else is
//! put together anew. Which of both, and what becomes of a small collection that the settings call large, follows Redis.

mod hash;
mod list;
mod set;
mod stream;
mod zset;

use std::borrow::Cow;

use super::format::kind;
use super::read::Reader;
use super::{RdbError, RdbResult};
use crate::config::CoreConfig;
use crate::keyspace::entry::Entry;
use crate::time::UnixMs;
use crate::types::listpack::{self, At, ListPack};

/// No listpack is longer.
const LISTPACK_BYTES_MAX: usize = 1 << 30;

/// What a value is built for.
#[derive(Clone, Copy, Debug)]
pub struct Loader<'a> {
    /// The settings.
    pub config: &'a CoreConfig,
    /// A secret number, another one for each value: see [`Keyspace::table_seed`](crate::keyspace::Keyspace::table_seed).
    pub seed: u64,
}

/// Makes an entry of the value that `bytes` begin with, of type `value_kind`. Returns also how many bytes it takes.
///
/// # Errors
/// If the value is empty, a module's, corrupt, or does not end.
pub fn build(
    value_kind: u8,
    bytes: &[u8],
    key: (&[u8], Option<UnixMs>),
    loader: &Loader<'_>,
) -> RdbResult<(Entry, usize)> {
    let mut reader = Reader::new(bytes);
    let reader_ref = &mut reader;
    let entry = match value_kind {
        kind::STRING => Entry::new_string(key.0, &reader_ref.text()?, key.1),
        kind::LIST | kind::LIST_ZIPLIST | kind::LIST_QUICKLIST | kind::LIST_QUICKLIST_2 => {
            list::build(value_kind, reader_ref, key, loader)?
        }
        kind::SET | kind::SET_INTSET | kind::SET_LISTPACK => set::build(value_kind, reader_ref, key, loader)?,
        kind::ZSET | kind::ZSET_2 | kind::ZSET_ZIPLIST | kind::ZSET_LISTPACK => {
            zset::build(value_kind, reader_ref, key, loader)?
        }
        kind::HASH
        | kind::HASH_ZIPMAP
        | kind::HASH_ZIPLIST
        | kind::HASH_LISTPACK
        | kind::HASH_METADATA_EARLY
        | kind::HASH_METADATA
        | kind::HASH_LISTPACK_EX_EARLY
        | kind::HASH_LISTPACK_EX => hash::build(value_kind, reader_ref, key, loader)?,
        kind::STREAM_LISTPACKS | kind::STREAM_LISTPACKS_2 | kind::STREAM_LISTPACKS_3 => {
            stream::build(value_kind, reader_ref, key)?
        }
        kind::MODULE_1 | kind::MODULE_2 => return Err(RdbError::Module),
        _ => return Err(RdbError::Corrupt("a value of an unknown type")),
    };
    Ok((entry, reader.at()))
}

/// The bytes of a listpack from anywhere, each element stored as it is stored here.
fn listpack_bytes(bytes: &[u8]) -> RdbResult<Cow<'_, [u8]>> {
    const CORRUPT: RdbError = RdbError::Corrupt("a corrupt listpack");
    if bytes.len() > LISTPACK_BYTES_MAX {
        return Err(CORRUPT);
    }
    let list = ListPack::check(bytes).map_err(|_| CORRUPT)?;
    if list.is_canonical() {
        return Ok(Cow::Borrowed(bytes));
    }
    let mut run = listpack::Run::default();
    list.iter().for_each(|element| run.push_element(element));
    let mut canonical = listpack::EMPTY.to_vec();
    listpack::push_run(&mut canonical, &run);
    Ok(Cow::Owned(canonical))
}

/// Whether no two of every `width`-th elements are the same.
/// Complexity: O(n log n), four bytes for each.
fn are_distinct(list: ListPack<'_>, width: usize) -> bool {
    let mut places = Vec::new();
    let mut next = list.first();
    while let Some(at) = next {
        places.push(u32::try_from(at.0).expect("LISTPACK_BYTES_MAX is far below"));
        next = (0..width).try_fold(at, |at, _| list.next(at));
    }
    let element = |&place: &u32| list.get(At(place as usize));
    places.sort_unstable_by_key(element);
    places.is_sorted_by(|one, next| element(one) < element(next))
}
