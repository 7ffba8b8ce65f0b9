//! How often something was done, and how long that took in all.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Tells the time, if there is one to tell.
pub type Clock = Option<fn() -> Instant>;

/// What one part did.
#[derive(Debug, Default)]
pub struct Tally {
    documents: AtomicU64,
    nanoseconds: AtomicU64,
}

impl Tally {
    /// It came to so many more documents.
    pub fn note(&self, documents: u64) {
        self.documents.fetch_add(documents, Ordering::Relaxed);
    }

    /// Does something, and adds the time that it takes.
    pub fn time<T>(&self, clock: Clock, body: impl FnOnce() -> T) -> T {
        let Some(clock) = clock else { return body() };
        let begun = clock();
        let result = body();
        let taken = clock().saturating_duration_since(begun);
        self.nanoseconds.fetch_add(u64::try_from(taken.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        result
    }

    /// Documents that it came to.
    #[must_use]
    pub fn documents(&self) -> u64 {
        self.documents.load(Ordering::Relaxed)
    }

    /// How long it took.
    #[must_use]
    pub fn taken(&self) -> Duration {
        Duration::from_nanos(self.nanoseconds.load(Ordering::Relaxed))
    }
}
