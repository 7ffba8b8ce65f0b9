//! Commands on several keys: MGET, MSET and MSETNX.
//!
//! The keys of MGET and MSET are independent, so each shard runs its part; MSETNX must see all keys before it writes
//! one.

use super::{FAMILY, write_string};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec, Merge, Route};
use crate::context::Ctx;
use crate::entry::{Entry, Ttl};
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;

/// Keys and values in turn.
const PAIRS: &[Arg] = &[Arg::block("data", &[Arg::key("key"), Arg::string("value")]).multiple()];

pub(super) const MGET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "mget",
        arity: -2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::range(KeyFlags::RO.access(), 1, -1, 1)],
        route: Route::Split(Merge::Concat),
        since: "1.0.0",
        summary: "Gives the strings stored at one or more keys, all at one moment",
        complexity: "O(N) for N keys",
        args: &[Arg::key("key").multiple()],
        tips: &["request_policy:multi_shard"],
        ..FAMILY
    },
    handler: mget,
};

fn mget(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let keys = &args[1..];
    out.array(keys.len());
    for key in keys {
        write_string(out, ctx.keyspace(key).read(key).and_then(Entry::string_value));
    }
    Ok(())
}

pub(super) const MSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "mset",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::range(KeyFlags::OW.update(), 1, -1, 2)],
        route: Route::Split(Merge::First),
        since: "1.0.1",
        summary: "Stores strings at one or more keys, all at one moment",
        complexity: "O(N) for N keys",
        args: PAIRS,
        tips: &["request_policy:multi_shard", "response_policy:all_succeeded"],
        ..FAMILY
    },
    handler: mset,
};

fn mset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    store_pairs(ctx, pairs(args, "mset")?);
    out.ok();
    Ok(())
}

pub(super) const MSETNX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "msetnx",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::range(KeyFlags::OW.insert(), 1, -1, 2)],
        since: "1.0.1",
        summary: "Stores strings at one or more keys, all at one moment and only if none of them exists",
        complexity: "O(N) for N keys",
        args: PAIRS,
        ..FAMILY
    },
    handler: msetnx,
};

fn msetnx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let pairs = pairs(args, "msetnx")?;
    if pairs.iter().any(|[key, _]| ctx.keyspace(key).write(key).is_some()) {
        out.integer(0);
        return Ok(());
    }
    store_pairs(ctx, pairs);
    out.integer(1);
    Ok(())
}

/// The keys and values behind the name.
fn pairs<'s, 'a>(args: &'s [&'a [u8]], command: &'static str) -> CommandResult<&'s [[&'a [u8]; 2]]> {
    match args[1..].as_chunks() {
        (pairs, []) => Ok(pairs),
        _ => Err(CommandError::Arity(command.into())),
    }
}

fn store_pairs(ctx: &mut Ctx<'_>, pairs: &[[&[u8]; 2]]) {
    for [key, value] in pairs {
        let mut keyspace = ctx.keyspace(key);
        keyspace.set_string(key, value, Ttl::Clear);
        keyspace.changed(EventClass::STRING, "set", key);
    }
}

#[cfg(test)]
mod tests;
