//! Commands that add to a number: INCR, INCRBY, DECR, DECRBY and INCRBYFLOAT.

use super::{FAMILY, READS_AND_UPDATES_KEY};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::entry::{StringRef, Ttl};
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::{LongDouble, parse_i64};
use crate::reply::Reply;

/// What the commands of this file have in common.
const INCREMENT: Facts = Facts {
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
    keys: READS_AND_UPDATES_KEY,
    since: "1.0.0",
    ..FAMILY
};

pub(super) const INCR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "incr",
        arity: 2,
        summary: "Adds one to the integer stored at a key; a missing key counts as 0",
        args: &[Arg::key("key")],
        ..INCREMENT
    },
    handler: incr,
};

fn incr(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    add(ctx, args[1], 1, out)
}

pub(super) const DECR: CommandSpec = CommandSpec {
    facts: Facts {
        name: "decr",
        arity: 2,
        summary: "Takes one from the integer stored at a key; a missing key counts as 0",
        args: &[Arg::key("key")],
        ..INCREMENT
    },
    handler: decr,
};

fn decr(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    add(ctx, args[1], -1, out)
}

pub(super) const INCRBY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "incrby",
        arity: 3,
        summary: "Adds to the integer stored at a key; a missing key counts as 0",
        args: &[Arg::key("key"), Arg::integer("increment")],
        ..INCREMENT
    },
    handler: incrby,
};

fn incrby(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let increment = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    add(ctx, args[1], increment, out)
}

pub(super) const DECRBY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "decrby",
        arity: 3,
        summary: "Takes from the integer stored at a key; a missing key counts as 0",
        args: &[Arg::key("key"), Arg::integer("decrement")],
        ..INCREMENT
    },
    handler: decrby,
};

fn decrby(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let decrement = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let increment = decrement.checked_neg().ok_or(CommandError::text("ERR decrement would overflow"))?;
    add(ctx, args[1], increment, out)
}

fn add(ctx: &mut Ctx<'_>, key: &[u8], increment: i64, out: &mut dyn Reply) -> CommandResult {
    let mut keyspace = ctx.keyspace(key);
    let sum = if let Some(mut entry) = keyspace.write_string(key)? {
        let current = match entry.string() {
            Some(StringRef::Integer(number)) => number,
            Some(StringRef::Bytes(text)) => parse_i64(text).ok_or(CommandError::NotInteger)?,
            None => return Err(CommandError::WrongType),
        };
        let sum = current.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;
        entry.set_integer(sum);
        sum
    } else {
        keyspace.set_integer(key, increment, Ttl::Clear);
        increment
    };
    keyspace.changed(EventClass::STRING, "incrby", key);
    out.integer(sum);
    Ok(())
}

pub(super) const INCRBYFLOAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "incrbyfloat",
        arity: 3,
        since: "2.6.0",
        summary: "Adds a decimal number to the number stored at a key; a missing key counts as 0",
        args: &[Arg::key("key"), Arg::new("increment", ArgType::Double)],
        ..INCREMENT
    },
    handler: incrbyfloat,
};

fn incrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    let current = match keyspace.write_string(key)?.as_ref().and_then(|entry| entry.string()) {
        Some(StringRef::Integer(number)) => Some(LongDouble::from(number)),
        Some(StringRef::Bytes(text)) => LongDouble::parse(text),
        None => Some(LongDouble::from(0)),
    };
    let (Some(current), Some(increment)) = (current, LongDouble::parse(args[2])) else {
        return Err(CommandError::NotFloat);
    };
    let sum = current.checked_add(increment).ok_or(CommandError::IncrementNotFinite)?.to_string();
    keyspace.set_bytes(key, sum.as_bytes(), Ttl::Keep);
    keyspace.changed(EventClass::STRING, "incrbyfloat", key);
    // The sum, not the increment: whoever replays it need not add long doubles.
    keyspace.journal().effect(db, &[b"SET", key, sum.as_bytes(), b"KEEPTTL"]);
    out.bulk(sum.as_bytes());
    Ok(())
}

#[cfg(test)]
mod tests;
