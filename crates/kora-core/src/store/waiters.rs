//! Commands that wait for keys of one store, in the order in which they came, and which of their keys became ready.
//!
//! A command that waits for several keys stands in a line at each, also on other shards. What it is, and whether its
//! wait is over, only the shards know: see [`crate::shard::serve`].
//!
//! At one key there is a line for each thing that is waited for ([`Topic`]): who cannot be served by what the key holds is
//! not looked at, and in most lines nobody behind one who found nothing can find anything. So to serve one of ten thousand
//! costs what it costs to serve one of one.
//!
//! Nothing is looked at by commands while nobody waits but whether anybody does: see `ShardStore::note_value`.

mod line;

use std::any::Any;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use smallvec::SmallVec;

use crate::db::DbIndex;
use crate::entry::Kind;
use crate::hash::{KeyHasher, Map};
use crate::slot::{ShardId, Slot};
use crate::time::UnixMs;
pub(crate) use line::SpotId;
use line::{Line, NOWHERE, Spots};

/// So many keys of one command are compared with each other to find those named twice; of more, a sorted set is made.
const KEYS_COMPARED_MAX: usize = 8;

/// What is waited for at a key.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Topic {
    /// Elements of a collection of this type, which go to whoever takes them.
    Elements(Kind),
    /// Entries of a stream, which all who read it get, each behind an ID of its own.
    Entries,
    /// Entries of a stream that this group has given to nobody; or that the key goes, or changes its type.
    Group(Box<[u8]>),
}

impl Topic {
    /// Whether one who waits for this is to run when the key holds a value of `kind`, or none.
    fn wakes_on(&self, kind: Option<Kind>) -> bool {
        match self {
            Self::Elements(awaited) => kind == Some(*awaited),
            Self::Entries => kind == Some(Kind::Stream),
            Self::Group(_) => true,
        }
    }

    /// Whether nobody can find anything at the key where one who waits for the same has found nothing.
    pub(crate) fn is_shared_out(&self) -> bool {
        !matches!(self, Self::Entries)
    }
}

/// The keys that a blocking command waits for, and how it resumes.
#[derive(Debug)]
pub struct WaitRequest {
    /// The keys, in the command's order.
    pub keys: Vec<Box<[u8]>>,
    /// What it waits for at each of them.
    pub(crate) topic: Topic,
    /// When it gives up; `None`: never.
    pub until: Option<UnixMs>,
    /// Its arguments when it runs again, where they must differ from those it was sent with.
    pub resumes_as: Option<Box<[Box<[u8]>]>>,
}

impl WaitRequest {
    /// To wait until one of `keys` offers `topic`, and then to run as before.
    #[must_use]
    pub(crate) fn of(keys: &[&[u8]], topic: Topic, until: Option<UnixMs>) -> Self {
        let keys = keys.iter().map(|key| Box::from(*key)).collect();
        Self { keys, topic, until, resumes_as: None }
    }
}

/// A command that waits. Shared by the lines it stands in and its client's worker.
#[derive(Debug)]
pub struct Waiter {
    /// The `Operation` it is, whose type the store does not know.
    operation: Arc<dyn Any + Send + Sync>,
    db: DbIndex,
    /// Its keys, those of one shard behind each other.
    places: Box<[AwaitedKey]>,
    topic: Topic,
    args: Option<Box<[Box<[u8]>]>>,
    until: Option<UnixMs>,
}

/// Where a waiter stands.
#[derive(Debug)]
struct AwaitedKey {
    key: Box<[u8]>,
    shard: ShardId,
    /// Its spot in the line, while it stands there. Only whoever has the store of that shard in hand looks at it.
    spot: AtomicU32,
    /// The shard has promised to serve the waiter, since this key became ready or another of that shard's. As with the spot.
    is_promised: AtomicBool,
}

impl Waiter {
    /// A waiter that does not stand anywhere yet.
    pub(crate) fn new(
        operation: Arc<dyn Any + Send + Sync>,
        (db, shard_count): (DbIndex, u16),
        request: WaitRequest,
    ) -> Self {
        let place = |key: Box<[u8]>| {
            let shard = Slot::of(&key).shard(shard_count);
            AwaitedKey { key, shard, spot: AtomicU32::new(NOWHERE), is_promised: AtomicBool::new(false) }
        };
        let mut places: Vec<AwaitedKey> = each_once(request.keys).into_iter().map(place).collect();
        places.sort_by_key(|place| place.shard);
        Self {
            operation,
            db,
            places: places.into(),
            topic: request.topic,
            args: request.resumes_as,
            until: request.until,
        }
    }

    /// When its time is over; `None` if it waits for ever.
    #[must_use]
    pub fn until(&self) -> Option<UnixMs> {
        self.until
    }

    /// The operation it is.
    pub(crate) fn operation(&self) -> Arc<dyn Any + Send + Sync> {
        Arc::clone(&self.operation)
    }

    /// The arguments to resume with, if they differ from the original ones.
    pub(crate) fn args(&self) -> Option<SmallVec<[&[u8]; 8]>> {
        self.args.as_ref().map(|args| args.iter().map(|arg| &arg[..]).collect())
    }

    /// The kind of change that wakes it; the same for all its keys.
    pub(crate) fn topic(&self) -> &Topic {
        &self.topic
    }

    /// The keys it waits for, and their shards.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (ShardId, &[u8])> {
        self.places.iter().map(|place| (place.shard, &place.key[..]))
    }

    /// Whether it is to run when a key it waits for holds a value of `kind`, or none.
    pub(crate) fn wakes_on(&self, kind: Option<Kind>) -> bool {
        self.topic.wakes_on(kind)
    }

    /// The shards of the keys it waits for, each once, ascending.
    pub(crate) fn shards(&self) -> SmallVec<[ShardId; 8]> {
        let mut shards: SmallVec<[ShardId; 8]> = self.places.iter().map(|place| place.shard).collect();
        shards.dedup();
        shards
    }

    /// Its places at the keys of one shard.
    fn places_on(&self, shard: ShardId) -> &[AwaitedKey] {
        let begin = self.places.partition_point(|place| place.shard < shard);
        let end = self.places.partition_point(|place| place.shard <= shard);
        &self.places[begin..end]
    }

    pub(crate) fn db(&self) -> DbIndex {
        self.db
    }

    /// An operation that was to serve it runs now, with all the stores it needs.
    pub(crate) fn end_promises(&self) {
        self.places.iter().for_each(|place| place.is_promised.store(false, Ordering::Relaxed));
    }
}

/// The keys without those that were named before.
fn each_once(mut keys: Vec<Box<[u8]>>) -> Vec<Box<[u8]>> {
    if keys.len() <= KEYS_COMPARED_MAX {
        let mut at = 0;
        while at < keys.len() {
            if keys[..at].contains(&keys[at]) {
                keys.remove(at);
            } else {
                at += 1;
            }
        }
        return keys;
    }
    let mut seen = BTreeSet::new();
    let is_first: Vec<bool> = keys.iter().map(|key| seen.insert(key.clone())).collect();
    let mut is_first = is_first.into_iter();
    keys.retain(|_| is_first.next() == Some(true));
    keys
}

/// Those that wait for one key.
#[derive(Debug, Default)]
struct Queue {
    /// By what they wait for; none is empty.
    lines: BTreeMap<Topic, Line>,
    /// Whether the key stands in the list of those that became ready.
    is_ready: bool,
    /// The key's number in the order in which keys began to be waited for.
    number: u64,
}

impl Queue {
    /// Whether somebody wants to know when the key goes.
    fn has_groups(&self) -> bool {
        // Groups are the last of the topics.
        matches!(self.lines.last_key_value(), Some((Topic::Group(_), _)))
    }
}

/// A key of one database.
pub(crate) type ReadyKey = (DbIndex, Box<[u8]>);

/// All commands that wait for keys of one store.
#[derive(Debug, Default)]
pub(crate) struct Waiters {
    /// Only databases and keys that somebody waits for.
    queues: BTreeMap<DbIndex, Map<Box<[u8]>, Queue>>,
    spots: Spots,
    ready: VecDeque<ReadyKey>,
    /// Waiters that were taken, and need stores that were not in hand.
    promised: VecDeque<(Arc<Waiter>, UnixMs)>,
    next_number: u64,
    /// Keys at which somebody waits for entries of a group.
    group_keys: usize,
    /// Places looked at so far, to serve or to leave.
    examined: u64,
}

impl Waiters {
    /// Notes that `key` got a value, or that its value changed.
    #[cold]
    pub(crate) fn note_value(&mut self, db: DbIndex, key: &[u8]) {
        self.mark(db, key, |_| true);
    }

    /// Notes that `key` lost its value.
    #[cold]
    pub(crate) fn note_removal(&mut self, db: DbIndex, key: &[u8]) {
        self.mark(db, key, Queue::has_groups);
    }

    /// Whether nobody waits for anything.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
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
    pub(crate) fn note_database(&mut self, db: DbIndex) {
        self.mark_all(db, |_| true);
    }

    /// Notes that a database loses all its keys.
    #[cold]
    pub(crate) fn note_clearing(&mut self, db: DbIndex) {
        self.mark_all(db, Queue::has_groups);
    }

    fn mark_all(&mut self, db: DbIndex, is_of_interest: impl Fn(&Queue) -> bool) {
        let Some(queues) = self.queues.get_mut(&db) else { return };
        // In an order that does not depend on the table: the key that was waited for first comes first.
        let mut keys: Vec<_> = queues
            .iter_mut()
            .filter(|(_, queue)| !queue.is_ready && is_of_interest(queue))
            .map(|(key, queue)| {
                queue.is_ready = true;
                (queue.number, key.clone())
            })
            .collect();
        keys.sort_unstable();
        self.ready.extend(keys.into_iter().map(|(_, key)| (db, key)));
    }

    /// Whether some key that is waited for became ready.
    #[inline]
    pub(crate) fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The key that became ready first.
    pub(crate) fn take_ready(&mut self) -> Option<ReadyKey> {
        let (db, key) = self.ready.pop_front()?;
        if let Some(queue) = self.queues.get_mut(&db).and_then(|queues| queues.get_mut(&key)) {
            queue.is_ready = false;
        }
        Some((db, key))
    }

    /// What those who wait at `key` wait for and may find in a value of `kind`.
    pub(crate) fn topics(&self, (db, key): &ReadyKey, kind: Option<Kind>) -> SmallVec<[Topic; 2]> {
        let queue = self.queues.get(db).and_then(|queues| queues.get(key));
        let topics = queue.into_iter().flat_map(|queue| queue.lines.keys());
        topics.filter(|topic| topic.wakes_on(kind)).cloned().collect()
    }

    /// The spot of the first who waits for this at `key`.
    pub(crate) fn first(&self, (db, key): &ReadyKey, topic: &Topic) -> Option<SpotId> {
        self.queues.get(db)?.get(key)?.lines.get(topic)?.first()
    }

    /// The spot behind the one at which `waiter` stands at one of its keys, of which this is the `index`th, and this its store.
    /// If it stands there no longer, that is the first spot of its line.
    pub(crate) fn behind(&self, waiter: &Waiter, index: usize, key: &ReadyKey) -> Option<SpotId> {
        match self.spots.get(waiter.places[index].spot.load(Ordering::Relaxed)) {
            Some((_, next)) => next,
            None => self.first(key, &waiter.topic),
        }
    }

    /// Who stands on a spot, and the spot behind it.
    pub(crate) fn examine(&mut self, spot: SpotId) -> Option<(Arc<Waiter>, Option<SpotId>)> {
        self.examined += 1;
        self.spots.get(spot).map(|(waiter, next)| (Arc::clone(waiter), next))
    }

    /// Puts a waiter into the lines at those of its keys that live on `shard`, which is this store's.
    pub(crate) fn add(&mut self, shard: ShardId, waiter: &Arc<Waiter>, hasher: &KeyHasher) {
        let Self { queues, spots, next_number, group_keys, .. } = self;
        let queues = queues.entry(waiter.db).or_insert_with(|| Map::with_hasher(hasher.clone()));
        for place in waiter.places_on(shard) {
            let queue = queues.entry(place.key.clone()).or_insert_with(|| {
                *next_number += 1;
                Queue { number: *next_number, ..Queue::default() }
            });
            let had_groups = queue.has_groups();
            let line = queue.lines.entry(waiter.topic.clone()).or_default();
            place.spot.store(spots.join(line, Arc::clone(waiter)), Ordering::Relaxed);
            *group_keys += usize::from(queue.has_groups() && !had_groups);
        }
    }

    /// Takes a waiter out of the lines of `shard`, which is this store's. Complexity: O(1) for each of its keys.
    pub(crate) fn remove(&mut self, shard: ShardId, waiter: &Waiter) {
        let Self { queues, spots, group_keys, examined, .. } = self;
        let Some(of_db) = queues.get_mut(&waiter.db) else { return };
        for place in waiter.places_on(shard) {
            let spot = place.spot.swap(NOWHERE, Ordering::Relaxed);
            *examined += 1;
            let Some(queue) = of_db.get_mut(&place.key) else { continue };
            let had_groups = queue.has_groups();
            if let Some(line) = queue.lines.get_mut(&waiter.topic).filter(|_| spot != NOWHERE) {
                spots.leave(line, spot);
                if line.is_empty() {
                    queue.lines.remove(&waiter.topic);
                }
            }
            *group_keys -= usize::from(had_groups && !queue.has_groups());
            if queue.lines.is_empty() {
                of_db.remove(&place.key);
            }
        }
        if of_db.is_empty() {
            queues.remove(&waiter.db);
        }
    }

    /// Places looked at so far.
    pub(crate) fn examined(&self) -> u64 {
        self.examined
    }

    /// Number of keys at which somebody waits for entries of a group.
    pub(crate) fn group_key_count(&self) -> usize {
        self.group_keys
    }

    /// Notes that a waiter is to be served at `now` by an operation with all the stores it needs, unless `shard`, which is this
    /// store's, has promised that before.
    pub(crate) fn promise(&mut self, shard: ShardId, waiter: Arc<Waiter>, now: UnixMs) {
        let is_promised = waiter.places_on(shard).first().map(|place| &place.is_promised);
        if is_promised.is_some_and(|is_promised| !is_promised.swap(true, Ordering::Relaxed)) {
            self.promised.push_back((waiter, now));
        }
    }

    /// Whether somebody must be served before the shard runs anything else.
    pub(crate) fn has_promises(&self) -> bool {
        !self.promised.is_empty()
    }

    pub(crate) fn take_promise(&mut self) -> Option<(Arc<Waiter>, UnixMs)> {
        self.promised.pop_front()
    }

    /// Puts back what [`Waiters::take_promise`] gave.
    pub(crate) fn put_promise_back(&mut self, promise: (Arc<Waiter>, UnixMs)) {
        self.promised.push_front(promise);
    }

    /// Number of keys that somebody waits for.
    pub(crate) fn key_count(&self) -> usize {
        self.queues.values().map(Map::len).sum()
    }
}
