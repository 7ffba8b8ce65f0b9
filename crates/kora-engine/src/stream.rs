//! The stream of effects: what all shards record, as one sequence, and those who follow it.
//!
//! A shard's journal encodes what its commands did in a round once, as a record ([`kora_stream::record`]), and publishes it here.
//! Followers take the records, all in the same order: the log on disk is one of them. Each has its own health: one that can't keep
//! what it takes drops it and says so itself, and the others go on. Shards record while anybody follows.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kora_locks::{RankedMutex, RankedRwLock, rank};
use kora_storage::log::Log;
use kora_stream::record::RecordBuilder;

/// Follows the stream.
pub trait Follower: fmt::Debug + Send + Sync {
    /// Takes the next record, on the thread of the worker that recorded it, which must not be made to wait: no I/O, no lock that is
    /// held across any. `now_ms` is the clock of the log.
    ///
    /// While there is only one follower, workers may call at once: the order in which it takes records, under a lock of its own,
    /// is the order of the stream.
    fn take(&self, record: &RecordBuilder, now_ms: u64);
}

/// The log on disk.
impl Follower for Log {
    fn take(&self, record: &RecordBuilder, now_ms: u64) {
        self.append(record.bytes(), record.parts(), now_ms);
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Stream {
    /// Whether anybody follows; shared with the journals of all shards.
    recording: Arc<AtomicBool>,
    followers: RankedRwLock<{ rank::STREAM }, Vec<Arc<dyn Follower>>>,
    /// Held while several followers take a record: so that all take them in one order.
    order: RankedMutex<{ rank::STREAM_ORDER }, ()>,
}

impl Stream {
    /// Whether shards record: for their journals.
    pub(crate) fn recording(&self) -> &Arc<AtomicBool> {
        &self.recording
    }

    /// Whether anybody follows.
    #[inline]
    #[must_use]
    pub fn is_followed(&self) -> bool {
        self.recording.load(Ordering::Acquire)
    }

    /// Has `follower` take every record from now on. What it takes is whole from its first record only where no operation is
    /// under way: at an instant that has all stores in hand, or before the workers start. Elsewhere the order stamps say what
    /// belongs to an operation whose other parts are missing.
    pub fn follow(&self, follower: Arc<dyn Follower>) {
        let mut followers = self.followers.write();
        followers.push(follower);
        self.recording.store(true, Ordering::Release);
    }

    /// Has `follower` take nothing any more; when this returns it is given nothing.
    pub fn leave(&self, follower: &Arc<impl Follower + ?Sized>) {
        let mut followers = self.followers.write();
        followers.retain(|known| !std::ptr::addr_eq(Arc::as_ptr(known), Arc::as_ptr(follower)));
        self.recording.store(!followers.is_empty(), Ordering::Release);
    }

    /// Gives the next record to all followers.
    pub(crate) fn publish(&self, record: &RecordBuilder, now_ms: u64) {
        let followers = self.followers.read();
        match &followers[..] {
            [] => {}
            [follower] => follower.take(record, now_ms),
            followers => {
                let _order = self.order.lock();
                followers.iter().for_each(|follower| follower.take(record, now_ms));
            }
        }
    }

    /// Gives nobody anything any more: whoever would publish waits for ever. Only for a process that can't go on. Whether that
    /// could be brought about within `longest`; a panic may have left the lock taken.
    pub(crate) fn stop_for_good(&self, longest: Duration) -> bool {
        let followers = self.followers.try_write_for(longest);
        let is_stopped = followers.is_some();
        std::mem::forget(followers);
        is_stopped
    }
}

#[cfg(test)]
mod tests;
