//! LCS: the longest common subsequence of two strings, its length, or where it lies in both.

mod subsequence;

use super::{FAMILY, bytes_of, count, length_of};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use subsequence::{Run, common_length, common_runs};

pub(super) const LCS: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lcs",
        arity: -3,
        flags: Flags::READONLY,
        keys: &[KeySpec::range(KeyFlags::RO.access(), 1, 1, 1)],
        since: "7.0.0",
        summary: "Finds the longest common subsequence of the strings stored at two keys",
        complexity: "O(N*M) for strings of N and M bytes",
        args: &[
            Arg::key("key1"),
            Arg::key("key2"),
            Arg::word("len", "LEN").optional(),
            Arg::word("idx", "IDX").optional(),
            Arg::integer("min-match-len").token("MINMATCHLEN").optional(),
            Arg::word("withmatchlen", "WITHMATCHLEN").optional(),
        ],
        ..FAMILY
    },
    handler: lcs,
};

/// Strings of this length and longer are refused.
const STRING_BYTES_MAX: usize = u32::MAX as usize - 1;

#[derive(Clone, Copy, Debug, Default)]
struct Options {
    wants_length: bool,
    wants_runs: bool,
    with_run_lengths: bool,
    /// Shorter runs are not listed.
    run_length_min: usize,
}

impl Options {
    fn parse(mut args: &[&[u8]]) -> CommandResult<Self> {
        let mut options = Self::default();
        while let [word, rest @ ..] = args {
            let is = |name: &str| word.eq_ignore_ascii_case(name.as_bytes());
            args = rest;
            if is("LEN") {
                options.wants_length = true;
            } else if is("IDX") {
                options.wants_runs = true;
            } else if is("WITHMATCHLEN") {
                options.with_run_lengths = true;
            } else if let ([length, rest @ ..], true) = (rest, is("MINMATCHLEN")) {
                let length = parse_i64(length).ok_or(CommandError::NotInteger)?;
                options.run_length_min = usize::try_from(length).unwrap_or(0);
                args = rest;
            } else {
                return Err(CommandError::Syntax);
            }
        }
        if options.wants_length && options.wants_runs {
            return Err(CommandError::text(
                "ERR If you want both the length and indexes, please just use IDX.",
            ));
        }
        Ok(options)
    }
}

fn lcs(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let lens = [args[1], args[2]].map(|key| string_len(ctx, key));
    let [Some(first_len), Some(second_len)] = lens else {
        return Err(CommandError::text("ERR The specified keys must contain string values"));
    };
    let options = Options::parse(&args[3..])?;
    check_size(first_len, second_len, ctx.config().max_bulk_bytes)?;

    // The keys may live in different stores, of which a context lends one at a time: hence one copy.
    let first = with_string(ctx, args[1], <[u8]>::to_vec);
    with_string(ctx, args[2], |second| {
        if options.wants_length {
            out.integer(count(common_length(&first, second)));
            return;
        }
        let runs = common_runs(&first, second);
        if options.wants_runs {
            write_runs(out, &runs, options);
        } else {
            let text: Vec<&[u8]> = runs.iter().rev().map(|run| &first[run.in_first()]).collect();
            out.bulk(&text.concat());
        }
    });
    Ok(())
}

/// The length of the string at `key`, 0 if there is no such key, `None` if it holds another type.
fn string_len(ctx: &mut Ctx<'_>, key: &[u8]) -> Option<usize> {
    match ctx.keyspace(key).read(key) {
        Some(entry) => entry.string().map(length_of),
        None => Some(0),
    }
}

/// Calls `visit` with the string at `key`, empty if there is none.
fn with_string<T>(ctx: &mut Ctx<'_>, key: &[u8], visit: impl FnOnce(&[u8]) -> T) -> T {
    let mut keyspace = ctx.keyspace(key);
    let mut digits = itoa::Buffer::new();
    let value = keyspace.peek(key).and_then(|entry| entry.string());
    visit(value.map_or(b"", |value| bytes_of(value, &mut digits)))
}

/// Refuses what Redis refuses: it fills a table of four bytes per pair of positions, and that may not be longer than
/// the longest string.
fn check_size(first_len: usize, second_len: usize, bytes_max: u64) -> CommandResult {
    if first_len.max(second_len) >= STRING_BYTES_MAX {
        return Err(CommandError::text("ERR String too long for LCS"));
    }
    let table_bytes = (first_len as u128 + 1) * (second_len as u128 + 1) * 4;
    if table_bytes > u128::from(bytes_max) {
        return Err(CommandError::text(
            "ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len",
        ));
    }
    Ok(())
}

/// Writes the runs, the last one first, and the length of the subsequence.
fn write_runs(out: &mut dyn Reply, runs: &[Run], options: Options) {
    let is_listed = |run: &&Run| run.len >= options.run_length_min;
    out.map(2);
    out.bulk(b"matches");
    out.array(runs.iter().filter(is_listed).count());
    for run in runs.iter().filter(is_listed) {
        out.array(if options.with_run_lengths { 3 } else { 2 });
        for range in [run.in_first(), run.in_second()] {
            out.array(2);
            out.integer(count(range.start));
            out.integer(count(range.end - 1));
        }
        if options.with_run_lengths {
            out.integer(count(run.len));
        }
    }
    out.bulk(b"len");
    out.integer(count(runs.iter().map(|run| run.len).sum()));
}

#[cfg(test)]
mod tests;
