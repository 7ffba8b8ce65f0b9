//! What every worker may know of a client: CLIENT LIST reads it, CLIENT KILL and UNBLOCK act on it.
//!
//! The worker that serves the client writes the numbers, at most once per batch of commands; others only read them.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, Ordering};

use kora_engine::front::{ClientId, Standing};
use kora_locks::{RankedMutex, rank};

use super::Shared;

/// What a client calls itself.
#[derive(Clone, Debug, Default)]
pub(crate) struct ClientText {
    pub(crate) name: Vec<u8>,
    /// The user that it is.
    pub(crate) user: Vec<u8>,
    pub(crate) lib_name: Vec<u8>,
    pub(crate) lib_version: Vec<u8>,
}

/// A client's flags, as bits of [`Client::flags`].
pub(crate) mod flag {
    /// CLIENT NO-EVICT ON.
    pub(crate) const NO_EVICT: u8 = 1;
    /// CLIENT NO-TOUCH ON.
    pub(crate) const NO_TOUCH: u8 = 2;
    /// Will be closed once its output is sent.
    pub(crate) const CLOSING: u8 = 8;
    /// Came through a unix socket.
    pub(crate) const UNIX: u8 = 16;
    /// MONITOR: is told of all commands.
    pub(crate) const MONITOR: u8 = 64;
    /// Is being closed to save memory.
    pub(crate) const EVICTED: u8 = 32;
    /// CLIENT CAPA REDIRECT.
    pub(crate) const TAKES_REDIRECTS: u8 = 4;
}

/// One client, as the whole server sees it.
// Many fields: CLIENT LIST shows as many, and each is written by itself.
#[derive(Debug)]
pub(crate) struct Client {
    pub(crate) standing: Standing<Shared>,
    pub(crate) address: String,
    pub(crate) local_address: String,
    pub(crate) descriptor: i32,
    pub(crate) created_ms: i64,
    pub(crate) text: RankedMutex<{ rank::CLIENT_TEXT }, ClientText>,
    pub(crate) last_active_ms: AtomicI64,
    pub(crate) db: AtomicU16,
    pub(crate) resp: AtomicU8,
    pub(crate) flags: AtomicU8,
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
    /// Bytes of these that others hold as well.
    pub(crate) shared_bytes: AtomicUsize,
    /// Commands queued by MULTI; -1 outside a transaction.
    pub(crate) queued: AtomicI64,
    pub(crate) queued_bytes: AtomicUsize,
    /// Keys it watches.
    pub(crate) watched: AtomicUsize,
    pub(crate) bytes_in: AtomicU64,
    pub(crate) bytes_out: AtomicU64,
}

impl Deref for Client {
    type Target = Standing<Shared>;

    fn deref(&self) -> &Standing<Shared> {
        &self.standing
    }
}

impl Client {
    pub(crate) fn set_flag(&self, flag: u8, on: bool) {
        if on {
            self.flags.fetch_or(flag, Ordering::Relaxed);
        } else {
            self.flags.fetch_and(!flag, Ordering::Relaxed);
        }
    }

    /// Number of keys it watches: none any more once one has changed.
    pub(crate) fn watched_keys(&self) -> usize {
        if self.has_failed_watch() { 0 } else { self.watched.load(Ordering::Relaxed) }
    }

    pub(crate) fn has_flag(&self, flag: u8) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }
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
        let all = [
            flag::NO_EVICT,
            flag::NO_TOUCH,
            flag::CLOSING,
            flag::UNIX,
            flag::MONITOR,
            flag::EVICTED,
            flag::TAKES_REDIRECTS,
        ];
        assert_eq!(all.iter().fold(0, |set, bit| set | bit).count_ones() as usize, all.len());
    }
}
