//! The documents of one part of an index whose vectors are the nearest among those that a plan matches, in slices.
//!
//! How they are found depends on the field and on what the plan matches. Without a graph, and where it costs less, all candidates are measured. Else
//! the graph is walked, and asks of each vector that it meets whether its document is seen and matches: of all documents the first is enough;
//! otherwise the matches were collected before. So never fewer are found than there are.
//!
//! What no index tells of a document its owner may be asked ([`Admits`]): of measured documents only those are asked about that are nearer than what is
//! kept, and of those that a walk meets only those that are seen and match.

use kora_hnsw::{Scratch, SearchOptions};

use super::{Flow, Hit, KeptKey, STEPS_PER_DISTANCE, Search, SearchScoring, TopKeys};
use crate::document::SortKey;
use crate::index::{Index, Indexed};
use crate::plan::{Nearest, Plan};
use crate::query::Policy;
use crate::search::Direction;
use crate::sets::DocumentSet;
use crate::vectors::{Vectors, candidates_of, lesser};

/// Vectors that are measured together.
const TOGETHER: usize = 64;
/// What a walk costs for each candidate that it keeps, in distances of a scan.
const WALK_COST: usize = 50;
/// What it costs to ask a walk's own filter, in distances: a bit of a set, and a number of the table.
const FILTER_COST: f32 = 0.25;
/// The same where documents themselves are looked at.
const LOOK_COST: f32 = 20.0;

/// Whether a document that the plan matches counts, by something that the index does not know. It gives the same answers in all slices.
pub type Admits<'a> = &'a mut dyn FnMut(u32) -> bool;

/// A search for the nearest in one part of an index.
#[derive(Clone, Debug)]
pub struct NearestSearch {
    matches: Search,
    way: Way,
    top: TopKeys,
    batch: Batch,
    has_walked: bool,
    /// What it costs to ask whether a document is admitted, in distances.
    look_cost: f32,
}

/// An index, what is asked for, and the vectors of the field that it is about.
type Field<'a> = (&'a Index, &'a Nearest, &'a Vectors);

/// How it goes on.
#[derive(Clone, Debug)]
enum Way {
    Begin,
    /// What matches is measured as it comes.
    Matches,
    /// All vectors are measured, from this slot on.
    Slots(u32),
    /// What matches is collected: so many so far.
    Collect(DocumentSet, usize),
    /// What was collected is measured, from this document on.
    Collected(DocumentSet, u32),
    Graph(Box<GraphWalk>),
    Done,
}

#[derive(Clone, Debug)]
struct GraphWalk {
    search: kora_hnsw::Search,
    candidates: usize,
    /// What matches; none: all.
    matching: Option<DocumentSet>,
}

/// Vectors that are about to be measured.
#[derive(Clone, Debug, Default)]
struct Batch {
    slots: Vec<u32>,
    singles: Vec<f32>,
    /// Distances of documents that have several vectors.
    several: Vec<(u32, f64)>,
}

impl NearestSearch {
    /// Begins to search among what a search matches, whose plan asks for the nearest.
    #[must_use]
    pub fn new(matches: Search) -> Self {
        let count = matches.plan.nearest_count().unwrap_or(0);
        let top = TopKeys::new(count, Direction::Ascending);
        Self {
            matches,
            way: Way::Begin,
            top,
            batch: Batch::default(),
            has_walked: false,
            look_cost: FILTER_COST,
        }
    }

    /// The same where it takes as long to ask whether a document is admitted as to measure many vectors.
    #[must_use]
    pub fn with_costly_looks(self) -> Self {
        Self { look_cost: LOOK_COST, ..self }
    }

    /// Goes on for about so many steps, a step being a document that is looked at or some elements that are compared, among what is admitted. Returns
    /// whether it is over.
    pub fn step(&mut self, index: &Index, steps: usize, admits: Admits<'_>) -> bool {
        let plan = std::sync::Arc::clone(&self.matches.plan);
        let found = plan.nearest.as_ref().and_then(|nearest| Some((nearest, vectors_of(nearest, index)?)));
        let Some((nearest, vectors)) = found else { return true };
        let mut left = steps.max(1);
        while left > 0 {
            match std::mem::replace(&mut self.way, Way::Done) {
                Way::Done => return true,
                Way::Begin => self.way = self.begin(&plan, nearest, vectors),
                Way::Matches => self.measure_matches((index, nearest, vectors), &mut left, admits),
                Way::Slots(from) => self.measure_slots((index, nearest, vectors), from, &mut left, admits),
                Way::Collect(set, count) => {
                    self.way = self.collect(index, nearest, vectors, (set, count), &mut left);
                }
                Way::Collected(set, from) => {
                    self.measure_collected((index, nearest, vectors), (set, from), &mut left, admits);
                }
                Way::Graph(walk) => self.walk((index, nearest, vectors), walk, &mut left, admits),
            }
        }
        matches!(self.way, Way::Done)
    }

    /// Whether it went through a graph, rather than to measure all that match.
    #[must_use]
    pub fn has_walked(&self) -> bool {
        self.has_walked
    }

    /// The nearest, in their order, with their distances.
    #[must_use]
    pub fn finish(self) -> Vec<(KeptKey, Hit)> {
        self.top.finish()
    }

    fn begin(&self, plan: &Plan, nearest: &Nearest, vectors: &Vectors) -> Way {
        if nearest.count == 0 || vectors.count() == 0 {
            return Way::Done;
        }
        let is_of_all = plan.is_of_all() && self.matches.walk.keys.is_none();
        let scan = if is_of_all { Way::Slots(0) } else { Way::Matches };
        let Some(candidates) = candidates(nearest, vectors) else { return scan };
        let is_walked = matches!(nearest.way.policy, Some(Policy::Graph(_)));
        let is_cheap = candidates.saturating_mul(WALK_COST) < vectors.count();
        if nearest.way.policy == Some(Policy::Exact)
            || self.matches.walk.keys.is_some()
            || !(is_cheap || is_walked && !is_of_all)
        {
            return scan;
        }
        if is_of_all {
            self.graph_walk(nearest, candidates, None, Scratch::default())
        } else if !is_walked && !is_many(self.matches.expected(vectors.count()), candidates, vectors) {
            scan
        } else {
            Way::Collect(DocumentSet::new(usize::MAX, self.matches.walk.horizon), 0)
        }
    }

    /// Measures what matches.
    fn measure_matches(&mut self, field: Field<'_>, left: &mut usize, admits: Admits<'_>) {
        let Self { matches, batch, top, .. } = self;
        let (index, _, vectors) = field;
        let steps = *left;
        let cost = cost_of(vectors);
        let mut spent = 0;
        let is_over = matches.step(index, steps, &SearchScoring::NONE, |one| {
            let before = batch.slots.len();
            batch.slots.extend(vectors.slots(one.document));
            spent += cost * (batch.slots.len() - before);
            if batch.slots.len() >= TOGETHER {
                batch.measure(field, top, admits);
            }
            if spent >= steps { Flow::Rest } else { Flow::Continue }
        });
        self.batch.measure(field, &mut self.top, admits);
        *left = 0;
        self.way = if is_over { Way::Done } else { Way::Matches };
    }

    /// Measures all vectors.
    fn measure_slots(&mut self, field: Field<'_>, from: u32, left: &mut usize, admits: Admits<'_>) {
        let (index, _, vectors) = field;
        let (table, snapshot) = (index.table(), &self.matches.snapshot);
        let together = u32::try_from(TOGETHER).unwrap_or(u32::MAX);
        let end = from.saturating_add(together).min(vectors.bound());
        let seen = (from..end).filter(|slot| {
            let owner = vectors.owner(*slot);
            owner != u32::MAX && table.sees(snapshot, owner)
        });
        self.batch.slots.extend(seen);
        if vectors.has_several() {
            // The other vectors of a document may be anywhere: its last one, which comes first, stands for all.
            let is_first = |slot: &u32| vectors.slots(vectors.owner(*slot)).next() == Some(*slot);
            let firsts: Vec<u32> = self.batch.slots.drain(..).filter(is_first).collect();
            firsts.iter().for_each(|slot| self.batch.slots.extend(vectors.slots(vectors.owner(*slot))));
        }
        *left = left.saturating_sub((end - from) as usize + self.batch.slots.len() * cost_of(vectors));
        self.batch.measure(field, &mut self.top, admits);
        self.way = if end == vectors.bound() { Way::Done } else { Way::Slots(end) };
    }

    /// Collects what matches, and chooses how to go on when that is done.
    fn collect(
        &mut self,
        index: &Index,
        nearest: &Nearest,
        vectors: &Vectors,
        (mut set, mut count): (DocumentSet, usize),
        left: &mut usize,
    ) -> Way {
        let is_over = self.matches.step(index, *left, &SearchScoring::NONE, |one| {
            set.insert(one.document);
            count += 1;
            Flow::Continue
        });
        *left = 0;
        if !is_over {
            return Way::Collect(set, count);
        }
        let Some(candidates) = candidates(nearest, vectors) else { return Way::Collected(set, 0) };
        if is_many(count, candidates, vectors) || matches!(nearest.way.policy, Some(Policy::Graph(_))) {
            self.graph_walk(nearest, candidates, Some(set), Scratch::default())
        } else {
            Way::Collected(set, 0)
        }
    }

    /// Measures what was collected.
    fn measure_collected(
        &mut self,
        field: Field<'_>,
        (set, from): (DocumentSet, u32),
        left: &mut usize,
        admits: Admits<'_>,
    ) {
        let (_, _, vectors) = field;
        let mut cursor = set.cursor();
        let mut next = from;
        while self.batch.slots.len() < TOGETHER {
            let document = cursor.advance(next);
            if document == crate::postings::END {
                self.batch.measure(field, &mut self.top, admits);
                self.way = Way::Done;
                return;
            }
            self.batch.slots.extend(vectors.slots(document));
            next = document + 1;
            *left = left.saturating_sub(1);
            if *left == 0 {
                break;
            }
        }
        *left = left.saturating_sub(self.batch.slots.len() * cost_of(vectors));
        self.batch.measure(field, &mut self.top, admits);
        self.way = Way::Collected(set, next);
    }

    fn graph_walk(
        &self,
        nearest: &Nearest,
        candidates: usize,
        matching: Option<DocumentSet>,
        scratch: Scratch,
    ) -> Way {
        let Some(query) = nearest.target.query() else { return Way::Done };
        let options =
            SearchOptions { filter_cost: self.look_cost, ..SearchOptions::nearest(candidates, candidates) };
        let search = kora_hnsw::Search::new(query.clone(), options, scratch);
        Way::Graph(Box::new(GraphWalk { search, candidates, matching }))
    }

    /// Walks on through the graph. What it finds is measured by all vectors of its documents.
    fn walk(&mut self, field: Field<'_>, mut walk: Box<GraphWalk>, left: &mut usize, admits: Admits<'_>) {
        let (index, nearest, vectors) = field;
        let Some((graph, _)) = vectors.graph() else { return };
        self.has_walked = true;
        let (table, snapshot) = (index.table(), &self.matches.snapshot);
        let matching = walk.matching.as_ref();
        let filter = |slot| {
            let document = vectors.owner(slot);
            matching.is_none_or(|set| set.contains(document))
                && table.sees(snapshot, document)
                && admits(document)
        };
        let budget = (*left / cost_of(vectors)).max(1);
        let is_over = walk.search.advance(graph, budget, filter);
        *left = 0;
        if !is_over {
            self.way = Way::Graph(walk);
            return;
        }
        let GraphWalk { search, candidates, matching } = *walk;
        let (hits, scratch) = search.finish(graph);
        let mut documents: Vec<u32> = hits.iter().map(|hit| vectors.owner(hit.id)).collect();
        documents.sort_unstable();
        documents.dedup();
        // Several vectors of one document may stand in the way of other documents.
        if documents.len() < nearest.count && hits.len() >= candidates {
            self.way = self.graph_walk(nearest, candidates.saturating_mul(2), matching, scratch);
            return;
        }
        for document in documents {
            self.batch.slots.extend(vectors.slots(document));
        }
        // The walk has asked about them.
        self.batch.measure(field, &mut self.top, &mut |_| true);
    }
}

impl Batch {
    /// Measures the slots, in which those of a document stand side by side, and offers their documents.
    fn measure(
        &mut self,
        (index, nearest, vectors): Field<'_>,
        top: &mut TopKeys,
        admits: &mut (impl FnMut(u32) -> bool + ?Sized),
    ) {
        let several = &mut self.several;
        vectors.measure(&nearest.target, &self.slots, &mut self.singles, |slot, distance| {
            let document = vectors.owner(slot);
            match several.last_mut() {
                Some((last, least)) if *last == document => *least = lesser(distance, *least),
                _ => several.push((document, distance)),
            }
        });
        for (document, distance) in several.drain(..) {
            // One sign of what is not a number, so that all of them are equal.
            let distance = if distance.is_nan() { f64::NAN } else { distance };
            if top.may_keep(distance) && admits(document) {
                let (order, _) = index.order_and_length(document);
                top.offer(SortKey::Number(distance), Hit { document, score: 0.0, order });
            }
        }
        self.slots.clear();
    }
}

fn vectors_of<'a>(nearest: &Nearest, index: &'a Index) -> Option<&'a Vectors> {
    match &index.fields().get(nearest.field)?.indexed {
        Indexed::Vectors(vectors) => Some(vectors),
        _ => None,
    }
}

/// Whether a walk costs less than to measure so many, of which it has to find some.
fn is_many(count: usize, candidates: usize, vectors: &Vectors) -> bool {
    count > candidates.saturating_mul(WALK_COST).saturating_mul(vectors.count() / count.max(1))
}

/// Steps that a distance counts.
fn cost_of(vectors: &Vectors) -> usize {
    /// Elements that are compared in a step.
    const ELEMENTS: usize = 128;
    STEPS_PER_DISTANCE + vectors.dimensions() / ELEMENTS
}

/// How many vectors a walk keeps in mind; none without a graph.
fn candidates(nearest: &Nearest, vectors: &Vectors) -> Option<usize> {
    let (_, declared) = vectors.graph()?;
    nearest.target.query()?;
    let batch = match nearest.way.policy {
        Some(Policy::Graph(batch)) => batch.unwrap_or(0),
        _ => 0,
    };
    let candidates = candidates_of(nearest.way.candidates, declared).max(nearest.count);
    Some(candidates.max(batch.min(vectors.count())).min(vectors.count()))
}
