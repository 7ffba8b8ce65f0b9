//! SSCAN: the members of a set, some at a time.

use super::{FAMILY, READS_KEY};
use crate::command::scan_options::{SCAN_ARGS, ScanOptions, write_scan};
use crate::command::spec::{CommandSpec, Facts, Flags};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;

pub(super) const SSCAN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.8.0",
        summary: "Gives the members of a set, some at a time",
        complexity: "O(1) per call with a constant count, O(N) for all N members",
        args: SCAN_ARGS,
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: sscan,
};

fn sscan(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let cursor = ScanOptions::parse_cursor(args[2])?;
    let mut keyspace = ctx.keyspace(key);
    let mut found = Texts::default();
    let mut next = 0;
    if let Some(set) = keyspace.read_set(key)? {
        let options = ScanOptions::parse(&args[3..])?;
        next = set.scan(cursor, options.count, |member| {
            if options.takes(member) {
                found.push(member);
            }
        });
    }
    write_scan(next, &found, out);
    Ok(())
}
