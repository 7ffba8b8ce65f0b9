//! What it costs that operators can see inside: the same program with everything on, beside itself with everything off.
//!
//! On are the slow log, the logs of large requests and replies, the latency monitor, the times of all commands, with which the sketch of
//! hot keys goes, and the port of metrics, scraped each second. Rounds are short and many, and each server's come by turns: what else
//! runs on the machine falls on both alike. The median of the ratios of rounds is held against the goal.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;
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

/// As often as Prometheus would at its busiest.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);

/// Rounds that count for each one that is asked for: they are short.
const ROUNDS_EACH: usize = 4;

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

/// CPU time per operation of one server, in the rounds that count.
#[derive(Default)]
struct Cost {
    total_us: Vec<f64>,
    user_us: Vec<f64>,
}

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let one = args.server_cpu.to_string();
    let port = free_port()?;
    let metrics_port = port.to_string();
    let watched: Vec<&str> = ON.iter().copied().chain(["--metrics-port", &metrics_port]).collect();
    let servers = [
        Server::kora_with("all off", &programs.kora, &one, OFF)?,
        Server::kora_with("all on", &programs.kora, &one, &watched)?,
    ];
    println!(
        "CPU time per operation with all that shows something on, scraped each second, against all off; {} rounds, medians, ratios \
         with their quartiles.\n\n| workload | off, µs | on, µs | CPU ratio | user ratio | goal |\n|---|---|---|---|---|---|",
        args.rounds * ROUNDS_EACH
    );
    let scraped = AtomicU16::new(NOBODY);
    thread::scope(|scope| {
        let scraper = scope.spawn(|| scrape_each_second(&scraped));
        let mut wanted = WORKLOADS.iter().filter(|work| NAMES.contains(&work.name) && args.wants(work.name));
        let result = wanted.try_for_each(|work| {
            let costs = measure(args, programs, work, &servers, |is_watched| {
                scraped.store(if is_watched { port } else { NOBODY }, Ordering::Relaxed);
            })?;
            report(work, &costs);
            anyhow::Ok(())
        });
        scraped.store(END, Ordering::Relaxed);
        result.and(scraper.join().expect("a scraper does not panic"))
    })
}

/// In the place of the port that is scraped: none at the moment.
const NOBODY: u16 = 0;

/// The same: none any more. Servers have ports of their own choice far below.
const END: u16 = u16::MAX;

/// Scrapes the port of metrics that is told, each second.
fn scrape_each_second(scraped: &AtomicU16) -> anyhow::Result<()> {
    let mut next = Instant::now();
    loop {
        thread::sleep(Duration::from_millis(5));
        match scraped.load(Ordering::Relaxed) {
            END => return Ok(()),
            // A second of the other server's work is none of this one's.
            NOBODY => next += Duration::from_millis(5),
            port if Instant::now() >= next => {
                next = Instant::now() + SCRAPE_EVERY;
                let mut stream = TcpStream::connect(("127.0.0.1", port)).context("the metrics' port")?;
                stream.write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")?;
                let mut text = Vec::new();
                stream.read_to_end(&mut text)?;
                anyhow::ensure!(text.starts_with(b"HTTP/1.1 200 "), "a scrape was refused");
            }
            _ => {}
        }
    }
}

fn measure(
    args: &Args,
    programs: &Programs,
    work: &Workload,
    servers: &[Server],
    begins: impl Fn(bool),
) -> anyhow::Result<Vec<Cost>> {
    for (options, command) in work.preparation {
        servers.iter().try_for_each(|server| generate(args, programs, server, options, command).map(drop))?;
    }
    let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
    let operations = (work.operations * args.scale).round();
    let options = format!("-n {operations} {}", work.options);
    interleave(args.rounds * ROUNDS_EACH, servers.len(), |at, counts| {
        begins(at == 1);
        let before = servers[at].cpu_time()?;
        generate(args, programs, &servers[at], &options, work.command)?;
        let after = servers[at].cpu_time()?;
        if counts {
            let per_operation = |seconds: f64| seconds * 1e6 / operations;
            costs[at].total_us.push(per_operation(after.since(before)));
            costs[at].user_us.push(per_operation(after.user - before.user));
        }
        Ok(())
    })?;
    begins(false);
    Ok(costs)
}

fn report(work: &Workload, costs: &[Cost]) {
    let [off, on] = costs else { return };
    println!(
        "| {} | {:.3} | {:.3} | {} | {} | ≤ {GOAL} |",
        work.what,
        median(&off.total_us),
        median(&on.total_us),
        Spread::quartiles_of_ratios(&on.total_us, &off.total_us).finely(),
        Spread::quartiles_of_ratios(&on.user_us, &off.user_us).finely(),
    );
}
