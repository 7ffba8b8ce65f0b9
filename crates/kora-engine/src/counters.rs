//! What the workers count. Only its worker adds to a counter, and all may read it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use kora_core::slot::{ShardId, WorkerId};
use kora_core::store::ShardStore;
use kora_locks::{RankedMutex, rank};

use crate::latency::Histogram;
use crate::metrics::{self, Measure, Metric, Section, Unit};

pub use crate::metrics::add;

/// Nanoseconds of a command that others notice who wait for its worker.
pub const LONG_NS: u64 = 1_000_000;

/// Distinct error prefixes counted; as in Redis, a limit against clients that make prefixes up.
const ERROR_PREFIXES_MAX: usize = 128;

/// Error replies by prefix, until there are too many prefixes: then there is none until CONFIG RESETSTAT.
#[derive(Debug, Default)]
pub struct ErrorCounts {
    counts: BTreeMap<String, u64>,
    is_overfull: bool,
}

impl ErrorCounts {
    /// Counts replies; whether that was one prefix too many.
    fn note(&mut self, prefix: &str, times: u64) -> bool {
        if self.is_overfull {
            return false;
        }
        if let Some(count) = self.counts.get_mut(prefix) {
            *count += times;
        } else if self.counts.len() < ERROR_PREFIXES_MAX {
            self.counts.insert(prefix.to_owned(), times);
        } else {
            *self = Self { is_overfull: true, ..Self::default() };
        }
        self.is_overfull
    }
}

crate::metrics! {
    /// What one worker counts.
    // Many fields: one for each thing that is counted.
    pub struct WorkerCounters {
        commands_processed: Counter Sum Whole, Stats "total_commands_processed", reset, "Commands run";
        commands_per_second: Gauge Sum Whole, Stats "instantaneous_ops_per_sec", kept, "Commands per second of late", PerSecond;
        error_replies: Counter Sum Whole, Stats "total_error_replies", reset, "Replies that were errors";
        expiry_us: Counter Sum Thousands, Stats "expire_cycle_cpu_milliseconds", reset, "Time that the sweeps for expired keys took", Microseconds;
        expiry_cut_short: Counter Sum Whole, Stats "expired_time_cap_reached_count", reset, "Slices of these sweeps that ended with keys left, because their time was up";
        timed_waits: Gauge Sum Whole, Clients "clients_in_timeout_table", kept, "Clients that wait for something until a time";
    }
    besides {
        /// Changes of keys since the start.
        changes: AtomicU64,
        /// Commands that took longer than [`LONG_NS`].
        long_commands: AtomicU64,
        /// Whether it holds replies back until the log covers what they tell.
        holds_replies: AtomicBool,
        /// By place in the command table.
        commands: Box<[CommandCounters]>,
        /// Error replies by prefix.
        errors: RankedMutex<{ rank::ERROR_COUNTS }, ErrorCounts>,
    }
}

crate::metrics! {
    /// What one shard counts, as its holders show it.
    pub struct ShardCounters {
        hits: Counter Sum Whole, Stats "keyspace_hits", reset, "Look-ups that found their key";
        misses: Counter Sum Whole, Stats "keyspace_misses", reset, "Look-ups that did not find their key";
        expired: Counter Sum Whole, Stats "expired_keys", reset, "Keys deleted because their time had come";
        expired_fields: Counter Sum Whole, Stats "expired_subkeys", reset, "Fields of hashes whose time had come";
        evicted: Counter Sum Whole, Stats "evicted_keys", reset, "Keys evicted";
    }
    besides {
        /// Keys that have expired and were not deleted yet, as of the last slice of a sweep.
        overdue: AtomicU64,
        /// Keys with a deadline, as of the last slice of a sweep.
        expiring: AtomicU64,
        /// Keys that may be evicted; kept while there is a memory limit. [`ShardCounters::UNKNOWN`]: nobody has looked since the settings
        /// changed.
        evictable: AtomicU64,
    }
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

impl CommandCounters {
    fn reset(&self) {
        self.latency.reset();
        for counter in [&self.calls, &self.nanoseconds, &self.rejected, &self.failed] {
            counter.store(0, Ordering::Relaxed);
        }
    }
}

impl WorkerCounters {
    /// What is derived from counts by command.
    const DERIVED: &'static [Metric<Self>] = &[Metric::<Self>::counter(
        Section::Stats,
        "eventloop_duration_cmd_sum",
        "Time that commands took",
        |counters| counters.commands.iter().map(|command| command.nanoseconds.load(Ordering::Relaxed)).sum(),
    )
    .shown_in(Unit::Thousands)
    .measured_in(Measure::Nanoseconds)
    .reset_by(|counters| counters.commands.iter().for_each(CommandCounters::reset))];

    /// All its metrics.
    pub const METRICS: [&'static [Metric<Self>]; 2] = [Self::CELLS, Self::DERIVED];

    fn new(command_count: usize) -> Self {
        Self { commands: (0..command_count).map(|_| CommandCounters::default()).collect(), ..Self::default() }
    }

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        metrics::reset(&Self::METRICS, self);
        *self.errors.lock() = ErrorCounts::default();
    }

    /// Counts error replies by their prefix.
    pub fn count_error(&self, prefix: &str, times: u64) {
        add(&self.error_replies, times);
        if self.errors.lock().note(prefix, times) {
            tracing::warn!(
                "errors with more than {ERROR_PREFIXES_MAX} different first words were answered, perhaps by scripts: they are \
                 not counted one by one until CONFIG RESETSTAT"
            );
        }
    }
}

impl ShardCounters {
    /// See [`ShardCounters::evictable`].
    pub const UNKNOWN: u64 = u64::MAX;

    /// Whether there may be keys that may be evicted.
    pub fn may_evict(&self) -> bool {
        self.evictable.load(Ordering::Relaxed) > 0
    }

    /// All its metrics.
    pub const METRICS: [&'static [Metric<Self>]; 1] = [Self::CELLS];

    /// CONFIG RESETSTAT.
    pub fn reset(&self) {
        metrics::reset(&Self::METRICS, self);
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
}

/// What all workers and shards of an engine count.
#[derive(Debug)]
pub struct Counters {
    workers: Box<[WorkerCounters]>,
    shards: Box<[ShardCounters]>,
}

impl Counters {
    pub(crate) fn new(worker_count: u16, shard_count: u16, command_count: usize) -> Self {
        Self {
            workers: (0..worker_count).map(|_| WorkerCounters::new(command_count)).collect(),
            shards: (0..shard_count).map(|_| ShardCounters::default()).collect(),
        }
    }

    /// What one worker counts.
    #[inline]
    #[must_use]
    pub fn of(&self, worker: WorkerId) -> &WorkerCounters {
        &self.workers[worker.index()]
    }

    /// What one shard counts.
    #[inline]
    #[must_use]
    pub fn of_shard(&self, shard: ShardId) -> &ShardCounters {
        &self.shards[shard.index()]
    }

    /// All workers', in order.
    pub fn iter(&self) -> std::slice::Iter<'_, WorkerCounters> {
        self.workers.iter()
    }

    /// All shards', in order.
    pub fn shards(&self) -> std::slice::Iter<'_, ShardCounters> {
        self.shards.iter()
    }

    /// Error replies by prefix; none if there are too many prefixes.
    #[must_use]
    pub fn error_replies(&self) -> Option<BTreeMap<String, u64>> {
        let mut sums = BTreeMap::<String, u64>::new();
        for counters in &self.workers {
            let errors = counters.errors.lock();
            if errors.is_overfull {
                return None;
            }
            for (prefix, count) in &errors.counts {
                *sums.entry(prefix.clone()).or_default() += count;
            }
        }
        (sums.len() <= ERROR_PREFIXES_MAX).then_some(sums)
    }

    /// The sum of a counter over all workers.
    pub fn sum(&self, counter: impl Fn(&WorkerCounters) -> &AtomicU64) -> u64 {
        self.workers.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum()
    }

    /// The sum of a counter over all shards.
    pub fn sum_of_shards(&self, counter: impl Fn(&ShardCounters) -> &AtomicU64) -> u64 {
        self.shards.iter().map(|counters| counter(counters).load(Ordering::Relaxed)).sum()
    }
}
