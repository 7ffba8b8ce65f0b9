//! A question through the parts of a collection in all stores: what its shares have in common, and what follows one upon the other.
//!
//! It begins with all stores in hand, where it is made ready and takes a snapshot of each part, so all that it finds is of that moment. Its stages are
//! ways through the documents ([`Stage`]), and at last the documents of the hits are made into texts. If it takes long it goes on aside: the stores
//! keep the documents that change ([`Copies`]), and at its end, however it ends, they let go of that.

mod share;

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, Share, ShareOf};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_core::store::keeping::{Copies, KeepId};
use kora_index::Snapshot;
use kora_json::{Value, text};
use kora_locks::{RankedMutex, rank};

use self::share::{Job, PartShare, Tidying};
use crate::companion::DB;
use crate::key;
use crate::query::find::{Figures, Ready, each_part};
use crate::query::order::{First, Hit};
use crate::query::plan::TermPlan;
use crate::query::work::{Stage, Work};
use crate::service::Service;

/// What becomes of what is found.
pub(super) trait Purpose: Debug + Send + Sync {
    /// The first way through the documents; none: all is known.
    fn stage(&self, ready: &Ready) -> Option<Stage>;

    /// Whether it also counts what passes each test that no index answers.
    fn counts_tests(&self) -> bool {
        false
    }

    /// Leaves those hits whose documents are replied, and returns the cursor behind them.
    ///
    /// # Errors
    /// If there is no cursor to go on from there.
    fn cut(&self, _: &mut Vec<Hit>) -> CommandResult<Option<Vec<u8>>> {
        Ok(None)
    }

    /// Whether the documents of the hits are wanted.
    fn shows_documents(&self) -> bool {
        false
    }

    /// The text of a document that is wanted.
    fn text(&self, root: Value<'_>) -> Vec<u8> {
        text::of(root)
    }

    /// Writes the reply.
    ///
    /// # Errors
    /// Instead of a reply.
    fn reply(&self, ready: &Ready, answer: Answered, out: &mut dyn Reply) -> CommandResult;
}

/// What a question has come to.
#[derive(Debug, Default)]
pub(super) struct Answered {
    pub(super) figures: Figures,
    pub(super) cursor: Option<Vec<u8>>,
    /// The first documents in the order that is asked for.
    pub(super) hits: Vec<Hit>,
    /// Their texts; none of one that is not there.
    pub(super) texts: Vec<Option<Vec<u8>>>,
    /// How many documents pass each test.
    pub(super) passed: Vec<u64>,
}

/// Where a share of a question is, and what it sees.
#[derive(Clone, Debug)]
struct Base {
    shard: ShardId,
    place: usize,
    /// Tells the index from one that has taken its place.
    identity: u64,
    snapshot: Snapshot,
    /// The first document behind the cursor.
    from: u32,
}

/// What the parts do next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// No way through the documents is needed.
    Known,
    Way(Stage),
    Load,
    Over,
}

/// What changes while a question goes on.
#[derive(Debug)]
struct State {
    failure: Option<CommandError>,
    phase: Phase,
    bases: Vec<Base>,
    /// What the parts have found.
    first: First,
    taken: usize,
    answer: Answered,
    /// What each store keeps.
    keeps: Vec<(ShardId, KeepId)>,
    is_aside: bool,
    is_tidied: bool,
}

/// A question that has begun.
#[derive(Debug)]
struct Asking {
    service: Arc<Service>,
    ready: Ready,
    purpose: Box<dyn Purpose>,
    shards: Vec<ShardId>,
    /// What is kept for it is wanted while this is there.
    token: Arc<()>,
    /// Its shares need not go on.
    has_failed: AtomicBool,
    /// So much has changed that not all of it was kept.
    has_lost: Arc<AtomicBool>,
    state: RankedMutex<{ rank::QUERY }, State>,
}

/// The collection was deleted, or its keys replaced, while a question went on.
const DROPPED: CommandError =
    CommandError::text("ERR the collection was deleted before the answer was found");
/// More documents have changed than are kept.
const LOST: CommandError = CommandError::text("ERR too many documents changed before the answer was found");

/// Answers a question, at once or aside.
///
/// # Errors
/// Those of the reply.
pub(super) fn ask(
    ctx: &mut Ctx<'_>,
    service: Arc<Service>,
    ready: Ready,
    purpose: Box<dyn Purpose>,
    out: &mut dyn Reply,
) -> CommandResult {
    let is_open = |term: &TermPlan| purpose.counts_tests() && term.answer.is_none();
    let passed = |term: &TermPlan| if is_open(term) { 0 } else { ready.estimate_of(term) };
    let answer = Answered { passed: ready.plan.terms.iter().map(passed).collect(), ..Answered::default() };
    let bases = bases(ctx, &ready);
    let whole = service.pace().whole(service.clock());
    let phase = purpose.stage(&ready).map_or(Phase::Known, Phase::Way);
    let asking = Arc::new(Asking {
        service,
        shards: bases.iter().map(|base| base.shard).collect(),
        token: Arc::default(),
        has_failed: AtomicBool::new(false),
        has_lost: Arc::default(),
        state: RankedMutex::new(State {
            failure: None,
            phase,
            bases,
            first: ready.first(),
            taken: 0,
            answer,
            keeps: Vec::new(),
            is_aside: false,
            is_tidied: false,
        }),
        ready,
        purpose,
    });
    let shares = asking.shares();
    let errand: Arc<dyn Errand> = asking;
    let _ = ctx.run_errand(&errand, shares, whole, out)?;
    Ok(())
}

/// What each part of the collection is at this moment.
fn bases(ctx: &mut Ctx<'_>, ready: &Ready) -> Vec<Base> {
    let after = ready.question.after.as_ref().filter(|_| ready.question.order.is_empty());
    let mut shards = Vec::new();
    ctx.each_store(|store, _| shards.push(store.id()));
    let mut bases = Vec::new();
    each_part(ctx, &ready.collection, |place, part, _| {
        let indexed = &mut part.indexed;
        bases.push(Base {
            shard: shards[place],
            place,
            identity: indexed.identity,
            snapshot: indexed.index.snapshot(),
            from: after.map_or(1, |after| indexed.index.first_behind(after.order)),
        });
    });
    bases
}

impl Asking {
    /// It ends with an error.
    fn fail(&self, error: CommandError) {
        self.state.lock().failure.get_or_insert(error);
        self.has_failed.store(true, Ordering::Release);
    }

    /// What its store keeps for it on a shard.
    fn keep_on(&self, shard: ShardId) -> Option<KeepId> {
        self.state.lock().keeps.iter().find(|(of, _)| *of == shard).map(|(_, id)| *id)
    }

    fn is_over(&self) -> bool {
        self.state.lock().phase == Phase::Over
    }

    /// Whether it may look at documents themselves.
    fn reads_documents(&self) -> bool {
        self.purpose.shows_documents() || self.purpose.counts_tests() || self.ready.reads_documents()
    }

    /// The shares of the phase that it is in.
    fn shares(self: &Arc<Self>) -> Vec<ShareOf> {
        let state = self.state.lock();
        let job = |base: &Base| match state.phase {
            Phase::Way(stage) => {
                // A cursor says where the way through the documents begins, not where the tests do.
                let from = if stage == Stage::AsWritten { base.from } else { 1 };
                Some(Job::Way(Box::new(Work::new(&self.ready, stage, from))))
            }
            Phase::Load => {
                let hits = state.answer.hits.iter().enumerate();
                let own = hits.filter(|(_, hit)| hit.place == base.place);
                let left: VecDeque<(usize, Box<[u8]>)> =
                    own.map(|(at, hit)| (at, hit.position.id.clone())).collect();
                (!left.is_empty()).then(|| Job::Load { left, done: Vec::new() })
            }
            Phase::Known | Phase::Over => None,
        };
        let shares = state.bases.iter().filter_map(|base| {
            let share = PartShare::new(Arc::clone(self), base.clone(), job(base)?);
            Some((base.shard, Box::new(share) as Box<dyn Share>))
        });
        shares.collect()
    }

    /// A share is done.
    fn take(&self, job: Job) {
        let mut state = self.state.lock();
        match job {
            Job::Way(work) => {
                state.taken += work.taken;
                state.answer.figures.add(work.figures);
                for (all, own) in state.answer.passed.iter_mut().zip(work.passed) {
                    *all += own;
                }
                work.first.finish().into_iter().for_each(|hit| state.first.offer(hit));
            }
            Job::Load { done, .. } => {
                for (at, text) in done {
                    state.answer.texts[at] = text;
                }
            }
        }
    }

    /// The phase that follows.
    fn advance(&self) {
        let mut state = self.state.lock();
        let limit = self.ready.question.limit.unwrap_or(usize::MAX);
        state.phase = match state.phase {
            // Behind all others come those that the index does not have.
            Phase::Way(Stage::InOrder) if state.taken < limit => Phase::Way(Stage::Missing),
            Phase::Way(Stage::Tests) => Phase::Over,
            Phase::Known | Phase::Way(_) => {
                let first = std::mem::replace(&mut state.first, self.ready.first());
                let mut hits = first.finish();
                match self.purpose.cut(&mut hits) {
                    Ok(cursor) => state.answer.cursor = cursor,
                    Err(error) => state.failure = Some(error),
                }
                state.answer.texts = hits.iter().map(|_| None).collect();
                state.answer.hits = hits;
                if self.purpose.counts_tests() && self.ready.has_open_tests() {
                    Phase::Way(Stage::Tests)
                } else if self.purpose.shows_documents() {
                    Phase::Load
                } else {
                    Phase::Over
                }
            }
            Phase::Load | Phase::Over => Phase::Over,
        };
    }

    /// The last stage of a question that went on aside.
    fn tidy(self: &Arc<Self>) -> Vec<ShareOf> {
        let tidying =
            |shard: &ShardId| -> ShareOf { (*shard, Box::new(Tidying::new(Arc::clone(self), *shard))) };
        self.shards.iter().map(tidying).collect()
    }
}

impl Errand for Asking {
    fn slice(&self) -> Effort {
        self.service.pace().slice(self.service.clock())
    }

    fn stand_aside(&self, store: &mut ShardStore) {
        let prefix = key::prefix(&self.ready.collection.escaped);
        let keep = Copies::new(move |key: &[u8]| key.starts_with(&prefix), &self.token, &self.has_lost);
        let id = if self.reads_documents() { store.begin_keeping(DB, Box::new(keep)) } else { None };
        let mut state = self.state.lock();
        state.is_aside = true;
        state.keeps.extend(id.map(|id| (store.id(), id)));
    }

    fn next(self: Arc<Self>, is_left: bool) -> Next {
        let is_tidied = self.state.lock().is_tidied;
        let has_ended = is_left || is_tidied || self.has_failed.load(Ordering::Acquire);
        let mut shares = Vec::new();
        while !has_ended && shares.is_empty() && !self.is_over() {
            self.advance();
            shares = self.shares();
        }
        if !shares.is_empty() || is_tidied {
            return Next { answer: None, shares };
        }
        let is_aside = {
            let mut state = self.state.lock();
            state.is_tidied = true;
            state.bases.clear();
            state.is_aside
        };
        Next { answer: Some(Answer::Reply), shares: if is_aside { self.tidy() } else { Vec::new() } }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        let (failure, answer) = {
            let mut state = self.state.lock();
            (state.failure.take(), std::mem::take(&mut state.answer))
        };
        match failure {
            Some(error) => Err(error),
            None => self.purpose.reply(&self.ready, answer, out),
        }
    }
}
