//! The books a worker keeps, and how it ends.

use std::time::{Duration, Instant};

use super::Worker;
use crate::client::add;

/// Longest time a worker spends on sending what is left when the server ends.
const LAST_SENDING_MAX: Duration = Duration::from_millis(500);

/// Longest time a worker goes on for the other workers' sake when the server ends.
const LAST_PARTS_MAX: Duration = Duration::from_secs(10);

impl Worker {
    /// Counts the commands executed since the last account. How long they took is noted where they ran: see [`super::meter`].
    pub(super) fn account(&mut self) {
        let count = self.executed.len() as u64;
        if count == 0 {
            return;
        }
        let counters = &self.shared.counters[self.shard.id().index()];
        for id in self.executed.drain(..) {
            add(&counters.commands[usize::from(id)].calls, 1);
        }
        add(&counters.commands_processed, count);
    }

    /// Counts a command whose reply is an error; `text` begins behind the `-`.
    #[cold]
    pub(super) fn count_failure(&mut self, id: u16, text: &[u8]) {
        add(&self.counters().commands[usize::from(id)].failed, 1);
        self.count_error_text(text);
    }

    /// Counts a command that was refused before it ran; `text` begins behind the `-`.
    #[cold]
    pub(super) fn count_rejection(&mut self, id: u16, text: &[u8]) {
        add(&self.counters().commands[usize::from(id)].rejected, 1);
        self.count_error_text(text);
    }

    /// Counts an error reply by its prefix.
    pub(super) fn count_error_text(&mut self, text: &[u8]) {
        let end = text.iter().position(|byte| b" \r\n".contains(byte)).unwrap_or(text.len());
        self.count_error(&String::from_utf8_lossy(&text[..end]));
    }

    pub(super) fn count_error(&mut self, prefix: &str) {
        self.counters().count_error(prefix, 1);
    }

    /// CONFIG RESETSTAT came through one of this worker's connections: what it did before counts no more, whatever other
    /// workers are doing.
    pub(super) fn reset_all_stats(&mut self) {
        self.shared.reset_stats();
        self.executed.clear();
        self.reset_stats();
    }

    /// The part of CONFIG RESETSTAT that is this worker's.
    pub(super) fn reset_stats(&mut self) {
        self.counters().reset();
        self.publish_counters();
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
        if self.shard.has_retired() {
            // What was not run before the last snapshot is not run any more.
            return true;
        }
        let is_idle = self.shard.park();
        self.shard.unpark();
        // Stores that are on their way here must be sent home.
        is_idle && self.driven_to_come == 0 && self.shard.store().is_some()
    }
}
