//! HSCAN: the fields of a hash, some at a time.

use super::{FAMILY, READS_KEY};
use crate::command::scan_options::{SCAN_ARGS, ScanOptions, write_scan};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::hash::Due;

pub(super) const HSCAN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "hscan",
        arity: -3,
        flags: Flags::READONLY,
        keys: READS_KEY,
        since: "2.8.0",
        summary: "Gives the fields of a hash with their values, some at a time",
        complexity: "O(1) per call with a constant count, O(N) for all N fields",
        args: &[
            SCAN_ARGS[0],
            SCAN_ARGS[1],
            SCAN_ARGS[2],
            SCAN_ARGS[3],
            Arg::word("novalues", "NOVALUES").optional(),
        ],
        tips: &["nondeterministic_output"],
        ..FAMILY
    },
    handler: hscan,
};

fn hscan(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, now) = (args[1], ctx.now);
    let cursor = ScanOptions::parse_cursor(args[2])?;
    let mut keyspace = ctx.keyspace(key);
    let hash = keyspace.read_hash(key, Due::Nothing)?;
    let Some(hash) = hash else {
        write_scan(0, &Texts::default(), out);
        return Ok(());
    };
    let options = ScanOptions::parse_of_hash(&args[3..])?;
    let mut found = Texts::default();
    let next = hash.scan(cursor, options.count, now, |field| {
        if field.name.with(|name| options.takes(name)) {
            field.name.with(|name| found.push(name));
            if !options.no_values {
                field.value.with(|value| found.push(value));
            }
        }
    });
    write_scan(next, &found, out);
    Ok(())
}
