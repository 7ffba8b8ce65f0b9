//! Each vector can be found by itself: nodes are searched for, and one that is not found is linked with where the search ended.
//!
//! Links lead to every node, but a search follows only what is near: with few candidates in mind it may miss a node whose links lie behind a worse one. Every
//! insertion and removal looks after one node, in turn; a pass over all of them leaves none that is missed.

#[cfg(test)]
mod tests;

use crate::beam::Walk;
use crate::graph::{Graph, Scratch};
use crate::order;

/// Candidates of the search for a node that is looked after.
const TENDED_EF: usize = 10;

impl Graph {
    /// Looks after the next node in turn. Complexity: a search with few candidates.
    pub(crate) fn tend(&mut self, scratch: &mut Scratch) {
        self.tended = self.mend_some(self.tended, 1, TENDED_EF, scratch).0.unwrap_or(0);
    }

    /// Searches for the vectors with numbers from `from` on, `count` of them at most, each with `ef` candidates, and gives those that are not found links from where
    /// the search ended. Returns the number to go on from, and how many were not found; the number is none at the end.
    /// Complexity: as many searches.
    pub fn mend_some(
        &mut self,
        from: u32,
        count: u32,
        ef: usize,
        scratch: &mut Scratch,
    ) -> (Option<u32>, usize) {
        let end = from.saturating_add(count.max(1)).min(self.bound());
        let mut found = Vec::new();
        let mut lost = 0;
        for id in from..end {
            if self.contains(id) && !self.finds(id, ef, &mut found, scratch) {
                lost += 1;
                self.link_from(id, &found, scratch);
            }
        }
        ((end < self.bound()).then_some(end), lost)
    }

    /// Whether a search for a node's vector finds it, or one that is as near; what it finds is in `found`.
    fn finds(&self, id: u32, ef: usize, found: &mut Vec<u64>, scratch: &mut Scratch) -> bool {
        let mut row = Vec::new();
        let probe = self.vectors.probe(id, &mut row);
        let own = self.vectors.distance(&probe, id);
        let Some(nearest) = self.descend(&probe, 0, scratch) else { return true };
        let (walk, mut budget) = (Walk::new(0, ef.max(1)), usize::MAX);
        let beam = &mut scratch.beam;
        beam.begin(self);
        beam.seed(self, &walk, &probe, nearest, &mut |_| true);
        beam.run(self, &walk, &probe, &mut budget, &mut |_| true);
        beam.take_best(usize::MAX, found);
        found.iter().any(|key| order::id(*key) == id)
            || found.first().is_some_and(|key| order::distance(*key) <= own)
    }

    /// Links a node with the nearest one of those found that it is not linked with.
    fn link_from(&mut self, id: u32, found: &[u64], scratch: &mut Scratch) {
        for key in found {
            let other = order::id(*key);
            if !self.links.linked(0, id, other) && self.connect(0, id, other, scratch) {
                return;
            }
        }
        for key in found {
            let other = order::id(*key);
            let room = self.config.links_max(0) - self.links.degree(0, id);
            if room >= 2 && !self.links.linked(0, id, other) && self.squeeze(0, id, other, scratch) {
                return;
            }
            self.free_place(0, id, scratch);
        }
    }
}
