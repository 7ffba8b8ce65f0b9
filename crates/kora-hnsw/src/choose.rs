//! Which links a node has: diverse ones, so that walks get away from everywhere, and the nearest of the others while there is room.
//!
//! A candidate is diverse if no chosen one that is nearer to the node is nearer to the candidate than the node is (the heuristic of Malkov and
//! Yashunin, 2016, algorithm 4).
//!
//! A link is only dropped while its ends have a neighbour in common: so a layer that is connected stays so.

use crate::graph::{Graph, Scratch};
use crate::links::NONE;
use crate::order;
use crate::vectors::Vectors;

/// Chooses up to `wanted` of the candidates, which are in the order of their distances, into `out`: the diverse ones first.
/// Returns how many are diverse.
pub(crate) fn choose(
    vectors: &Vectors,
    candidates: &[u64],
    wanted: usize,
    row: &mut Vec<f32>,
    out: &mut Vec<u32>,
) -> usize {
    out.clear();
    let mut pruned = Vec::new();
    for key in candidates {
        if out.len() == wanted {
            break;
        }
        let id = order::id(*key);
        let probe = vectors.probe(id, row);
        if vectors.any_nearer(&probe, out, order::distance(*key)) {
            pruned.push(id);
        } else {
            out.push(id);
        }
    }
    let diverse = out.len();
    let room = wanted - diverse;
    out.extend(pruned.into_iter().take(room));
    diverse
}

impl Graph {
    /// Links a node with another one that may be full, if that is of use to the other one. Returns whether they are linked.
    /// Complexity: O(M^2) distances at most.
    pub(crate) fn offer(
        &mut self,
        level: usize,
        id: u32,
        to: u32,
        distance: f32,
        scratch: &mut Scratch,
    ) -> bool {
        if !self.links.has_place(level, to) && !self.make_place(level, to, order::pack(distance, id), scratch)
        {
            return false;
        }
        self.links.link(level, id, to);
        true
    }

    /// Drops a link of a full node for a newcomer, which is not linked yet: the farthest that is not diverse, or else the farthest.
    fn make_place(&mut self, level: usize, of: u32, newcomer: u64, scratch: &mut Scratch) -> bool {
        self.rank(level, of, Some(newcomer), scratch);
        // Diverse ones were put in front, each part nearest first.
        let ranked = std::mem::take(&mut scratch.chosen);
        let id = order::id(newcomer);
        let needed = self.config.m / 2;
        let mut is_made = false;
        for other in ranked.iter().rev() {
            if *other == id {
                break;
            }
            if self.links.degree(level, *other) > needed && self.can_drop(level, of, *other, id) {
                self.links.unlink(level, of, *other);
                is_made = true;
                break;
            }
        }
        scratch.chosen = ranked;
        is_made
    }

    /// Puts the links of a node, and maybe a newcomer, into `scratch.chosen`: diverse ones first.
    fn rank(&self, level: usize, of: u32, newcomer: Option<u64>, scratch: &mut Scratch) {
        let ids = self.links.of(level, of);
        let probe = self.vectors.probe(of, &mut scratch.row);
        self.vectors.distances(&probe, ids, &mut scratch.distances);
        scratch.keys.clear();
        scratch
            .keys
            .extend(scratch.distances.iter().zip(ids).map(|(distance, id)| order::pack(*distance, *id)));
        scratch.keys.extend(newcomer);
        scratch.keys.sort_unstable();
        choose(&self.vectors, &scratch.keys, scratch.keys.len(), &mut scratch.row, &mut scratch.chosen);
    }

    /// Whether two linked nodes stay connected without their link, by a common neighbour; the newcomer will be one of `a`'s.
    fn can_drop(&self, level: usize, a: u32, b: u32, newcomer: u32) -> bool {
        let others = self.links.of(level, a);
        self.links.of(level, b).iter().any(|link| *link == newcomer || others.contains(link))
    }

    /// Makes room for one link of a full node, whatever it is good for; false if no link can be dropped.
    pub(crate) fn free_place(&mut self, level: usize, of: u32, scratch: &mut Scratch) -> bool {
        if self.links.has_place(level, of) {
            return true;
        }
        self.rank(level, of, None, scratch);
        let ranked = std::mem::take(&mut scratch.chosen);
        let dropped = ranked.iter().rev().find(|other| self.can_drop(level, of, **other, NONE));
        if let Some(other) = dropped {
            self.links.unlink(level, of, *other);
        }
        let is_made = dropped.is_some();
        scratch.chosen = ranked;
        is_made
    }
}
