//! `/metrics`: everything that is counted, as Prometheus reads it.
//!
//! The table of metrics is walked as it is; what INFO writes out by itself is in [`super::families`]. What is left here has labels: commands,
//! errors, databases, shards, workers. All labels are bounded: by the tables of commands and data types, and the configuration.

use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::shard::hub::DatabaseUsage;
use kora_core::shard::lent_time::LentTime;
use kora_core::slot::{ShardId, WorkerId};
use kora_engine::front::Front;
use kora_engine::metrics::{Kind, Section};

use super::families::FAMILIES;
use super::page::Page;
use crate::command::ServerCall;
use crate::command::info::{distributions, snapshot};
use crate::disk_times::Times;
use crate::introspect::info::Sections;
use crate::introspect::info::snapshot::{CommandStat, DatabaseInfo, InfoSnapshot};
use crate::metrics::read_series;
use crate::shared::Shared;

/// The whole page; in OpenMetrics if `is_open`.
pub(super) fn text(call: ServerCall<'_>, is_open: bool) -> String {
    let info = snapshot(call, Sections::without(&[Section::Latencystats, Section::Keysizes]));
    let mut page = Page::new(is_open);
    about_process(&info, &mut page);
    for family in FAMILIES.into_iter().flatten() {
        page.family(family.name, family.kind, family.help);
        if let Some(value) = (family.read)(&info) {
            page.sample(&[], value);
        }
    }
    table(call, &mut page);
    databases(&info, &mut page);
    shards(call, &mut page);
    workers(call, &mut page);
    commands(call, &info, &mut page);
    disk(call, &mut page);
    first_names(call, &info, &mut page);
    page.finish()
}

fn about_process(info: &InfoSnapshot, page: &mut Page) {
    page.family("info", Kind::Gauge, "What runs here");
    let server = &info.server;
    page.sample(
        &[
            ("version", &server.kora_version),
            ("redis_version", &server.redis_version),
            ("os", &server.os),
            ("run_id", &server.run_id),
            ("maxmemory_policy", info.memory_policy),
        ],
        1.0,
    );
    page.family("cpu_seconds_total", Kind::Counter, "Processor time");
    page.sample(&[("mode", "system")], info.cpu.system);
    page.sample(&[("mode", "user")], info.cpu.user);
}

/// The table of metrics.
fn table(call: ServerCall<'_>, page: &mut Page) {
    for series in read_series(call.front) {
        let about = series.about;
        page.family(&about.exported_name(), about.kind, about.help);
        for (source, number) in series.numbers.iter().enumerate() {
            let value = about.measure.in_base_unit(*number);
            match series.label {
                Some(label) => page.sample(&[(label, &source.to_string())], value),
                None => page.sample(&[], value),
            }
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn databases(info: &InfoSnapshot, page: &mut Page) {
    type Read = fn(&DatabaseInfo) -> f64;
    let families: [(&str, &str, Read); 4] = [
        ("db_keys", "Keys of a database", |database| database.keys as f64),
        ("db_expiring_keys", "Its keys with a deadline", |database| database.expires as f64),
        ("db_average_ttl_seconds", "Mean time until the deadline of those", |database| {
            database.average_ttl_ms as f64 / 1000.0
        }),
        ("db_expiring_hashes", "Its hashes that have fields with a deadline", |database| {
            database.expiring_hashes as f64
        }),
    ];
    for (name, help, read) in families {
        page.family(name, Kind::Gauge, help);
        for database in &info.keyspace {
            page.sample(&[("db", &database.db.to_string())], read(database));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn shards(call: ServerCall<'_>, page: &mut Page) {
    let hub = &call.engine.hub;
    let mut family = |name, help, read: &dyn Fn(ShardId) -> u64| {
        page.family(name, Kind::Gauge, help);
        for shard in hub.shards() {
            page.sample(&[("shard", &shard.0.to_string())], read(shard) as f64);
        }
    };
    let sum = |shard, count: fn(&DatabaseUsage) -> &AtomicU64| {
        hub.usage(shard).iter().map(|usage| count(usage).load(Ordering::Relaxed)).sum()
    };
    family("shard_keys", "Keys of a shard", &|shard| sum(shard, |usage| &usage.keys));
    family("shard_expiring_keys", "Its keys with a deadline", &|shard| sum(shard, |usage| &usage.expires));
    family("shard_memory_bytes", "Of its keys, values, their tables and deadlines, and indexes", &|shard| {
        hub.memory_bytes(shard)
    });
    family("shard_lane_depth", "Operations on several shards that wait in its lane", &|shard| {
        hub.depths(shard).0 as u64
    });
    family("shard_inbox_depth", "Messages that wait in its inbox", &|shard| hub.depths(shard).1 as u64);
    family("shard_awaited_keys", "Its keys that clients wait for", &|shard| hub.awaited(shard).0);
    family("shard_overdue_keys", "Its keys that have expired and were not deleted yet", &|shard| {
        call.engine.counters.of_shard(shard).overdue.load(Ordering::Relaxed)
    });
    lendings(call, page);
    page.family("multi_shard_operations_total", Kind::Counter, "Operations on several shards");
    page.sample(&[], hub.tickets() as f64);
}

#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn lendings(call: ServerCall<'_>, page: &mut Page) {
    type Read = fn(&LentTime, u64) -> f64;
    let families: [(&str, &str, Read); 2] = [
        ("shard_lendings_total", "How often its store was lent", |lent, _| lent.count() as f64),
        (
            "shard_lent_seconds_total",
            "Time for which its store was lent, and nothing else could run on it",
            |lent, now_ns| lent.nanoseconds(now_ns) as f64 / 1e9,
        ),
    ];
    let (hub, now_ns) = (&call.engine.hub, Shared::nanoseconds());
    for (name, help, read) in families {
        page.family(name, Kind::Counter, help);
        for shard in hub.shards() {
            page.sample(&[("shard", &shard.0.to_string())], read(hub.lent(shard), now_ns));
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn workers(call: ServerCall<'_>, page: &mut Page) {
    let hub = &call.engine.hub;
    let mut family = |name, help, read: &dyn Fn(WorkerId) -> usize| {
        page.family(name, Kind::Gauge, help);
        for worker in hub.workers() {
            page.sample(&[("worker", &worker.0.to_string())], read(worker) as f64);
        }
    };
    family("worker_connections", "Connections that a worker serves", &|worker| {
        call.front.traffic[worker.index()].connections.load(Ordering::Relaxed)
    });
    family("worker_mailbox_depth", "Messages that wait for it", &|worker| hub.mail_depth(worker));
}

#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn commands(call: ServerCall<'_>, info: &InfoSnapshot, page: &mut Page) {
    type Read = fn(&CommandStat) -> f64;
    let families: [(&str, &str, Read); 4] = [
        ("command_calls_total", "Calls of a command", |stat| stat.calls as f64),
        ("command_seconds_total", "Time that its calls took", |stat| stat.total_us as f64 / 1e6),
        ("command_rejected_total", "Calls refused before they ran", |stat| stat.rejected as f64),
        ("command_failed_total", "Calls that ran and answered an error", |stat| stat.failed as f64),
    ];
    for (name, help, read) in families {
        page.family(name, Kind::Counter, help);
        for stat in &info.commands {
            page.sample(&[("command", stat.name)], read(stat));
        }
    }
    page.histograms("command_duration_seconds", "How long calls of a command took: latency-tracking");
    for (name, times) in distributions(call) {
        let stat = info.commands.iter().find(|stat| stat.name == name);
        page.histogram(
            &[("command", name), ("cmd", name)],
            &times,
            stat.map_or(0, |stat| stat.total_us * 1000),
        );
    }
    page.family("errors_total", Kind::Counter, "Replies that were errors, by their first word");
    for stat in &info.errors {
        let code = kora_core::text::bytes(&stat.prefix);
        page.sample(&[("code", &String::from_utf8_lossy(&code))], stat.count as f64);
    }
}

/// What has another name above, under the names that it had first: dashboards are made of those, too.
#[expect(clippy::cast_precision_loss, reason = "samples are doubles")]
fn first_names(call: ServerCall<'_>, info: &InfoSnapshot, page: &mut Page) {
    page.family("commands_total", Kind::Counter, "Calls of a command: kora_command_calls_total");
    for stat in &info.commands {
        page.sample(&[("cmd", stat.name)], stat.calls as f64);
    }
    // What ends like this only grows elsewhere.
    page.untyped("keys_total", "Keys: the sum of kora_db_keys");
    page.sample(&[], info.keyspace.iter().map(|database| database.keys).sum::<u64>() as f64);
    page.family(
        "bytes_in_total",
        Kind::Counter,
        "Bytes read from clients: the sum of kora_net_input_bytes_total",
    );
    page.sample(&[], call.front.sum(|traffic| &traffic.bytes_in) as f64);
    page.family(
        "bytes_out_total",
        Kind::Counter,
        "Bytes sent to clients: the sum of kora_net_output_bytes_total",
    );
    page.sample(&[], call.front.sum(|traffic| &traffic.bytes_out) as f64);
}

/// What the disk takes.
fn disk(call: ServerCall<'_>, page: &mut Page) {
    let times = &call.front.disk_times;
    let families: [(&str, &str, &Times); 4] = [
        ("log_write_duration_seconds", "How long writes to the log took", &times.log_writes),
        ("log_fsync_duration_seconds", "How long it took to make the log durable", &times.log_syncs),
        ("snapshot_write_duration_seconds", "How long writes of snapshots took", &times.snapshot_writes),
        ("snapshot_fsync_duration_seconds", "How long it took to make them durable", &times.snapshot_syncs),
    ];
    for (name, help, times) in families {
        page.histograms(name, help);
        if let Some((distribution, sum_ns)) = times.read() {
            page.histogram(&[], &distribution, sum_ns);
        }
    }
}
