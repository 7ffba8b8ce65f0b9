//! Removal: a node is taken out of every layer at once, and those that lose a link by it are linked with each other.

#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};

use crate::graph::{Graph, Scratch};
use crate::links::NONE;
use crate::order;

/// Neighbours that each one is compared with, and links that are looked at, where there are very many.
const COMPARED_MAX: usize = 64;
/// Links that a neighbour is given for the one that it loses, at most.
const LINKS_GIVEN: u8 = 1;

impl Graph {
    /// Takes a vector out; its number and its memory are used for another one. Returns whether it was there.
    /// Complexity: O(M^2) distances, M up to 32; O(M) of them above.
    pub fn remove(&mut self, id: u32, scratch: &mut Scratch) -> bool {
        if !self.contains(id) {
            return false;
        }
        let level = self.links.level(id);
        if self.entry == id {
            self.replace_entry(level);
        }
        for layer in (0..=level).rev() {
            let neighbours = self.links.of(layer, id).to_vec();
            for other in &neighbours {
                self.links.unlink(layer, id, *other);
            }
            self.reconnect(layer, &neighbours, scratch);
        }
        self.links.release(id);
        self.losses.add(id);
        self.len -= 1;
        if self.len == 0 {
            self.clear();
        } else {
            self.tend(scratch);
        }
        true
    }

    /// Chooses where searches begin instead: a neighbour in the highest layer that the entry has one in.
    fn replace_entry(&mut self, level: usize) {
        let candidates = (0..=level).rev().find_map(|layer| {
            let links = self.links.of(layer, self.entry);
            links.iter().map(|link| (self.links.level(*link), *link)).max()
        });
        (self.top, self.entry) = candidates.unwrap_or((0, NONE));
    }

    /// Links nodes that have lost a common neighbour: near ones with each other, and so that all stay connected.
    fn reconnect(&mut self, level: usize, nodes: &[u32], scratch: &mut Scratch) {
        if nodes.len() < 2 {
            return;
        }
        let pairs = self.pairs(nodes, scratch);
        let mut given = vec![0_u8; nodes.len()];
        for (_, a, b) in &pairs {
            let (first, second) = (nodes[*a], nodes[*b]);
            if given[*a] < LINKS_GIVEN
                && given[*b] < LINKS_GIVEN
                && self.links.has_place(level, first)
                && self.links.has_place(level, second)
                && !self.links.linked(level, first, second)
            {
                self.links.link(level, first, second);
                given[*a] += 1;
                given[*b] += 1;
            }
        }
        self.join(level, nodes, &pairs, scratch);
    }

    /// Pairs of places in a list of nodes, nearest first.
    fn pairs(&self, nodes: &[u32], scratch: &mut Scratch) -> Vec<(f32, usize, usize)> {
        let mut pairs = Vec::with_capacity(nodes.len() * nodes.len().min(COMPARED_MAX) / 2);
        for (at, id) in nodes.iter().enumerate() {
            let end = nodes.len().min(at + 1 + COMPARED_MAX);
            let probe = self.vectors.probe(*id, &mut scratch.row);
            self.vectors.distances(&probe, &nodes[at + 1..end], &mut scratch.distances);
            pairs.extend((at + 1..).zip(&scratch.distances).map(|(other, distance)| (*distance, at, other)));
        }
        pairs.sort_unstable_by_key(|(distance, a, _)| order::pack(*distance, nodes[*a]));
        pairs
    }

    /// Makes sure that all of these nodes are connected: those that neither a link nor a common neighbour connects are linked.
    fn join(&mut self, level: usize, nodes: &[u32], pairs: &[(f32, usize, usize)], scratch: &mut Scratch) {
        let mut groups = Groups::new(nodes.len());
        let mut near: Vec<(u32, usize)> = Vec::with_capacity(nodes.len() * self.config.links_max(level));
        for (at, id) in nodes.iter().enumerate() {
            near.push((*id, at));
            near.extend(self.links.of(level, *id).iter().take(COMPARED_MAX).map(|link| (*link, at)));
        }
        near.sort_unstable();
        for two in near.windows(2) {
            if two[0].0 == two[1].0 {
                groups.unite(two[0].1, two[1].1);
            }
        }
        for (_, a, b) in pairs {
            if groups.count == 1 {
                return;
            }
            if groups.of(*a) != groups.of(*b) && self.connect(level, nodes[*a], nodes[*b], scratch) {
                groups.unite(*a, *b);
            }
        }
        for at in 1..nodes.len() {
            if groups.count > 1 && groups.of(0) != groups.of(at) {
                self.bridge(level, nodes[0], nodes[at]);
                groups.unite(0, at);
            }
        }
    }

    /// Links two nodes that are not connected nearby; false if one of them is full and cannot drop a link.
    pub(crate) fn connect(&mut self, level: usize, a: u32, b: u32, scratch: &mut Scratch) -> bool {
        if !self.free_place(level, a, scratch) || !self.free_place(level, b, scratch) {
            return false;
        }
        self.links.link(level, a, b);
        true
    }

    /// Makes sure that two nodes are connected, by a link between nodes near them that have room or can be given room.
    pub(crate) fn bridge(&mut self, level: usize, a: u32, b: u32) {
        let a = self.place_near(level, a);
        let b = self.place_near(level, b);
        if let (Some(a), Some(b)) = (a, b)
            && a != b
            && !self.links.linked(level, a, b)
        {
            self.links.link(level, a, b);
        }
    }

    /// The first node on a walk from this one, by breadth, that has room or a link on a circle, which is dropped then: that parts nothing.
    /// There is one, because a node that is a dead end has room.
    fn place_near(&mut self, level: usize, from: u32) -> Option<u32> {
        let mut parents = HashMap::from([(from, NONE)]);
        let mut queue = VecDeque::from([from]);
        while let Some(id) = queue.pop_front() {
            if self.links.has_place(level, id) {
                return Some(id);
            }
            let parent = parents[&id];
            for other in self.links.of(level, id) {
                match parents.entry(*other) {
                    Entry::Vacant(entry) => {
                        entry.insert(id);
                        queue.push_back(*other);
                    }
                    Entry::Occupied(_) if parent == *other => {}
                    Entry::Occupied(_) => {
                        let other = *other;
                        self.links.unlink(level, id, other);
                        return Some(id);
                    }
                }
            }
        }
        None
    }
}

/// Disjoint groups of small numbers.
struct Groups {
    parents: Vec<usize>,
    count: usize,
}

impl Groups {
    fn new(count: usize) -> Self {
        Self { parents: (0..count).collect(), count }
    }

    fn of(&mut self, at: usize) -> usize {
        let mut root = at;
        while self.parents[root] != root {
            self.parents[root] = self.parents[self.parents[root]];
            root = self.parents[root];
        }
        root
    }

    fn unite(&mut self, a: usize, b: usize) {
        let (a, b) = (self.of(a), self.of(b));
        if a != b {
            self.parents[a] = b;
            self.count -= 1;
        }
    }
}
