//! Streams in files: in, and where they end. How they go out is in [`write`](mod@write).

mod write;

use std::collections::BTreeMap;

use super::{Group, Log, Pending, Stream, StreamId};
use crate::codec::{RdbError, RdbResult, Reader, listpack_bytes, value_code};
use crate::entry::Entry;
use crate::entry::data_type::{Head, Loader};
use crate::time::UnixMs;
pub(super) use write::write;

const CORRUPT: RdbError = RdbError::Corrupt("a corrupt stream");

pub(super) fn skip(reader: &mut Reader<'_>, code: u8) -> RdbResult<()> {
    let has_past = code != value_code::STREAM_LISTPACKS;
    reader.skip_each(Reader::skip_pair)?;
    // Length and last ID; first ID, highest deleted ID and number of entries ever added.
    reader.skip_numbers(if has_past { 8 } else { 3 })?;
    reader.skip_each(|reader| {
        reader.skip_text()?;
        reader.skip_numbers(if has_past { 3 } else { 2 })?;
        reader.skip_each(|reader| {
            reader.take(16 + 8)?;
            reader.number().map(drop)
        })?;
        reader.skip_each(|reader| {
            reader.skip_text()?;
            reader.take(if code == value_code::STREAM_LISTPACKS_3 { 16 } else { 8 })?;
            reader.skip_each(|reader| reader.take(16).map(drop))
        })
    })
}

pub(super) fn read(
    value_kind: u8,
    reader: &mut Reader<'_>,
    (key, expiry): Head<'_>,
    _: &Loader<'_>,
) -> RdbResult<Entry> {
    let mut stream = Stream::default();
    read_blocks(reader, stream.log_mut())?;
    read_past(reader, stream.log_mut(), value_kind)?;
    for _ in 0..reader.number()? {
        let name = reader.text()?;
        let group = read_group(reader, stream.log(), value_kind)?;
        if !stream.add_group(&name, group) {
            return Err(RdbError::Corrupt("a group of a stream twice"));
        }
    }
    Ok(Entry::new_object(key, Box::new(stream), expiry))
}

fn read_id(reader: &mut Reader<'_>) -> RdbResult<StreamId> {
    Ok(StreamId::new(reader.number()?, reader.number()?))
}

fn read_blocks(reader: &mut Reader<'_>, log: &mut Log) -> RdbResult<()> {
    for _ in 0..reader.number()? {
        let base = reader.text()?;
        let base = <[u8; 16]>::try_from(&*base).map_err(|_| CORRUPT)?;
        let bytes = reader.text()?;
        let bytes = listpack_bytes(&bytes)?;
        log.add_block(StreamId::from_bytes(base), &bytes).map_err(|_| CORRUPT)?;
    }
    Ok(())
}

fn read_past(reader: &mut Reader<'_>, log: &mut Log, value_kind: u8) -> RdbResult<()> {
    let claimed_len = reader.number()?;
    let last_id = read_id(reader)?;
    // The last ID was raised to that of the last entry: entries must not lie beyond what is told of them.
    if last_id < log.last_id() || (log.is_empty() && claimed_len > 0) {
        return Err(CORRUPT);
    }
    let (max_deleted_id, entries_added) = if value_kind == value_code::STREAM_LISTPACKS {
        (StreamId::MIN, log.len())
    } else {
        // The first ID is that of the first entry.
        read_id(reader)?;
        (read_id(reader)?, reader.number()?)
    };
    log.set_past(last_id, max_deleted_id, entries_added);
    Ok(())
}

fn read_group(reader: &mut Reader<'_>, log: &Log, value_kind: u8) -> RdbResult<Group> {
    let last_id = read_id(reader)?;
    let entries_read = if value_kind == value_code::STREAM_LISTPACKS {
        log.entries_up_to(last_id)
    } else {
        Some(reader.number()?).filter(|&read| i64::try_from(read).is_ok())
    };
    let mut group = Group::new(last_id, entries_read);
    let mut pending = BTreeMap::new();
    for _ in 0..reader.number()? {
        let id = StreamId::from_bytes(reader.id()?);
        let delivery = (UnixMs(reader.i64_le()?), reader.number()?);
        if pending.insert(id, delivery).is_some() {
            return Err(CORRUPT);
        }
    }
    for _ in 0..reader.number()? {
        read_consumer(reader, &mut group, &mut pending, value_kind)?;
    }
    // What is pending is so for someone.
    if pending.is_empty() { Ok(group) } else { Err(CORRUPT) }
}

fn read_consumer(
    reader: &mut Reader<'_>,
    group: &mut Group,
    pending: &mut BTreeMap<StreamId, (UnixMs, u64)>,
    value_kind: u8,
) -> RdbResult<()> {
    let name = reader.text()?;
    if group.find_consumer(&name).is_some() {
        return Err(RdbError::Corrupt("a consumer of a group twice"));
    }
    let seen = UnixMs(reader.i64_le()?);
    // Before it was stored, the best guess is the time at which the consumer last asked.
    let active = if value_kind == value_code::STREAM_LISTPACKS_3 { reader.i64_le()? } else { seen.0 };
    let consumer = group.add_consumer(&name, seen);
    group.consumer_mut(consumer).active = (active != -1).then_some(UnixMs(active));
    for _ in 0..reader.number()? {
        let id = StreamId::from_bytes(reader.id()?);
        let (delivered, delivery_count) = pending.remove(&id).ok_or(CORRUPT)?;
        group.assign(id, Pending { consumer, delivered, delivery_count });
    }
    Ok(())
}
