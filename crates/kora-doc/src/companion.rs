//! What goes along with a shard's store of all collections: which of its keys are documents, and what indexes find them by.
//!
//! It is a function of what the keys of database 0 hold: whatever changes a key, the store tells of it, and the key is looked at again. So transactions, scripts
//! and what takes them back, RENAME, COPY, RESTORE, JSON.SET, eviction, SWAPDB and loading need no code of their own.
//!
//! A document whose time has come is none any more, though nobody may have deleted it yet: before a question those that are due are looked up in the store
//! ([`settle`]), which deletes them.

mod build;
mod extract;
pub(crate) mod ids;
pub(crate) mod sought;

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::context::errand::Effort;
use kora_core::db::DbIndex;
use kora_core::entry::{Entry, Kind};
use kora_core::journal::Journal;
use kora_core::store::companion::deadlines::Deadlines;
use kora_core::store::companion::{Changed, Companion};
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use kora_index::Index;
use kora_index::schema::{Field, FieldKind, Schema, Source};
use kora_json::{Json, Node, Value};

use self::build::Build;
use self::extract::with_document;
pub(crate) use self::extract::{scalars_of, vector_of};
use self::ids::Ids;
use self::sought::Sought;
use crate::collection::{Collection, Declared};
use crate::key;
use crate::path::Path;
use crate::service::Service;

/// The database whose keys are documents.
pub(crate) const DB: DbIndex = DbIndex(0);

/// Entries that are looked at in one go when a store is scanned.
const SCANNED_AT_ONCE: usize = 1024;

/// One shard's parts of all collections.
pub(crate) struct DocPart {
    /// By their names as they stand in keys.
    collections: HashMap<Box<[u8]>, CollectionPart>,
    /// Keys that would be documents if their collections were there.
    strays: BTreeSet<Box<[u8]>>,
    deadlines: Deadlines,
    order: Arc<AtomicU64>,
}

/// One shard's part of a collection.
pub(crate) struct CollectionPart {
    pub(crate) collection: Arc<Collection>,
    /// What the keys of its documents begin with.
    prefix: Box<[u8]>,
    /// Its documents, by their ids; the length of one is that of its packed form. Orders grow with numbers.
    pub(crate) indexed: Indexed,
    /// What was in its place and is still looked at.
    former: Vec<Indexed>,
    /// What will be in its place.
    build: Option<Build>,
    /// What is about to be deleted.
    sought: Vec<Sought>,
    /// Another one for each part that was begun: what was said of orders in another one does not hold here.
    pub(crate) seed: u64,
    pub(crate) ids: Ids,
}

/// An index of the documents.
pub(crate) struct Indexed {
    /// Tells it from all others.
    pub(crate) identity: u64,
    pub(crate) index: Index,
    /// The collection as it was when this was built: it may have had indexes since deleted.
    of: Arc<Collection>,
}

impl Indexed {
    fn new(index: Index, of: &Arc<Collection>) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { identity: NEXT.fetch_add(1, Ordering::Relaxed), index, of: Arc::clone(of) }
    }

    /// The place of the field that has the scalars of a path.
    pub(crate) fn field(&self, path: &Path) -> Option<usize> {
        self.of.index_on(path)
    }

    /// What it has indexes on. While those that are left of a collection are built anew, shards have different ones.
    pub(crate) fn layout(&self) -> &Arc<Collection> {
        &self.of
    }
}

impl std::fmt::Debug for DocPart {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DocPart").field("collections", &self.collections.len()).finish_non_exhaustive()
    }
}

impl Companion for DocPart {
    fn memory_bytes(&self) -> usize {
        self.collections.values().map(CollectionPart::memory_bytes).sum()
    }

    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed) {
        if changes.is_replaced {
            self.rebuild(store);
        }
        // Of a key that changed several times the last change counts.
        let mut seen: HashSet<&[u8]> = HashSet::with_capacity(changes.keys.len());
        let last = changes.keys.iter().rev().filter(|(key, _)| seen.insert(key));
        let last: Vec<_> = last.collect();
        for (key, order) in last.into_iter().rev() {
            self.look_at(store, key, store.peek(DB, key), *order);
        }
    }
}

/// Whether values of a kind can be documents.
fn is_followed(kind: Kind) -> bool {
    kind == kora_json::JSON.kind
}

/// What a document is: an object of JSON.
pub(crate) fn root_of(entry: &Entry) -> Option<Value<'_>> {
    let root = Json::of(entry)?.root();
    matches!(root.node(), Node::Object(_)).then_some(root)
}

/// Gives a store parts of all collections that are declared, if there are any. Keys that are there already are not looked at.
pub(crate) fn attach(store: &mut ShardStore, service: &Service) {
    let collections = service.collections();
    if collections.is_empty() {
        return;
    }
    let mut part = DocPart::new(service);
    for collection in collections {
        let own = CollectionPart::new(collection, store.random());
        part.collections.insert(own.collection.escaped.clone(), own);
    }
    accompany(store, part);
}

fn accompany(store: &mut ShardStore, part: DocPart) {
    let clock = Arc::clone(&part.order);
    store.accompany(Box::new(part), DB, (is_followed, clock));
}

/// Adds a part of a collection to a store. Keys that are documents of it by their names are taken up. Complexity: O(such keys), and for the first collection
/// O(keys of the store).
pub(crate) fn add(store: &mut ShardStore, service: &Service, collection: &Arc<Collection>) {
    if with_part(store, |_, _| ()).is_none() {
        let mut part = DocPart::new(service);
        part.scan(store);
        accompany(store, part);
    }
    let own = CollectionPart::new(Arc::clone(collection), store.random());
    with_part(store, |part, store| {
        part.collections.insert(own.collection.escaped.clone(), own);
        let start = key::of(&collection.name, b"");
        let range = part
            .strays
            .range::<[u8], _>((Bound::Included(&*start), Bound::Unbounded))
            .take_while(|key| key.starts_with(&start));
        let taken: Vec<Box<[u8]>> = range.cloned().collect();
        for key in taken {
            part.strays.remove(&key);
            let order = part.next_order();
            part.look_at(store, &key, store.peek(DB, &key), order);
        }
    });
}

/// Takes the part of a collection away. Its documents go by `delete`, which is given the key of each and leaves nothing there.
pub(crate) fn remove(
    store: &mut ShardStore,
    collection: &Collection,
    mut delete: impl FnMut(&mut ShardStore, &[u8]),
) {
    with_part(store, |part, store| {
        let Some(own) = part.collections.remove(&collection.escaped) else { return };
        for document in own.indexed.index.documents() {
            let key = own.key_of(own.indexed.index.current_key(document));
            delete(store, &key);
            part.deadlines.set(&key, None);
        }
        // There is nothing to look at.
        store.disregard_changes::<DocPart>();
        let bytes = own.memory_bytes();
        store.throw_away(Box::new(own), bytes);
    });
}

/// Has an index freed elsewhere.
pub(crate) fn throw_away(store: &mut ShardStore, index: Index) {
    let bytes = index.memory_bytes();
    store.throw_away(Box::new(index), bytes);
}

/// Frees what a question has held back in a store's part of a collection, until the effort is spent; returns whether there is nothing left to do. So many
/// steps are counted for each document that died.
pub(crate) fn tidy(store: &mut ShardStore, escaped: &[u8], steps: usize, effort: &mut Effort) -> bool {
    let former = with_part(store, |part, _| part.find(escaped)?.take_former());
    if let Some(index) = former.flatten() {
        throw_away(store, index);
    }
    let tidied = with_part(store, |part, _| {
        let Some(part) = part.find(escaped) else { return true };
        part.indexed.index.reclaim_all(|freed| {
            effort.spend(freed * steps);
            !effort.is_spent()
        })
    });
    tidied.unwrap_or(true)
}

/// Calls with the parts of a store, if it has some.
pub(crate) fn with_part<R>(
    store: &mut ShardStore,
    body: impl FnOnce(&mut DocPart, &mut ShardStore) -> R,
) -> Option<R> {
    store.with_companion::<DocPart, _>(body)
}

/// Has everything deleted that is due by `now`, and the parts catch up with that.
pub(crate) fn settle(store: &mut ShardStore, journal: &mut Journal, now: UnixMs) {
    let Some(due) = with_part(store, |part, _| part.deadlines.take_due(now)) else { return };
    if due.is_empty() {
        return;
    }
    for key in &due {
        Keyspace::new(store, journal, DB, now, true).peek(key);
    }
    with_part(store, |part, store| {
        for key in &due {
            // One that the store could not delete is looked at again next time.
            if let Some(entry) = store.peek(DB, key) {
                part.deadlines.set(key, entry.expiry());
            }
        }
    });
}

impl DocPart {
    fn new(service: &Service) -> Self {
        Self {
            collections: HashMap::new(),
            strays: BTreeSet::new(),
            deadlines: Deadlines::default(),
            order: Arc::clone(service.order()),
        }
    }

    /// The part of a collection.
    pub(crate) fn find(&mut self, escaped: &[u8]) -> Option<&mut CollectionPart> {
        self.collections.get_mut(escaped)
    }

    /// The place of a change that is made now among all changes.
    fn next_order(&self) -> u64 {
        self.order.fetch_add(1, Ordering::Relaxed)
    }

    /// Brings a collection up to date with what a key holds, since a change then.
    fn look_at(&mut self, store: &ShardStore, key: &[u8], entry: Option<&Entry>, order: u64) {
        let Some((name, id)) = key::split(key) else { return };
        let root = entry.and_then(root_of);
        let Some(part) = self.collections.get_mut(name) else {
            if root.is_some() {
                self.strays.insert(key.into())
            } else {
                self.strays.remove(key)
            };
            self.deadlines.set(key, None);
            return;
        };
        match root {
            Some(root) => part.put(store, id, root, order),
            None => drop(part.indexed.index.remove(id)),
        }
        part.follow(store, id);
        let deadline = entry.filter(|_| root.is_some()).and_then(Entry::expiry);
        self.deadlines.set(key, deadline);
    }

    /// Looks at all keys.
    fn scan(&mut self, store: &ShardStore) {
        let mut cursor = 0;
        loop {
            cursor = store.show_entries(DB, cursor, SCANNED_AT_ONCE, &mut |entry| {
                if entry.kind() == kora_json::JSON.kind && key::split(entry.key()).is_some() {
                    let order = self.next_order();
                    self.look_at(store, entry.key(), Some(entry), order);
                }
            });
            if cursor == 0 {
                return;
            }
        }
    }

    /// Builds all parts anew.
    fn rebuild(&mut self, store: &mut ShardStore) {
        (self.deadlines, self.strays) = (Deadlines::default(), BTreeSet::new());
        for part in self.collections.values_mut() {
            *part = CollectionPart::new(Arc::clone(&part.collection), store.random());
        }
        self.scan(store);
    }
}

impl CollectionPart {
    fn new(collection: Arc<Collection>, seed: u64) -> Self {
        let indexed = Indexed::new(index_of(&collection, seed), &collection);
        let prefix = key::prefix(&collection.escaped).into();
        Self {
            collection,
            prefix,
            indexed,
            former: Vec::new(),
            build: None,
            sought: Vec::new(),
            seed,
            ids: Ids::default(),
        }
    }

    /// Bytes that it takes, about. Complexity: O(indexes).
    pub(crate) fn memory_bytes(&self) -> usize {
        let all = std::iter::once(&self.indexed).chain(&self.former);
        let indexes: usize = all.map(|indexed| indexed.index.memory_bytes()).sum();
        indexes + self.build.as_ref().map_or(0, Build::memory_bytes)
    }

    /// The key of the document of an id.
    pub(crate) fn key_of(&self, id: &[u8]) -> Vec<u8> {
        [&self.prefix, id].concat()
    }

    /// What a document of its index is, in the store that it goes along with. Complexity: a look-up of its key.
    pub(crate) fn root<'s>(&self, store: &'s ShardStore, document: u32) -> Option<Value<'s>> {
        store.peek(DB, &self.key_of(self.indexed.index.current_key(document))).and_then(root_of)
    }

    /// An index that it has, or had when a question began that still looks at it.
    pub(crate) fn index_of(&self, identity: u64) -> Option<&Indexed> {
        let mut all = std::iter::once(&self.indexed).chain(&self.former);
        all.find(|indexed| indexed.identity == identity)
    }

    /// Puts an index, built for a collection, in the place of the one that it has, and returns that unless a question still looks at it.
    pub(crate) fn replace(&mut self, index: Index, of: &Arc<Collection>) -> Option<Index> {
        self.build = None;
        let mut old = std::mem::replace(&mut self.indexed, Indexed::new(index, of));
        if old.index.has_snapshots() {
            self.former.push(old);
            return None;
        }
        Some(old.index)
    }

    /// Takes an index out that it had and that nobody looks at any more.
    pub(crate) fn take_former(&mut self) -> Option<Index> {
        let at = self.former.iter_mut().position(|old| !old.index.has_snapshots())?;
        Some(self.former.swap_remove(at).index)
    }

    fn put(&mut self, store: &ShardStore, id: &[u8], root: Value<'_>, order: u64) {
        let of = Arc::clone(&self.indexed.of);
        with_document(&of.indexes, root, order, |document| {
            if self.indexed.index.put(id, document).is_err() {
                // It has no numbers left: all documents get new ones.
                drop(self.replace(self.built_for(store, &of), &of));
                self.indexed
                    .index
                    .put(id, document)
                    .expect("a new index has numbers left, and the document its fields");
            }
        });
    }

    /// An index of its documents with other fields. Complexity: O(documents).
    pub(crate) fn built_for(&self, store: &ShardStore, collection: &Collection) -> Index {
        let mut index = index_of(collection, self.seed);
        for document in self.indexed.index.documents() {
            let Some(root) = self.root(store, document) else { continue };
            let id = self.indexed.index.current_key(document);
            let (order, _) = self.indexed.index.order_and_length(document);
            with_document(&collection.indexes, root, order, |document| {
                index.put(id, document).expect("there are as many documents as before");
            });
        }
        index
    }
}

/// An index without documents for a collection.
fn index_of(collection: &Collection, seed: u64) -> Index {
    let field = |Declared { path, kind }: &Declared| Field {
        identifier: path.text().to_owned(),
        name: path.text().to_owned(),
        kind: kind.vector().map_or(FieldKind::Scalar, |kind| FieldKind::Vector(kind.clone())),
        sortable: false,
        un_normalised: false,
        no_index: false,
        index_missing: false,
        index_empty: false,
    };
    let fields = collection.indexes.iter().map(field).collect();
    let schema = Schema { source: Source::Json, fields, ..Schema::default() };
    Index::new(&schema, seed).expect("scalars need no stemmer but the default one")
}
