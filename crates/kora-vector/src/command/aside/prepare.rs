//! The neighbours that a new element is linked with, searched at once or aside.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, Share};
use kora_core::db::DbIndex;
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;
use kora_hnsw::Insertion;
use kora_locks::{RankedMutex, rank};

use super::{go_on, set_of};
use crate::pacing::Pacing;
use crate::set::VectorSet;

/// Times that neighbours are searched aside, because the set has changed too much meanwhile; then they are searched at once.
const TRIES_MAX: u32 = 3;

/// Whether an element can be put in.
#[derive(Debug)]
pub(in crate::command) enum Readiness {
    /// It can; its neighbours were searched, unless that takes no time.
    Now(Option<Box<Insertion>>),
    /// The command runs anew when its neighbours are found.
    Later,
}

/// Searches the neighbours of an element in the set of a key, if there is one; `begin` makes the insertion.
///
/// # Errors
/// Those of `begin`.
pub(in crate::command) fn prepare(
    ctx: &mut Ctx<'_>,
    key: &[u8],
    begin: impl FnOnce(&VectorSet) -> CommandResult<Insertion>,
    out: &mut dyn Reply,
) -> CommandResult<Readiness> {
    let (mut prepared, mut tries) = (None, 0);
    if let Some(before) = ctx.resumed::<Preparing>() {
        (prepared, tries) = (before.insertion.lock().take(), before.tries);
    }
    if !ctx.may_defer() || tries == TRIES_MAX {
        return Ok(Readiness::Now(prepared.map(Box::new)));
    }
    let pacing = Pacing::of(ctx);
    let mut keyspace = ctx.keyspace(key);
    let (shard, db) = (keyspace.shard(), keyspace.db());
    let Some(set) = keyspace.peek(key).and_then(set_of) else { return Ok(Readiness::Now(None)) };
    if let Some(mut insertion) = prepared
        && insertion.is_current(set.graph())
    {
        return Ok(Readiness::Now(Some(Box::new(insertion))));
    }
    let mut insertion = begin(set)?;
    if go_on(set, &mut pacing.whole(), |piece| insertion.advance(set.graph(), piece)) {
        return Ok(Readiness::Now(Some(Box::new(insertion))));
    }
    let (key, tries) = (key.into(), tries + 1);
    let preparing = Arc::new(Preparing { db, key, pacing, tries, insertion: RankedMutex::default() });
    let share = Part { preparing: Arc::clone(&preparing), insertion: Some(insertion) };
    let errand: Arc<dyn Errand> = preparing;
    let _ = ctx.run_errand(&errand, vec![(shard, Box::new(share))], Effort::steps(0), out)?;
    Ok(Readiness::Later)
}

/// An insertion that is prepared aside.
#[derive(Debug)]
struct Preparing {
    db: DbIndex,
    key: Box<[u8]>,
    pacing: Pacing,
    /// How often this was tried.
    tries: u32,
    /// The insertion, once it is ready.
    insertion: RankedMutex<{ rank::QUERY }, Option<Insertion>>,
}

impl Errand for Preparing {
    fn slice(&self) -> Effort {
        self.pacing.slice()
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Resume), shares: Vec::new() }
    }

    fn reply(&self, _: &mut dyn Reply) -> CommandResult {
        unreachable!("its command runs anew")
    }

    fn outlives_its_client(&self) -> bool {
        true
    }
}

/// Its share.
#[derive(Debug)]
struct Part {
    preparing: Arc<Preparing>,
    insertion: Option<Insertion>,
}

impl Share for Part {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let Some(mut insertion) = self.insertion.take() else { return true };
        let Preparing { db, key, .. } = &*self.preparing;
        // Without the set, or with one of another form, the command refuses or makes one.
        let is_done = store
            .peek(*db, key)
            .and_then(set_of)
            .is_none_or(|set| go_on(set, effort, |piece| insertion.advance(set.graph(), piece)));
        if is_done {
            *self.preparing.insertion.lock() = Some(insertion);
        } else {
            self.insertion = Some(insertion);
        }
        is_done
    }
}
