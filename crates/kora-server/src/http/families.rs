//! What `/metrics` shows beside the table of metrics: figures that INFO writes out by itself, each under one name and unit.

use kora_engine::metrics::Kind;

use crate::introspect::info::snapshot::InfoSnapshot;

/// A family with one sample, read from what INFO shows.
#[derive(Debug)]
pub(super) struct Family {
    /// Its name but for the prefix.
    pub(super) name: &'static str,
    /// What it tells.
    pub(super) help: &'static str,
    /// Whether it only grows.
    pub(super) kind: Kind,
    /// Its value; none if there is none now.
    pub(super) read: fn(&InfoSnapshot) -> Option<f64>,
}

const fn gauge(name: &'static str, help: &'static str, read: fn(&InfoSnapshot) -> Option<f64>) -> Family {
    Family { name, help, kind: Kind::Gauge, read }
}

const fn counter(name: &'static str, help: &'static str, read: fn(&InfoSnapshot) -> Option<f64>) -> Family {
    Family { name, help, kind: Kind::Counter, read }
}

#[expect(
    clippy::unnecessary_wraps,
    clippy::cast_precision_loss,
    reason = "samples are doubles, and may be missing"
)]
const fn number(number: u64) -> Option<f64> {
    Some(number as f64)
}

const fn is(condition: bool) -> Option<f64> {
    Some(if condition { 1.0 } else { 0.0 })
}

fn maybe(value: Option<u64>) -> Option<f64> {
    value.and_then(number)
}

/// All of them.
pub(super) const FAMILIES: [&[Family]; 4] = [PROCESS, MEMORY, SNAPSHOTS, LOG];

const PROCESS: &[Family] = &[
    gauge("uptime_seconds", "Time since the start", |info| number(info.server.uptime_seconds)),
    gauge("workers", "Worker threads", |info| number(info.server.workers as u64)),
    gauge("serving_workers", "Workers that serve connections", |info| {
        number(info.server.serving_workers as u64)
    }),
];

const MEMORY: &[Family] = &[
    gauge("memory_used_bytes", "Allocated by the program", |info| number(info.memory.used)),
    gauge("memory_resident_bytes", "Resident in memory", |info| number(info.memory.resident)),
    gauge("memory_max_bytes", "maxmemory; 0 for no limit", |info| number(info.memory.limit)),
    gauge("memory_startup_bytes", "Allocated when the server had started", |info| {
        number(info.memory.startup)
    }),
    gauge("memory_overhead_bytes", "Allocated for other things than keys and values", |info| {
        number(info.memory.overhead)
    }),
    gauge("memory_tables_bytes", "Of tables of keys, about", |info| number(info.memory.tables)),
    gauge("memory_shards_bytes", "Of keys and indexes: the sum of kora_shard_memory_bytes", |info| {
        number(info.memory.shards)
    }),
    gauge("memory_not_counted_bytes", "On its way to files, and not held against the limit", |info| {
        number(info.memory.exempt)
    }),
    gauge("memory_scripts_bytes", "Of the texts of scripts and functions: used_memory_scripts", |info| {
        let scripts = &info.memory.scripts;
        number((scripts.cached_bytes + scripts.libraries_bytes) as u64)
    }),
    gauge("memory_scripts_vm_bytes", "Of the states that run them: used_memory_vm_total", |info| {
        let scripts = &info.memory.scripts;
        number((scripts.vm_scripts_bytes + scripts.vm_functions_bytes) as u64)
    }),
    gauge("memory_system_bytes", "Of the machine", |info| number(info.memory.system)),
    gauge("allocator_allocated_bytes", "The allocator's account: given out", |info| {
        number(info.memory.allocator_allocated)
    }),
    gauge("allocator_active_bytes", "The allocator's account: in pages that are in use", |info| {
        number(info.memory.allocator_active)
    }),
    gauge("allocator_resident_bytes", "The allocator's account: held in memory", |info| {
        number(info.memory.allocator_resident)
    }),
    gauge("scripts_cached", "Scripts that are known", |info| number(info.memory.scripts.cached as u64)),
    gauge("functions", "Functions that are loaded", |info| number(info.memory.scripts.functions as u64)),
];

const SNAPSHOTS: &[Family] = &[
    gauge("loading", "Whether the data are being loaded", |info| is(info.persistence.loading.is_on)),
    gauge("loading_total_bytes", "Bytes of the files that are or were loaded", |info| {
        number(info.persistence.loading.total_bytes)
    }),
    gauge("loading_loaded_bytes", "Bytes of them that were read", |info| {
        number(info.persistence.loading.loaded_bytes)
    }),
    gauge("snapshot_in_progress", "Whether a snapshot is being saved", |info| is(info.persistence.is_saving)),
    gauge("snapshot_last_success", "Whether the last snapshot was saved", |info| {
        is(!info.persistence.last_save_failed)
    }),
    gauge(
        "snapshot_last_save_timestamp_seconds",
        "When a snapshot was last saved, or the start, in seconds since 1970",
        |info| number(info.persistence.last_save_seconds),
    ),
    gauge("snapshot_last_duration_seconds", "How long the last one took", |info| {
        maybe(info.persistence.last_save_duration)
    }),
    gauge("snapshot_keys_written", "Keys that the present one has written", |info| {
        number(info.persistence.keys_written)
    }),
    gauge("snapshot_keys", "Keys at the instant of the present one", |info| {
        number(info.persistence.keys_total)
    }),
    gauge("snapshot_buffered_bytes", "Of it in memory, on their way to the file", |info| {
        number(info.persistence.buffered_bytes)
    }),
    gauge("changes_since_snapshot", "Changes of keys since the last saved snapshot", |info| {
        number(info.persistence.changes_since_save)
    }),
    counter("snapshots_total", "Snapshots begun", |info| number(info.persistence.saves)),
];

const LOG: &[Family] = &[
    gauge("log_enabled", "Whether there is a log on disk: appendonly", |info| is(info.persistence.has_log)),
    gauge("log_failed", "Whether the log can't be written", |info| {
        is(info.persistence.log_failure.is_some())
    }),
    gauge("log_size_bytes", "Of the log, the snapshot that it goes on from included", |info| {
        number(info.persistence.log_bytes)
    }),
    gauge("log_base_bytes", "Of that snapshot", |info| number(info.persistence.base_bytes)),
    gauge("log_buffer_bytes", "Of records in memory, on their way to the file", |info| {
        number(info.persistence.log_buffer_bytes)
    }),
    gauge("log_rewrite_in_progress", "Whether the log is being rewritten", |info| {
        is(info.persistence.is_rewriting)
    }),
    gauge("log_rewrite_last_success", "Whether the last rewrite has worked", |info| {
        is(!info.persistence.last_rewrite_failed)
    }),
    gauge("log_rewrite_last_duration_seconds", "How long the last rewrite took", |info| {
        maybe(info.persistence.last_rewrite_duration)
    }),
    counter("log_rewrites_total", "Rewrites begun", |info| number(info.persistence.rewrites)),
    gauge("log_appended_record", "Number of the last record of the log", |info| {
        number(info.persistence.log_appended)
    }),
    gauge("log_covered_record", "Number of the last record that is as certain as appendfsync asks", |info| {
        number(info.persistence.log_covered)
    }),
    gauge("log_durable_record", "Number of the last record that nothing can take any more", |info| {
        number(info.persistence.log_durable)
    }),
];
