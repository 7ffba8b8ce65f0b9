//! Keys that clients watch: whoever changes one makes the transaction fail that was to depend on it.
//!
//! A client's [`Watch`] is a flag, known to the stores of its keys and to the client's connection. The first change of a
//! key sets it, and the store forgets who watched the key: a flag that is set stays set. `EXEC` has all stores of the
//! watched keys in hand when it looks at the flag, so nothing can come between.
//!
//! A key whose time has come counts as absent: `WATCH` and `EXEC` both look keys up, which deletes those that have
//! expired. So a key that was expired when it was watched is watched as one that is not there, and one that has expired
//! since is a change like any other. Only SWAPDB can put an expired key where one is watched: that it goes is no change then.
//!
//! Nothing is looked at by commands while nobody watches but whether anybody does: see `ShardStore::note_value`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use smallvec::SmallVec;

use crate::db::DbIndex;
use crate::hash::{KeyHasher, Map};
use crate::slot::{ShardId, Slot};

/// What one client watches, from its first WATCH until EXEC, DISCARD or UNWATCH: whether it has changed.
#[derive(Debug, Default)]
pub struct Watch {
    is_dirty: AtomicBool,
    /// The client watches no longer. A WATCH that is still on its way must leave no trace.
    is_over: AtomicBool,
}

impl Watch {
    /// Whether a watched key has changed.
    #[must_use]
    pub fn is_dirty(&self) -> bool {
        self.is_dirty.load(Ordering::Acquire)
    }

    /// Ends it: what still arrives of it at shards is void.
    pub fn end(&self) {
        self.is_over.store(true, Ordering::Release);
    }

    /// Whether it matters to anybody whether its keys change.
    fn is_live(&self) -> bool {
        !self.is_over.load(Ordering::Acquire) && !self.is_dirty()
    }

    fn touch(&self) {
        self.is_dirty.store(true, Ordering::Release);
    }
}

/// A key that is watched: its shard, its database, its name.
type WatchedKey = (ShardId, DbIndex, Box<[u8]>);

/// The keys that one client watches.
#[derive(Debug, Default)]
pub struct Watched {
    watch: Arc<Watch>,
    /// By shard, each once.
    keys: BTreeSet<WatchedKey>,
    byte_count: usize,
}

impl Watched {
    /// Adds `key`. The shards learn of it by the command WATCH with this [`Watched::watch`].
    pub fn add(&mut self, db: DbIndex, key: &[u8], shard_count: u16) {
        if self.keys.insert((Slot::of(key).shard(shard_count), db, key.into())) {
            self.byte_count += size_of::<WatchedKey>() + key.len();
        }
    }

    /// Whether a watched key has changed.
    #[must_use]
    pub fn watch(&self) -> &Arc<Watch> {
        &self.watch
    }

    /// Number of keys.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.keys.len()
    }

    /// Bytes allocated for it, about.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.byte_count
    }

    /// The shards of the keys, ascending.
    pub(crate) fn shards(&self) -> SmallVec<[ShardId; 8]> {
        let mut shards: SmallVec<[ShardId; 8]> = self.keys.iter().map(|(shard, ..)| *shard).collect();
        shards.dedup();
        shards
    }

    /// The keys that live on `shard`.
    pub(crate) fn of_shard(&self, shard: ShardId) -> impl Iterator<Item = (DbIndex, &[u8])> {
        let from = (shard, DbIndex::default(), Box::default());
        self.keys.range(from..).take_while(move |(at, ..)| *at == shard).map(|(_, db, key)| (*db, &key[..]))
    }
}

/// What a database holds of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Nothing.
    Absent,
    /// An entry whose time has come.
    Expired,
    /// An entry.
    Present,
}

/// Who watches one key, by the address of the flag.
type Audience = BTreeMap<usize, Watcher>;

/// One who watches a key.
#[derive(Debug)]
struct Watcher {
    watch: Arc<Watch>,
    /// The key is there and has expired, which was so when it came into this database: that it goes is no change.
    has_expired: bool,
}

impl Watcher {
    /// Another entry or none takes the place of the key's; `false` if that is a change, of which it was told.
    fn keep(&mut self, before: Presence, after: Presence) -> bool {
        let was_there = before != Presence::Absent && !self.has_expired;
        let is_changed = was_there || after == Presence::Present;
        if is_changed {
            self.watch.touch();
        }
        self.has_expired = after == Presence::Expired;
        !is_changed
    }
}

/// Who watches keys of one store.
#[derive(Debug, Default)]
pub(crate) struct Watchers {
    /// Only databases and keys that somebody watches.
    databases: BTreeMap<DbIndex, Map<Box<[u8]>, Audience>>,
    /// Watched keys that have changed since [`Watchers::hold`], if what changes them may be taken back.
    held: Option<Vec<(DbIndex, Box<[u8]>)>>,
}

impl Watchers {
    /// Whether nobody watches anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.databases.is_empty()
    }

    /// Adds one who watches `key`, unless that is over or has failed already.
    pub(crate) fn add(&mut self, db: DbIndex, key: &[u8], watch: &Arc<Watch>, hasher: &KeyHasher) {
        if !watch.is_live() {
            return;
        }
        let keys = self.databases.entry(db).or_insert_with(|| Map::with_hasher(hasher.clone()));
        let audience = keys.entry(key.into()).or_default();
        let watcher = Watcher { watch: Arc::clone(watch), has_expired: false };
        audience.entry(Arc::as_ptr(watch).addr()).or_insert(watcher);
    }

    /// Takes one away who watched `key`.
    fn remove(&mut self, db: DbIndex, key: &[u8], watch: &Arc<Watch>) {
        let Some(keys) = self.databases.get_mut(&db) else { return };
        let Some(audience) = keys.get_mut(key) else { return };
        audience.remove(&Arc::as_ptr(watch).addr());
        if audience.is_empty() {
            keys.remove(key);
            self.drop_if_empty(db);
        }
    }

    /// Takes one away from all keys it watched on `shard`, which is this store's.
    pub(crate) fn remove_all(&mut self, shard: ShardId, watched: &Watched) {
        for (db, key) in watched.of_shard(shard) {
            self.remove(db, key, &watched.watch);
        }
    }

    /// From now on changes are told only when they are there to stay.
    pub(super) fn hold(&mut self) {
        self.held = Some(Vec::new());
    }

    /// The changes since [`Watchers::hold`] are there to stay, or else they were taken back.
    pub(super) fn release(&mut self, is_kept: bool) {
        for (db, key) in self.held.take().into_iter().flatten().filter(|_| is_kept) {
            self.touch(db, &key);
        }
    }

    /// Tells those who watch `key` that it has changed.
    #[cold]
    pub(crate) fn touch(&mut self, db: DbIndex, key: &[u8]) {
        if let Some(held) = &mut self.held {
            if self.databases.get(&db).is_some_and(|keys| keys.contains_key(key)) {
                held.push((db, key.into()));
            }
            return;
        }
        let Some(audience) = self.databases.get_mut(&db).and_then(|keys| keys.remove(key)) else { return };
        audience.values().for_each(|watcher| watcher.watch.touch());
        self.drop_if_empty(db);
    }

    /// Tells those who watch `key` that its time has come and it is gone; to some that is no news.
    #[cold]
    pub(crate) fn lapse(&mut self, db: DbIndex, key: &[u8]) {
        let Some(audience) = self.databases.get_mut(&db).and_then(|keys| keys.get_mut(key)) else { return };
        audience.retain(|_, watcher| watcher.keep(Presence::Expired, Presence::Absent));
        if audience.is_empty() {
            self.touch(db, key);
        }
    }

    /// Tells those who watch keys of a database that all its keys are replaced. `presence` says what it held and will hold
    /// of a key.
    #[cold]
    pub(crate) fn replace(&mut self, db: DbIndex, presence: impl Fn(&[u8]) -> (Presence, Presence)) {
        let Some(keys) = self.databases.get_mut(&db) else { return };
        keys.retain(|key, audience| {
            let (before, after) = presence(key);
            audience.retain(|_, watcher| watcher.keep(before, after));
            !audience.is_empty()
        });
        self.drop_if_empty(db);
    }

    /// Number of keys that somebody watches.
    pub(crate) fn key_count(&self) -> usize {
        self.databases.values().map(Map::len).sum()
    }

    fn drop_if_empty(&mut self, db: DbIndex) {
        if self.databases.get(&db).is_some_and(Map::is_empty) {
            self.databases.remove(&db);
        }
    }
}
