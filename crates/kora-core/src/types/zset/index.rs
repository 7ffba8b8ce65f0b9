//! A large sorted set: a counted B+ tree that holds the members in order, and a table that finds a member's leaf.
//!
//! Each member is stored once, in a leaf of the tree. A look-up by member goes through the table to the leaf and
//! compares there; a look-up by score, rank or member order goes through the tree. So an entry costs its member, 16
//! bytes in the leaf and 8 in the table, and neighbours lie next to each other.
//!
//! Invariant: table and leaves hold the same members.

use std::any::Any;
use std::ops::Range;

use smallvec::SmallVec;

use super::leaf::{Key, Leaf, LeafId, NewEntry};
use super::locator::Locator;
use super::tree::{Position, Tree};
use crate::entry::data_type::DataType;
use crate::entry::object::{Ahead, Object};
use crate::entry::{Account, Encoding};
use crate::hash::{KeyHasher, hash_key, key_hasher};
use crate::packed::listpack::Element;
use crate::table::prefetch;

/// Leaves and segments that an estimate of memory looks at.
const MEMORY_SAMPLES: usize = 32;

/// In a smaller set a look-up finds its memory in the nearer caches.
const FETCHED_LEN_MIN: usize = 4096;

/// A leaf, its slots and its members.
const ALLOCATIONS_PER_LEAF: usize = 3;

/// Order-statistic index over (score, member) with look-up by member.
///
/// Complexity: score O(1) on average; insert, remove, rank and select O(log n).
#[derive(Clone, Debug)]
pub(super) struct Index {
    tree: Tree,
    locator: Locator,
    hasher: KeyHasher,
    len: usize,
    account: Account,
}

impl Index {
    /// An empty index; `seed` decides the hashes of members.
    pub(super) fn new(seed: u64) -> Self {
        let (tree, locator) = (Tree::default(), Locator::default());
        Self { tree, locator, hasher: key_hasher(seed), len: 0, account: Account::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn hash(&self, member: &[u8]) -> u32 {
        u32::try_from(hash_key(&self.hasher, member) >> 32).expect("32 bits")
    }

    #[inline]
    fn locate(&self, hash: u32, member: &[u8]) -> Option<Position> {
        self.locator.candidates(hash).find_map(|leaf| {
            let at = self.tree.leaves.get(leaf).find(hash, member)?;
            Some(Position { leaf, at })
        })
    }

    #[inline]
    fn key(&self, position: Position) -> Key<'_> {
        self.tree.leaves.get(position.leaf).key(position.at)
    }

    #[inline]
    pub(super) fn score(&self, member: &[u8]) -> Option<f64> {
        self.locate(self.hash(member), member).map(|position| self.key(position).score)
    }

    /// Asks `decide` for a new score of `member`, given the present one if it is there, and sets what it answers.
    #[inline]
    pub(super) fn update(&mut self, member: &[u8], decide: impl FnOnce(Option<f64>) -> Option<f64>) {
        let hash = self.hash(member);
        let position = self.locate(hash, member);
        let old = position.map(|position| self.key(position).score);
        let Some(score) = decide(old) else { return };
        if let (Some(Position { leaf, at }), Some(old)) = (position, old) {
            if self.tree.leaves.get_mut(leaf).rescore(at, score) {
                return;
            }
            self.tree.remove(Key { score: old, member }, hash, &mut self.locator);
        } else {
            self.len += 1;
        }
        self.tree.insert(NewEntry { key: Key { score, member }, hash }, &mut self.locator);
    }

    /// Sets the score of `member`.
    pub(super) fn set(&mut self, member: &[u8], score: f64) {
        self.update(member, |_| Some(score));
    }

    /// Removes the entries of a range of ranks.
    pub(super) fn remove_ranks(&mut self, ranks: Range<usize>) {
        for _ in ranks.clone() {
            let Some(Position { leaf, at }) = self.tree.select(ranks.start) else { return };
            let leaf = self.tree.leaves.get(leaf);
            let (Key { score, member }, hash) = (leaf.key(at), leaf.slots()[at].hash);
            let member: SmallVec<[u8; 64]> = SmallVec::from_slice(member);
            self.tree.remove(Key { score, member: &member }, hash, &mut self.locator);
            self.len -= 1;
        }
    }

    /// Removes `member`; returns the score it had.
    pub(super) fn remove(&mut self, member: &[u8]) -> Option<f64> {
        let hash = self.hash(member);
        let score = self.key(self.locate(hash, member)?).score;
        self.tree.remove(Key { score, member }, hash, &mut self.locator);
        self.len -= 1;
        Some(score)
    }

    /// The rank of an entry that is there.
    pub(super) fn rank(&self, score: f64, member: &[u8]) -> usize {
        let key = Key { score, member };
        self.count_before(|other| other.is_before(key))
    }

    /// Number of entries at the beginning for which `is_before` holds; it holds for none behind those.
    pub(super) fn count_before(&self, is_before: impl Fn(Key<'_>) -> bool + Copy) -> usize {
        self.tree.count_before(is_before)
    }

    /// Visits up to `count` entries from rank `start` on, upwards or downwards, until `visit` says `false`.
    #[inline]
    pub(super) fn walk<'a>(
        &'a self,
        start: usize,
        mut count: usize,
        is_reverse: bool,
        mut visit: impl FnMut(Element<'a>, f64) -> bool,
    ) {
        let Some(Position { leaf, mut at }) = self.tree.select(start) else { return };
        let mut leaf = self.tree.leaves.get(leaf);
        while count > 0 {
            let key = leaf.key(at);
            if !visit(Element::Bytes(key.member), key.score) {
                return;
            }
            count -= 1;
            let neighbour = match (is_reverse, at) {
                (false, at) if at + 1 == leaf.len() => leaf.next,
                (true, 0) => leaf.previous,
                _ => {
                    at = if is_reverse { at - 1 } else { at + 1 };
                    continue;
                }
            };
            if neighbour == LeafId::NONE {
                return;
            }
            leaf = self.tree.leaves.get(neighbour);
            at = if is_reverse { leaf.len() - 1 } else { 0 };
        }
    }

    /// Visits members from `cursor` (0 to begin) until at least `count` were visited; returns the next cursor, 0 at the
    /// end. A member that is there throughout a scan is visited exactly once, whatever its scores.
    pub(super) fn scan(&self, cursor: u64, count: usize, mut visit: impl FnMut(&[u8], f64)) -> u64 {
        let mut next = u32::try_from(cursor).ok();
        let mut visited = 0;
        while let Some((hash, leaves)) = next.and_then(|from| self.locator.next(from)) {
            if visited >= count {
                return u64::from(hash);
            }
            for leaf in leaves {
                visited += visit_hash(self.tree.leaves.get(leaf), hash, &mut visit);
            }
            next = hash.checked_add(1);
        }
        0
    }

    /// Panics if an invariant does not hold.
    #[cfg(test)]
    pub(super) fn check(&self) {
        self.tree.check(self.len);
        self.walk(0, usize::MAX, false, |member, score| {
            assert_eq!(
                member.with(|text| self.score(text)),
                Some(score),
                "what is in the tree is in the table"
            );
            true
        });
    }

    /// Bytes allocated, estimated from a sample.
    pub(super) fn estimate_bytes(&self, samples: usize) -> usize {
        size_of::<Self>() + self.tree.leaves.memory_bytes(samples) + self.locator.memory_bytes(samples)
    }
}

/// Visits the members of one hash in a leaf; says how many.
fn visit_hash(leaf: &Leaf, hash: u32, visit: &mut impl FnMut(&[u8], f64)) -> usize {
    let mut visited = 0;
    for (at, slot) in leaf.slots().iter().enumerate() {
        if slot.hash == hash {
            visit(leaf.key(at).member, slot.score);
            visited += 1;
        }
    }
    visited
}

impl Object for Index {
    fn data_type(&self) -> &'static DataType {
        &super::DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        Encoding::SkipList
    }

    fn size(&self) -> usize {
        self.len()
    }

    fn memory_bytes(&self) -> usize {
        self.estimate_bytes(MEMORY_SAMPLES)
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn measuring_steps(&self) -> usize {
        4 * MEMORY_SAMPLES
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn free_effort(&self) -> usize {
        self.tree.leaves.live() * ALLOCATIONS_PER_LEAF + self.locator.segments()
    }

    fn free_some(&mut self, budget: usize) -> usize {
        let leaves = self.tree.leaves.free_some(budget.div_ceil(ALLOCATIONS_PER_LEAF)) * ALLOCATIONS_PER_LEAF;
        leaves + self.locator.free_some(budget.saturating_sub(leaves))
    }

    fn fetch_ahead(&self, part: &[u8]) -> Option<Ahead> {
        if self.len < FETCHED_LEN_MIN {
            return None;
        }
        let hash = self.hash(part);
        self.locator.prefetch(hash);
        Some(Ahead { hash: hash.into(), at: 0 })
    }

    fn fetch_further(&self, ahead: Ahead, step: usize) {
        let hash = u32::try_from(ahead.hash).expect("hashes of members have 32 bits");
        for leaf in self.locator.candidates(hash) {
            let leaf = self.tree.leaves.get(leaf);
            if step == 0 { prefetch::line(leaf) } else { leaf.prefetch() }
        }
    }

    fn as_any(&self) -> &dyn Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn Any {
        self
    }
}
