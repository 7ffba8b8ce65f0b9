//! A server's account of memory: what is in use, what of it is as good as free, and what the server began with.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use kora_core::table::garbage::Garbage;

use super::exceeded::Exceeded;
use super::ledger;
use crate::metrics::{Measure, Metric, Section};

crate::metrics! {
    /// See the module.
    pub struct Account {
        doomed_objects: Gauge Sum Whole, Memory "lazyfree_pending_objects", kept, "Objects that wait to be freed";
        freed_objects: Counter Sum Whole, Memory "lazyfreed_objects", reset, "Objects that had to wait, and were freed";
    }
    besides {
        /// Of what is in use, what waits to be freed: as good as free.
        doomed: AtomicI64,
        /// Bundles of garbage that wait.
        doomed_bundles: AtomicUsize,
        /// Allocated when the server had started.
        startup_allocated: AtomicU64,
        /// For how long the limit has been exceeded.
        exceeded: Exceeded,
    }
}

impl Account {
    const DERIVED: &'static [Metric<Self>] = &[
        Metric::<Self>::gauge(
            Section::Memory,
            "used_memory_peak",
            "Most bytes that were ever in use",
            |account| account.peak().max(account.used()),
        )
        .measured_in(Measure::Bytes)
        .reset_by(|_| ledger::forget_peak()),
        Metric::<Self>::counter(
            Section::Stats,
            "total_eviction_exceeded_time",
            "Time for which the memory limit was exceeded",
            |account| account.exceeded.milliseconds().0,
        )
        .measured_in(Measure::Milliseconds)
        .reset_by(|account| account.exceeded.reset()),
        Metric::<Self>::gauge(
            Section::Stats,
            "current_eviction_exceeded_time",
            "Time since the memory limit was exceeded, while it is",
            |account| account.exceeded.milliseconds().1,
        )
        .measured_in(Measure::Milliseconds)
        .reset_by(|account| account.exceeded.reset()),
    ];

    /// All its metrics.
    pub const METRICS: [&'static [Metric<Self>]; 2] = [Self::CELLS, Self::DERIVED];

    /// An account that begins with what is allocated now.
    pub fn open() -> Self {
        Self { startup_allocated: AtomicU64::new(ledger::begin()), ..Self::default() }
    }

    /// The calling thread, which opened the account, has started the server: what it has allocated for that counts as
    /// there from the beginning.
    pub fn note_started(&self) {
        let more = ledger::untold();
        let startup = self.startup_bytes().cast_signed() + more;
        self.startup_allocated.store(startup.max(0).unsigned_abs(), Ordering::Relaxed);
        ledger::tell();
    }

    /// Allocated when the server had started.
    pub fn startup_bytes(&self) -> u64 {
        self.startup_allocated.load(Ordering::Relaxed)
    }

    /// Bytes in use, as far as threads have told.
    pub fn used(&self) -> u64 {
        ledger::used().max(0).unsigned_abs()
    }

    /// Most bytes that were ever in use, or since [`Account::forget_peak`].
    pub fn peak(&self) -> u64 {
        ledger::peak().max(0).unsigned_abs()
    }

    /// Whether something waits to be freed.
    pub fn has_doomed(&self) -> bool {
        self.doomed_bundles.load(Ordering::Relaxed) > 0
    }

    /// Bytes in use that will stay, as this thread knows it.
    #[inline]
    pub fn staying(&self) -> u64 {
        let untold = ledger::little_untold();
        self.staying_of(ledger::used() + untold)
    }

    /// What stays of so many bytes in use; garbage that was thought to be more than there is leaves nothing.
    #[inline]
    fn staying_of(&self, used: i64) -> u64 {
        (used - self.doomed.load(Ordering::Relaxed)).max(0).unsigned_abs()
    }

    /// A bundle waits to be freed.
    pub(crate) fn doom(&self, garbage: &Garbage) {
        self.doomed.fetch_add(doomed_bytes(garbage), Ordering::Relaxed);
        self.doomed_objects.fetch_add(garbage.objects() as u64, Ordering::Relaxed);
        self.doomed_bundles.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of what was doomed are gone.
    pub(crate) fn undoom(&self, bytes: i64) {
        self.doomed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A bundle is gone, which had so many objects.
    pub(crate) fn note_freed(&self, objects: u64) {
        self.doomed_objects.fetch_sub(objects, Ordering::Relaxed);
        self.freed_objects.fetch_add(objects, Ordering::Relaxed);
        self.doomed_bundles.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a bundle takes, about.
pub(crate) fn doomed_bytes(garbage: &Garbage) -> i64 {
    i64::try_from(garbage.bytes()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_waits_to_be_freed_does_not_count_against_the_limit() {
        let account = Account::open();
        account.undoom(-700);
        assert_eq!(account.staying_of(1000), 300);
        assert_eq!(account.staying_of(600), 0);
        account.undoom(700);
        assert_eq!(account.staying_of(600), 600);
    }
}
