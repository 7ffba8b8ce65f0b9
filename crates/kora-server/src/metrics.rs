//! All counters and gauges of the server: its workers', its engine's, and those that are found out when somebody asks.

use std::sync::Arc;

use kora_engine::metrics::{self, About, Measure, Metric, Reading, Section, Series, Unit};
use kora_engine::pubsub::Space;

use crate::shared::Shared;
use crate::shared::client::Client;
use crate::traffic::Traffic;

/// What is found out when somebody asks.
const FOUND_OUT: &[Metric<Shared>] = &[
    Metric::<Shared>::gauge(Section::Clients, "connected_clients", "Open connections", |shared| {
        count_clients(shared, |_| true)
    }),
    Metric::<Shared>::gauge(Section::Clients, "maxclients", "The limit of connections", |shared| {
        shared.config().max_clients.into()
    }),
    Metric::<Shared>::gauge(
        Section::Clients,
        "blocked_clients",
        "Clients that wait in a blocking command",
        |shared| count_clients(shared, |client| client.is_blocked()),
    ),
    Metric::<Shared>::gauge(
        Section::Clients,
        "pubsub_clients",
        "Clients that are subscribed to something",
        |shared| count_clients(shared, |client| client.is_subscriber()),
    ),
    Metric::<Shared>::gauge(
        Section::Clients,
        "tracking_clients",
        "Clients that keep copies of what they read",
        |shared| shared.engine.broker.readers.client_count() as u64,
    ),
    Metric::<Shared>::gauge(Section::Clients, "watching_clients", "Clients that watch keys", |shared| {
        count_clients(shared, |client| client.watched_keys() > 0)
    }),
    Metric::<Shared>::gauge(Section::Clients, "total_watched_keys", "Keys that clients watch", |shared| {
        shared.clients.all().iter().map(|client| client.watched_keys() as u64).sum()
    }),
    Metric::<Shared>::gauge(
        Section::Clients,
        "total_blocking_keys",
        "Keys that clients wait for",
        |shared| shared.engine.hub.shards().map(|shard| shared.engine.hub.awaited(shard).0).sum(),
    ),
    Metric::<Shared>::gauge(
        Section::Clients,
        "total_blocking_keys_on_nokey",
        "Keys at which clients wait to be told, too, that the key has gone",
        |shared| shared.engine.hub.shards().map(|shard| shared.engine.hub.awaited(shard).1).sum(),
    ),
    Metric::<Shared>::gauge(
        Section::Stats,
        "expired_stale_perc",
        "Share of keys with a deadline that have expired and were not deleted yet",
        |shared| {
            let (overdue, expiring) = (
                shared.engine.counters.sum_of_shards(|counters| &counters.overdue),
                shared.engine.counters.sum_of_shards(|counters| &counters.expiring),
            );
            hundredths_of_percent(overdue, expiring)
        },
    )
    .shown_in(Unit::Hundredths)
    .measured_in(Measure::HundredthsOfPercent),
    Metric::<Shared>::counter(
        Section::Stats,
        "evicted_scripts",
        "Scripts of EVAL that made way for others",
        |shared| shared.engine.scripts.figures().evicted,
    ),
    Metric::<Shared>::counter(
        Section::Stats,
        "scripts_on_all_shards",
        "Runs of scripts and functions with all stores, since their keys were not all declared",
        |shared| shared.engine.scripts.figures().runs_on_all,
    ),
    Metric::<Shared>::gauge(Section::Stats, "pubsub_channels", "Channels with subscribers", |shared| {
        shared.engine.broker.name_count(Space::Channels) as u64
    }),
    Metric::<Shared>::gauge(Section::Stats, "pubsub_patterns", "Patterns with subscribers", |shared| {
        shared.engine.broker.name_count(Space::Patterns) as u64
    }),
    Metric::<Shared>::gauge(
        Section::Stats,
        "pubsubshard_channels",
        "Shard channels with subscribers",
        |shared| shared.engine.broker.name_count(Space::ShardChannels) as u64,
    ),
    Metric::<Shared>::gauge(
        Section::Stats,
        "tracking_total_keys",
        "Keys noted as read, for clients that keep copies",
        |shared| shared.engine.broker.readers.readership().key_count() as u64,
    ),
    Metric::<Shared>::gauge(
        Section::Stats,
        "tracking_total_items",
        "Readers of noted keys, each counted for each of its keys",
        |shared| shared.engine.broker.readers.readership().item_count() as u64,
    ),
    Metric::<Shared>::gauge(
        Section::Stats,
        "tracking_total_prefixes",
        "Prefixes of keys that clients want to hear of",
        |shared| shared.engine.broker.readers.prefix_count() as u64,
    ),
    Metric::<Shared>::gauge(
        Section::Stats,
        "instantaneous_eventloop_duration_usec",
        "Time that a round took of late",
        |shared| {
            let nanoseconds = shared.sum(|traffic| &traffic.round_ns_per_second);
            (nanoseconds / 1000).checked_div(shared.sum(|traffic| &traffic.rounds_per_second)).unwrap_or(0)
        },
    )
    .measured_in(Measure::Microseconds),
];

/// Reads the metrics that are `wanted`.
pub(crate) fn read(shared: &Shared, wanted: impl Fn(&About) -> bool + Copy) -> Vec<Reading> {
    let mut readings = Vec::new();
    shared.engine.read_metrics(wanted, &mut readings);
    metrics::read(&Traffic::METRICS, shared.traffic.iter(), wanted, &mut readings);
    metrics::read(&[FOUND_OUT], std::iter::once(shared), wanted, &mut readings);
    readings
}

/// Reads all metrics, source by source.
pub(crate) fn read_series(shared: &Shared) -> Vec<Series> {
    let mut series = Vec::new();
    shared.engine.read_series(&mut series);
    metrics::read_series(&Traffic::METRICS, Some("worker"), shared.traffic.iter(), &mut series);
    metrics::read_series(&[FOUND_OUT], None, std::iter::once(shared), &mut series);
    series
}

fn count_clients(shared: &Shared, is_counted: impl Fn(&Client) -> bool) -> u64 {
    shared.clients.all().iter().map(Arc::as_ref).filter(|client| is_counted(client)).count() as u64
}

/// `part` of `whole` in hundredths of a percent; 0 of nothing.
fn hundredths_of_percent(part: u64, whole: u64) -> u64 {
    part.saturating_mul(10_000).checked_div(whole).unwrap_or(0)
}
