//! Searches: the nearest `k`, or all within a radius, with a filter if wanted, in slices if wanted.

#[cfg(test)]
mod tests;

use crate::beam::{Beam, Radius, Walk};
use crate::graph::{Graph, Scratch};
use crate::order;
use crate::vectors::Query;

/// Distances between looks at whether a scan would be cheaper.
const STRETCH: usize = 256;
/// Nodes that are scanned at a time.
const SCANNED: u32 = 64;
/// Times that a search begins anew because too much has changed between its slices; then it ends in one slice.
const RESTARTS_MAX: u32 = 3;
/// What a walk costs for each node that it is to keep, in distances of a scan: it measures some ten, whose memory is not at hand, and sorts them.
const WALK_COST: f32 = 50.0;
/// Nodes that a walk meets for each one that it is to keep, if what fails is crossed, and what each of them costs besides the filter.
const ACROSS_COST: f32 = 30.0;
/// Share that a filter lets through, below which what fails is crossed instead of measured.
const CROSSED_BELOW: f32 = 0.4;
/// Calls of the filter before its share is taken for known.
const TRIED_MIN: usize = 64;

/// What is searched for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SearchOptions {
    /// How many are wanted; ignored with a radius.
    pub k: usize,
    /// How many the search keeps in mind, at least `k`: more find more of the nearest.
    pub ef: usize,
    /// Nodes that a search with a filter measures at most, after which fewer than `k` may be found.
    pub visits_max: usize,
    /// All vectors are measured: the answer is exact.
    pub is_exact: bool,
    /// What a call of the filter costs, in distances: what decides when a scan is cheaper.
    pub filter_cost: f32,
    /// All within this distance are wanted.
    pub radius: Option<f32>,
    /// With a radius, nodes up to this share farther are followed.
    pub epsilon: f32,
}

impl SearchOptions {
    /// The `k` nearest.
    pub fn nearest(k: usize, ef: usize) -> Self {
        Self {
            k,
            ef,
            visits_max: usize::MAX,
            is_exact: false,
            filter_cost: 0.25,
            radius: None,
            epsilon: 0.01,
        }
    }

    /// All that are at most `radius` away.
    pub fn within(radius: f32, ef: usize) -> Self {
        Self { radius: Some(radius), ..Self::nearest(usize::MAX, ef) }
    }

    /// The `k` nearest by a scan.
    pub fn exact(k: usize) -> Self {
        Self { is_exact: true, ..Self::nearest(k, k) }
    }
}

/// A vector that was found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its number.
    pub id: u32,
    /// How far it is.
    pub distance: f32,
}

/// A search on its way. The graph may change between two slices, or be another one: what is taken out is not found any more, what is added may be.
#[derive(Clone, Debug)]
pub struct Search {
    query: Query,
    options: SearchOptions,
    walk: Walk,
    stage: Stage,
    /// Calls of the filter, and how many it let through.
    tried: usize,
    passed: usize,
    restarts: u32,
    scratch: Scratch,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Stage {
    Begin,
    Walk,
    /// The walk that measures only what is let through.
    Across,
    /// All nodes from this one on.
    Scan(u32),
    Done,
}

impl Search {
    /// Begins a search. Complexity: O(1).
    pub fn new(query: Query, options: SearchOptions, scratch: Scratch) -> Self {
        let ef = if options.radius.is_some() { options.ef } else { options.ef.max(options.k) };
        let radius = options.radius.map(|accepted| Radius {
            accepted,
            followed: accepted + accepted.abs() * options.epsilon.max(0.0),
        });
        let walk = Walk { level: 0, ef: ef.max(1), radius };
        Self { query, options, walk, stage: Stage::Begin, tried: 0, passed: 0, restarts: 0, scratch }
    }

    /// Searches on, for about `budget` distances, among what the filter lets through. Returns whether the search is at its end.
    ///
    /// The filter is asked once about each node that is near enough. It should give the same answers in all slices.
    pub fn advance(&mut self, graph: &Graph, budget: usize, mut filter: impl FnMut(u32) -> bool) -> bool {
        let mut left = budget.max(1);
        if self.stage != Stage::Begin && self.stage != Stage::Done && !self.scratch.beam.sync(graph) {
            self.stage = Stage::Begin;
            self.restarts += 1;
        }
        if self.restarts > RESTARTS_MAX {
            left = usize::MAX;
        }
        while left > 0 {
            match self.stage {
                Stage::Begin => self.begin(graph, &mut filter),
                Stage::Walk | Stage::Across => self.walk(graph, &mut left, &mut filter),
                Stage::Scan(from) => self.scan(graph, from, &mut left, &mut filter),
                Stage::Done => return true,
            }
        }
        self.stage == Stage::Done
    }

    fn begin(&mut self, graph: &Graph, filter: &mut impl FnMut(u32) -> bool) {
        (self.tried, self.passed) = (0, 0);
        if !graph.vectors.fits(&self.query) {
            self.stage = Stage::Done;
            return;
        }
        let is_small = graph.len() <= self.walk.ef.saturating_mul(2).min(self.options.visits_max);
        if self.options.is_exact || is_small {
            self.scratch.beam.begin(graph);
            self.stage = Stage::Scan(0);
            return;
        }
        let probe = graph.vectors.probe_of(&self.query);
        let Some(nearest) = graph.descend(&probe, 0, &mut self.scratch) else {
            self.stage = Stage::Done;
            return;
        };
        self.scratch.beam.begin(graph);
        let mut accept = counted(&mut self.tried, &mut self.passed, filter);
        self.scratch.beam.seed(graph, &self.walk, &probe, nearest, &mut accept);
        self.stage = Stage::Walk;
    }

    fn walk(&mut self, graph: &Graph, left: &mut usize, filter: &mut impl FnMut(u32) -> bool) {
        let allowed = self.options.visits_max.saturating_sub(self.scratch.beam.visited.len());
        let mut stretch = STRETCH.min(*left).min(allowed);
        let before = stretch;
        let probe = graph.vectors.probe_of(&self.query);
        let is_done = {
            let mut accept = counted(&mut self.tried, &mut self.passed, filter);
            let beam = &mut self.scratch.beam;
            if self.stage == Stage::Across {
                beam.run_across(graph, &self.walk, &probe, &mut stretch, &mut accept)
            } else {
                beam.run(graph, &self.walk, &probe, &mut stretch, &mut accept)
            }
        };
        *left = left.saturating_sub(before - stretch);
        if allowed == 0 {
            self.stage = Stage::Done;
        } else if is_done {
            // Crossing may come to an end before it has found enough.
            let is_short = self.stage == Stage::Across
                && self.scratch.beam.best.len() < self.walk.ef
                && graph.len() <= self.options.visits_max;
            self.stage = if is_short { Stage::Scan(0) } else { Stage::Done };
        } else {
            self.choose_way(graph);
        }
    }

    /// Goes on in the way that is likely the cheapest by what the filter has let through.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn choose_way(&mut self, graph: &Graph) {
        if self.walk.radius.is_some() || self.tried < TRIED_MIN || self.tried == self.passed {
            return;
        }
        let share = (self.passed + 1) as f32 / (self.tried + 1) as f32;
        let missing = self.walk.ef.saturating_sub(self.scratch.beam.best.len()) as f32;
        let met = self.scratch.beam.visited.len();
        let unmet = graph.len().saturating_sub(met) as f32;
        let filter = self.options.filter_cost;
        let scan = unmet * (share + filter);
        let walk = (WALK_COST + filter) * missing / share;
        let across = missing * (ACROSS_COST * (1.0 + filter) / share + WALK_COST);
        if scan < walk.min(across) && graph.len() <= self.options.visits_max {
            self.stage = Stage::Scan(0);
        } else if share < CROSSED_BELOW && self.stage == Stage::Walk {
            self.scratch.beam.begin_across(graph);
            self.stage = Stage::Across;
        }
    }

    /// Measures what the filter lets through, without what the walk has met.
    fn scan(&mut self, graph: &Graph, from: u32, left: &mut usize, filter: &mut impl FnMut(u32) -> bool) {
        let end = from.saturating_add(SCANNED).min(graph.bound());
        let scratch = &mut self.scratch;
        scratch.chosen.clear();
        for id in from..end {
            if graph.contains(id) && !scratch.beam.visited.contains(id) && filter(id) {
                graph.vectors.prefetch(id);
                scratch.chosen.push(id);
            }
        }
        let probe = graph.vectors.probe_of(&self.query);
        graph.vectors.distances(&probe, &scratch.chosen, &mut scratch.distances);
        for (id, distance) in scratch.chosen.iter().zip(&scratch.distances) {
            self.walk.add(&mut scratch.beam, order::pack(*distance, *id));
        }
        *left = left.saturating_sub((end - from) as usize / 4 + scratch.chosen.len());
        self.stage = if end == graph.bound() { Stage::Done } else { Stage::Scan(end) };
    }

    /// Nodes that were met so far, whether the filter let them through or not.
    pub fn met(&self) -> usize {
        self.scratch.beam.visited.len()
    }

    /// What was found, nearest first, and the memory to use again. Distances are as exact as what is kept allows.
    /// Complexity: O(ef) distances if codes are refined.
    pub fn finish(self, graph: &Graph) -> (Vec<Hit>, Scratch) {
        let Self { query, options, walk, mut scratch, .. } = self;
        // What was found may be something else by now.
        let is_known = scratch.beam.sync(graph);
        let mut keys = match walk.radius {
            Some(_) => std::mem::take(&mut scratch.beam.within),
            None => scratch.beam.best.drain().collect(),
        };
        if (graph.vectors.refines() || !is_known) && graph.vectors.fits(&query) {
            for key in &mut keys {
                let id = order::id(*key);
                if graph.contains(id) {
                    *key = order::pack(graph.vectors.exact(&query, id), id);
                }
            }
        }
        keys.sort_unstable();
        let hits = keys.iter().map(|key| Hit { id: order::id(*key), distance: order::distance(*key) });
        let hits: Vec<Hit> = hits.filter(|hit| graph.contains(hit.id)).take(options.k).collect();
        keys.clear();
        if walk.radius.is_some() {
            scratch.beam.within = keys;
        }
        (hits, scratch)
    }
}

/// The filter, with its calls counted.
fn counted<'a>(
    tried: &'a mut usize,
    passed: &'a mut usize,
    filter: &'a mut impl FnMut(u32) -> bool,
) -> impl FnMut(u32) -> bool + 'a {
    move |id| {
        let is_let_through = filter(id);
        *tried += 1;
        *passed += usize::from(is_let_through);
        is_let_through
    }
}

impl Walk {
    /// Adds a node that the filter lets through.
    fn add(&self, beam: &mut Beam, key: u64) {
        match self.radius {
            Some(radius) if order::distance(key) <= radius.accepted => beam.within.push(key),
            Some(_) => {}
            None => beam.keep(self.ef, key),
        }
    }
}

impl Graph {
    /// Searches in one go. Complexity: O(ef * M) distances, about; more with a filter that lets few through, at most all.
    pub fn search(
        &self,
        query: &Query,
        options: SearchOptions,
        scratch: &mut Scratch,
        filter: impl FnMut(u32) -> bool,
    ) -> Vec<Hit> {
        let mut search = Search::new(query.clone(), options, std::mem::take(scratch));
        search.advance(self, usize::MAX, filter);
        let (hits, used) = search.finish(self);
        *scratch = used;
        hits
    }

    /// The `k` nearest among these numbers, exactly; numbers of no vector are passed over. Complexity: O(numbers) distances.
    pub fn nearest_of(
        &self,
        query: &Query,
        ids: impl IntoIterator<Item = u32>,
        k: usize,
        scratch: &mut Scratch,
    ) -> Vec<Hit> {
        let mut beam = std::mem::take(&mut scratch.beam);
        beam.best.clear();
        let probe = self.vectors.probe_of(query);
        for id in ids {
            if self.contains(id) && k > 0 {
                beam.keep(k, order::pack(self.vectors.distance(&probe, id), id));
            }
        }
        let mut keys: Vec<u64> = beam.best.drain().collect();
        for key in &mut keys {
            *key = order::pack(self.vectors.exact(query, order::id(*key)), order::id(*key));
        }
        keys.sort_unstable();
        scratch.beam = beam;
        keys.iter().map(|key| Hit { id: order::id(*key), distance: order::distance(*key) }).collect()
    }
}
