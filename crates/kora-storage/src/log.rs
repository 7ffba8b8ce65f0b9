//! Appending to the log: many workers append, one thread writes and syncs.
//!
//! [`Log`] is what workers share. An append takes a short lock for a number and a copy into memory; workers never
//! wait for the disk. [`LogWriter`] is driven by whoever owns it: a thread ([`spawn`]), or a simulation.
//!
//! After any failed write or sync the log is *failed*: what is appended gets numbers, and is dropped; nothing is
//! tried again, since what the system kept of the file is unknown. It is healed by a snapshot:
//! [`Log::restart_at_barrier`] begins a segment that counts only behind that snapshot, and
//! [`Log::base_is_durable`] says that it is there. Until then the old snapshot and its segments are what a restart
//! finds.

mod operations;
#[cfg(test)]
mod tests;
mod thread;
mod writer;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use parking_lot::{Condvar, Mutex, MutexGuard};

pub(crate) use operations::Operations;
pub use thread::{Body, LogThread, Threads, spawn};
pub use writer::{LogWriter, Outcome};

use crate::error::StorageError;
use crate::format::{RecordHeader, checksum};

/// No data waits to be synced.
const NEVER: u64 = u64::MAX;
/// How long data may stay unsynced under [`FsyncPolicy::EverySecond`] before writers have to wait.
pub const UNSYNCED_MS_MAX: u64 = 2000;

/// When what was written is synced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(u8)]
pub enum FsyncPolicy {
    /// Before anything is called covered.
    Always = 0,
    /// At most once a second.
    #[default]
    EverySecond = 1,
    /// When the system likes.
    No = 2,
}

impl FsyncPolicy {
    fn from_byte(byte: u8) -> Self {
        match byte {
            0 => Self::Always,
            1 => Self::EverySecond,
            _ => Self::No,
        }
    }
}

/// Whether the log takes what is appended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Health {
    /// It does.
    Healthy = 0,
    /// It drops what is appended.
    Failed = 1,
    /// It does again, but that counts only once the snapshot is durable that makes up for what was dropped.
    Recovering = 2,
}

/// Why the log failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// What was tried on which file, and what the system said.
    pub cause: String,
    /// The system's error number, if it gave one.
    pub errno: Option<i32>,
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        Self { errno: error.errno(), cause: error.to_string() }
    }
}

/// Told by the writer, outside of all locks.
pub trait Notify: Debug + Send + Sync {
    /// Every record up to this one is as durable as the policy asks, and belongs to the complete prefix.
    fn covered(&self, up_to: u64);

    /// The log failed.
    fn failed(&self, failure: &Failure);
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotify;

impl Notify for NoNotify {
    fn covered(&self, _up_to: u64) {}

    fn failed(&self, _failure: &Failure) {}
}

/// How a log is opened.
#[derive(Clone, Debug)]
pub struct LogOptions {
    /// When what was written is synced.
    pub policy: FsyncPolicy,
    /// A random number that clients don't know; see [`crate::format`].
    pub salt: u64,
    /// Whom the writer tells.
    pub notify: Arc<dyn Notify>,
}

/// A new segment begins at a byte of what is pending.
#[derive(Clone, Copy, Debug)]
struct Cut {
    at: usize,
    /// The number of its first record.
    first: u64,
    after_failure: bool,
}

/// Records that no writer has taken.
#[derive(Debug, Default)]
struct Pending {
    bytes: Vec<u8>,
    cuts: Vec<Cut>,
    /// When the first of them was appended.
    since_ms: Option<u64>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.cuts.is_empty()
    }

    fn clear(&mut self) {
        *self = Self::default();
    }
}

/// What the writing thread waits for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Waiting {
    /// Nothing: it is at work.
    #[default]
    Nothing,
    /// Anything pending.
    Any,
    /// A large amount, for a moment.
    Much,
}

#[derive(Debug)]
struct Inner {
    appended: u64,
    pending: Pending,
    operations: Operations,
    /// The first record of the newest segment, whether it is on disk yet or not.
    newest_segment: u64,
    failure: Option<Failure>,
    /// While recovering: the snapshot at this number or a later one heals the log.
    restart: Option<u64>,
    waiting: Waiting,
    closing: bool,
    /// The writer has something to do beside what is pending.
    must_step: bool,
    /// Bytes that the writer has taken.
    in_flight_bytes: u64,
}

/// The log of a directory, shared by all who append.
#[derive(Debug)]
pub struct Log {
    salt: u64,
    notify: Arc<dyn Notify>,
    inner: Mutex<Inner>,
    wake: Condvar,
    appended: AtomicU64,
    written: AtomicU64,
    durable: AtomicU64,
    covered: AtomicU64,
    /// The first record of the newest segment that is durable, name and header.
    segment: AtomicU64,
    segment_bytes: AtomicU64,
    pending_bytes: AtomicU64,
    oldest_unsynced_ms: AtomicU64,
    health: AtomicU8,
    policy: AtomicU8,
}

impl Log {
    /// Bytes pending at which a gathering writer is woken.
    const GATHERED_BYTES: usize = 1 << 20;

    fn new(next: u64, salt: u64, segment_bytes: u64, options: LogOptions) -> Self {
        let last = next - 1;
        Self {
            salt,
            notify: options.notify,
            inner: Mutex::new(Inner {
                appended: last,
                pending: Pending::default(),
                operations: Operations::default(),
                newest_segment: next,
                failure: None,
                restart: None,
                waiting: Waiting::Nothing,
                closing: false,
                must_step: false,
                in_flight_bytes: 0,
            }),
            wake: Condvar::new(),
            appended: AtomicU64::new(last),
            written: AtomicU64::new(last),
            durable: AtomicU64::new(last),
            covered: AtomicU64::new(last),
            segment: AtomicU64::new(next),
            segment_bytes: AtomicU64::new(segment_bytes),
            pending_bytes: AtomicU64::new(0),
            oldest_unsynced_ms: AtomicU64::new(NEVER),
            health: AtomicU8::new(Health::Healthy as u8),
            policy: AtomicU8::new(options.policy as u8),
        }
    }

    /// Appends a record and returns its number. `parts` are the operations of which it holds a part, each with the
    /// count of its parts, as the payload's items say too. `now_ms` is any clock's, the same for all calls.
    ///
    /// A failed log gives a number, and drops the record. A payload of 4 GiB or more makes the log fail.
    pub fn append(&self, payload: &[u8], parts: &[(u64, u16)], now_ms: u64) -> u64 {
        let Ok(length) = u32::try_from(payload.len()) else { return self.refuse() };
        let payload_checksum = checksum(self.salt, payload);
        let mut inner = self.inner.lock();
        inner.appended += 1;
        let sequence = inner.appended;
        self.appended.store(sequence, Ordering::Release);
        if self.health() == Health::Failed {
            return sequence;
        }
        let lag = sequence.saturating_sub(self.durable.load(Ordering::Acquire));
        let lag = u32::try_from(lag).unwrap_or(u32::MAX);
        let header = RecordHeader { length, lag, sequence, payload_checksum }.encode(self.salt);
        inner.pending.bytes.extend_from_slice(&header);
        inner.pending.bytes.extend_from_slice(payload);
        inner.pending.since_ms.get_or_insert(now_ms);
        for &(operation, parts) in parts {
            inner.operations.note(sequence, operation, parts);
        }
        self.count_pending(&inner);
        if self.oldest_unsynced_ms.load(Ordering::Relaxed) == NEVER {
            self.oldest_unsynced_ms.store(now_ms, Ordering::Release);
        }
        self.wake_writer(inner);
        sequence
    }

    /// A record that the format can't hold is lost, so the log has failed.
    fn refuse(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.appended += 1;
        let sequence = inner.appended;
        self.appended.store(sequence, Ordering::Release);
        if self.health() != Health::Failed {
            let cause = "a record of 4 GiB or more can't be written to the log".to_owned();
            self.fail(inner, Failure { cause, errno: None });
        }
        sequence
    }

    fn fail(&self, mut inner: MutexGuard<'_, Inner>, failure: Failure) {
        inner.pending.clear();
        inner.restart = None;
        inner.failure = Some(failure.clone());
        self.health.store(Health::Failed as u8, Ordering::Release);
        self.count_pending(&inner);
        self.oldest_unsynced_ms.store(NEVER, Ordering::Release);
        drop(inner);
        self.notify.failed(&failure);
    }

    fn count_pending(&self, inner: &Inner) {
        let count = inner.pending.bytes.len() as u64 + inner.in_flight_bytes;
        self.pending_bytes.store(count, Ordering::Relaxed);
    }

    fn wake_writer(&self, inner: MutexGuard<'_, Inner>) {
        let is_awaited = match inner.waiting {
            Waiting::Nothing => false,
            Waiting::Any => true,
            Waiting::Much => {
                inner.pending.bytes.len() >= Self::GATHERED_BYTES
                    || !inner.pending.cuts.is_empty()
                    || inner.closing
                    || inner.must_step
            }
        };
        drop(inner);
        if is_awaited {
            self.wake.notify_one();
        }
    }

    /// The number of the last record.
    #[must_use]
    pub fn appended(&self) -> u64 {
        self.appended.load(Ordering::Acquire)
    }

    /// Every record up to this one was handed to the system: the process may be killed.
    #[must_use]
    pub fn written(&self) -> u64 {
        self.written.load(Ordering::Acquire)
    }

    /// Every record up to this one was synced: the power may be cut. Those of operations that lack parts count.
    #[must_use]
    pub fn durable(&self) -> u64 {
        self.durable.load(Ordering::Acquire)
    }

    /// Every record up to this one is as durable as the policy asks, synced under [`FsyncPolicy::Always`] and
    /// written under the others, and belongs to the complete prefix. It never goes back.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.covered.load(Ordering::Acquire)
    }

    /// The first record of the newest segment that is on disk, durably.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment.load(Ordering::Acquire)
    }

    /// Bytes written to the segments begun since the log was opened, and to the one it was opened with.
    #[must_use]
    pub fn written_bytes(&self) -> u64 {
        self.segment_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of records in memory, not yet written.
    #[must_use]
    pub fn pending_bytes(&self) -> u64 {
        self.pending_bytes.load(Ordering::Relaxed)
    }

    /// Whether what is appended counts.
    #[must_use]
    pub fn health(&self) -> Health {
        match self.health.load(Ordering::Acquire) {
            0 => Health::Healthy,
            1 => Health::Failed,
            _ => Health::Recovering,
        }
    }

    /// Whether something failed that no snapshot has made up for yet.
    #[must_use]
    pub fn is_failed(&self) -> bool {
        self.health() != Health::Healthy
    }

    /// Why, if the log failed. It is kept until the log is healthy.
    #[must_use]
    pub fn failure(&self) -> Option<Failure> {
        self.inner.lock().failure.clone()
    }

    /// When what was written is synced.
    #[must_use]
    pub fn policy(&self) -> FsyncPolicy {
        FsyncPolicy::from_byte(self.policy.load(Ordering::Acquire))
    }

    /// Changes when what is written is synced.
    pub fn set_policy(&self, policy: FsyncPolicy) {
        let mut inner = self.inner.lock();
        self.policy.store(policy as u8, Ordering::Release);
        inner.must_step = true;
        self.wake_writer(inner);
    }

    /// Whether writes should wait: the policy is a sync each second, and data is older than two and not synced.
    #[must_use]
    pub fn must_wait(&self, now_ms: u64) -> bool {
        let oldest = self.oldest_unsynced_ms.load(Ordering::Acquire);
        oldest != NEVER
            && self.policy() == FsyncPolicy::EverySecond
            && now_ms.saturating_sub(oldest) > UNSYNCED_MS_MAX
    }

    /// Begins a new segment with the next record, whose number is returned. To be called at a barrier, when no
    /// operation lacks parts. A failed log only gives the number.
    pub fn rotate(&self) -> u64 {
        let inner = self.inner.lock();
        let first = inner.appended + 1;
        if self.health() == Health::Failed || inner.newest_segment == first {
            return first;
        }
        debug_assert!(!inner.operations.has_incomplete(), "not at a barrier");
        self.cut(inner, first, false);
        first
    }

    /// Begins, after a failure, a segment that counts only behind a snapshot of the state before the number
    /// returned. To be called at a barrier: the snapshot holds what is in memory then, whatever was dropped.
    ///
    /// If the log has not failed, this is [`Self::rotate`].
    pub fn restart_at_barrier(&self) -> u64 {
        let inner = self.inner.lock();
        if self.health() == Health::Healthy {
            drop(inner);
            return self.rotate();
        }
        self.restart(inner)
    }

    /// Begins a segment that counts only behind a snapshot of the state before the number returned, whether the log has
    /// failed or not: for a log that is begun while there are data already. To be called at a barrier.
    pub fn begin_behind_snapshot(&self) -> u64 {
        let inner = self.inner.lock();
        self.restart(inner)
    }

    fn restart(&self, mut inner: MutexGuard<'_, Inner>) -> u64 {
        // One number is left out, so that no file of an earlier try has the name.
        inner.appended += 1;
        self.appended.store(inner.appended, Ordering::Release);
        let first = inner.appended + 1;
        inner.operations.clear();
        inner.pending.clear();
        self.count_pending(&inner);
        self.oldest_unsynced_ms.store(NEVER, Ordering::Release);
        inner.restart = Some(first);
        self.health.store(Health::Recovering as u8, Ordering::Release);
        self.cut(inner, first, true);
        first
    }

    fn cut(&self, mut inner: MutexGuard<'_, Inner>, first: u64, after_failure: bool) {
        let at = inner.pending.bytes.len();
        inner.pending.cuts.push(Cut { at, first, after_failure });
        inner.newest_segment = first;
        self.wake_writer(inner);
    }

    /// Says that the snapshot of the state before a record is durable: what is in it is covered, and a log that was
    /// restarted at that number or before is healthy again.
    pub fn base_is_durable(&self, first: u64) {
        let mut inner = self.inner.lock();
        match inner.restart {
            Some(restart) if restart <= first && self.health() == Health::Recovering => {
                inner.restart = None;
                inner.failure = None;
                self.health.store(Health::Healthy as u8, Ordering::Release);
            }
            _ if self.health() != Health::Healthy => return,
            _ => {}
        }
        let has_moved = self.covered.fetch_max(first - 1, Ordering::AcqRel) < first - 1;
        // The writer makes known what it has written and synced behind the snapshot.
        inner.must_step = true;
        self.wake_writer(inner);
        if has_moved {
            self.notify.covered(first - 1);
        }
    }

    /// How far the log may call itself covered, by what was written and synced.
    fn coverable(&self, inner: &mut Inner) -> u64 {
        let end = match self.policy() {
            FsyncPolicy::Always => self.durable(),
            FsyncPolicy::EverySecond | FsyncPolicy::No => self.written(),
        };
        inner.operations.complete_prefix(end)
    }

    fn publish(&self, inner: MutexGuard<'_, Inner>, covered: u64) {
        let has_moved = self.covered.fetch_max(covered, Ordering::AcqRel) < covered;
        drop(inner);
        if has_moved {
            self.notify.covered(covered);
        }
    }

    fn is_closing(&self) -> bool {
        self.inner.lock().closing
    }
}
