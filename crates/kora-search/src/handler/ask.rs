//! A query through the parts of an index in all stores.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::entry::Entry;
use kora_core::error::CommandResult;
use kora_core::store::ShardStore;
use kora_index::Snapshot;
use kora_index::plan::Plan;
use kora_index::search::{Flow, Match, Search, SearchScoring};
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
}

impl<'a> PartSearch<'a> {
    /// Calls with each match. Returns how many there are.
    ///
    /// # Errors
    /// If the query takes longer than it may.
    pub(super) fn run(&self, mut visit: impl FnMut(&Match<'_>) -> Flow) -> CommandResult<u64> {
        let (plan, statistics) = (Arc::clone(&self.question.plan), Arc::clone(&self.statistics));
        let mut search = Search::new(&self.part.index, plan, statistics, self.snapshot.clone());
        let scoring =
            SearchScoring { scorer: self.question.scorer, payload: self.question.payload.as_deref() };
        while !search.step(&self.part.index, STEPS, &scoring, &mut visit) {
            self.question.deadline.check()?;
        }
        Ok(search.matched())
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

/// Calls with a search through each part of the index: all of them are of one moment, since all stores are in hand.
///
/// # Errors
/// What the call returns first.
pub(super) fn ask(
    ctx: &mut Ctx<'_>,
    question: &Question,
    mut body: impl FnMut(PartSearch<'_>) -> CommandResult,
) -> CommandResult {
    settle(ctx);
    let number = question.declaration.number;
    let statistics = gather(ctx, number, &question.plan);
    let mut place = 0;
    let mut result = Ok(());
    each_index(ctx, number, |part, store| {
        let snapshot = part.index.snapshot();
        if result.is_err() {
            return;
        }
        result =
            body(PartSearch { place, part, store, snapshot, statistics: Arc::clone(&statistics), question });
        place += 1;
    });
    result
}
