//! Inputs of unions, intersections and differences: sorted sets, and sets, whose members all have the score 1.

use super::number_or_zero;
use crate::context::Ctx;
use crate::entry::Entry;
use crate::error::{CommandError, CommandResult};
use crate::types::set::SetRef;
use crate::types::zset::ZSetRef;

/// The score of each member of a plain set.
const SET_SCORE: f64 = 1.0;

/// A key, and what is known of it before its members are looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Input<'a> {
    pub(super) key: &'a [u8],
    /// Number of members; 0 if there is no such key.
    pub(super) len: usize,
    /// Scores are multiplied by this.
    pub(super) weight: f64,
}

impl<'a> Input<'a> {
    pub(super) fn find(ctx: &mut Ctx<'_>, key: &'a [u8]) -> CommandResult<Self> {
        let mut keyspace = ctx.keyspace(key);
        let len = match keyspace.read(key) {
            None => 0,
            Some(entry) => Members::of(entry).ok_or(CommandError::WrongType)?.len(),
        };
        Ok(Self { key, len, weight: 1.0 })
    }

    pub(super) fn weigh(&self, score: f64) -> f64 {
        number_or_zero(self.weight * score)
    }
}

/// Members of an input.
#[derive(Clone, Copy, Debug)]
pub(super) enum Members<'a> {
    Set(SetRef<'a>),
    ZSet(ZSetRef<'a>),
    /// Of a key that is not there.
    None,
}

impl<'a> Members<'a> {
    fn of(entry: &'a Entry) -> Option<Self> {
        ZSetRef::of(entry).map(Self::ZSet).or_else(|| SetRef::of(entry).map(Self::Set))
    }

    fn len(self) -> usize {
        match self {
            Self::Set(set) => set.len(),
            Self::ZSet(set) => set.len(),
            Self::None => 0,
        }
    }

    pub(super) fn score(self, member: &[u8]) -> Option<f64> {
        match self {
            Self::Set(set) => set.contains(member).then_some(SET_SCORE),
            Self::ZSet(set) => set.score(member),
            Self::None => None,
        }
    }

    pub(super) fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        match self {
            Self::Set(set) => set.for_each(|member| member.with(|member| visit(member, SET_SCORE))),
            Self::ZSet(set) => set.for_each(visit),
            Self::None => {}
        }
    }

    /// Visits at least `count` members from `cursor` on; returns the next cursor, 0 at the end.
    pub(super) fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8])) -> u64 {
        match self {
            Self::Set(set) => set.scan(cursor, count, visit),
            Self::ZSet(set) => set.scan(cursor, count, |member, _| visit(member)),
            Self::None => 0,
        }
    }
}

/// Lends the members of `key`, which [`Input::find`] has seen.
pub(super) fn with_members(ctx: &mut Ctx<'_>, key: &[u8], use_members: impl FnOnce(Members<'_>)) {
    let mut keyspace = ctx.keyspace(key);
    use_members(keyspace.peek(key).and_then(Members::of).unwrap_or(Members::None));
}
