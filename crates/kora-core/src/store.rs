//! The store one shard owns: 16 databases of keys, and what their commands share; who waits for keys, and who watches them.
//!
//! Commands see a [`Keyspace`]: one database at one moment.

mod ahead;
mod collections;
pub mod companion;
mod database;
mod digest;
pub mod eviction;
pub mod extension;
mod fields;
mod free;
pub mod keeping;
mod keyspace;
mod load;
pub mod readers;
pub mod snapshot;
pub mod sweep;
mod tending;
pub mod waiters;
pub mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::data_type::{Extensions, Loader};
use crate::hash::{KeyHasher, hash_key, key_hasher, splitmix64};
use crate::journal::Journal;
use crate::reader::ReaderId;
use crate::slot::ShardId;
use crate::table::changes::Home;
use crate::table::garbage::Garbage;
use crate::table::sizes::PublishedSizes;
use crate::time::UnixMs;
use companion::Accompanied;
use eviction::EvictionState;
use readers::{Readers, Readership};
use snapshot::StoreSnapshot;
use tending::Tending;
use waiters::Waiters;
use watch::{Presence, Watchers};

pub use ahead::LargeValue;
pub use database::Database;
pub use keyspace::Keyspace;

/// Counts of what happened to keys, since the start or CONFIG RESETSTAT.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StoreStats {
    /// Look-ups that found their key.
    pub hits: u64,
    /// Look-ups that did not.
    pub misses: u64,
    /// Keys deleted because their time had come.
    pub expired: u64,
    /// Keys deleted to make room.
    pub evicted: u64,
    /// Fields of hashes deleted because their time had come.
    pub expired_fields: u64,
}

/// The store one shard owns. It is moved as a whole when it is lent.
#[derive(Debug)]
// Many fields: all that belongs to a shard's keys goes along with them.
pub struct ShardStore {
    id: ShardId,
    /// See [`ShardStore::close`].
    is_closed: bool,
    shard_count: u16,
    pub(crate) databases: Vec<Database>,
    /// Databases from this number on have never held a key.
    used_databases: usize,
    pub(crate) hasher: KeyHasher,
    pub(crate) config: CoreConfig,
    /// The driver's version of the settings.
    config_version: u64,
    pub(crate) stats: StoreStats,
    /// The driver's number of the reset since which they count.
    stats_reset: u64,
    pub(crate) garbage: Garbage,
    /// Its keys have changed without a change that is counted, and what it holds is to be shown all the same.
    pub(crate) is_unshown: bool,
    /// Commands that wait for its keys.
    pub(crate) waiters: Waiters,
    /// Clients that watch its keys.
    pub(crate) watchers: Watchers,
    /// Clients that keep copies of its keys.
    readers: Readers,
    /// The database whose turn it is to be swept.
    pub(crate) next_swept: DbIndex,
    /// How far eviction has come.
    pub(crate) eviction: EvictionState,
    pub(crate) random_state: u64,
    /// Keys whose values are to be looked after.
    pub(crate) tending: Tending,
    /// The snapshot that is being taken of it.
    pub(crate) snapshot: Option<StoreSnapshot>,
    /// The companions that follow its keys.
    companions: Vec<Accompanied>,
    /// The types that are not built in.
    extensions: Extensions,
    /// The time, while effects of the past are replayed.
    replay_time: Option<UnixMs>,
    /// Until when, in milliseconds, look-ups for reading leave what has expired where it is. Shared with whoever pauses clients.
    expiry_held_until: Arc<AtomicI64>,
}

impl ShardStore {
    /// Nothing runs on it any more once it is given back: what it holds is what was saved last.
    pub fn close(&mut self) {
        self.is_closed = true;
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }

    /// An empty store. `seed` decides hashing and random choices.
    #[must_use]
    pub fn new(id: ShardId, config: CoreConfig, seed: u64) -> Self {
        let home = |db| Home { shard: id, db: DbIndex(db) };
        let databases = (0..config.database_count).map(|db| Database::at(home(db))).collect();
        let mut random_state = seed ^ u64::from(id.0);
        let hasher = key_hasher(splitmix64(&mut random_state));
        let readers = Readers::new(splitmix64(&mut random_state.rotate_left(32)));
        Self {
            id,
            is_closed: false,
            shard_count: 1,
            databases,
            used_databases: 0,
            hasher,
            config,
            config_version: 0,
            stats: StoreStats::default(),
            stats_reset: 0,
            garbage: Garbage::default(),
            is_unshown: false,
            waiters: Waiters::default(),
            watchers: Watchers::default(),
            readers,
            next_swept: DbIndex::default(),
            eviction: EvictionState::default(),
            random_state,
            tending: Tending::default(),
            snapshot: None,
            companions: Vec::new(),
            extensions: Extensions::default(),
            replay_time: None,
            expiry_held_until: Arc::default(),
        }
    }

    /// Makes it one of the stores of an engine with `shard_count` shards; a new store is alone.
    #[must_use]
    pub fn among(self, shard_count: u16) -> Self {
        Self { shard_count, ..self }
    }

    /// Number of shards in the engine.
    #[must_use]
    pub fn shard_count(&self) -> u16 {
        self.shard_count
    }

    /// The shard that owns this store.
    #[inline]
    #[must_use]
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// The settings.
    #[must_use]
    pub fn config(&self) -> &CoreConfig {
        &self.config
    }

    /// The driver's version of the settings, as last set.
    #[must_use]
    pub fn config_version(&self) -> u64 {
        self.config_version
    }

    /// Has values of these types come from files and payloads, besides those of the built-in types.
    pub fn set_extensions(&mut self, extensions: Extensions) {
        self.extensions = extensions;
    }

    /// What values from files are built with. The seed must be another one for each value, as [`ShardStore::random`] gives it.
    #[must_use]
    pub fn loader(&self, seed: u64) -> Loader<'_> {
        Loader { config: &self.config, seed, extensions: self.extensions }
    }

    /// Replaces the settings by those of the driver's `version`.
    pub fn set_config_of(&mut self, version: u64, config: CoreConfig) {
        self.set_config(config);
        self.config_version = version;
    }

    /// Replaces the settings; `database_count` can't change.
    pub fn set_config(&mut self, config: CoreConfig) {
        debug_assert_eq!(config.database_count, self.config.database_count);
        if config.eviction != self.config.eviction {
            // Candidates were compared by another measure.
            self.eviction = EvictionState::default();
        }
        self.config = config;
    }

    /// Begins or ends the replay of effects: meanwhile nothing expires, since what expired then is an effect itself, and keys
    /// count as used at `time`, whatever the time that commands are given.
    pub fn set_replaying(&mut self, time: Option<UnixMs>) {
        self.replay_time = time;
        if let Some(time) = time {
            self.databases.iter_mut().for_each(|database| database.tell_time(time));
        }
    }

    /// Has look-ups for reading leave what has expired where it is while their time is before `until_ms`, as it is at any time.
    pub fn share_expiry_hold(&mut self, until_ms: Arc<AtomicI64>) {
        self.expiry_held_until = until_ms;
    }

    /// Whether look-ups for reading leave what has expired where it is.
    pub(crate) fn holds_expiry(&self, now: UnixMs) -> bool {
        now.0 < self.expiry_held_until.load(Ordering::Acquire)
    }

    /// Whether effects are replayed.
    #[inline]
    pub(crate) fn is_replaying(&self) -> bool {
        self.replay_time.is_some()
    }

    /// The time for marks of use, of a command that runs at `now`.
    #[inline]
    pub(crate) fn clock(&self, now: UnixMs) -> UnixMs {
        self.replay_time.unwrap_or(now)
    }

    /// Counts of what happened to keys.
    #[must_use]
    pub fn stats(&self) -> StoreStats {
        self.stats
    }

    /// Number of keys that blocked clients wait for.
    #[must_use]
    pub fn awaited_keys(&self) -> usize {
        self.waiters.key_count()
    }

    /// Number of keys at which blocked clients wait for entries of a group of a stream, or for the key to go.
    #[must_use]
    pub fn awaited_group_keys(&self) -> usize {
        self.waiters.group_key_count()
    }

    /// Places of blocked clients that were looked at so far, to serve somebody or to take one away: what a test holds
    /// against the number of those who wait.
    #[must_use]
    pub fn examined_waiters(&self) -> u64 {
        self.waiters.examined()
    }

    /// Number of keys that clients watch.
    #[must_use]
    pub fn watched_keys(&self) -> usize {
        self.watchers.key_count()
    }

    /// Sets all counts to 0 unless that was done for this one of the driver's resets before.
    pub fn reset_stats_of(&mut self, reset: u64) {
        if std::mem::replace(&mut self.stats_reset, reset) != reset {
            self.stats = StoreStats::default();
        }
    }

    /// The next random number.
    pub fn random(&mut self) -> u64 {
        splitmix64(&mut self.random_state)
    }

    /// Notes that a database, which must exist, may hold keys.
    #[inline]
    fn note_use(&mut self, db: DbIndex) {
        self.used_databases = self.used_databases.max(db.index() + 1);
    }

    /// The first databases, up to the last that has ever held a key.
    #[inline]
    #[must_use]
    pub fn used_databases(&self) -> &[Database] {
        &self.databases[..self.used_databases]
    }

    /// A database.
    ///
    /// # Panics
    /// If it does not exist.
    #[must_use]
    pub fn database(&self, db: DbIndex) -> &Database {
        &self.databases[db.index()]
    }

    /// Shows how many keys of which size a database has, where that has changed.
    ///
    /// # Panics
    /// If it does not exist.
    #[inline]
    pub fn publish_sizes(&mut self, db: DbIndex, published: &PublishedSizes) {
        self.databases[db.index()].publish_sizes(published);
    }

    /// Exchanges the keys of two databases, which must exist. Those who wait and those who watch stay with the database's
    /// number.
    pub fn swap_databases(&mut self, one: DbIndex, other: DbIndex, now: UnixMs) {
        if one == other {
            return;
        }
        if !self.watchers.is_empty() {
            for (db, from) in [(one, other), (other, one)] {
                let Self { databases, hasher, watchers, .. } = self;
                let presence_in =
                    |db: DbIndex, key: &[u8]| databases[db.index()].presence(hash_key(hasher, key), key, now);
                watchers.replace(db, |key| (presence_in(db, key), presence_in(from, key)));
            }
        }
        self.note_use(one.max(other));
        self.databases.swap(one.index(), other.index());
        self.databases[one.index()].note_move(one);
        self.databases[other.index()].note_move(other);
        self.exchange_followers(one, other);
        self.waiters.note_database(one);
        self.waiters.note_database(other);
    }

    /// Notes that `key` got a value, or that its value changed: for those who wait and those who watch.
    #[inline]
    pub(crate) fn note_value(&mut self, journal: &mut Journal, db: DbIndex, key: &[u8]) {
        if self.has_audience() {
            self.waiters.note_value(db, key);
            self.watchers.touch(db, key);
            self.note_change(journal, key, false);
        }
    }

    /// Announces that `key` has changed to those who keep copies of it; `is_incidental`: no command made the change.
    fn note_change(&mut self, journal: &mut Journal, key: &[u8], is_incidental: bool) {
        if !self.readers.is_quiet() {
            self.readers.touch(journal, key, is_incidental);
        }
    }

    /// Notes that `reader` has read `key`, to be told of its next change.
    pub(crate) fn note_reader(&mut self, journal: &mut Journal, key: &[u8], reader: ReaderId) {
        let most = self.config.noted_keys_max;
        self.readers.note(journal, key, reader, most);
    }

    /// Notes again who has read `key`: what changed it was taken back.
    pub(crate) fn restore_readers(&mut self, key: &[u8], readers: &[ReaderId]) {
        if !readers.is_empty() {
            self.readers.add(key, readers);
        }
    }

    /// Forgets who has read what, since databases were emptied; whether anybody is to be told.
    pub(crate) fn forget_readers(&mut self) -> bool {
        self.readers.forget_all(&mut self.garbage)
    }

    /// Counts noted keys together with others from now on.
    pub fn share_readership(&mut self, readership: Arc<Readership>) {
        self.readers.share(readership);
    }

    /// Number of keys that are noted as read, and the bytes that takes.
    #[must_use]
    pub fn noted_keys(&self) -> (usize, usize) {
        (self.readers.key_count(), self.readers.memory_bytes())
    }

    /// Notes what [`ShardStore::note_value`] notes for those who wait; those who watch are not told.
    pub(crate) fn note_value_aside(&mut self, db: DbIndex, key: &[u8]) {
        if self.has_audience() {
            self.waiters.note_value(db, key);
        }
    }

    /// Until [`ShardStore::release_watches`] what changes may be taken back, of which those who watch it must not hear.
    pub(crate) fn hold_watches(&mut self) {
        self.watchers.hold();
    }

    /// What has changed stays so, or else was taken back.
    pub(crate) fn release_watches(&mut self, is_kept: bool) {
        self.watchers.release(is_kept);
    }

    /// Notes that `key` lost its value; `is_incidental`: by no command.
    #[inline]
    pub(crate) fn note_removal(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        key: &[u8],
        is_incidental: bool,
    ) {
        if self.has_audience() {
            self.waiters.note_removal(db, key);
            self.watchers.touch(db, key);
            self.note_change(journal, key, is_incidental);
        }
    }

    /// Notes that the time of `key` had come, and that it is gone.
    #[inline]
    pub(crate) fn note_lapse(&mut self, journal: &mut Journal, db: DbIndex, key: &[u8]) {
        if self.has_audience() {
            self.waiters.note_removal(db, key);
            self.watchers.lapse(db, key);
            self.note_change(journal, key, true);
        }
    }

    /// Notes that a database is about to lose all its keys.
    pub(crate) fn note_clearing(&mut self, db: DbIndex, now: UnixMs) {
        if self.has_audience() {
            let Self { databases, hasher, watchers, waiters, .. } = self;
            waiters.note_clearing(db);
            let database = &databases[db.index()];
            let presence = |key: &[u8]| database.presence(hash_key(hasher, key), key, now);
            watchers.replace(db, |key| (presence(key), Presence::Absent));
        }
    }

    /// Whether anybody waits for keys, watches them or keeps copies of them.
    #[inline]
    fn has_audience(&self) -> bool {
        // Without a branch between the two: this is asked by every command that writes.
        !(self.waiters.is_empty() & self.watchers.is_empty() & self.readers.is_quiet())
    }

    /// How large the value of `key` is at least, as far as its entry tells; 0 if there is none. Complexity: O(1).
    #[must_use]
    pub fn least_size(&self, db: DbIndex, key: &[u8]) -> usize {
        let table = self.databases[db.index()].table();
        let found = table.find(hash_key(&self.hasher, key), key);
        found.map_or(0, |position| table.entry(position).least_size())
    }
}
