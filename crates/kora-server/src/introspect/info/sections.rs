//! The text of INFO's sections.

use super::snapshot::{
    CommandStat, CpuInfo, DatabaseInfo, ErrorStat, InfoSnapshot, LatencyStat, MemoryInfo, PersistenceInfo,
    ServerInfo, ThreadInfo,
};
use kora_engine::metrics::{Reading, Section};
use kora_engine::persistence::{LoadingFigures, unix_seconds};
use kora_script::ScriptFigures;
use std::fmt::{Display, Write};

/// Collects `name:value` lines under headings.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) text: String,
    /// Those that have no line yet.
    metrics: Vec<&'a Reading>,
}

impl<'a> Fields<'a> {
    /// No lines yet, and these metrics to show.
    pub(super) fn of(metrics: &'a [Reading]) -> Self {
        Self { text: String::new(), metrics: metrics.iter().collect() }
    }

    /// Begins a section.
    pub(super) fn section(&mut self, heading: &str) {
        let gap = if self.text.is_empty() { "" } else { "\r\n" };
        self.add(format_args!("{gap}# {heading}"));
    }

    /// Adds a field.
    pub(super) fn put(&mut self, name: &str, value: impl Display) {
        self.add(format_args!("{name}:{value}"));
    }

    /// Adds fields of Redis's, each with the metric of its name, or nought if there is none.
    fn places(&mut self, names: &[&str]) {
        for name in names {
            match self.take(name) {
                Some(reading) => self.put(name, reading),
                None if name.ends_with("_kbps") => self.put(name, "0.00"),
                None => self.put(name, 0),
            }
        }
    }

    /// Adds the metrics of a section that have no place of their own.
    pub(super) fn rest(&mut self, section: Section) {
        for reading in
            self.metrics.extract_if(.., |reading| reading.about.section == section).collect::<Vec<_>>()
        {
            self.put(reading.about.name, reading);
        }
    }

    fn take(&mut self, name: &str) -> Option<&'a Reading> {
        let at = self.metrics.iter().position(|reading| reading.about.name == name)?;
        Some(self.metrics.remove(at))
    }

    /// Adds a size in bytes, and once more for people.
    fn size(&mut self, name: &str, bytes: u64) {
        // It may be a metric as well.
        self.take(name);
        self.put(name, bytes);
        self.put(&format!("{name}_human"), human(bytes));
    }

    fn add(&mut self, line: impl Display) {
        let written = write!(self.text, "{line}\r\n");
        written.expect("a string takes whatever is written");
    }
}

/// `bytes` with a unit, as Redis shows sizes to people.
fn human(bytes: u64) -> String {
    const UNITS: [(u32, char); 5] = [(50, 'P'), (40, 'T'), (30, 'G'), (20, 'M'), (10, 'K')];
    match UNITS.into_iter().find(|(bits, _)| bytes >> bits != 0) {
        Some((bits, unit)) => format!("{:.2}{unit}", ratio(bytes, 1 << bits)),
        None => format!("{bytes}B"),
    }
}

#[expect(clippy::cast_precision_loss, reason = "shown with two digits after the point")]
fn ratio(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[expect(clippy::cast_precision_loss, reason = "differences of sizes stay far below 2^53")]
fn difference(more: u64, less: u64) -> f64 {
    more as f64 - less as f64
}

pub(super) fn server(snapshot: &InfoSnapshot, fields: &mut Fields<'_>) {
    let server = &snapshot.server;
    fields.put("redis_version", &server.redis_version);
    fields.put("server_name", "kora");
    fields.put("kora_version", &server.kora_version);
    fields.put("redis_git_sha1", "00000000");
    fields.put("redis_git_dirty", 0);
    fields.put("redis_build_id", &server.kora_version);
    fields.put("redis_mode", "standalone");
    fields.put("os", &server.os);
    fields.put("arch_bits", usize::BITS);
    fields.put("monotonic_clock", "POSIX clock_gettime");
    fields.put("multiplexing_api", "epoll");
    fields.put("atomicvar_api", "rust-std");
    fields.put("gcc_version", "0.0.0");
    fields.put("process_id", server.process_id);
    fields.put("process_supervised", server.supervisor);
    fields.put("run_id", &server.run_id);
    fields.put("tcp_port", server.tcp_port);
    fields.put("server_time_usec", server.now_us);
    fields.put("uptime_in_seconds", server.uptime_seconds);
    fields.put("uptime_in_days", server.uptime_seconds / 86_400);
    fields.put("hz", server.hz);
    fields.put("configured_hz", server.hz);
    fields.put("lru_clock", server.lru_clock);
    fields.put("executable", &server.executable);
    fields.put("config_file", &server.config_file);
    fields.put("io_threads_active", 0);
    fields.put("workers", server.workers);
    fields.put("serving_workers", server.serving_workers);
    for (index, listener) in &server.listeners {
        fields.put(&format!("listener{index}"), listener);
    }
}

/// What scripts and functions take.
fn scripts(scripts: &ScriptFigures, fields: &mut Fields<'_>) {
    let vm_total = scripts.vm_scripts_bytes + scripts.vm_functions_bytes;
    fields.put("used_memory_lua", scripts.vm_scripts_bytes);
    fields.put("used_memory_vm_eval", scripts.vm_scripts_bytes);
    fields.put("used_memory_lua_human", human(scripts.vm_scripts_bytes as u64));
    fields.put("used_memory_scripts_eval", scripts.cached_bytes);
    fields.put("number_of_cached_scripts", scripts.cached);
    fields.put("number_of_functions", scripts.functions);
    fields.put("number_of_libraries", scripts.libraries);
    fields.put("used_memory_vm_functions", scripts.vm_functions_bytes);
    fields.size("used_memory_vm_total", vm_total as u64);
    fields.put("used_memory_functions", scripts.libraries_bytes);
    fields.size("used_memory_scripts", (scripts.cached_bytes + scripts.libraries_bytes) as u64);
}

pub(super) fn clients(fields: &mut Fields<'_>) {
    fields.places(&[
        "connected_clients",
        "cluster_connections",
        "maxclients",
        "client_recent_max_input_buffer",
        "client_recent_max_output_buffer",
        "blocked_clients",
        "tracking_clients",
        "pubsub_clients",
        "watching_clients",
        "clients_in_timeout_table",
        "total_watched_keys",
        "total_blocking_keys",
        "total_blocking_keys_on_nokey",
    ]);
}

pub(super) fn memory(memory: &MemoryInfo, policy: &str, fields: &mut Fields<'_>) {
    let dataset = memory.used.saturating_sub(memory.overhead);
    let grown = memory.used.saturating_sub(memory.startup);
    fields.size("used_memory", memory.used);
    fields.size("used_memory_rss", memory.resident);
    fields.size("used_memory_peak", memory.peak);
    fields.put("used_memory_peak_perc", format_args!("{:.2}%", ratio(memory.used, memory.peak) * 100.0));
    fields.put("used_memory_overhead", memory.overhead);
    fields.put("used_memory_startup", memory.startup);
    fields.put("used_memory_dataset", dataset);
    fields.put("used_memory_dataset_perc", format_args!("{:.2}%", ratio(dataset, grown).min(1.0) * 100.0));
    fields.put("allocator_allocated", memory.allocator_allocated);
    fields.put("allocator_active", memory.allocator_active);
    fields.put("allocator_resident", memory.allocator_resident);
    fields.put("allocator_muzzy", memory.allocator_muzzy);
    fields.put("account_untold_bytes", memory.untold);
    fields.put("used_memory_shards", memory.shards);
    fields.size("total_system_memory", memory.system);
    scripts(&memory.scripts, fields);
    fields.size("maxmemory", memory.limit);
    fields.put("maxmemory_policy", policy);
    fragmentation(memory, fields);
    fields.put("mem_not_counted_for_evict", memory.exempt);
    fields.places(&[
        "mem_replication_backlog",
        "mem_total_replication_buffers",
        "mem_replica_full_sync_buffer",
        "mem_clients_slaves",
    ]);
    fields.places(&["mem_clients_normal", "mem_clients_shared", "mem_cluster_links"]);
    fields.put("mem_aof_buffer", memory.log_buffer);
    fields.put("mem_allocator", &memory.allocator);
    fields.places(&[
        "mem_overhead_db_hashtable_rehashing",
        "active_defrag_running",
        "lazyfree_pending_objects",
        "lazyfreed_objects",
    ]);
}

/// How much more memory is held than was asked for, at each step from the program to the system.
fn fragmentation(memory: &MemoryInfo, fields: &mut Fields<'_>) {
    let steps = [
        ("allocator_frag", memory.allocator_active, memory.allocator_allocated),
        ("allocator_rss", memory.allocator_resident, memory.allocator_active),
        ("rss_overhead", memory.resident, memory.allocator_resident),
        ("mem_fragmentation", memory.resident, memory.used),
    ];
    for (name, held, asked) in steps {
        fields.put(&format!("{name}_ratio"), format_args!("{:.2}", ratio(held, asked)));
        fields.put(&format!("{name}_bytes"), difference(held, asked));
    }
}

pub(super) fn persistence(persistence: &PersistenceInfo, fields: &mut Fields<'_>) {
    let status = |has_failed: bool| if has_failed { "err" } else { "ok" };
    let seconds = |seconds: Option<u64>| seconds.map_or("-1".to_owned(), |seconds| seconds.to_string());
    let loading = &persistence.loading;
    fields.put("loading", u8::from(loading.is_on));
    fields.put("async_loading", 0);
    fields.put("current_cow_peak", persistence.buffered_peak_bytes);
    fields.put("current_cow_size", persistence.buffered_bytes);
    fields.put("current_cow_size_age", 0);
    fields.put(
        "current_fork_perc",
        format_args!("{:.2}", percent(persistence.keys_written, persistence.keys_total)),
    );
    fields.put("current_save_keys_processed", persistence.keys_written);
    fields.put("current_save_keys_total", persistence.keys_total);
    fields.put("rdb_changes_since_last_save", persistence.changes_since_save);
    fields.put("rdb_bgsave_in_progress", u8::from(persistence.is_saving));
    fields.put("rdb_last_save_time", persistence.last_save_seconds);
    fields.put("rdb_last_bgsave_status", status(persistence.last_save_failed));
    fields.put("rdb_last_bgsave_time_sec", seconds(persistence.last_save_duration));
    fields.put("rdb_current_bgsave_time_sec", seconds(persistence.save_duration));
    fields.put("rdb_saves", persistence.saves);
    fields.put("rdb_last_cow_size", persistence.buffered_peak_bytes);
    fields.put("rdb_last_load_keys_expired", loading.expired);
    fields.put("rdb_last_load_keys_loaded", loading.keys);
    fields.put("aof_enabled", u8::from(persistence.has_log));
    fields.put("aof_rewrite_in_progress", u8::from(persistence.is_rewriting));
    fields.put("aof_rewrite_scheduled", u8::from(persistence.is_rewrite_scheduled));
    fields.put("aof_last_rewrite_time_sec", seconds(persistence.last_rewrite_duration));
    fields.put("aof_current_rewrite_time_sec", seconds(persistence.rewrite_duration));
    fields.put("aof_last_bgrewrite_status", status(persistence.last_rewrite_failed));
    fields.put("aof_rewrites", persistence.rewrites);
    fields.put("aof_rewrites_consecutive_failures", persistence.failed_rewrites);
    fields.put("aof_last_write_status", status(persistence.log_failure.is_some()));
    fields.places(&["aof_last_cow_size", "module_fork_in_progress", "module_fork_last_cow_size"]);
    if persistence.has_log {
        fields.put("aof_current_size", persistence.log_bytes);
        fields.put("aof_base_size", persistence.base_bytes);
        fields.put("aof_pending_rewrite", 0);
        fields.put("aof_buffer_length", persistence.log_buffer_bytes);
        fields.places(&["aof_pending_bio_fsync", "aof_delayed_fsync"]);
        fields.put("log_appended_record", persistence.log_appended);
        fields.put("log_covered_record", persistence.log_covered);
        fields.put("log_durable_record", persistence.log_durable);
    }
    if let Some(cause) = &persistence.log_failure {
        fields.put("log_last_error", cause);
    }
    if loading.is_on {
        loading_progress(loading, fields);
    }
}

fn loading_progress(loading: &LoadingFigures, fields: &mut Fields<'_>) {
    let elapsed = unix_seconds().saturating_sub(loading.started_seconds).max(0).unsigned_abs();
    let left = loading.total_bytes.saturating_sub(loading.loaded_bytes);
    fields.put("loading_start_time", loading.started_seconds);
    fields.put("loading_total_bytes", loading.total_bytes);
    fields.put("loading_rdb_used_mem", 0);
    fields.put("loading_loaded_bytes", loading.loaded_bytes);
    fields.put(
        "loading_loaded_perc",
        format_args!("{:.2}", percent(loading.loaded_bytes, loading.total_bytes)),
    );
    fields.put("loading_eta_seconds", (elapsed * left).checked_div(loading.loaded_bytes).unwrap_or(1));
}

/// `part` of `whole` in percent; 0 of nothing.
#[expect(clippy::cast_precision_loss, reason = "two digits are shown")]
fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 * 100.0 / whole as f64 }
}

/// The section Stats in Redis's order, with what Kora has besides in its place.
const STATS: &[&str] = &[
    "total_connections_received",
    "total_commands_processed",
    "instantaneous_ops_per_sec",
    "total_net_input_bytes",
    "total_net_output_bytes",
    "total_net_repl_input_bytes",
    "total_net_repl_output_bytes",
    "instantaneous_input_kbps",
    "instantaneous_output_kbps",
    "instantaneous_input_repl_kbps",
    "instantaneous_output_repl_kbps",
    "rejected_connections",
    "sync_full",
    "sync_partial_ok",
    "sync_partial_err",
    "expired_subkeys",
    "expired_keys",
    "expired_stale_perc",
    "expired_time_cap_reached_count",
    "expire_cycle_cpu_milliseconds",
    "evicted_keys",
    "evicted_clients",
    "evicted_scripts",
    "scripts_on_all_shards",
    "total_eviction_exceeded_time",
    "current_eviction_exceeded_time",
    "keyspace_hits",
    "keyspace_misses",
    "pubsub_channels",
    "pubsub_patterns",
    "pubsubshard_channels",
    "latest_fork_usec",
    "total_forks",
    "migrate_cached_sockets",
    "slave_expires_tracked_keys",
    "active_defrag_hits",
    "active_defrag_misses",
    "active_defrag_key_hits",
    "active_defrag_key_misses",
    "total_active_defrag_time",
    "current_active_defrag_time",
    "tracking_total_keys",
    "tracking_total_items",
    "tracking_total_prefixes",
    "unexpected_error_replies",
    "total_error_replies",
    "dump_payload_sanitizations",
    "total_reads_processed",
    "total_writes_processed",
    "io_threaded_reads_processed",
    "io_threaded_writes_processed",
    "client_query_buffer_limit_disconnections",
    "client_output_buffer_limit_disconnections",
    "reply_buffer_shrinks",
    "reply_buffer_expands",
    "eventloop_cycles",
    "eventloop_duration_sum",
    "eventloop_duration_cmd_sum",
    "instantaneous_eventloop_cycles_per_sec",
    "instantaneous_eventloop_duration_usec",
    "acl_access_denied_auth",
    "acl_access_denied_cmd",
    "acl_access_denied_key",
    "acl_access_denied_channel",
];

pub(super) fn stats(fields: &mut Fields<'_>) {
    fields.places(STATS);
}

/// The log is written by a thread of its own: that takes nothing of a round.
pub(super) fn debug(fields: &mut Fields<'_>) {
    fields.places(&[
        "eventloop_duration_aof_sum",
        "eventloop_duration_cron_sum",
        "eventloop_duration_max",
        "eventloop_cmd_per_cycle_max",
    ]);
}

pub(super) fn replication(server: &ServerInfo, fields: &mut Fields<'_>) {
    fields.put("role", "master");
    fields.put("connected_slaves", 0);
    fields.put("master_failover_state", "no-failover");
    fields.put("master_replid", &server.replication_id);
    fields.put("master_replid2", "0".repeat(40));
    fields.put("master_repl_offset", 0);
    fields.put("second_repl_offset", -1);
    fields.put("repl_backlog_active", 0);
    fields.put("repl_backlog_size", 1 << 20);
    fields.places(&["repl_backlog_first_byte_offset", "repl_backlog_histlen"]);
}

pub(super) fn cpu(cpu: &CpuInfo, fields: &mut Fields<'_>) {
    fields.put("used_cpu_sys", format_args!("{:.6}", cpu.system));
    fields.put("used_cpu_user", format_args!("{:.6}", cpu.user));
    fields.put("used_cpu_sys_children", "0.000000");
    fields.put("used_cpu_user_children", "0.000000");
    fields.put("used_cpu_sys_main_thread", format_args!("{:.6}", cpu.main_system));
    fields.put("used_cpu_user_main_thread", format_args!("{:.6}", cpu.main_user));
}

pub(super) fn commandstats(commands: &[CommandStat], fields: &mut Fields<'_>) {
    for stat in commands {
        let each = ratio(stat.total_us, stat.calls);
        let value = format_args!(
            "calls={},usec={},usec_per_call={each:.2},rejected_calls={},failed_calls={}",
            stat.calls, stat.total_us, stat.rejected, stat.failed
        );
        fields.put(&format!("cmdstat_{}", stat.name), value);
    }
}

pub(super) fn threads(threads: &[ThreadInfo], fields: &mut Fields<'_>) {
    for (index, ThreadInfo { clients, reads, writes }) in threads.iter().enumerate() {
        let value = format_args!("clients={clients},reads={reads},writes={writes}");
        fields.put(&format!("io_thread_{index}"), value);
    }
}

pub(super) fn latencystats(latencies: &[LatencyStat], fields: &mut Fields<'_>) {
    for stat in latencies {
        let percentiles: Vec<String> = stat
            .percentiles
            .iter()
            .map(|(percent, ns)| format!("p{percent}={}.{:03}", ns / 1000, ns % 1000))
            .collect();
        fields.put(&format!("latency_percentiles_usec_{}", stat.name), percentiles.join(","));
    }
}

pub(super) fn modules(modules: &[(&str, i64)], fields: &mut Fields<'_>) {
    for (name, version) in modules {
        let value = format_args!(
            "name={name},ver={version},api=1,filters=0,usedby=[],using=[],options=[handle-io-errors]"
        );
        fields.put("module", value);
    }
}

pub(super) fn errorstats(errors: &[ErrorStat], fields: &mut Fields<'_>) {
    for stat in errors {
        fields.put(&format!("errorstat_{}", stat.prefix), format_args!("count={}", stat.count));
    }
}

pub(super) fn keyspace(databases: &[DatabaseInfo], fields: &mut Fields<'_>) {
    for info in databases.iter().filter(|info| info.keys > 0) {
        let DatabaseInfo { db, keys, expires, average_ttl_ms, expiring_hashes } = info;
        let value = format_args!(
            "keys={keys},expires={expires},avg_ttl={average_ttl_ms},subexpiry={expiring_hashes}"
        );
        fields.put(&format!("db{db}"), value);
    }
}
