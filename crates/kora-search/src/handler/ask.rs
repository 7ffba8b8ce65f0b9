//! A query through the parts of an index in all stores.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::entry::Entry;
use kora_core::error::CommandResult;
use kora_core::store::ShardStore;
use kora_index::Snapshot;
use kora_index::document::SortKey;
use kora_index::plan::{Distance, Plan};
use kora_index::search::{Direction, Flow, Hit, KeptKey, Match, Search, SearchScoring, TopKeys};
use kora_index::statistics::{Gathering, Statistics};

use super::UNKNOWN;
use super::question::Question;
use crate::companion::{self, DB, IndexPart};

/// Steps of a search between two looks at its deadline.
const STEPS: usize = 1 << 13;

/// Calls with the part of an index in one store. What depends on what is declared only is the same in all.
///
/// # Errors
/// If the stores have no such index.
pub(super) fn with_index<R>(
    ctx: &mut Ctx<'_>,
    number: u64,
    body: impl FnOnce(&IndexPart) -> R,
) -> CommandResult<R> {
    let (mut body, mut result) = (Some(body), None);
    ctx.each_store(|store, _| {
        if result.is_none() {
            result = companion::with_part(store, |part, _| {
                let index = part.find(number)?;
                body.take().map(|body| body(index))
            })
            .flatten();
        }
    });
    result.ok_or(UNKNOWN)
}

/// Has everything deleted that is due in any store, so that all that is found is there.
pub(super) fn settle(ctx: &mut Ctx<'_>) {
    let now = ctx.now;
    ctx.each_store(|store, journal| companion::settle(store, journal, now));
}

/// Calls with each part of an index, in the order of shards, and its store.
pub(super) fn each_index(ctx: &mut Ctx<'_>, number: u64, mut body: impl FnMut(&mut IndexPart, &ShardStore)) {
    ctx.each_store(|store, _| {
        companion::with_part(store, |part, store| {
            if let Some(index) = part.find(number) {
                body(index, store);
            }
        });
    });
}

/// A search through one store's part of an index.
pub(super) struct PartSearch<'a> {
    /// Which of the stores in hand it is.
    pub(super) place: usize,
    pub(super) part: &'a IndexPart,
    pub(super) store: &'a ShardStore,
    snapshot: Snapshot,
    statistics: Arc<Statistics>,
    question: &'a Question,
    distances: &'a [Distance],
    /// The documents that are among the nearest, if those are asked for.
    nearest: Option<Vec<u32>>,
}

impl<'a> PartSearch<'a> {
    /// Calls with each match. Returns how many there are.
    ///
    /// # Errors
    /// If the query takes longer than it may.
    pub(super) fn run(&self, visit: impl FnMut(&Match<'_>) -> Flow) -> CommandResult<u64> {
        self.run_among(self.nearest.clone(), visit)
    }

    /// Calls with each match among documents, whose numbers ascend; none given: all.
    ///
    /// # Errors
    /// If the query takes longer than it may.
    pub(super) fn run_among(
        &self,
        documents: Option<Vec<u32>>,
        mut visit: impl FnMut(&Match<'_>) -> Flow,
    ) -> CommandResult<u64> {
        let (plan, statistics) = (Arc::clone(&self.question.plan), Arc::clone(&self.statistics));
        let mut search = Search::new(&self.part.index, plan, statistics, self.snapshot.clone());
        if let Some(documents) = documents {
            search = search.among(documents);
        }
        let scoring =
            SearchScoring { scorer: self.question.scorer, payload: self.question.payload.as_deref() };
        while !search.step(&self.part.index, STEPS, &scoring, &mut visit) {
            self.question.deadline.check()?;
        }
        Ok(search.matched())
    }

    /// The distances of a document that was found, with their places among those of the plan.
    pub(super) fn distances(&self, document: u32) -> impl Iterator<Item = (usize, f64)> + use<'_> {
        let (plan, index) = (&self.question.plan, &self.part.index);
        let all = self.distances.iter().enumerate();
        all.filter_map(move |(place, of)| Some((place, plan.distance(index, document, of)?)))
    }

    /// The key of a document that was found.
    pub(super) fn key(&self, document: u32) -> &'a [u8] {
        self.part.index.key(&self.snapshot, document)
    }

    /// What a document that was found is in the store.
    pub(super) fn entry(&self, document: u32) -> Option<&'a Entry> {
        self.store.peek(DB, self.key(document))
    }
}

/// What a query needs to know of the whole index.
pub(super) fn gather(ctx: &mut Ctx<'_>, number: u64, plan: &Plan) -> Arc<Statistics> {
    let mut statistics = Statistics::default();
    each_index(ctx, number, |part, _| statistics.merge(Gathering::all(&part.index, plan), plan));
    Arc::new(statistics)
}

/// Calls with a search through each part of the index: all of them are of one moment, since all stores are in hand. If the nearest are asked for,
/// a first search through all parts finds which they are.
///
/// # Errors
/// What the call returns first.
pub(super) fn ask(
    ctx: &mut Ctx<'_>,
    question: &Question,
    mut body: impl FnMut(PartSearch<'_>) -> CommandResult,
) -> CommandResult {
    settle(ctx);
    let statistics = gather(ctx, question.declaration.number, &question.plan);
    let Some(count) = question.plan.nearest_count() else {
        return ask_parts(ctx, question, &statistics, None, body);
    };
    let mut found: Vec<(usize, KeptKey, Hit)> = Vec::new();
    ask_parts(ctx, question, &statistics, None, |search| {
        let mut top = TopKeys::new(count, Direction::Ascending);
        search.run(|one| {
            if let Some(distance) = one.distance() {
                let hit = Hit { document: one.document, score: 0.0, order: one.order() };
                top.offer(SortKey::Number(distance), hit);
            }
            Flow::Continue
        })?;
        found.extend(top.finish().into_iter().map(|(key, hit)| (search.place, key, hit)));
        Ok(())
    })?;
    found.sort_by(|(_, one, first), (_, other, second)| {
        Direction::Ascending.compare((one.borrow(), first.order), (other.borrow(), second.order))
    });
    found.truncate(count);
    let mut nearest: Vec<Vec<u32>> = Vec::new();
    for (place, _, hit) in found {
        if nearest.len() <= place {
            nearest.resize(place + 1, Vec::new());
        }
        nearest[place].push(hit.document);
    }
    nearest.iter_mut().for_each(|documents| documents.sort_unstable());
    ask_parts(ctx, question, &statistics, Some(&nearest), &mut body)
}

/// Calls with a search through each part of the index, among documents of each part, if they are given.
fn ask_parts(
    ctx: &mut Ctx<'_>,
    question: &Question,
    statistics: &Arc<Statistics>,
    nearest: Option<&[Vec<u32>]>,
    mut body: impl FnMut(PartSearch<'_>) -> CommandResult,
) -> CommandResult {
    let distances = question.plan.distances();
    let mut place = 0;
    let mut result = Ok(());
    each_index(ctx, question.declaration.number, |part, store| {
        let snapshot = part.index.snapshot();
        if result.is_err() {
            return;
        }
        let statistics = Arc::clone(statistics);
        let nearest = nearest.map(|parts| parts.get(place).cloned().unwrap_or_default());
        let distances = &distances[..];
        result = body(PartSearch { place, part, store, snapshot, statistics, question, distances, nearest });
        place += 1;
    });
    result
}
