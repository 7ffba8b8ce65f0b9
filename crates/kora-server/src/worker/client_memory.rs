//! `maxmemory-clients`: connections that take most memory are closed before all of them take too much.
//!
//! Each worker keeps the sum of its connections' memory. When the sums together exceed the limit, whoever notices picks
//! the largest connections of the process and has their workers close them. CLIENT NO-EVICT exempts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use super::Worker;
use crate::shared::client::{Client, flag};
use crate::shared::connection::{Session, memory_bytes};
use crate::shared::mail::WorkerMail;
use crate::traffic::Traffic;
use kora_engine::counters::add;
use kora_engine::front::Mail;

/// Brings a connection's memory up to date, and the sum of its worker.
#[inline]
pub(crate) fn note_memory(session: &Session, traffic: &Traffic) {
    if note_change(&session.client.memory_bytes, memory_bytes(session), &traffic.client_bytes) {
        traffic.buffer_peaks.note_input(session.link.input.capacity() + session.queued_bytes());
        traffic.buffer_peaks.note_output(session.output.allocated_bytes());
    }
    note_change(&session.client.shared_bytes, session.output.shared_bytes(), &traffic.shared_bytes);
}

/// Brings a connection's figure up to date, and the sum of its worker; whether it is another than before.
#[inline]
fn note_change(known: &AtomicUsize, bytes: usize, sum: &AtomicU64) -> bool {
    let before = known.load(Ordering::Relaxed);
    if bytes != before {
        known.store(bytes, Ordering::Relaxed);
        add(sum, (bytes as u64).wrapping_sub(before as u64));
    }
    bytes != before
}

impl Worker {
    /// Takes a connection that ends off the sums.
    pub(super) fn forget_memory(&self, session: &Session) {
        note_change(&session.client.memory_bytes, 0, &self.traffic().client_bytes);
        note_change(&session.client.shared_bytes, 0, &self.traffic().shared_bytes);
    }

    /// Has the largest connections closed if all together take too much.
    #[inline]
    pub(super) fn spare_clients(&mut self) {
        let limit = self.config.clients_bytes_max();
        if limit > 0 && self.shared.sum(|traffic| &traffic.client_bytes) > limit {
            self.evict_clients(limit);
        }
    }

    #[cold]
    fn evict_clients(&mut self, limit: u64) {
        let size = |client: &Arc<Client>| client.memory_bytes.load(Ordering::Relaxed) as u64;
        let mut clients = self.shared.clients.all();
        clients.retain(|client| !client.has_flag(flag::EVICTED));
        clients.sort_unstable_by_key(|client| std::cmp::Reverse(size(client)));
        let mut total: u64 = clients.iter().map(size).sum();
        for client in clients.iter().filter(|client| !client.has_flag(flag::NO_EVICT)) {
            if total <= limit {
                break;
            }
            total -= size(client).min(total);
            client.set_flag(flag::EVICTED, true);
            let mail = Mail::Front(WorkerMail::Evict(Arc::clone(client)));
            self.shared.engine.hub.send_driver_mail(client.worker(), mail);
        }
    }

    /// Closes a connection of this worker to save memory.
    pub(super) fn evict_client(&mut self, client: Arc<Client>) {
        let origin = client.origin();
        let Some(session) = self.turn.sessions.of(origin) else {
            return self.forward(client, WorkerMail::Evict);
        };
        tracing::info!(
            client = origin.client.0,
            bytes = memory_bytes(session),
            "closing the connection from {}: clients take more than maxmemory-clients",
            session.client.address
        );
        add(&self.traffic().evicted_clients, 1);
        self.close(origin.slot);
    }
}
