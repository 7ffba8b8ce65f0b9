//! The books a worker keeps, and how it ends.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::Worker;
use crate::client::add;

/// Longest time a worker spends on sending what is left when the server ends.
const LAST_SENDING_MAX: Duration = Duration::from_millis(500);

/// Longest time a worker goes on for the other workers' sake when the server ends.
const LAST_PARTS_MAX: Duration = Duration::from_secs(10);

/// One account in so many is timed.
const ACCOUNTS_PER_TIMING: u32 = 16;

/// Distinct error prefixes counted; as in Redis, a limit against clients that make prefixes up.
const ERROR_PREFIXES_MAX: usize = 128;

impl Worker {
    /// The beginning of what an account will time: one in [`ACCOUNTS_PER_TIMING`], since reading the clock costs a
    /// fair part of what a short command does.
    #[inline]
    pub(super) fn begin_account(&mut self) -> Option<Instant> {
        self.untimed = self.untimed.checked_sub(1).unwrap_or(ACCOUNTS_PER_TIMING - 1);
        (self.untimed == 0).then(Instant::now)
    }

    /// Counts the commands executed since the last account. If it was timed, the time since `begun` is shared out
    /// among them, and stands for the accounts that were not.
    pub(super) fn account(&mut self, begun: Option<Instant>) {
        let count = self.executed.len() as u64;
        if count == 0 {
            return;
        }
        let elapsed = begun.map_or(Duration::ZERO, |begun| begun.elapsed() * ACCOUNTS_PER_TIMING);
        let each_ns = u64::try_from(elapsed.as_nanos()).unwrap_or(u64::MAX) / count;
        let counters = &self.shared.counters[self.shard.id().index()];
        for id in self.executed.drain(..) {
            let command = &counters.commands[usize::from(id)];
            add(&command.calls, 1);
            if each_ns > 0 {
                add(&command.nanoseconds, each_ns);
            }
        }
        add(&counters.commands_processed, count);
    }

    /// Counts a command whose reply is an error; `text` begins behind the `-`.
    #[cold]
    pub(super) fn count_failure(&mut self, id: u16, text: &[u8]) {
        add(&self.counters().commands[usize::from(id)].failed, 1);
        self.count_error_text(text);
    }

    /// Counts an error reply by its prefix.
    pub(super) fn count_error_text(&mut self, text: &[u8]) {
        let end = text.iter().position(|byte| b" \r\n".contains(byte)).unwrap_or(text.len());
        self.count_error(&String::from_utf8_lossy(&text[..end]));
    }

    pub(super) fn count_error(&mut self, prefix: &str) {
        let mut errors = self.counters().errors.lock();
        if let Some(count) = errors.get_mut(prefix) {
            *count += 1;
        } else if errors.len() < ERROR_PREFIXES_MAX {
            errors.insert(prefix.to_owned(), 1);
        }
    }

    /// CONFIG RESETSTAT.
    pub(super) fn reset_stats(&mut self) {
        if let Some(store) = self.shard.store() {
            store.reset_stats();
        }
        let counters = self.counters();
        for counter in [
            &counters.commands_processed,
            &counters.bytes_in,
            &counters.bytes_out,
            &counters.hits,
            &counters.misses,
            &counters.expired,
            &counters.expired_fields,
            &counters.evicted,
            &counters.evicted_clients,
            &counters.rounds,
            &counters.round_ns,
            &counters.reads,
            &counters.writes,
            &counters.output_limit_disconnections,
            &counters.query_limit_disconnections,
        ] {
            counter.store(0, Ordering::Relaxed);
        }
        for command in &counters.commands {
            command.latency.reset();
            for counter in [&command.calls, &command.nanoseconds, &command.rejected, &command.failed] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        counters.errors.lock().clear();
    }

    /// Runs and sends what is left, then closes all connections.
    pub(super) fn finish(mut self) {
        self.shared.note_finishing();
        let begun = Instant::now();
        loop {
            let may_settle = self.shared.are_all_finishing();
            self.read_mail();
            self.shard.hand_over();
            self.release();
            self.send_covered();
            let is_sent = self.connections.iter().flatten().all(|connection| connection.unsent_bytes() == 0);
            let is_sent = is_sent || begun.elapsed() >= LAST_SENDING_MAX;
            let is_settled = may_settle && self.is_settled() || begun.elapsed() >= LAST_PARTS_MAX;
            if is_sent && is_settled {
                return;
            }
            let mut ready = Vec::new();
            let pause = Duration::from_millis(if is_settled { 10 } else { 1 });
            if self.poller.wait(pause, &mut ready).is_err() {
                return;
            }
            for ready in ready.into_iter().filter(|ready| ready.is_writable) {
                self.note_ready(crate::net::Ready { is_readable: false, ..ready });
            }
        }
    }

    /// Whether this shard has run its part of every operation that was submitted. Where others have run theirs, the log is
    /// whole only with all parts: what was acknowledged behind it would be cut off otherwise.
    fn is_settled(&mut self) -> bool {
        if self.shared.persistence.loading.is_on() {
            // Nothing has run, and no store will come any more.
            return true;
        }
        let is_idle = self.shard.park();
        self.shard.unpark();
        is_idle && self.shard.store().is_some()
    }
}
