//! The walk with a filter that lets few nodes through: what fails is not measured but crossed, to the nodes behind it (as in ACORN, Patel et al., 2024).
//!
//! A node that fails is asked about once. It is crossed once, too, when it is met as a neighbour of a node that is followed; so the walk gets over one
//! such node, seldom over two in a row, and may end early: whoever needs more scans the rest.

use std::cmp::Reverse;

use crate::beam::{Beam, Walk};
use crate::graph::Graph;
use crate::links::NONE;
use crate::order;
use crate::vectors::Probe;

impl Beam {
    /// Walks on as [`Beam::run`] does, measuring only nodes that the filter lets through.
    pub(crate) fn run_across(
        &mut self,
        graph: &Graph,
        walk: &Walk,
        probe: &Probe<'_>,
        budget: &mut usize,
        accept: &mut impl FnMut(u32) -> bool,
    ) -> bool {
        let mut crossed = Vec::new();
        while !self.is_done(walk) {
            if *budget == 0 {
                return false;
            }
            let Some(Reverse(nearest)) = self.frontier.pop() else { return true };
            self.follow(nearest);
            self.ids.clear();
            crossed.clear();
            let asked = self.ask(graph, walk, order::id(nearest), &mut crossed, accept);
            let mut cost = asked;
            for id in &crossed {
                for other in graph.links.row(walk.level, *id) {
                    if *other == NONE {
                        break;
                    }
                    if self.visited.insert(*other) {
                        cost += 1;
                        if accept(*other) {
                            graph.vectors.prefetch(*other);
                            self.ids.push(*other);
                        } else {
                            self.failed.insert(*other);
                        }
                    }
                }
            }
            let mut distances = std::mem::take(&mut self.distances);
            graph.vectors.distances(probe, &self.ids, &mut distances);
            for (at, distance) in distances.iter().enumerate() {
                let key = order::pack(*distance, self.ids[at]);
                if key < self.farthest(walk.ef) {
                    self.frontier.push(Reverse(key));
                    self.keep(walk.ef, key);
                }
            }
            self.distances = distances;
            *budget = budget.saturating_sub(cost / 4 + self.ids.len().max(1));
        }
        true
    }

    /// Asks the filter about the neighbours of a node: those that pass are to be measured, those that fail to be crossed. Returns how many were new.
    fn ask(
        &mut self,
        graph: &Graph,
        walk: &Walk,
        id: u32,
        crossed: &mut Vec<u32>,
        accept: &mut impl FnMut(u32) -> bool,
    ) -> usize {
        let mut asked = 0;
        for other in graph.links.row(walk.level, id) {
            if *other == NONE {
                break;
            }
            if self.visited.insert(*other) {
                asked += 1;
                if accept(*other) {
                    graph.vectors.prefetch(*other);
                    self.ids.push(*other);
                    continue;
                }
            } else if !self.failed.contains(*other) {
                continue;
            }
            self.failed.remove(*other);
            graph.links.prefetch(*other);
            crossed.push(*other);
        }
        asked
    }
}
