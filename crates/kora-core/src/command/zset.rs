//! The sorted set commands, one file per idea. This one holds their table and what the files share.

mod add;
mod algebra;
mod blocking;
pub(crate) mod pop;
mod random;
mod range;
mod remove;
mod scan;
mod score;
mod store;

use crate::command::spec::{Arg, Categories, CommandSpec, Facts, Group, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::error::{CommandError, CommandResult};
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::store::Keyspace;
use crate::types::zset::{Policy, ZSetMut, ZSetRef};

/// The family's commands.
pub const COMMANDS: &[CommandSpec] = &[
    blocking::BZMPOP,
    blocking::BZPOPMAX,
    blocking::BZPOPMIN,
    add::ZADD,
    score::ZCARD,
    score::ZCOUNT,
    algebra::ZDIFF,
    algebra::ZDIFFSTORE,
    add::ZINCRBY,
    algebra::ZINTER,
    algebra::ZINTERCARD,
    algebra::ZINTERSTORE,
    score::ZLEXCOUNT,
    pop::ZMPOP,
    score::ZMSCORE,
    pop::ZPOPMAX,
    pop::ZPOPMIN,
    random::ZRANDMEMBER,
    range::ZRANGE,
    range::ZRANGEBYLEX,
    range::ZRANGEBYSCORE,
    range::ZRANGESTORE,
    score::ZRANK,
    remove::ZREM,
    remove::ZREMRANGEBYLEX,
    remove::ZREMRANGEBYRANK,
    remove::ZREMRANGEBYSCORE,
    range::ZREVRANGE,
    range::ZREVRANGEBYLEX,
    range::ZREVRANGEBYSCORE,
    score::ZREVRANK,
    scan::ZSCAN,
    score::ZSCORE,
    algebra::ZUNION,
    algebra::ZUNIONSTORE,
];

pub(super) use add::zadd;
pub(super) use store::store_result;

/// What all sorted set commands have in common.
const FAMILY: Facts = Facts {
    categories: Categories::SORTEDSET,
    group: Group::SortedSet,
    complexity: "O(log(N))",
    ..Facts::NONE
};

/// One key whose members are returned.
const READS_KEY: &[KeySpec] = &[KeySpec::one(KeyFlags::RO.access(), 1)];

/// A key and members.
const KEY_AND_MEMBERS: &[Arg] = &[Arg::key("key"), Arg::string("member").multiple()];

/// A key and the ends of a range of scores.
const KEY_AND_SCORES: &[Arg] = &[Arg::key("key"), Arg::double("min"), Arg::double("max")];

/// A key and the ends of a range of members.
const KEY_AND_LEX: &[Arg] = &[Arg::key("key"), Arg::string("min"), Arg::string("max")];

/// An end of a range of scores that is no number.
pub(super) const NOT_SCORES: CommandError = CommandError::text("ERR min or max is not a float");
/// An end of a range of members that is not marked as one.
const NOT_LEX: CommandError = CommandError::text("ERR min or max not valid string range item");

/// The sorted set at `key`, for reading.
#[inline]
pub(super) fn read<'k>(keyspace: &'k mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<ZSetRef<'k>>> {
    match keyspace.read(key) {
        None => Ok(None),
        Some(entry) => ZSetRef::of(entry).map(Some).ok_or(CommandError::WrongType),
    }
}

/// The sorted set at `key`, for modification.
#[inline]
fn write<'k>(keyspace: &'k mut Keyspace<'_>, key: &[u8]) -> CommandResult<Option<ZSetMut<'k>>> {
    match keyspace.write(key) {
        None => Ok(None),
        Some(entry) => ZSetMut::of(entry).map(Some).ok_or(CommandError::WrongType),
    }
}

/// How sorted sets at `key` are to be stored.
#[inline]
pub(super) fn policy(ctx: &mut Ctx<'_>, key: &[u8]) -> Policy {
    let seed = ctx.keyspace(key).table_seed();
    Policy::new(ctx.config(), seed)
}

/// Reports that `count` members of the set at `key` changed.
#[inline]
fn changed(keyspace: &mut Keyspace<'_>, count: usize, event: &'static str, key: &[u8]) {
    keyspace.changed(EventClass::ZSET, event, key);
    keyspace.journal().changed(count as u64 - 1);
}

/// A length or rank as a reply's integer.
pub(super) fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}

/// Writes the head of a reply of `len` members, with scores or without: pairs in RESP3, one behind the other in RESP2.
fn write_head(out: &mut dyn Reply, len: usize, with_scores: bool) {
    let is_flat = with_scores && !out.is_resp3();
    out.array(if is_flat { len * 2 } else { len });
}

/// Writes one member of such a reply.
#[inline]
fn write_member(out: &mut dyn Reply, member: &[u8], score: f64, with_scores: bool) {
    if !with_scores {
        return out.bulk(member);
    }
    if out.is_resp3() {
        out.array(2);
    }
    out.bulk(member);
    out.double(score);
}

#[cfg(test)]
mod tests;
