//! Indexes over documents that are there: built in slices, on all shards at once, beside what there is.
//!
//! The command runs again when the build is whole, with all stores in hand, and puts it in its place: that is the command's place in the order. Writes go into both
//! meanwhile. If its client leaves before, what was built is thrown away.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Errands, Next, Share, ShareOf};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_index::Index;

use crate::collection::Collection;
use crate::companion;
use crate::query::find::each_part;
use crate::service::Service;

const BUSY: CommandError = CommandError::text(
    "ERR another index of the collection is being created or deleted: try again when that is done",
);

/// The indexes of a changed collection, by the places of their stores; none: the command runs again when they are built.
///
/// # Errors
/// If others are being built.
pub(super) fn built(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    changed: &Arc<Collection>,
    out: &mut dyn Reply,
) -> CommandResult<Option<Vec<(usize, Index)>>> {
    check_busy(ctx, changed)?;
    let mut is_whole = true;
    each_part(ctx, changed, |_, part, _| is_whole &= part.build_state(changed) == Some((true, true)));
    if !is_whole {
        each_part(ctx, changed, |_, part, _| {
            if part.build_state(changed).is_none_or(|(is_own, _)| !is_own) {
                part.begin_build(changed);
            }
        });
        if run(ctx, service, changed, out)? == Errands::Over {
            return Ok(None);
        }
    }
    let mut built = Vec::new();
    each_part(ctx, changed, |place, part, store| {
        // One whose numbers ran out is built at once.
        let index = part.take_build(changed).unwrap_or_else(|| part.built_for(store, changed));
        built.push((place, index));
    });
    Ok(Some(built))
}

/// Refuses to build while another index is being created.
///
/// # Errors
/// If one is, and the command could wait for its end.
pub(super) fn check_busy(ctx: &mut Ctx<'_>, changed: &Collection) -> CommandResult {
    let mut is_busy = false;
    each_part(ctx, changed, |_, part, _| is_busy |= part.is_building_other(changed));
    if is_busy && ctx.may_defer() { Err(BUSY) } else { Ok(()) }
}

fn run(
    ctx: &mut Ctx<'_>,
    service: &Arc<Service>,
    changed: &Arc<Collection>,
    out: &mut dyn Reply,
) -> CommandResult<Errands> {
    let mut shards = Vec::new();
    ctx.each_store(|store, _| shards.push(store.id()));
    let building = Arc::new(Building {
        service: Arc::clone(service),
        changed: Arc::clone(changed),
        shards,
        is_over: AtomicBool::new(false),
    });
    let shares = building.shares(false);
    let errand: Arc<dyn Errand> = building;
    let whole = service.pace().whole(service.clock());
    ctx.run_errand(&errand, shares, whole, out)
}

/// The build of the indexes of a collection.
#[derive(Debug)]
struct Building {
    service: Arc<Service>,
    changed: Arc<Collection>,
    shards: Vec<ShardId>,
    is_over: AtomicBool,
}

impl Building {
    fn shares(&self, is_given_up: bool) -> Vec<ShareOf> {
        let share = |shard: &ShardId| -> ShareOf {
            (*shard, Box::new(Part { changed: Arc::clone(&self.changed), is_given_up }))
        };
        self.shards.iter().map(share).collect()
    }
}

impl Errand for Building {
    fn slice(&self) -> Effort {
        self.service.pace().build(self.service.clock())
    }

    fn next(self: Arc<Self>, is_left: bool) -> Next {
        let is_over = self.is_over.swap(true, Ordering::AcqRel);
        let shares = if is_left && !is_over { self.shares(true) } else { Vec::new() };
        Next { answer: (!is_over).then_some(Answer::Again), shares }
    }

    /// The command writes its reply when it runs again.
    fn reply(&self, _: &mut dyn Reply) -> CommandResult {
        Ok(())
    }
}

/// A store's part of the build.
#[derive(Debug)]
struct Part {
    changed: Arc<Collection>,
    /// It is thrown away.
    is_given_up: bool,
}

impl Share for Part {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let changed = &*self.changed;
        if self.is_given_up {
            let given_up =
                companion::with_part(store, |part, _| part.find(&changed.escaped)?.take_build(changed));
            if let Some(index) = given_up.flatten() {
                companion::throw_away(store, index);
            }
            return true;
        }
        // Without it the collection was deleted.
        companion::with_part(store, |part, store| {
            part.find(&changed.escaped).is_none_or(|part| part.build_some(store, changed, effort))
        })
        .unwrap_or(true)
    }
}
