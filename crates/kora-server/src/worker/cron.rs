//! What a worker does by the clock: limits, counters.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_protocol::Limits;

use super::Worker;
use crate::config::limits::OutputLimit;
use crate::connection::{Connection, Wait};

/// Rounds of the cron between two looks at every connection.
const ROUNDS_PER_CLIENT_CHECK: u64 = 10;

/// Looks at every connection after which the peak of its output begins anew.
const CHECKS_PER_PEAK: u64 = 5;

impl Worker {
    pub(super) fn cron(&mut self) {
        let period = Duration::from_micros(1_000_000 / u64::from(self.config.hz.max(1)));
        self.next_cron = self.round_begun + period;
        self.cron_round += 1;
        self.publish_counters();
        self.measure_rates();
        self.accept_left_behind();
        self.begin_due();
        self.refuse_waiting();
        if self.cron_round.is_multiple_of(ROUNDS_PER_CLIENT_CHECK) {
            self.check_clients();
        }
    }

    fn measure_rates(&mut self) {
        let now = self.round_begun;
        let elapsed = now.duration_since(self.rates_since.0).as_secs_f64();
        if elapsed < 1.0 {
            return;
        }
        let counters = &self.shared.counters[self.shard.id().index()];
        let rates = &counters.rates;
        let rows = [
            (&counters.commands_processed, &rates.commands),
            (&counters.bytes_in, &rates.bytes_in),
            (&counters.bytes_out, &rates.bytes_out),
            (&counters.rounds, &rates.rounds),
            (&counters.round_ns, &rates.round_ns),
        ];
        for ((counter, rate), before) in rows.into_iter().zip(&mut self.rates_since.1) {
            let count = counter.load(Ordering::Relaxed);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                clippy::cast_precision_loss,
                reason = "a rate"
            )]
            let per_second = (count.saturating_sub(*before) as f64 / elapsed) as u64;
            rate.store(per_second, Ordering::Relaxed);
            *before = count;
        }
        counters.buffer_peaks.turn();
        self.rates_since.0 = now;
    }

    /// Takes up a changed configuration.
    pub(super) fn load_config(&mut self) {
        self.config_version = self.shared.config_version();
        self.config = self.shared.config();
        self.limits = Limits::new(self.config.max_bulk.0);
        self.apply_core_config();
        self.warn_of_limit();
    }

    /// Hands the shard its settings; while the store is lent, a later round does.
    fn apply_core_config(&mut self) {
        let mut core = self.config.core();
        if let Some(store) = self.shard.store() {
            core.active_expire = store.config().active_expire;
            store.set_config_of(self.config_version, core);
        } else {
            self.config_version = self.config_version.wrapping_sub(1);
        }
    }

    /// Closes connections that have been idle for too long, and gives memory of idle ones back.
    fn check_clients(&mut self) {
        let timeout_ms = i64::from(self.config.timeout_seconds) * 1000;
        let now = self.now;
        let mut expired = Vec::new();
        let forgets_peaks = (self.cron_round / ROUNDS_PER_CLIENT_CHECK).is_multiple_of(CHECKS_PER_PEAK);
        for connection in self.connections.iter_mut().flatten() {
            if forgets_peaks {
                connection.client.output_peak_bytes.store(connection.unsent_bytes(), Ordering::Relaxed);
            }
            let idle_ms = now.0 - connection.client.last_active_ms.load(Ordering::Relaxed);
            let is_waiting = !matches!(connection.wait, Wait::Nothing);
            if timeout_ms > 0 && idle_ms > timeout_ms && !is_waiting && !connection.is_subscriber() {
                expired.push(connection.client.slot);
            } else if idle_ms > 2000 && connection.input.is_empty() {
                connection.input = Vec::new();
            }
        }
        expired.into_iter().for_each(|slot| self.close(slot));
        let over: Vec<_> =
            (0..self.connections.len()).filter(|&slot| self.is_over_output_limit(slot)).collect();
        over.into_iter().for_each(|slot| self.close(slot));
    }

    /// What `client-output-buffer-limit` allows a connection.
    pub(super) fn output_limit(&self, connection: &Connection) -> OutputLimit {
        let limits = &self.config.output_limits;
        if connection.is_subscriber() { limits.pubsub } else { limits.normal }
    }

    /// Whether a connection has left more unread than `client-output-buffer-limit` allows.
    pub(super) fn is_over_output_limit(&mut self, slot: usize) -> bool {
        let now = self.now;
        let Some(Some(connection)) = self.connections.get(slot) else { return false };
        let limit = self.output_limit(connection);
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return false };
        let unsent = connection.unsent_bytes() as u64;
        if limit.soft_bytes == 0 || unsent <= limit.soft_bytes {
            connection.over_soft_limit_since = None;
        } else if connection.over_soft_limit_since.is_none() {
            connection.over_soft_limit_since = Some(now);
        }
        let is_soft = connection
            .over_soft_limit_since
            .is_some_and(|since| now.0 - since.0 > i64::from(limit.soft_seconds) * 1000);
        let is_hard = limit.hard_bytes > 0 && unsent > limit.hard_bytes || connection.output.is_overfull();
        if is_soft || is_hard {
            let client = Arc::clone(&connection.client);
            crate::client::add(&self.counters().output_limit_disconnections, 1);
            tracing::warn!(
                client = client.id.0,
                bytes = unsent,
                "output buffer limit reached: closing the connection"
            );
        }
        is_soft || is_hard
    }

    /// Shows this round's counts to the other workers.
    pub(super) fn publish_counters(&mut self) {
        let changes = self.shard.journal().changes();
        let counters = &self.shared.counters[self.shard.id().index()];
        counters.changes.store(changes, Ordering::Relaxed);
        counters.timed_waits.store(self.deadlines.len() as u64, Ordering::Relaxed);
        let Some(store) = self.shard.store() else { return };
        self.shared.reset_store(store);
        counters.show(store);
        self.shard.publish_usage();
        self.publish_evictable();
    }
}
