//! Transactions: what one of three local commands costs beside Valkey, and what those over four shards do to others.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use super::client::Client;
use super::latency::pin_to;
use super::process::{Server, all_cpus};
use super::rounds::interleave;
use super::statistics::{Spread, median, quantile};
use super::{Args, Programs};

/// Transactions per server and round.
const TRANSACTIONS: usize = 40_000;

/// Commands of each, MULTI and EXEC included.
const COMMANDS: usize = 5;

/// Requests whose latency is measured, per round.
const REQUESTS: u64 = 40_000;

/// One request in so many is a transaction of another client.
const REQUESTS_PER_TRANSACTION: u64 = 100;

/// Keys on the four shards of four workers.
const SPREAD: [&[u8]; 4] = [b"{b}k", b"{c}k", b"{d}k", b"{a}k"];

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    pin_to(args.client_cpu)?;
    local(args, programs)?;
    drop_pin()?;
    spread(args, programs)
}

fn drop_pin() -> anyhow::Result<()> {
    let mut set = rustix::thread::CpuSet::new();
    (0..thread::available_parallelism()?.get()).for_each(|cpu| set.set(cpu));
    Ok(rustix::thread::sched_setaffinity(None, &set)?)
}

fn local(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let cpu = args.server_cpu.to_string();
    let servers = [Server::valkey(&programs.valkey, &cpu)?, Server::kora(&programs.kora, &cpu, 1)?];
    println!(
        "CPU time per command of MULTI, SET, GET, INCR, EXEC, {} rounds of {TRANSACTIONS} transactions.\n\n\
         | transactions at a time | valkey µs | kora µs | ratio | goal |\n|---|---|---|---|---|",
        args.rounds
    );
    for at_a_time in [1, 16] {
        let mut costs = [Vec::new(), Vec::new()];
        interleave(args.rounds, servers.len(), |at, counts| {
            let cost = cost_us(&servers[at], at_a_time)?;
            if counts {
                costs[at].push(cost);
            }
            Ok(())
        })?;
        let [valkey, kora] = costs;
        println!(
            "| {at_a_time} | {:.2} | {:.2} | {} | ≤ 0.60 |",
            median(&valkey),
            median(&kora),
            Spread::of_ratios(&kora, &valkey),
        );
    }
    Ok(())
}

fn cost_us(server: &Server, at_a_time: usize) -> anyhow::Result<f64> {
    let mut client = Client::connect(server.address())?;
    let value = [b'v'; 64];
    let before = server.cpu_time()?;
    for number in 0..TRANSACTIONS {
        let key = format!("key:{}", number % 10_000);
        let key = key.as_bytes();
        client.push(&[b"MULTI"]);
        client.push(&[b"SET", key, &value]);
        client.push(&[b"GET", key]);
        client.push(&[b"INCR", b"counter"]);
        if client.push(&[b"EXEC"]) >= at_a_time * COMMANDS {
            client.flush()?;
        }
    }
    client.flush()?;
    let seconds = server.cpu_time()?.since(before);
    Ok(seconds * 1e6 / f64::from(u32::try_from(TRANSACTIONS * COMMANDS)?))
}

fn spread(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let server = Server::kora(&programs.kora, &all_cpus(), 4)?;
    println!(
        "\nLatency of GET at 4 workers, alone and with one transaction over 4 shards to {REQUESTS_PER_TRANSACTION} \
         requests, {} rounds of {REQUESTS}.\n\n| | alone µs | with transactions µs | ratio | goal |\n|---|---|---|---|---|",
        args.rounds
    );
    let (mut alone, mut beside) = ([Vec::new(), Vec::new()], [Vec::new(), Vec::new()]);
    for round in 0..=args.rounds {
        for (has_transactions, figures) in [(false, &mut alone), (true, &mut beside)] {
            let latencies = latencies_ns(server.address(), has_transactions)?;
            if round > 0 {
                for (figures, part) in figures.iter_mut().zip([0.5, 0.99]) {
                    figures.push(f64::from(u32::try_from(quantile(&latencies, part))?) / 1e3);
                }
            }
        }
    }
    for (at, (name, goal)) in [("median", ""), ("p99", "≤ 2.00")].into_iter().enumerate() {
        println!(
            "| {name} | {:.1} | {:.1} | {} | {goal} |",
            Spread::of(alone[at].iter().copied()).median,
            Spread::of(beside[at].iter().copied()).median,
            Spread::of_ratios(&beside[at], &alone[at]),
        );
    }
    Ok(())
}

/// The latencies of requests one after the other, in ascending order.
fn latencies_ns(address: SocketAddr, has_transactions: bool) -> anyhow::Result<Vec<u64>> {
    let (sent, is_over) = (AtomicU64::new(0), AtomicBool::new(false));
    thread::scope(|scope| {
        let other = has_transactions.then(|| scope.spawn(|| send_transactions(address, &sent, &is_over)));
        let result = send_requests(address, &sent);
        is_over.store(true, Ordering::Relaxed);
        other.map(|other| other.join().expect("the client does not panic")).transpose()?;
        let mut latencies = result?;
        latencies.sort_unstable();
        Ok(latencies)
    })
}

fn send_requests(address: SocketAddr, sent: &AtomicU64) -> anyhow::Result<Vec<u64>> {
    let mut client = Client::connect(address)?;
    let mut latencies = Vec::new();
    for number in 0..REQUESTS {
        let key = format!("key:{}", number % 1000);
        let begun = Instant::now();
        client.call(&[b"GET", key.as_bytes()])?;
        latencies.push(u64::try_from(begun.elapsed().as_nanos())?);
        sent.store(number, Ordering::Relaxed);
    }
    Ok(latencies)
}

fn send_transactions(address: SocketAddr, sent: &AtomicU64, is_over: &AtomicBool) -> anyhow::Result<()> {
    let mut client = Client::connect(address)?;
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        if sent.load(Ordering::Relaxed) / REQUESTS_PER_TRANSACTION <= count {
            thread::sleep(Duration::from_micros(50));
            continue;
        }
        count += 1;
        client.push(&[b"MULTI"]);
        for key in SPREAD {
            client.push(&[b"INCR", key]);
        }
        client.call(&[b"EXEC"])?;
    }
    Ok(())
}
