//! Counters that one worker adds to and all may read.

use std::sync::atomic::{AtomicU64, Ordering};

/// Adds to a counter that only the calling thread writes: a plain load and store, not a locked instruction.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}
