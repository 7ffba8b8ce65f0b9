//! How a worker ends.

use std::time::{Duration, Instant};

use super::Worker;
use crate::net::Ready;
use crate::net::links::LINK_TOKENS;

/// Longest time a worker spends on sending what is left when the server ends.
const LAST_SENDING_MAX: Duration = Duration::from_millis(500);

/// Longest time a worker goes on for the other workers' sake when the server ends.
const LAST_PARTS_MAX: Duration = Duration::from_secs(10);

impl Worker {
    /// Runs and sends what is left, then closes all connections.
    pub(super) fn finish(mut self) {
        self.shared.engine.ending.note_finishing();
        let begun = Instant::now();
        loop {
            let may_settle = self.shared.engine.ending.are_all_finishing();
            self.turn.wind_up();
            self.take_mail();
            for slot in self.turn.take_sendable() {
                self.send(slot);
            }
            let is_sent = self
                .turn
                .sessions
                .iter_mut()
                .all(|session| session.output.is_empty() && !session.link.transport.has_unsent());
            let is_sent = is_sent || begun.elapsed() >= LAST_SENDING_MAX;
            let is_settled = may_settle && self.turn.is_settled() || begun.elapsed() >= LAST_PARTS_MAX;
            if is_sent && is_settled {
                return;
            }
            let mut ready = Vec::new();
            let pause = Duration::from_millis(if is_settled { 10 } else { 1 });
            if self.poller.wait(pause, &mut ready).is_err() {
                return;
            }
            self.round_begun = Instant::now();
            for ready in ready {
                if ready.token >= LINK_TOKENS {
                    self.note_ready(ready);
                } else if ready.is_writable {
                    self.note_ready(Ready { is_readable: false, ..ready });
                }
            }
            self.run_links();
        }
    }
}
