//! DOC.DELETE: documents are looked for aside if that takes long, and deleted at one moment, which is the command's place in the order.
//!
//! The command runs again, with all stores in hand, when all documents have been looked at. By then some may have changed: those are looked at as they are then, which takes
//! no longer than they are few, so the command ends although others write all the while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::command::spec::{CommandSpec, Facts, Flags, Traits};
use kora_core::context::Ctx;
use kora_core::context::errand::{Answer, Effort, Errand, Errands, Next, Share, ShareOf};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_index::Snapshot;

use super::find::{Clauses, WHERE};
use super::{COLLECTION, DECLARES, collection_of, count, service};
use crate::companion::sought::Sought;
use crate::companion::{self, CollectionPart};
use crate::query::Question;
use crate::query::find::{Ready, each_part};
use crate::query::view::View;
use crate::query::work::{Stage, Work};
use crate::service::Service;

/// Searches that go on aside for one command at most: what has changed since the last one is looked at at once.
const ROUNDS_MAX: u32 = 8;
/// What a document that died counts, in steps.
const DEAD_STEPS: usize = 20;

pub(super) const DELETE: CommandSpec = CommandSpec {
    facts: Facts {
        name: "doc.delete",
        arity: -4,
        flags: Flags::WRITE.with(Flags::MODULE),
        summary: "Deletes the documents that fulfil a condition",
        complexity: "As DOC.FIND, and O(log N) for each of them and each index",
        args: &[COLLECTION, WHERE],
        traits: Traits::STANDS_ASIDE,
        ..DECLARES
    },
    handler: delete,
};

fn delete(ctx: &mut Ctx<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let clauses = Clauses::parse(&args[2..])?;
    let text = clauses.text.clone();
    let condition = clauses.condition_only()?;
    let collection = collection_of(ctx, args[1])?;
    let ready = Ready::new(ctx, Arc::clone(&collection), Question { condition, ..Question::default() })?;
    if seek(ctx, ready, &text, out)? == Errands::Over {
        return Ok(());
    }
    let mut keys = Vec::new();
    each_part(ctx, &collection, |_, part, _| {
        if let Some(sought) = part.forget_sought(&text) {
            keys.extend(part.keys_of(&sought));
        }
    });
    out.integer(count(super::update::delete_all(ctx, keys.into_iter())));
    Ok(())
}

/// Has each part look for the documents that it has not looked at yet.
fn seek(ctx: &mut Ctx<'_>, ready: Ready, text: &[u8], out: &mut dyn Reply) -> CommandResult<Errands> {
    let service = service(ctx)?;
    let mut shards = Vec::new();
    ctx.each_store(|store, _| shards.push(store.id()));
    let collection = Arc::clone(&ready.collection);
    let seeking = Arc::new(Seeking {
        service: Arc::clone(&service),
        ready,
        condition: text.into(),
        shards,
        is_over: AtomicBool::new(false),
    });
    let mut shares: Vec<ShareOf> = Vec::new();
    let mut rounds = 0;
    each_part(ctx, &collection, |place, part, _| {
        let sought = part.begin_seeking(text);
        rounds = rounds.max(sought.rounds);
        let shard = seeking.shards[place];
        shares.push((shard, Box::new(Part::new(&seeking, place, part, sought))));
    });
    let whole = if rounds >= ROUNDS_MAX { Effort::ENDLESS } else { service.pace().whole(service.clock()) };
    let errand: Arc<dyn Errand> = seeking;
    ctx.run_errand(&errand, shares, whole, out)
}

/// A search for what is to be deleted.
#[derive(Debug)]
struct Seeking {
    service: Arc<Service>,
    ready: Ready,
    condition: Box<[u8]>,
    shards: Vec<ShardId>,
    is_over: AtomicBool,
}

impl Errand for Seeking {
    fn slice(&self) -> Effort {
        self.service.pace().slice(self.service.clock())
    }

    fn next(self: Arc<Self>, is_left: bool) -> Next {
        let is_over = self.is_over.swap(true, Ordering::AcqRel);
        let forgetting =
            |shard: &ShardId| -> ShareOf { (*shard, Box::new(Forgetting { seeking: Arc::clone(&self) })) };
        let shares =
            if is_left && !is_over { self.shards.iter().map(forgetting).collect() } else { Vec::new() };
        Next { answer: (!is_over).then_some(Answer::Again), shares }
    }

    /// The command writes its reply when it runs again.
    fn reply(&self, _: &mut dyn Reply) -> CommandResult {
        Ok(())
    }
}

/// A store's part of the search.
#[derive(Debug)]
struct Part {
    seeking: Arc<Seeking>,
    place: usize,
    identity: u64,
    /// None when all was looked at.
    way: Option<(Box<Work>, Snapshot, Sought)>,
}

impl Part {
    fn new(seeking: &Arc<Seeking>, place: usize, part: &mut CollectionPart, sought: Sought) -> Self {
        let work = Box::new(Work::new(&seeking.ready, Stage::Seek, sought.from));
        let way = Some((work, part.indexed.index.snapshot(), sought));
        Self { seeking: Arc::clone(seeking), place, identity: part.indexed.identity, way }
    }

    /// Goes on; returns whether all was looked at. None: what it looks at is not there any more, and the command begins anew.
    fn go_on(&mut self, part: &mut CollectionPart, store: &ShardStore, effort: &mut Effort) -> Option<bool> {
        let ready = &self.seeking.ready;
        if part.collection.number != ready.collection.number {
            return None;
        }
        let (work, snapshot, _) = self.way.as_mut()?;
        let indexed = part.index_of(self.identity)?;
        let view = View { place: self.place, part, indexed, snapshot, store, kept: None };
        if !work.step(ready, &view, effort) {
            return Some(false);
        }
        let (work, snapshot, mut sought) = self.way.take()?;
        sought.from = snapshot.horizon();
        sought.found.extend(work.found);
        sought.rounds += 1;
        part.keep_sought(sought);
        Some(true)
    }
}

impl Share for Part {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let seeking = Arc::clone(&self.seeking);
        let escaped = &seeking.ready.collection.escaped;
        if self.way.is_some() {
            let went =
                companion::with_part(store, |part, store| self.go_on(part.find(escaped)?, store, effort));
            match went.flatten() {
                Some(false) => return false,
                Some(true) => {}
                None => self.way = None,
            }
        }
        companion::tidy(store, escaped, DEAD_STEPS, effort)
    }
}

/// A store forgets what was found for a client that has left.
#[derive(Debug)]
struct Forgetting {
    seeking: Arc<Seeking>,
}

impl Share for Forgetting {
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool {
        let escaped = &self.seeking.ready.collection.escaped;
        companion::with_part(store, |part, _| {
            drop(part.find(escaped)?.forget_sought(&self.seeking.condition));
            Some(())
        });
        companion::tidy(store, escaped, DEAD_STEPS, effort)
    }
}
