//! Commands that tell fields' deadlines: HTTL and HPTTL as the time left, HEXPIRETIME and HPEXPIRETIME as a moment.

use super::fields::{FIELDS, Wording, parse_fields};
use super::{FAMILY, READS_KEY};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::hash::Due;

/// Answer for a field that does not exist.
pub(super) const NO_FIELD: i64 = -2;
/// Answer for a field that lives until it is deleted.
pub(super) const NO_DEADLINE: i64 = -1;

/// What the commands of this file have in common.
const DEADLINE: Facts = Facts {
    arity: -5,
    flags: Flags::READONLY.with(Flags::FAST),
    keys: READS_KEY,
    since: "7.4.0",
    complexity: "O(N) with N fields given",
    args: &[Arg::key("key"), FIELDS],
    ..FAMILY
};
/// What those have in common whose answer changes as time passes.
const REMAINING: Facts = Facts { tips: &["nondeterministic_output"], ..DEADLINE };

pub(super) const HTTL: CommandSpec = CommandSpec {
    facts: Facts { name: "httl", summary: "Tells in how many seconds fields of a hash expire", ..REMAINING },
    handler: httl,
};

fn httl(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args, out, |at_ms, now_ms| seconds_up(at_ms - now_ms))
}

pub(super) const HPTTL: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hpttl",
        summary: "Tells in how many milliseconds fields of a hash expire",
        ..REMAINING
    },
    handler: hpttl,
};

fn hpttl(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args, out, |at_ms, now_ms| at_ms - now_ms)
}

pub(super) const HEXPIRETIME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hexpiretime",
        summary: "Tells the Unix time in seconds at which fields of a hash expire",
        ..DEADLINE
    },
    handler: hexpiretime,
};

fn hexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args, out, |at_ms, _| seconds_up(at_ms))
}

pub(super) const HPEXPIRETIME: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hpexpiretime",
        summary: "Tells the Unix time in milliseconds at which fields of a hash expire",
        ..DEADLINE
    },
    handler: hpexpiretime,
};

fn hpexpiretime(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    tell(ctx, args, out, |at_ms, _| at_ms)
}

/// Answers for each field what `show` makes of its deadline and the present, both in milliseconds.
fn tell(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    out: &mut dyn Reply,
    show: impl Fn(i64, i64) -> i64,
) -> CommandResult {
    let (key, now) = (args[1], ctx.now);
    let mut keyspace = ctx.keyspace(key);
    // A refusal of the key's type goes before one of the arguments.
    let hash = keyspace.read_hash(key, Due::Nothing)?;
    let fields = parse_fields(args, 2, Wording::Positive)?;
    out.array(fields.len());
    for field in fields {
        out.integer(match hash.and_then(|hash| hash.get_live(field, now)) {
            None => NO_FIELD,
            Some(field) => field.deadline.map_or(NO_DEADLINE, |at| show(at.0, now.0)),
        });
    }
    Ok(())
}

/// Seconds, a part of one counting as one.
fn seconds_up(ms: i64) -> i64 {
    (ms + 999) / 1000
}
