//! Commands that give fields values: HSET, HMSET and HSETNX. A field that is set lives until it is deleted.

use super::{FAMILY, UPDATES_KEY, count, fields_changed};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Ttl;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::hash::Due;

/// What the commands of this file have in common.
const SETTING: Facts = Facts {
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
    keys: UPDATES_KEY,
    since: "2.0.0",
    ..FAMILY
};

/// A field and its value.
pub(super) const PAIR: &[Arg] = &[Arg::string("field"), Arg::string("value")];

pub(super) const HSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hset",
        parts: Some((2, 2)),
        arity: -4,
        summary: "Sets fields of a hash to values, and counts those that are new",
        complexity: "O(N) with N fields given",
        args: &[Arg::key("key"), Arg::block("data", PAIR).multiple()],
        history: &[("4.0.0", "Several fields at once")],
        ..SETTING
    },
    handler: hset,
};

fn hset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let added = set_all(ctx, args, "hset")?;
    out.integer(count(added));
    Ok(())
}

pub(super) const HMSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hmset",
        parts: Some((2, 2)),
        arity: -4,
        summary: "Sets fields of a hash to values",
        complexity: "O(N) with N fields given",
        args: HSET.facts.args,
        deprecated: Some(("4.0.0", "`HSET` with multiple field-value pairs")),
        ..SETTING
    },
    handler: hmset,
};

fn hmset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    set_all(ctx, args, "hmset")?;
    out.ok();
    Ok(())
}

/// Sets all fields given to `command`; returns how many are new. One whose time has come and that nobody has met since is not new.
fn set_all(ctx: &mut Ctx<'_>, args: &[&[u8]], command: &'static str) -> CommandResult<usize> {
    let (key, pairs) = (args[1], &args[2..]);
    if !pairs.len().is_multiple_of(2) {
        return Err(CommandError::Arity(command.into()));
    }
    let mut keyspace = ctx.keyspace(key);
    let added = if let Some(mut hash) = keyspace.write_hash(key, Due::Nothing)? {
        hash.prepare(pairs);
        pairs.chunks_exact(2).filter(|pair| hash.set(pair[0], pair[1], Ttl::Clear)).count()
    } else {
        keyspace.add_hash(key, pairs)
    };
    fields_changed(&mut keyspace, "hset", key, pairs.len() / 2);
    Ok(added)
}

pub(super) const HSETNX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hsetnx",
        parts: Some((2, usize::MAX)),
        arity: 4,
        keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
        summary: "Sets a field of a hash to a value unless the field exists",
        args: &[Arg::key("key"), PAIR[0], PAIR[1]],
        ..SETTING
    },
    handler: hsetnx,
};

fn hsetnx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, pair) = (args[1], &args[2..]);
    let mut keyspace = ctx.keyspace(key);
    if let Some(mut hash) = keyspace.write_hash(key, Due::among(&pair[..1]))? {
        if hash.get(pair[0]).is_some() {
            out.integer(0);
            return Ok(());
        }
        hash.set(pair[0], pair[1], Ttl::Clear);
    } else {
        keyspace.add_hash(key, pair);
    }
    keyspace.changed(EventClass::HASH, "hset", key);
    out.integer(1);
    Ok(())
}
