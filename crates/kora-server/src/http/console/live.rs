//! What the console draws: the figures of `/metrics` in JSON, with all the times of commands that there are.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use serde_json::{Map, Value, json};

use crate::command::ServerCall;
use crate::command::info::{distributions, snapshot};
use crate::http::families::FAMILIES;
use crate::introspect::info::Sections;
use crate::introspect::info::snapshot::CommandStat;
use crate::metrics::read_series;
use kora_engine::metrics::Section;

/// The figures at this moment.
pub(super) fn text(call: ServerCall<'_>) -> Vec<u8> {
    let info = snapshot(call, Sections::without(&[Section::Latencystats, Section::Keysizes]));
    let mut figures = Map::new();
    for family in FAMILIES.into_iter().flatten() {
        figures.insert(family.name.to_owned(), json!((family.read)(&info)));
    }
    for series in read_series(call.front) {
        let about = series.about;
        let numbers: Vec<_> =
            series.numbers.iter().map(|number| about.measure.in_base_unit(*number)).collect();
        let name = about.exported_name();
        let name = name.strip_prefix(kora_engine::metrics::PREFIX).unwrap_or(&name).to_owned();
        figures.insert(name, if series.label.is_some() { json!(numbers) } else { json!(numbers.first()) });
    }
    figures.insert("cpu_seconds".to_owned(), json!(info.cpu.system + info.cpu.user));
    let (commands, steps) = commands(call, &info.commands);
    let databases: Vec<Value> = info
        .keyspace
        .iter()
        .map(|it| json!({ "db": it.db, "keys": it.keys, "expires": it.expires, "ttl_ms": it.average_ttl_ms }))
        .collect();
    let body = json!({
        "now_ms": call.now.0,
        "figures": figures,
        "shards": shards(call),
        "workers": workers(call),
        "databases": databases,
        "commands": commands,
        "steps": steps,
        "log_failure": info.persistence.log_failure,
        "policy": info.memory_policy,
        "os": info.server.os,
        "process": info.server.process_id,
    });
    body.to_string().into_bytes()
}

/// Each command that was called; and the counts of all calls by how long they took, in nanoseconds.
fn commands(call: ServerCall<'_>, stats: &[CommandStat]) -> (Vec<Value>, Vec<(u64, u64)>) {
    let mut all = BTreeMap::<u64, u64>::new();
    let mut times = BTreeMap::new();
    for (name, distribution) in distributions(call) {
        for (end, count) in distribution.steps() {
            *all.entry(end).or_default() += count;
        }
        times.insert(name, [50.0, 99.0, 99.9].map(|percent| distribution.percentile(percent)));
    }
    let row = |stat: &CommandStat| {
        json!({ "name": stat.name, "calls": stat.calls, "us": stat.total_us, "failed": stat.failed,
                "rejected": stat.rejected, "ns": times.get(stat.name) })
    };
    (stats.iter().map(row).collect(), all.into_iter().collect())
}

fn shards(call: ServerCall<'_>) -> Vec<Value> {
    let hub = &call.engine.hub;
    hub.shards()
        .map(|shard| {
            let keys: u64 = hub.usage(shard).iter().map(|usage| usage.keys.load(Ordering::Relaxed)).sum();
            let (lane, inbox) = hub.depths(shard);
            json!({ "keys": keys, "bytes": hub.memory_bytes(shard), "waiting": lane + inbox })
        })
        .collect()
}

fn workers(call: ServerCall<'_>) -> Vec<Value> {
    let hub = &call.engine.hub;
    hub.workers()
        .map(|worker| {
            let connections = call.front.traffic[worker.index()].connections.load(Ordering::Relaxed);
            json!({ "connections": connections, "waiting": hub.mail_depth(worker) })
        })
        .collect()
}
