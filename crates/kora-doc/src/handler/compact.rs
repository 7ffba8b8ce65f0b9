//! An index that is deleted is not used any more at once. Its scalars stand among those of the other indexes until these are built anew, in slices, on all shards at
//! once, whoever leaves.

use std::sync::Arc;

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Next, Share, ShareOf};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::store::ShardStore;

use super::build::check_busy;
use super::service;
use crate::collection::Collection;
use crate::companion;
use crate::query::find::each_part;
use crate::service::Service;

/// Gives a collection a declaration with fewer indexes, and has those built anew that are left.
///
/// # Errors
/// If another index is being created.
pub(super) fn replace(ctx: &mut Ctx<'_>, changed: &Arc<Collection>, out: &mut dyn Reply) -> CommandResult {
    let service = service(ctx)?;
    check_busy(ctx, changed)?;
    let mut shards = Vec::new();
    ctx.each_store(|store, _| shards.push(store.id()));
    let mut shares: Vec<ShareOf> = Vec::new();
    each_part(ctx, changed, |place, part, _| {
        part.collection = Arc::clone(changed);
        part.begin_build(changed);
        shares.push((shards[place], Box::new(Part { changed: Arc::clone(changed) })));
    });
    service.state().put(Arc::clone(changed));
    ctx.journal.changed(1);
    let whole = service.pace().whole(service.clock());
    let errand: Arc<dyn Errand> = Arc::new(Compacting { service });
    let _ = ctx.run_errand(&errand, shares, whole, out)?;
    Ok(())
}

/// The indexes that are left are built anew.
#[derive(Debug)]
struct Compacting {
    service: Arc<Service>,
}

impl Errand for Compacting {
    fn slice(&self) -> Effort {
        self.service.pace().build(self.service.clock())
    }

    fn next(self: Arc<Self>, _: bool) -> Next {
        Next { answer: Some(Answer::Reply), shares: Vec::new() }
    }

    fn reply(&self, out: &mut dyn Reply) -> CommandResult {
        out.ok();
        Ok(())
    }

    fn outlives_its_client(&self) -> bool {
        true
    }
}

/// A store's part.
#[derive(Debug)]
struct Part {
    changed: Arc<Collection>,
}

impl Share for Part {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let changed = &self.changed;
        // Without it the collection was deleted.
        let is_done = companion::with_part(store, |part, store| {
            part.find(&changed.escaped).is_none_or(|part| part.build_some(store, changed, effort))
        });
        if is_done == Some(false) {
            return false;
        }
        let old = companion::with_part(store, |part, _| part.find(&changed.escaped)?.finish_build(changed));
        if let Some(index) = old.flatten() {
            companion::throw_away(store, index);
        }
        true
    }
}
