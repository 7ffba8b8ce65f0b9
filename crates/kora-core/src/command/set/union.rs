//! SUNION and SUNIONSTORE.

use super::algebra::{REPLIES, STORES, limits, look_up, store};
use super::with_set;
use crate::command::spec::{CommandSpec, Facts};
use crate::context::Ctx;
use crate::entry::Encoding;
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::types::set::{self, SetValue};

const COMPLEXITY: &str = "O(N) for N members in all sets together";

pub(super) const SUNION: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sunion",
        summary: "Gives the members that at least one of several sets has",
        complexity: COMPLEXITY,
        ..REPLIES
    },
    handler: sunion,
};

fn sunion(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let value = union(ctx, args[1], &args[1..], Encoding::HashTable)?;
    let members = value.view();
    out.set(members.len());
    members.for_each(|member| member.reply(out));
    Ok(())
}

pub(super) const SUNIONSTORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "sunionstore",
        summary: "Stores the members that at least one of several sets has",
        complexity: COMPLEXITY,
        ..STORES
    },
    handler: sunionstore,
};

fn sunionstore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let target = args[1];
    let value = union(ctx, target, &args[2..], Encoding::IntSet)?;
    store(ctx, target, value, "sunionstore", out)
}

/// The union, in a set that grows from `encoding` by the rules at `target`.
fn union(ctx: &mut Ctx<'_>, target: &[u8], keys: &[&[u8]], encoding: Encoding) -> CommandResult<SetValue> {
    let sources = look_up(ctx, keys)?;
    let limits = limits(ctx, target);
    let mut value = SetValue::empty(encoding, &limits);
    for source in sources.iter().flatten() {
        with_set(ctx, source.key, |set| {
            set.for_each(|member| {
                member.with(|text| set::add(&mut value, text, &limits));
            });
        });
    }
    Ok(value)
}
