//! Commands that take members from an end: ZPOPMIN, ZPOPMAX and ZMPOP.

use super::{FAMILY, changed, delete_emptied, write};
use crate::command::multi_pop::MultiPop;
use crate::command::spec::{Arg, BeginSearch, CommandSpec, Facts, FindKeys, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::db::DbIndex;
use crate::error::{CommandError, CommandResult};
use crate::number::parse_i64;
use crate::reply::Reply;
use crate::store::Keyspace;

/// An end of a sorted set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// The lowest score.
    Min,
    /// The highest score.
    Max,
}

impl End {
    /// Reads `MIN` or `MAX`.
    ///
    /// # Errors
    /// `Syntax` if it is neither.
    pub(crate) fn parse(word: &[u8]) -> CommandResult<Self> {
        if word.eq_ignore_ascii_case(b"MIN") {
            Ok(Self::Min)
        } else if word.eq_ignore_ascii_case(b"MAX") {
            Ok(Self::Max)
        } else {
            Err(CommandError::Syntax)
        }
    }

    /// The command that takes members from this end.
    fn command(self) -> &'static [u8] {
        match self {
            Self::Min => b"ZPOPMIN",
            Self::Max => b"ZPOPMAX",
        }
    }

    /// The event of members taken from this end.
    fn event(self) -> &'static str {
        match self {
            Self::Min => "zpopmin",
            Self::Max => "zpopmax",
        }
    }
}

/// Members that were taken, with their scores, in the order taken.
pub(crate) type Popped = Vec<(Box<[u8]>, f64)>;

/// Takes up to `count` members from an end of the set at `key` and reports that; `None` if there is no such key.
///
/// # Errors
/// `WrongType`.
pub(crate) fn pop(
    keyspace: &mut Keyspace<'_>,
    db: DbIndex,
    key: &[u8],
    end: End,
    count: usize,
) -> CommandResult<Option<Popped>> {
    let Some(mut set) = write(keyspace, key)? else { return Ok(None) };
    let len = set.len();
    let count = count.min(len);
    let mut popped = Popped::new();
    if count == 0 {
        return Ok(Some(popped));
    }
    let (first, ranks) = match end {
        End::Min => (0, 0..count),
        End::Max => (len - 1, len - count..len),
    };
    set.as_ref().walk(first, count, end == End::Max, |member, score| {
        popped.push((member.into(), score));
        true
    });
    if count < len {
        set.remove_ranks(ranks);
    }
    drop(set);
    changed(keyspace, count, end.event(), key);
    if count == len {
        delete_emptied(keyspace, db, key);
    }
    Ok(Some(popped))
}

/// What ZPOPMIN and ZPOPMAX have in common.
const POP: Facts = Facts {
    arity: -2,
    flags: Flags::WRITE.with(Flags::FAST),
    keys: &[KeySpec::one(KeyFlags::RW.access().delete(), 1)],
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
        [text] => {
            let number = parse_i64(text).and_then(|number| usize::try_from(number).ok());
            Some(number.ok_or(CommandError::text("ERR value is out of range, must be positive"))?)
        }
        _ => return Err(CommandError::Syntax),
    };
    let (key, db) = (args[1], ctx.db);
    let popped = pop(&mut ctx.keyspace(key), db, key, end, wanted.unwrap_or(1))?.unwrap_or_default();
    // Pairs only where a number was asked for, and only in RESP3.
    if wanted.is_some() && out.is_resp3() {
        write_pairs(out, &popped);
    } else {
        out.array(popped.len() * 2);
        for (member, score) in &popped {
            out.bulk(member);
            out.double(*score);
        }
    }
    Ok(())
}

fn write_pairs(out: &mut dyn Reply, popped: &Popped) {
    out.array(popped.len());
    for (member, score) in popped {
        out.array(2);
        out.bulk(member);
        out.double(*score);
    }
}

pub(super) const ZMPOP: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zmpop",
        arity: -4,
        flags: Flags::WRITE.with(Flags::MOVABLEKEYS),
        keys: &[KeySpec {
            flags: KeyFlags::RW.access().delete(),
            begin: BeginSearch::Index(1),
            find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
            notes: None,
        }],
        since: "7.0.0",
        summary: "Takes members with the lowest or highest scores out of the first sorted set that exists",
        complexity: "O(K)+O(M*log(N)) for K keys and M members taken of N",
        args: &[
            Arg::integer("numkeys"),
            Arg::key("key").multiple(),
            Arg::one_of("where", &[Arg::word("min", "MIN"), Arg::word("max", "MAX")]),
            Arg::integer("count").token("COUNT").optional(),
        ],
        ..FAMILY
    },
    handler: zmpop,
};

fn zmpop(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let MultiPop { keys, end, count } = MultiPop::parse(&args[1..], End::parse)?;
    match pop_first(ctx, keys, end, count)? {
        Some((key, popped)) => write_multi_pop(out, key, &popped),
        None => out.null_array(),
    }
    Ok(())
}

/// Takes up to `count` members from the first of the sets that exists.
///
/// # Errors
/// `WrongType` if the first key that exists holds something else.
pub(crate) fn pop_first<'b>(
    ctx: &mut Ctx<'_>,
    keys: &[&'b [u8]],
    end: End,
    count: usize,
) -> CommandResult<Option<(&'b [u8], Popped)>> {
    let db = ctx.db;
    for key in keys {
        let mut keyspace = ctx.keyspace(key);
        if let Some(popped) = pop(&mut keyspace, db, key, end, count)? {
            let mut number = itoa::Buffer::new();
            let args = [end.command(), key, number.format(popped.len()).as_bytes()];
            keyspace.journal().effect(db, &args);
            return Ok(Some((key, popped)));
        }
    }
    Ok(None)
}

/// Writes the reply of ZMPOP and BZMPOP: the key, and pairs of member and score.
pub(crate) fn write_multi_pop(out: &mut dyn Reply, key: &[u8], popped: &Popped) {
    out.array(2);
    out.bulk(key);
    write_pairs(out, popped);
}
