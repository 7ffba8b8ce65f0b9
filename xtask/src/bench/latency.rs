//! Latency of one connection that sends a request only when it has the reply to the one before.

use std::time::Instant;

use super::client::Client;
use super::process::Server;
use super::rounds::interleave;
use super::statistics::{Spread, median, quantile};
use super::{Args, Programs};

/// Requests per server and round.
const REQUESTS: usize = 30_000;

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let cpu = args.server_cpu.to_string();
    let servers = [
        Server::valkey(&programs.valkey, &cpu)?,
        Server::kora(&programs.kora, &cpu, args.workers.first().copied().unwrap_or(1))?,
    ];
    pin_to(args.client_cpu)?;
    println!(
        "Median latency of one connection, no pipelining, {} rounds of {REQUESTS}.\n\n\
         | command | valkey µs | kora µs | ratio | goal |\n|---|---|---|---|---|",
        args.rounds
    );
    let value = [b'v'; 256];
    let commands: [(&str, &[&[u8]]); 2] =
        [("SET, 256 bytes", &[b"SET", b"key", &value]), ("GET, 256 bytes", &[b"GET", b"key"])];
    for (name, command) in commands {
        let mut medians = [Vec::new(), Vec::new()];
        interleave(args.rounds, servers.len(), |at, counts| {
            let median = median_us(&servers[at], command)?;
            if counts {
                medians[at].push(median);
            }
            Ok(())
        })?;
        let [valkey, kora] = medians;
        println!(
            "| {name} | {:.1} | {:.1} | {} | ≤ 1.10 |",
            median(&valkey),
            median(&kora),
            Spread::of_ratios(&kora, &valkey),
        );
    }
    Ok(())
}

fn median_us(server: &Server, command: &[&[u8]]) -> anyhow::Result<f64> {
    let mut client = Client::connect(server.address())?;
    let mut nanoseconds = Vec::with_capacity(REQUESTS);
    for _ in 0..REQUESTS {
        let begun = Instant::now();
        client.call(command)?;
        nanoseconds.push(u64::try_from(begun.elapsed().as_nanos())?);
    }
    nanoseconds.sort_unstable();
    Ok(f64::from(u32::try_from(quantile(&nanoseconds, 0.5))?) / 1e3)
}

/// Keeps this thread, and those it starts, on one core.
pub(super) fn pin_to(cpu: usize) -> std::io::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    set.set(cpu);
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}
