//! How long stores were lent: away from their shards, with an operation on several of them or a command that has paused, while nothing else could
//! run there.
//!
//! A worker that has all shards of an operation in hand lends nothing, and neither does one that takes up another worker's shard. So the clock
//! is read only where stores wait for each other.

use std::sync::atomic::{AtomicU64, Ordering};

/// Of one shard, for everyone to read. Nanoseconds are those of the journals' clock.
#[derive(Debug, Default)]
pub struct LentTime {
    /// When the store left, if it is away; else 0.
    since_ns: AtomicU64,
    /// How long it was away until it last came home.
    total_ns: AtomicU64,
    count: AtomicU64,
}

impl LentTime {
    /// The store leaves, unless it is away: a command that was lent it has paused.
    pub(super) fn begin(&self, now_ns: u64) {
        if self.since_ns.load(Ordering::Relaxed) == 0 {
            self.since_ns.store(now_ns, Ordering::Relaxed);
            self.count.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The store is home.
    pub(super) fn end(&self, now_ns: u64) {
        let since_ns = self.since_ns.swap(0, Ordering::Relaxed);
        if since_ns > 0 {
            self.total_ns.fetch_add(now_ns.saturating_sub(since_ns), Ordering::Relaxed);
        }
    }

    /// How often it was lent.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// For how many nanoseconds in all, until now.
    #[must_use]
    pub fn nanoseconds(&self, now_ns: u64) -> u64 {
        let (since_ns, total_ns) =
            (self.since_ns.load(Ordering::Relaxed), self.total_ns.load(Ordering::Relaxed));
        if since_ns == 0 { total_ns } else { total_ns + now_ns.saturating_sub(since_ns) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_still_lent_counts() {
        let lent = LentTime::default();
        lent.end(3);
        assert_eq!((lent.count(), lent.nanoseconds(5)), (0, 0));
        lent.begin(10);
        lent.begin(12);
        assert_eq!((lent.count(), lent.nanoseconds(14)), (1, 4));
        lent.end(17);
        assert_eq!((lent.count(), lent.nanoseconds(50)), (1, 7));
    }
}
