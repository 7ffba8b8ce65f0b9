//! What all shards share of collections: their declarations.
//!
//! It is one of the engine's [`Services`](kora_core::services::Services), and a [`Catalog`] that goes with the keys into snapshots. Commands
//! change it with all stores in hand only, so that it and what the stores have of a collection ([`companion`](crate::companion)) change
//! together. The lock is held for look-ups and copies of references.

mod dump;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::Instant;

use kora_core::catalog::Catalog;
use kora_core::context::errand::Pace;
use kora_core::services::Services;
use kora_core::store::ShardStore;
use kora_locks::{RankedMutex, RankedMutexGuard, rank};

use crate::collection::Collection;
use crate::companion;

/// See the module.
#[derive(Debug, Default)]
pub struct Service {
    state: RankedMutex<{ rank::COLLECTIONS }, State>,
    /// The number of the last document that was written, over all shards: the order of documents.
    order: Arc<AtomicU64>,
    /// Tells when a slice is over.
    clock: Option<fn() -> Instant>,
    pace: Pace,
}

/// What is behind the lock.
#[derive(Debug, Default)]
pub(crate) struct State {
    collections: BTreeMap<Box<[u8]>, Arc<Collection>>,
    /// The number of the last collection that was declared.
    last_number: u64,
}

impl State {
    /// Puts a declaration in the place of one of its name, or adds it.
    pub(crate) fn put(&mut self, collection: Arc<Collection>) {
        self.collections.insert(collection.name.clone(), collection);
    }

    /// Forgets a collection.
    pub(crate) fn remove(&mut self, name: &[u8]) {
        self.collections.remove(name);
    }

    /// A number for a collection that is declared.
    pub(crate) fn next_number(&mut self) -> u64 {
        self.last_number += 1;
        self.last_number
    }
}

impl Service {
    /// Nothing declared.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The same with a clock, by which slices end.
    #[must_use]
    pub fn with_clock(self, clock: fn() -> Instant) -> Self {
        Self { clock: Some(clock), ..self }
    }

    /// The same with another pace, which counts where there is no clock.
    #[must_use]
    pub fn with_pace(self, pace: Pace) -> Self {
        Self { pace, ..self }
    }

    pub(crate) fn clock(&self) -> Option<fn() -> Instant> {
        self.clock
    }

    pub(crate) fn pace(&self) -> Pace {
        self.pace
    }

    /// Puts it among the services of an engine, as what commands look for, and returns it as a catalog that goes into snapshots.
    #[must_use]
    pub fn among(self, services: Services) -> (Services, Arc<dyn Catalog>) {
        let own = Arc::new(self);
        let catalog = Arc::clone(&own) as Arc<dyn Catalog>;
        (services.with(Arc::new(own)), catalog)
    }

    pub(crate) fn state(&self) -> RankedMutexGuard<'_, { rank::COLLECTIONS }, State> {
        self.state.lock()
    }

    /// The collection of a name.
    pub(crate) fn find(&self, name: &[u8]) -> Option<Arc<Collection>> {
        self.state().collections.get(name).cloned()
    }

    /// All declarations, in the order of their names.
    pub(crate) fn collections(&self) -> Vec<Arc<Collection>> {
        self.state().collections.values().cloned().collect()
    }

    pub(crate) fn order(&self) -> &Arc<AtomicU64> {
        &self.order
    }
}

impl Catalog for Service {
    fn name(&self) -> &'static str {
        "kora-doc"
    }

    fn dump(&self) -> Option<Vec<u8>> {
        dump::dump(&self.state())
    }

    fn restore(&self, bytes: &[u8]) -> Result<(), String> {
        dump::restore(&mut self.state(), bytes)
    }

    fn attach(&self, store: &mut ShardStore) {
        companion::attach(store, self);
    }

    /// Numbers go on: a collection's tells it from all that were before.
    fn clear(&self) {
        self.state().collections.clear();
    }
}
