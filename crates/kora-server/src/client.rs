//! What every worker may know of a client: CLIENT LIST reads it, CLIENT KILL and UNBLOCK act on it.
//!
//! The worker that serves the client writes the numbers, at most once per batch of commands; others only read them.

pub(crate) mod peaks;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{
    AtomicBool, AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering,
};

use kora_core::shard::operation::Operation;
use kora_core::shard::watch::Watch;
use kora_core::slot::ShardId;
use kora_locks::{RankedMutex, rank};

use crate::driver::ServerDriver;

/// A client's number: never reused while the server runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct ClientId(pub(crate) u64);

/// What a client calls itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientText {
    pub(crate) name: Vec<u8>,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_version: Vec<u8>,
}

/// A client's flags, as bits of [`Client::flags`].
pub(crate) mod flag {
    /// CLIENT NO-EVICT ON.
    pub(crate) const NO_EVICT: u8 = 1;
    /// CLIENT NO-TOUCH ON.
    pub(crate) const NO_TOUCH: u8 = 2;
    /// Waits for something: keys, WAIT, a pause.
    pub(crate) const BLOCKED: u8 = 4;
    /// Will be closed once its output is sent.
    pub(crate) const CLOSING: u8 = 8;
    /// Came through a unix socket.
    pub(crate) const UNIX: u8 = 16;
    /// Is being closed to save memory.
    pub(crate) const EVICTED: u8 = 32;
}

/// One client, as the whole server sees it.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) id: ClientId,
    /// The worker that serves it.
    pub(crate) worker: ShardId,
    /// Its place among that worker's connections.
    pub(crate) slot: usize,
    pub(crate) address: String,
    pub(crate) local_address: String,
    pub(crate) descriptor: i32,
    pub(crate) created_ms: i64,
    pub(crate) text: RankedMutex<{ rank::CLIENT_TEXT }, ClientText>,
    pub(crate) last_active_ms: AtomicI64,
    pub(crate) db: AtomicU16,
    pub(crate) resp: AtomicU8,
    pub(crate) flags: AtomicU8,
    /// Place of the last command in the table; `u32::MAX` before the first.
    pub(crate) last_command: AtomicU32,
    pub(crate) query_bytes: AtomicUsize,
    pub(crate) query_free_bytes: AtomicUsize,
    /// Bytes of the arguments of what it runs or waits for.
    pub(crate) argument_bytes: AtomicUsize,
    pub(crate) output_bytes: AtomicUsize,
    /// What of them is in buffers that are full, and how many those are.
    pub(crate) output_chunk_bytes: AtomicUsize,
    pub(crate) output_chunks: AtomicU32,
    /// Room of the buffer that replies are written to.
    pub(crate) reply_buffer_bytes: AtomicU32,
    /// Most bytes that waited to be sent at once in the last seconds.
    pub(crate) output_peak_bytes: AtomicUsize,
    /// Bytes allocated for it and its buffers.
    pub(crate) memory_bytes: AtomicUsize,
    /// Commands queued by MULTI; -1 outside a transaction.
    pub(crate) queued: AtomicI64,
    pub(crate) queued_bytes: AtomicUsize,
    /// Keys it watches.
    pub(crate) watched: AtomicUsize,
    /// Whether one of them has changed.
    pub(crate) watch: RankedMutex<{ rank::CLIENT_WATCH }, Option<Arc<Watch>>>,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
    pub(crate) commands: AtomicU64,
    /// Channels, patterns and shard channels it is subscribed to.
    pub(crate) subscriptions: [AtomicUsize; 3],
    /// Whether it waits for a time that CLIENT UNBLOCK may end; whoever clears it ends the wait.
    pub(crate) is_unblockable: AtomicBool,
    /// The operation by which it waits for keys.
    pub(crate) blocked: RankedMutex<{ rank::CLIENT_WAIT }, Option<Arc<Operation<ServerDriver>>>>,
}

impl Client {
    pub(crate) fn set_flag(&self, flag: u8, on: bool) {
        if on {
            self.flags.fetch_or(flag, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag, Ordering::Relaxed);
        }
    }

    /// Ends what it waits for on behalf of CLIENT UNBLOCK; `false` if it waits for nothing. Its worker is to be told.
    pub(crate) fn end_wait(&self) -> bool {
        let is_ended = self.blocked.lock().as_ref().is_some_and(|operation| operation.end_wait());
        is_ended || self.is_unblockable.swap(false, Ordering::AcqRel)
    }

    /// Whether it is subscribed to anything.
    pub(crate) fn is_subscriber(&self) -> bool {
        self.subscriptions.iter().any(|count| count.load(Ordering::Relaxed) > 0)
    }

    /// Whether a key that it watches has changed.
    pub(crate) fn has_failed_watch(&self) -> bool {
        self.watch.lock().as_ref().is_some_and(|watch| watch.is_dirty())
    }

    /// Number of keys it watches: none any more once one has changed.
    pub(crate) fn watched_keys(&self) -> usize {
        if self.has_failed_watch() { 0 } else { self.watched.load(Ordering::Relaxed) }
    }

    pub(crate) fn has_flag(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }
}

/// Adds to a counter that only the calling thread writes: a plain load and store, not a locked instruction.
#[inline]
pub(crate) fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

/// All clients connected.
#[derive(Debug, Default)]
pub(crate) struct Clients {
    by_id: RankedMutex<{ rank::CLIENTS }, BTreeMap<ClientId, Arc<Client>>>,
    next_id: AtomicU64,
    count: AtomicUsize,
}

impl Clients {
    /// A number for a new client.
    pub(crate) fn next_id(&self) -> ClientId {
        ClientId(self.next_id.fetch_add(1, Ordering::Relaxed) + 1)
    }

    /// Takes a place among at most `max`; `false` if there is none.
    pub(crate) fn reserve(&self, max: usize) -> bool {
        let taken = |count| (count < max).then_some(count + 1);
        self.count.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_ok()
    }

    /// Gives a place back that never became a client.
    pub(crate) fn release(&self) {
        self.count.fetch_sub(1, Ordering::Relaxed);
    }

    pub(crate) fn insert(&self, client: Arc<Client>) {
        self.by_id.lock().insert(client.id, client);
    }

    pub(crate) fn remove(&self, id: ClientId) -> bool {
        let was_there = self.by_id.lock().remove(&id).is_some();
        if was_there {
            self.release();
        }
        was_there
    }

    pub(crate) fn get(&self, id: ClientId) -> Option<Arc<Client>> {
        self.by_id.lock().get(&id).cloned()
    }

    /// All clients, oldest first.
    pub(crate) fn all(&self) -> Vec<Arc<Client>> {
        self.by_id.lock().values().cloned().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::flag;

    #[test]
    fn flags_are_distinct_bits() {
        let all = [flag::NO_EVICT, flag::NO_TOUCH, flag::BLOCKED, flag::CLOSING, flag::UNIX, flag::EVICTED];
        assert_eq!(all.iter().fold(0, |set, bit| set | bit).count_ones() as usize, all.len());
    }
}
