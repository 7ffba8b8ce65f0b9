//! Commands that wait for keys of one store, in the order in which they came, and which of their keys became ready.
//!
//! A command that waits for several keys stands in the queue of each, also on other shards. What it is, and whether its
//! wait is over, only the shards know: see [`super::serve`].
//!
//! Nothing is looked at by commands while nobody waits but whether anybody does: see `ShardStore::note_value`.

use std::any::Any;
use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::Arc;

use smallvec::SmallVec;

use super::store::DbIndex;
use crate::context::Wish;
use crate::hash::{KeyHasher, Map};
use crate::keyspace::entry::Kind;
use crate::slot::{ShardId, Slot};
use crate::time::UnixMs;

/// A command that waits. Shared by the queues it stands in and its client's worker.
#[derive(Debug)]
pub struct Waiter {
    /// The `Operation` it is, whose type the store does not know.
    operation: Arc<dyn Any + Send + Sync>,
    db: DbIndex,
    places: Box<[Place]>,
    kind: Kind,
    wakes_on_removal: bool,
    args: Option<Box<[Box<[u8]>]>>,
    until: Option<UnixMs>,
}

/// Where a waiter stands.
#[derive(Debug)]
struct Place {
    key: Box<[u8]>,
    shard: ShardId,
    /// Its number in the order of arrival at that shard.
    number: u64,
}

impl Waiter {
    /// A waiter whose numbers of arrival are drawn by `next_number`.
    pub(super) fn new(
        operation: Arc<dyn Any + Send + Sync>,
        (db, shard_count): (DbIndex, u16),
        wish: Wish,
        mut next_number: impl FnMut(ShardId) -> u64,
    ) -> Self {
        let mut places: Vec<Place> = Vec::with_capacity(wish.keys.len());
        for key in wish.keys {
            if places.iter().all(|place| place.key != key) {
                let shard = Slot::of(&key).shard(shard_count);
                places.push(Place { key, shard, number: next_number(shard) });
            }
        }
        Self {
            operation,
            db,
            places: places.into(),
            kind: wish.kind,
            wakes_on_removal: wish.wakes_on_removal,
            args: wish.resumes_as,
            until: wish.until,
        }
    }

    /// When its time is over; `None` if it waits for ever.
    #[must_use]
    pub fn until(&self) -> Option<UnixMs> {
        self.until
    }

    /// The operation it is.
    pub(super) fn operation(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.operation)
    }

    /// Its arguments, where they differ from those it was sent with.
    pub(super) fn args(&self) -> Option<SmallVec<[&[u8]; 8]>> {
        self.args.as_ref().map(|args| args.iter().map(|arg| &arg[..]).collect())
    }

    /// The keys it waits for: their shard, and its number in their queue.
    pub(super) fn places(&self) -> impl Iterator<Item = (ShardId, &[u8], u64)> {
        self.places.iter().map(|place| (place.shard, &place.key[..], place.number))
    }

    /// Whether it is to run when a key it waits for holds a value of `kind`, or none.
    pub(super) fn wakes_on(&self, kind: Option<Kind>) -> bool {
        kind == Some(self.kind) || self.wakes_on_removal
    }

    /// The shards of the keys it waits for, each once.
    pub(super) fn shards(&self) -> SmallVec<[ShardId; 8]> {
        let mut shards: SmallVec<[ShardId; 8]> = self.places.iter().map(|place| place.shard).collect();
        shards.sort_unstable();
        shards.dedup();
        shards
    }

    pub(super) fn db(&self) -> DbIndex {
        self.db
    }
}

/// Those that wait for one key.
#[derive(Debug, Default)]
struct Queue {
    /// By order of arrival.
    waiters: BTreeMap<u64, Arc<Waiter>>,
    /// How many of them want to know when the key goes.
    removal_watchers: usize,
    /// Whether the key stands in the list of those that became ready.
    is_ready: bool,
}

/// A key of one database.
pub(super) type ReadyKey = (DbIndex, Box<[u8]>);

/// All commands that wait for keys of one store.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Only databases and keys that somebody waits for.
    queues: BTreeMap<DbIndex, Map<Box<[u8]>, Queue>>,
    ready: VecDeque<ReadyKey>,
    /// Waiters that were taken, and need stores that were not in hand.
    promised: VecDeque<(Arc<Waiter>, UnixMs)>,
    next_number: u64,
}

impl Waiters {
    /// Notes that `key` got a value, or that its value changed.
    #[cold]
    pub(super) fn note_value(&mut self, db: DbIndex, key: &[u8]) {
        self.mark(db, key, |_| true);
    }

    /// Notes that `key` lost its value.
    #[cold]
    pub(super) fn note_removal(&mut self, db: DbIndex, key: &[u8]) {
        self.mark(db, key, |queue| queue.removal_watchers > 0);
    }

    /// Whether nobody waits for anything.
    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.queues.is_empty()
    }

    fn mark(&mut self, db: DbIndex, key: &[u8], is_of_interest: impl Fn(&Queue) -> bool) {
        let queue = self.queues.get_mut(&db).and_then(|queues| queues.get_mut(key));
        if let Some(queue) = queue.filter(|queue| !queue.is_ready && is_of_interest(queue)) {
            queue.is_ready = true;
            self.ready.push_back((db, key.into()));
        }
    }

    /// Notes that all keys of a database may have changed.
    #[cold]
    pub(super) fn note_database(&mut self, db: DbIndex) {
        let Some(queues) = self.queues.get_mut(&db) else { return };
        // In an order that does not depend on the table: whoever came first is served first.
        let mut keys: Vec<_> = queues
            .iter_mut()
            .filter(|(_, queue)| !queue.is_ready)
            .filter_map(|(key, queue)| {
                queue.is_ready = true;
                Some((*queue.waiters.first_key_value()?.0, key.clone()))
            })
            .collect();
        keys.sort_unstable();
        self.ready.extend(keys.into_iter().map(|(_, key)| (db, key)));
    }

    /// Whether some key that is waited for became ready.
    #[inline]
    pub(super) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The key that became ready first.
    pub(super) fn take_ready(&mut self) -> Option<ReadyKey> {
        let (db, key) = self.ready.pop_front()?;
        if let Some(queue) = self.queues.get_mut(&db).and_then(|queues| queues.get_mut(&key)) {
            queue.is_ready = false;
        }
        Some((db, key))
    }

    /// The first who waits for `key` among those that came after number `after`, with its own number.
    pub(super) fn next(&self, (db, key): &ReadyKey, after: Option<u64>) -> Option<(u64, Arc<Waiter>)> {
        let queue = self.queues.get(db)?.get(key)?;
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let (number, waiter) = queue.waiters.range((from, Bound::Unbounded)).next()?;
        Some((*number, Arc::clone(waiter)))
    }

    /// A number for one who arrives.
    pub(super) fn next_number(&mut self) -> u64 {
        self.next_number += 1;
        self.next_number
    }

    /// Puts a waiter into the queues of those of its keys that live on `shard`, which is this store's.
    pub(super) fn add(&mut self, shard: ShardId, waiter: &Arc<Waiter>, hasher: &KeyHasher) {
        let queues = self.queues.entry(waiter.db).or_insert_with(|| Map::with_hasher(hasher.clone()));
        for place in waiter.places.iter().filter(|place| place.shard == shard) {
            let queue = queues.entry(place.key.clone()).or_default();
            queue.waiters.insert(place.number, Arc::clone(waiter));
            queue.removal_watchers += usize::from(waiter.wakes_on_removal);
        }
    }

    /// Takes a waiter out of the queues of `shard`, which is this store's.
    pub(super) fn remove(&mut self, shard: ShardId, waiter: &Waiter) {
        let Some(queues) = self.queues.get_mut(&waiter.db) else { return };
        for place in waiter.places.iter().filter(|place| place.shard == shard) {
            let Some(queue) = queues.get_mut(&place.key) else { continue };
            if queue.waiters.remove(&place.number).is_some() {
                queue.removal_watchers -= usize::from(waiter.wakes_on_removal);
            }
            if queue.waiters.is_empty() {
                queues.remove(&place.key);
            }
        }
        if queues.is_empty() {
            self.queues.remove(&waiter.db);
        }
    }

    /// Notes that a waiter is to be served at `now` by an operation with all the stores it needs.
    pub(super) fn promise(&mut self, waiter: Arc<Waiter>, now: UnixMs) {
        self.promised.push_back((waiter, now));
    }

    /// Whether somebody must be served before the shard runs anything else.
    pub(super) fn has_promises(&self) -> bool {
        !self.promised.is_empty()
    }

    pub(super) fn take_promise(&mut self) -> Option<(Arc<Waiter>, UnixMs)> {
        self.promised.pop_front()
    }

    /// Puts back what [`Waiters::take_promise`] gave.
    pub(super) fn put_promise_back(&mut self, promise: (Arc<Waiter>, UnixMs)) {
        self.promised.push_front(promise);
    }

    /// Number of keys that somebody waits for.
    pub(super) fn key_count(&self) -> usize {
        self.queues.values().map(Map::len).sum()
    }
}
