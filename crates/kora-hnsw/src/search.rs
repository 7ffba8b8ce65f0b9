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
/// Calls of the filter before its share is taken for known.
const TRIED_MIN: usize = 64;
/// Nodes that are followed, all nearer than any that was let through, before that is taken for what the filter does near the query.
const AHEAD_MIN: usize = 8;

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
    /// What was found, once that is measured exactly.
    found: Vec<u64>,
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
    /// What was found is measured exactly, from this place on.
    Refine(usize),
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
        let (stage, found) = (Stage::Begin, Vec::new());
        Self { query, options, walk, stage, tried: 0, passed: 0, restarts: 0, found, scratch }
    }

    /// Searches on, for about `budget` distances, among what the filter lets through. Returns whether the search is at its end.
    ///
    /// The filter is asked once about each node that is near enough. It should give the same answers in all slices.
    pub fn advance(&mut self, graph: &Graph, budget: usize, mut filter: impl FnMut(u32) -> bool) -> bool {
        let mut left = budget.max(1);
        if self.stage != Stage::Begin && self.stage != Stage::Done && !self.sync(graph) {
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
                Stage::Refine(from) => self.refine(graph, from, &mut left),
                Stage::Done => return true,
            }
        }
        self.stage == Stage::Done
    }

    /// Takes out what the graph has lost; false if too much has changed to tell.
    fn sync(&mut self, graph: &Graph) -> bool {
        if !self.found.is_empty()
            && let Some(lost) = self.scratch.beam.lost(graph)
        {
            let before = self.found.len();
            self.found.retain(|key| !lost.contains(&order::id(*key)));
            if let Stage::Refine(from) = &mut self.stage
                && self.found.len() < before
            {
                *from = 0;
            }
        }
        self.scratch.beam.sync(graph)
    }

    /// All is found.
    fn end(&mut self, graph: &Graph) {
        self.found.clear();
        match self.walk.radius {
            Some(_) => self.found.append(&mut self.scratch.beam.within),
            None => self.found.extend(self.scratch.beam.best.drain()),
        }
        self.stage = if graph.vectors.refines() { Stage::Refine(0) } else { Stage::Done };
    }

    /// Measures what was found as exactly as it can be.
    fn refine(&mut self, graph: &Graph, from: usize, left: &mut usize) {
        let end = from.saturating_add(*left).min(self.found.len());
        for key in &mut self.found[from..end] {
            let id = order::id(*key);
            *key = order::pack(graph.vectors.exact(&self.query, id), id);
        }
        *left = left.saturating_sub((end - from).max(1));
        self.stage = if end == self.found.len() { Stage::Done } else { Stage::Refine(end) };
    }

    fn begin(&mut self, graph: &Graph, filter: &mut impl FnMut(u32) -> bool) {
        (self.tried, self.passed) = (0, 0);
        self.found.clear();
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
            self.end(graph);
        } else if is_done {
            // Crossing may come to an end before it has found enough.
            let is_short = self.stage == Stage::Across
                && self.scratch.beam.best.len() < self.walk.ef
                && graph.len() <= self.options.visits_max;
            if is_short {
                self.stage = Stage::Scan(0);
            } else {
                self.end(graph);
            }
        } else {
            self.choose_way(graph);
        }
    }

    /// Goes on in the way that is likely the cheapest by what the filter has let through. A walk that measures what it meets asks the filter about what is near
    /// only; to cross what fails takes a call for each node, and a scan one for each that is left.
    ///
    /// What the filter lets through may lie far from the query, behind all that it does not: then nodes that were let through say nothing of how far the walk
    /// has to go, and those that it follows do. A walk that has cost as much as a scan of the rest gives way to that, so that the whole costs about as much as
    /// a scan from the beginning.
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    fn choose_way(&mut self, graph: &Graph) {
        if self.walk.radius.is_some() || self.tried < TRIED_MIN || self.tried == self.passed {
            return;
        }
        let mut share = (self.passed + 1) as f32 / (self.tried + 1) as f32;
        let mut missing = self.walk.ef.saturating_sub(self.scratch.beam.best.len()) as f32;
        if let Some(ahead) = self.scratch.beam.ahead()
            && ahead >= AHEAD_MIN
        {
            share = share.min(1.0 / (ahead + 1) as f32);
            missing = self.walk.ef as f32;
        }
        let met = self.scratch.beam.visited.len();
        let unmet = graph.len().saturating_sub(met) as f32;
        let filter = self.options.filter_cost;
        let scan = unmet * (share + filter);
        let walk = (WALK_COST + filter) * missing / share;
        let across = missing * (ACROSS_COST * (1.0 + filter) / share + WALK_COST);
        let spent = met as f32 + self.tried as f32 * filter;
        if scan < walk.min(across).max(spent) && graph.len() <= self.options.visits_max {
            self.stage = Stage::Scan(0);
        } else if across < walk && self.stage == Stage::Walk {
            self.scratch.beam.begin_across(graph);
            self.stage = Stage::Across;
        }
    }

    /// Measures what the filter lets through, without what the walk has met.
    fn scan(&mut self, graph: &Graph, from: u32, left: &mut usize, filter: &mut impl FnMut(u32) -> bool) {
        // A node that fails takes a quarter of the budget for one that is measured.
        let count = u32::try_from(left.saturating_mul(4)).unwrap_or(u32::MAX).clamp(1, SCANNED);
        let end = from.saturating_add(count).min(graph.bound());
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
        *left = left.saturating_sub(((end - from) as usize / 4 + scratch.chosen.len()).max(1));
        if end == graph.bound() {
            self.end(graph);
        } else {
            self.stage = Stage::Scan(end);
        }
    }

    /// Nodes that were met so far, whether the filter let them through or not.
    pub fn met(&self) -> usize {
        self.scratch.beam.visited.len()
    }

    /// What was found, nearest first, and the memory to use again. Distances are as exact as what is kept allows.
    /// Complexity: O(ef), and O(ef) distances if codes are refined and the search is not at its end, or the graph has changed since.
    pub fn finish(mut self, graph: &Graph) -> (Vec<Hit>, Scratch) {
        let is_current = self.stage == Stage::Done && self.scratch.beam.is_current(graph);
        let is_known = is_current || self.sync(graph);
        if !matches!(self.stage, Stage::Refine(_) | Stage::Done) {
            self.end(graph);
        }
        let Self { query, options, mut found, scratch, .. } = self;
        // What was found may be something else by now.
        found.retain(|key| graph.contains(order::id(*key)));
        if !is_current && (graph.vectors.refines() || !is_known) && graph.vectors.fits(&query) {
            for key in &mut found {
                let id = order::id(*key);
                *key = order::pack(graph.vectors.exact(&query, id), id);
            }
        }
        if options.k < found.len() && options.k > 0 {
            found.select_nth_unstable(options.k - 1);
        }
        found.truncate(options.k);
        found.sort_unstable();
        let hits = found.iter().map(|key| Hit { id: order::id(*key), distance: order::distance(*key) });
        (hits.collect(), scratch)
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
