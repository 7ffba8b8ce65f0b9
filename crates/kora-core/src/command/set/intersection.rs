//! SINTER, SINTERSTORE and SINTERCARD.
//!
//! The smallest set is read some members at a time, and those that another set lacks are dropped, the smaller sets first.
//! So the work is the smallest set's size times the number of sets, and a limit ends it early.

use super::algebra::{REPLIES, STORES, Source, limits, look_up, store};
use super::{FAMILY, count, with_set};
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::entry::Encoding;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::set::{self, SetValue};

const COMPLEXITY: &str = "O(N*M) with N members in the smallest of M sets";
/// Members of the smallest set that are looked for in the others at a time.
const BATCH_LEN: usize = 256;

pub(super) const SINTER: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sinter",
        summary: "Gives the members that all of several sets have",
        complexity: COMPLEXITY,
        ..REPLIES
    },
    handler: sinter,
};

fn sinter(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let sources = look_up_by_size(ctx, &args[1..])?;
    let mut found = Texts::default();
    intersect(ctx, &sources, |batch| {
        batch.iter().for_each(|member| found.push(member));
        true
    });
    found.write_set(out);
    Ok(())
}

pub(super) const SINTERSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sinterstore",
        summary: "Stores the members that all of several sets have",
        complexity: COMPLEXITY,
        ..STORES
    },
    handler: sinterstore,
};

/// The result grows from the smaller of the small forms that suits the smallest set; integers become an intset.
fn sinterstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let target = args[1];
    let sources = look_up_by_size(ctx, &args[2..])?;
    let limits = limits(ctx, target);
    let encoding = match sources.first() {
        Some(Source { encoding: Encoding::IntSet, .. }) | None => Encoding::IntSet,
        Some(_) => Encoding::ListPack,
    };
    let mut value = SetValue::empty(encoding, &limits);
    intersect(ctx, &sources, |batch| {
        batch.iter().for_each(|member| {
            set::add(&mut value, member, &limits);
        });
        true
    });
    value.settle(&limits);
    store(ctx, target, value, "sinterstore", out)
}

pub(super) const SINTERCARD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sintercard",
        arity: -3,
        flags: Flags::READONLY.with(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            flags: KeyFlags::RO.access(),
            begin: BeginSearch::Index(1),
            find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
            notes: None,
        }],
        since: "7.0.0",
        summary: "Gives the number of members that all of several sets have",
        complexity: COMPLEXITY,
        args: &[
            Arg::integer("numkeys"),
            Arg::key("key").multiple(),
            Arg::integer("limit").token("LIMIT").optional(),
        ],
        ..FAMILY
    },
    handler: sintercard,
};

fn sintercard(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (keys, limit) = parse_keys_and_limit(&args[1..])?;
    let sources = look_up_by_size(ctx, keys)?;
    let mut found = 0;
    intersect(ctx, &sources, |batch| {
        found += batch.len();
        found < limit
    });
    out.integer(count(found.min(limit)));
    Ok(())
}

/// The keys, and how many members are to be counted at most.
fn parse_keys_and_limit<'a, 'b>(args: &'b [&'a [u8]]) -> CommandResult<(&'b [&'a [u8]], usize)> {
    let key_count =
        parse_i64(args[0]).and_then(|number| usize::try_from(number).ok()).filter(|&number| number > 0);
    let key_count = key_count.ok_or(CommandError::text("ERR numkeys should be greater than 0"))?;
    let Some((keys, mut options)) = args[1..].split_at_checked(key_count) else {
        return Err(CommandError::text("ERR Number of keys can't be greater than number of args"));
    };
    let mut limit = 0;
    while let [word, rest @ ..] = options {
        let [number, rest @ ..] = rest else { return Err(CommandError::Syntax) };
        if !word.eq_ignore_ascii_case(b"LIMIT") {
            return Err(CommandError::Syntax);
        }
        limit = parse_i64(number)
            .and_then(|number| usize::try_from(number).ok())
            .ok_or(CommandError::text("ERR LIMIT can't be negative"))?;
        options = rest;
    }
    Ok((keys, if limit == 0 { usize::MAX } else { limit }))
}

/// The sources, the smallest first; none if one of them is not there.
fn look_up_by_size<'a>(ctx: &mut Ctx<'_>, keys: &[&'a [u8]]) -> CommandResult<Vec<Source<'a>>> {
    let mut sources: Vec<Source<'_>> =
        look_up(ctx, keys)?.into_iter().collect::<Option<_>>().unwrap_or_default();
    sources.sort_by_key(|source| source.len);
    Ok(sources)
}

/// Lends the members of all sources to `take`, some at a time, as long as it returns true.
fn intersect(ctx: &mut Ctx<'_>, sources: &[Source<'_>], mut take: impl FnMut(&Texts) -> bool) {
    let Some((smallest, others)) = sources.split_first() else { return };
    let mut batch = Texts::default();
    let mut cursor = 0;
    loop {
        batch.clear();
        with_set(ctx, smallest.key, |set| {
            cursor = set.scan(cursor, BATCH_LEN, |member| batch.push(member));
        });
        for other in others.iter().filter(|other| other.key != smallest.key) {
            if !batch.is_empty() {
                with_set(ctx, other.key, |set| batch.retain(|member| set.contains(member)));
            }
        }
        if !take(&batch) || cursor == 0 {
            return;
        }
    }
}
