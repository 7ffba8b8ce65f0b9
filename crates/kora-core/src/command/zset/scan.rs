//! ZSCAN: members with their scores, some at a time.

use super::{FAMILY, READS_KEY, read};
use crate::command::generic::scan::parse_cursor;
use crate::command::spec::{Arg, ArgType, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::glob;
use crate::number::{format_17_digits, format_f64, parse_i64};
use crate::reply::Reply;

/// Members that a step visits unless told otherwise.
const SCAN_COUNT: usize = 10;

pub(super) const ZSCAN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.8.0",
        summary: "Lists the members of a sorted set and their scores, some at a time",
        complexity: "O(1) per call with a constant count, O(N) for all N members",
        args: &[
            Arg::key("key"),
            Arg::integer("cursor"),
            Arg::new("pattern", ArgType::Pattern).token("MATCH").optional(),
            Arg::integer("count").token("COUNT").optional(),
        ],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: zscan,
};

fn zscan(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let cursor = parse_cursor(args[2]).ok_or(CommandError::InvalidCursor)?;
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(set) = read(&mut keyspace, args[1])? else {
        write_reply(out, 0, &[]);
        return Ok(());
    };
    let Options { pattern, count } = Options::parse(&args[3..])?;
    // Redis writes the scores of its two forms with different functions.
    let format = if set.is_packed() { format_f64 } else { format_17_digits };
    let mut found = Vec::new();
    let next = set.scan(cursor, count, |member, score| {
        if pattern.is_none_or(|pattern| glob::matches(pattern, member)) {
            found.push((Box::from(member), format(score)));
        }
    });
    write_reply(out, next, &found);
    Ok(())
}

fn write_reply(out: &mut dyn Reply, cursor: u64, found: &[(Box<[u8]>, String)]) {
    out.array(2);
    out.bulk(itoa::Buffer::new().format(cursor).as_bytes());
    out.array(found.len() * 2);
    for (member, score) in found {
        out.bulk(member);
        out.bulk(score.as_bytes());
    }
}

struct Options<'a> {
    pattern: Option<&'a [u8]>,
    count: usize,
}

impl<'a> Options<'a> {
    fn parse(mut args: &[&'a [u8]]) -> CommandResult<Self> {
        let mut options = Self { pattern: None, count: SCAN_COUNT };
        while let [option, rest @ ..] = args {
            if option.eq_ignore_ascii_case(b"NOVALUES") {
                return Err(CommandError::text("ERR NOVALUES option can only be used in HSCAN"));
            }
            let [value, rest @ ..] = rest else { return Err(CommandError::Syntax) };
            if option.eq_ignore_ascii_case(b"MATCH") {
                // `*` alone is no pattern.
                options.pattern = Some(*value).filter(|pattern| *pattern != b"*");
            } else if option.eq_ignore_ascii_case(b"COUNT") {
                let count = parse_i64(value).ok_or(CommandError::NotInteger)?;
                let count = usize::try_from(count).ok().filter(|count| *count > 0);
                options.count = count.ok_or(CommandError::Syntax)?;
            } else {
                return Err(CommandError::Syntax);
            }
            args = rest;
        }
        Ok(options)
    }
}
