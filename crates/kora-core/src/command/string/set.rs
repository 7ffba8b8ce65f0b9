//! Commands that replace a whole value: SET, SETNX, SETEX, PSETEX and GETSET.
//!
//! A SET with options that takes place is recorded without them, except for what decides the key's lifetime: the
//! condition has been judged, and a relative deadline has become an absolute one.

use super::expiry::{Deadline, Lifetime, Unit};
use super::{FAMILY, OVERWRITES_KEY, READS_AND_UPDATES_KEY, bytes_of, write_string};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::entry::{StringRef, Ttl};
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;

pub(super) const SET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "set",
        arity: -3,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.access().update().variable_flags(), 1)
            .noted("RW and access only with the `GET` option")],
        key_flags: Some(key_flags),
        since: "1.0.0",
        summary: "Stores a string at a key, whatever the key held",
        args: &[
            Arg::key("key"),
            Arg::string("value"),
            Arg::one_of(
                "condition",
                &[
                    Arg::word("nx", "NX"),
                    Arg::word("xx", "XX"),
                    Arg::string("comparison-value").token("IFEQ").since("8.1.0"),
                ],
            )
            .optional()
            .since("2.6.12"),
            Arg::word("get", "GET").optional().since("6.2.0"),
            Arg::one_of(
                "expiration",
                &[
                    Arg::integer("seconds").token("EX").since("2.6.12"),
                    Arg::integer("milliseconds").token("PX").since("2.6.12"),
                    Arg::new("unix-time-seconds", ArgType::UnixTime).token("EXAT").since("6.2.0"),
                    Arg::new("unix-time-milliseconds", ArgType::UnixTime).token("PXAT").since("6.2.0"),
                    Arg::word("keepttl", "KEEPTTL").since("6.0.0"),
                ],
            )
            .optional(),
        ],
        history: &[
            ("2.6.12", "New options `EX`, `PX`, `NX` and `XX`."),
            ("6.0.0", "New option `KEEPTTL`."),
            ("6.2.0", "New options `GET`, `EXAT` and `PXAT`."),
            ("7.0.0", "`NX` and `GET` go together."),
            ("8.1.0", "New option `IFEQ`."),
        ],
        ..FAMILY
    },
    handler: set,
};

fn key_flags(args: &[&[u8]]) -> KeyFlags {
    let gets = args[3..].iter().any(|arg| arg.eq_ignore_ascii_case(b"get"));
    if gets { KeyFlags::RW.access().update() } else { KeyFlags::OW.update() }
}

fn set(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    if args.len() > 3 {
        return set_with_options(ctx, args, out);
    }
    let (key, value) = (args[1], args[2]);
    let mut keyspace = ctx.keyspace(key);
    keyspace.set_string(key, value, Ttl::Clear);
    keyspace.changed(EventClass::STRING, "set", key);
    out.ok();
    Ok(())
}

/// When a value is to be stored.
#[derive(Clone, Copy, Debug, Default)]
enum Condition<'a> {
    #[default]
    Always,
    /// `NX`: there is no such key.
    Absent,
    /// `XX`: there is such a key.
    Present,
    /// `IFEQ`: the key holds this string.
    Equal(&'a [u8]),
}

impl Condition<'_> {
    fn holds(self, current: Option<StringRef<'_>>) -> bool {
        match self {
            Self::Always => true,
            Self::Absent => current.is_none(),
            Self::Present => current.is_some(),
            Self::Equal(expected) => {
                current.is_some_and(|value| bytes_of(value, &mut itoa::Buffer::new()) == expected)
            }
        }
    }

    /// Whether it holds for `key`, which may have any type unless its value matters.
    fn holds_for(self, keyspace: &mut Keyspace<'_>, key: &[u8]) -> CommandResult<bool> {
        Ok(match self {
            Self::Always => true,
            Self::Absent => keyspace.write(key).is_none(),
            Self::Present => keyspace.write(key).is_some(),
            Self::Equal(_) => {
                let entry = keyspace.write_string(key)?;
                self.holds(entry.as_ref().and_then(|entry| entry.string()))
            }
        })
    }
}

/// Options of SET.
#[derive(Clone, Copy, Debug, Default)]
struct Options<'a> {
    condition: Condition<'a>,
    returns_old: bool,
    lifetime: Lifetime<'a>,
}

impl<'a> Options<'a> {
    fn parse(mut args: &[&'a [u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        while !args.is_empty() {
            args = match options.lifetime.take_deadline(args)? {
                Some(rest) => rest,
                None => options.take_word(args)?,
            };
        }
        Ok(options)
    }

    fn take_word<'s>(&mut self, args: &'s [&'a [u8]]) -> CommandResult<&'s [&'a [u8]]> {
        let is = |word: &str| args[0].eq_ignore_ascii_case(word.as_bytes());
        match self.condition {
            Condition::Always | Condition::Absent if is("NX") => self.condition = Condition::Absent,
            Condition::Always | Condition::Present if is("XX") => self.condition = Condition::Present,
            Condition::Always if is("IFEQ") && args.len() > 1 => {
                self.condition = Condition::Equal(args[1]);
                return Ok(&args[2..]);
            }
            _ if is("GET") => self.returns_old = true,
            _ if is("KEEPTTL") => self.lifetime.keep()?,
            _ => return Err(CommandError::Syntax),
        }
        Ok(&args[1..])
    }
}

fn set_with_options(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let options = Options::parse(&args[3..])?;
    let ttl = match options.lifetime {
        Lifetime::Unsaid | Lifetime::Persist => Ttl::Clear,
        Lifetime::Keep => Ttl::Keep,
        Lifetime::Until(deadline) => Ttl::At(deadline.resolve(ctx.now, "set")?),
    };
    let mut keyspace = ctx.keyspace(key);
    let is_met = if options.returns_old {
        let old = keyspace.read_string_value(key)?;
        write_string(out, old);
        options.condition.holds(old.map(StringRef::from))
    } else {
        options.condition.holds_for(&mut keyspace, key)?
    };
    match (options.returns_old, is_met) {
        (true, _) => {}
        (false, true) => out.ok(),
        (false, false) => out.null(),
    }
    if is_met {
        store(&mut keyspace, db, key, args[2], ttl);
    }
    Ok(())
}

/// Stores `value` and records it as a SET.
fn store(keyspace: &mut Keyspace<'_>, db: DbIndex, key: &[u8], value: &[u8], ttl: Ttl) {
    keyspace.set_string(key, value, ttl);
    keyspace.changed(EventClass::STRING, "set", key);
    let journal = keyspace.journal();
    match ttl {
        Ttl::Clear => journal.effect(db, &[b"SET", key, value]),
        Ttl::Keep => journal.effect(db, &[b"SET", key, value, b"KEEPTTL"]),
        Ttl::At(at) => {
            journal.event(EventClass::GENERIC, "expire", db, key);
            let mut at_text = itoa::Buffer::new();
            journal.effect(db, &[b"SET", key, value, b"PXAT", at_text.format(at.0).as_bytes()]);
        }
    }
}

pub(super) const SETNX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "setnx",
        arity: 3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::OW.insert(), 1)],
        since: "1.0.0",
        summary: "Stores a string at a key that does not exist yet",
        args: &[Arg::key("key"), Arg::string("value")],
        deprecated: Some(("2.6.12", "`SET` with the `NX` argument")),
        ..FAMILY
    },
    handler: setnx,
};

fn setnx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, value) = (args[1], args[2]);
    let mut keyspace = ctx.keyspace(key);
    let is_absent = keyspace.write(key).is_none();
    if is_absent {
        keyspace.set_string(key, value, Ttl::Clear);
        keyspace.changed(EventClass::STRING, "set", key);
    }
    out.integer(is_absent.into());
    Ok(())
}

pub(super) const SETEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "setex",
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: OVERWRITES_KEY,
        since: "2.0.0",
        summary: "Stores a string at a key for a number of seconds",
        args: &[Arg::key("key"), Arg::integer("seconds"), Arg::string("value")],
        deprecated: Some(("2.6.12", "`SET` with the `EX` argument")),
        ..FAMILY
    },
    handler: setex,
};

fn setex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    set_for(ctx, args, Unit::Ex, "setex", out)
}

pub(super) const PSETEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "psetex",
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: OVERWRITES_KEY,
        since: "2.6.0",
        summary: "Stores a string at a key for a number of milliseconds",
        args: &[Arg::key("key"), Arg::integer("milliseconds"), Arg::string("value")],
        deprecated: Some(("2.6.12", "`SET` with the `PX` argument")),
        ..FAMILY
    },
    handler: psetex,
};

fn psetex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    set_for(ctx, args, Unit::Px, "psetex", out)
}

fn set_for(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    unit: Unit,
    command: &'static str,
    out: &mut dyn Reply,
) -> CommandResult {
    let at = Deadline { unit, amount: args[2] }.resolve(ctx.now, command)?;
    let (key, db) = (args[1], ctx.db);
    store(&mut ctx.keyspace(key), db, key, args[3], Ttl::At(at));
    out.ok();
    Ok(())
}

pub(super) const GETSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "getset",
        arity: 3,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
        keys: READS_AND_UPDATES_KEY,
        since: "1.0.0",
        summary: "Stores a string at a key and gives the string it held",
        args: &[Arg::key("key"), Arg::string("value")],
        deprecated: Some(("6.2.0", "`SET` with the `!GET` argument")),
        ..FAMILY
    },
    handler: getset,
};

fn getset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let mut keyspace = ctx.keyspace(key);
    write_string(out, keyspace.read_string_value(key)?);
    store(&mut keyspace, db, key, args[2], Ttl::Clear);
    Ok(())
}

#[cfg(test)]
mod tests;
