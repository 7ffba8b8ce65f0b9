//! Entries by ID: XRANGE, XREVRANGE and XLEN.

use super::argument::{parse_count, parse_end, parse_start};
use super::{FAMILY, READS_KEY, integer, read_stream, write_first, write_last};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

const COUNT: Arg = Arg::integer("count").token("COUNT").optional();

pub(super) const XRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xrange",
        arity: -4,
        flags: Flags::READONLY,
        keys: READS_KEY,
        summary: "Gives the entries of a stream between two IDs",
        complexity: "O(log(B)+N) for N entries returned from a stream of B blocks",
        args: &[Arg::key("key"), Arg::string("start"), Arg::string("end"), COUNT],
        history: &[("6.2.0", "Ends of the range may be excluded.")],
        ..FAMILY
    },
    handler: xrange,
};

fn xrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    answer_range(ctx, args, (args[2], args[3]), false, out)
}

pub(super) const XREVRANGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xrevrange",
        summary: "Gives the entries of a stream between two IDs, the last first",
        args: &[Arg::key("key"), Arg::string("end"), Arg::string("start"), COUNT],
        ..XRANGE.facts
    },
    handler: xrevrange,
};

fn xrevrange(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    answer_range(ctx, args, (args[3], args[2]), true, out)
}

fn answer_range(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    (start, end): (&[u8], &[u8]),
    is_reverse: bool,
    out: &mut dyn Reply,
) -> CommandResult {
    let range = (parse_start(start)?, parse_end(end)?);
    let mut limit = None;
    let mut options = &args[4..];
    while let [word, rest @ ..] = options {
        let [number, rest @ ..] = rest else { return Err(CommandError::Syntax) };
        if !word.eq_ignore_ascii_case(b"COUNT") {
            return Err(CommandError::Syntax);
        }
        limit = Some(parse_count(number)?);
        options = rest;
    }
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    match (read_stream(&mut keyspace, key)?, limit) {
        (None, _) => out.array(0),
        (Some(_), Some(0)) => out.null_array(),
        (Some(stream), limit) => {
            let write = if is_reverse { write_last } else { write_first };
            write(out, stream.log(), range, limit.unwrap_or(u64::MAX));
        }
    }
    Ok(())
}

pub(super) const XLEN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "xlen",
        arity: 2,
        flags: Flags::READONLY.with(Flags::FAST),
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        summary: "Tells how many entries a stream has",
        args: &[Arg::key("key")],
        ..FAMILY
    },
    handler: xlen,
};

fn xlen(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let length = read_stream(&mut keyspace, key)?.map_or(0, |stream| stream.log().len());
    out.integer(integer(length));
    Ok(())
}
