//! Commands that add elements at an end: LPUSH, RPUSH, LPUSHX and RPUSHX.

use super::{FAMILY, count, push_event};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::list::End;

const PUSH: Facts = Facts {
    arity: -3,
    flags: Flags::WRITE.with(Flags::DENYOOM).with(Flags::FAST),
    keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
    since: "1.0.0",
    complexity: "O(N) for N elements added",
    args: &[Arg::key("key"), Arg::string("element").multiple()],
    history: &[("2.4.0", "Takes more than one element")],
    ..FAMILY
};

const PUSH_IF_THERE: Facts =
    Facts { since: "2.2.0", history: &[("4.0.0", "Takes more than one element")], ..PUSH };

pub(super) const LPUSH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lpush",
        summary: "Adds elements at the left end of a list, which is created if it does not exist",
        ..PUSH
    },
    handler: lpush,
};

fn lpush(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    push_or_create(ctx, args, End::Front, out)
}

pub(super) const RPUSH: CommandSpec = CommandSpec {
    facts: Facts {
        name: "rpush",
        summary: "Adds elements at the right end of a list, which is created if it does not exist",
        ..PUSH
    },
    handler: rpush,
};

fn rpush(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    push_or_create(ctx, args, End::Back, out)
}

pub(super) const LPUSHX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lpushx",
        summary: "Adds elements at the left end of a list if it exists",
        ..PUSH_IF_THERE
    },
    handler: lpushx,
};

fn lpushx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    push_if_there(ctx, args, End::Front, out)
}

pub(super) const RPUSHX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "rpushx",
        summary: "Adds elements at the right end of a list if it exists",
        ..PUSH_IF_THERE
    },
    handler: rpushx,
};

fn rpushx(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    push_if_there(ctx, args, End::Back, out)
}

#[inline]
fn push_or_create(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, out: &mut dyn Reply) -> CommandResult {
    let (key, texts) = (args[1], &args[2..]);
    let mut keyspace = ctx.keyspace(key);
    let len = match push(&mut keyspace, key, end, texts)? {
        Some(len) => len,
        None => {
            keyspace.add_list(key, end, texts);
            report(&mut keyspace, key, end, texts.len());
            texts.len()
        }
    };
    out.integer(count(len));
    Ok(())
}

fn push_if_there(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let len = push(&mut ctx.keyspace(key), key, end, &args[2..])?;
    out.integer(len.map_or(0, count));
    Ok(())
}

/// Adds `texts` to the list at `key`, if there is one, and returns its new length.
#[inline]
fn push(keyspace: &mut Keyspace<'_>, key: &[u8], end: End, texts: &[&[u8]]) -> CommandResult<Option<usize>> {
    let Some(mut list) = keyspace.write_list(key)? else { return Ok(None) };
    list.push(end, texts);
    let len = list.len();
    drop(list);
    report(keyspace, key, end, texts.len());
    Ok(Some(len))
}

fn report(keyspace: &mut Keyspace<'_>, key: &[u8], end: End, added: usize) {
    keyspace.changed(EventClass::LIST, push_event(end), key);
    keyspace.journal().changed(added as u64 - 1);
}
