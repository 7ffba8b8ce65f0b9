//! Commands that set or remove a key's deadline: EXPIRE, PEXPIRE, EXPIREAT, PEXPIREAT and PERSIST.
//!
//! A deadline that is not in the future deletes the key at once. Whatever unit and origin the client chose, the effect
//! is the same on every replay: PEXPIREAT with the moment, or DEL.

use super::{FAMILY, UPDATES_KEY};
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::time::UnixMs;

/// What the commands that set a deadline have in common.
const EXPIRING: Facts = Facts {
    arity: -3,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: UPDATES_KEY,
    history: &[("7.0.0", "Conditions `NX`, `XX`, `GT` and `LT`")],
    ..FAMILY
};

const CONDITION: Arg = Arg::one_of(
    "condition",
    &[Arg::word("nx", "NX"), Arg::word("xx", "XX"), Arg::word("gt", "GT"), Arg::word("lt", "LT")],
)
.optional()
.since("7.0.0");

pub(super) const EXPIRE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "expire",
        since: "1.0.0",
        summary: "Lets a key expire in a number of seconds",
        args: &[Arg::key("key"), Arg::integer("seconds"), CONDITION],
        ..EXPIRING
    },
    handler: expire,
};

fn expire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let now = ctx.now;
    set_deadline(ctx, args, out, "expire", |seconds| seconds.checked_mul(1000)?.checked_add(now.0))
}

pub(super) const PEXPIRE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pexpire",
        since: "2.6.0",
        summary: "Lets a key expire in a number of milliseconds",
        args: &[Arg::key("key"), Arg::integer("milliseconds"), CONDITION],
        ..EXPIRING
    },
    handler: pexpire,
};

fn pexpire(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let now = ctx.now;
    set_deadline(ctx, args, out, "pexpire", |ms| ms.checked_add(now.0))
}

pub(super) const EXPIREAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "expireat",
        since: "1.2.0",
        summary: "Lets a key expire at a Unix time in seconds",
        args: &[Arg::key("key"), Arg::new("unix-time-seconds", ArgType::UnixTime), CONDITION],
        ..EXPIRING
    },
    handler: expireat,
};

fn expireat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    set_deadline(ctx, args, out, "expireat", |seconds| seconds.checked_mul(1000))
}

pub(super) const PEXPIREAT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pexpireat",
        since: "2.6.0",
        summary: "Lets a key expire at a Unix time in milliseconds",
        args: &[Arg::key("key"), Arg::new("unix-time-milliseconds", ArgType::UnixTime), CONDITION],
        ..EXPIRING
    },
    handler: pexpireat,
};

fn pexpireat(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    set_deadline(ctx, args, out, "pexpireat", Some)
}

/// Which present deadlines let a new one replace them.
#[derive(Clone, Copy, Debug, Default)]
struct Conditions {
    /// `NX`: none.
    is_absent: bool,
    /// `XX`: any.
    is_present: bool,
    /// `GT`: earlier ones. A key without a deadline counts as one that lives longest.
    is_raised: bool,
    /// `LT`: later ones.
    is_lowered: bool,
}

impl Conditions {
    fn parse(options: &[&[u8]]) -> CommandResult<Self> {
        let mut conditions = Self::default();
        for option in options {
            match option.to_ascii_uppercase().as_slice() {
                b"NX" => conditions.is_absent = true,
                b"XX" => conditions.is_present = true,
                b"GT" => conditions.is_raised = true,
                b"LT" => conditions.is_lowered = true,
                _ => return Err(unsupported_option(option)),
            }
        }
        if conditions.is_absent && (conditions.is_present || conditions.is_raised || conditions.is_lowered) {
            return Err(CommandError::text(
                "ERR NX and XX, GT or LT options at the same time are not compatible",
            ));
        }
        if conditions.is_raised && conditions.is_lowered {
            return Err(CommandError::text("ERR GT and LT options at the same time are not compatible"));
        }
        Ok(conditions)
    }

    fn allow(self, present: Option<UnixMs>, new: UnixMs) -> bool {
        let is_raised = present.is_some_and(|present| new > present);
        let is_lowered = present.is_none_or(|present| new < present);
        (!self.is_absent || present.is_none())
            && (!self.is_present || present.is_some())
            && (!self.is_raised || is_raised)
            && (!self.is_lowered || is_lowered)
    }
}

#[cold]
fn unsupported_option(option: &[u8]) -> CommandError {
    // Like Redis, nothing from a NUL on.
    let option = &option[..memchr::memchr(0, option).unwrap_or(option.len())];
    CommandError::Other(format!("ERR Unsupported option {}", crate::text::of(option)).into())
}

/// Gives the key a deadline: the second argument as `to_unix_ms` reads it, `None` if it does not fit 64 bits.
fn set_deadline(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    command: &'static str,
    to_unix_ms: impl FnOnce(i64) -> Option<i64>,
) -> CommandResult {
    let (key, db, now) = (args[1], ctx.db, ctx.now);
    let conditions = Conditions::parse(&args[3..])?;
    let amount = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let at = to_unix_ms(amount).map(UnixMs).ok_or(CommandError::InvalidExpire(command))?;
    let mut keyspace = ctx.keyspace(key);
    let Some(mut entry) = keyspace.write(key).filter(|entry| conditions.allow(entry.expiry(), at)) else {
        out.integer(0);
        return Ok(());
    };
    if at <= now {
        drop(entry);
        keyspace.delete(key);
        keyspace.changed(EventClass::GENERIC, "del", key);
        keyspace.journal().effect(db, &[b"DEL", key]);
    } else {
        entry.set_expiry(Some(at));
        drop(entry);
        keyspace.tend();
        keyspace.changed(EventClass::GENERIC, "expire", key);
        keyspace.journal().effect(db, &[b"PEXPIREAT", key, itoa::Buffer::new().format(at.0).as_bytes()]);
    }
    out.integer(1);
    Ok(())
}

pub(super) const PERSIST: CommandSpec = CommandSpec {
    facts: Facts {
        name: "persist",
        arity: 2,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: UPDATES_KEY,
        since: "2.2.0",
        summary: "Lets a key live until it is deleted",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: persist,
};

fn persist(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let Some(mut entry) = keyspace.write(key).filter(|entry| entry.expiry().is_some()) else {
        out.integer(0);
        return Ok(());
    };
    entry.set_expiry(None);
    drop(entry);
    keyspace.changed(EventClass::GENERIC, "persist", key);
    out.integer(1);
    Ok(())
}
