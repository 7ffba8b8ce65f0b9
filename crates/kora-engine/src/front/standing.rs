//! What every worker may know of a client, and do to it.
//!
//! The worker that serves the client writes it, at most once per batch of commands; others only read it, or end its wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use kora_core::shard::operation::Operation;
use kora_core::slot::WorkerId;
use kora_core::store::watch::Watch;
use kora_locks::{RankedMutex, rank};

use super::{Front, Workers};
use crate::caching::Located;
use crate::client::{ClientId, Origin, SessionPlace};

/// Bits of a packed place that hold the slot; those above hold the worker.
const SLOT_BITS: u32 = 48;

/// The slot of a client that is on its way to its worker: no session has it.
const ON_ITS_WAY: usize = (1 << SLOT_BITS) - 1;

const SLOT_MASK: u64 = ON_ITS_WAY as u64;

/// A place in one number, so that it changes as one.
fn packed(SessionPlace { worker, slot }: SessionPlace) -> u64 {
    debug_assert!(slot <= ON_ITS_WAY, "there are fewer sessions");
    u64::from(worker.0) << SLOT_BITS | (slot as u64 & SLOT_MASK)
}

/// See the module.
#[derive(Debug)]
pub struct Standing<F: Front> {
    /// The client.
    pub id: ClientId,
    /// Where it is served: see [`packed`].
    place: AtomicU64,
    /// Whether it has left.
    has_left: AtomicBool,
    /// Whether it is told of changes of what another client has read. It stays where it is then.
    hears_for_others: AtomicBool,
    /// Whether it waits for something: keys, WAIT, a pause.
    is_blocked: AtomicBool,
    /// Whether it waits for a time that CLIENT UNBLOCK may end; whoever clears it ends the wait.
    pub(crate) is_unblockable: AtomicBool,
    /// The operation by which it waits for keys.
    pub(crate) blocked: RankedMutex<{ rank::CLIENT_WAIT }, Option<Arc<Operation<Workers<F>>>>>,
    /// Whether one of the keys it watches has changed.
    pub(crate) watch: RankedMutex<{ rank::CLIENT_WATCH }, Option<Arc<Watch>>>,
    /// Place of the last command in the table; `u32::MAX` before the first.
    pub last_command: AtomicU32,
    /// Commands it sent.
    pub commands: AtomicU64,
    /// Channels, patterns and shard channels it is subscribed to.
    pub subscriptions: [AtomicUsize; 3],
}

impl<F: Front> Standing<F> {
    /// Of a new client.
    #[must_use]
    pub fn new(Origin { worker, slot, client }: Origin) -> Self {
        Self {
            id: client,
            place: AtomicU64::new(packed(SessionPlace { worker, slot })),
            has_left: AtomicBool::new(false),
            hears_for_others: AtomicBool::new(false),
            is_blocked: AtomicBool::new(false),
            is_unblockable: AtomicBool::new(false),
            blocked: RankedMutex::new(None),
            watch: RankedMutex::new(None),
            last_command: AtomicU32::new(u32::MAX),
            commands: AtomicU64::new(0),
            subscriptions: Default::default(),
        }
    }

    /// Who waits when it waits. While it waits for anything it is served where it is.
    #[must_use]
    pub fn origin(&self) -> Origin {
        let SessionPlace { worker, slot } = self.place();
        Origin { worker, slot, client: self.id }
    }

    /// Where it is served.
    #[inline]
    #[must_use]
    pub fn place(&self) -> SessionPlace {
        let place = self.place.load(Ordering::Relaxed);
        let worker = u16::try_from(place >> SLOT_BITS).expect("a worker's number takes sixteen bits");
        let slot = usize::try_from(place & SLOT_MASK).expect("a slot was a usize before");
        SessionPlace { worker: WorkerId(worker), slot }
    }

    /// The worker that serves it.
    #[inline]
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.place().worker
    }

    /// Its place among that worker's sessions.
    #[inline]
    #[must_use]
    pub fn slot(&self) -> usize {
        self.place().slot
    }

    /// Whether it has left one worker, and the other does not serve it yet.
    #[must_use]
    pub fn is_on_its_way(&self) -> bool {
        self.slot() == ON_ITS_WAY
    }

    /// It is on its way to another worker.
    pub(crate) fn leave_for(&self, worker: WorkerId) {
        self.arrive_at(SessionPlace { worker, slot: ON_ITS_WAY });
    }

    /// It is served there from now on.
    pub(crate) fn arrive_at(&self, place: SessionPlace) {
        self.place.store(packed(place), Ordering::Relaxed);
    }

    /// It has left: nothing more is given to it.
    pub fn note_left(&self) {
        self.has_left.store(true, Ordering::Release);
    }

    /// It is told from now on of changes of what another client has read.
    pub fn hear_for_others(&self) {
        self.hears_for_others.store(true, Ordering::Release);
    }

    /// Whether it is told of changes of what another client has read.
    #[must_use]
    pub fn hears_for_others(&self) -> bool {
        self.hears_for_others.load(Ordering::Acquire)
    }

    /// Notes whether it waits for something.
    pub fn set_blocked(&self, is_blocked: bool) {
        self.is_blocked.store(is_blocked, Ordering::Relaxed);
    }

    /// Whether it waits for something.
    #[must_use]
    pub fn is_blocked(&self) -> bool {
        self.is_blocked.load(Ordering::Relaxed)
    }

    /// Notes what it runs.
    #[inline]
    pub(crate) fn note_command(&self, id: u16) {
        self.last_command.store(u32::from(id), Ordering::Relaxed);
    }

    /// Ends what it waits for on behalf of CLIENT UNBLOCK; `false` if it waits for nothing. Its worker is to be told.
    #[must_use]
    pub fn end_wait(&self) -> bool {
        let is_ended = self.blocked.lock().as_ref().is_some_and(|operation| operation.end_wait());
        is_ended || self.is_unblockable.swap(false, Ordering::AcqRel)
    }

    /// Whether it is subscribed to anything.
    #[must_use]
    pub fn is_subscriber(&self) -> bool {
        self.subscriptions.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// Whether a key that it watches has changed.
    #[must_use]
    pub fn has_failed_watch(&self) -> bool {
        self.watch.lock().as_ref().is_some_and(|watch| watch.is_dirty())
    }
}

/// A client as those see it who send it something.
pub struct Whereabouts<F: Front>(pub Arc<F::Client>);

impl<F: Front> std::fmt::Debug for Whereabouts<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Whereabouts").field(&self.0.id).finish()
    }
}

impl<F: Front> Located for Whereabouts<F> {
    fn place(&self) -> SessionPlace {
        self.0.place()
    }

    fn has_left(&self) -> bool {
        self.0.has_left.load(Ordering::Acquire)
    }
}
