//! What the shards of an engine share: each one's doors (lane, inbox, wake-up) and the order of operations that
//! involve several of them.
//!
//! A submitter takes a ticket, pushes the operation into the lane of every shard involved and publishes the ticket,
//! all in one short critical section. A shard runs a lane entry only once its ticket is published; by then the
//! operation stands in every lane it belongs to. Whoever saw an effect of the operation, directly or through others,
//! therefore finds it ahead of itself on every other shard, provided that a shard looks at its lane after it
//! received work and before it runs it: see [`super::runner`].

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use kora_locks::{RankedMutex, RankedMutexGuard, rank};

use super::driven::Driven;
use super::operation::{Driver, Operation, Part};
use super::parking::Parking;
use super::probe::Rule;
use super::serve::Blocked;
use crate::db::DbIndex;
use crate::slot::ShardId;
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
pub(super) enum Mail<D: Driver> {
    /// An operation that runs on this shard alone.
    Operation(Arc<Operation<D>>),
    /// An answer for a connection of this shard's worker.
    Part(Part<D>),
    /// This shard's store comes home.
    Store(Box<ShardStore>),
    /// A transaction that this shard's worker runs, with its stores.
    Driven(Driven<D>),
    /// An operation of this shard's worker has to wait.
    Blocked(Blocked<D>),
    /// A waiter is over: it need not stand in this shard's queues any more.
    Forget(Arc<Waiter>),
    /// A client watches these keys no longer.
    Unwatch(Arc<Watched>),
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
    pub(super) inbox: Receiver<Mail<D>>,
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
    /// Keys of each data type and size.
    pub sizes: PublishedSizes,
}

struct Port<D: Driver> {
    lane: Sender<LaneEntry<D>>,
    inbox: Sender<Mail<D>>,
    usage: Box<[DatabaseUsage]>,
    awaited: Awaited,
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

    /// Wakes the worker of `shard` if it sleeps.
    pub fn wake(&self, shard: ShardId) {
        let bell = &self.0[shard.index()];
        if bell.parking.must_wake() {
            bell.waker.wake();
        }
    }

    /// Makes the present or next sleep of the worker of `shard` return, whether it sleeps or not.
    pub fn ring(&self, shard: ShardId) {
        self.0[shard.index()].waker.wake();
    }

    /// Does so with all workers.
    pub fn ring_all(&self) {
        self.0.iter().for_each(|bell| bell.waker.wake());
    }
}

/// What the shards of an engine share.
pub struct Hub<D: Driver> {
    ports: Box<[Port<D>]>,
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
    /// A hub of as many shards as there are wakers, and the receiving ends of their doors.
    pub(super) fn new(wakers: Vec<Box<dyn Wake>>, database_count: u16) -> (Self, Vec<Doors<D>>) {
        let (ports, doors): (Vec<_>, Vec<_>) = wakers
            .iter()
            .map(|_| {
                let (lane, lane_end) = unbounded();
                let (inbox, inbox_end) = unbounded();
                let usage = (0..database_count).map(|_| DatabaseUsage::default()).collect();
                let port = Port { lane, inbox, usage, awaited: Awaited::default() };
                (port, Doors { lane: lane_end, inbox: inbox_end })
            })
            .unzip();
        let bells = wakers.into_iter().map(|waker| Bell { parking: Parking::new(), waker }).collect();
        let hub = Self {
            ports: ports.into(),
            bells: Arc::new(Bells(bells)),
            next_ticket: RankedMutex::new(0),
            published: AtomicU64::new(0),
        };
        (hub, doors)
    }

    /// Number of shards.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "shards are numbered by u16")]
    pub fn shard_count(&self) -> u16 {
        self.ports.len() as u16
    }

    /// What the databases of `shard` hold.
    #[must_use]
    pub fn usage(&self, shard: ShardId) -> &[DatabaseUsage] {
        &self.ports[shard.index()].usage
    }

    /// How many keys of `shard` clients wait for, and at how many of these for a group of a stream.
    #[must_use]
    pub fn awaited(&self, shard: ShardId) -> (u64, u64) {
        let awaited = &self.ports[shard.index()].awaited;
        (awaited.keys.load(Ordering::Relaxed), awaited.group_keys.load(Ordering::Relaxed))
    }

    /// Shows for which keys of `store` clients wait.
    pub(super) fn publish_awaited(&self, store: &ShardStore) {
        let awaited = &self.ports[store.id().index()].awaited;
        awaited.keys.store(store.awaited_keys() as u64, Ordering::Relaxed);
        awaited.group_keys.store(store.awaited_group_keys() as u64, Ordering::Relaxed);
    }

    /// Shows what the databases of `store` hold. One that is empty, and was when it was last shown, costs next to nothing.
    pub(super) fn publish_usage(&self, store: &mut ShardStore) {
        for (index, usage) in (0..).zip(&self.ports[store.id().index()].usage) {
            if store.database(DbIndex(index)).is_empty() && usage.keys.load(Ordering::Relaxed) == 0 {
                continue;
            }
            store.publish_sizes(DbIndex(index), &usage.sizes);
            let database = store.database(DbIndex(index));
            usage.keys.store(database.len() as u64, Ordering::Relaxed);
            usage.expires.store(database.expires() as u64, Ordering::Relaxed);
            usage.expiring_hashes.store(database.expiring_hashes() as u64, Ordering::Relaxed);
            usage.mean_deadline_ms.store(database.mean_deadline().0, Ordering::Relaxed);
        }
    }

    pub(super) fn parking(&self, shard: ShardId) -> &Parking {
        &self.bells.0[shard.index()].parking
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

    /// Puts a message into the inbox of `shard` and wakes its worker if it sleeps. A message to a shard that has
    /// ended is dropped.
    pub(super) fn send(&self, shard: ShardId, mail: Mail<D>) {
        let port = &self.ports[shard.index()];
        if port.inbox.send(mail).is_ok() {
            self.wake(shard);
        }
    }

    /// Sends a message of the driver's to the worker of `shard`.
    pub fn send_driver_mail(&self, shard: ShardId, mail: D::Mail) {
        self.send(shard, Mail::Driver(mail));
    }

    /// Brings home a store that was taken from its shard: see [`Shard::take_store`](super::runner::Shard::take_store).
    pub fn send_store(&self, mut store: Box<ShardStore>) {
        self.publish_usage(&mut store);
        self.send(store.id(), Mail::Store(store));
    }

    /// Wakes the worker of `shard` if it sleeps.
    pub fn wake(&self, shard: ShardId) {
        if !D::breaks(Rule::WakeSleepers) {
            self.bells.wake(shard);
        }
    }

    /// What wakes the workers.
    #[must_use]
    pub fn bells(&self) -> &Arc<Bells> {
        &self.bells
    }

    /// Puts an operation where it belongs: one shard's inbox, or the lanes of several.
    pub fn submit(&self, operation: Arc<Operation<D>>) {
        if let [shard] = operation.request.shards[..] {
            self.send(shard, Mail::Operation(operation));
            return;
        }
        self.begin_submission(operation).complete();
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

    /// Takes a waiter that is over out of all queues.
    pub fn forget(&self, waiter: &Arc<Waiter>) {
        for shard in waiter.shards() {
            self.send(shard, Mail::Forget(Arc::clone(waiter)));
        }
    }
}

/// The critical section of one submission, step by step: the operation is pushed into all lanes, then published;
/// at the end the section is left and the shards are woken.
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

    /// Leaves the critical section, when no step is left, and wakes the shards.
    pub fn finish(self) {
        debug_assert!(self.is_published && self.pushed == self.operation.request.shards.len());
        drop(self.next_ticket);
        for &shard in &self.operation.request.shards {
            self.hub.wake(shard);
        }
    }

    /// Takes all steps.
    fn complete(mut self) {
        while self.step() {}
        self.finish();
    }
}
