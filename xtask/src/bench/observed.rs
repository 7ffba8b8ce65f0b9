//! What it costs that operators can see inside: the same program with everything on, beside itself with everything off.
//!
//! On are the slow log, the logs of large requests and replies, the latency monitor, the times of all commands, with which the sketch of
//! hot keys goes, and the port of metrics. Rounds are short and many, and the servers' come by turns: what else runs on the machine
//! falls on all alike. Where a process happens to lie in memory does not, and makes it some hundredths quicker or slower than its like for as
//! long as it runs: so the servers are started anew several times, and a second one with everything off shows what such chance amounts to. What a
//! scrape takes is measured by itself, since it would fall on one round in many; one each second is added as its share of the second,
//! as if the worker had no time to spare.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, ensure};
use kora_testkit::process::free_port;

use super::process::Server;
use super::rounds::interleave;
use super::speed::generate;
use super::statistics::{Spread, median};
use super::workloads::{WORKLOADS, Workload};
use super::{Args, Programs};

/// The workloads, by name: the shortest commands, where a check weighs most, with and without pipelines.
const NAMES: [&str; 5] = ["p1-set", "p1-get", "p16-set", "p16-get", "p16-incr"];

/// Most CPU per operation against a server that shows nothing.
const GOAL: f64 = 1.01;

/// Rounds that count of each start of the servers: they are short.
const ROUNDS_EACH: usize = 10;

/// Of a workload's operations, so much in one round.
const PART: f64 = 0.1;

/// Scrapes that are measured.
const SCRAPES: u32 = 20;

/// Nothing is watched.
const OFF: &[&str] = &[
    "--slowlog-log-slower-than",
    "-1",
    "--commandlog-request-larger-than",
    "-1",
    "--commandlog-reply-larger-than",
    "-1",
    "--latency-monitor-threshold",
    "0",
    "--latency-tracking",
    "no",
];

/// Everything is, by the values that are usual.
const ON: &[&str] = &[
    "--slowlog-log-slower-than",
    "10000",
    "--commandlog-request-larger-than",
    "1048576",
    "--commandlog-reply-larger-than",
    "1048576",
    "--latency-monitor-threshold",
    "100",
    "--latency-tracking",
    "yes",
];

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    println!(
        "CPU time per operation with all that shows something on, against all off, and of two with all off; {} starts of {ROUNDS_EACH} \
         rounds, medians, ratios with their quartiles.\n\n\
         | workload | off, µs | on, µs | CPU ratio | off beside off | and a scrape each second | goal |\n\
         |---|---|---|---|---|---|---|",
        args.rounds
    );
    let mut scrapes = Vec::new();
    for work in WORKLOADS.iter().filter(|work| NAMES.contains(&work.name) && args.wants(work.name)) {
        let (mut off, mut again, mut on) = (Vec::new(), Vec::new(), Vec::new());
        for _ in 0..args.rounds {
            let (servers, port) = start(args, programs)?;
            let [first, second, third] = measure(args, programs, work, &servers)?;
            off.extend(first);
            again.extend(second);
            on.extend(third);
            scrapes.push(scrape_seconds(&servers[2], port)?);
        }
        let ratio = Spread::quartiles_of_ratios(&on, &off);
        println!(
            "| {} | {:.3} | {:.3} | {} | {} | {:.3} | ≤ {GOAL} |",
            work.what,
            median(&off),
            median(&on),
            ratio.finely(),
            Spread::quartiles_of_ratios(&again, &off).finely(),
            ratio.median + median(&scrapes),
        );
    }
    println!("\nA scrape takes {:.2} ms of CPU time.", median(&scrapes) * 1e3);
    Ok(())
}

/// Two servers with everything off and one with everything on, and its port of metrics.
fn start(args: &Args, programs: &Programs) -> anyhow::Result<([Server; 3], u16)> {
    let one = args.server_cpu.to_string();
    let port = free_port()?;
    let metrics_port = port.to_string();
    let watched: Vec<&str> = ON.iter().copied().chain(["--metrics-port", &metrics_port]).collect();
    let servers = [
        Server::kora_with("all off", &programs.kora, &one, OFF)?,
        Server::kora_with("all off, too", &programs.kora, &one, OFF)?,
        Server::kora_with("all on", &programs.kora, &one, &watched)?,
    ];
    Ok((servers, port))
}

/// CPU time per operation of all servers in the rounds that count, in microseconds.
fn measure(
    args: &Args,
    programs: &Programs,
    work: &Workload,
    servers: &[Server; 3],
) -> anyhow::Result<[Vec<f64>; 3]> {
    for (options, command) in work.preparation {
        servers.iter().try_for_each(|server| generate(args, programs, server, options, command).map(drop))?;
    }
    let mut costs = [const { Vec::new() }; 3];
    let operations = (work.operations * args.scale * PART).round();
    let options = format!("-n {operations} {}", work.options);
    interleave(ROUNDS_EACH, servers.len(), |at, counts| {
        let before = servers[at].scheduled_seconds()?;
        generate(args, programs, &servers[at], &options, work.command)?;
        let seconds = servers[at].scheduled_seconds()? - before;
        if counts {
            costs[at].push(seconds * 1e6 / operations);
        }
        Ok(())
    })?;
    Ok(costs)
}

/// CPU time of a scrape, in seconds.
fn scrape_seconds(server: &Server, port: u16) -> anyhow::Result<f64> {
    let before = server.scheduled_seconds()?;
    for _ in 0..SCRAPES {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).context("the metrics' port")?;
        stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
        let mut text = Vec::new();
        stream.read_to_end(&mut text)?;
        ensure!(text.starts_with(b"HTTP/1.1 200 "), "a scrape was refused");
    }
    Ok((server.scheduled_seconds()? - before) / f64::from(SCRAPES))
}
