//! Commands that remove members: ZREM and ZREMRANGEBYRANK, -SCORE and -LEX.

use super::range::{By, rank_range};
use super::{FAMILY, KEY_AND_LEX, KEY_AND_MEMBERS, KEY_AND_SCORES, changed, count, write};
use crate::command::spec::{Arg, CommandSpec, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::CommandResult;
use crate::reply::Reply;

/// One key that loses members.
const DELETES_FROM_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RW.delete(), 1)];

pub(super) const ZREM: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zrem",
        parts: Some((2, 1)),
        arity: -3,
        flags: Flags::WRITE.with(Flags::FAST),
        keys: DELETES_FROM_KEY,
        since: "1.2.0",
        summary: "Removes members from a sorted set; with the last one the key goes too",
        complexity: "O(M*log(N)) for M members, with N in the set",
        args: KEY_AND_MEMBERS,
        history: &[("2.4.0", "Several members at once")],
        ..FAMILY
    },
    handler: zrem,
};

fn zrem(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let key = args[1];
    let mut keyspace = ctx.keyspace(key);
    let (mut removed, mut is_emptied) = (0, false);
    if let Some(mut set) = write(&mut keyspace, key)? {
        for member in &args[2..] {
            removed += usize::from(set.remove(member).is_some());
            if set.len() == 0 {
                is_emptied = true;
                break;
            }
        }
    }
    if removed > 0 {
        changed(&mut keyspace, removed, "zrem", key);
    }
    if is_emptied {
        keyspace.delete_emptied(key);
    }
    out.integer(count(removed));
    Ok(())
}

/// What the three commands that remove a range have in common.
const REMOVE_RANGE: Facts = Facts {
    arity: 4,
    flags: Flags::WRITE,
    keys: DELETES_FROM_KEY,
    complexity: "O(log(N)+M*log(N)) for M members removed of N",
    ..FAMILY
};

pub(super) const ZREMRANGEBYRANK: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zremrangebyrank",
        since: "2.0.0",
        summary: "Removes the members of a sorted set between two ranks",
        args: &[Arg::key("key"), Arg::integer("start"), Arg::integer("stop")],
        ..REMOVE_RANGE
    },
    handler: zremrangebyrank,
};

fn zremrangebyrank(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    remove_range(ctx, args, By::Rank, "zremrangebyrank", out)
}

pub(super) const ZREMRANGEBYSCORE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zremrangebyscore",
        since: "1.2.0",
        summary: "Removes the members of a sorted set between two scores",
        args: KEY_AND_SCORES,
        ..REMOVE_RANGE
    },
    handler: zremrangebyscore,
};

fn zremrangebyscore(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    remove_range(ctx, args, By::Score, "zremrangebyscore", out)
}

pub(super) const ZREMRANGEBYLEX: CommandSpec = CommandSpec {
    facts: Facts {
        name: "zremrangebylex",
        since: "2.8.9",
        summary: "Removes the members between two others from a sorted set of one score",
        args: KEY_AND_LEX,
        ..REMOVE_RANGE
    },
    handler: zremrangebylex,
};

fn zremrangebylex(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    remove_range(ctx, args, By::Lex, "zremrangebylex", out)
}

fn remove_range(
    ctx: &mut Ctx<'_>,
    args: &[&[u8]],
    by: By,
    event: &'static str,
    out: &mut dyn Reply,
) -> CommandResult {
    let key = args[1];
    let range = by.parse(args[2], args[3])?;
    let mut keyspace = ctx.keyspace(key);
    let (mut removed, mut is_emptied) = (0, false);
    if let Some(mut set) = write(&mut keyspace, key)? {
        let ranks = rank_range(set.as_ref(), &range, false);
        removed = ranks.len();
        is_emptied = removed == set.len();
        // What is removed as a whole is freed with its key, away from here if it is large.
        if !is_emptied && removed > 0 {
            set.remove_ranks(ranks);
        }
    }
    if removed > 0 {
        changed(&mut keyspace, removed, event, key);
    }
    if is_emptied {
        keyspace.delete_emptied(key);
    }
    out.integer(count(removed));
    Ok(())
}
