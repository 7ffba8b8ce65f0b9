//! MEMORY's subcommands about the process. What a key occupies is the core's.

use kora_core::command::spec::{CommandSpec, Facts, Flags, Group};
use kora_core::error::{CommandError, CommandResult};
use kora_core::reply::Reply;

use super::Family;
use crate::engine::{Handler, ServerCall};
use crate::front::Front;
use crate::memory;
use crate::usage::{self, DatabaseInfo, MemoryInfo, doctor};

impl<F: Front> Family<F> {
    /// MEMORY's; the container is the core's.
    pub const MEMORY: &'static [CommandSpec<Handler<F>>] = &[
        CommandSpec { facts: MEMORY_DOCTOR, handler: Handler::Server(memory_doctor) },
        CommandSpec { facts: MEMORY_MALLOC_STATS, handler: Handler::Server(memory_malloc_stats) },
        CommandSpec { facts: MEMORY_PURGE, handler: Handler::Server(memory_purge) },
        CommandSpec { facts: MEMORY_STATS, handler: Handler::Server(memory_stats) },
    ];
}

/// What the subcommands have in common.
const REPORT: Facts = Facts {
    arity: 2,
    flags: Flags(0),
    group: Group::Server,
    since: "4.0.0",
    complexity: "O(1)",
    tips: &["nondeterministic_output", "request_policy:all_shards", "response_policy:special"],
    ..Facts::NONE
};

const MEMORY_DOCTOR: Facts =
    Facts { name: "memory|doctor", summary: "Tells what looks wrong with the use of memory", ..REPORT };

const MEMORY_MALLOC_STATS: Facts = Facts {
    name: "memory|malloc-stats",
    summary: "Shows what the allocator knows of itself",
    complexity: "Grows with the memory that is allocated, and may be slow",
    ..REPORT
};

const MEMORY_PURGE: Facts = Facts {
    name: "memory|purge",
    summary: "Makes the allocator give unused pages back to the system",
    complexity: "Grows with the memory that is allocated, and may be slow",
    tips: &["request_policy:all_shards", "response_policy:all_succeeded"],
    ..REPORT
};

const MEMORY_STATS: Facts =
    Facts { name: "memory|stats", summary: "Tells what memory is used for", ..REPORT };

fn memory_doctor<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let report = doctor::report(&usage::memory(call), call.front.client_count());
    out.verbatim("txt", report.as_bytes());
    Ok(())
}

fn memory_malloc_stats<F: Front>(_: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let report = memory::allocator_report();
    out.verbatim("txt", &report);
    Ok(())
}

fn memory_purge<F: Front>(_: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    memory::purge().map_err(|_| CommandError::text("ERR Error purging dirty pages"))?;
    out.ok();
    Ok(())
}

/// A figure of MEMORY STATS.
enum Figure {
    Count(u64),
    Difference(i64),
    Ratio(f64),
}

fn memory_stats<F: Front>(call: ServerCall<'_, F>, _: &[&[u8]], out: &mut dyn Reply) -> CommandResult {
    let memory = usage::memory(call);
    let databases = usage::keyspace(call);
    let figures = figures(&memory, &databases);
    out.map(figures.len() + databases.len());
    for (at, (name, figure)) in figures.iter().enumerate() {
        if at == BEFORE_DATABASES {
            databases.iter().for_each(|database| write_database(database, out));
        }
        out.bulk(name.as_bytes());
        match figure {
            Figure::Count(count) => out.integer(i64::try_from(*count).unwrap_or(i64::MAX)),
            Figure::Difference(bytes) => out.integer(*bytes),
            Figure::Ratio(ratio) => out.double(*ratio),
        }
    }
    Ok(())
}

/// The figures that come before those of the databases.
const BEFORE_DATABASES: usize = 12;

#[expect(clippy::cast_precision_loss, reason = "ratios of sizes")]
fn figures(memory: &MemoryInfo, databases: &[DatabaseInfo]) -> Vec<(&'static str, Figure)> {
    use Figure::{Count, Difference, Ratio};
    let keys: u64 = databases.iter().map(|database| database.keys).sum();
    let ratio = |part: u64, whole: u64| Ratio(if whole == 0 { 0.0 } else { part as f64 / whole as f64 });
    let percent = |part: u64, whole: u64| {
        Ratio(if whole == 0 { 0.0 } else { (100.0 * part as f64 / whole as f64).min(100.0) })
    };
    let difference = |more: u64, less: u64| Difference(more.cast_signed().wrapping_sub(less.cast_signed()));
    let grown = memory.used.saturating_sub(memory.startup);
    let dataset = memory.used.saturating_sub(memory.overhead);
    let scripts = &memory.scripts;
    vec![
        ("peak.allocated", Count(memory.peak)),
        ("total.allocated", Count(memory.used)),
        ("startup.allocated", Count(memory.startup)),
        ("replication.backlog", Count(0)),
        ("replica.fullsync.buffer", Count(0)),
        ("clients.slaves", Count(0)),
        ("clients.normal", Count(memory.clients)),
        ("cluster.links", Count(0)),
        ("aof.buffer", Count(memory.log_buffer)),
        ("lua.caches", Count(scripts.cached_bytes as u64)),
        ("functions.caches", Count(scripts.libraries_bytes as u64)),
        ("script.VMs", Count((scripts.vm_scripts_bytes + scripts.vm_functions_bytes) as u64)),
        ("overhead.db.hashtable.lut", Count(memory.tables)),
        ("overhead.db.hashtable.rehashing", Count(0)),
        ("overhead.total", Count(memory.overhead)),
        ("db.dict.rehashing.count", Count(0)),
        ("keys.count", Count(keys)),
        ("keys.bytes-per-key", Count(grown.checked_div(keys).unwrap_or(0))),
        ("dataset.bytes", Count(dataset)),
        ("dataset.percentage", percent(dataset, grown)),
        ("peak.percentage", percent(memory.used, memory.peak)),
        ("allocator.allocated", Count(memory.allocator_allocated)),
        ("allocator.active", Count(memory.allocator_active)),
        ("allocator.resident", Count(memory.allocator_resident)),
        ("allocator.muzzy", Count(memory.allocator_muzzy)),
        ("allocator-fragmentation.ratio", ratio(memory.allocator_active, memory.allocator_allocated)),
        ("allocator-fragmentation.bytes", difference(memory.allocator_active, memory.allocator_allocated)),
        ("allocator-rss.ratio", ratio(memory.allocator_resident, memory.allocator_active)),
        ("allocator-rss.bytes", difference(memory.allocator_resident, memory.allocator_active)),
        ("rss-overhead.ratio", ratio(memory.resident, memory.allocator_resident)),
        ("rss-overhead.bytes", difference(memory.resident, memory.allocator_resident)),
        ("fragmentation", ratio(memory.resident, memory.used)),
        ("fragmentation.bytes", difference(memory.resident, memory.used)),
    ]
}

fn write_database(database: &DatabaseInfo, out: &mut dyn Reply) {
    out.bulk(format!("db.{}", database.db).as_bytes());
    out.map(2);
    out.bulk(b"overhead.hashtable.main");
    out.integer(i64::try_from(usage::table_bytes(database.keys)).unwrap_or(i64::MAX));
    // Deadlines lie with their keys; what else they take is the calendar.
    out.bulk(b"overhead.hashtable.expires");
    out.integer(i64::try_from(usage::calendar_bytes(database.expires)).unwrap_or(i64::MAX));
}
