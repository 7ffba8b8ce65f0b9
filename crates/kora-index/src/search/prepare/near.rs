//! The documents with vectors within a radius, as far as a graph leads to them.

use kora_hnsw::{Scratch, SearchOptions};

use crate::index::{Index, Indexed};
use crate::plan::NearTo;
use crate::search::STEPS_PER_DISTANCE;
use crate::sets::DocumentSet;
use crate::table::Snapshot;
use crate::vectors::{Vectors, candidates_of};

/// Of fewer vectors each is measured.
const VECTORS_MIN: usize = 2_000;
/// A walk that has met more than this share of all is given up: to measure each costs less.
const MET_SHARE: usize = 4;
/// How much farther what is kept as bytes may seem than it is, as a share.
const BLUR: f64 = 0.05;
/// Distances between two looks at how many were met.
const STRETCH: usize = 512;

/// What a search sees.
pub(in crate::search) struct Seeing<'a> {
    pub(in crate::search) index: &'a Index,
    pub(in crate::search) snapshot: &'a Snapshot,
}

/// A walk through a graph.
#[derive(Clone)]
pub(super) struct Walk {
    search: Option<kora_hnsw::Search>,
    found: Option<Vec<u32>>,
}

fn vectors_of<'a>(near: &NearTo, index: &'a Index) -> Option<&'a Vectors> {
    match &index.fields().get(near.field)?.indexed {
        Indexed::Vectors(vectors) => Some(vectors),
        _ => None,
    }
}

#[expect(clippy::cast_possible_truncation, reason = "a radius past single precision is infinite")]
fn as_single(radius: f64) -> f32 {
    radius as f32
}

impl Walk {
    /// Begins; none if the field has no graph, or so few vectors that each is measured.
    pub(super) fn new(near: &NearTo, index: &Index) -> Option<Self> {
        let vectors = vectors_of(near, index)?;
        let (graph, declared) = vectors.graph()?;
        if vectors.count() < VECTORS_MIN {
            return None;
        }
        // What is found is measured exactly afterwards.
        let is_blurred = graph.config().storage == kora_hnsw::Storage::Int8;
        let blur = if is_blurred { BLUR } else { 1e-6 };
        let radius = as_single(near.radius + near.radius.abs() * blur);
        let epsilon = as_single(near.epsilon.unwrap_or(declared.epsilon));
        let options =
            SearchOptions { epsilon, ..SearchOptions::within(radius, candidates_of(None, declared)) };
        let query = near.target.query()?.clone();
        Some(Self { search: Some(kora_hnsw::Search::new(query, options, Scratch::default())), found: None })
    }

    /// Goes on until it is at its end or the steps are used up; returns whether it is at its end.
    pub(super) fn step(&mut self, near: &NearTo, seeing: &Seeing<'_>, steps: &mut usize) -> bool {
        let Some(vectors) = vectors_of(near, seeing.index) else { return true };
        let Some((graph, _)) = vectors.graph() else { return true };
        let table = seeing.index.table();
        while let Some(search) = &mut self.search {
            let budget = STRETCH.min(*steps / STEPS_PER_DISTANCE + 1);
            let sees = |slot| table.sees(seeing.snapshot, vectors.owner(slot));
            let is_done = search.advance(graph, budget, sees);
            *steps = steps.saturating_sub(budget * STEPS_PER_DISTANCE);
            if search.met() > graph.len() / MET_SHARE {
                self.search = None;
                return true;
            }
            if is_done {
                let hits = self.search.take().map_or_else(Vec::new, |search| search.finish(graph).0);
                let mut documents: Vec<u32> = hits.iter().map(|hit| vectors.owner(hit.id)).collect();
                documents.sort_unstable();
                documents.dedup();
                documents.retain(|document| near.distance_of(vectors, *document).is_some());
                self.found = Some(documents);
            } else if *steps == 0 {
                return false;
            }
        }
        true
    }

    /// What it has found; none if it was given up.
    pub(super) fn take(&mut self, horizon: u32) -> Option<DocumentSet> {
        let found = self.found.take()?;
        let mut set = DocumentSet::new(found.len(), horizon);
        found.into_iter().for_each(|document| set.insert(document));
        set.seal();
        Some(set)
    }
}
