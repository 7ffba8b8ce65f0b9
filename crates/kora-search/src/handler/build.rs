//! Indexes over keys that are there: built in slices, on all shards at once.
//!
//! An index is declared, and takes up every change, from the place of its command in the order on. The command replies when the keys that were there are
//! indexed, too, and others run meanwhile. A query of an index that is not whole helps to complete it, and runs then: so its answer is exact.
//! Where nothing may go on aside, in transactions and scripts, the index is completed at once.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Errands, Next, Share, ShareOf};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;

use super::ask::settle;
use crate::companion;
use crate::service::{Declaration, Service};

/// Whether an index is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Readiness {
    /// It is, and what was due was deleted.
    Now,
    /// It will be: the command runs anew then.
    Later,
}

/// Completes an index, at once or aside.
///
/// # Errors
/// None of its own.
pub(super) fn finish(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    declaration: &Declaration,
    out: &mut dyn Reply,
) -> CommandResult<Readiness> {
    settle(ctx);
    if declaration.counters.building.load(Ordering::Acquire) == 0 {
        return Ok(Readiness::Now);
    }
    match run(ctx, service, declaration.number, Answer::Again, out)? {
        Errands::Over => Ok(Readiness::Later),
        Errands::Again => {
            settle(ctx);
            Ok(Readiness::Now)
        }
    }
}

/// Builds an index, at once or aside, and replies that all is well.
///
/// # Errors
/// None of its own.
pub(super) fn build(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    declaration: &Declaration,
    out: &mut dyn Reply,
) -> CommandResult {
    run(ctx, service, declaration.number, Answer::Reply, out).map(|_| ())
}

/// Goes on with the build of an index for a moment.
pub(super) fn help(ctx: &mut Ctx<'_>, service: &Service, declaration: &Declaration) {
    if declaration.counters.building.load(Ordering::Acquire) == 0 {
        return;
    }
    let mut effort = service.pace().whole(service.clock());
    ctx.each_store(|store, _| {
        if !effort.is_spent() {
            companion::with_part(store, |part, store| {
                part.build_some(store, declaration.number, &mut effort)
            });
        }
    });
}

fn run(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    number: u64,
    answer: Answer,
    out: &mut dyn Reply,
) -> CommandResult<Errands> {
    let mut shares: Vec<ShareOf> = Vec::new();
    ctx.each_store(|store, _| shares.push((store.id(), Box::new(Part { number }))));
    let errand: Arc<dyn Errand> = Arc::new(Building { service: Arc::clone(service), answer });
    let whole = service.pace().whole(service.clock());
    ctx.run_errand(&errand, shares, whole, out)
}

/// The build of an index.
#[derive(Debug)]
struct Building {
    service: Arc<Service>,
    answer: Answer,
}

impl Errand for Building {
    fn slice(&self) -> Effort {
        self.service.pace().build(self.service.clock())
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(self.answer), shares: Vec::new() }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        out.ok();
        Ok(())
    }

    fn outlives_its_client(&self) -> bool {
        self.answer == Answer::Reply
    }
}

/// A store's part of the index.
#[derive(Debug)]
struct Part {
    number: u64,
}

impl Share for Part {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let built = companion::with_part(store, |part, store| part.build_some(store, self.number, effort));
        // Without it the index was deleted.
        built.unwrap_or(true)
    }
}
