//! SDIFF and SDIFFSTORE, by whichever of two ways takes less work.
//!
//! Either each member of the first set is looked for in the others, the largest first, until one has it: at most the first
//! set's size times the number of sets. Or a copy of the first set loses the members of each other set: the size of
//! all sets together.

use super::algebra::{REPLIES, STORES, Source, Sources, limits, look_up, store};
use super::with_set;
use crate::command::spec::{CommandSpec, Facts};
use crate::command::texts::Texts;
use crate::context::Ctx;
use crate::entry::Encoding;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::set::{self, SetLimits, SetValue};

const COMPLEXITY: &str = "O(N) for N members in all sets together";
/// Members of the first set that are looked for in the others at a time.
const BATCH_LEN: usize = 256;

pub(super) const SDIFF: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sdiff",
        summary: "Gives the members of a set that none of several others has",
        complexity: COMPLEXITY,
        ..REPLIES
    },
    handler: sdiff,
};

fn sdiff(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let value = difference(ctx, args[1], &args[1..], Encoding::HashTable)?;
    let members = value.view();
    out.set(members.len());
    members.for_each(|member| member.reply(out));
    Ok(())
}

pub(super) const SDIFFSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sdiffstore",
        summary: "Stores the members of a set that none of several others has",
        complexity: COMPLEXITY,
        ..STORES
    },
    handler: sdiffstore,
};

fn sdiffstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let target = args[1];
    let value = difference(ctx, target, &args[2..], Encoding::IntSet)?;
    store(ctx, target, value, "sdiffstore", out)
}

/// The difference, in a set that grows from `encoding` by the rules at `target`.
fn difference(
    ctx: &mut Ctx<'_>,
    target: &[u8],
    keys: &[&[u8]],
    encoding: Encoding,
) -> CommandResult<SetValue> {
    let sources = look_up(ctx, keys)?;
    let limits = limits(ctx, target);
    let mut value = SetValue::empty(encoding, &limits);
    let Some(first) = sources[0] else { return Ok(value) };
    if keys[1..].contains(&first.key) {
        return Ok(value);
    }
    if is_looking_up_cheaper(first, &sources) {
        look_in_others(ctx, first, &sources, &mut value, &limits);
    } else {
        take_others_out(ctx, &sources, &mut value, &limits);
    }
    Ok(value)
}

/// A look-up that finds ends early, and each takes less than building a set: hence the half.
fn is_looking_up_cheaper(first: Source<'_>, sources: &Sources<'_>) -> bool {
    let present = sources.iter().flatten();
    let work = present.clone().count() * first.len / 2;
    work <= present.map(|source| source.len).sum()
}

fn look_in_others(
    ctx: &mut Ctx<'_>,
    first: Source<'_>,
    sources: &Sources<'_>,
    value: &mut SetValue,
    limits: &SetLimits,
) {
    let mut others: Vec<Source<'_>> = sources[1..].iter().copied().flatten().collect();
    others.sort_by_key(|source| std::cmp::Reverse(source.len));
    let mut batch = Texts::default();
    let mut cursor = 0;
    loop {
        batch.clear();
        with_set(ctx, first.key, |set| {
            cursor = set.scan(cursor, BATCH_LEN, |member| batch.push(member));
        });
        for other in &others {
            with_set(ctx, other.key, |set| batch.retain(|member| !set.contains(member)));
        }
        batch.iter().for_each(|member| {
            set::add(value, member, limits);
        });
        if cursor == 0 {
            return;
        }
    }
}

fn take_others_out(ctx: &mut Ctx<'_>, sources: &Sources<'_>, value: &mut SetValue, limits: &SetLimits) {
    for (number, source) in sources.iter().flatten().enumerate() {
        with_set(ctx, source.key, |other| {
            other.for_each(|member| {
                member.with(|text| match number {
                    0 => set::add(value, text, limits),
                    _ => set::remove(value, text),
                });
            });
        });
        if value.view().is_empty() {
            return;
        }
    }
}
