//! INFO: gathers what [`crate::introspect::info`] shows.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::entry::{Kind, SizeClass};
use kora_core::error::CommandResult;
use kora_core::reply::Reply;

use super::ServerCall;
use crate::introspect::cpu::cpu_seconds;
use crate::introspect::info::Sections;
use crate::introspect::info::snapshot::{
    CommandStat, CpuInfo, ErrorStat, InfoSnapshot, LatencyStat, ServerInfo, SizesInfo, ThreadInfo,
};
use crate::traffic::Traffic;
use kora_engine::REDIS_VERSION;
use kora_engine::counters::{CommandCounters, WorkerCounters};
use kora_engine::latency::Distribution;
use kora_engine::metrics::Section;
use kora_engine::usage;

/// What Redis shows in place of errors once they begin with too many different words.
const TOO_MANY_ERRORS: &str = "ERRORSTATS_DISABLED";

/// Runs INFO.
pub(super) fn info(call: ServerCall<'_>, args: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let sections = Sections::parse(&args[1..]);
    crate::introspect::info::info(&snapshot(call, sections), sections, out);
    Ok(())
}

/// What INFO shows of some sections.
pub(crate) fn snapshot(call: ServerCall<'_>, sections: Sections) -> InfoSnapshot {
    InfoSnapshot {
        metrics: crate::metrics::read(call.front, |about| sections.has(about.section)),
        server: server(call),
        memory: usage::memory(call),
        memory_policy: call.front.config().max_memory_policy.word(),
        persistence: call.front.engine.persistence.figures(),
        cpu: cpu(call),
        threads: threads(call),
        commands: commands(call),
        latencies: if sections.has(Section::Latencystats) { latencies(call) } else { Vec::new() },
        errors: errors(call),
        keyspace: usage::keyspace(call),
        keysizes: if sections.has(Section::Keysizes) { keysizes(call) } else { Vec::new() },
        extensions: call.engine.extensions,
    }
}

fn server(call: ServerCall<'_>) -> ServerInfo {
    let config = call.front.config();
    let now_us =
        std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_micros();
    let seconds = call.now.seconds();
    let system = rustix::system::uname();
    let text = |part: &std::ffi::CStr| part.to_string_lossy().into_owned();
    ServerInfo {
        redis_version: REDIS_VERSION.to_owned(),
        kora_version: env!("CARGO_PKG_VERSION").to_owned(),
        os: format!("{} {} {}", text(system.sysname()), text(system.release()), text(system.machine())),
        process_id: std::process::id(),
        run_id: call.front.run_id.clone(),
        replication_id: call.front.replication_id.get(),
        tcp_port: if config.port == 0 { config.tls.port } else { config.port },
        now_us: u64::try_from(now_us).unwrap_or(u64::MAX),
        uptime_seconds: u64::try_from(seconds - call.front.started.seconds()).unwrap_or(0),
        hz: config.hz,
        lru_clock: u32::try_from(seconds & 0xFF_FFFF).expect("24 bits fit"),
        executable: std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default(),
        supervisor: config.process.supervisor.name(),
        config_file: config.file.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
        workers: call.front.traffic.len(),
        serving_workers: call.front.balance.serving(),
        listeners: listeners(&config),
    }
}

/// Redis numbers the kinds of listeners, whichever there are.
fn listeners(config: &crate::config::Config) -> Vec<(usize, String)> {
    let of_port = |name: &str, port: u16| {
        let bind: Vec<String> = config.bind.iter().map(|address| format!("bind={address}")).collect();
        (port != 0).then(|| format!("name={name},{},port={port}", bind.join(",")))
    };
    let (tcp, tls) = (of_port("tcp", config.port), of_port("tls", config.tls.port));
    let unix = (!config.unix_socket.is_empty())
        .then(|| format!("name=unix,bind={}", String::from_utf8_lossy(&config.unix_socket)));
    let kinds = [tcp, unix, tls].into_iter().enumerate();
    kinds.filter_map(|(kind, listener)| Some((kind, listener?))).collect()
}

fn threads(call: ServerCall<'_>) -> Vec<ThreadInfo> {
    let thread = |traffic: &Traffic| ThreadInfo {
        clients: traffic.connections.load(Ordering::Relaxed) as u64,
        reads: traffic.reads.load(Ordering::Relaxed),
        writes: traffic.writes.load(Ordering::Relaxed),
    };
    call.front.traffic.iter().map(thread).collect()
}

fn latencies(call: ServerCall<'_>) -> Vec<LatencyStat> {
    let config = call.front.config();
    if !config.tracks_latency {
        return Vec::new();
    }
    let stat = |(name, distribution): (&'static str, Distribution)| {
        let percentiles =
            config.latency_percentiles.0.iter().map(|&percent| (percent, distribution.percentile(percent)));
        LatencyStat { name, percentiles: percentiles.collect() }
    };
    distributions(call).map(stat).collect()
}

/// How long the calls of commands took, where that was counted.
pub(crate) fn distributions(call: ServerCall<'_>) -> impl Iterator<Item = (&'static str, Distribution)> {
    let engine = &call.front.engine;
    let known = engine.known_commands().into_iter();
    known.filter_map(move |(name, places)| Some((name, engine.times_of(&places)?)))
}

/// From the kernel's account of this process. What Redis calls its main thread runs all commands; here that of the first worker
/// is shown.
fn cpu(call: ServerCall<'_>) -> CpuInfo {
    let first_worker = call.front.traffic[0].thread_id.load(Ordering::Relaxed);
    let (user, system) = cpu_seconds("/proc/self/stat");
    let (main_user, main_system) = cpu_seconds(&format!("/proc/self/task/{first_worker}/stat"));
    CpuInfo { user, system, main_user, main_system }
}

fn commands(call: ServerCall<'_>) -> Vec<CommandStat> {
    let stat = |(name, ids): (&'static str, Vec<usize>)| {
        let sum = |counter: fn(&CommandCounters) -> &AtomicU64| {
            let of_worker = |counters: &WorkerCounters| {
                ids.iter().map(|&id| counter(&counters.commands[id]).load(Ordering::Relaxed)).sum::<u64>()
            };
            call.front.engine.counters.iter().map(of_worker).sum::<u64>()
        };
        CommandStat {
            name,
            calls: sum(|counters| &counters.calls),
            total_us: sum(|counters| &counters.nanoseconds) / 1000,
            rejected: sum(|counters| &counters.rejected),
            failed: sum(|counters| &counters.failed),
        }
    };
    call.front
        .engine
        .known_commands()
        .into_iter()
        .map(stat)
        .filter(|stat| stat.calls + stat.rejected + stat.failed > 0)
        .collect()
}

fn errors(call: ServerCall<'_>) -> Vec<ErrorStat> {
    let disabled = || BTreeMap::from([(TOO_MANY_ERRORS.to_owned(), 1)]);
    let counts = call.front.engine.counters.error_replies().unwrap_or_else(disabled);
    counts.into_iter().map(|(prefix, count)| ErrorStat { prefix, count }).collect()
}

/// The databases that ever had keys.
fn keysizes(call: ServerCall<'_>) -> Vec<SizesInfo> {
    let usages: Vec<_> = call.engine.hub.shards().map(|shard| call.engine.hub.usage(shard)).collect();
    let counts_of = |db: u16| {
        let mut sums = [[0; SizeClass::COUNT]; Kind::COUNT];
        let mut is_any = false;
        for (kind, usage) in Kind::all().flat_map(|kind| usages.iter().map(move |usage| (kind, usage))) {
            let Some(counts) = usage[usize::from(db)].sizes.of(kind) else { continue };
            is_any = true;
            for (sum, count) in sums[kind.index()].iter_mut().zip(counts) {
                *sum += count.load(Ordering::Relaxed);
            }
        }
        is_any.then_some(SizesInfo { db, counts: sums })
    };
    (0..call.front.config().databases).filter_map(counts_of).collect()
}

#[cfg(test)]
mod tests;
