//! How long what failed waits for its next try.

use std::time::{Duration, Instant};

/// The first wait.
const FIRST: Duration = Duration::from_secs(1);

/// A try that took long waits so many times as long for the next: at most a fifth of the time goes into failing.
const SHARE: u32 = 4;

/// Tries that failed one after the other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
    ended: Option<Instant>,
    took: Duration,
}

impl Backoff {
    /// A try has succeeded, or there is reason to try at once.
    pub(super) fn reset(&mut self) {
        *self = Self::default();
    }

    /// A try has failed.
    pub(super) fn note_failed(&mut self, took: Duration) {
        self.failures = self.failures.saturating_add(1);
        self.ended = Some(Instant::now());
        self.took = took;
    }

    /// How long it waits after the last failure: a second, then twice as long each time, up to `longest`.
    fn wait(&self, longest: Duration) -> Duration {
        let doublings = self.failures.saturating_sub(1).min(16);
        (FIRST * (1 << doublings)).min(longest).max(self.took * SHARE)
    }

    /// Whether it is time for the next try.
    pub(super) fn may_try(&self, longest: Duration) -> bool {
        self.ended.is_none_or(|ended| ended.elapsed() >= self.wait(longest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_follow_what_a_try_takes() {
        let longest = Duration::from_secs(16);
        let mut backoff = Backoff::default();
        assert!(backoff.may_try(longest));
        let mut waits = Vec::new();
        for _ in 0..7 {
            backoff.note_failed(Duration::ZERO);
            waits.push(backoff.wait(longest).as_secs());
        }
        assert_eq!(waits, [1, 2, 4, 8, 16, 16, 16]);
        assert!(!backoff.may_try(longest));
        backoff.note_failed(Duration::from_secs(60));
        assert_eq!(backoff.wait(longest).as_secs(), 240);
        backoff.reset();
        assert!(backoff.may_try(longest));
    }
}
