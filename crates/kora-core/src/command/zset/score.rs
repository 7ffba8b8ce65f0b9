//! Commands that tell something about a set or its members without listing it: ZCARD, ZSCORE, ZMSCORE, ZRANK,
//! ZREVRANK, ZCOUNT and ZLEXCOUNT.

use super::range::{By, rank_range};
use super::{FAMILY, KEY_AND_LEX, KEY_AND_MEMBERS, KEY_AND_SCORES, READS_KEY, count, read};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::reply::Reply;

/// What the commands of this file have in common.
const READ: Facts = Facts { flags: Flags::READONLY.with(Flags::FAST), keys: READS_KEY, ..FAMILY };

pub(super) const ZCARD: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zcard",
        arity: 2,
        keys: &[KeySpec::one(KeyFlags::RO, 1)],
        since: "1.2.0",
        summary: "Counts the members of a sorted set",
        complexity: "O(1)",
        args: &[Arg::key("key")],
        ..READ
    },
    handler: zcard,
};

fn zcard(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let len = read(&mut ctx.keyspace(args[1]), args[1])?.map_or(0, |set| set.len());
    out.integer(count(len));
    Ok(())
}

pub(super) const ZSCORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zscore",
        parts: Some((2, usize::MAX)),
        arity: 3,
        since: "1.2.0",
        summary: "Gives the score of a member of a sorted set",
        complexity: "O(1)",
        args: &[Arg::key("key"), Arg::string("member")],
        ..READ
    },
    handler: zscore,
};

fn zscore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let score = read(&mut ctx.keyspace(args[1]), args[1])?.and_then(|set| set.score(args[2]));
    write_score(out, score);
    Ok(())
}

pub(super) const ZMSCORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zmscore",
        parts: Some((2, 1)),
        arity: -3,
        since: "6.2.0",
        summary: "Gives the scores of members of a sorted set",
        complexity: "O(N) for N members asked for",
        args: KEY_AND_MEMBERS,
        ..READ
    },
    handler: zmscore,
};

fn zmscore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let mut keyspace = ctx.keyspace(args[1]);
    let set = read(&mut keyspace, args[1])?;
    let members = &args[2..];
    out.array(members.len());
    for member in members {
        write_score(out, set.and_then(|set| set.score(member)));
    }
    Ok(())
}

fn write_score(out: &mut dyn Reply, score: Option<f64>) {
    match score {
        Some(score) => out.double(score),
        None => out.null(),
    }
}

/// What ZRANK and ZREVRANK have in common.
const RANK: Facts = Facts {
    arity: -3,
    since: "2.0.0",
    args: &[Arg::key("key"), Arg::string("member"), Arg::word("withscore", "WITHSCORE").optional()],
    history: &[("7.2.0", "Option `WITHSCORE`")],
    ..READ
};

pub(super) const ZRANK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrank",
        parts: Some((2, usize::MAX)),
        summary: "Gives the rank of a member of a sorted set, counted from the lowest score",
        ..RANK
    },
    handler: zrank,
};

fn zrank(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    rank(ctx, args, false, out)
}

pub(super) const ZREVRANK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrevrank",
        parts: Some((2, usize::MAX)),
        summary: "Gives the rank of a member of a sorted set, counted from the highest score",
        ..RANK
    },
    handler: zrevrank,
};

fn zrevrank(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    rank(ctx, args, true, out)
}

fn rank(ctx: &mut Ctx<'_>, args: &[&[u8]], is_reverse: bool, out: &mut dyn Reply) -> CommandResult {
    let with_score = match &args[3..] {
        [] => false,
        [word] if word.eq_ignore_ascii_case(b"WITHSCORE") => true,
        [_] => return Err(CommandError::Syntax),
        _ => {
            let name = if is_reverse { "zrevrank" } else { "zrank" };
            return Err(CommandError::Arity(name.into()));
        }
    };
    let mut keyspace = ctx.keyspace(args[1]);
    let found = read(&mut keyspace, args[1])?.and_then(|set| {
        let (rank, score) = set.rank(args[2])?;
        Some((if is_reverse { set.len() - 1 - rank } else { rank }, score))
    });
    match found {
        Some((rank, score)) if with_score => {
            out.array(2);
            out.integer(count(rank));
            out.double(score);
        }
        Some((rank, _)) => out.integer(count(rank)),
        None if with_score => out.null_array(),
        None => out.null(),
    }
    Ok(())
}

/// What ZCOUNT and ZLEXCOUNT have in common.
const COUNT: Facts = Facts { arity: 4, complexity: "O(log(N)) with N members in the set", ..READ };

pub(super) const ZCOUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zcount",
        since: "2.0.0",
        summary: "Counts the members of a sorted set between two scores",
        args: KEY_AND_SCORES,
        ..COUNT
    },
    handler: zcount,
};

fn zcount(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count_range(ctx, args, By::Score, out)
}

pub(super) const ZLEXCOUNT: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zlexcount",
        since: "2.8.9",
        summary: "Counts the members between two others in a sorted set of one score",
        args: KEY_AND_LEX,
        ..COUNT
    },
    handler: zlexcount,
};

fn zlexcount(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    count_range(ctx, args, By::Lex, out)
}

fn count_range(ctx: &mut Ctx<'_>, args: &[&[u8]], by: By, out: &mut dyn Reply) -> CommandResult {
    let range = by.parse(args[2], args[3])?;
    let mut keyspace = ctx.keyspace(args[1]);
    let len = read(&mut keyspace, args[1])?.map_or(0, |set| rank_range(set, &range, false).len());
    out.integer(count(len));
    Ok(())
}
