//! Records on their way into the file: how far a batch is, and when a write that failed is tried again.

use super::{Cut, Pending};

/// How long a write that failed waits for its first try again.
const RETRY_MS_MIN: u64 = 1000;
/// The longest it ever waits.
const RETRY_MS_MAX: u64 = 8000;

/// Records taken to be written.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) pending: Pending,
    /// The number of the last of them.
    pub(super) last: u64,
    /// How many of the bytes were written.
    pub(super) written: usize,
    /// How many of the segments were begun.
    pub(super) begun: usize,
}

impl Batch {
    /// The next segment to be begun.
    pub(super) fn next_cut(&self) -> Option<Cut> {
        self.pending.cuts.get(self.begun).copied()
    }

    /// Drops what is before a segment that is not begun yet: it counts by itself then. `false` if there is no such segment.
    pub(super) fn skip_to(&mut self, first: u64) -> bool {
        let is_skipped = self.pending.skip_to(first, self.begun);
        if is_skipped {
            (self.written, self.begun) = (0, 0);
        }
        is_skipped
    }
}

impl Pending {
    /// See [`Batch::skip_to`]; so many segments are begun.
    pub(super) fn skip_to(&mut self, first: u64, begun: usize) -> bool {
        let Some(index) = self.cuts.iter().position(|cut| cut.first == first) else { return false };
        if index < begun {
            return false;
        }
        self.cuts.drain(..index);
        let at = self.cuts.first().map_or(0, |cut| cut.at);
        self.bytes.drain(..at);
        for cut in &mut self.cuts {
            cut.at -= at;
        }
        if let Some(cut) = self.cuts.first_mut() {
            cut.after_failure = true;
        }
        true
    }
}

/// When a write that failed is tried again.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Retry {
    wait_ms: u64,
    at_ms: u64,
}

impl Retry {
    /// Notes that a try failed.
    pub(super) fn note_failed(&mut self, now_ms: u64) {
        self.wait_ms = (self.wait_ms * 2).clamp(RETRY_MS_MIN, RETRY_MS_MAX);
        self.at_ms = now_ms.saturating_add(self.wait_ms);
    }

    /// When the next try is due.
    pub(super) fn due_ms(self) -> u64 {
        self.at_ms
    }

    /// Whether it is; also if the clock went back.
    pub(super) fn is_due(self, now_ms: u64) -> bool {
        now_ms >= self.at_ms || now_ms.saturating_add(RETRY_MS_MAX) < self.at_ms
    }

    /// Has the next try made at once.
    pub(super) fn hurry(&mut self) {
        self.at_ms = 0;
    }
}
