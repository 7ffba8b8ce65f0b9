//! Commands on a part of a value: GETRANGE, SUBSTR, SETRANGE and APPEND.

use std::ops::Range;

use super::{FAMILY, READS_KEY, bytes_of, check_length, count, length_of};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::{StringRef, StringValue, Ttl};
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::table::EntryMut;

/// A reply refers to no less than one in so many bytes of a string, since the string stays in memory as a whole for it.
const BYTES_PER_SHARED: usize = 4;

const RANGE_ARGS: &[Arg] = &[Arg::key("key"), Arg::integer("start"), Arg::integer("end")];

pub(super) const GETRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "getrange",
        arity: 4,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.4.0",
        summary: "Gives a part of the string stored at a key",
        complexity: "O(N) for N bytes returned",
        args: RANGE_ARGS,
        ..FAMILY
    },
    handler: getrange,
};

pub(super) const SUBSTR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "substr",
        since: "1.0.0",
        deprecated: Some(("2.0.0", "`GETRANGE`")),
        ..GETRANGE.facts
    },
    handler: getrange,
};

fn getrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let start = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let end = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let mut keyspace = ctx.keyspace(key);
    let value = keyspace.read_string_value(key)?;
    let mut digits = itoa::Buffer::new();
    let bytes = value.map_or(&b""[..], |value| bytes_of(value.into(), &mut digits));
    let part = byte_range(start, end, bytes.len());
    match value {
        Some(StringValue::Shared(shared)) if part.len() >= shared.len() / BYTES_PER_SHARED => {
            out.bulk_shared(shared, part);
        }
        _ => out.bulk(&bytes[part]),
    }
    Ok(())
}

/// The bytes from index `start` to `end`, both included, of a string of `len` bytes.
///
/// Negative indexes count from the string's end. Those before its first byte mean the first, so that `-100 -50` gives
/// the first byte of a shorter string, unless they are in the wrong order.
fn byte_range(start: i64, end: i64, len: usize) -> Range<usize> {
    if len == 0 || (start < 0 && end < 0 && start > end) {
        return 0..0;
    }
    let from_front = |index: i64| {
        let index = if index < 0 { index + count(len) } else { index };
        usize::try_from(index).unwrap_or(0)
    };
    let (first, last) = (from_front(start), from_front(end).min(len - 1));
    if first > last { 0..0 } else { first..last + 1 }
}

pub(super) const SETRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "setrange",
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.update(), 1)],
        since: "2.2.0",
        summary: "Overwrites the string stored at a key from an offset on, with zero bytes before it if it was shorter",
        complexity: "O(M) for M bytes written, not counting the growth of the string",
        args: &[Arg::key("key"), Arg::integer("offset"), Arg::string("value")],
        ..FAMILY
    },
    handler: setrange,
};

fn setrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, value) = (args[1], args[3]);
    let offset = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let offset = usize::try_from(offset).map_err(|_| CommandError::text("ERR offset is out of range"))?;
    let bytes_max = ctx.config().max_bulk_bytes;
    let mut keyspace = ctx.keyspace(key);
    let len = keyspace.write_string(key)?.map(|entry| length_of(string_in(&entry)));
    if value.is_empty() {
        out.integer(count(len.unwrap_or(0)));
        return Ok(());
    }
    check_length(offset, value.len(), bytes_max)?;
    if len.is_none() {
        keyspace.set_raw(key, b"");
    }
    let end = offset + value.len();
    let new_len = end.max(len.unwrap_or(0));
    let mut entry = keyspace.write_string(key)?.expect("the key was found or made above");
    entry.raw_mut(new_len)[offset..end].copy_from_slice(value);
    drop(entry);
    keyspace.changed(EventClass::STRING, "setrange", key);
    out.integer(count(new_len));
    Ok(())
}

pub(super) const APPEND: CommandSpec = CommandSpec {
    facts: Facts {
        name: "append",
        arity: 3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
        since: "2.0.0",
        summary: "Adds bytes to the end of the string stored at a key, which is created if it does not exist",
        complexity: "O(N) for N bytes appended, amortised over the growth of the string",
        args: &[Arg::key("key"), Arg::string("value")],
        ..FAMILY
    },
    handler: append,
};

fn append(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, value) = (args[1], args[2]);
    let bytes_max = ctx.config().max_bulk_bytes;
    let mut keyspace = ctx.keyspace(key);
    let len = if let Some(mut entry) = keyspace.write_string(key)? {
        check_length(length_of(string_in(&entry)), value.len(), bytes_max)?;
        entry.append(value)
    } else {
        keyspace.set_string(key, value, Ttl::Clear);
        value.len()
    };
    keyspace.changed(EventClass::STRING, "append", key);
    out.integer(count(len));
    Ok(())
}

fn string_in<'a>(entry: &'a EntryMut<'_>) -> StringRef<'a> {
    entry.string().expect("`write_string` gives entries that hold strings")
}

#[cfg(test)]
mod tests;
