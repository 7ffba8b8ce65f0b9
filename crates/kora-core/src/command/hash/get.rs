//! Commands that read fields: HGET, HMGET, HGETALL, HKEYS, HVALS, HLEN, HSTRLEN and HEXISTS.

use super::{FAMILY, LOOKS_AT_KEY, READS_KEY, count, write_value};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::packed::listpack::Element;
use crate::reply::{Bulks, Reply};
use crate::types::hash::{Due, Field, HashRef};

/// What the commands of this file have in common.
const READING: Facts = Facts { keys: READS_KEY, since: "2.0.0", ..FAMILY };
/// What those have in common that read one field, or as many as they are given.
const FAST: Facts = Facts { flags: Flags::READONLY.with(Flags::FAST), ..READING };
/// What those have in common that answer with all of a hash.
const WHOLE: Facts = Facts {
    arity: 2,
    flags: Flags::READONLY,
    complexity: "O(N) with N fields in the hash",
    args: &[Arg::key("key")],
    tips: &["nondeterministic_output_order"],
    ..READING
};
const KEY_AND_FIELD: &[Arg] = &[Arg::key("key"), Arg::string("field")];

pub(super) const HGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hget",
        parts: Some((2, usize::MAX)),
        arity: 3,
        summary: "Gives the value of a field of a hash",
        args: KEY_AND_FIELD,
        ..FAST
    },
    handler: hget,
};

fn hget(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    with_field(ctx, args, |field| write_value(out, field))
}

pub(super) const HMGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hmget",
        parts: Some((2, 1)),
        arity: -3,
        summary: "Gives the values of several fields of a hash",
        complexity: "O(N) with N fields asked for",
        args: &[Arg::key("key"), Arg::string("field").multiple()],
        ..FAST
    },
    handler: hmget,
};

fn hmget(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, fields, now) = (args[1], &args[2..], ctx.now);
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::among(fields))?;
    out.array(fields.len());
    for field in fields {
        write_value(out, hash.and_then(|hash| hash.get_live(field, now)));
    }
    Ok(())
}

pub(super) const HGETALL: CommandSpec = CommandSpec {
    facts: Facts { name: "hgetall", summary: "Gives all fields of a hash with their values", ..WHOLE },
    handler: hgetall,
};

fn hgetall(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, now) = (args[1], ctx.now);
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::Nothing)?;
    out.map(hash.map_or(0, |hash| hash.live_len(now)));
    if let Some(hash) = hash {
        Bulks::write(out, |bulks| {
            hash.for_each_live(now, |field| {
                field.name.add_to(bulks);
                field.value.add_to(bulks);
            });
        });
    }
    Ok(())
}

pub(super) const HKEYS: CommandSpec = CommandSpec {
    facts: Facts { name: "hkeys", summary: "Names all fields of a hash", ..WHOLE },
    handler: hkeys,
};

fn hkeys(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_all(ctx, args[1], out, |field| field.name)
}

pub(super) const HVALS: CommandSpec = CommandSpec {
    facts: Facts { name: "hvals", summary: "Gives the values of all fields of a hash", ..WHOLE },
    handler: hvals,
};

fn hvals(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_all(ctx, args[1], out, |field| field.value)
}

/// Answers with a part of each field.
fn write_all(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    out: &mut dyn Reply,
    part: impl for<'a> Fn(Field<'a>) -> Element<'a>,
) -> CommandResult {
    let now = ctx.now;
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::Nothing)?;
    out.array(hash.map_or(0, |hash| hash.live_len(now)));
    if let Some(hash) = hash {
        Bulks::write(out, |bulks| hash.for_each_live(now, |field| part(field).add_to(bulks)));
    }
    Ok(())
}

pub(super) const HLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hlen",
        arity: 2,
        keys: LOOKS_AT_KEY,
        summary: "Counts the fields of a hash",
        args: &[Arg::key("key")],
        ..FAST
    },
    handler: hlen,
};

/// Counts what is stored, fields included whose time has come and that nobody has met since.
fn hlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let len = match ctx.keyspace(key).read(key) {
        Some(entry) => HashRef::of(entry).ok_or(CommandError::WrongType)?.len(),
        None => 0,
    };
    out.integer(count(len));
    Ok(())
}

pub(super) const HSTRLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hstrlen",
        parts: Some((2, usize::MAX)),
        arity: 3,
        keys: LOOKS_AT_KEY,
        since: "3.2.0",
        summary: "Gives the length in bytes of the value of a field",
        args: KEY_AND_FIELD,
        ..FAST
    },
    handler: hstrlen,
};

fn hstrlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    with_field(ctx, args, |field| out.integer(count(field.map_or(0, |field| field.value.len()))))
}

pub(super) const HEXISTS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hexists",
        parts: Some((2, usize::MAX)),
        arity: 3,
        keys: LOOKS_AT_KEY,
        summary: "Tells whether a hash has a field",
        args: KEY_AND_FIELD,
        ..FAST
    },
    handler: hexists,
};

fn hexists(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    with_field(ctx, args, |field| out.integer(field.is_some().into()))
}

/// Answers what `write` makes of the field that the arguments name, key first.
#[inline]
fn with_field(ctx: &mut Ctx<'_>, args: &[&[u8]], write: impl FnOnce(Option<Field<'_>>)) -> CommandResult {
    let (key, fields, now) = (args[1], &args[2..], ctx.now);
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::among(fields))?;
    write(hash.and_then(|hash| hash.get_live(fields[0], now)));
    Ok(())
}
