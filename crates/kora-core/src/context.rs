//! What a handler sees: the keyspaces of its keys, wherever they live, the time, and the journal.

pub mod errand;
pub mod guard;
pub mod moved;
mod stores;

pub(crate) use stores::HeldShards;
pub use stores::{KnownKeys, LentStores, Stores};

use std::sync::Arc;

use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::error::CommandResult;
use crate::journal::{Announcement, Journal};
use crate::reader::Reader;
use crate::reply::Reply;
use crate::services::Services;
use crate::slot::{ShardId, Slot};
use crate::store::waiters::WaitRequest;
use crate::store::watch::Watch;
use crate::store::{Keyspace, ShardStore};
use crate::time::UnixMs;

/// Runs a command of the core: `args[0]` is its name as sent. Writes one reply, or refuses before writing any.
pub type CoreHandler = fn(&mut Ctx<'_>, &[&[u8]], &mut dyn Reply) -> CommandResult;

/// Goes on with a command that has paused, for a while, with the context of the stores that were in hand: it puts back what
/// it took, and replies, when it comes to its end.
pub type Resume = fn(&mut Ctx<'_>, &mut dyn Reply) -> Resumed;

/// What came of going on with a command.
#[derive(Debug)]
pub enum Resumed {
    /// It has paused again, and has more to do.
    Paused,
    /// It waits for something that the worker will be woken by.
    Waiting,
    /// It turned out to need stores that were not in hand, and has taken back what it did.
    NeedsAll,
    /// It has come to its end.
    Done(CommandResult),
}

/// How a command goes on with the store of another shard.
#[derive(Debug)]
pub struct Onward {
    /// The shard.
    pub shard: ShardId,
    /// The handler that runs there and writes the command's reply.
    pub handler: CoreHandler,
    /// Its arguments: they carry what was found so far.
    pub args: Vec<Box<[u8]>>,
}

/// Why a command has not run to its end, and written no reply. But for the last three it has changed nothing, and runs
/// again.
#[derive(Debug)]
pub enum Deferral {
    /// It waits for keys.
    Wait(WaitRequest),
    /// It turned out to need stores that are not in hand: it runs again with all of them.
    NeedsAll,
    /// It takes long, and lets its worker do other things meanwhile. It has taken what is in the stores in hand, see
    /// [`MovedContext`](moved::MovedContext); the same thread goes on with it.
    Paused(Resume),
    /// It has done its part here and goes on with another shard's store. It changes nothing.
    Onward(Onward),
    /// It has begun, and goes on as an errand. What it has changed so far stands.
    Aside(errand::Aside),
}

/// How a command has put itself off.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deferred {
    /// It will be called again, here or on another shard.
    Later,
    /// It runs anew, as if it had not run.
    NeedsAll,
    /// It has paused.
    Paused,
    /// It goes on as an errand.
    Aside,
}

/// Whether a command may put itself off.
#[derive(Debug)]
pub enum Blocking<'a> {
    /// It may not: it belongs to something that must not stop, or repeats an effect.
    Forbidden,
    /// It may not: a script runs it.
    Scripted,
    /// It may only pause: it belongs to a transaction, which keeps its stores until the end.
    PauseOnly(&'a mut Option<Resume>),
    /// It may, and says here why.
    Permitted(&'a mut Option<Deferral>),
    /// It may not, but runs a slice at a time.
    InSlices(&'a mut Slice),
}

/// How far a command has come that runs a slice at a time.
#[derive(Clone, Copy, Debug, Default)]
pub struct Slice {
    /// Where the next slice begins; 0 before the first and behind the last.
    pub cursor: u64,
    /// Elements of the reply written so far.
    pub elements: usize,
}

/// What a command runs in.
#[derive(Debug)]
pub struct Ctx<'a> {
    /// The stores in hand.
    pub stores: Stores<'a>,
    /// Records effects and events.
    pub journal: &'a mut Journal,
    /// What the engine offers.
    pub services: &'a Arc<Services>,
    /// The client's selected database.
    pub db: DbIndex,
    /// The time at which the command runs.
    pub now: UnixMs,
    /// CLIENT NO-TOUCH: look-ups leave LRU and LFU alone.
    pub no_touch: bool,
    /// Whether the command may wait.
    pub blocking: Blocking<'a>,
    /// What the client watches, if the command adds to it.
    pub watch: Option<&'a Arc<Watch>>,
    /// The errand that the command runs anew after.
    pub resumed: Option<&'a Arc<dyn errand::Errand>>,
    /// The client, if it keeps copies of what it reads.
    pub reader: Option<Reader>,
    /// The full name of the command; empty where no command of a client's runs.
    pub command: &'static str,
    /// Whom it runs for, if that is somebody who may not do everything.
    pub guard: Option<&'a Arc<dyn guard::Guard>>,
}

impl<'a> Ctx<'a> {
    /// A context for a command that has only stores: no services, and it may not wait.
    pub fn bare(stores: Stores<'a>, journal: &'a mut Journal, db: DbIndex, now: UnixMs) -> Self {
        let (services, blocking) = (Services::none(), Blocking::Forbidden);
        let (no_touch, watch, resumed, reader, command, guard) = (false, None, None, None, "", None);
        Self {
            stores,
            journal,
            services,
            db,
            now,
            no_touch,
            blocking,
            watch,
            resumed,
            reader,
            command,
            guard,
        }
    }
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
            Stores::One(store) => {
                debug_assert!(
                    store.shard_count() == 1 || Slot::of(key).shard(store.shard_count()) == store.id(),
                    "a command runs on the shard of all its keys"
                );
                &mut **store
            }
            Stores::Lent(lent) => lent.of_key(key).expect("an operation is lent the shards of all its keys"),
        };
        Keyspace::new(store, self.journal, db, self.now, self.no_touch)
    }

    /// The store of `key`, which is in hand.
    pub fn store_of(&mut self, key: &[u8]) -> &mut ShardStore {
        match &mut self.stores {
            Stores::One(store) => store,
            Stores::Lent(lent) => lent.of_key(key).expect("an operation is lent the shards of all its keys"),
        }
    }

    /// Makes the command wait; `false` if it may not. A handler that waits has changed nothing and writes no reply: it
    /// runs again, and may wait on, when a key it waits for is ready. If its time is over first, the reply is the absent
    /// array. What it asks for again it waits for no longer than it did at first.
    #[must_use]
    pub fn block(&mut self, wait: impl FnOnce() -> WaitRequest) -> bool {
        match &mut self.blocking {
            Blocking::Forbidden | Blocking::Scripted | Blocking::PauseOnly(_) | Blocking::InSlices(_) => {
                false
            }
            Blocking::Permitted(place) => {
                **place = Some(Deferral::Wait(wait()));
                true
            }
        }
    }

    /// Makes the command run again with all stores in hand; `false` if it may not put itself off. It has changed nothing
    /// and writes no reply.
    #[must_use]
    pub fn defer_to_all(&mut self) -> bool {
        match &mut self.blocking {
            Blocking::Forbidden | Blocking::Scripted | Blocking::PauseOnly(_) | Blocking::InSlices(_) => {
                false
            }
            Blocking::Permitted(place) => {
                **place = Some(Deferral::NeedsAll);
                true
            }
        }
    }

    /// Whether the command may put itself off.
    #[must_use]
    pub fn may_defer(&self) -> bool {
        matches!(self.blocking, Blocking::Permitted(_))
    }

    /// Whether the command has put itself off.
    #[inline]
    pub(crate) fn deferral(&self) -> Option<Deferred> {
        match &self.blocking {
            Blocking::Permitted(place) => place.as_ref().map(|deferral| match deferral {
                Deferral::Paused(_) => Deferred::Paused,
                Deferral::Aside(_) => Deferred::Aside,
                Deferral::NeedsAll => Deferred::NeedsAll,
                Deferral::Wait(_) | Deferral::Onward(_) => Deferred::Later,
            }),
            Blocking::PauseOnly(place) => place.as_ref().map(|_| Deferred::Paused),
            Blocking::Forbidden | Blocking::Scripted | Blocking::InSlices(_) => None,
        }
    }

    /// Whether a script runs the command.
    #[must_use]
    pub fn is_scripted(&self) -> bool {
        matches!(self.blocking, Blocking::Scripted)
    }

    /// Makes the command go on with another shard's store; `false` if it may not put itself off. It has changed nothing and
    /// writes no reply.
    #[must_use]
    pub fn go_on(&mut self, onward: impl FnOnce() -> Onward) -> bool {
        match &mut self.blocking {
            Blocking::Forbidden | Blocking::Scripted | Blocking::PauseOnly(_) | Blocking::InSlices(_) => {
                false
            }
            Blocking::Permitted(place) => {
                **place = Some(Deferral::Onward(onward()));
                true
            }
        }
    }

    /// Whether the command may pause.
    #[must_use]
    pub fn may_pause(&self) -> bool {
        matches!(self.blocking, Blocking::Permitted(_) | Blocking::PauseOnly(_))
    }

    /// Makes the command pause; only if it may.
    pub fn pause(&mut self, resume: Resume) {
        match &mut self.blocking {
            Blocking::Forbidden | Blocking::Scripted | Blocking::InSlices(_) => {}
            Blocking::Permitted(place) => **place = Some(Deferral::Paused(resume)),
            Blocking::PauseOnly(place) => **place = Some(resume),
        }
    }

    /// How far the command has come, if it runs a slice at a time. Such a one writes the elements of its reply without the head of
    /// an array, and says with [`Ctx::end_slice`] how far it has come then.
    #[must_use]
    pub fn slice(&self) -> Option<Slice> {
        match &self.blocking {
            Blocking::InSlices(slice) => Some(**slice),
            _ => None,
        }
    }

    /// Ends a slice; only if there is one.
    pub fn end_slice(&mut self, end: Slice) {
        if let Blocking::InSlices(slice) = &mut self.blocking {
            **slice = end;
        }
    }

    /// Every store in hand: one, or all that were lent.
    pub fn each_store(&mut self, mut visit: impl FnMut(&mut ShardStore, &mut Journal)) {
        match &mut self.stores {
            Stores::One(store) => visit(store, self.journal),
            Stores::Lent(lent) => {
                for store in lent.as_mut_slice() {
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

    /// Has all clients told that keep copies, once: databases were emptied, with all stores in hand.
    pub fn note_flush(&mut self) {
        let mut is_told = false;
        self.each_store(|store, _| is_told |= store.forget_readers());
        if is_told {
            let author = self.journal.author();
            self.journal.announce(Announcement::Flush { author });
        }
    }

    /// Number of shards in the engine.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        match &self.stores {
            Stores::One(store) => store.shard_count(),
            Stores::Lent(lent) => lent.shard_count(),
        }
    }

    /// The shard of `key`.
    pub(crate) fn shard_of(&self, key: &[u8]) -> ShardId {
        Slot::of(key).shard(self.shard_count())
    }

    /// Whether the store of `key` is in hand.
    pub(crate) fn has_store_of(&mut self, key: &[u8]) -> bool {
        let shard = self.shard_of(key);
        self.stores.of_shard(shard).is_some()
    }

    /// Whether the stores of all shards are in hand.
    #[must_use]
    pub fn has_all(&self) -> bool {
        match &self.stores {
            Stores::One(store) => store.shard_count() == 1,
            Stores::Lent(lent) => lent.are_all(),
        }
    }

    /// The time that what is marked as used or seen is marked with: that at which the command runs, also when it repeats an
    /// effect of the past.
    #[must_use]
    pub fn clock(&self) -> UnixMs {
        match &self.stores {
            Stores::One(store) => store.clock(self.now),
            Stores::Lent(lent) => lent.first().clock(self.now),
        }
    }

    /// The next random number.
    pub fn random(&mut self) -> u64 {
        match &mut self.stores {
            Stores::One(store) => store.random(),
            Stores::Lent(lent) => lent.first_mut().random(),
        }
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &CoreConfig {
        match &self.stores {
            Stores::One(store) => store.config(),
            Stores::Lent(lent) => lent.first().config(),
        }
    }
}
