//! List commands that wait for an element: BLPOP, BRPOP, BLMPOP, BLMOVE and BRPOPLPUSH.
//!
//! Each does what its sister that never waits does, and if there is nothing to do it with, asks to wait. When its key is
//! ready it runs again from the start. Effects are those of the sisters.

use super::transfer::transfer;
use super::{ENDS, FAMILY, parse_end};
use crate::command::options::timeout_seconds;
use crate::command::pop::{
    BLOCKING_MULTI_POP_KEYS, POP_KEYS, TIMEOUT, TIMEOUT_HISTORY, multi_pop_or_wait, pop_or_wait, wait,
};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::list::End;

pub(super) const BLPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "blpop",
        arity: -3,
        flags: Flags::WRITE.with(Flags::BLOCKING),
        keys: POP_KEYS,
        since: "2.0.0",
        summary: "Takes an element off the left end of the first of several lists that exists, or waits for one",
        complexity: "O(N) for N keys",
        args: &[Arg::key("key").multiple(), TIMEOUT],
        history: TIMEOUT_HISTORY,
        ..FAMILY
    },
    handler: blpop,
};

fn blpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_or_wait(ctx, args, End::Front, out)
}

pub(super) const BRPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "brpop",
        summary: "Takes an element off the right end of the first of several lists that exists, or waits for one",
        ..BLPOP.facts
    },
    handler: brpop,
};

fn brpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_or_wait(ctx, args, End::Back, out)
}

pub(super) const BLMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "blmpop",
        arity: -5,
        flags: Flags::WRITE.with(Flags::BLOCKING).with(Flags::MOVABLEKEYS),
        keys: BLOCKING_MULTI_POP_KEYS,
        since: "7.0.0",
        summary: "Takes elements off an end of the first of several lists that exists, or waits for one",
        complexity: "O(N+M) for N keys and M elements returned",
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

pub(super) const BLMOVE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "blmove",
        arity: 6,
        flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::BLOCKING),
        keys: super::transfer::MOVES,
        since: "6.2.0",
        summary: "Takes an element off an end of a list, or waits for one, and adds it at an end of another",
        args: &[
            Arg::key("source"),
            Arg::key("destination").spec(1),
            Arg::one_of("wherefrom", ENDS),
            Arg::one_of("whereto", ENDS),
            TIMEOUT,
        ],
        ..FAMILY
    },
    handler: blmove,
};

fn blmove(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let ends = (parse_end(args[3])?, parse_end(args[4])?);
    transfer_or_wait(ctx, (args[1], args[2]), ends, args[5], out)
}

pub(super) const BRPOPLPUSH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "brpoplpush",
        arity: 4,
        since: "2.2.0",
        summary: "Takes the last element off a list, or waits for one, and adds it at the left end of another",
        args: &[Arg::key("source"), Arg::key("destination").spec(1), TIMEOUT],
        deprecated: Some(("6.2.0", "`BLMOVE` with the `RIGHT` and `LEFT` arguments")),
        history: TIMEOUT_HISTORY,
        ..BLMOVE.facts
    },
    handler: brpoplpush,
};

fn brpoplpush(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    transfer_or_wait(ctx, (args[1], args[2]), (End::Back, End::Front), args[3], out)
}

fn transfer_or_wait(
    ctx: &mut Ctx<'_>,
    (source, destination): (&[u8], &[u8]),
    (from, to): (End, End),
    timeout: &[u8],
    out: &mut dyn Reply,
) -> CommandResult {
    let until = timeout_seconds(timeout, ctx.now)?;
    if transfer(ctx, source, destination, (from, to), out)? {
        let word = |end| match end {
            End::Front => &b"LEFT"[..],
            End::Back => b"RIGHT",
        };
        ctx.journal.effect(ctx.db, &[b"LMOVE", source, destination, word(from), word(to)]);
    } else if !wait(ctx, Kind::List, &[source], until) {
        out.null();
    }
    Ok(())
}
