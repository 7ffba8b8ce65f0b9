//! What the workers count. Only its worker adds to a counter, and all may read it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kora_core::slot::ShardId;
use kora_core::store::ShardStore;
use kora_locks::{RankedMutex, rank};

use crate::latency::Histogram;

/// Adds to a counter that only the calling thread writes: a plain load and store, not a locked instruction.
#[inline]
pub fn add(counter: &AtomicU64, count: u64) {
    counter.store(counter.load(Ordering::Relaxed).wrapping_add(count), Ordering::Relaxed);
}

/// Distinct error prefixes counted; as in Redis, a limit against clients that make prefixes up.
const ERROR_PREFIXES_MAX: usize = 128;

/// What one worker counts.
#[derive(Debug)]
#[expect(missing_docs, reason = "most are named after what they count")]
pub struct WorkerCounters {
    pub commands_processed: AtomicU64,
    pub hits: AtomicU64,
    pub misses: AtomicU64,
    pub expired: AtomicU64,
    pub expired_fields: AtomicU64,
    pub expiry: ExpiryCounters,
    pub evicted: AtomicU64,
    /// Keys of its shard that may be evicted; kept while there is a memory limit.
    pub evictable: AtomicU64,
    pub changes: AtomicU64,
    /// Whether it holds replies back until the log covers what they tell.
    pub holds_replies: AtomicBool,
    /// Its sessions that wait for something until a time.
    pub timed_waits: AtomicU64,
    /// By place in the command table.
    pub commands: Box<[CommandCounters]>,
    /// Error replies by prefix.
    pub errors: RankedMutex<{ rank::ERROR_COUNTS }, BTreeMap<String, u64>>,
}

/// What a worker's sweeps for expired keys did.
#[derive(Debug, Default)]
pub struct ExpiryCounters {
    /// Time they took, in microseconds.
    pub microseconds: AtomicU64,
    /// Slices that ended with keys left to be deleted, because their time was up.
    pub cut_short: AtomicU64,
    /// Keys that have expired and were not deleted yet, as of the last slice.
    pub overdue: AtomicU64,
    /// Keys with a deadline, as of the last slice.
    pub expiring: AtomicU64,
}

/// Counters of one command on one worker.
#[derive(Debug, Default)]
#[expect(missing_docs, reason = "most are named after what they count")]
pub struct CommandCounters {
    pub calls: AtomicU64,
    pub nanoseconds: AtomicU64,
    pub rejected: AtomicU64,
    pub failed: AtomicU64,
    /// How long it took.
    pub latency: Histogram,
}

impl WorkerCounters {
    fn new(command_count: usize) -> Self {
        Self {
            commands_processed: AtomicU64::new(0),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            expired: AtomicU64::new(0),
            expired_fields: AtomicU64::new(0),
            expiry: ExpiryCounters::default(),
            evicted: AtomicU64::new(0),
            evictable: AtomicU64::new(0),
            changes: AtomicU64::new(0),
            holds_replies: AtomicBool::new(false),
            timed_waits: AtomicU64::new(0),
            commands: (0..command_count).map(|_| CommandCounters::default()).collect(),
            errors: RankedMutex::default(),
        }
    }

    /// CONFIG RESETSTAT, of what is a copy of the store's counts.
    pub(crate) fn reset_copies(&self) {
        for counter in [&self.hits, &self.misses, &self.expired, &self.expired_fields, &self.evicted] {
            counter.store(0, Ordering::Relaxed);
        }
    }

    /// CONFIG RESETSTAT, of what the worker itself counts.
    pub fn reset(&self) {
        for counter in [&self.commands_processed, &self.expiry.microseconds, &self.expiry.cut_short] {
            counter.store(0, Ordering::Relaxed);
        }
        for command in &self.commands {
            command.latency.reset();
            for counter in [&command.calls, &command.nanoseconds, &command.rejected, &command.failed] {
                counter.store(0, Ordering::Relaxed);
            }
        }
        self.errors.lock().clear();
    }

    /// Shows what a store knows that was in the hands of its worker.
    pub fn show(&self, store: &ShardStore) {
        let stats = store.stats();
        self.hits.store(stats.hits, Ordering::Relaxed);
        self.misses.store(stats.misses, Ordering::Relaxed);
        self.expired.store(stats.expired, Ordering::Relaxed);
        self.expired_fields.store(stats.expired_fields, Ordering::Relaxed);
        self.evicted.store(stats.evicted, Ordering::Relaxed);
    }

    /// Counts error replies by their prefix.
    pub fn count_error(&self, prefix: &str, times: u64) {
        let mut errors = self.errors.lock();
        if let Some(count) = errors.get_mut(prefix) {
            *count += times;
        } else if errors.len() < ERROR_PREFIXES_MAX {
            errors.insert(prefix.to_owned(), times);
        }
    }
}

/// What all workers of an engine count.
#[derive(Debug)]
pub struct Counters(Box<[WorkerCounters]>);

impl Counters {
    pub(crate) fn new(worker_count: u16, command_count: usize) -> Self {
        Self((0..worker_count).map(|_| WorkerCounters::new(command_count)).collect())
    }

    /// What one worker counts.
    #[inline]
    #[must_use]
    pub fn of(&self, worker: ShardId) -> &WorkerCounters {
        &self.0[worker.index()]
    }

    /// All workers', in order.
    pub fn iter(&self) -> std::slice::Iter<'_, WorkerCounters> {
        self.0.iter()
    }

    /// The sum of a counter over all workers.
    pub fn sum(&self, counter: impl Fn(&WorkerCounters) -> &AtomicU64) -> u64 {
        self.0.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum()
    }
}
