//! What the workers and shards of an engine share: where shards lie at rest, their doors (lane and inbox), the workers' mailboxes,
//! and the order of operations that involve several shards.
//!
//! A submitter takes a ticket, pushes the operation into the lane of every shard involved and publishes the ticket,
//! all in one short critical section. A shard runs a lane entry only once its ticket is published; by then the
//! operation stands in every lane it belongs to. Whoever saw an effect of the operation, directly or through others,
//! therefore finds it ahead of itself on every other shard, provided that a shard looks at its lane after it
//! received work and before it runs it: see [`super::runner`].

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use kora_locks::{RankedMutex, RankedMutexGuard, rank};

use super::driven::Driven;
use super::errands::Task;
use super::lent_time::LentTime;
use super::operation::{Driver, Operation, Part};
use super::parking::Parking;
use super::probe::Rule;
use super::rest::{Rest, fence};
use super::runner::Shard;
use super::serve::Blocked;
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::slot::{ShardId, WorkerId};
use crate::store::ShardStore;
use crate::store::waiters::Waiter;
use crate::store::watch::Watched;
use crate::table::sizes::PublishedSizes;
use crate::time::UnixMs;

/// Makes a parked worker look at its doors.
pub trait Wake: Send + Sync {
    /// Makes the worker's present or next sleep return.
    fn wake(&self);
}

/// An operation's place in the order of all operations that involve several shards.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(pub u64);

/// What arrives in a shard's inbox.
pub(super) enum ShardMail<D: Driver> {
    /// An operation that runs on this shard alone.
    Operation(Arc<Operation<D>>),
    /// This shard's store comes home.
    Store(Box<ShardStore>),
    /// A waiter is over: it need not stand in this shard's queues any more.
    Forget(Arc<Waiter>),
    /// A client watches these keys no longer.
    Unwatch(Arc<Watched>),
}

/// What arrives in a worker's mailbox.
pub(super) enum WorkerMail<D: Driver> {
    /// An answer for a connection of this worker.
    Part(Part<D>),
    /// A transaction that this worker runs, with its stores.
    Driven(Driven<D>),
    /// An operation of this worker has to wait.
    Blocked(Blocked<D>),
    /// There is work for a shard, from somebody who can't run it.
    Visit(ShardId),
    /// A share of an errand, on a shard that this worker keeps.
    Share(Box<Task<D>>),
    /// A message of the driver's.
    Driver(D::Mail),
}

/// The waiter that an operation is run for once more, and the time at which it runs.
pub(super) type Resumed = (Arc<Waiter>, UnixMs);

pub(super) struct LaneEntry<D: Driver> {
    pub(super) ticket: Ticket,
    pub(super) operation: Arc<Operation<D>>,
    pub(super) resumed: Option<Resumed>,
}

/// The receiving ends of a shard's doors.
pub(super) struct Doors<D: Driver> {
    pub(super) lane: Receiver<LaneEntry<D>>,
    pub(super) inbox: Receiver<ShardMail<D>>,
}

/// What a holder knows of a shard that it puts back, to tell whether there is more to do.
#[derive(Clone, Copy, Debug)]
pub(super) struct Outlook {
    /// What comes into the lane can be run.
    pub(super) takes_lane: bool,
    /// What stands at the head of the lane, once its ticket is published.
    pub(super) head: Option<Ticket>,
    /// There is more to do whatever comes.
    pub(super) is_restless: bool,
}

/// What a database of one shard holds, for everyone to read. Brought up to date before a shard answers, so that
/// whoever has an answer finds its effect counted.
#[derive(Debug, Default)]
pub struct DatabaseUsage {
    /// Keys.
    pub keys: AtomicU64,
    /// Keys with a deadline.
    pub expires: AtomicU64,
    /// The mean of those deadlines, in milliseconds since 1970.
    pub mean_deadline_ms: AtomicI64,
    /// Hashes that have fields with a deadline.
    pub expiring_hashes: AtomicU64,
    /// Bytes of keys, values, their table and their deadlines: [`Database::memory_bytes`](crate::store::Database::memory_bytes).
    pub bytes: AtomicU64,
    /// Keys of each data type and size.
    pub sizes: PublishedSizes,
}

impl DatabaseUsage {
    /// Whether there was nothing when it was last brought up to date.
    fn is_empty(&self) -> bool {
        self.keys.load(Ordering::Relaxed) == 0 && self.bytes.load(Ordering::Relaxed) == 0
    }
}

struct Port<D: Driver> {
    rest: Rest<Shard<D>>,
    lane: Sender<LaneEntry<D>>,
    inbox: Sender<ShardMail<D>>,
    usage: Box<[DatabaseUsage]>,
    awaited: Awaited,
    /// Bytes of indexes of its keys.
    index_bytes: AtomicU64,
    lent: LentTime,
    /// When something in it expires next, in milliseconds since 1970; `i64::MAX`: nothing will.
    next_due: AtomicI64,
    /// Its share of a snapshot is being written.
    is_in_snapshot: AtomicBool,
}

/// For how many keys of a shard clients wait.
#[derive(Default)]
struct Awaited {
    keys: AtomicU64,
    /// Those of them at which clients wait for a group of a stream.
    group_keys: AtomicU64,
}

/// Wakes workers, whatever they are given to do.
pub struct Bells(Box<[Bell]>);

struct Bell {
    parking: Parking,
    waker: Box<dyn Wake>,
}

impl std::fmt::Debug for Bells {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Bells").field(&self.0.len()).finish()
    }
}

impl Bells {
    /// Number of workers.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// Wakes a worker if it sleeps.
    pub fn wake(&self, worker: WorkerId) {
        let bell = &self.0[worker.index()];
        if bell.parking.must_wake() {
            bell.waker.wake();
        }
    }

    /// Makes the present or next sleep of a worker return, whether it sleeps or not.
    pub fn ring(&self, worker: WorkerId) {
        self.0[worker.index()].waker.wake();
    }

    /// Does so with all workers.
    pub fn ring_all(&self) {
        self.0.iter().for_each(|bell| bell.waker.wake());
    }
}

/// What the workers and shards of an engine share.
pub struct Hub<D: Driver> {
    ports: Box<[Port<D>]>,
    /// The workers' mailboxes.
    mailboxes: Box<[Sender<WorkerMail<D>>]>,
    bells: Arc<Bells>,
    next_ticket: RankedMutex<{ rank::TICKETS }, u64>,
    /// Number of tickets published: those below it are.
    published: AtomicU64,
}

impl<D: Driver> std::fmt::Debug for Hub<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Hub").field("shards", &self.ports.len()).field("published", &self.published).finish()
    }
}

impl<D: Driver> Hub<D> {
    /// A hub of as many workers as there are wakers, with so many shards, which lie at rest; and the receiving ends of the
    /// workers' mailboxes. `seed` decides hashing and random choices.
    pub(super) fn new(
        wakers: Vec<Box<dyn Wake>>,
        shard_count: u16,
        config: &CoreConfig,
        seed: u64,
    ) -> (Self, Vec<Receiver<WorkerMail<D>>>) {
        let shard_count = shard_count.max(u16::try_from(wakers.len()).unwrap_or(u16::MAX));
        let port = |id| {
            let ((lane, lane_end), (inbox, inbox_end)) = (unbounded(), unbounded());
            let store = ShardStore::new(id, config.clone(), seed).among(shard_count);
            let rest = Rest::empty();
            rest.put(Box::new(Shard::new(id, Doors { lane: lane_end, inbox: inbox_end }, store)));
            let usage = (0..config.database_count).map(|_| DatabaseUsage::default()).collect();
            let next_due = AtomicI64::new(i64::MAX);
            let is_in_snapshot = AtomicBool::new(false);
            let (awaited, index_bytes, lent) = Default::default();
            Port { rest, lane, inbox, usage, awaited, index_bytes, lent, next_due, is_in_snapshot }
        };
        let (mailboxes, ends): (Vec<_>, Vec<_>) = wakers.iter().map(|_| unbounded()).unzip();
        let bells = wakers.into_iter().map(|waker| Bell { parking: Parking::new(), waker }).collect();
        let hub = Self {
            ports: (0..shard_count).map(ShardId).map(port).collect(),
            mailboxes: mailboxes.into(),
            bells: Arc::new(Bells(bells)),
            next_ticket: RankedMutex::new(0),
            published: AtomicU64::new(0),
        };
        (hub, ends)
    }

    /// Number of shards.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "shards are numbered by u16")]
    pub fn shard_count(&self) -> u16 {
        self.ports.len() as u16
    }

    /// All shards.
    pub fn shards(&self) -> impl Iterator<Item = ShardId> + use<D> {
        (0..self.shard_count()).map(ShardId)
    }

    /// Number of workers.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "workers are numbered by u16")]
    pub fn worker_count(&self) -> u16 {
        self.mailboxes.len() as u16
    }

    /// All workers.
    pub fn workers(&self) -> impl Iterator<Item = WorkerId> + use<D> {
        (0..self.worker_count()).map(WorkerId)
    }

    /// The worker that looks after a shard: it sweeps what has expired, and does what others can't who have work for the shard.
    #[must_use]
    pub fn keeper(&self, shard: ShardId) -> WorkerId {
        WorkerId(shard.0 % self.worker_count())
    }

    /// The shards that a worker looks after.
    pub fn kept_by(&self, worker: WorkerId) -> impl Iterator<Item = ShardId> + use<D> {
        (worker.0..self.shard_count()).step_by(usize::from(self.worker_count())).map(ShardId)
    }

    /// Takes a shard that is at rest; none if somebody holds it. Whoever takes it puts it back: [`Hub::put_back`].
    #[inline]
    pub fn take(&self, shard: ShardId) -> Option<Box<Shard<D>>> {
        self.ports[shard.index()].rest.take()
    }

    /// Lays a shard to rest. Its holder must then look whether there is more to do: [`Hub::has_work`], behind a fence.
    #[inline]
    pub(super) fn lay_to_rest(&self, shard: Box<Shard<D>>) {
        self.ports[shard.id.index()].rest.put(shard);
    }

    /// Whether there is something to do on a shard that was like this when it was last seen.
    #[inline]
    pub(super) fn has_work(&self, shard: ShardId, outlook: Outlook) -> bool {
        let port = &self.ports[shard.index()];
        outlook.is_restless
            || !port.inbox.is_empty()
            || outlook.takes_lane && !port.lane.is_empty()
            || outlook.head.is_some_and(|ticket| self.is_published(ticket))
    }

    /// Puts back a shard that was taken by somebody who runs nothing on it. If there is work for it, its keeper is told.
    pub fn put_back(&self, shard: Box<Shard<D>>) {
        let (id, outlook) = (shard.id, shard.outlook());
        self.lay_to_rest(shard);
        fence();
        if self.has_work(id, outlook) {
            self.call_keeper(id);
        }
    }

    /// Does something with the stores of all shards that nobody holds and that are at home: when the engine is built, all of them.
    pub fn each_store(&self, mut body: impl FnMut(&mut ShardStore)) {
        for id in self.shards() {
            let Some(mut shard) = self.take(id) else { continue };
            if let Some(store) = shard.store.as_deref_mut() {
                body(store);
            }
            self.put_back(shard);
        }
    }

    /// Drops all shards: the workers have ended.
    pub fn drop_shards(&self) {
        self.shards().for_each(|id| drop(self.take(id)));
    }

    /// Takes the stores of all shards away, to be filled elsewhere: until [`Hub::send_store`] brings them home they are lent. Those of
    /// shards that somebody holds are not among them.
    #[must_use]
    pub fn take_stores(&self) -> Vec<Box<ShardStore>> {
        let take_store = |id| {
            let mut shard = self.take(id)?;
            let store = shard.store.take();
            self.put_back(shard);
            store
        };
        self.shards().filter_map(take_store).collect()
    }

    /// What the databases of `shard` hold.
    #[must_use]
    pub fn usage(&self, shard: ShardId) -> &[DatabaseUsage] {
        &self.ports[shard.index()].usage
    }

    /// Bytes that a shard holds: keys, values, their tables and deadlines in all databases, and indexes of keys.
    #[must_use]
    pub fn memory_bytes(&self, shard: ShardId) -> u64 {
        let usages = self.usage(shard).iter().map(|usage| usage.bytes.load(Ordering::Relaxed));
        usages.sum::<u64>() + self.ports[shard.index()].index_bytes.load(Ordering::Relaxed)
    }

    /// How long the store of `shard` was lent, and how often.
    #[must_use]
    pub fn lent(&self, shard: ShardId) -> &LentTime {
        &self.ports[shard.index()].lent
    }

    /// How much waits at the doors of `shard`: operations on several shards in its lane, messages in its inbox.
    #[must_use]
    pub fn depths(&self, shard: ShardId) -> (usize, usize) {
        let port = &self.ports[shard.index()];
        (port.lane.len(), port.inbox.len())
    }

    /// How many messages wait for a worker.
    #[must_use]
    pub fn mail_depth(&self, worker: WorkerId) -> usize {
        self.mailboxes[worker.index()].len()
    }

    /// How many operations on several shards there were.
    #[must_use]
    pub fn tickets(&self) -> u64 {
        self.published_count()
    }

    /// How many keys of `shard` clients wait for, and at how many of these for a group of a stream.
    #[must_use]
    pub fn awaited(&self, shard: ShardId) -> (u64, u64) {
        let awaited = &self.ports[shard.index()].awaited;
        (awaited.keys.load(Ordering::Relaxed), awaited.group_keys.load(Ordering::Relaxed))
    }

    /// Whether a share of a snapshot is being written in `shard`.
    #[must_use]
    pub fn is_in_snapshot(&self, shard: ShardId) -> bool {
        self.ports[shard.index()].is_in_snapshot.load(Ordering::Relaxed)
    }

    /// Shows whether a share of a snapshot is being written. When one begins, its keeper is woken, who goes on with it.
    pub(super) fn publish_snapshot(&self, store: &ShardStore) {
        let shown = &self.ports[store.id().index()].is_in_snapshot;
        if store.is_in_snapshot() != shown.load(Ordering::Relaxed) {
            shown.store(store.is_in_snapshot(), Ordering::Relaxed);
            self.wake(self.keeper(store.id()));
        }
    }

    /// Shows for which keys of `store` clients wait.
    pub(super) fn publish_awaited(&self, store: &ShardStore) {
        let awaited = &self.ports[store.id().index()].awaited;
        awaited.keys.store(store.awaited_keys() as u64, Ordering::Relaxed);
        awaited.group_keys.store(store.awaited_group_keys() as u64, Ordering::Relaxed);
    }

    /// When something in `shard` expires next, as far as is known.
    #[must_use]
    pub fn next_due(&self, shard: ShardId) -> UnixMs {
        UnixMs(self.ports[shard.index()].next_due.load(Ordering::Relaxed))
    }

    /// Shows when something in a store expires next. Its keeper is woken if that is sooner than it knew.
    pub(super) fn publish_next_due(&self, store: &ShardStore) {
        let due = store.next_due().map_or(i64::MAX, |due| due.0);
        let next_due = &self.ports[store.id().index()].next_due;
        let known = next_due.load(Ordering::Relaxed);
        if due != known {
            next_due.store(due, Ordering::Relaxed);
            if due < known {
                self.wake(self.keeper(store.id()));
            }
        }
    }

    /// Shows what the databases of `store` hold. One that is empty, and was when it was last shown, costs next to nothing.
    pub(super) fn publish_usage(&self, store: &mut ShardStore) {
        let usages = self.ports[store.id().index()].usage.iter().take(store.used_databases().len());
        for (index, usage) in (0..).zip(usages) {
            if store.database(DbIndex(index)).is_empty() && usage.is_empty() {
                continue;
            }
            store.publish_sizes(DbIndex(index), &usage.sizes);
            let database = store.database(DbIndex(index));
            usage.keys.store(database.len() as u64, Ordering::Relaxed);
            usage.expires.store(database.expires() as u64, Ordering::Relaxed);
            usage.expiring_hashes.store(database.expiring_hashes() as u64, Ordering::Relaxed);
            usage.mean_deadline_ms.store(database.mean_deadline().0, Ordering::Relaxed);
            usage.bytes.store(database.memory_bytes() as u64, Ordering::Relaxed);
        }
        let index_bytes = &self.ports[store.id().index()].index_bytes;
        index_bytes.store(store.companion_bytes() as u64, Ordering::Relaxed);
    }

    pub(super) fn parking(&self, worker: WorkerId) -> &Parking {
        &self.bells.0[worker.index()].parking
    }

    /// How many tickets are published: those below.
    #[inline]
    pub(super) fn published_count(&self) -> u64 {
        self.published.load(Ordering::Acquire)
    }

    #[inline]
    pub(super) fn is_published(&self, ticket: Ticket) -> bool {
        ticket.0 < self.published_count()
    }

    /// Puts a message into the inbox of `shard`. Whoever sends it sees to it that the shard is looked at.
    pub(super) fn put(&self, shard: ShardId, mail: ShardMail<D>) {
        // The other end lives as long as the shard, which lives as long as this.
        let _ = self.ports[shard.index()].inbox.send(mail);
    }

    /// Puts a message into a worker's mailbox and wakes it if it sleeps. A message to a worker that has ended is dropped.
    pub(super) fn send(&self, worker: WorkerId, mail: WorkerMail<D>) {
        if self.mailboxes[worker.index()].send(mail).is_ok() {
            self.wake(worker);
        }
    }

    /// Has the keeper of a shard look at it.
    fn call_keeper(&self, shard: ShardId) {
        if !D::breaks(Rule::WakeSleepers) {
            self.send(self.keeper(shard), WorkerMail::Visit(shard));
        }
    }

    /// Sends a message of the driver's to a worker.
    pub fn send_driver_mail(&self, worker: WorkerId, mail: D::Mail) {
        self.send(worker, WorkerMail::Driver(mail));
    }

    /// Brings home a store that was taken: see [`Hub::take_stores`].
    pub fn send_store(&self, mut store: Box<ShardStore>) {
        self.publish_usage(&mut store);
        self.publish_next_due(&store);
        let shard = store.id();
        self.put(shard, ShardMail::Store(store));
        self.call_keeper(shard);
    }

    /// Wakes a worker if it sleeps.
    pub fn wake(&self, worker: WorkerId) {
        if !D::breaks(Rule::WakeSleepers) {
            self.bells.wake(worker);
        }
    }

    /// What wakes the workers.
    #[must_use]
    pub fn bells(&self) -> &Arc<Bells> {
        &self.bells
    }

    /// Puts an operation where it belongs: one shard's inbox, or the lanes of several. Whoever submits it sees to it that
    /// these are looked at.
    pub fn submit(&self, operation: Arc<Operation<D>>) {
        if let [shard] = operation.request.shards[..] {
            self.put(shard, ShardMail::Operation(operation));
            return;
        }
        self.begin_submission(operation).complete();
    }

    /// Has the keepers of an operation's shards look at them: for one that was submitted by nobody who can run it.
    pub fn call_keepers(&self, operation: &Operation<D>) {
        operation.request.shards.iter().for_each(|&shard| self.call_keeper(shard));
    }

    /// Opens the critical section in which `operation`, which involves several shards, gets its ticket and its
    /// places. For a schedule that runs other shards between the steps; everyone else submits through a shard.
    #[must_use]
    pub fn begin_submission(&self, operation: Arc<Operation<D>>) -> Submission<'_, D> {
        Submission::new(self, self.next_ticket.lock(), operation, None)
    }

    /// Submits an operation for several shards that is to be run once more, for a waiter if it has waited; `false` if
    /// somebody else is submitting.
    pub(super) fn try_submit(&self, operation: Arc<Operation<D>>, resumed: Option<Resumed>) -> bool {
        let Some(next_ticket) = self.next_ticket.try_lock() else { return false };
        Submission::new(self, next_ticket, operation, resumed).complete();
        true
    }
}

/// The critical section of one submission, step by step: the operation is pushed into all lanes, then published;
/// at the end the section is left.
///
/// No more than one exists at a time: who begins a second one waits for the end of the first.
#[derive(Debug)]
pub struct Submission<'a, D: Driver> {
    hub: &'a Hub<D>,
    next_ticket: RankedMutexGuard<'a, { rank::TICKETS }, u64>,
    ticket: Ticket,
    operation: Arc<Operation<D>>,
    resumed: Option<Resumed>,
    pushed: usize,
    is_published: bool,
}

impl<'a, D: Driver> Submission<'a, D> {
    fn new(
        hub: &'a Hub<D>,
        next_ticket: RankedMutexGuard<'a, { rank::TICKETS }, u64>,
        operation: Arc<Operation<D>>,
        resumed: Option<Resumed>,
    ) -> Self {
        let ticket = Ticket(*next_ticket);
        Self { hub, next_ticket, ticket, operation, resumed, pushed: 0, is_published: false }
    }

    /// Takes the next step: the operation goes into one more lane or, once it stands in all of them, becomes runnable: else a
    /// shard could run what follows from it before it finds the operation itself. `false` if both are done.
    pub fn step(&mut self) -> bool {
        let next = self.operation.request.shards.get(self.pushed).copied();
        match next {
            Some(shard) if self.is_published || !D::breaks(Rule::PublishLast) => self.push(shard),
            None if self.is_published => return false,
            _ => self.publish(),
        }
        true
    }

    fn push(&mut self, shard: ShardId) {
        self.pushed += 1;
        let operation = Arc::clone(&self.operation);
        let entry = LaneEntry { ticket: self.ticket, operation, resumed: self.resumed.clone() };
        // A shard that has ended takes no more operations: the engine is going down.
        let _ = self.hub.ports[shard.index()].lane.send(entry);
    }

    fn publish(&mut self) {
        self.is_published = true;
        *self.next_ticket = self.ticket.0 + 1;
        self.hub.published.store(*self.next_ticket, Ordering::Release);
    }

    /// Leaves the critical section, when no step is left. Whoever submits sees to it that the operation's shards are looked at.
    #[must_use]
    pub fn finish(self) -> Arc<Operation<D>> {
        debug_assert!(self.is_published && self.pushed == self.operation.request.shards.len());
        self.operation
    }

    /// Takes all steps.
    fn complete(mut self) {
        while self.step() {}
        drop(self.finish());
    }
}
