//! The best candidates for eviction that the tries so far have met.
//!
//! Invariants: scores ascend; no key (hash and database) occurs twice.

use smallvec::SmallVec;

use crate::db::DbIndex;

/// Candidates kept.
pub(super) const POOL_LEN: usize = 16;

/// A key that may be evicted. It may be gone, changed or used since it was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    /// How little it was worth when it was found.
    pub(super) score: u64,
    /// The hash of its key.
    pub(super) hash: u64,
    /// Its database.
    pub(super) db: DbIndex,
}

/// The candidates.
#[derive(Debug, Default)]
pub(super) struct Pool {
    candidates: SmallVec<[Candidate; POOL_LEN]>,
}

impl Pool {
    /// Whether a candidate with this score would be kept.
    #[inline]
    pub(super) fn takes(&self, score: u64) -> bool {
        self.candidates.len() < POOL_LEN || self.candidates.first().is_some_and(|worst| worst.score < score)
    }

    /// Keeps a candidate if it is better than one of those kept, or there is room. A key that is there already gets
    /// the new score.
    pub(super) fn offer(&mut self, candidate: Candidate) {
        let is_same = |kept: &Candidate| kept.hash == candidate.hash && kept.db == candidate.db;
        if let Some(at) = self.candidates.iter().position(is_same) {
            self.candidates.remove(at);
        } else if self.candidates.len() == POOL_LEN {
            if !self.takes(candidate.score) {
                return;
            }
            self.candidates.remove(0);
        }
        let at = self.candidates.partition_point(|kept| kept.score < candidate.score);
        self.candidates.insert(at, candidate);
    }

    /// The candidates, beginning with the one that goes first.
    #[inline]
    pub(super) fn best_first(&self) -> impl Iterator<Item = &Candidate> {
        self.candidates.iter().rev()
    }

    /// Takes the candidate that goes first.
    pub(super) fn take_best(&mut self) -> Option<Candidate> {
        self.candidates.pop()
    }
}
