//! Sorted set commands that wait for a member: BZPOPMIN, BZPOPMAX and BZMPOP.
//!
//! Each does what its sister that never waits does, and if there is nothing to do it with, asks to wait. When a key is ready
//! it runs again from the start. Effects are those of the sisters.

use super::FAMILY;
use super::pop::{ENDS, End};
use crate::command::pop::{
    BLOCKING_MULTI_POP_KEYS, POP_KEYS, TIMEOUT, TIMEOUT_HISTORY, multi_pop_or_wait, pop_or_wait,
};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;

pub(super) const BZPOPMIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bzpopmin",
        arity: -3,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::FAST),
        keys: POP_KEYS,
        since: "5.0.0",
        summary: "Takes the member with the lowest score out of the first sorted set that exists, or waits for one",
        complexity: "O(log(N)) for N members",
        args: &[Arg::key("key").multiple(), TIMEOUT],
        history: TIMEOUT_HISTORY,
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

pub(super) const BZMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "bzmpop",
        arity: -5,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS),
        keys: BLOCKING_MULTI_POP_KEYS,
        since: "7.0.0",
        summary: "Takes members off an end of the first sorted set that exists, or waits for one",
        complexity: "O(K)+O(M*log(N)) for K keys and M members taken of N",
        args: &[
            TIMEOUT,
            Arg::integer("numkeys"),
            Arg::key("key").multiple(),
            Arg::one_of("where", ENDS),
            Arg::integer("count").token("COUNT").optional(),
        ],
        ..FAMILY
    },
    handler: multi_pop_or_wait::<End>,
};
