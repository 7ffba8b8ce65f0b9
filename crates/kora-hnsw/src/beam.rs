//! The walk over one layer: from what is near to what is nearer, with the best `ef` nodes in mind.

mod cross;

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashSet};

use crate::graph::Graph;
use crate::losses::Moment;
use crate::order;
use crate::vectors::Probe;
use crate::visited::Visited;

/// Where a walk is.
#[derive(Clone, Debug, Default)]
pub(crate) struct Beam {
    pub(crate) visited: Visited,
    /// Nodes that the filter does not let through and that were not crossed yet.
    failed: Visited,
    /// Nodes whose links are still to be followed, nearest first.
    pub(crate) frontier: BinaryHeap<Reverse<u64>>,
    /// The nearest nodes that were accepted, farthest first.
    pub(crate) best: BinaryHeap<u64>,
    /// Nodes that were accepted within the radius of a walk that has one.
    pub(crate) within: Vec<u64>,
    ids: Vec<u32>,
    distances: Vec<f32>,
    /// How many nodes were followed, all of them nearer than any that was accepted; none once an accepted one was followed.
    ahead: Option<usize>,
    /// The nearest node that was accepted so far.
    nearest: u64,
    /// When the walk last looked at the graph.
    seen: Moment,
}

/// How a walk goes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Walk {
    pub(crate) level: usize,
    pub(crate) ef: usize,
    /// All nodes within this distance are looked for, besides the `ef` nearest.
    pub(crate) radius: Option<Radius>,
}

/// A walk over all that is near enough.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Radius {
    /// What is accepted.
    pub(crate) accepted: f32,
    /// What is followed.
    pub(crate) followed: f32,
}

impl Walk {
    pub(crate) fn new(level: usize, ef: usize) -> Self {
        Self { level, ef, radius: None }
    }
}

impl Beam {
    /// Begins a walk.
    pub(crate) fn begin(&mut self, graph: &Graph) {
        self.visited.reset(graph.links.bound() as usize);
        self.failed.reset(0);
        self.frontier.clear();
        self.best.clear();
        self.within.clear();
        (self.ahead, self.nearest) = (Some(0), u64::MAX);
        self.seen = graph.losses.now();
    }

    /// How many nodes were followed, if all of them are nearer than what was accepted: a filter that lets one of so many through near here.
    pub(crate) fn ahead(&self) -> Option<usize> {
        self.ahead
    }

    /// Notes that a node is followed.
    #[inline]
    fn follow(&mut self, key: u64) {
        self.ahead = self.ahead.filter(|_| key < self.nearest).map(|count| count + 1);
    }

    /// A node to walk from.
    pub(crate) fn seed(
        &mut self,
        graph: &Graph,
        walk: &Walk,
        probe: &Probe<'_>,
        id: u32,
        accept: &mut impl FnMut(u32) -> bool,
    ) {
        if self.visited.insert(id) {
            let distance = graph.vectors.distance(probe, id);
            self.meet(walk, order::pack(distance, id), accept);
        }
    }

    /// Whether the graph has lost nothing since the walk last looked at it.
    pub(crate) fn is_current(&self, graph: &Graph) -> bool {
        self.seen == graph.losses.now()
    }

    /// What the graph has lost since, if that is known.
    pub(crate) fn lost(&self, graph: &Graph) -> Option<HashSet<u32>> {
        Some(graph.losses.since(self.seen)?.collect())
    }

    /// Takes what the graph has lost since the last slice out of the walk; false if too much has changed to tell.
    pub(crate) fn sync(&mut self, graph: &Graph) -> bool {
        self.visited.fit(graph.links.bound() as usize);
        self.failed.fit(graph.links.bound() as usize);
        if self.is_current(graph) {
            return true;
        }
        let Some(lost) = self.lost(graph) else { return false };
        self.seen = graph.losses.now();
        self.frontier.retain(|Reverse(key)| !lost.contains(&order::id(*key)));
        self.best.retain(|key| !lost.contains(&order::id(*key)));
        self.within.retain(|key| !lost.contains(&order::id(*key)));
        for id in &lost {
            self.visited.remove(*id);
            self.failed.remove(*id);
        }
        true
    }

    /// Begins to cross nodes: [`Beam::run_across`] may follow.
    pub(crate) fn begin_across(&mut self, graph: &Graph) {
        self.failed.fit(graph.links.bound() as usize);
    }

    #[inline]
    fn farthest(&self, ef: usize) -> u64 {
        if self.best.len() < ef { u64::MAX } else { *self.best.peek().unwrap_or(&u64::MAX) }
    }

    /// Whether the walk is at its end: what is left to follow is farther than all that is kept.
    fn is_done(&self, walk: &Walk) -> bool {
        let Some(Reverse(nearest)) = self.frontier.peek() else { return true };
        let is_followed = walk.radius.is_some_and(|radius| order::distance(*nearest) <= radius.followed);
        !is_followed && *nearest > self.farthest(walk.ef)
    }

    #[inline]
    fn meet(&mut self, walk: &Walk, key: u64, accept: &mut impl FnMut(u32) -> bool) {
        if let Some(radius) = walk.radius {
            return self.meet_within(walk, radius, key, accept);
        }
        if key < self.farthest(walk.ef) {
            self.frontier.push(Reverse(key));
            if accept(order::id(key)) {
                self.keep(walk.ef, key);
            }
        }
    }

    /// With a radius, the nearest nodes show the way whether they are accepted or not.
    fn meet_within(&mut self, walk: &Walk, radius: Radius, key: u64, accept: &mut impl FnMut(u32) -> bool) {
        let is_near = key < self.farthest(walk.ef);
        if is_near {
            self.keep(walk.ef, key);
        }
        if is_near || order::distance(key) <= radius.followed {
            self.frontier.push(Reverse(key));
        }
        if order::distance(key) <= radius.accepted && accept(order::id(key)) {
            self.within.push(key);
        }
    }

    /// Keeps a node among the best.
    #[inline]
    pub(crate) fn keep(&mut self, ef: usize, key: u64) {
        self.nearest = self.nearest.min(key);
        if self.best.len() < ef {
            self.best.push(key);
        } else if let Some(mut farthest) = self.best.peek_mut()
            && key < *farthest
        {
            *farthest = key;
        }
    }

    /// Walks on until the end, or until the budget of distances is used up: then it is false.
    pub(crate) fn run(
        &mut self,
        graph: &Graph,
        walk: &Walk,
        probe: &Probe<'_>,
        budget: &mut usize,
        accept: &mut impl FnMut(u32) -> bool,
    ) -> bool {
        while !self.is_done(walk) {
            if *budget == 0 {
                return false;
            }
            let Some(Reverse(nearest)) = self.frontier.pop() else { return true };
            self.follow(nearest);
            if let Some(Reverse(next)) = self.frontier.peek() {
                graph.links.prefetch(order::id(*next));
            }
            self.ids.clear();
            for id in graph.links.row(walk.level, order::id(nearest)) {
                if *id == crate::links::NONE {
                    break;
                }
                if self.visited.insert(*id) {
                    graph.vectors.prefetch(*id);
                    self.ids.push(*id);
                }
            }
            let mut distances = std::mem::take(&mut self.distances);
            graph.vectors.distances(probe, &self.ids, &mut distances);
            for (at, distance) in distances.iter().enumerate() {
                self.meet(walk, order::pack(*distance, self.ids[at]), accept);
            }
            self.distances = distances;
            *budget = budget.saturating_sub(self.ids.len().max(1));
        }
        true
    }

    /// Writes the nearest of what was kept, `most` of them, nearest first.
    pub(crate) fn take_best(&mut self, most: usize, out: &mut Vec<u64>) {
        out.clear();
        out.extend(self.best.drain());
        if out.len() > most {
            out.select_nth_unstable(most);
            out.truncate(most);
        }
        out.sort_unstable();
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        let keys = self.frontier.capacity() + self.best.capacity() + self.within.capacity();
        self.visited.memory()
            + self.failed.memory()
            + keys * 8
            + (self.ids.capacity() + self.distances.capacity()) * 4
    }
}
