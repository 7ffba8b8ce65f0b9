//! What all commands of searches share, whatever shard they run on: declarations of indexes, aliases, dictionaries, settings, cursors.
//!
//! It is one of the engine's [`Services`](kora_core::services::Services), and the [`Catalog`] that goes with the keys into snapshots. Commands
//! change it with all stores in hand only, so that the parts of an index in the stores ([`companion`](crate::companion)) and its declaration
//! here change together. The lock is held for look-ups and copies of references.

mod asked;
mod cursors;
mod declaration;
mod dump;
mod foreign;
mod kept_rows;
mod settings;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::Instant;

use kora_core::catalog::{Catalog, Foreign};
use kora_core::command::spec::CommandSpec;
pub use kora_core::context::errand::Pace;
use kora_core::idle::{Idle, Idling};
use kora_core::rdb::ModuleData;
use kora_core::services::Services;
use kora_core::store::ShardStore;
use kora_core::time::UnixMs;
use kora_locks::{RankedMutex, RankedMutexGuard, rank};

pub(crate) use self::asked::{Asked, AskedBefore, Ready};
pub(crate) use self::cursors::{CURSORS_MAX, Cursors, Fields, NUMBER_MAX, Opened};
pub(crate) use self::declaration::{Arguments, Column, Counters, Declaration, path};
pub(crate) use self::dump::{altered, with_synonyms};
pub(crate) use self::kept_rows::KeptRows;
pub(crate) use self::settings::{SETTINGS, Setting, Settings, WITHOUT_EFFECT};
use crate::companion;
use crate::handler::temporary::DROP_DUE;
use crate::words::Dictionary;

/// See the module.
#[derive(Debug)]
pub struct Service {
    state: RankedMutex<{ rank::SEARCH }, State>,
    /// The number of the last document that was written, over all shards: the order of documents that are equal otherwise.
    order: Arc<AtomicU64>,
    /// Tells when a query has taken too long.
    clock: Option<fn() -> Instant>,
    pace: Pace,
    /// When an index or a cursor may have been left alone for too long, in milliseconds, as far as was known at the last look: no later than that.
    due_ms: AtomicI64,
}

impl Default for Service {
    fn default() -> Self {
        Self {
            state: RankedMutex::default(),
            order: Arc::default(),
            clock: None,
            pace: Pace::default(),
            due_ms: AtomicI64::new(i64::MAX),
        }
    }
}

/// What is behind the lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    pub(crate) indexes: BTreeMap<Box<[u8]>, Arc<Declaration>>,
    /// The names of indexes by their aliases.
    pub(crate) aliases: BTreeMap<Box<[u8]>, Box<[u8]>>,
    pub(crate) dictionaries: BTreeMap<Box<[u8]>, Dictionary>,
    pub(crate) settings: Settings,
    pub(crate) cursors: Cursors,
    /// A command is on its way that deletes temporary indexes.
    pub(crate) is_dropping: bool,
    /// The number of the last index that was declared.
    last_number: u64,
}

impl State {
    /// The index of a name or an alias.
    pub(crate) fn find(&self, name: &[u8]) -> Option<&Arc<Declaration>> {
        self.indexes.get(name).or_else(|| self.indexes.get(self.aliases.get(name)?))
    }

    /// A number for an index that is declared.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }

    /// Forgets an index, the aliases that mean it and its cursors.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.indexes.remove(name);
        self.aliases.retain(|_, index| **index != *name);
        self.cursors.remove_of(name);
    }
}

impl Service {
    /// Nothing declared.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a clock, by which queries end that take too long.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Instant) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The same with another pace, which counts where there is no clock.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    /// Puts it among the services of an engine, as what commands look for, and returns it as a catalog that goes into snapshots.
    #[must_use]
    pub fn among(self, services: Services) -> (Services, Arc<dyn Catalog>) {
        let own = Arc::new(self);
        let catalog = Arc::clone(&own) as Arc<dyn Catalog>;
        let idling = Idling(Arc::clone(&own) as Arc<dyn Idle>);
        (services.with(Arc::new(own)).with(Arc::new(idling)), catalog)
    }

    pub(crate) fn clock(&self) -> Option<fn() -> Instant> {
        self.clock
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    pub(crate) fn state(&self) -> RankedMutexGuard<'_, { rank::SEARCH }, State> {
        self.state.lock()
    }

    /// The index of a name or an alias.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Declaration>> {
        self.state().find(name).cloned()
    }

    pub(crate) fn order(&self) -> &Arc<AtomicU64> {
        &self.order
    }

    /// Something goes at that time, unless it is used before.
    pub(crate) fn note_due(&self, due: Option<UnixMs>) {
        if let Some(due) = due {
            self.due_ms.fetch_min(due.0, Ordering::Relaxed);
        }
    }

    /// What is due is to be looked for anew.
    pub(crate) fn look_soon(&self) {
        self.note_due(Some(UnixMs(0)));
    }

    /// A temporary index that was left alone for too long.
    pub(crate) fn first_due(&self, now: UnixMs) -> Option<Arc<Declaration>> {
        let state = self.state();
        state.indexes.values().find(|index| index.is_due(now)).cloned()
    }

    /// All declarations, in the order of their names.
    pub(crate) fn declarations(&self) -> Vec<Arc<Declaration>> {
        self.state().indexes.values().cloned().collect()
    }
}

impl Catalog for Service {
    fn name(&self) -> &'static str {
        "kora-search"
    }

    fn dump(&self) -> Option<Vec<u8>> {
        dump::dump(&self.state())
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), String> {
        let restored = dump::restore(&mut self.state(), bytes);
        self.look_soon();
        restored
    }

    fn restore_foreign(&self, data: &ModuleData<'_>) -> Result<Foreign, String> {
        let restored = foreign::restore(&mut self.state(), data);
        self.look_soon();
        restored
    }

    fn attach(&self, store: &mut ShardStore) {
        companion::attach(store, self);
    }

    fn clear(&self) {
        let mut state = self.state();
        state.indexes.clear();
        state.aliases.clear();
        state.dictionaries.clear();
        state.cursors = Cursors::default();
    }
}

impl Idle for Service {
    fn next_due(&self) -> Option<UnixMs> {
        let due_ms = self.due_ms.load(Ordering::Relaxed);
        (due_ms < i64::MAX).then_some(UnixMs(due_ms))
    }

    fn let_go(&self, now: UnixMs) -> Option<&'static CommandSpec> {
        let mut state = self.state();
        let idle = state.cursors.take_idle(now);
        let cursors = state.cursors.next_idle();
        let is_any_due = state.indexes.values().any(|index| index.is_due(now));
        let indexes = state.indexes.values().filter_map(|index| index.deadline(now));
        let next = indexes.filter(|due| *due > now).chain(cursors).min();
        // Whoever declares an index or opens a cursor does so behind the lock, and tells of it afterwards.
        self.due_ms.store(next.map_or(i64::MAX, |due| due.0), Ordering::Relaxed);
        let begins = is_any_due && !state.is_dropping;
        state.is_dropping |= is_any_due;
        drop(state);
        drop(idle);
        begins.then_some(&DROP_DUE)
    }
}
