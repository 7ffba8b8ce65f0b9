//! The string commands, one file per idea. This one holds their table and what the files share.
//!
//! A string is bytes, or a 64-bit integer where its text is one: the keyspace decides, and [`StringRef`] shows which.
//! GET, SET, INCR and MGET are the commands that servers of this kind spend their lives on: they look options up only
//! when there are any, and move bytes from the entry to the sink without a copy between. Of long ones the sink gets a reference.

mod expiry;
mod get;
mod increment;
mod lcs;
mod multi;
mod range;
mod set;

use crate::command::spec::{Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::entry::{StringRef, StringValue};
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    range::APPEND,
    increment::DECR,
    increment::DECRBY,
    get::GET,
    get::GETDEL,
    get::GETEX,
    range::GETRANGE,
    set::GETSET,
    increment::INCR,
    increment::INCRBY,
    increment::INCRBYFLOAT,
    lcs::LCS,
    multi::MGET,
    multi::MSET,
    multi::MSETNX,
    set::PSETEX,
    set::SET,
    set::SETEX,
    set::SETNX,
    range::SETRANGE,
    get::STRLEN,
    range::SUBSTR,
];

/// What all string commands have in common.
const FAMILY: Facts =
    Facts { categories: Categories::STRING, group: Group::String, complexity: "O(1)", ..Facts::NONE };

/// One key whose value is returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];
/// One key whose value is returned and changed.
const READS_AND_UPDATES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.access().update(), 1)];
/// One key whose value is replaced unseen.
const OVERWRITES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::OW.update(), 1)];

/// Writes a string value, or null where there is none.
#[inline]
fn write_string(out: &mut dyn Reply, value: Option<StringValue<'_>>) {
    match value {
        Some(StringValue::Own(bytes)) => out.bulk(bytes),
        Some(StringValue::Integer(number)) => out.bulk(itoa::Buffer::new().format(number).as_bytes()),
        Some(StringValue::Shared(bytes)) => out.bulk_shared(bytes, 0..bytes.len()),
        None => out.null(),
    }
}

/// The bytes of a string value; those of an integer are written to `buffer`.
#[inline]
pub(super) fn bytes_of<'a>(value: StringRef<'a>, buffer: &'a mut itoa::Buffer) -> &'a [u8] {
    match value {
        StringRef::Bytes(bytes) => bytes,
        StringRef::Integer(number) => buffer.format(number).as_bytes(),
    }
}

/// The length in bytes of a string value.
pub(super) fn length_of(value: StringRef<'_>) -> usize {
    bytes_of(value, &mut itoa::Buffer::new()).len()
}

/// Refuses a string of `len` bytes more than `extra_len` if that is longer than `proto-max-bulk-len`.
fn check_length(len: usize, extra_len: usize, bytes_max: u64) -> CommandResult {
    match len.checked_add(extra_len) {
        Some(total) if total as u64 <= bytes_max => Ok(()),
        _ => Err(CommandError::StringTooLong),
    }
}

/// A length or count as a reply's integer.
pub(super) fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}

#[cfg(test)]
mod tests;
