//! Commands that take elements off an end: LPOP, RPOP and LMPOP.

use std::ops::Range;

use super::{ENDS, FAMILY, parse_end, pop_event};
use crate::command::pop::{MULTI_POP_KEYS, POP_KEY, PopEnd, PopReply, multi_pop, parse_count};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::{Bulks, Reply};
use crate::types::list::{End, ListRef};

const POP: Facts = Facts {
    arity: -2,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: POP_KEY,
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
        [_, _, count] => parse_count(count)?,
        _ => return Err(CommandError::Arity(pop_event(end).into())),
    };
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
fn pop(
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
pub(super) fn reply_range(list: ListRef<'_>, range: Range<usize>, end: End, out: &mut dyn Reply) {
    out.array(range.len());
    match end {
        End::Front => Bulks::write(out, |bulks| list.each(range, |element| element.add_to(bulks))),
        End::Back => Bulks::write(out, |bulks| list.each_back(range, |element| element.add_to(bulks))),
    }
}

pub(super) const LMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "lmpop",
        arity: -4,
        flags: Flags::WRITE.with(Flags::MOVABLEKEYS),
        keys: MULTI_POP_KEYS,
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
    handler: multi_pop::<End>,
};

impl PopEnd for End {
    const KIND: Kind = Kind::List;

    fn parse(word: &[u8]) -> CommandResult<Self> {
        parse_end(word)
    }

    fn command(self) -> &'static [u8] {
        match self {
            Self::Front => b"LPOP",
            Self::Back => b"RPOP",
        }
    }

    fn pop(
        self,
        ctx: &mut Ctx<'_>,
        key: &[u8],
        count: usize,
        layout: PopReply,
        out: &mut dyn Reply,
    ) -> CommandResult<Option<usize>> {
        pop(ctx, key, self, count, |list, range| {
            out.array(2);
            out.bulk(key);
            match layout {
                PopReply::Flat => list.end(self).expect("a list is not empty").reply(out),
                PopReply::Nested => reply_range(list, range, self, out),
            }
        })
    }
}
