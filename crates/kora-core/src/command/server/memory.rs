//! MEMORY: what a key occupies.

use super::FAMILY;
use crate::command::help::write_help;
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;

pub(super) const MEMORY: CommandSpec = CommandSpec {
    facts: Facts {
        name: "memory",
        arity: -2,
        since: "4.0.0",
        summary: "Container of commands that measure memory",
        complexity: "Depends on the subcommand",
        ..FAMILY
    },
    handler: memory,
};

/// Only reached where nobody looked the subcommand up.
fn memory(_: &mut Ctx<'_>, args: &[&[u8]], _: &mut dyn Reply) -> CommandResult {
    let subcommand = crate::text::of(args[1]).into_owned();
    Err(CommandError::UnknownSubcommand(subcommand, "MEMORY".to_owned()))
}

pub(super) const MEMORY_HELP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "memory|help",
        arity: 2,
        flags: Flags::LOADING.with(Flags::STALE),
        since: "4.0.0",
        summary: "Explains the subcommands",
        ..FAMILY
    },
    handler: memory_help,
};

fn memory_help(_: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    write_help(
        out,
        args,
        &[
            "DOCTOR",
            "    Return memory problems reports.",
            "MALLOC-STATS",
            "    Return internal statistics report from the memory allocator.",
            "PURGE",
            "    Attempt to purge dirty pages for reclamation by the allocator.",
            "STATS",
            "    Return information about the memory usage of the server.",
            "USAGE <key> [SAMPLES <count>]",
            "    Return memory in bytes used by <key> and its value. Nested values are",
            "    sampled up to <count> times (default: 5, 0 means sample all).",
        ],
    );
    Ok(())
}

pub(super) const MEMORY_USAGE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "memory|usage",
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::one(KeyFlags::RO, 2)],
        since: "4.0.0",
        summary: "Tells how many bytes a key and its value occupy",
        complexity: "O(1), for a list or stream O(B) with B blocks of elements, with very little for each",
        args: &[Arg::key("key"), Arg::integer("count").token("SAMPLES").optional()],
        ..FAMILY
    },
    handler: memory_usage,
};

fn memory_usage(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    check_samples(&args[3..])?;
    match ctx.keyspace(args[2]).peek(args[2]) {
        Some(entry) => out.integer(i64::try_from(entry.memory_bytes()).expect("memory is below 2^63 bytes")),
        None => out.null(),
    }
    Ok(())
}

fn check_samples(mut options: &[&[u8]]) -> CommandResult {
    while let [option, rest @ ..] = options {
        let [count, rest @ ..] = rest else { return Err(CommandError::Syntax) };
        if !option.eq_ignore_ascii_case(b"SAMPLES") {
            return Err(CommandError::Syntax);
        }
        if parse_i64(count).ok_or(CommandError::NotInteger)? < 0 {
            return Err(CommandError::Syntax);
        }
        options = rest;
    }
    Ok(())
}
