//! A graph from its parts, as a snapshot has them. Parts come from files and peers, so that nothing about them is taken for granted.
//!
//! No distance is computed unless links are missing: what is out of range is refused; a link that is not mutual is made so, or dropped; nodes that
//! no links lead to are searched a place for.

#[cfg(test)]
mod tests;

use std::hash::BuildHasher;

use crate::beam::Walk;
use crate::config::{Config, Error, LEVEL_MAX};
use crate::graph::{Graph, Scratch};
use crate::vectors::Encoded;
use crate::visited::Visited;
use crate::{order, random};

/// Candidates that a node without a way to it is linked with one of.
const CANDIDATES: usize = 64;

/// Puts a graph together. Nodes are pushed in the order of their numbers, each with its links; then [`Builder::finish`] checks them.
#[derive(Debug)]
pub struct Builder {
    graph: Graph,
    /// Numbers that are free.
    skipped: Vec<u32>,
    /// The node that is in the highest layer, the first if there are several.
    highest: Option<(usize, u32)>,
}

impl Builder {
    /// A graph without nodes.
    ///
    /// # Errors
    /// Numbers of the configuration that are out of range.
    pub fn new(config: Config) -> Result<Self, Error> {
        Ok(Self { graph: Graph::new(config)?, skipped: Vec::new(), highest: None })
    }

    /// Adds the next node, without links yet, and returns its number. `norm` counts if the metric is the cosine, `original` if the graph keeps originals.
    /// Complexity: O(dimensions).
    ///
    /// # Errors
    /// If the vector is of another kind or length than the configuration says, the level is too high, or there are too many nodes.
    pub fn push(
        &mut self,
        level: usize,
        vector: &Encoded<'_>,
        norm: f32,
        original: Option<&[f32]>,
    ) -> Result<u32, Error> {
        if level > LEVEL_MAX {
            return Err(Error::Damaged("a level is out of range"));
        }
        if !self.graph.links.has_room() {
            return Err(Error::Full);
        }
        let id = self.graph.links.add(level);
        self.graph.vectors.put_encoded(id, vector, norm, original)?;
        self.graph.len += 1;
        if self.highest.is_none_or(|(highest, _)| level > highest) {
            self.highest = Some((level, id));
        }
        Ok(id)
    }

    /// Leaves the next number free.
    ///
    /// # Errors
    /// If there are too many nodes.
    pub fn skip(&mut self) -> Result<u32, Error> {
        if !self.graph.links.has_room() {
            return Err(Error::Full);
        }
        let id = self.graph.links.add(0);
        self.skipped.push(id);
        Ok(id)
    }

    /// Sets the links of a node in a layer; they may be to nodes that are still to come. Complexity: O(links).
    ///
    /// # Errors
    /// If the node is not in the layer, or there are more links than it may have.
    pub fn set_links(&mut self, id: u32, level: usize, links: &[u32]) -> Result<(), Error> {
        if id >= self.graph.bound() || level > LEVEL_MAX {
            return Err(Error::Damaged("links of a node that is not there"));
        }
        if self.graph.links.set(level, id, links) { Ok(()) } else { Err(Error::Damaged("too many links")) }
    }

    /// Says how many vectors were ever put into the graph, which decides on the layers of those that will be.
    pub fn set_inserted(&mut self, inserted: u64) {
        self.graph.inserted = inserted;
    }

    /// Checks the links and gives the graph. Searches begin at `entry` if it is in the highest layer, or else at another node that is.
    /// Complexity: O(nodes * M).
    ///
    /// # Errors
    /// If a link is out of range, to the node itself, there twice, or to a node that is not in the layer.
    pub fn finish(mut self, entry: Option<u32>, scratch: &mut Scratch) -> Result<Graph, Error> {
        for id in self.skipped.iter().rev() {
            if self.graph.links.degree(0, *id) > 0 {
                return Err(Error::Damaged("links of a node that is not there"));
            }
            self.graph.links.release(*id);
        }
        let graph = &mut self.graph;
        if !graph.check_links()? {
            graph.make_mutual();
        }
        let Some((top, highest)) = self.highest else { return Ok(self.graph) };
        let entry = entry.filter(|entry| graph.level(*entry) == Some(top)).unwrap_or(highest);
        (graph.entry, graph.top) = (entry, top);
        graph.reach_all(scratch);
        Ok(self.graph)
    }
}

impl Graph {
    /// Whether all links are mutual, as far as a sum of hashes under a random key tells.
    fn check_links(&self) -> Result<bool, Error> {
        let key = std::hash::RandomState::new().hash_one(0);
        let mut sum = 0_u64;
        for id in self.ids() {
            for level in 0..=self.links.level(id) {
                let links = self.links.of(level, id);
                let key = random::mix(key ^ level as u64);
                for (at, other) in links.iter().enumerate() {
                    let is_there = self.contains(*other) && (level == 0 || self.links.level(*other) >= level);
                    if !is_there || *other == id || links[at + 1..].contains(other) {
                        return Err(Error::Damaged("a link is out of range"));
                    }
                    let (low, high) = (id.min(*other), id.max(*other));
                    let hash = random::mix(key ^ (u64::from(low) << 32 | u64::from(high)));
                    sum = if id < *other { sum.wrapping_add(hash) } else { sum.wrapping_sub(hash) };
                }
            }
        }
        Ok(sum == 0)
    }

    /// Adds the other direction of links that lack it, or drops them where there is no room.
    fn make_mutual(&mut self) {
        for id in 0..self.bound() {
            if !self.contains(id) {
                continue;
            }
            for level in 0..=self.links.level(id) {
                for other in self.links.of(level, id).to_vec() {
                    if !self.links.linked(level, other, id) && !self.links.push(level, other, id) {
                        self.links.take(level, id, other);
                    }
                }
            }
        }
    }

    /// Makes sure that links of the lowest layer lead to all nodes; others are linked with near ones. Complexity: O(nodes * M).
    fn reach_all(&mut self, scratch: &mut Scratch) {
        let mut reached = std::mem::take(&mut scratch.beam.visited);
        reached.reset(self.bound() as usize);
        let mut stack = Vec::new();
        self.reach(self.entry, &mut reached, &mut stack);
        if reached.len() < self.len {
            for id in 0..self.bound() {
                if self.contains(id) && !reached.contains(id) {
                    self.adopt(id, &reached, scratch);
                    self.reach(id, &mut reached, &mut stack);
                }
            }
        }
        scratch.beam.visited = reached;
    }

    fn reach(&self, from: u32, reached: &mut Visited, stack: &mut Vec<u32>) {
        if reached.insert(from) {
            stack.push(from);
        }
        while let Some(id) = stack.pop() {
            for other in self.links.of(0, id) {
                if reached.insert(*other) {
                    self.links.prefetch(*other);
                    stack.push(*other);
                }
            }
        }
    }

    /// Links a node that no links lead to from the entry with one of those near it that they lead to. Layers above may lead to nodes that the lowest one does not
    /// lead to, so that a search which ends at one of them begins again at the entry.
    fn adopt(&mut self, id: u32, reached: &Visited, scratch: &mut Scratch) {
        let mut row = Vec::new();
        self.vectors.decode(id, &mut row);
        let Ok(query) = self.query(&row) else { return };
        let mut near = Vec::new();
        {
            let probe = self.vectors.probe_of(&query);
            let Some(nearest) = self.descend(&probe, 0, scratch) else { return };
            let start = if reached.contains(nearest) { nearest } else { self.entry };
            let (walk, mut budget) = (Walk::new(0, CANDIDATES), usize::MAX);
            scratch.beam.begin(self);
            scratch.beam.seed(self, &walk, &probe, start, &mut |_| true);
            scratch.beam.run(self, &walk, &probe, &mut budget, &mut |_| true);
            scratch.beam.take_best(CANDIDATES, &mut near);
        }
        let is_linked = near.iter().any(|key| self.connect(0, id, order::id(*key), scratch));
        if !is_linked && let Some(nearest) = near.first() {
            self.bridge(0, order::id(*nearest), id);
        }
    }
}
