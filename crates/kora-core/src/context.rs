//! What a handler sees: the keyspaces of its keys, wherever they live, the time, and the journal.

use crate::config::CoreConfig;
use crate::journal::Journal;
use crate::keyspace::Keyspace;
use crate::shard::store::{DbIndex, ShardStore};
use crate::slot::Slot;
use crate::time::UnixMs;

/// The stores an operation has in hand.
#[derive(Debug)]
pub enum Stores<'a> {
    /// The shard's own: all keys of the command live here.
    One(&'a mut ShardStore),
    /// Those lent for this operation, in ascending order of shard.
    Lent {
        /// The stores.
        stores: &'a mut [Box<ShardStore>],
        /// Number of shards in the engine.
        shard_count: u16,
    },
}

/// What a command runs in.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The stores in hand.
    pub stores: Stores<'a>,
    /// Records effects and events.
    pub journal: &'a mut Journal,
    /// The client's selected database.
    pub db: DbIndex,
    /// The time at which the command runs.
    pub now: UnixMs,
    /// CLIENT NO-TOUCH: look-ups leave LRU and LFU alone.
    pub no_touch: bool,
}

impl Ctx<'_> {
    /// The keyspace of `key` in the selected database.
    #[inline]
    pub fn keyspace(&mut self, key: &[u8]) -> Keyspace<'_> {
        self.keyspace_in(self.db, key)
    }

    /// The keyspace of `key` in database `db`, which must exist.
    #[inline]
    pub fn keyspace_in(&mut self, db: DbIndex, key: &[u8]) -> Keyspace<'_> {
        let store = match &mut self.stores {
            Stores::One(store) => &mut **store,
            Stores::Lent { stores, shard_count } => {
                let shard = Slot::of(key).shard(*shard_count);
                let at = stores.iter().position(|store| store.id() == shard);
                &mut *stores[at.expect("an operation is lent the shards of all its keys")]
            }
        };
        Keyspace::new(store, self.journal, db, self.now, self.no_touch)
    }

    /// Every store in hand: one, or all that were lent.
    pub fn each_store(&mut self, mut visit: impl FnMut(&mut ShardStore, &mut Journal)) {
        match &mut self.stores {
            Stores::One(store) => visit(store, self.journal),
            Stores::Lent { stores, .. } => {
                for store in stores.iter_mut() {
                    visit(store, self.journal);
                }
            }
        }
    }

    /// The selected database in every store in hand.
    pub fn each_keyspace(&mut self, mut visit: impl FnMut(Keyspace<'_>)) {
        let (db, now, no_touch) = (self.db, self.now, self.no_touch);
        self.each_store(|store, journal| visit(Keyspace::new(store, journal, db, now, no_touch)));
    }

    /// Number of shards in the engine.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        match &self.stores {
            Stores::One(store) => store.shard_count(),
            Stores::Lent { shard_count, .. } => *shard_count,
        }
    }

    /// The next random number.
    pub fn random(&mut self) -> u64 {
        match &mut self.stores {
            Stores::One(store) => store.random(),
            Stores::Lent { stores, .. } => stores[0].random(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &CoreConfig {
        match &self.stores {
            Stores::One(store) => store.config(),
            Stores::Lent { stores, .. } => stores[0].config(),
        }
    }
}
