//! Clients of other shards while one shard is kept busy by commands of 2 ms, one after the other.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_core::slot::Slot;
use kora_protocol::encode_request;
use rustix::event::{PollFd, PollFlags, poll};

use super::SHARDS_PER_WORKER;
use super::line::Line;
use crate::bench::Args;
use crate::bench::process::{Server, all_cpus};
use crate::bench::statistics::{Spread, quantile};

/// What one command on the busy shard is to take.
const BUSY: Duration = Duration::from_millis(2);

/// Connections of other clients.
const CONNECTIONS: usize = 50;

/// How long one measurement takes.
const ROUND: Duration = Duration::from_secs(2);

/// The command that looks through a list in vain.
const COMMAND: &str = "LPOS {busy}list none";

pub(super) fn run(args: &Args, kora: &std::path::Path) -> anyhow::Result<()> {
    println!(
        "\nLatency of GET on other shards' keys, {CONNECTIONS} connections, without and with one connection that sends commands of \
         2 ms to one shard, one after the other: {} rounds.\n\n\
         | workers | | quiet µs | busy µs | ratio | goal | 2 ms commands a second |\n|---|---|---|---|---|---|---|",
        args.rounds
    );
    for &workers in args.workers.iter().filter(|workers| **workers > 1) {
        let server = Server::kora(kora, &all_cpus(), workers)?;
        let mut commander = Line::connect(server.address())?;
        prepare(&mut commander)?;
        let keys = other_keys(&mut commander, workers * SHARDS_PER_WORKER)?;
        let mut figures = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
        let mut commands = 0;
        for _ in 0..args.rounds {
            let quiet = latencies(server.address(), &keys, ROUND)?;
            let (busy, count) = beside(&mut commander, || latencies(server.address(), &keys, ROUND))?;
            commands += count;
            for (latencies, figures) in [quiet, busy].iter().zip(&mut figures) {
                for (share, figures) in [0.5, 0.99].into_iter().zip(figures) {
                    figures.push(f64::from(u32::try_from(quantile(latencies, share) / 1000)?));
                }
            }
        }
        let per_second = commands as f64 / (ROUND.as_secs_f64() * args.rounds as f64);
        let [quiet, busy] = &figures;
        for (at, (name, goal)) in [("median", ""), ("p99", "≤ 1.50")].into_iter().enumerate() {
            println!(
                "| {workers} | {name} | {:.0} | {:.0} | {} | {goal} | {per_second:.0} |",
                Spread::of(quiet[at].iter().copied()).median,
                Spread::of(busy[at].iter().copied()).median,
                Spread::of_ratios(&busy[at], &quiet[at]),
            );
        }
    }
    Ok(())
}

/// Makes a list through which it takes 2 ms to look.
fn prepare(line: &mut Line) -> anyhow::Result<()> {
    let elements = |count: usize| (0..count).map(|at| format!("element:{at:07}")).collect::<Vec<_>>();
    loop {
        let batch = elements(2000);
        let mut args: Vec<&[u8]> = vec![b"RPUSH", b"{busy}list"];
        args.extend(batch.iter().map(String::as_bytes));
        line.push(&args);
        line.flush()?;
        let took = (0..5).map(|_| timed(line)).collect::<anyhow::Result<Vec<_>>>()?;
        if took.into_iter().min() >= Some(BUSY) {
            return Ok(());
        }
    }
}

fn timed(line: &mut Line) -> anyhow::Result<Duration> {
    let begun = Instant::now();
    line.call(COMMAND)?;
    Ok(begun.elapsed())
}

/// Sets keys of all other shards, and returns requests for them.
fn other_keys(line: &mut Line, shards: usize) -> anyhow::Result<Vec<Vec<u8>>> {
    let shards = u16::try_from(shards)?;
    let shard_of = |key: &[u8]| Slot::of(key).shard(shards);
    let mut requests = Vec::new();
    for key in (0..1000).map(|number| format!("key:{number}")) {
        if shard_of(key.as_bytes()) != shard_of(b"{busy}") {
            line.call(&format!("SET {key} value"))?;
            let mut request = Vec::new();
            encode_request(&mut request, &[b"GET", key.as_bytes()]);
            requests.push(request);
        }
    }
    Ok(requests)
}

/// Does something while the busy shard is kept busy; says how often it was asked.
fn beside<T>(commander: &mut Line, body: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<(T, usize)> {
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                commander.call(COMMAND)?;
                count += 1;
            }
            anyhow::Ok(count)
        });
        let done = body();
        is_over.store(true, Ordering::Relaxed);
        let count = thread.join().expect("the commander does not panic")?;
        Ok((done?, count))
    })
}

/// Latencies of requests, each sent on its connection when the one before was answered, sorted; in nanoseconds.
fn latencies(address: SocketAddr, requests: &[Vec<u8>], time: Duration) -> anyhow::Result<Vec<u64>> {
    let mut streams = (0..CONNECTIONS)
        .map(|_| {
            let stream = TcpStream::connect(address)?;
            stream.set_nodelay(true)?;
            Ok(stream)
        })
        .collect::<std::io::Result<Vec<_>>>()?;
    let begun = Instant::now();
    let mut sent = vec![begun; CONNECTIONS];
    let mut next = 0;
    let mut request = || {
        next = (next + 1) % requests.len();
        &requests[next][..]
    };
    for (stream, sent) in streams.iter_mut().zip(&mut sent) {
        *sent = Instant::now();
        stream.write_all(request())?;
    }
    let (mut latencies, mut buffer) = (Vec::new(), [0; 256]);
    while begun.elapsed() < time {
        let mut polled: Vec<PollFd<'_>> =
            streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        poll(&mut polled, None)?;
        let is_ready: Vec<bool> = polled.iter().map(|polled| !polled.revents().is_empty()).collect();
        for at in (0..CONNECTIONS).filter(|at| is_ready[*at]) {
            anyhow::ensure!(streams[at].read(&mut buffer)? > 0, "the server closed the connection");
            let now = Instant::now();
            latencies.push(u64::try_from(now.duration_since(sent[at]).as_nanos())?);
            sent[at] = now;
            streams[at].write_all(request())?;
        }
    }
    latencies.sort_unstable();
    Ok(latencies)
}
