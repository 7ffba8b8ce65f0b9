//! Commands that add to the number in a field: HINCRBY and HINCRBYFLOAT. The field's deadline stays.

use super::{FAMILY, READS_AND_UPDATES_KEY};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::entry::Ttl;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::{LongDouble, parse_i64};
use crate::packed::listpack::Element;
use crate::reply::Reply;
use crate::types::hash::Due;

/// What the commands of this file have in common.
const INCREMENT: Facts = Facts {
    arity: 4,
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
    keys: READS_AND_UPDATES_KEY,
    ..FAMILY
};

pub(super) const HINCRBY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hincrby",
        parts: Some((2, usize::MAX)),
        since: "2.0.0",
        summary: "Adds to the integer in a field of a hash; a missing field counts as 0",
        args: &[Arg::key("key"), Arg::string("field"), Arg::integer("increment")],
        ..INCREMENT
    },
    handler: hincrby,
};

fn hincrby(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, field) = (args[1], args[2]);
    let increment = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let mut text = itoa::Buffer::new();
    let mut keyspace = ctx.keyspace(key);
    let sum = if let Some(mut hash) = keyspace.write_hash(key, Due::among(&args[2..3]))? {
        let current = match hash.get(field).map(|field| field.value) {
            None => Some(0),
            Some(Element::Integer(number)) => Some(number),
            Some(Element::Bytes(bytes)) => parse_i64(bytes),
        };
        let current = current.ok_or(CommandError::text("ERR hash value is not an integer"))?;
        let sum = current.checked_add(increment).ok_or(CommandError::IncrementOverflow)?;
        hash.set(field, text.format(sum).as_bytes(), Ttl::Keep);
        sum
    } else {
        keyspace.add_hash(key, &[field, text.format(increment).as_bytes()]);
        increment
    };
    keyspace.changed(EventClass::HASH, "hincrby", key);
    out.integer(sum);
    Ok(())
}

pub(super) const HINCRBYFLOAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hincrbyfloat",
        parts: Some((2, usize::MAX)),
        since: "2.6.0",
        summary: "Adds a decimal number to the number in a field of a hash; a missing field counts as 0",
        args: &[Arg::key("key"), Arg::string("field"), Arg::new("increment", ArgType::Double)],
        ..INCREMENT
    },
    handler: hincrbyfloat,
};

fn hincrbyfloat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, field, db) = (args[1], args[2], ctx.db);
    let increment = LongDouble::parse(args[3]).ok_or(CommandError::NotFloat)?;
    if !increment.is_finite() {
        return Err(CommandError::text("ERR value is NaN or Infinity"));
    }
    let mut keyspace = ctx.keyspace(key);
    let sum = if let Some(mut hash) = keyspace.write_hash(key, Due::among(&args[2..3]))? {
        let current = match hash.get(field).map(|field| field.value) {
            None => Some(LongDouble::from(0)),
            Some(Element::Integer(number)) => Some(LongDouble::from(number)),
            Some(Element::Bytes(bytes)) => LongDouble::parse(bytes),
        };
        let current = current.ok_or(CommandError::text("ERR hash value is not a float"))?;
        let sum = current.checked_add(increment).ok_or(CommandError::IncrementNotFinite)?.to_string();
        hash.set(field, sum.as_bytes(), Ttl::Keep);
        sum
    } else {
        let sum = increment.to_string();
        keyspace.add_hash(key, &[field, sum.as_bytes()]);
        sum
    };
    keyspace.changed(EventClass::HASH, "hincrbyfloat", key);
    // The sum, not the increment: whoever replays it need not add long doubles.
    keyspace.journal().effect(db, &[b"HSETEX", key, b"KEEPTTL", b"FIELDS", b"1", field, sum.as_bytes()]);
    out.bulk(sum.as_bytes());
    Ok(())
}
