//! The books a worker keeps, and how it ends.

use std::time::{Duration, Instant};

use super::Worker;
use crate::client::add;
use crate::driver::WorkerMail;

/// Longest time a worker spends on sending what is left when the server ends.
const LAST_SENDING_MAX: Duration = Duration::from_millis(500);

/// Longest time a worker goes on for the other workers' sake when the server ends.
const LAST_PARTS_MAX: Duration = Duration::from_secs(10);

/// One account in so many is timed.
const ACCOUNTS_PER_TIMING: u32 = 16;

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
        self.counters().count_error(prefix, 1);
    }

    /// CONFIG RESETSTAT came through one of this worker's connections: what it did before counts no more, whatever other
    /// workers are doing.
    pub(super) fn reset_all_stats(&mut self) {
        self.shared.reset_stats();
        self.executed.clear();
        self.reset_stats();
        let here = self.shard.id();
        // A count that another worker was just adding to may have survived: it looks at it once more.
        for shard in self.shared.shards().filter(|shard| *shard != here) {
            self.shared.hub.send_driver_mail(shard, WorkerMail::ResetStats);
        }
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
        let is_idle = self.shard.park();
        self.shard.unpark();
        // Stores that are on their way here must be sent home.
        is_idle && self.driven_to_come == 0 && self.shard.store().is_some()
    }
}
