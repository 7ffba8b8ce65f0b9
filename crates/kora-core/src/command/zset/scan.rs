//! ZSCAN: members with their scores, some at a time.

use kora_format::double::encode_double;

use super::{FAMILY, READS_KEY, read};
use crate::command::scan_options::{SCAN_ARGS, ScanOptions, write_scan};
use crate::command::spec::{CommandSpec, Facts, Flags};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::number::format_17_digits;
use crate::reply::Reply;

pub(super) const ZSCAN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.8.0",
        summary: "Lists the members of a sorted set and their scores, some at a time",
        complexity: "O(1) per call with a constant count, O(N) for all N members",
        args: SCAN_ARGS,
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: zscan,
};

fn zscan(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let cursor = ScanOptions::parse_cursor(args[2])?;
    let mut found = Texts::default();
    let mut keyspace = ctx.keyspace(args[1]);
    let Some(set) = read(&mut keyspace, args[1])? else {
        write_scan(0, &found, out);
        return Ok(());
    };
    let options = ScanOptions::parse(&args[3..])?;
    // Redis writes the scores of its two forms with different functions.
    let is_packed = set.is_packed();
    let next = set.scan(cursor, options.count, |member, score| {
        if options.takes(member) {
            found.push(member);
            if is_packed {
                found.push(&encode_double(score));
            } else {
                found.push(format_17_digits(score).as_bytes());
            }
        }
    });
    write_scan(next, &found, out);
    Ok(())
}
