//! Commands that change elements where they are: LSET, LINSERT, LREM and LTRIM.

use std::ops::ControlFlow;

use super::read::parse_bounded;
use super::{FAMILY, count, position, span};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::list::{End, ListRef, Side};

/// A key from which elements are removed.
const DELETES_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.delete(), 1)];

pub(super) const LSET: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lset",
        arity: 4,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.update(), 1)],
        since: "1.0.0",
        summary: "Puts another element at an index of a list",
        complexity: "O(log(N)) for a list of N elements",
        args: &[Arg::key("key"), Arg::integer("index"), Arg::string("element")],
        ..FAMILY
    },
    handler: lset,
};

/// Redis cuts the index to 32 bits, so that 4294967296 sets the first element; here it is out of range.
fn lset(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, text) = (args[1], args[3]);
    let mut keyspace = ctx.keyspace(key);
    let mut list = keyspace.write_list(key)?.ok_or(CommandError::NoSuchKey)?;
    // As in Redis, of the index the low 32 bits count.
    let index = parse_i64(args[2]).ok_or(CommandError::NotInteger)? << 32 >> 32;
    list.grow(text.len(), 1);
    let at = position(index, list.len()).ok_or(CommandError::text("ERR index out of range"))?;
    list.set(at, text);
    drop(list);
    keyspace.changed(EventClass::LIST, "lset", key);
    out.ok();
    Ok(())
}

pub(super) const LINSERT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "linsert",
        arity: 5,
        flags: Flags::WRITE.with(Flags::DENYOOM),
        keys: &[KeySpec::one(KeyFlags::RW.insert(), 1)],
        since: "2.2.0",
        summary: "Puts an element before or after another one of a list",
        complexity: "O(N) for N elements looked at before the other one is found",
        args: &[
            Arg::key("key"),
            Arg::one_of("where", &[Arg::word("before", "BEFORE"), Arg::word("after", "AFTER")]),
            Arg::string("pivot"),
            Arg::string("element"),
        ],
        ..FAMILY
    },
    handler: linsert,
};

fn linsert(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, side, pivot, text) = (args[1], args[2], args[3], args[4]);
    let side = if side.eq_ignore_ascii_case(b"BEFORE") {
        Side::Before
    } else if side.eq_ignore_ascii_case(b"AFTER") {
        Side::After
    } else {
        return Err(CommandError::Syntax);
    };
    let mut keyspace = ctx.keyspace(key);
    let Some(mut list) = keyspace.write_list(key)? else {
        out.integer(0);
        return Ok(());
    };
    list.grow(text.len(), 1);
    let Some(at) = first_match(list.view(), pivot) else {
        out.integer(-1);
        return Ok(());
    };
    list.insert(at, side, text);
    let len = list.len();
    drop(list);
    keyspace.changed(EventClass::LIST, "linsert", key);
    out.integer(count(len));
    Ok(())
}

fn first_match(list: ListRef<'_>, text: &[u8]) -> Option<usize> {
    let mut found = None;
    // Breaking off is no news here: what was found is in the option.
    let _ = list.search(text, End::Front, usize::MAX, |at| {
        found = Some(at);
        ControlFlow::Break(())
    });
    found
}

pub(super) const LREM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lrem",
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETES_KEY,
        since: "1.0.0",
        summary: "Removes elements that are equal to one from a list, which is deleted when it is empty",
        complexity: "O(N+M) for a list of N elements from which M are removed",
        args: &[Arg::key("key"), Arg::integer("count"), Arg::string("element")],
        ..FAMILY
    },
    handler: lrem,
};

/// A count above zero counts from the left, one below from the right, and zero means all.
fn lrem(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let wanted = parse_bounded(args[2])?;
    let from = if wanted < 0 { End::Back } else { End::Front };
    let most = match usize::try_from(wanted.unsigned_abs()) {
        Ok(0) | Err(_) => usize::MAX,
        Ok(most) => most,
    };
    let mut keyspace = ctx.keyspace(key);
    let Some(mut list) = keyspace.write_list(key)? else {
        out.integer(0);
        return Ok(());
    };
    let removed = list.remove_equal(args[3], from, most);
    let is_empty = list.is_empty();
    drop(list);
    if removed > 0 {
        keyspace.changed(EventClass::LIST, "lrem", key);
        keyspace.journal().changed(removed as u64 - 1);
    }
    if is_empty {
        keyspace.delete_emptied(key);
    }
    out.integer(count(removed));
    Ok(())
}

pub(super) const LTRIM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "ltrim",
        arity: 4,
        flags: Flags::WRITE,
        keys: DELETES_KEY,
        since: "1.0.0",
        summary: "Removes all but a part of a list, which is deleted when that part is empty",
        complexity: "O(log(N)+M) for a list of N elements from which M are removed",
        args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
        ..FAMILY
    },
    handler: ltrim,
};

fn ltrim(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let (key, db) = (args[1], ctx.db);
    let start = parse_i64(args[2]).ok_or(CommandError::NotInteger)?;
    let stop = parse_i64(args[3]).ok_or(CommandError::NotInteger)?;
    let mut keyspace = ctx.keyspace(key);
    let Some(mut list) = keyspace.write_list(key)? else {
        out.ok();
        return Ok(());
    };
    let len = list.len();
    let kept = span(start, stop, len);
    let removed = len - kept.len();
    // A list of which nothing stays is deleted as a whole, in slices if it is long.
    if !kept.is_empty() {
        list.keep(kept);
    }
    drop(list);
    // That nothing was to be removed is an event all the same, of which those hear who watch, and no change.
    keyspace.journal().changed(removed as u64);
    keyspace.touched(key);
    keyspace.journal().event(EventClass::LIST, "ltrim", db, key);
    if removed == len {
        keyspace.delete_emptied(key);
    }
    out.ok();
    Ok(())
}
