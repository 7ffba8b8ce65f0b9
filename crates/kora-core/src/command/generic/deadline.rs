//! Commands that tell a key's deadline: TTL and PTTL as the time left, EXPIRETIME and PEXPIRETIME as a moment.

use super::{FAMILY, READS_KEY};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;

/// Answer for a key that does not exist.
const NO_KEY: i64 = -2;
/// Answer for a key that lives until it is deleted.
const NO_DEADLINE: i64 = -1;

/// What the commands of this file have in common.
const DEADLINE: Facts = Facts {
    arity: 2,
    flags: Flags::READONLY.with(Flags::FAST),
    keys: READS_KEY,
    args: &[Arg::key("key")],
    ..FAMILY
};
/// What those have in common whose answer changes as time passes.
const REMAINING: Facts = Facts {
    history: &[("2.8.0", "Tells a missing key (-2) from one without a deadline")],
    tips: &["nondeterministic_output"],
    ..DEADLINE
};

pub(super) const TTL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ttl",
        since: "1.0.0",
        summary: "Tells in how many seconds a key expires",
        ..REMAINING
    },
    handler: ttl,
};

fn ttl(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args[1], out, |at_ms, now_ms| nearest_second((at_ms - now_ms).max(0)))
}

pub(super) const PTTL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pttl",
        since: "2.6.0",
        summary: "Tells in how many milliseconds a key expires",
        ..REMAINING
    },
    handler: pttl,
};

fn pttl(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args[1], out, |at_ms, now_ms| (at_ms - now_ms).max(0))
}

pub(super) const EXPIRETIME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "expiretime",
        since: "7.0.0",
        summary: "Tells the Unix time in seconds at which a key expires",
        ..DEADLINE
    },
    handler: expiretime,
};

fn expiretime(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args[1], out, |at_ms, _| nearest_second(at_ms))
}

pub(super) const PEXPIRETIME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "pexpiretime",
        since: "7.0.0",
        summary: "Tells the Unix time in milliseconds at which a key expires",
        ..DEADLINE
    },
    handler: pexpiretime,
};

fn pexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args[1], out, |at_ms, _| at_ms)
}

/// Answers what `show` makes of the deadline of `key` and the present, both in milliseconds.
fn tell(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    out: &mut dyn Reply,
    show: impl FnOnce(i64, i64) -> i64,
) -> CommandResult {
    let now = ctx.now;
    out.integer(match ctx.keyspace(key).examine(key) {
        None => NO_KEY,
        Some(entry) => entry.expiry().map_or(NO_DEADLINE, |at| show(at.0, now.0)),
    });
    Ok(())
}

fn nearest_second(ms: i64) -> i64 {
    ms / 1000 + i64::from(ms % 1000 >= 500)
}
