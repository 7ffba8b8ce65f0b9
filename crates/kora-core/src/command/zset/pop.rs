//! Commands that take members from an end: ZPOPMIN, ZPOPMAX and ZMPOP.

use super::{FAMILY, changed, write};
use crate::command::pop::{MULTI_POP_KEYS, POP_KEY, PopEnd, PopReply, multi_pop, parse_count};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags};
use crate::context::Ctx;
use crate::entry::Kind;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The lowest score.
    Min,
    /// The highest score.
    Max,
}

impl End {
    /// The event of members taken from this end.
    fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }
}

/// How a reply shows members with their scores.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Layout {
    /// One behind the other.
    Flat,
    /// In pairs.
    Pairs,
}

/// Takes up to `count` members from an end of the set at `key`, if there is one, reports that, and returns how many. Before they go,
/// they are written: `begin` writes what stands before them, given how many elements they are in that layout.
///
/// # Errors
/// `WrongType`.
fn pop(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    (end, count): (End, usize),
    layout: Layout,
    out: &mut dyn Reply,
    begin: impl FnOnce(&mut dyn Reply, usize),
) -> CommandResult<Option<usize>> {
    let mut keyspace = ctx.keyspace(key);
    let Some(mut set) = write(&mut keyspace, key)? else { return Ok(None) };
    let len = set.len();
    let count = count.min(len);
    begin(out, if layout == Layout::Flat { 2 * count } else { count });
    if count == 0 {
        return Ok(Some(0));
    }
    let (first, ranks) = match end {
        End::Min => (0, 0..count),
        End::Max => (len - 1, len - count..len),
    };
    set.as_ref().walk(first, count, end == End::Max, |member, score| {
        if layout == Layout::Pairs {
            out.array(2);
        }
        out.bulk(member);
        out.double(score);
        true
    });
    if count < len {
        set.remove_ranks(ranks);
    }
    drop(set);
    changed(&mut keyspace, count, end.event(), key);
    if count == len {
        keyspace.delete_emptied(key);
    }
    Ok(Some(count))
}

/// What ZPOPMIN and ZPOPMAX have in common.
const POP: Facts = Facts {
    arity: -2,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: POP_KEY,
    since: "5.0.0",
    complexity: "O(M*log(N)) for M members taken of N",
    args: &[Arg::key("key"), Arg::integer("count").optional()],
    ..FAMILY
};

pub(super) const ZPOPMIN: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zpopmin",
        summary: "Takes the members with the lowest scores out of a sorted set",
        ..POP
    },
    handler: zpopmin,
};

fn zpopmin(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_command(ctx, args, End::Min, out)
}

pub(super) const ZPOPMAX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zpopmax",
        summary: "Takes the members with the highest scores out of a sorted set",
        ..POP
    },
    handler: zpopmax,
};

fn zpopmax(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    pop_command(ctx, args, End::Max, out)
}

fn pop_command(ctx: &mut Ctx<'_>, args: &[&[u8]], end: End, out: &mut dyn Reply) -> CommandResult {
    let wanted = match &args[2..] {
        [] => None,
        [text] => Some(parse_count(text)?),
        _ => return Err(CommandError::Syntax),
    };
    // Pairs only where a number was asked for, and only in RESP3.
    let layout = if wanted.is_some() && out.is_resp3() { Layout::Pairs } else { Layout::Flat };
    let popped =
        pop(ctx, args[1], (end, wanted.unwrap_or(1)), layout, out, |out, elements| out.array(elements))?;
    if popped.is_none() {
        out.array(0);
    }
    Ok(())
}

pub(super) const ZMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zmpop",
        arity: -4,
        flags: Flags::WRITE.with(Flags::MOVABLEKEYS),
        keys: MULTI_POP_KEYS,
        since: "7.0.0",
        summary: "Takes members with the lowest or highest scores out of the first sorted set that exists",
        complexity: "O(K)+O(M*log(N)) for K keys and M members taken of N",
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

/// The words for the two ends.
pub(super) const ENDS: &[Arg] = &[Arg::word("min", "MIN"), Arg::word("max", "MAX")];

impl PopEnd for End {
    const KIND: Kind = Kind::SortedSet;

    fn parse(word: &[u8]) -> CommandResult<Self> {
        if word.eq_ignore_ascii_case(b"MIN") {
            Ok(Self::Min)
        } else if word.eq_ignore_ascii_case(b"MAX") {
            Ok(Self::Max)
        } else {
            Err(CommandError::Syntax)
        }
    }

    fn command(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
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
        let begin = |out: &mut dyn Reply, elements: usize| match layout {
            PopReply::Flat => {
                out.array(1 + elements);
                out.bulk(key);
            }
            PopReply::Nested => {
                out.array(2);
                out.bulk(key);
                out.array(elements);
            }
        };
        let inner = if layout == PopReply::Flat { Layout::Flat } else { Layout::Pairs };
        pop(ctx, key, (self, count), inner, out, begin)
    }
}
