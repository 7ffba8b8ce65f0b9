//! What a command's context holds, moved out of it: for an interpreter, whose functions run other commands and can hold no borrow.
//!
//! Meanwhile the context itself holds vacant stores and a journal that records nothing. Whoever moves a context out moves it back into the
//! same context before the command ends.

use std::sync::Arc;

use super::guard::Guard;
use super::{Blocking, Ctx, HeldShards, Stores};
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::journal::Journal;
use crate::reader::Reader;
use crate::services::Services;
use crate::slot::ShardId;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// Stores, journal and services of a command. Filling it moves a few words for each store.
#[derive(Debug, Default)]
pub struct MovedContext {
    /// The first `held` are those of the command; the others are vacant.
    #[expect(clippy::vec_box, reason = "lent stores are boxed, and exchanged as such")]
    stores: Vec<Box<ShardStore>>,
    held: usize,
    /// Which shards those are of, if several were lent.
    known: HeldShards,
    shard_count: u16,
    journal: Journal,
    services: Option<Arc<Services>>,
    reader: Option<Reader>,
    guard: Option<Arc<dyn Guard>>,
}

impl MovedContext {
    /// Takes what `ctx` has.
    pub fn fill(&mut self, ctx: &mut Ctx<'_>) {
        debug_assert_eq!(self.held, 0, "a context is moved out once");
        self.shard_count = ctx.shard_count();
        self.reader = ctx.reader;
        if !self.services.as_ref().is_some_and(|services| Arc::ptr_eq(services, ctx.services)) {
            self.services = Some(Arc::clone(ctx.services));
        }
        self.guard = ctx.guard.cloned();
        self.exchange(ctx);
    }

    /// Gives back what was taken from `ctx`.
    pub fn empty(&mut self, ctx: &mut Ctx<'_>) {
        self.exchange(ctx);
        self.guard = None;
        self.held = 0;
    }

    /// Whom the command runs for, if that is somebody who may not do everything.
    #[must_use]
    pub fn guard(&self) -> Option<&Arc<dyn Guard>> {
        self.guard.as_ref()
    }

    /// What the engine offers.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        self.services.as_ref().unwrap_or_else(|| Services::none())
    }

    fn exchange(&mut self, ctx: &mut Ctx<'_>) {
        std::mem::swap(&mut self.journal, ctx.journal);
        match &mut ctx.stores {
            Stores::One(store) => {
                self.make_room(1);
                std::mem::swap(&mut self.stores[0], *store);
            }
            Stores::Lent(lent) => {
                let count = lent.as_mut_slice().len();
                self.make_room(count);
                lent.exchange(&mut self.stores[..count], &mut self.known);
            }
        }
    }

    fn make_room(&mut self, held: usize) {
        self.held = held;
        while self.stores.len() < held {
            let vacant = CoreConfig { database_count: 0, ..CoreConfig::default() };
            self.stores.push(Box::new(ShardStore::new(ShardId(0), vacant, 0)));
        }
    }

    /// A context for a command that a script runs: it may not put itself off.
    pub fn ctx(&mut self, (db, now, no_touch): (DbIndex, UnixMs, bool)) -> Ctx<'_> {
        let stores = match &mut self.stores[..self.held] {
            [store] => Stores::One(store),
            stores => Stores::held(stores, self.shard_count, self.known),
        };
        let services = self.services.as_ref().unwrap_or_else(|| Services::none());
        let (journal, blocking) = (&mut self.journal, Blocking::Scripted);
        let (reader, guard) = (self.reader, self.guard.as_ref());
        Ctx {
            stores,
            journal,
            services,
            db,
            now,
            no_touch,
            blocking,
            watch: None,
            resumed: None,
            reader,
            command: "",
            guard,
        }
    }

    /// Records what the commands did.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Number of shards in the engine.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        self.shard_count
    }

    /// Whether the store of `shard` is in hand.
    #[must_use]
    pub fn has(&self, shard: ShardId) -> bool {
        self.stores[..self.held].iter().any(|store| store.id() == shard)
    }

    /// Whether all stores of the engine are in hand.
    #[inline]
    #[must_use]
    pub fn has_all(&self) -> bool {
        self.held == usize::from(self.shard_count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::slot::Slot;

    /// A paused command is resumed with another context of the same stores, which holds vacant stores until they are put back.
    #[test]
    fn stores_are_found_after_they_came_back_into_another_context() {
        let shard_count = 5;
        let shards = [1, 2, 4].map(ShardId);
        let new_store = |shard| Box::new(ShardStore::new(shard, CoreConfig::default(), 1));
        let mut stores: Vec<_> = shards.map(new_store).into();
        let mut journal = Journal::default();
        let mut moved = MovedContext::default();
        for _ in 0..2 {
            let lent = Stores::lent(&mut stores, shard_count);
            moved.fill(&mut Ctx::bare(lent, &mut journal, DbIndex(0), UnixMs(1)));
            let keys = (0..100).map(|number| format!("key:{number}").into_bytes());
            let keys: Vec<_> =
                keys.filter(|key| shards.contains(&Slot::of(key).shard(shard_count))).collect();
            for key in &keys {
                assert!(moved.ctx((DbIndex(0), UnixMs(1), false)).keyspace(key).read(key).is_none());
            }
            let mut ctx =
                Ctx::bare(Stores::of(&mut stores, shard_count), &mut journal, DbIndex(0), UnixMs(1));
            moved.empty(&mut ctx);
            for key in &keys {
                assert!(ctx.keyspace(key).read(key).is_none());
            }
        }
    }
}
