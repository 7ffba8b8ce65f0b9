//! Sorted sets: members, each with a score, ordered by score and between equal scores by member.
//!
//! A small one is a run of pairs in the keyspace entry ([`packed`]), a large one an [`index`]; which of both is nobody's
//! business but this file's. Scores are doubles and never NaN.
//!
//! Positions are ranks: a range of scores or members becomes a range of ranks once, and is counted, walked or removed as
//! such.

mod bounds;
mod data_type;
mod index;
mod leaf;
mod leaves;
mod load;
mod locator;
mod packed;
mod rdb;
mod tree;

#[cfg(test)]
mod tests;

use std::ops::Range;

use crate::config::CoreConfig;
use crate::entry::{Collection, Entry, Kind, Packing};
use crate::packed::listpack::{Buffer, Element};
use crate::packed::pairs;
use crate::table::EntryMut;
pub use bounds::{LexBound, LexRange, ScoreBound, ScoreRange};
pub(crate) use data_type::DATA_TYPE;
use index::Index;
use load::ZSetLoader;
use packed::Packed;

/// Longest member, in bytes.
pub const MEMBER_BYTES_MAX: usize = 1 << 31;

/// A packed set does not grow beyond this, in bytes, whatever the settings say.
const PACKED_BYTES_MAX: usize = 1 << 30;

/// Bytes that a new packed set has room for beside each member: a score and the codes.
const SCORE_BYTES: usize = 6;

/// A new packed set begins with no more room than this.
const NEW_BYTES_MAX: usize = 4096;

/// How large a sorted set may be and stay packed, and what a large one is seeded with.
#[derive(Clone, Copy, Debug)]
pub struct Policy {
    entries_max: u64,
    member_bytes_max: u64,
    seed: u64,
}

impl Policy {
    /// What the settings say; `seed` decides the hashes of members.
    #[must_use]
    pub fn new(config: &CoreConfig, seed: u64) -> Self {
        Self {
            entries_max: config.zset_max_listpack_entries,
            member_bytes_max: config.zset_max_listpack_value,
            seed,
        }
    }

    fn takes(&self, entries: usize, longest_member: usize) -> bool {
        entries as u64 <= self.entries_max && longest_member as u64 <= self.member_bytes_max
    }
}

/// A sorted set, for reading.
#[derive(Clone, Copy, Debug)]
pub struct ZSetRef<'a>(Encoded<'a>);

#[derive(Clone, Copy, Debug)]
enum Encoded<'a> {
    Packed(Packed<'a>),
    Index(&'a Index),
}

impl<'a> ZSetRef<'a> {
    /// The sorted set that an entry holds; `None` if it holds something else.
    #[inline]
    #[must_use]
    pub fn of(entry: &'a Entry) -> Option<Self> {
        if entry.kind() != Kind::SortedSet {
            return None;
        }
        if let Some((_, bytes)) = entry.packed() {
            return Some(Self(Encoded::Packed(Packed::new(bytes))));
        }
        entry.as_object()?.as_any().downcast_ref().map(|index| Self(Encoded::Index(index)))
    }

    /// Number of members; never 0 in a keyspace.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "no empty one is kept")]
    pub fn len(self) -> usize {
        match self.0 {
            Encoded::Packed(packed) => packed.len(),
            Encoded::Index(index) => index.len(),
        }
    }

    /// The score of `member`.
    #[inline]
    #[must_use]
    pub fn score(self, member: &[u8]) -> Option<f64> {
        match self.0 {
            Encoded::Packed(packed) => packed.find(member).map(|(_, score)| score),
            Encoded::Index(index) => index.score(member),
        }
    }

    /// Rank, from 0 upwards, and score of `member`.
    #[must_use]
    pub fn rank(self, member: &[u8]) -> Option<(usize, f64)> {
        match self.0 {
            Encoded::Packed(packed) => packed.find(member),
            Encoded::Index(index) => index.score(member).map(|score| (index.rank(score, member), score)),
        }
    }

    /// The ranks of the scores in a range.
    #[must_use]
    pub fn score_ranks(self, range: &ScoreRange) -> Range<usize> {
        match self.0 {
            Encoded::Packed(packed) => packed.score_ranks(range),
            Encoded::Index(index) => {
                let start = index.count_before(|key| range.is_above(key.score));
                start..index.count_before(|key| range.reaches(key.score)).max(start)
            }
        }
    }

    /// The ranks of the members in a range, if all scores are the same. If they are not, `is_reverse` tells which end
    /// of the range counts first.
    #[must_use]
    pub fn lex_ranks(self, range: &LexRange<'_>, is_reverse: bool) -> Range<usize> {
        if range.is_empty() {
            return 0..0;
        }
        match self.0 {
            Encoded::Packed(packed) => packed.lex_ranks(range, is_reverse),
            Encoded::Index(index) => {
                let start = index.count_before(|key| range.is_above(key.member));
                start..index.count_before(|key| range.reaches(key.member)).max(start)
            }
        }
    }

    /// Visits up to `count` entries from rank `start` on, upwards or downwards, until `visit` says `false`.
    /// Complexity: O(log n + count) if large.
    #[inline]
    pub fn walk(
        self,
        start: usize,
        count: usize,
        is_reverse: bool,
        mut visit: impl FnMut(&[u8], f64) -> bool,
    ) {
        self.walk_elements(start, count, is_reverse, |member, score| member.with(|text| visit(text, score)));
    }

    /// [`ZSetRef::walk`], with members that stay for as long as the set does.
    #[inline]
    pub fn walk_elements(
        self,
        start: usize,
        count: usize,
        is_reverse: bool,
        visit: impl FnMut(Element<'a>, f64) -> bool,
    ) {
        match self.0 {
            Encoded::Packed(packed) => packed.walk(start, count, is_reverse, visit),
            Encoded::Index(index) => index.walk(start, count, is_reverse, visit),
        }
    }

    /// Visits all entries in order.
    pub fn for_each(self, mut visit: impl FnMut(&[u8], f64)) {
        self.walk(0, self.len(), false, |member, score| {
            visit(member, score);
            true
        });
    }

    /// Visits members from `cursor` (0 to begin) until at least `count` were visited; returns the next cursor, 0 at the
    /// end. A packed set is visited as a whole. A member that is there throughout a scan is visited.
    pub fn scan(self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        match self.0 {
            Encoded::Packed(_) => {
                self.for_each(visit);
                0
            }
            Encoded::Index(index) => index.scan(cursor, count, &mut visit),
        }
    }

    /// Whether it is packed: short, and with no quick way to a rank.
    #[must_use]
    pub fn is_packed(self) -> bool {
        matches!(self.0, Encoded::Packed(_))
    }
}

/// A sorted set that is not in a keyspace yet.
#[derive(Debug)]
pub struct NewZSet(NewForm);

#[derive(Debug)]
enum NewForm {
    Packed(Vec<u8>),
    Index(Box<Index>),
}

impl NewZSet {
    /// An empty one, packed if so many members of that length may be.
    #[must_use]
    pub fn with_hint(policy: &Policy, entries: usize, longest_member: usize) -> Self {
        Self(if policy.takes(entries, longest_member) {
            let room = entries.saturating_mul(longest_member.saturating_add(SCORE_BYTES));
            let mut bytes = Vec::with_capacity(room.min(NEW_BYTES_MAX));
            bytes.extend_from_slice(&pairs::EMPTY);
            NewForm::Packed(bytes)
        } else {
            NewForm::Index(Box::new(Index::new(policy.seed)))
        })
    }

    /// Makes one of entries in order, packed if the policy allows.
    #[must_use]
    pub fn from_ordered(policy: &Policy, entries: &[(&[u8], f64)]) -> Self {
        let longest = entries.iter().map(|(member, _)| member.len()).max().unwrap_or(0);
        let total: usize = entries.iter().map(|(member, _)| member.len()).sum();
        let longest = if total > PACKED_BYTES_MAX { usize::MAX } else { longest };
        let mut set = Self::with_hint(policy, entries.len(), longest);
        match &mut set.0 {
            NewForm::Packed(bytes) => *bytes = packed::pack(entries),
            NewForm::Index(index) => entries.iter().for_each(|(member, score)| index.set(member, *score)),
        }
        set
    }

    /// Number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.0 {
            NewForm::Packed(bytes) => Packed::new(bytes).len(),
            NewForm::Index(index) => index.len(),
        }
    }

    /// Whether there are no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Sets the score of `member`; the set stops being packed where the policy says so.
    pub fn set(&mut self, policy: &Policy, member: &[u8], score: f64) {
        self.update(policy, member, |_| Some(score));
    }

    /// Asks `decide` for a new score of `member`, given the present one if it is there, and sets what it answers.
    pub fn update(
        &mut self,
        policy: &Policy,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) {
        let bytes = match &mut self.0 {
            NewForm::Index(index) => return index.update(member, decide),
            NewForm::Packed(bytes) => bytes,
        };
        if let Some(index) = update_packed(bytes, policy, member, decide) {
            self.0 = NewForm::Index(Box::new(index));
        }
    }

    /// As it is to be stored.
    pub(crate) fn into_collection(self) -> Collection {
        match self.0 {
            NewForm::Packed(bytes) => Collection::Packed(Kind::SortedSet, Packing::Pairs, bytes),
            NewForm::Index(index) => Collection::Object(index),
        }
    }
}

/// [`ZSetMut::update`] of a packed set; returns an index with all members if it must not be packed any longer.
fn update_packed<B: Buffer>(
    buffer: &mut B,
    policy: &Policy,
    member: &[u8],
    decide: impl FnOnce(Option<f64>) -> Option<f64>,
) -> Option<Index> {
    let packed = Packed::new(buffer.bytes());
    let found = packed.find(member);
    let score = decide(found.map(|(_, score)| score))?;
    match found {
        None if !fits(policy, packed, member) => {
            let mut index = unpack(packed, policy.seed);
            index.set(member, score);
            return Some(index);
        }
        None => packed::insert(buffer, member, score),
        Some((rank, _)) => packed::rescore(buffer, rank, score),
    }
    None
}

/// Whether a packed set may take one more member.
fn fits(policy: &Policy, packed: Packed<'_>, member: &[u8]) -> bool {
    policy.takes(packed.len() + 1, member.len()) && packed.byte_count() + member.len() <= PACKED_BYTES_MAX
}

fn unpack(packed: Packed<'_>, seed: u64) -> Index {
    let mut index = Index::new(seed);
    packed.walk(0, packed.len(), false, |member, score| {
        member.with(|text| index.set(text, score));
        true
    });
    index
}

/// A sorted set in the keyspace, for modification. It must not be left empty.
#[derive(Debug)]
pub struct ZSetMut<'a>(EntryMut<'a>);

impl<'a> ZSetMut<'a> {
    /// The sorted set that an entry holds; `None` if it holds something else.
    #[inline]
    #[must_use]
    pub fn of(entry: EntryMut<'a>) -> Option<Self> {
        (entry.kind() == Kind::SortedSet).then_some(Self(entry))
    }

    /// The set, for reading.
    #[inline]
    #[must_use]
    pub fn as_ref(&self) -> ZSetRef<'_> {
        ZSetRef::of(&self.0).expect("its kind was looked at")
    }

    /// Number of members.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "see ZSetRef")]
    pub fn len(&self) -> usize {
        self.as_ref().len()
    }

    fn index(&mut self) -> Option<&mut Index> {
        self.0.as_object_mut()?.as_any_mut().downcast_mut()
    }

    /// Stops being packed, however small it is; `seed` decides the hashes of members.
    pub fn unpack(&mut self, seed: u64) {
        if let Some((_, bytes)) = self.0.packed() {
            let index = unpack(Packed::new(bytes), seed);
            self.0.set_object(Box::new(index));
        }
    }

    /// Stops being packed if the policy does not let so many members be.
    pub fn expect_entries(&mut self, policy: &Policy, entries: usize) {
        if let Some((_, bytes)) = self.0.packed()
            && !policy.takes(entries, 0)
        {
            let index = unpack(Packed::new(bytes), policy.seed);
            self.0.set_object(Box::new(index));
        }
    }

    /// Asks `decide` for a new score of `member`, given the present one if it is there, and sets what it answers.
    pub fn update(
        &mut self,
        policy: &Policy,
        member: &[u8],
        decide: impl FnOnce(Option<f64>) -> Option<f64>,
    ) {
        let Some(mut buffer) = self.0.packed_mut() else {
            let index = self.index().expect("what is not packed is an index");
            return index.update(member, decide);
        };
        if let Some(index) = update_packed(&mut buffer, policy, member, decide) {
            self.0.set_object(Box::new(index));
        }
    }

    /// Removes `member`; returns the score it had.
    pub fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let Some((_, bytes)) = self.0.packed() else {
            return self.index().expect("what is not packed is an index").remove(member);
        };
        let (at, score) = Packed::new(bytes).find(member)?;
        pairs::remove(&mut self.0.packed_mut().expect("it is packed"), at, 1);
        Some(score)
    }

    /// Removes the entries of a range of ranks.
    pub fn remove_ranks(&mut self, ranks: Range<usize>) {
        match self.0.packed_mut() {
            Some(mut buffer) => pairs::remove(&mut buffer, ranks.start, ranks.len()),
            None => self.index().expect("what is not packed is an index").remove_ranks(ranks),
        }
    }
}
