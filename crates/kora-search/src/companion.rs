//! The parts of indexes that go along with a shard's store: the documents among its keys.
//!
//! A part is a function of what the keys of database 0 hold: whatever changes a key, the store tells of it, and the part looks at the key
//! again. So transactions, scripts and what takes them back, RENAME, COPY, RESTORE, eviction, SWAPDB and loading need no code of their own.
//!
//! A key or a field whose time has come is not a document's any more, though nobody may have deleted it yet. Deadlines of documents are
//! kept in order, and before a query those that are due are looked up in the store ([`settle`]), which deletes them.

mod build;
mod extract;
mod failures;
mod hash;
mod json;
#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::db::DbIndex;
use kora_core::entry::{Entry, Kind};
use kora_core::journal::Journal;
use kora_core::store::companion::deadlines::Deadlines;
use kora_core::store::companion::{Changed, Companion};
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use kora_core::types::hash::{Due, HashRef};
use kora_index::Index;

use self::build::{Build, next_identity};
pub(crate) use self::failures::{Count, Failure, Failures};
pub(crate) use self::json::{json_of, text_of_value};
use crate::service::{Declaration, Service};

/// The database whose keys are indexed.
pub(crate) const DB: DbIndex = DbIndex(0);

/// One shard's parts of all indexes.
pub(crate) struct SearchPart {
    indexes: Vec<IndexPart>,
    deadlines: Deadlines,
    order: Arc<AtomicU64>,
}

/// One shard's part of an index.
pub(crate) struct IndexPart {
    pub(crate) declaration: Arc<Declaration>,
    pub(crate) index: Index,
    pub(crate) failures: Failures,
    /// Keys are there that it does not have yet.
    pub(crate) build: Option<Build>,
    /// Tells it from a part that has taken its place.
    pub(crate) identity: u64,
}

impl std::fmt::Debug for SearchPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SearchPart").field("indexes", &self.indexes.len()).finish_non_exhaustive()
    }
}

impl Companion for SearchPart {
    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed) {
        if changes.is_replaced {
            self.rebuild(store);
        }
        // Of a key that changed several times the last change counts.
        let mut seen = HashSet::with_capacity(changes.keys.len());
        let mut keys: Vec<_> =
            changes.keys.into_iter().rev().filter(|(key, _)| seen.insert(key.clone())).collect();
        keys.reverse();
        for (key, order) in keys {
            self.look_at(store, &key, order);
        }
    }

    fn memory_bytes(&self) -> usize {
        self.indexes.iter().map(|index| index.index.memory_bytes()).sum()
    }
}

/// Whether values of a kind can be documents.
fn is_followed(kind: Kind) -> bool {
    kind == Kind::Hash || kind == kora_json::JSON.kind
}

/// Gives a store parts of all indexes that are declared, if there are any. Keys that are there already are not looked at.
pub(crate) fn attach(store: &mut ShardStore, service: &Service) {
    let mut part = SearchPart::new(service);
    for declaration in service.declarations() {
        part.indexes.push(IndexPart::new(declaration, store.random()));
    }
    if !part.indexes.is_empty() {
        let clock = Arc::clone(&part.order);
        store.accompany(Box::new(part), DB, (is_followed, clock));
    }
}

/// Adds a part of an index to a store. Its keys are yet to be looked at, unless that is to be skipped.
pub(crate) fn add(store: &mut ShardStore, service: &Service, declaration: &Arc<Declaration>) {
    let mut index = IndexPart::new(Arc::clone(declaration), store.random());
    if !declaration.schema.skip_initial_scan {
        index.begin_build(store, 0);
    }
    let mut index = Some(index);
    with_part(store, |part, _| part.indexes.extend(index.take()));
    if let Some(index) = index {
        let mut part = SearchPart::new(service);
        part.indexes.push(index);
        let clock = Arc::clone(&part.order);
        store.accompany(Box::new(part), DB, (is_followed, clock));
    }
}

/// Gives a part of an index the declaration that the index has now. The keys are to be looked at again if it is so.
pub(crate) fn redeclare(store: &mut ShardStore, declaration: &Arc<Declaration>, scans: bool) {
    with_part(store, |part, store| {
        let Some(index) = part.find(declaration.number) else { return };
        let known = index.index.schema().fields.len();
        let added = index.index.add_fields(&declaration.schema.fields[known..]);
        added.expect("FT.ALTER tries the fields before");
        index.index.set_synonyms(declaration.groups());
        index.failures.resize(declaration.schema.fields.len());
        index.declaration = Arc::clone(declaration);
        // One that is under way would pass over what it has put already.
        if scans || index.build.is_some() {
            index.begin_build(store, index.index.last_number());
        }
    });
}

/// Takes the part of an index away.
pub(crate) fn remove(store: &mut ShardStore, number: u64) {
    let is_last = with_part(store, |part, store| {
        if let Some(place) = part.indexes.iter().position(|index| index.declaration.number == number) {
            part.indexes.remove(place).throw_away(store);
        }
        part.indexes.is_empty()
    });
    if is_last == Some(true) {
        store.dismiss::<SearchPart>();
    }
}

/// Calls with the parts of a store, if it has some.
pub(crate) fn with_part<R>(
    store: &mut ShardStore,
    body: impl FnOnce(&mut SearchPart, &mut ShardStore) -> R,
) -> Option<R> {
    store.with_companion::<SearchPart, _>(body)
}

/// Has everything deleted that is due by `now`, and the parts catch up with that.
pub(crate) fn settle(store: &mut ShardStore, journal: &mut Journal, now: UnixMs) {
    let Some(due) = with_part(store, |part, _| part.deadlines.take_due(now)) else { return };
    if due.is_empty() {
        return;
    }
    for key in &due {
        let mut keyspace = Keyspace::new(store, journal, DB, now, true);
        let is_hash = keyspace.peek(key).is_some_and(|entry| entry.kind() == Kind::Hash);
        if is_hash {
            // It is a hash, so there is no other error.
            drop(keyspace.write_hash(key, Due::Every));
        }
    }
    with_part(store, |part, store| {
        // Also those that the store could not delete: their deadlines are noted again.
        let order = part.next_order();
        due.iter().for_each(|key| part.look_at(store, key, order));
    });
}

impl SearchPart {
    fn new(service: &Service) -> Self {
        Self { indexes: Vec::new(), deadlines: Deadlines::default(), order: Arc::clone(service.order()) }
    }

    /// The part of an index.
    pub(crate) fn find(&mut self, number: u64) -> Option<&mut IndexPart> {
        self.indexes.iter_mut().find(|index| index.declaration.number == number)
    }

    /// The place of a change that is made now among all changes.
    fn next_order(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// Brings all parts up to date with a key, which changed then.
    fn look_at(&mut self, store: &ShardStore, key: &[u8], order: u64) {
        let entry = store.peek(DB, key);
        let mut is_document = false;
        for index in &mut self.indexes {
            is_document |= index.look_at(key, entry, order);
        }
        let deadline = entry.filter(|_| is_document).and_then(deadline_of);
        self.deadlines.set(key, deadline);
    }

    /// Begins all parts anew.
    fn rebuild(&mut self, store: &mut ShardStore) {
        self.deadlines = Deadlines::default();
        for index in &mut self.indexes {
            let anew = IndexPart::new(Arc::clone(&index.declaration), store.random());
            std::mem::replace(index, anew).throw_away(store);
            index.begin_build(store, 0);
        }
    }
}

/// When something of a value lapses next.
fn deadline_of(entry: &Entry) -> Option<UnixMs> {
    let fields = HashRef::of(entry).and_then(HashRef::next_deadline);
    entry.expiry().into_iter().chain(fields).min()
}

impl IndexPart {
    fn new(declaration: Arc<Declaration>, seed: u64) -> Self {
        let mut index =
            Index::new(&declaration.schema, seed).expect("its language has a stemmer: FT.CREATE looks");
        index.set_synonyms(declaration.groups());
        let failures = Failures::new(declaration.schema.fields.len());
        Self { declaration, index, failures, build: None, identity: next_identity() }
    }

    /// Is not used any more: it is freed elsewhere.
    fn throw_away(mut self, store: &mut ShardStore) {
        // Nobody waits for it.
        self.build = None;
        let bytes = self.index.memory_bytes();
        store.throw_away(Box::new(self), bytes);
    }

    /// The keys of a store are to be looked at. Documents up to this number are to be put anew.
    fn begin_build(&mut self, store: &ShardStore, last_number: u32) {
        let is_any = !store.database(DB).is_empty();
        self.build = is_any.then(|| Build::new(&self.declaration.counters, last_number));
    }

    /// Takes up what a key holds; whether that is a document.
    fn look_at(&mut self, key: &[u8], entry: Option<&Entry>, order: u64) -> bool {
        if !self.declaration.admits(key) {
            return false;
        }
        let declaration = Arc::clone(&self.declaration);
        let extracted = entry.map_or(Ok(false), |entry| {
            extract::with_document(&declaration, key, entry, |document| {
                document.order = order;
                self.index.put(key, document).map_err(|error| Failure::of_index(&error, &declaration.schema))
            })
        });
        match extracted {
            Ok(true) => true,
            Ok(false) => {
                self.index.remove(key);
                false
            }
            Err(failure) => {
                self.index.remove(key);
                self.failures.note((key, order), &failure);
                // It may become one when a field lapses.
                true
            }
        }
    }
}
