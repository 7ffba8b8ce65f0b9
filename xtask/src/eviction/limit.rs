//! How well the limit is kept under a flood of writes, and what evicting costs.

use std::path::Path;
use std::time::Instant;

use kora_core::hash::splitmix64;
use kora_testkit::process::Server;

use super::client::Client;
use super::{info, ratio, resident_bytes, start_kora};

/// The limit.
const LIMIT_BYTES: u64 = 200 << 20;

/// Connections that write at the same time.
const WRITERS: u64 = 4;

/// Requests sent before their replies are read.
const BATCH: usize = 32;

/// Writes of each connection in the flood, and in each round of the comparison of rates.
const FLOOD_WRITES: usize = 400_000;
const ROUND_WRITES: usize = 150_000;

/// Rounds of the comparison.
const ROUNDS: usize = 5;

/// Longest values of the flood; the mean is half of it.
const FLOOD_VALUE_BYTES: u64 = 2000;

/// Values of the comparison.
const ROUND_VALUE_BYTES: u64 = 256;

pub(super) fn run(kora: &Path) -> anyhow::Result<()> {
    println!("\nA flood of SETs at a limit of {} MB, {WRITERS} connections.\n", LIMIT_BYTES >> 20);
    println!(
        "| workers | policy | evicted keys | most in use | over the limit | resident |\n|---|---|---|---|---|---|"
    );
    for (workers, policy) in [(1, "allkeys-lru"), (4, "allkeys-lru"), (4, "allkeys-lfu"), (4, "volatile-ttl")]
    {
        flood(kora, workers, policy)?;
    }
    println!("\nWrites of new keys with and without a limit, {ROUNDS} rounds each in turn.\n");
    println!(
        "| workers | without, /s | evicting, /s | ratio | CPU without, µs | CPU evicting, µs |\n|---|---|---|---|---|---|"
    );
    for workers in [1, 4] {
        compare_rates(kora, workers)?;
    }
    Ok(())
}

fn flood(kora: &Path, workers: usize, policy: &str) -> anyhow::Result<()> {
    let server = start_kora(kora, workers)?;
    let mut client = Client::connect(&server.address())?;
    client.configure(&["maxmemory-policy", policy, "maxmemory", &LIMIT_BYTES.to_string()])?;
    write(&server, 1, FLOOD_WRITES, &|random| 1 + random % FLOOD_VALUE_BYTES)?;
    let (evicted, peak) = (info(&mut client, "evicted_keys")?, info(&mut client, "used_memory_peak")?);
    println!(
        "| {workers} | {policy} | {evicted} | {:.1} MB | {:.2} % | {:.1} MB |",
        ratio(peak, 1 << 20),
        100.0 * (ratio(peak, LIMIT_BYTES) - 1.0),
        ratio(resident_bytes(&server)?, 1 << 20),
    );
    Ok(())
}

/// Writes from several connections; returns the writes per second.
fn write(
    server: &Server,
    seed: u64,
    count: usize,
    value_bytes: &(dyn Fn(u64) -> u64 + Sync),
) -> anyhow::Result<f64> {
    let begun = Instant::now();
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| scope.spawn(move || write_one(server, seed * WRITERS + writer, count, value_bytes)))
            .collect();
        writers.into_iter().try_for_each(|writer| writer.join().expect("a writer does not panic"))
    })?;
    Ok(ratio(WRITERS * count as u64, 1) / begun.elapsed().as_secs_f64())
}

fn write_one(
    server: &Server,
    seed: u64,
    count: usize,
    value_bytes: &dyn Fn(u64) -> u64,
) -> anyhow::Result<()> {
    let mut client = Client::connect(&server.address())?;
    let mut state = seed;
    let value = vec![b'v'; usize::try_from(FLOOD_VALUE_BYTES)?];
    for first in (0..count).step_by(BATCH) {
        for number in first..(first + BATCH).min(count) {
            let len = usize::try_from(value_bytes(splitmix64(&mut state)))?;
            // All have a deadline, so that every policy finds something to evict.
            let key = format!("key:{seed}:{number}");
            client.push(&[b"SET", key.as_bytes(), &value[..len], b"EX", b"100000"]);
        }
        client.flush()?;
    }
    Ok(())
}

/// Rounds of writes to a server without a limit, emptied in between, and to one that is full.
fn compare_rates(kora: &Path, workers: usize) -> anyhow::Result<()> {
    let (free, full) = (start_kora(kora, workers)?, start_kora(kora, workers)?);
    let mut clients = [Client::connect(&free.address())?, Client::connect(&full.address())?];
    clients[1].configure(&[
        "maxmemory-policy",
        "allkeys-lru",
        "maxmemory",
        &(LIMIT_BYTES / 2).to_string(),
    ])?;
    write(&full, 1000, FLOOD_WRITES, &|_| ROUND_VALUE_BYTES)?;
    let mut rates = [Vec::new(), Vec::new()];
    let mut costs = [Vec::new(), Vec::new()];
    for round in 0..ROUNDS as u64 {
        for (at, server) in [&free, &full].into_iter().enumerate() {
            let before = cpu_seconds(server)?;
            rates[at].push(write(server, round, ROUND_WRITES, &|_| ROUND_VALUE_BYTES)?);
            costs[at].push(1e6 * (cpu_seconds(server)? - before) / ratio(WRITERS * ROUND_WRITES as u64, 1));
        }
        clients[0].push(&["FLUSHALL"]);
        clients[0].flush()?;
        // Freeing what was flushed shall not take time from the next round.
        std::thread::sleep(std::time::Duration::from_millis(500));
    }
    let [free_rate, full_rate] = rates.map(median);
    let [free_cost, full_cost] = costs.map(median);
    println!(
        "| {workers} | {free_rate:.0} | {full_rate:.0} | {:.2} | {free_cost:.2} | {full_cost:.2} |",
        full_rate / free_rate
    );
    Ok(())
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures[figures.len() / 2]
}

/// CPU time that a server has used so far.
fn cpu_seconds(server: &Server) -> anyhow::Result<f64> {
    let text = std::fs::read_to_string(format!("/proc/{}/stat", server.id()))?;
    let fields = text.rsplit(") ").next().unwrap_or_default().split_whitespace().skip(11).take(2);
    let ticks = fields.map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / f64::from(u32::try_from(rustix::param::clock_ticks_per_second())?))
}
