//! Publish/subscribe: who listens to what, and how a publication reaches every worker that serves a listener.
//!
//! A [`Broker`] is shared by all workers. Its registry says which workers have subscribers of a channel or pattern; each
//! worker's delivery has an inbox of publications and the seats of its own subscribers. Whoever publishes puts the publication,
//! encoded once, into the inboxes of those workers within one short critical section, so that all workers see one order;
//! each worker writes what its inbox holds into the outputs of its own connections.
//!
//! Notices to clients that keep copies of what they read ([`crate::caching`]) go the same way, in the same order.
//!
//! Who gets a publication is decided by numbers, not by locks held for long: every change of the registry has a number,
//! a seat knows that of its beginning, a publication that of the state in which its receivers were counted. A seat that
//! is younger than the publication does not get it, however late the worker looks into its inbox.

mod publication;
mod registry;
mod seats;
pub mod subscriptions;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crossbeam_channel::{Receiver, Sender, unbounded};
use kora_core::command::spec::{Facts, Flags};
use kora_core::journal::{Announcement, KeyEvent, Message};
use kora_core::slot::WorkerId;
use kora_locks::{RankedMutex, RankedRwLock, rank};
use smallvec::{SmallVec, smallvec};

use crate::caching::{Notice, Readers};
use crate::client::SessionPlace;
use crate::events::EventFlags;
pub use publication::{Publication, Via};
use registry::{Registry, Workers};
use seats::Seats;

/// Bytes in one inbox from which on those who publish are held back until its worker has caught up.
const INBOX_BYTES_MAX: usize = 64 * 1024 * 1024;

/// What names are subscribed to as. Each has a space of names of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Space {
    /// A channel.
    Channels,
    /// All channels that match.
    Patterns,
    /// A channel that belongs to a slot: SSUBSCRIBE.
    ShardChannels,
}

impl Space {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Channels, Self::Patterns, Self::ShardChannels];

    fn index(self) -> usize {
        match self {
            Self::Channels => 0,
            Self::Patterns => 1,
            Self::ShardChannels => 2,
        }
    }
}

/// Whether a command changes a connection's subscriptions: what confirms that is a message rather than a reply.
pub(crate) fn subscribes(facts: &Facts) -> bool {
    facts.flags.has(Flags::PUBSUB.with(Flags::NOSCRIPT))
}

/// Whether a command publishes.
pub(crate) fn publishes(facts: &Facts) -> bool {
    facts.flags.has(Flags::PUBSUB.with(Flags::MAY_REPLICATE))
}

/// A name that is subscribed to, shared by all who keep it.
pub type Name = Arc<[u8]>;

/// What is delivered.
#[derive(Clone, Debug)]
pub enum Parcel {
    /// A message, to subscribers.
    Publication(Arc<Publication>),
    /// What has become void, to clients that keep copies.
    Notice(Arc<Notice>),
}

impl Parcel {
    fn bytes(&self) -> usize {
        match self {
            Self::Publication(publication) => publication.bytes(),
            Self::Notice(notice) => notice.bytes(),
        }
    }
}

/// What one worker delivers, and to whom.
#[derive(Debug)]
struct Delivery {
    sender: Sender<(u64, Parcel)>,
    inbox: Receiver<(u64, Parcel)>,
    /// Number of what was put into the inbox last, counted from 1.
    sent: AtomicU64,
    /// Bytes of what is in the inbox.
    inbox_bytes: AtomicUsize,
    /// Its own subscribers. Others lock it only to take away those whom they kill.
    seats: RankedMutex<{ rank::SEATS }, Seats>,
    /// So many of what it announces next are not for this connection. Only that worker locks it.
    passed_by: RankedMutex<{ rank::PASSED_BY }, Option<(SessionPlace, usize)>>,
}

impl Delivery {
    fn new() -> Self {
        let (sender, inbox) = unbounded();
        Self {
            sender,
            inbox,
            sent: AtomicU64::new(0),
            inbox_bytes: AtomicUsize::new(0),
            seats: RankedMutex::default(),
            passed_by: RankedMutex::default(),
        }
    }
}

/// Knows who listens, and passes publications on.
#[derive(Debug)]
pub struct Broker {
    registry: RankedRwLock<{ rank::SUBSCRIPTIONS }, Registry>,
    /// Held while publications are put into inboxes: their one order.
    order: RankedMutex<{ rank::MESSAGES }, ()>,
    deliveries: Box<[Delivery]>,
    /// Subscriptions to channels and patterns; beside it, those to shard channels.
    listeners: AtomicUsize,
    shard_listeners: AtomicUsize,
    /// Clients that keep copies of what they read.
    pub readers: Readers,
    /// `notify-keyspace-events`.
    event_flags: AtomicU32,
    /// The classes of events that somebody may hear of now: none while nobody listens.
    event_mask: Arc<AtomicU32>,
}

/// Publications on their way, and the workers they go to.
type Outgoing = SmallVec<[(Parcel, Workers); 4]>;

impl Broker {
    /// A broker that nobody listens to yet.
    pub fn new(worker_count: u16) -> Self {
        Self {
            registry: RankedRwLock::new(Registry::new(worker_count)),
            order: RankedMutex::new(()),
            deliveries: (0..worker_count).map(|_| Delivery::new()).collect(),
            listeners: AtomicUsize::new(0),
            shard_listeners: AtomicUsize::new(0),
            readers: Readers::default(),
            event_flags: AtomicU32::new(0),
            event_mask: Arc::default(),
        }
    }

    fn delivery(&self, worker: WorkerId) -> &Delivery {
        &self.deliveries[worker.index()]
    }

    fn listeners(&self, space: Space) -> &AtomicUsize {
        if space == Space::ShardChannels { &self.shard_listeners } else { &self.listeners }
    }

    /// Makes a connection a subscriber of `names`, none of which it is yet.
    pub fn join(&self, place: SessionPlace, space: Space, names: &[Name]) {
        let mut registry = self.registry.write();
        let since = registry.join(space, names, place.worker);
        self.listeners(space).fetch_add(names.len(), Ordering::Release);
        self.note_audience();
        // Within the lock: a publication that counts these seats finds them.
        self.delivery(place.worker).seats.lock().add(space, names, place.slot, since);
    }

    /// Ends a connection's subscriptions to `names`, but for those that were ended already.
    pub fn leave(&self, place: SessionPlace, space: Space, names: &[Name]) {
        let mut registry = self.registry.write();
        let left = self.delivery(place.worker).seats.lock().remove(space, names, place.slot);
        self.note_left(&mut registry, place.worker, space, &left);
    }

    /// Number of the present state of the registry.
    #[must_use]
    pub fn version(&self) -> u64 {
        self.registry.read().version()
    }

    /// Ends the subscriptions that connections had in the state `as_of`, whoever serves them: what came later may be another
    /// connection's in the same place.
    /// Complexity: O(names that their workers' connections are subscribed to).
    pub fn expel(&self, places: &[SessionPlace], as_of: u64) {
        let mut registry = self.registry.write();
        for (index, delivery) in (0..).zip(&self.deliveries) {
            let worker = WorkerId(index);
            let slots = places.iter().filter(|place| place.worker == worker).map(|place| place.slot);
            let slots: BTreeSet<usize> = slots.collect();
            if slots.is_empty() {
                continue;
            }
            for space in Space::ALL {
                let left = delivery.seats.lock().remove_all(space, &slots, as_of);
                self.note_left(&mut registry, worker, space, &left);
            }
        }
    }

    fn note_left(&self, registry: &mut Registry, worker: WorkerId, space: Space, names: &[Name]) {
        registry.leave(space, names, worker);
        self.listeners(space).fetch_sub(names.len(), Ordering::Release);
        self.note_audience();
    }

    /// Chooses which keyspace events are published.
    pub fn set_event_flags(&self, flags: EventFlags) {
        let _registry = self.registry.write();
        self.event_flags.store(flags.0, Ordering::Release);
        self.note_audience();
    }

    /// The classes of events that are worth collecting, kept up to date.
    pub fn event_mask(&self) -> &Arc<AtomicU32> {
        &self.event_mask
    }

    /// Brings the mask of events up to date; the registry is locked.
    fn note_audience(&self) {
        let is_heard = self.listeners.load(Ordering::Acquire) > 0;
        let flags = EventFlags(self.event_flags.load(Ordering::Acquire));
        self.event_mask.store(if is_heard { flags.mask() } else { 0 }, Ordering::Release);
    }

    /// How many a message to `channel` would reach now, and the state in which they were counted.
    /// Complexity: O(1), after O(1) for each pattern if any.
    pub fn count_receivers(&self, is_sharded: bool, channel: &[u8]) -> (usize, u64) {
        let space = if is_sharded { Space::ShardChannels } else { Space::Channels };
        if self.listeners(space).load(Ordering::Acquire) == 0 {
            return (0, 0);
        }
        let registry = self.registry.read();
        (registry.receivers(is_sharded, channel), registry.version())
    }

    /// Has a connection get none of the first `count` announcements that its worker passes on next: it has been told.
    pub fn pass_by(&self, place: SessionPlace, count: usize) {
        *self.delivery(place.worker).passed_by.lock() = Some((place, count));
    }

    /// What is published of an announcement, by the present state of the registry.
    pub fn publications(&self, announcement: &Announcement) -> SmallVec<[Publication; 2]> {
        match announcement {
            Announcement::Message(Message { is_sharded, channel, payload, as_of }) => {
                smallvec![Publication::new(*is_sharded, channel.clone(), payload.clone(), *as_of)]
            }
            Announcement::Event(event) => {
                let flags = EventFlags(self.event_flags.load(Ordering::Acquire));
                let publish = |(channel, payload): (Vec<u8>, &[u8])| {
                    Publication::new(false, channel.into(), payload.into(), 0)
                };
                flags.announcements(event).into_iter().map(publish).collect()
            }
            Announcement::Invalidation(_) | Announcement::Flush { .. } => SmallVec::new(),
        }
    }

    /// Passes on what the worker `from` announces, in order; `wake` wakes a worker that has something in its inbox.
    pub fn announce(&self, from: WorkerId, announcements: Vec<Announcement>, wake: impl Fn(WorkerId)) {
        let mut outgoing = Outgoing::new();
        let passed_by = self.delivery(from).passed_by.lock().take();
        // Held to the end: what joins later is younger than what it does not get.
        let registry = self.registry.read();
        let is_news =
            |one: &Announcement| matches!(one, Announcement::Invalidation(_) | Announcement::Flush { .. });
        if announcements.iter().any(is_news) {
            self.address_readers(&announcements, &mut outgoing);
        }
        for (index, announcement) in announcements.into_iter().enumerate() {
            let place = passed_by.filter(|(_, count)| index < *count).map(|(place, _)| place);
            match announcement {
                Announcement::Message(message) => address_message(&registry, message, place, &mut outgoing),
                Announcement::Event(event) => self.address_event(&registry, &event, place, &mut outgoing),
                Announcement::Invalidation(_) | Announcement::Flush { .. } => {}
            }
        }
        if outgoing.is_empty() {
            return;
        }
        self.send_all(&outgoing);
        drop(registry);
        let mut woken = Workers::new();
        for &worker in outgoing.iter().flat_map(|(_, workers)| workers) {
            if !woken.contains(&worker) {
                woken.push(worker);
                wake(worker);
            }
        }
    }

    #[cold]
    fn address_readers(&self, announcements: &[Announcement], outgoing: &mut Outgoing) {
        for notice in self.readers.address(announcements) {
            let workers = notice.workers();
            outgoing.push((Parcel::Notice(notice), workers));
        }
    }

    /// Puts parcels into inboxes, in their one order.
    fn send_all(&self, outgoing: &Outgoing) {
        let _order = self.order.lock();
        for (parcel, workers) in outgoing {
            workers.iter().for_each(|&worker| self.send(worker, parcel));
        }
    }

    /// Sends a notice once more, to where its recipients are now; their workers are to be woken.
    pub(crate) fn send_after(&self, notice: Arc<Notice>) -> Workers {
        let workers = notice.workers();
        let outgoing: Outgoing = smallvec![(Parcel::Notice(notice), workers.clone())];
        self.send_all(&outgoing);
        workers
    }

    /// How many parcels a worker was sent so far.
    #[must_use]
    pub fn sent(&self, worker: WorkerId) -> u64 {
        self.delivery(worker).sent.load(Ordering::Acquire)
    }

    fn address_event(
        &self,
        registry: &Registry,
        event: &KeyEvent,
        passed_by: Option<SessionPlace>,
        outgoing: &mut Outgoing,
    ) {
        let flags = EventFlags(self.event_flags.load(Ordering::Acquire));
        for (channel, payload) in flags.announcements(event) {
            let workers = registry.workers(false, &channel);
            if !workers.is_empty() {
                let publication = Publication::new(false, channel.into(), payload.into(), registry.version());
                let publication = Arc::new(publication.passing_by(passed_by));
                outgoing.push((Parcel::Publication(publication), workers));
            }
        }
    }

    /// Puts a parcel into a worker's inbox; the order is held.
    fn send(&self, worker: WorkerId, parcel: &Parcel) {
        let delivery = self.delivery(worker);
        delivery.inbox_bytes.fetch_add(parcel.bytes(), Ordering::Relaxed);
        let number = delivery.sent.load(Ordering::Relaxed) + 1;
        // The delivery has the receiving end, too: it is never closed.
        let _ = delivery.sender.send((number, parcel.clone()));
        // Who reads this number finds the parcel in the inbox.
        delivery.sent.store(number, Ordering::Release);
    }

    /// Whether a worker's inbox holds anything.
    #[inline]
    pub fn has_mail(&self, worker: WorkerId) -> bool {
        !self.delivery(worker).inbox.is_empty()
    }

    /// Takes the oldest parcel out of a worker's inbox, with its number. Only that worker does.
    pub fn take(&self, worker: WorkerId) -> Option<(u64, Parcel)> {
        let delivery = self.delivery(worker);
        let (number, parcel) = delivery.inbox.try_recv().ok()?;
        delivery.inbox_bytes.fetch_sub(parcel.bytes(), Ordering::Relaxed);
        Some((number, parcel))
    }

    /// Whether some inbox holds so much that nobody may publish more.
    pub fn is_congested(&self) -> bool {
        self.deliveries.iter().any(|delivery| delivery.inbox_bytes.load(Ordering::Relaxed) > INBOX_BYTES_MAX)
    }

    /// Visits the places of those of a worker's connections that get a publication, with the way in which it reaches them:
    /// first those subscribed to its channel, then those with patterns.
    pub fn each_receiver(
        &self,
        worker: WorkerId,
        publication: &Publication,
        visit: impl FnMut(Via<'_>, &mut dyn Iterator<Item = usize>),
    ) {
        self.delivery(worker).seats.lock().each_receiver(publication, visit);
    }

    /// Names with subscribers in a space, those that `is_listed`.
    pub fn names(&self, space: Space, is_listed: impl Fn(&[u8]) -> bool) -> Vec<Name> {
        self.registry.read().names(space, is_listed)
    }

    /// Number of names with subscribers in a space.
    pub fn name_count(&self, space: Space) -> usize {
        self.registry.read().name_count(space)
    }

    /// Number of subscribers of each of `names`.
    pub fn subscriber_counts(&self, space: Space, names: &[&[u8]]) -> Vec<usize> {
        let registry = self.registry.read();
        names.iter().map(|name| registry.subscribers(space, name)).collect()
    }
}

fn address_message(
    registry: &Registry,
    message: Message,
    passed_by: Option<SessionPlace>,
    outgoing: &mut Outgoing,
) {
    let Message { is_sharded, channel, payload, as_of } = message;
    let workers = registry.workers(is_sharded, &channel);
    if !workers.is_empty() {
        let publication = Publication::new(is_sharded, channel, payload, as_of);
        outgoing.push((Parcel::Publication(Arc::new(publication.passing_by(passed_by))), workers));
    }
}

#[cfg(test)]
mod tests;
