//! What union, intersection and difference share: their sources, and how a result is stored.
//!
//! The sources may live on several shards, whose keyspaces can't be borrowed together. So an operation first looks
//! each source up once, which counts as its use, and then reads them in turn by [`with_set`](super::with_set).

use smallvec::SmallVec;

use super::count;
use crate::command::spec::{Arg, Facts, Flags, KeyFlags, KeySpec};
use crate::context::Ctx;
use crate::entry::Encoding;
use crate::error::CommandResult;
use crate::journal::EventClass;
use crate::reply::Reply;
use crate::types::set::{SetLimits, SetRef, SetValue};

/// What the commands that reply with a result have in common.
pub(super) const REPLIES: Facts = Facts {
    arity: -2,
    flags: Flags::READONLY,
    keys: &[KeySpec::range(KeyFlags::RO.access(), 1, -1, 1)],
    since: "1.0.0",
    args: &[Arg::key("key").multiple()],
    tips: &["nondeterministic_output_order"],
    ..super::FAMILY
};

/// What the commands that store a result have in common.
pub(super) const STORES: Facts = Facts {
    arity: -3,
    flags: Flags::WRITE.with(Flags::DENYOOM),
    keys: &[KeySpec::one(KeyFlags::OW.update(), 1), KeySpec::range(KeyFlags::RO.access(), 2, -1, 1)],
    since: "1.0.0",
    args: &[Arg::key("destination"), Arg::key("key").spec(1).multiple()],
    ..super::FAMILY
};

/// A source that is there.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    /// Its key.
    pub(super) key: &'a [u8],
    /// Its number of members.
    pub(super) len: usize,
    /// How it is stored.
    pub(super) encoding: Encoding,
}

/// Sources in the order given; `None` where there is no such key.
pub(super) type Sources<'a> = SmallVec<[Option<Source<'a>>; 8]>;

/// Looks all sources up.
///
/// # Errors
/// `WrongType` if one of them is no set.
pub(super) fn look_up<'a>(ctx: &mut Ctx<'_>, keys: &[&'a [u8]]) -> CommandResult<Sources<'a>> {
    let look_up_one = |&key: &&'a [u8]| {
        let mut keyspace = ctx.keyspace(key);
        let set = keyspace.read_set(key)?;
        Ok(set.map(|set: SetRef<'_>| Source { key, len: set.len(), encoding: set.encoding() }))
    };
    keys.iter().map(look_up_one).collect()
}

/// The limits for a result that will be stored at `key`, or for one that is only replied.
pub(super) fn limits(ctx: &mut Ctx<'_>, key: &[u8]) -> SetLimits {
    ctx.keyspace(key).set_limits()
}

/// Makes `value` that of `key`, in the place of what was there, and replies with the number of its members. An empty
/// result deletes the key.
pub(super) fn store(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    value: SetValue,
    event: &'static str,
    out: &mut dyn Reply,
) -> CommandResult {
    let len = value.view().len();
    let mut keyspace = ctx.keyspace(key);
    if len == 0 {
        if keyspace.delete(key) {
            keyspace.changed(EventClass::GENERIC, "del", key);
        }
    } else {
        value.store(&mut keyspace, key);
        keyspace.changed(EventClass::SET, event, key);
    }
    out.integer(count(len));
    Ok(())
}
