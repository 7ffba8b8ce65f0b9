//! A query through the parts of an index in all stores: what its shares have in common, and what follows one upon the other.
//!
//! A query begins with all stores in hand: there it gathers statistics and takes a snapshot of each part, so all that it finds is of that moment. It goes
//! through the parts in up to four stages, each of which may be done in slices: if it has patterns, the words that they stand for; if the nearest are
//! asked for, a search that finds which they are; the search itself; and what rows of the reply need of their documents. What a [`Purpose`] makes of matches is its own.
//!
//! While it goes on aside, the stores keep the documents that change ([`Copies`]), and its rows are of those. At its end, however it ends, the last
//! stage lets go of all that: what was kept, and documents in the index that died meanwhile.

mod part;
mod share;

use std::fmt::Debug;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, ShareOf};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::store::keeping::{Copies, KeepId, Loss};
use kora_index::Snapshot;
use kora_index::plan::{Distance, Plan};
use kora_index::profile::Profile;
use kora_index::search::{Direction, Flow, Hit, KeptKey, Match, NearestSearch, Search};
use kora_index::statistics::{Gathering, Statistics};
use kora_locks::{RankedMutex, rank};

pub(super) use self::part::PartSearch;
use self::share::{PartShare, Work};
use super::UNKNOWN;
use super::question::{Profiling, Question};
use crate::companion::{self, DB, IndexPart};
use crate::service::Service;

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

/// What a query needs to know of the whole index.
pub(super) fn gather(ctx: &mut Ctx<'_>, number: u64, plan: &Plan) -> Arc<Statistics> {
    let mut statistics = Statistics::default();
    each_index(ctx, number, |part, _| statistics.merge(Gathering::all(&part.index, plan), plan));
    Arc::new(statistics)
}

/// What a query is for: what becomes of the documents that it matches.
pub(super) trait Purpose: Debug + Send + Sync + 'static {
    /// What the matches of one part have come to.
    type Found: Debug + Send + 'static;
    /// A row of the reply.
    type Row: Debug + Send + 'static;

    /// Nothing yet.
    fn begin(&self) -> Self::Found;

    /// Takes a match.
    fn offer(&self, found: &mut Self::Found, part: &PartSearch<'_>, one: &Match<'_>) -> Flow;

    /// Whether it asks for scores or words of matches that it takes.
    fn asks_scores(&self) -> bool {
        true
    }

    /// Takes the nearest vectors of all parts, in their order, which were asked for besides.
    fn take_nearest(&self, _: Vec<(usize, KeptKey, Hit)>) {}

    /// What the parts have come to together, in their order.
    ///
    /// # Errors
    /// In the words of RediSearch.
    fn merge(&self, parts: Vec<Found<Self::Found>>) -> CommandResult<Rows<Self::Row>>;

    /// Completes a row by what its part has.
    fn load(&self, part: &PartSearch<'_>, row: &mut Self::Row);

    /// Whether it may look at documents themselves.
    fn reads_documents(&self) -> bool;

    /// Writes the reply.
    ///
    /// # Errors
    /// Instead of a reply.
    fn reply(
        &self,
        service: &Service,
        question: &Question,
        rows: Rows<Self::Row>,
        out: &mut dyn Reply,
    ) -> CommandResult;
}

/// What one part has found.
#[derive(Debug)]
pub(super) struct Found<F> {
    /// Which of the parts it is.
    pub(super) place: usize,
    /// How many documents matched.
    pub(super) matched: u64,
    pub(super) found: F,
}

/// Rows of a reply.
#[derive(Debug)]
pub(super) struct Rows<R> {
    /// How many there would be without limits.
    pub(super) total: u64,
    /// The rows with the places of their parts; once they are completed, with their own.
    pub(super) rows: Vec<(usize, R)>,
    /// Whether parts have to complete them.
    pub(super) are_to_be_loaded: bool,
}

/// Where a share of a query is, and what it sees.
#[derive(Clone, Debug)]
struct Base {
    shard: ShardId,
    place: usize,
    /// Tells the part of the index from one that has taken its place.
    identity: u64,
    snapshot: Snapshot,
}

/// A share has come to its end.
#[derive(Debug)]
enum Returned<P: Purpose> {
    Gathered(Base, Statistics),
    Nearest(Base, Vec<(KeptKey, Hit)>),
    Found(Base, Found<P::Found>),
    /// Rows with their places among all.
    Rows(Vec<(usize, P::Row)>),
}

/// What changes while a query goes on.
#[derive(Debug)]
struct State<P: Purpose> {
    failure: Option<CommandError>,
    returned: Vec<Returned<P>>,
    /// The rows that were merged; those that are being completed are not in it.
    rows: Option<Rows<P::Row>>,
    /// What each store keeps.
    keeps: Vec<(ShardId, KeepId)>,
    is_aside: bool,
    is_over: bool,
}

/// A query that has begun.
#[derive(Debug)]
pub(super) struct Query<P: Purpose> {
    service: Arc<Service>,
    question: Question,
    distances: Vec<Distance>,
    /// None before they are gathered.
    statistics: OnceLock<Arc<Statistics>>,
    /// Those of the plan for the nearest vectors, if there is one besides.
    nearest: Option<(Arc<Plan>, Arc<Statistics>)>,
    purpose: P,
    bases: Vec<ShardId>,
    /// What is kept for it is wanted while this is there.
    token: Arc<()>,
    /// Its shares need not go on.
    has_failed: AtomicBool,
    /// So much has changed that not all of it was kept, or memory is short: it is to begin anew.
    loss: Arc<Loss>,
    state: RankedMutex<{ rank::QUERY }, State<P>>,
}

/// The index was deleted, or its keys replaced, while a query went on.
pub(super) const DROPPED: CommandError =
    CommandError::text("The index was dropped before the query could be executed");
/// More documents have changed than are kept.
const LOST: CommandError = CommandError::text("Too many documents changed while the query was executed");

/// The patterns of a query stand for more words than it may ask for.
const TOO_MANY_WORDS: CommandError = CommandError::text("The query's patterns stand for too many words");

/// Carries a query out, at once or aside. What is due was deleted, and the index is whole.
///
/// # Errors
/// In the words of RediSearch.
pub(super) fn ask<P: Purpose>(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    mut question: Question,
    purpose: P,
    out: &mut dyn Reply,
) -> CommandResult {
    let number = question.declaration.number;
    let nearest = question.nearest.clone().map(|plan| {
        let statistics = gather(ctx, number, &plan);
        check_words(&statistics, &plan).map(|()| (plan, statistics))
    });
    let nearest = nearest.transpose()?;
    // A profile and a second plan need them at once; and INKEYS is looked up when the search begins, which must be now.
    let is_later = question.plan.has_patterns()
        && !question.plan.has_keys()
        && matches!(question.profile, Profiling::No)
        && question.nearest.is_none();
    let mut gathered_now = Statistics::default();
    let mut bases: Vec<Base> = Vec::new();
    each_index(ctx, number, |index, store| {
        if !is_later {
            gathered_now.merge(Gathering::all(&index.index, &question.plan), &question.plan);
        }
        let (identity, snapshot) = (index.identity, index.index.snapshot());
        bases.push(Base { shard: store.id(), place: bases.len(), identity, snapshot });
    });
    check_words(&gathered_now, &question.plan)?;
    let statistics = if is_later { OnceLock::new() } else { OnceLock::from(Arc::new(gathered_now)) };
    if matches!(question.profile, Profiling::Asked)
        && let Some(base) = bases.first()
    {
        let profile = with_index(ctx, number, |part| {
            Profile::new(&part.index, &question.plan, gathered(&statistics), &base.snapshot, service.clock())
        })?;
        question.profile = Profiling::Noted(Arc::new(profile));
    }
    let state = State {
        failure: None,
        returned: Vec::with_capacity(bases.len()),
        rows: None,
        keeps: Vec::new(),
        is_aside: false,
        is_over: false,
    };
    let query = Arc::new(Query {
        service: Arc::clone(service),
        distances: question.plan.distances(),
        question,
        statistics,
        nearest,
        purpose,
        bases: bases.iter().map(|base| base.shard).collect(),
        token: Arc::default(),
        has_failed: AtomicBool::new(false),
        loss: Arc::default(),
        state: RankedMutex::new(state),
    });
    let mut shares = Vec::with_capacity(bases.len());
    let mut bases = bases.into_iter();
    each_index(ctx, number, |index, _| {
        shares.extend(bases.next().map(|base| query.first_share(index, base)))
    });
    let errand: Arc<dyn Errand> = query;
    let whole = service.pace().whole(service.clock());
    let _ = ctx.run_errand(&errand, shares, whole, out)?;
    Ok(())
}

/// Refuses patterns that stand for more words than a query may ask for.
fn check_words(statistics: &Statistics, plan: &Plan) -> CommandResult {
    if statistics.asks_too_much(plan) { Err(TOO_MANY_WORDS) } else { Ok(()) }
}

/// What was gathered; nothing before that.
fn gathered(statistics: &OnceLock<Arc<Statistics>>) -> &Arc<Statistics> {
    statistics.get_or_init(Arc::default)
}

impl<P: Purpose> Query<P> {
    fn first_share(self: &Arc<Self>, index: &IndexPart, base: Base) -> ShareOf {
        if self.statistics.get().is_none() {
            let gathering = Gathering::new(&index.index, &self.question.plan, Some(base.snapshot.clone()));
            return self.share(base, Work::Gather(Box::new(gathering)));
        }
        if let Some((plan, statistics)) = &self.nearest {
            let (plan, statistics) = (Arc::clone(plan), Arc::clone(statistics));
            let search = Search::new(&index.index, plan, statistics, base.snapshot.clone());
            return self.share(base, Work::Nearest(Box::new(NearestSearch::new(search))));
        }
        let mut search = self.search(index, &base);
        if let Profiling::Noted(profile) = &self.question.profile {
            search = search.profiled(Arc::clone(profile));
        }
        let work = match self.question.plan.nearest_count() {
            Some(_) => Work::Nearest(Box::new(NearestSearch::new(search))),
            None => Work::Search(Box::new(search), self.purpose.begin()),
        };
        self.share(base, work)
    }

    fn share(self: &Arc<Self>, base: Base, work: Work<P>) -> ShareOf {
        (base.shard, Box::new(PartShare::new(Arc::clone(self), base, work)))
    }

    /// It ends with an error.
    fn fail(&self, error: CommandError) {
        self.state.lock().failure.get_or_insert(error);
        self.has_failed.store(true, Ordering::Release);
    }

    fn has_failed(&self) -> bool {
        self.has_failed.load(Ordering::Acquire)
    }

    /// Notes that it can't go on from here if not all was kept; returns whether that is so.
    fn has_lost(&self) -> bool {
        let has_lost = self.loss.is_any();
        if has_lost && !self.loss.is_of_memory() {
            self.fail(LOST);
        } else if has_lost {
            self.has_failed.store(true, Ordering::Release);
        }
        has_lost
    }

    /// What its store keeps for it on a shard.
    fn keep_on(&self, shard: ShardId) -> Option<KeepId> {
        self.state.lock().keeps.iter().find(|(of, _)| *of == shard).map(|(_, id)| *id)
    }

    /// All parts of a stage are there: what follows, unless they were the last.
    fn advance(self: &Arc<Self>, returned: Vec<Returned<P>>) -> CommandResult<Vec<ShareOf>> {
        let (mut nearest, mut found, mut loaded) = (Vec::new(), Vec::new(), Vec::new());
        let mut gathered = Vec::new();
        for one in returned {
            match one {
                Returned::Gathered(base, statistics) => gathered.push((base, statistics)),
                Returned::Nearest(base, hits) => nearest.push((base, hits)),
                Returned::Found(base, parts) => found.push((base, parts)),
                Returned::Rows(rows) if loaded.is_empty() => loaded = rows,
                Returned::Rows(rows) => loaded.extend(rows),
            }
        }
        if !gathered.is_empty() {
            return self.begin_with(gathered);
        }
        if !nearest.is_empty() {
            return Ok(self.search_nearest(nearest));
        }
        if !loaded.is_empty() {
            loaded.sort_unstable_by_key(|(at, _)| *at);
            if let Some(rows) = &mut self.state.lock().rows {
                rows.rows = loaded;
            }
            return Ok(Vec::new());
        }
        found.sort_by_key(|(base, _)| base.place);
        let (bases, parts): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let mut rows = self.purpose.merge(parts)?;
        let to_load = if rows.are_to_be_loaded { std::mem::take(&mut rows.rows) } else { Vec::new() };
        self.state.lock().rows = Some(rows);
        Ok(self.load(bases, to_load))
    }

    /// The search, now that all parts have gathered what it needs.
    fn begin_with(self: &Arc<Self>, mut parts: Vec<(Base, Statistics)>) -> CommandResult<Vec<ShareOf>> {
        parts.sort_by_key(|(base, _)| base.place);
        let (mut all, mut shares) = (Statistics::default(), Vec::with_capacity(parts.len()));
        let is_of_nearest = self.question.plan.nearest_count().is_some();
        for (base, statistics) in parts {
            all.merge(statistics, &self.question.plan);
            shares.push(self.share(base, if is_of_nearest { Work::BeginNearest } else { Work::Begin }));
        }
        check_words(&all, &self.question.plan)?;
        self.statistics.get_or_init(|| Arc::new(all));
        Ok(shares)
    }

    /// The search among the nearest, of which each part has found its own.
    fn search_nearest(self: &Arc<Self>, parts: Vec<(Base, Vec<(KeptKey, Hit)>)>) -> Vec<ShareOf> {
        let all = parts.iter().flat_map(|(base, hits)| hits.iter().map(|(key, hit)| (base.place, key, hit)));
        let mut all: Vec<_> = all.collect();
        all.sort_by(|(_, one, first), (_, other, second)| {
            Direction::Ascending.compare((one.borrow(), first.order), (other.borrow(), second.order))
        });
        all.truncate(self.question.nearest_count().unwrap_or(0));
        if self.nearest.is_some() {
            self.purpose
                .take_nearest(all.into_iter().map(|(at, key, hit)| (at, key.clone(), *hit)).collect());
            return parts.iter().map(|(base, _)| self.share(base.clone(), Work::Begin)).collect();
        }
        let mut shares = Vec::with_capacity(parts.len());
        for (base, _) in &parts {
            let own = all.iter().filter(|(place, ..)| *place == base.place);
            let mut documents: Vec<u32> = own.map(|(_, _, hit)| hit.document).collect();
            documents.sort_unstable();
            shares.push(self.share(base.clone(), Work::Among(documents)));
        }
        shares
    }

    /// The completion of rows, each by its part.
    fn load(self: &Arc<Self>, bases: Vec<Base>, rows: Vec<(usize, P::Row)>) -> Vec<ShareOf> {
        let even = rows.len().div_ceil(bases.len().max(1));
        let mut of_parts: Vec<Vec<(usize, P::Row)>> =
            bases.iter().map(|_| Vec::with_capacity(2 * even)).collect();
        for (at, (place, row)) in rows.into_iter().enumerate() {
            if let Some(at_part) = bases.iter().position(|base| base.place == place) {
                of_parts[at_part].push((at, row));
            }
        }
        let wanted = bases.into_iter().zip(of_parts).filter(|(_, rows)| !rows.is_empty());
        wanted.map(|(base, rows)| self.share(base, Work::Load(rows, 0))).collect()
    }

    /// The last stage of a query that went on aside: each store forgets what it has kept.
    fn tidy(self: &Arc<Self>) -> Vec<ShareOf> {
        let tidying = |shard: &ShardId| -> ShareOf {
            (*shard, Box::new(share::Tidying::new(Arc::clone(self), *shard)))
        };
        self.bases.iter().map(tidying).collect()
    }
}

impl<P: Purpose> Errand for Query<P> {
    fn slice(&self) -> Effort {
        self.service.pace().slice(self.service.clock())
    }

    fn stand_aside(&self, store: &mut ShardStore) {
        let is_read = self.purpose.reads_documents();
        let declaration = Arc::clone(&self.question.declaration);
        let admits = move |key: &[u8]| is_read && declaration.admits(key);
        let id = store.begin_keeping(DB, Box::new(Copies::new(admits, &self.token, &self.loss)));
        let mut state = self.state.lock();
        state.is_aside = true;
        state.keeps.extend(id.map(|id| (store.id(), id)));
    }

    fn next(self: Arc<Self>, is_left: bool) -> Next {
        let (returned, has_ended, is_over) = {
            let mut state = self.state.lock();
            let has_ended = is_left || self.has_failed();
            (std::mem::take(&mut state.returned), has_ended, state.is_over)
        };
        let shares = if has_ended || is_over {
            Vec::new()
        } else {
            self.advance(returned).unwrap_or_else(|error| {
                self.fail(error);
                Vec::new()
            })
        };
        if !shares.is_empty() || is_over {
            return Next { answer: None, shares };
        }
        let mut state = self.state.lock();
        state.is_over = true;
        let is_aside = state.is_aside;
        let has_lost = state.failure.is_none() && self.loss.is_of_memory();
        drop(state);
        let answer = if has_lost { Answer::Again } else { Answer::Reply };
        Next { answer: Some(answer), shares: if is_aside { self.tidy() } else { Vec::new() } }
    }

    fn has_things_kept(&self) -> bool {
        true
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        let (failure, rows) = {
            let mut state = self.state.lock();
            (state.failure.take(), state.rows.take())
        };
        match (failure, rows) {
            (None, Some(rows)) => self.purpose.reply(&self.service, &self.question, rows, out),
            (Some(error), _) => Err(error),
            (None, None) => Err(DROPPED),
        }
    }
}
