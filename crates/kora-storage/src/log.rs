//! Appending to the log: many workers append, one thread writes and syncs.
//!
//! [`Log`] is what workers share. An append takes a short lock for a number and a copy into memory; workers never
//! wait for the disk. [`LogWriter`] is driven by whoever owns it: a thread ([`spawn`]), or a simulation.
//!
//! After a failed *write* the log is *stalled*: what was not written stays in memory, and is tried again at growing
//! intervals. After a failed *sync* it is *failed*: what the system kept of the file is unknown, so nothing is tried again,
//! and what is appended gets numbers and is dropped. It is healed by a snapshot: [`Log::restart_at_barrier`] begins a segment
//! that counts only behind that snapshot, stays in memory until it is there, and is written when [`Log::base_is_durable`]
//! says so. Until then the old snapshot and its segments are what a restart finds.

mod backlog;
mod health;
mod number;
mod syncing;
#[cfg(test)]
mod tests;
mod thread;
mod trace;
mod writer;

use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::time::Duration;

use kora_locks::{RankedCondvar, RankedMutex, RankedMutexGuard, rank};
use kora_stream::order::{Cut as OrderCut, Operations};
use kora_stream::record::{Part, begin_life};

pub use health::{Failure, Health};
pub use number::unused_number;
pub use syncing::{SyncDone, SyncJob};
pub use thread::{Body, LogThread, Started, spawn};
pub use writer::{LogWriter, Outcome};

use crate::format::{RecordHeader, checksum};
use thread::SyncDesk;

/// Bytes of records kept in memory while they can't be written. Clients' writes are refused then, so there are few; with more
/// the log fails.
const KEPT_BYTES_MAX: usize = 64 << 20;
/// Bytes of records that the disk may be behind before writers have to wait.
const PENDING_BYTES_MAX: u64 = 32 << 20;
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

/// Told by the writer, outside of all locks.
pub trait Notify: Debug + Send + Sync {
    /// Every record up to this one is as durable as the policy asks, and all of it counts. Told, too, when more
    /// became durable.
    fn covered(&self, up_to: u64);

    /// The log can't be written.
    fn failed(&self, failure: &Failure);

    /// It can be written again.
    fn recovered(&self);

    /// The calling thread has freed memory of the log's buffers. [`Log::buffer_bytes`] leaves it out after this.
    fn freed(&self);

    /// Its threads have done something, and it took so long.
    fn took(&self, _work: Work, _time: Duration) {}
}

/// What the threads of a log do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// Records were written.
    Write,
    /// Records were written and synced.
    WriteAndSync,
    /// A sync was run by the thread for that.
    Sync,
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoNotify;

impl Notify for NoNotify {
    fn covered(&self, _up_to: u64) {}

    fn failed(&self, _failure: &Failure) {}

    fn recovered(&self) {}

    fn freed(&self) {}
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
    /// Whether it counts only once the snapshot of the state before its first record is durable: for a log that is begun
    /// while there are data already.
    pub is_behind_snapshot: bool,
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
    /// The same, of those that the writer knows of.
    taken_segment: u64,
    failure: Option<Failure>,
    /// A failure that nobody was told of.
    untold: Option<Failure>,
    /// The log counts once the snapshot at this number or a later one is durable.
    restart: Option<u64>,
    /// Until then its records stay in memory.
    is_held: bool,
    /// What is before this record is not to be written any more: a durable snapshot has it.
    skip_to: Option<u64>,
    waiting: Waiting,
    closing: bool,
    /// What was written is of no use: the log's first snapshot failed.
    is_abandoned: bool,
    /// The writer has something to do beside what is pending.
    must_step: bool,
    /// Between the thread that writes and the one that syncs.
    desk: SyncDesk,
    /// Bytes that the writer has taken, and the memory for them.
    in_flight_bytes: u64,
    in_flight_room: u64,
}

impl Inner {
    /// Bytes allocated for records.
    fn room(&self) -> u64 {
        self.pending.bytes.capacity() as u64 + self.in_flight_room
    }
}

/// What is shared, locked.
type Locked<'a> = RankedMutexGuard<'a, { rank::LOG }, Inner>;

/// The log of a directory, shared by all who append.
#[derive(Debug)]
pub struct Log {
    salt: u64,
    notify: Arc<dyn Notify>,
    inner: RankedMutex<{ rank::LOG }, Inner>,
    wake: RankedCondvar,
    /// Wakes the thread that syncs.
    wake_sync: RankedCondvar,
    appended: AtomicU64,
    written: AtomicU64,
    durable: AtomicU64,
    covered: AtomicU64,
    /// The first record of the newest segment that is durable, name and header.
    segment: AtomicU64,
    segment_bytes: AtomicU64,
    pending_bytes: AtomicU64,
    buffer_bytes: AtomicU64,
    oldest_unsynced_ms: AtomicU64,
    health: AtomicU8,
    policy: AtomicU8,
}

impl Log {
    /// Bytes pending at which a gathering writer is woken.
    const GATHERED_BYTES: usize = 1 << 20;

    fn new(next: u64, salt: u64, segment_bytes: u64, options: LogOptions) -> Self {
        let last = next - 1;
        let health = if options.is_behind_snapshot { Health::Recovering } else { Health::Healthy };
        Self {
            salt,
            notify: options.notify,
            inner: RankedMutex::new(Inner {
                appended: last,
                pending: Pending::default(),
                operations: Operations::default(),
                newest_segment: next,
                taken_segment: next,
                failure: None,
                untold: None,
                restart: options.is_behind_snapshot.then_some(next),
                is_held: false,
                skip_to: None,
                waiting: Waiting::Nothing,
                closing: false,
                is_abandoned: false,
                must_step: false,
                desk: SyncDesk::default(),
                in_flight_bytes: 0,
                in_flight_room: 0,
            }),
            wake: RankedCondvar::new(),
            wake_sync: RankedCondvar::new(),
            appended: AtomicU64::new(last),
            written: AtomicU64::new(last),
            durable: AtomicU64::new(last),
            // What is before it is not this log's.
            covered: AtomicU64::new(if options.is_behind_snapshot { 0 } else { last }),
            segment: AtomicU64::new(next),
            segment_bytes: AtomicU64::new(segment_bytes),
            pending_bytes: AtomicU64::new(0),
            buffer_bytes: AtomicU64::new(0),
            oldest_unsynced_ms: AtomicU64::new(NEVER),
            health: AtomicU8::new(health as u8),
            policy: AtomicU8::new(options.policy as u8),
        }
    }

    /// Says what of the life before counts, as a record. It must be the first that a process appends to a log that it found.
    pub fn begin_life(&self, cut: &OrderCut, now_ms: u64) -> u64 {
        self.append(&begin_life(cut), &[], now_ms)
    }

    /// Appends a record and returns its number. `parts` are the operations of which it holds a part, as the payload says too.
    /// `now_ms` is any clock's, the same for all calls.
    ///
    /// A failed log gives a number, and drops the record. A payload of 4 GiB or more makes the log fail.
    pub fn append(&self, payload: &[u8], parts: &[Part], now_ms: u64) -> u64 {
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
        self.make_room(&mut inner, header.len() + payload.len());
        inner.pending.bytes.extend_from_slice(&header);
        inner.pending.bytes.extend_from_slice(payload);
        inner.pending.since_ms.get_or_insert(now_ms);
        for part in parts {
            inner.operations.note(sequence, part.ticket, part.count);
        }
        self.count_pending(&inner);
        if self.oldest_unsynced_ms.load(Ordering::Relaxed) == NEVER {
            self.oldest_unsynced_ms.store(now_ms, Ordering::Release);
        }
        if inner.pending.bytes.len() > KEPT_BYTES_MAX && (inner.is_held || self.health() == Health::Stalled) {
            self.lose(inner, "too much waits to be written to the log");
        } else {
            self.wake_writer(inner);
        }
        sequence
    }

    /// A record that the format can't hold is lost, so the log has failed.
    fn refuse(&self) -> u64 {
        let mut inner = self.inner.lock();
        inner.appended += 1;
        let sequence = inner.appended;
        self.appended.store(sequence, Ordering::Release);
        if self.health() != Health::Failed {
            self.lose(inner, "a record of 4 GiB or more can't be written to the log");
        }
        sequence
    }

    /// Makes room in the buffer. While it is copied there are two, and others look at how much memory is in use.
    fn make_room(&self, inner: &mut Inner, more: usize) {
        let (length, old) = (inner.pending.bytes.len(), inner.pending.bytes.capacity());
        if old - length < more {
            let new = (2 * old).max(length + more);
            self.buffer_bytes.fetch_max(inner.room() + new as u64, Ordering::Relaxed);
            inner.pending.bytes.reserve_exact(new - length);
            self.notify.freed();
        }
    }

    fn count_pending(&self, inner: &Inner) {
        let count = inner.pending.bytes.len() as u64 + inner.in_flight_bytes;
        self.pending_bytes.store(count, Ordering::Relaxed);
        self.buffer_bytes.store(inner.room(), Ordering::Relaxed);
    }

    fn wake_writer(&self, inner: Locked<'_>) {
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
    /// written under the others, and all of it counts, whatever follows. It never goes back.
    #[must_use]
    pub fn covered(&self) -> u64 {
        self.covered.load(Ordering::Acquire)
    }

    /// The first record of the newest segment that is on disk, durably.
    #[must_use]
    pub fn segment(&self) -> u64 {
        self.segment.load(Ordering::Acquire)
    }

    /// The first segment that must stay although a snapshot at `first` is durable: a writer at work may lag behind snapshots that
    /// follow each other closely, and still be at a segment before. One that can't write goes on behind the snapshot, and the room
    /// is needed.
    #[must_use]
    pub fn kept_segment(&self, first: u64) -> u64 {
        if self.health() == Health::Healthy { self.segment().min(first) } else { first }
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

    /// Memory for such records.
    #[must_use]
    pub fn buffer_bytes(&self) -> u64 {
        self.buffer_bytes.load(Ordering::Relaxed)
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

    /// Whether writes should wait: so much is not written yet that it is memory which nobody limits, and lost with the process; or
    /// the policy is a sync each second, and data is older than two and not synced.
    #[must_use]
    pub fn must_wait(&self, now_ms: u64) -> bool {
        if self.pending_bytes() > PENDING_BYTES_MAX {
            return true;
        }
        let oldest = self.oldest_unsynced_ms.load(Ordering::Acquire);
        oldest != NEVER
            && self.policy() == FsyncPolicy::EverySecond
            && now_ms.saturating_sub(oldest) > UNSYNCED_MS_MAX
    }

    /// Begins a new segment with the next record, whose number is returned. To be called at a barrier, when no
    /// operation lacks parts. A failed log only gives the number.
    pub fn rotate(&self) -> u64 {
        let inner = self.inner.lock();
        self.rotate_in(inner)
    }

    fn rotate_in(&self, inner: Locked<'_>) -> u64 {
        let first = inner.appended + 1;
        if self.health() == Health::Failed || inner.newest_segment == first {
            return first;
        }
        debug_assert!(!inner.operations.has_incomplete(), "not at a barrier");
        self.cut(inner, first, false);
        first
    }

    fn cut(&self, mut inner: Locked<'_>, first: u64, after_failure: bool) {
        let at = inner.pending.bytes.len();
        inner.pending.cuts.push(Cut { at, first, after_failure });
        inner.newest_segment = first;
        self.wake_writer(inner);
    }

    /// How far the log may call itself covered, by what was written and synced.
    fn coverable(&self, inner: &mut Inner) -> u64 {
        let end = match self.policy() {
            FsyncPolicy::Always => self.durable(),
            FsyncPolicy::EverySecond | FsyncPolicy::No => self.written(),
        };
        let covered = inner.operations.covered(end);
        inner.operations.forget(covered);
        covered
    }

    /// `is_news`: something else has changed that somebody may wait for.
    fn publish(&self, inner: Locked<'_>, covered: u64, is_news: bool) {
        let has_moved = self.covered.fetch_max(covered, Ordering::AcqRel) < covered;
        drop(inner);
        if has_moved || is_news {
            self.notify.covered(covered);
        }
    }

    fn is_closing(&self) -> bool {
        self.inner.lock().closing
    }
}
