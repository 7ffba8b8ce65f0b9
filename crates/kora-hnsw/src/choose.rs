//! Which links a node has: diverse ones, so that walks get away from everywhere, and the nearest of the others while there is room.
//!
//! A candidate is diverse if no chosen one that is nearer to the node is clearly nearer to the candidate than the node is (the heuristic of Malkov and
//! Yashunin, 2016, algorithm 4, with the margin of Subramanya et al., 2019).
//!
//! A link is only dropped while its ends have a neighbour in common, or neighbours that are linked: so a layer that is connected stays so.

use crate::config::Config;
use crate::graph::{Graph, Scratch};
use crate::links::NONE;
use crate::order;
use crate::vectors::Vectors;

/// A distance is clearly less if it is so this many times over. Without a margin nodes that lie apart lack ways to them: of 31,000 vectors of a real
/// table of 256 dimensions, 28 instead of none are not found by themselves with 64 candidates, when all were looked after.
const MARGIN: f32 = 1.2;

/// Links of a node that are told apart by diversity when one is dropped; of more, the farthest goes, which takes one distance for each.
const RANKED_MAX: usize = 128;

/// Candidates that are told apart by diversity; those behind them are taken as they come.
const LOOKED_AT_MAX: usize = 512;

/// Candidates that a choice may be among, in a graph of this form: of more, the nearest.
pub(crate) fn candidates_max(config: &Config) -> usize {
    LOOKED_AT_MAX.max(config.links_max(0))
}

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
    let margin = vectors.margin(MARGIN);
    for (at, key) in candidates.iter().enumerate() {
        if out.len() == wanted {
            break;
        }
        if at == LOOKED_AT_MAX {
            pruned.extend(candidates[at..].iter().take(wanted).map(|key| order::id(*key)));
            break;
        }
        let id = order::id(*key);
        let probe = vectors.probe(id, row);
        let distance = order::distance(*key);
        let limit = if distance > 0.0 { distance / margin } else { distance };
        if vectors.any_nearer(&probe, out, limit) {
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
        if self.links.degree(level, of) > RANKED_MAX {
            self.sort_links(level, of, Some(newcomer), scratch);
            scratch.chosen.clear();
            scratch.chosen.extend(scratch.keys.iter().map(|key| order::id(*key)));
        } else {
            self.rank(level, of, Some(newcomer), scratch);
        }
        // Diverse ones were put in front, each part nearest first.
        let ranked = std::mem::take(&mut scratch.chosen);
        let id = order::id(newcomer);
        let worse = ranked.iter().rev().copied().take_while(|other| *other != id);
        let dropped = self.droppable(level, of, worse, id, self.config.m / 2);
        scratch.chosen = ranked;
        dropped.inspect(|other| self.links.unlink(level, of, *other)).is_some()
    }

    /// Puts the links of a node, and maybe a newcomer, into `scratch.chosen`: diverse ones first.
    fn rank(&self, level: usize, of: u32, newcomer: Option<u64>, scratch: &mut Scratch) {
        self.sort_links(level, of, newcomer, scratch);
        choose(&self.vectors, &scratch.keys, scratch.keys.len(), &mut scratch.row, &mut scratch.chosen);
    }

    /// Puts the links of a node, and maybe a newcomer, into `scratch.keys`, nearest first.
    fn sort_links(&self, level: usize, of: u32, newcomer: Option<u64>, scratch: &mut Scratch) {
        let ids = self.links.of(level, of);
        let probe = self.vectors.probe(of, &mut scratch.row);
        self.vectors.distances(&probe, ids, &mut scratch.distances);
        scratch.keys.clear();
        scratch
            .keys
            .extend(scratch.distances.iter().zip(ids).map(|(distance, id)| order::pack(*distance, *id)));
        scratch.keys.extend(newcomer);
        scratch.keys.sort_unstable();
    }

    /// The first of a node's links that can be dropped, and whose other end has more than `needed` links; the newcomer will be linked with the node.
    fn droppable(
        &self,
        level: usize,
        of: u32,
        links: impl Iterator<Item = u32> + Clone,
        newcomer: u32,
        needed: usize,
    ) -> Option<u32> {
        let mut candidates = links.filter(|other| self.links.degree(level, *other) > needed);
        let near = candidates.clone().find(|other| self.has_way(level, of, *other, newcomer));
        near.or_else(|| candidates.find(|other| self.has_longer_way(level, of, *other, newcomer)))
    }

    /// Whether two linked nodes have a neighbour in common.
    fn has_way(&self, level: usize, a: u32, b: u32, newcomer: u32) -> bool {
        let others = self.links.of(level, a);
        self.links.of(level, b).iter().any(|link| *link == newcomer || others.contains(link))
    }

    /// Whether two linked nodes without a common neighbour have neighbours that are linked with each other.
    fn has_longer_way(&self, level: usize, a: u32, b: u32, newcomer: u32) -> bool {
        let others = self.links.of(level, a);
        let leads_to = |middle: u32| {
            let links = self.links.of(level, middle).iter();
            links.into_iter().any(|link| *link == newcomer || (*link != b && others.contains(link)))
        };
        self.links.of(level, b).iter().any(|middle| *middle != a && leads_to(*middle))
    }

    /// Makes room for one link of a full node, whatever it is good for; false if no link can be dropped.
    pub(crate) fn free_place(&mut self, level: usize, of: u32, scratch: &mut Scratch) -> bool {
        if self.links.has_place(level, of) {
            return true;
        }
        self.rank(level, of, None, scratch);
        let ranked = std::mem::take(&mut scratch.chosen);
        let dropped = self.droppable(level, of, ranked.iter().rev().copied(), NONE, 1);
        scratch.chosen = ranked;
        dropped.inspect(|other| self.links.unlink(level, of, *other)).is_some()
    }
}
