//! Sorted set commands that wait for a member: BZPOPMIN, BZPOPMAX and BZMPOP.
//!
//! Each does what its sister that never waits does, and if there is nothing to do it with, asks to wait. When a key is ready
//! it runs again from the start. Effects are those of the sisters.

use super::FAMILY;
use super::pop::{End, pop_first, write_multi_pop};
use crate::command::multi_pop::MultiPop;
use crate::command::options::timeout_seconds;
use crate::command::spec::{
    Arg, ArgType, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec,
};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::store::waiters::{Topic, Wish};
use crate::time::UnixMs;

const TIMEOUT: Arg = Arg::new("timeout", ArgType::Double);

pub(super) const BZPOPMIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bzpopmin",
        arity: -3,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::FAST),
        keys: &[KeySpec::range(KeyFlags::RW.access().delete(), 1, -2, 1)],
        since: "5.0.0",
        summary: "Takes the member with the lowest score out of the first sorted set that exists, or waits for one",
        complexity: "O(log(N)) for N members",
        args: &[Arg::key("key").multiple(), TIMEOUT],
        history: &[("6.0.0", "`timeout` may be a fraction.")],
        ..FAMILY
    },
    handler: bzpopmin,
};

fn bzpopmin(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_or_wait(ctx, args, End::Min, out)
}

pub(super) const BZPOPMAX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bzpopmax",
        summary: "Takes the member with the highest score out of the first sorted set that exists, or waits for one",
        ..BZPOPMIN.facts
    },
    handler: bzpopmax,
};

fn bzpopmax(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_or_wait(ctx, args, End::Max, out)
}

fn pop_or_wait(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, out: &mut dyn Reply) -> CommandResult {
    let (keys, timeout) = (&args[1..args.len() - 1], args[args.len() - 1]);
    let until = timeout_seconds(timeout, ctx.now)?;
    match pop_first(ctx, keys, end, 1)? {
        Some((key, popped)) => {
            out.array(3);
            out.bulk(key);
            for (member, score) in &popped {
                out.bulk(member);
                out.double(*score);
            }
        }
        None if wait(ctx, keys, until) => {}
        None => out.null_array(),
    }
    Ok(())
}

pub(super) const BZMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bzmpop",
        arity: -5,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            flags: KeyFlags::RW.access().delete(),
            begin: BeginSearch::Index(2),
            find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
            notes: None,
        }],
        since: "7.0.0",
        summary: "Takes members off an end of the first sorted set that exists, or waits for one",
        complexity: "O(K)+O(M*log(N)) for K keys and M members taken of N",
        args: &[
            TIMEOUT,
            Arg::integer("numkeys"),
            Arg::key("key").multiple(),
            Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            Arg::integer("count").token("COUNT").optional(),
        ],
        ..FAMILY
    },
    handler: bzmpop,
};

fn bzmpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let MultiPop { keys, end, count } = MultiPop::parse(&args[2..], End::parse)?;
    let until = timeout_seconds(args[1], ctx.now)?;
    match pop_first(ctx, keys, end, count)? {
        Some((key, popped)) => write_multi_pop(out, key, &popped),
        None if wait(ctx, keys, until) => {}
        None => out.null_array(),
    }
    Ok(())
}

/// Waits for a sorted set at one of `keys`; `false` if the command may not wait.
fn wait(ctx: &mut Ctx<'_>, keys: &[&[u8]], until: Option<UnixMs>) -> bool {
    ctx.block(|| Wish::of(keys, Topic::Elements(Kind::SortedSet), until))
}
