//! Commands that return a whole value: GET, GETDEL, GETEX and STRLEN.

use super::expiry::Lifetime;
use super::{FAMILY, READS_AND_UPDATES_KEY, READS_KEY, count, length_of, write_string};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::time::UnixMs;

pub(super) const GET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "get",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: READS_KEY,
        since: "1.0.0",
        summary: "Gives the string stored at a key",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: get,
};

fn get(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    write_string(out, ctx.keyspace(key).read_string_value(key)?);
    Ok(())
}

pub(super) const GETDEL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "getdel",
        arity: 2,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1)],
        since: "6.2.0",
        summary: "Deletes a key and gives the string it held",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: getdel,
};

fn getdel(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    let value = keyspace.read_string_value(key)?;
    let is_found = value.is_some();
    write_string(out, value);
    if is_found {
        delete(&mut keyspace, db, key);
    }
    Ok(())
}

/// Deletes `key`, which exists.
fn delete(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8]) {
    keyspace.delete(key);
    keyspace.changed(EventClass::GENERIC, "del", key);
    keyspace.journal().effect(db, &[b"DEL", key]);
}

pub(super) const GETEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "getex",
        arity: -2,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: &[READS_AND_UPDATES_KEY[0].noted("RW and update because the deadline may change")],
        since: "6.2.0",
        summary: "Gives the string stored at a key and sets or removes the key's deadline",
        args: &[
            Arg::key("key"),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").token("EX"),
                    Arg::integer("milliseconds").token("PX"),
                    Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT"),
                    Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT"),
                    Arg::word("persist", "PERSIST"),
                ],
            )
            .optional(),
        ],
        ..FAMILY
    },
    handler: getex,
};

fn getex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    let lifetime = parse_lifetime(&args[2..])?;
    let mut keyspace = ctx.keyspace(key);
    let Some(value) = keyspace.read_string_value(key)? else {
        out.null();
        return Ok(());
    };
    let Lifetime::Until(deadline) = lifetime else {
        write_string(out, Some(value));
        if matches!(lifetime, Lifetime::Persist) {
            persist(&mut keyspace, db, key);
        }
        return Ok(());
    };
    let at = deadline.resolve(now, "getex")?;
    write_string(out, Some(value));
    if at <= now {
        delete(&mut keyspace, db, key);
    } else {
        expire(&mut keyspace, db, key, at);
    }
    Ok(())
}

fn parse_lifetime<'a>(mut args: &[&'a [u8]]) -> CommandResult<Lifetime<'a>> {
    let mut lifetime = Lifetime::default();
    while let [word, rest @ ..] = args {
        args = if let Some(rest) = lifetime.take_deadline(args)? {
            rest
        } else if word.eq_ignore_ascii_case(b"PERSIST") {
            lifetime.persist()?;
            rest
        } else {
            return Err(CommandError::Syntax);
        };
    }
    Ok(lifetime)
}

/// Takes away the deadline of `key`, if it has one.
fn persist(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8]) {
    if keyspace.peek(key).is_some_and(|entry| entry.expiry().is_some()) {
        keyspace.set_expiry(key, None);
        keyspace.changed(EventClass::GENERIC, "persist", key);
        keyspace.journal().effect(db, &[b"PERSIST", key]);
    }
}

/// Gives `key`, which exists, a deadline.
fn expire(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8], at: UnixMs) {
    keyspace.set_expiry(key, Some(at));
    keyspace.changed(EventClass::GENERIC, "expire", key);
    let mut at_text = itoa::Buffer::new();
    keyspace.journal().effect(db, &[b"PEXPIREAT", key, at_text.format(at.0).as_bytes()]);
}

pub(super) const STRLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "strlen",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        since: "2.2.0",
        summary: "Gives the length in bytes of the string stored at a key",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: strlen,
};

fn strlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let len = ctx.keyspace(key).read_string(key)?.map_or(0, length_of);
    out.integer(count(len));
    Ok(())
}

#[cfg(test)]
mod tests;
