//! Whether a growing table makes anybody wait: in a bare store, and as a client beside a bulk load sees it.

use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::ensure;

use super::client::Client;
use super::latency::pin_to;
use super::process::Server;
use super::statistics::quantile;
use super::{Args, Programs};

/// Requests that the loading connection sends at once.
const BATCH_REQUESTS: usize = 64;

/// Pause between two probes: often enough to meet every pause that lasts.
const PROBE_PAUSE: Duration = Duration::from_micros(200);

/// Keys that the load without growth overwrites.
const STEADY_KEYS: usize = 100_000;

pub(super) fn run(args: &Args, programs: &Programs, keys: usize) -> anyhow::Result<()> {
    in_process(keys)?;
    beside_a_load(args, programs, keys)
}

/// Runs the bench of a bare store, which has a program of its own so that it is always built optimised.
fn in_process(keys: usize) -> anyhow::Result<()> {
    let status = Command::new(env!("CARGO"))
        .args(["bench", "--quiet", "--package", "kora-benches", "--bench", "growth", "--"])
        .arg(keys.to_string())
        .status()?;
    ensure!(status.success(), "the bench of a bare store failed");
    Ok(())
}

fn beside_a_load(args: &Args, programs: &Programs, keys: usize) -> anyhow::Result<()> {
    let server = Server::kora(&programs.kora, &args.server_cpu.to_string(), 1)?;
    pin_to(args.client_cpu)?;
    println!(
        "\nLatency of PING beside a connection that loads keys, pipeline {BATCH_REQUESTS}, one worker.\n\n\
         | load | requests | median µs | p99 µs | p99.9 µs | longest µs |\n|---|---|---|---|---|---|"
    );
    let steady = keys / 4;
    report("none", probe(&server, 0, |_| 0)?);
    report("overwrites keys", probe(&server, steady, |index| index % STEADY_KEYS)?);
    report("adds keys", probe(&server, keys, |index| index)?);
    Ok(())
}

/// Latencies, sorted, while `count` keys, numbered by `key_of`, are set; for a second if there are none.
fn probe(server: &Server, count: usize, key_of: fn(usize) -> usize) -> anyhow::Result<Vec<u64>> {
    let is_over = AtomicBool::new(false);
    let mut latencies = std::thread::scope(|scope| {
        let prober = scope.spawn(|| probe_until(server, &is_over));
        let loaded = load(server, count, key_of);
        is_over.store(true, Ordering::Relaxed);
        let latencies = prober.join().expect("the prober does not panic");
        loaded.and(latencies)
    })?;
    latencies.sort_unstable();
    Ok(latencies)
}

fn probe_until(server: &Server, is_over: &AtomicBool) -> anyhow::Result<Vec<u64>> {
    let mut client = Client::connect(server.address())?;
    let mut latencies = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        std::thread::sleep(PROBE_PAUSE);
        let begun = Instant::now();
        client.call(&[b"PING"])?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    Ok(latencies)
}

fn load(server: &Server, count: usize, key_of: fn(usize) -> usize) -> anyhow::Result<()> {
    if count == 0 {
        std::thread::sleep(Duration::from_secs(1));
    }
    let mut client = Client::connect(server.address())?;
    for index in 0..count {
        let key = format!("key:{:012}", key_of(index));
        if client.push(&[b"SET", key.as_bytes(), b"a value of 16 B."]) == BATCH_REQUESTS {
            client.flush()?;
        }
    }
    client.flush().map(drop)
}

fn report(load: &str, latencies: Vec<u64>) {
    let at = |share| quantile(&latencies, share) / 1000;
    println!("| {load} | {} | {} | {} | {} | {} |", latencies.len(), at(0.5), at(0.99), at(0.999), at(1.0));
}
