//! The hash commands, one file per idea. This one holds their table and what the files share.
//!
//! No command shows the value of a field whose time has come. Those that give fields expire the ones they name that are due:
//! [`Keyspace::read_hash`](crate::store::Keyspace::read_hash) and its sibling for writing are told. Those that go through all fields
//! pass over what is due. HLEN, HSET, HDEL and the family of HEXPIRE take what is stored, as Redis does: a field that is due and that
//! nobody has met counts, and HEXPIRE lets it live on. Every change of a deadline is recorded with the moment meant, so that it replays at any time.

mod delete;
mod expire;
mod fields;
mod get;
mod getex;
mod increment;
mod lifetime;
mod random;
mod scan;
mod set;
mod setex;
#[cfg(test)]
mod tests;
mod ttl;

use crate::command::spec::{Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::db::DbIndex;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::hash::Field;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    delete::HDEL,
    get::HEXISTS,
    expire::HEXPIRE,
    expire::HEXPIREAT,
    ttl::HEXPIRETIME,
    get::HGET,
    get::HGETALL,
    delete::HGETDEL,
    getex::HGETEX,
    increment::HINCRBY,
    increment::HINCRBYFLOAT,
    get::HKEYS,
    get::HLEN,
    get::HMGET,
    set::HMSET,
    expire::HPERSIST,
    expire::HPEXPIRE,
    expire::HPEXPIREAT,
    ttl::HPEXPIRETIME,
    ttl::HPTTL,
    random::HRANDFIELD,
    scan::HSCAN,
    set::HSET,
    setex::HSETEX,
    set::HSETNX,
    get::HSTRLEN,
    ttl::HTTL,
    get::HVALS,
];

/// What all hash commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::HASH, group: Group::Hash, complexity: "O(1)", ..Facts::NONE };

/// One key of which something is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];
/// One key that is looked at without any of its contents being returned.
const LOOKS_AT_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO, 1)];
/// One key that is changed without its value being returned.
const UPDATES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.update(), 1)];
/// One key of which something is returned and changed.
const READS_AND_UPDATES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.access().update(), 1)];

/// Writes a field's value, or null where there is no such field.
#[inline]
fn write_value(out: &mut dyn Reply, field: Option<Field<'_>>) {
    match field {
        Some(field) => field.value.reply(out),
        None => out.null(),
    }
}

/// Reports that so many fields, one at least, of the hash at `key` have changed: each counts as a change.
fn fields_changed(keyspace: &mut Keyspace<'_>, event: &'static str, key: &[u8], fields: usize) {
    keyspace.changed(EventClass::HASH, event, key);
    keyspace.journal().changed(fields.saturating_sub(1) as u64);
}

/// Reports so many fields that were taken out of the hash at `key`, and deletes it if none are left.
fn fields_deleted(keyspace: &mut Keyspace<'_>, key: &[u8], fields: usize, is_empty: bool) {
    fields_changed(keyspace, "hdel", key, fields);
    if is_empty {
        keyspace.delete_emptied(key);
    }
}

/// Records `words`, then the number of `fields` and these, as their commands want them.
fn record_fields(keyspace: &mut Keyspace<'_>, db: DbIndex, words: &[&[u8]], fields: &[&[u8]]) {
    if keyspace.journal().is_recording() {
        let mut count = itoa::Buffer::new();
        let count = count.format(fields.len()).as_bytes();
        let args = [words, &[b"FIELDS", count], fields].concat();
        keyspace.journal().effect(db, &args);
    }
}

/// Records that `fields` are to be deleted.
fn record_deleted(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8], fields: &[&[u8]]) {
    if keyspace.journal().is_recording() {
        keyspace.journal().effect(db, &[&[b"HDEL", key], fields].concat());
    }
}

/// A length or count as a reply's integer.
fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}
