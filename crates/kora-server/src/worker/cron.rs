//! What a worker does by the clock: limits of connections, rates.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use kora_core::slot::WorkerId;
use kora_engine::counters::add;
use kora_engine::session::Wait;

use super::Worker;
use crate::config::limits::{OutputLimit, OutputLimits};
use crate::shared::connection::Session;

/// Time between two looks at every connection.
const CLIENT_CHECK_PERIOD: Duration = Duration::from_secs(1);

/// A worker that nothing has come to for so long rests: an idle server hardly wakes up.
const REST_AFTER: Duration = Duration::from_secs(1);

/// The cron's period meanwhile, if `hz` asks for no longer one.
const REST_PERIOD: Duration = Duration::from_millis(500);

/// The same of the worker that begins snapshots.
const REST_PERIOD_OF_FIRST: Duration = Duration::from_millis(250);

/// Looks at every connection after which the peak of its output begins anew.
const CHECKS_PER_PEAK: u64 = 5;

/// What a client may leave unread before it is authenticated, as in Redis: a buffer, and 1 KiB behind it.
const UNAUTHENTICATED_OUTPUT_BYTES_MAX: u64 = 17 * 1024;

/// When a worker's next round of these things is due.
#[derive(Debug)]
pub(super) struct Cron {
    next: Instant,
    next_client_check: Instant,
    client_checks: u64,
    /// When rates were last measured, and the counts then.
    rates_since: (Instant, [u64; 5]),
}

impl Cron {
    pub(super) fn new() -> Self {
        let now = Instant::now();
        Self { next: now, next_client_check: now, client_checks: 0, rates_since: (now, [0; 5]) }
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        now >= self.next
    }

    pub(super) fn until_next(&self, now: Instant) -> Duration {
        self.next.saturating_duration_since(now)
    }
}

impl Worker {
    pub(super) fn run_cron(&mut self) {
        self.cron.next = self.round_begun + self.cron_period();
        self.turn.publish_counters();
        self.measure_rates();
        self.accept_left_behind();
        self.drop_slow_handshakes();
        self.turn.begin_due();
        self.turn.rest_scripts();
        self.turn.refuse_waiting();
        if self.round_begun >= self.cron.next_client_check {
            self.cron.next_client_check = self.round_begun + CLIENT_CHECK_PERIOD;
            self.cron.client_checks += 1;
            self.check_clients();
            self.turn.buffers.give_back_unused();
        }
    }

    fn cron_period(&self) -> Duration {
        let period = Duration::from_micros(1_000_000 / u64::from(self.config.hz.max(1)));
        let rests = self.turn.has_rested(REST_AFTER) && !self.shared.engine.scripts.is_busy();
        match rests {
            false => period,
            true if self.turn.id() == WorkerId(0) => period.max(REST_PERIOD_OF_FIRST),
            true => period.max(REST_PERIOD),
        }
    }

    fn measure_rates(&mut self) {
        let now = self.round_begun;
        let elapsed = now.duration_since(self.cron.rates_since.0).as_secs_f64();
        if elapsed < 1.0 {
            return;
        }
        let here = self.turn.id();
        let (counters, traffic) = (self.shared.engine.counters.of(here), &self.shared.traffic[here.index()]);
        let rows = [
            (&counters.commands_processed, &counters.commands_per_second),
            (&traffic.bytes_in, &traffic.bytes_in_per_second),
            (&traffic.bytes_out, &traffic.bytes_out_per_second),
            (&traffic.rounds, &traffic.rounds_per_second),
            (&traffic.round_ns, &traffic.round_ns_per_second),
        ];
        for ((counter, rate), before) in rows.into_iter().zip(&mut self.cron.rates_since.1) {
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
        traffic.buffer_peaks.turn();
        self.cron.rates_since.0 = now;
    }

    /// Closes connections that have been idle for too long, and gives memory of idle ones back.
    fn check_clients(&mut self) {
        let timeout_ms = i64::from(self.config.timeout_seconds) * 1000;
        let now = self.turn.now();
        let mut expired = Vec::new();
        let forgets_peaks = self.cron.client_checks.is_multiple_of(CHECKS_PER_PEAK);
        for session in self.turn.sessions.iter_mut() {
            if forgets_peaks {
                session.client.output_peak_bytes.store(session.output.len(), Ordering::Relaxed);
            }
            let idle_ms = now.0 - session.client.last_active_ms.load(Ordering::Relaxed);
            let is_waiting = !matches!(session.wait, Wait::Nothing);
            if timeout_ms > 0 && idle_ms > timeout_ms && !is_waiting && !session.is_subscriber() {
                expired.push(session.client.slot());
            } else if idle_ms > 2000 && session.link.input.is_empty() {
                session.link.input = Vec::new();
            }
        }
        expired.into_iter().for_each(|slot| self.close(slot));
        let over: Vec<_> =
            (0..self.turn.sessions.slot_count()).filter(|&slot| self.is_over_output_limit(slot)).collect();
        over.into_iter().for_each(|slot| self.close(slot));
    }

    /// What a session may leave unread: what `client-output-buffer-limit` allows, and little before it is authenticated.
    pub(super) fn output_limit(&self, session: &Session) -> OutputLimit {
        limit_of(session, &self.config.output_limits)
    }

    /// Whether a session has left more unread than it may.
    pub(super) fn is_over_output_limit(&mut self, slot: usize) -> bool {
        let now = self.turn.now();
        let Some(session) = self.turn.sessions.get_mut(slot) else { return false };
        let limit = limit_of(session, &self.config.output_limits);
        let unsent = session.output.len() as u64;
        if limit.soft_bytes == 0 || unsent <= limit.soft_bytes {
            session.link.over_soft_limit_since = None;
        } else if session.link.over_soft_limit_since.is_none() {
            session.link.over_soft_limit_since = Some(now);
        }
        let is_soft = session
            .link
            .over_soft_limit_since
            .is_some_and(|since| now.0 - since.0 > i64::from(limit.soft_seconds) * 1000);
        let is_hard = limit.hard_bytes > 0 && unsent > limit.hard_bytes || session.output.is_overfull();
        if is_soft || is_hard {
            let client = session.client.id;
            add(&self.traffic().output_limit_disconnections, 1);
            tracing::warn!(
                client = client.0,
                bytes = unsent,
                "output buffer limit reached: closing the connection"
            );
        }
        is_soft || is_hard
    }
}

fn limit_of(session: &Session, limits: &OutputLimits) -> OutputLimit {
    if session.identity.is_stranger() {
        OutputLimit { hard_bytes: UNAUTHENTICATED_OUTPUT_BYTES_MAX, ..OutputLimit::default() }
    } else if session.is_subscriber() {
        limits.pubsub
    } else {
        limits.normal
    }
}
