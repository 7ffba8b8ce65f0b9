//! Commands that take elements off an end: LPOP, RPOP and LMPOP.

use std::ops::Range;

use super::{ENDS, FAMILY, parse_end, pop_event};
use crate::command::multi_pop::MultiPop;
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::types::list::{End, ListRef};

const POP: Facts = Facts {
    arity: -2,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1)],
    since: "1.0.0",
    complexity: "O(N) for N elements returned",
    args: &[Arg::key("key"), Arg::integer("count").since("6.2.0").optional()],
    history: &[("6.2.0", "Takes a count")],
    ..FAMILY
};

pub(super) const LPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lpop",
        summary: "Takes elements off the left end of a list, which is deleted when it is empty",
        ..POP
    },
    handler: lpop,
};

fn lpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_command(ctx, args, End::Front, out)
}

pub(super) const RPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "rpop",
        summary: "Takes elements off the right end of a list, which is deleted when it is empty",
        ..POP
    },
    handler: rpop,
};

fn rpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_command(ctx, args, End::Back, out)
}

fn pop_command(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let count = match args {
        [_, _] => return pop_one(ctx, key, end, out),
        [_, _, count] => parse_i64(count).and_then(|count| usize::try_from(count).ok()),
        _ => return Err(CommandError::Arity(pop_event(end).into())),
    };
    let count = count.ok_or(CommandError::text("ERR value is out of range, must be positive"))?;
    if count > 0 {
        if pop(ctx, key, end, count, |list, range| reply_range(list, range, end, out))?.is_none() {
            out.null_array();
        }
    } else if ctx.keyspace(key).write_list(key)?.is_some() {
        out.array(0);
    } else {
        out.null_array();
    }
    Ok(())
}

fn pop_one(ctx: &mut Ctx<'_>, key: &[u8], end: End, out: &mut dyn Reply) -> CommandResult {
    let popped = pop(ctx, key, end, 1, |list, _| {
        list.end(end).expect("a list is not empty").reply(out);
    })?;
    if popped.is_none() {
        out.null();
    }
    Ok(())
}

/// Takes up to `count` elements, at least one, off an end of the list at `key`, if there is one, and returns how many.
/// Before they go, `show` is lent the list and their positions.
///
/// # Errors
/// `WrongType`.
pub(crate) fn pop(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    end: End,
    count: usize,
    show: impl FnOnce(ListRef<'_>, Range<usize>),
) -> CommandResult<Option<usize>> {
    let mut keyspace = ctx.keyspace(key);
    let Some(mut list) = keyspace.write_list(key)? else { return Ok(None) };
    let len = list.len();
    let count = count.min(len);
    let range = match end {
        End::Front => 0..count,
        End::Back => len - count..len,
    };
    show(list.view(), range.clone());
    // A list of which nothing stays is deleted as a whole, in slices if it is long.
    if count < len {
        list.remove(range);
    }
    drop(list);
    keyspace.changed(EventClass::LIST, pop_event(end), key);
    keyspace.journal().changed(count as u64 - 1);
    if count == len {
        keyspace.delete_emptied(key);
    }
    Ok(Some(count))
}

/// Writes the elements of `range` as an array, beginning with that at `end`.
pub(crate) fn reply_range(list: ListRef<'_>, range: Range<usize>, end: End, out: &mut dyn Reply) {
    out.array(range.len());
    match end {
        End::Front => list.each(range, |element| element.reply(out)),
        End::Back => list.each_back(range, |element| element.reply(out)),
    }
}

pub(super) const LMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lmpop",
        arity: -4,
        flags: Flags::WRITE.with(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            flags: KeyFlags::RW.access().delete(),
            begin: BeginSearch::Index(1),
            find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
            notes: None,
        }],
        since: "7.0.0",
        summary: "Takes elements off an end of the first of several lists that exists",
        complexity: "O(N+M) for N keys and M elements returned",
        args: &[
            Arg::integer("numkeys"),
            Arg::key("key").multiple(),
            Arg::one_of("where", ENDS),
            Arg::integer("count").token("COUNT").optional(),
        ],
        ..FAMILY
    },
    handler: lmpop,
};

fn lmpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let request = MultiPop::parse(&args[1..], parse_end)?;
    if !pop_first(ctx, &request, out)? {
        out.null_array();
    }
    Ok(())
}

/// Pops from the first of the keys that exists, and writes key and elements; `false`, and nothing written, if none does.
/// The effect is a pop from that key.
///
/// # Errors
/// `WrongType`.
pub(crate) fn pop_first(
    ctx: &mut Ctx<'_>,
    request: &MultiPop<'_, '_, End>,
    out: &mut dyn Reply,
) -> CommandResult<bool> {
    let end = request.end;
    for &key in request.keys {
        let popped = pop(ctx, key, end, request.count, |list, range| {
            out.array(2);
            out.bulk(key);
            reply_range(list, range, end, out);
        })?;
        if let Some(popped) = popped {
            record_pop(ctx, key, end, popped);
            return Ok(true);
        }
    }
    Ok(false)
}

/// Records a pop of `count` elements, for commands that may look at several keys or wait.
pub(crate) fn record_pop(ctx: &mut Ctx<'_>, key: &[u8], end: End, count: usize) {
    let command: &[u8] = match end {
        End::Front => b"LPOP",
        End::Back => b"RPOP",
    };
    let mut digits = itoa::Buffer::new();
    ctx.journal.effect(ctx.db, &[command, key, digits.format(count).as_bytes()]);
}
