//! A server's account of memory: what is in use, what of it is as good as free, and what the server began with.

use std::sync::atomic::{AtomicI64, AtomicU64, AtomicUsize, Ordering};

use kora_core::table::garbage::Garbage;

use super::exceeded::Exceeded;
use super::ledger;

/// See the module.
#[derive(Debug)]
pub struct Account {
    /// Of what is in use, what waits to be freed: as good as free.
    doomed: AtomicI64,
    /// Bundles of garbage that wait.
    doomed_bundles: AtomicUsize,
    /// Objects in them.
    doomed_objects: AtomicU64,
    freed_objects: AtomicU64,
    /// Allocated when the server had started.
    startup_bytes: AtomicU64,
    exceeded: Exceeded,
}

impl Account {
    /// An account that begins with what is allocated now.
    pub fn open() -> Self {
        let allocated = ledger::begin();
        Self {
            doomed: AtomicI64::new(0),
            doomed_bundles: AtomicUsize::new(0),
            doomed_objects: AtomicU64::new(0),
            freed_objects: AtomicU64::new(0),
            startup_bytes: AtomicU64::new(allocated),
            exceeded: Exceeded::default(),
        }
    }

    /// The calling thread, which opened the account, has started the server: what it has allocated for that counts as
    /// there from the beginning.
    pub fn note_started(&self) {
        let more = ledger::untold();
        let startup = self.startup_bytes().cast_signed() + more;
        self.startup_bytes.store(startup.max(0).unsigned_abs(), Ordering::Relaxed);
        ledger::tell();
    }

    /// Allocated when the server had started.
    pub fn startup_bytes(&self) -> u64 {
        self.startup_bytes.load(Ordering::Relaxed)
    }

    /// Bytes in use, as far as threads have told.
    pub fn used(&self) -> u64 {
        ledger::used().max(0).unsigned_abs()
    }

    /// Most bytes that were ever in use, or since [`Account::forget_peak`].
    pub fn peak(&self) -> u64 {
        ledger::peak().max(0).unsigned_abs()
    }

    /// Starts the counts anew, as CONFIG RESETSTAT does.
    pub fn reset(&self) {
        ledger::forget_peak();
        self.freed_objects.store(0, Ordering::Relaxed);
        self.exceeded.reset();
    }

    /// Whether something waits to be freed.
    pub fn has_doomed(&self) -> bool {
        self.doomed_bundles.load(Ordering::Relaxed) > 0
    }

    /// Objects that wait to be freed.
    pub fn doomed_objects(&self) -> u64 {
        self.doomed_objects.load(Ordering::Relaxed)
    }

    /// Objects that had to wait, and were freed.
    pub fn freed_objects(&self) -> u64 {
        self.freed_objects.load(Ordering::Relaxed)
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

    /// For how long the limit has been exceeded.
    pub fn exceeded(&self) -> &Exceeded {
        &self.exceeded
    }

    /// A bundle waits to be freed.
    pub(super) fn doom(&self, garbage: &Garbage) {
        self.doomed.fetch_add(doomed_bytes(garbage), Ordering::Relaxed);
        self.doomed_objects.fetch_add(garbage.objects() as u64, Ordering::Relaxed);
        self.doomed_bundles.fetch_add(1, Ordering::Relaxed);
    }

    /// So many bytes of what was doomed are gone.
    pub(super) fn undoom(&self, bytes: i64) {
        self.doomed.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// A bundle is gone, which had so many objects.
    pub(super) fn note_freed(&self, objects: u64) {
        self.doomed_objects.fetch_sub(objects, Ordering::Relaxed);
        self.freed_objects.fetch_add(objects, Ordering::Relaxed);
        self.doomed_bundles.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a bundle takes, about.
pub(super) fn doomed_bytes(garbage: &Garbage) -> i64 {
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
