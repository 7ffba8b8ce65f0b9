//! One part's share of a query, and what is done when it is over.

use std::sync::Arc;

use kora_core::context::errand::{Effort, Share};
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::store::keeping::Copies;
use kora_index::search::{Flow, Match, NearestSearch, Search, SearchScoring};
use kora_index::statistics::Gathering;

use super::part::{PartSearch, scoring};
use super::{Base, DROPPED, Found, Purpose, Query, Returned, gathered};
use crate::companion::{self, DB, IndexPart};

/// Steps of a search between two looks at what is left of a slice.
const STEPS: usize = 2048;
/// The same of a search for the nearest, whose steps are distances.
const NEAREST_STEPS: usize = 512;
/// Matches between two such looks.
const MATCHES: usize = 16;
/// What a match counts, in steps.
const MATCH_STEPS: usize = 4;
/// Steps of beginning a slice that are worth one of its matches' steps.
const OPENED_PER_MATCH_STEP: usize = 8;
/// What a row that is loaded counts, in steps.
const ROW_STEPS: usize = 20;
/// Rows of which nothing is read but what the index has, between two such looks.
const LIGHT_ROWS: usize = 16;

/// What a share does.
#[derive(Debug)]
pub(super) enum Work<P: Purpose> {
    /// It gathers the words that patterns stand for.
    Gather(Box<Gathering>),
    /// It is about to find the nearest of its part.
    BeginNearest,
    /// It finds the nearest of its part.
    Nearest(Box<NearestSearch>),
    /// It is about to search among these documents.
    Among(Vec<u32>),
    /// It is about to search.
    Begin,
    /// It searches.
    Search(Box<Search>, P::Found),
    /// It completes rows, which stand with their places among all; so many are done.
    Load(Vec<(usize, P::Row)>, usize),
}

/// One part's share of a query.
#[derive(Debug)]
pub(super) struct PartShare<P: Purpose> {
    query: Arc<Query<P>>,
    base: Base,
    work: Option<Work<P>>,
}

impl<P: Purpose> PartShare<P> {
    pub(super) fn new(query: Arc<Query<P>>, base: Base, work: Work<P>) -> Self {
        Self { query, base, work: Some(work) }
    }

    /// Goes on; returns whether the share is done.
    fn go_on(&mut self, part: &IndexPart, store: &ShardStore, effort: &mut Effort) -> bool {
        let query = &*self.query;
        if let Some(Work::Gather(gathering)) = &mut self.work {
            return gather(gathering, query, part, effort);
        }
        let kept = match query.keep_on(self.base.shard) {
            None => None,
            Some(id) => match store.kept::<Copies>(DB, id) {
                Some(kept) => Some(kept.entries()),
                None => {
                    query.fail(DROPPED);
                    return true;
                }
            },
        };
        let view = PartSearch {
            part,
            store,
            snapshot: &self.base.snapshot,
            statistics: gathered(&query.statistics),
            question: &query.question,
            distances: &query.distances,
            kept,
        };
        let Some(work) = &mut self.work else { return true };
        match work {
            Work::Nearest(nearest) => step_nearest(nearest, &view, effort),
            // That was above.
            Work::Gather(_) => true,
            Work::BeginNearest => {
                *work = Work::Nearest(Box::new(NearestSearch::new(query.search(part, &self.base))));
                false
            }
            Work::Among(documents) => {
                let search = query.search(part, &self.base).among(std::mem::take(documents));
                *work = Work::Search(Box::new(search), query.purpose.begin());
                false
            }
            Work::Begin => {
                *work = Work::Search(Box::new(query.search(part, &self.base)), query.purpose.begin());
                false
            }
            Work::Search(search, found) => {
                let scoring =
                    if query.purpose.asks_scores() { scoring(view.question) } else { SearchScoring::NONE };
                step(search, &view, effort, &scoring, |one| query.purpose.offer(found, &view, one))
            }
            Work::Load(rows, done) => {
                let together = if query.purpose.reads_documents() { 1 } else { LIGHT_ROWS };
                // Some at least, however little a slice is.
                for rows in rows[*done..].chunks_mut(together) {
                    rows.iter_mut().for_each(|(_, row)| query.purpose.load(&view, row));
                    *done += rows.len();
                    effort.spend(rows.len() * ROW_STEPS);
                    if effort.is_spent() {
                        break;
                    }
                }
                *done == rows.len()
            }
        }
    }

    /// Gives what it has come to back.
    fn give_back(&mut self) {
        let (base, place) = (self.base.clone(), self.base.place);
        let returned = match self.work.take() {
            Some(Work::Gather(gathering)) => Returned::Gathered(base, gathering.finish()),
            Some(Work::Nearest(nearest)) => Returned::Nearest(base, nearest.finish()),
            Some(Work::BeginNearest) => Returned::Nearest(base, Vec::new()),
            Some(Work::Search(search, found)) => {
                Returned::Found(base, Found { place, matched: search.matched(), found })
            }
            Some(Work::Load(rows, _)) => Returned::Rows(rows),
            // It has taken too long before it began.
            Some(Work::Among(_) | Work::Begin) => {
                Returned::Found(base, Found { place, matched: 0, found: self.query.purpose.begin() })
            }
            None => return,
        };
        self.query.state.lock().returned.push(returned);
    }
}

impl<P: Purpose> Query<P> {
    /// A search through a part, as it was when the query began.
    pub(super) fn search(&self, part: &IndexPart, base: &Base) -> Search {
        let (plan, statistics) = (Arc::clone(&self.question.plan), Arc::clone(gathered(&self.statistics)));
        Search::new(&part.index, plan, statistics, base.snapshot.clone())
    }
}

/// Goes on with the words that patterns stand for, as [`step`] does.
fn gather<P: Purpose>(
    gathering: &mut Gathering,
    query: &Query<P>,
    part: &IndexPart,
    effort: &mut Effort,
) -> bool {
    loop {
        let steps = STEPS.min(effort.left());
        let is_over = gathering.step(&part.index, &query.question.plan, steps.max(1));
        effort.spend(steps);
        if is_over || effort.is_spent() || query.question.deadline.is_past() {
            return is_over;
        }
    }
}

/// Goes on with a search for the nearest, as [`step`] does.
fn step_nearest(nearest: &mut NearestSearch, view: &PartSearch<'_>, effort: &mut Effort) -> bool {
    loop {
        let steps = NEAREST_STEPS.min(effort.left());
        let is_over = nearest.step(&view.part.index, steps, &mut |_| true);
        effort.spend(steps);
        if is_over || effort.is_spent() || view.question.deadline.is_past() {
            return is_over;
        }
    }
}

/// Goes on with a search until it is over or the effort is spent; returns whether it is over.
fn step(
    search: &mut Search,
    view: &PartSearch<'_>,
    effort: &mut Effort,
    scoring: &SearchScoring<'_>,
    mut visit: impl FnMut(&Match<'_>) -> Flow,
) -> bool {
    // It takes about as long as it took to begin, at least.
    let least = search.slice_steps();
    loop {
        let steps = STEPS.min(effort.left()).max(least);
        let mut count = 0;
        let is_over = search.step(&view.part.index, steps, scoring, |one| {
            let flow = visit(one);
            count += 1;
            if count % MATCHES == 0 {
                effort.spend(MATCHES * MATCH_STEPS);
                if flow != Flow::Stop
                    && count * MATCH_STEPS * OPENED_PER_MATCH_STEP >= least
                    && effort.is_spent()
                {
                    return Flow::Rest;
                }
            }
            flow
        });
        effort.spend(steps + least);
        if is_over || effort.is_spent() || view.question.deadline.is_past() {
            return is_over;
        }
    }
}

impl<P: Purpose> Share for PartShare<P> {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        if self.query.has_failed() || self.query.has_lost() {
            return true;
        }
        let question = &self.query.question;
        // Rows that were found are completed, however long that takes, if they are to be replied.
        if question.deadline.returns() {
            if !matches!(self.work, Some(Work::Load(..))) && question.must_end() {
                self.give_back();
                return true;
            }
        } else if let Err(error) = question.deadline.check() {
            self.query.fail(error);
            return true;
        }
        let (number, identity) = (self.query.question.declaration.number, self.base.identity);
        let stepped = companion::with_part(store, |part, store| {
            let index = part.find(number).filter(|index| index.identity == identity)?;
            Some(self.go_on(index, store, effort))
        });
        // What was to be kept may just have been too much.
        let has_lost = self.query.has_lost();
        match stepped.flatten() {
            None => self.query.fail(DROPPED),
            Some(_) if has_lost => {}
            Some(false) => return false,
            Some(true) => self.give_back(),
        }
        true
    }
}

/// A store forgets what it has kept for a query, and frees documents that died meanwhile.
#[derive(Debug)]
pub(super) struct Tidying<P: Purpose> {
    query: Arc<Query<P>>,
    shard: ShardId,
}

impl<P: Purpose> Tidying<P> {
    pub(super) fn new(query: Arc<Query<P>>, shard: ShardId) -> Self {
        Self { query, shard }
    }
}

impl<P: Purpose> Share for Tidying<P> {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        if let Some(id) = self.query.keep_on(self.shard) {
            store.end_keeping(DB, id);
        }
        let number = self.query.question.declaration.number;
        let tidied = companion::with_part(store, |part, _| {
            let Some(index) = part.find(number) else { return true };
            index.index.reclaim_all(|freed| {
                effort.spend(freed * ROW_STEPS);
                !effort.is_spent()
            })
        });
        tidied.unwrap_or(true)
    }
}
