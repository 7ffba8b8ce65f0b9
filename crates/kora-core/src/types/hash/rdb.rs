//! Hashes in files, out: a packed one as a listpack, a table record by record. How they come in is in [`read`](mod@read).

mod read;

use super::{HashRef, HashTable, next_deadline};
use crate::codec::{RdbResult, Reader, Style, put_count, put_length, put_text, value_code};
use crate::entry::data_type::{NumberedPieces, Rest};
use crate::entry::{Entry, Packing};
use crate::packed::pairs::Pairs;
use crate::time::UnixMs;
use crate::types::PIECE_RECORDS;
use crate::types::packed_table::Record;
pub(super) use read::read;

pub(super) fn code_of(entry: &Entry) -> u8 {
    match entry.packed() {
        Some((Packing::ListPackEx, _)) => value_code::HASH_LISTPACK_EX,
        Some(_) => value_code::HASH_LISTPACK,
        None if next_deadline(entry).is_some() => value_code::HASH_METADATA,
        None => value_code::HASH,
    }
}

pub(super) fn write(entry: &Entry, style: Style, out: &mut Vec<u8>) -> Rest {
    if let Some((packing, bytes)) = entry.packed() {
        if packing == Packing::ListPackEx {
            let next = next_deadline(entry).unwrap_or(UnixMs(0));
            out.extend_from_slice(&next.0.to_le_bytes());
        }
        if packing == Packing::Pairs {
            put_text(out, &Pairs::new(bytes).to_listpack(), style.compress);
        } else {
            put_text(out, bytes, style.compress);
        }
        return None;
    }
    let hash = HashRef::of(entry)?;
    if let Some(next) = hash.next_deadline() {
        out.extend_from_slice(&next.0.to_le_bytes());
    }
    put_count(out, hash.len());
    Some(NumberedPieces::from(0, write_fields))
}

/// Writes fields of a table from a cursor on.
fn write_fields(entry: &Entry, cursor: u64, style: Style, out: &mut Vec<u8>) -> Option<u64> {
    let hash: Option<&HashTable> = entry.as_object().and_then(|object| object.as_any().downcast_ref());
    let hash = hash.expect("the value has not changed");
    let next_deadline = hash.next_deadline();
    let next = hash.table().scan(cursor, PIECE_RECORDS, |record| {
        if let Some(next) = next_deadline {
            put_length(out, deadline_beyond(next, &record));
        }
        put_text(out, record.key, style.compress);
        put_text(out, record.value, style.compress);
    });
    (next != 0).then_some(next)
}

/// How the deadline of a field is written: 0 for none, else one more than its distance from the next one.
fn deadline_beyond(next: UnixMs, record: &Record<'_>) -> u64 {
    record.deadline.map_or(0, |at| at.0.wrapping_sub(next.0).wrapping_add(1).cast_unsigned())
}

pub(super) fn skip(reader: &mut Reader<'_>, code: u8) -> RdbResult<()> {
    match code {
        value_code::HASH => reader.skip_each(Reader::skip_pair),
        value_code::HASH_METADATA_EARLY => reader.skip_each(skip_triple),
        value_code::HASH_METADATA => {
            reader.take(8)?;
            reader.skip_each(skip_triple)
        }
        value_code::HASH_LISTPACK_EX => {
            reader.take(8)?;
            reader.skip_text()
        }
        _ => reader.skip_text(),
    }
}

fn skip_triple(reader: &mut Reader<'_>) -> RdbResult<()> {
    reader.number()?;
    reader.skip_pair()
}
