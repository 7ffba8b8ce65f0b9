//! What every worker may know of a client, and do to it.
//!
//! The worker that serves the client writes it, at most once per batch of commands; others only read it, or end its wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use kora_core::shard::operation::Operation;
use kora_core::slot::ShardId;
use kora_core::store::watch::Watch;
use kora_locks::{RankedMutex, rank};

use super::{Front, Workers};
use crate::client::{ClientId, Origin, SessionPlace};

/// See the module.
#[derive(Debug)]
pub struct Standing<F: Front> {
    /// The client.
    pub id: ClientId,
    /// The worker that serves it.
    pub worker: ShardId,
    /// Its place among that worker's sessions.
    pub slot: usize,
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
            worker,
            slot,
            is_blocked: AtomicBool::new(false),
            is_unblockable: AtomicBool::new(false),
            blocked: RankedMutex::new(None),
            watch: RankedMutex::new(None),
            last_command: AtomicU32::new(u32::MAX),
            commands: AtomicU64::new(0),
            subscriptions: Default::default(),
        }
    }

    /// Who waits when it waits.
    #[must_use]
    pub fn origin(&self) -> Origin {
        Origin { worker: self.worker, slot: self.slot, client: self.id }
    }

    /// Where it is served.
    #[must_use]
    pub fn place(&self) -> SessionPlace {
        SessionPlace { worker: self.worker, slot: self.slot }
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
