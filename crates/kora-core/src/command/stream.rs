//! The stream commands, one file per idea. This one holds their table and what the files share.
//!
//! What they record is deterministic: an entry with its ID, trimming by the length that it left, and what a group's
//! consumer was given as an XCLAIM with all that it changed.

mod acknowledge;
mod add;
mod argument;
mod autoclaim;
mod claim;
mod delete;
mod group;
mod info;
mod member;
mod pending;
mod range;
mod read;
mod read_group;
mod set_id;
mod trim;

use crate::command::spec::{Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::entry::{Entry as KeyEntry, Kind};
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::table::EntryMut;
use crate::time::UnixMs;
use crate::types::stream::{Entry, Log, Stream, StreamId};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    acknowledge::XACK,
    acknowledge::XACKDEL,
    add::XADD,
    autoclaim::XAUTOCLAIM,
    claim::XCLAIM,
    delete::XDEL,
    delete::XDELEX,
    group::XGROUP,
    group::XGROUP_CREATE,
    group::XGROUP_CREATECONSUMER,
    group::XGROUP_DELCONSUMER,
    group::XGROUP_DESTROY,
    group::XGROUP_HELP,
    group::XGROUP_SETID,
    info::XINFO,
    info::XINFO_CONSUMERS,
    info::XINFO_GROUPS,
    info::XINFO_HELP,
    info::XINFO_STREAM,
    range::XLEN,
    pending::XPENDING,
    range::XRANGE,
    read::XREAD,
    read_group::XREADGROUP,
    range::XREVRANGE,
    set_id::XSETID,
    trim::XTRIM,
];

/// What all stream commands have in common.
const FAMILY: Facts = Facts {
    categories: Categories::STREAM,
    group: Group::Stream,
    since: "5.0.0",
    complexity: "O(1)",
    ..Facts::NONE
};

/// One key of which something is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];
/// One key that is changed.
const UPDATES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.update(), 1)];
/// One key from which something is deleted.
const DELETES_FROM_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.delete(), 1)];

/// The stream at `key`, for reading.
///
/// # Errors
/// `WrongType` if it is something else.
fn read_stream<'a>(keyspace: &'a mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<&'a Stream>> {
    keyspace.read(key).map(stream_in).transpose()
}

fn stream_in(entry: &KeyEntry) -> CommandResult<&Stream> {
    if entry.kind() != Kind::Stream {
        return Err(CommandError::WrongType);
    }
    let object = entry.as_object().expect("streams are never packed");
    Ok(object.as_any().downcast_ref().expect("the kind says so"))
}

/// A stream in its entry, open for modification. Once it is dropped, those who follow the key are told.
#[derive(Debug)]
struct StreamMut<'a>(EntryMut<'a>);

impl std::ops::Deref for StreamMut<'_> {
    type Target = Stream;

    #[inline]
    fn deref(&self) -> &Stream {
        let object = self.0.as_object().expect("streams are never packed");
        object.as_any().downcast_ref().expect("opened on streams only")
    }
}

impl std::ops::DerefMut for StreamMut<'_> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Stream {
        let object = self.0.as_object_mut().expect("streams are never packed");
        object.as_any_mut().downcast_mut().expect("opened on streams only")
    }
}

/// The stream at `key`, for modification.
///
/// # Errors
/// `WrongType` if it is something else.
fn write_stream<'a>(keyspace: &'a mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<StreamMut<'a>>> {
    match keyspace.write(key) {
        None => Ok(None),
        Some(entry) if entry.kind() == Kind::Stream => Ok(Some(StreamMut(entry))),
        Some(_) => Err(CommandError::WrongType),
    }
}

/// Writes an entry: its ID, then fields and values in turn.
fn write_entry(out: &mut dyn Reply, entry: &Entry<'_>) {
    out.array(2);
    out.bulk(&entry.id.text());
    out.array(2 * entry.pair_count());
    for (field, value) in entry.pairs() {
        field.reply(out);
        value.reply(out);
    }
}

/// Writes the first entries from `start` to `end`, up to `limit`.
fn write_first(out: &mut dyn Reply, log: &Log, (start, end): (StreamId, StreamId), limit: u64) {
    let len = count(log.count(start, end, limit));
    out.array(len);
    log.range(start, end).take(len).for_each(|entry| write_entry(out, &entry));
}

/// Writes the last entries from `start` to `end`, up to `limit`, the last of them first.
fn write_last(out: &mut dyn Reply, log: &Log, (start, end): (StreamId, StreamId), limit: u64) {
    let len = count(log.count(start, end, limit));
    out.array(len);
    log.range(start, end).rev().take(len).for_each(|entry| write_entry(out, &entry));
}

/// Milliseconds from `then` to `now`; 0 if the clock went back.
fn elapsed(then: UnixMs, now: UnixMs) -> i64 {
    now.0.saturating_sub(then.0).max(0)
}

/// What an error shows of a name: like Redis, nothing from a NUL on.
fn shown(name: &[u8]) -> String {
    let end = memchr::memchr(0, name).unwrap_or(name.len());
    crate::text::of(&name[..end]).into_owned()
}

/// A number of things in memory.
fn count(number: u64) -> usize {
    usize::try_from(number).expect("there are no more than memory has bytes")
}

/// A number as a reply's integer. Numbers that clients have set may wrap, as they do in Redis.
fn integer(number: u64) -> i64 {
    number.cast_signed()
}

#[cfg(test)]
mod tests;
