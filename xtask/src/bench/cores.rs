//! What more than one worker costs and gains: servers and load generator share all cores.

use std::process::Command;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;

use anyhow::{Context as _, bail};

use super::client::Client;
use super::figures::{self, Figure};
use super::process::{Server, all_cpus};
use super::rounds::interleave;
use super::statistics::{Spread, median};
use super::workloads::{MSET_10, words};
use super::{Args, Programs};

/// One kind of work. Options are the load generator's.
struct Work {
    name: &'static str,
    operations: f64,
    kind: Kind,
    /// Most CPU per operation of several workers against one.
    goal: f64,
}

enum Kind {
    /// The load generator's, after a preparation.
    Load { options: &'static str, command: &'static str, fill: Option<(&'static str, &'static str)> },
    /// GET, and one in a hundred an EXEC over all shards.
    Mix,
}

const fn load(
    options: &'static str,
    command: &'static str,
    fill: Option<(&'static str, &'static str)>,
) -> Kind {
    Kind::Load { options, command, fill }
}

const FILL: Option<(&str, &str)> =
    Some(("-c 50 -P 16 -d 256 -r 200000 -n 600000", "SET key:__rand_int__ __data__"));

const GET: &str = "GET key:__rand_int__";
const SET: &str = "SET key:__rand_int__ __data__";

const WORK: &[Work] = &[
    Work {
        name: "GET, 50 connections",
        operations: 100e3,
        kind: load("-c 50 -r 200000", GET, FILL),
        goal: 1.1,
    },
    Work {
        name: "GET, 500 connections",
        operations: 100e3,
        kind: load("-c 500 -r 200000", GET, FILL),
        goal: 1.1,
    },
    Work { name: "GET, 4 connections", operations: 60e3, kind: load("-c 4 -r 200000", GET, FILL), goal: 1.1 },
    Work {
        name: "SET, pipeline 16",
        operations: 800e3,
        kind: load("-c 50 -P 16 -d 256 -r 200000", SET, None),
        goal: 1.1,
    },
    Work {
        name: "GET, pipeline 16",
        operations: 800e3,
        kind: load("-c 50 -P 16 -r 200000", GET, FILL),
        goal: 1.1,
    },
    Work {
        name: "MSET of 10, pipeline 4",
        operations: 150e3,
        kind: load("-c 50 -P 4 -d 16 -r 100000", MSET_10, None),
        goal: 1.2,
    },
    Work {
        name: "LPUSH, pipeline 16",
        operations: 600e3,
        kind: load("-c 50 -P 16 -d 32 -r 20000", "LPUSH l:__rand_int__ __data__", None),
        goal: 1.1,
    },
    Work { name: "GET with 1 % EXEC, pipeline 16", operations: 400e3, kind: Kind::Mix, goal: 1.1 },
];

/// Connections of the mix, each with a thread.
const MIX_CONNECTIONS: u64 = 8;

/// Requests of the mix sent at once.
const MIX_PIPELINE: usize = 16;

/// Keys that an EXEC of the mix reads and writes: on every shard of up to 16.
const EXEC_KEYS: u64 = 64;

/// What one server spent in the rounds that count.
#[derive(Default)]
struct Cost {
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
    p50_ms: Vec<f64>,
    p99_ms: Vec<f64>,
}

/// What the clients of one run saw.
struct Seen {
    rate: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub(super) fn run(args: &Args, programs: &Programs) -> anyhow::Result<()> {
    let servers = start(args, programs)?;
    println!(
        "CPU time per operation, servers and load generator on all cores, {} rounds; medians, ratios with their range.\n\n\
         | workload | server | CPU µs | against {} | goal | operations/s | p50 ms | p99 ms |\n\
         |---|---|---|---|---|---|---|---|",
        args.rounds, servers[0].name
    );
    let mut all = Vec::new();
    for work in WORK.iter().filter(|work| args.wants(work.name)) {
        let costs = measure(args, programs, work, &servers)?;
        for (server, cost) in servers.iter().zip(&costs) {
            all.push(report(work, (server, cost), &costs[0]));
        }
    }
    args.figures.as_ref().map_or(Ok(()), |path| figures::write(path, &all))
}

/// Kora with the first number of workers is what the others are held against.
fn start(args: &Args, programs: &Programs) -> anyhow::Result<Vec<Server>> {
    let cpus = all_cpus();
    let mut servers = Vec::new();
    for &workers in &args.workers {
        servers.push(Server::kora(&programs.kora, &cpus, workers)?);
    }
    if let Some(before) = &args.before {
        for &workers in &args.workers {
            servers.push(Server::kora_before(before, &cpus, workers)?);
        }
    }
    for threads in [1, 2] {
        servers.push(Server::valkey_with(&programs.valkey, &cpus, threads)?);
    }
    Ok(servers)
}

fn measure(args: &Args, programs: &Programs, work: &Work, servers: &[Server]) -> anyhow::Result<Vec<Cost>> {
    let mut costs: Vec<Cost> = servers.iter().map(|_| Cost::default()).collect();
    let operations = (work.operations * args.scale).round();
    for server in servers {
        prepare(programs, work, server)?;
    }
    interleave(args.rounds, servers.len(), |at, counts| {
        let before = servers[at].cpu_time()?;
        let (seen, done) = match &work.kind {
            Kind::Load { options, command, .. } => {
                let options = format!("-n {operations} {options}");
                (generate(programs, &servers[at], &options, command)?, operations)
            }
            Kind::Mix => mix(&servers[at], operations)?,
        };
        let seconds = servers[at].cpu_time()?.since(before);
        if counts {
            costs[at].cpu_us.push(seconds * 1e6 / done);
            costs[at].rate.push(seen.rate);
            costs[at].p50_ms.push(seen.p50_ms);
            costs[at].p99_ms.push(seen.p99_ms);
        }
        Ok(())
    })?;
    Ok(costs)
}

fn prepare(programs: &Programs, work: &Work, server: &Server) -> anyhow::Result<()> {
    match work.kind {
        Kind::Load { fill: Some((options, command)), .. } => {
            generate(programs, server, options, command).map(drop)
        }
        Kind::Load { .. } => Ok(()),
        Kind::Mix => {
            let mut client = Client::connect(server.address())?;
            for number in 0..10_000 {
                client.call(&[b"SET", format!("key:{number}").as_bytes(), &[b'v'; 256]])?;
            }
            Ok(())
        }
    }
}

/// Runs the load generator once.
fn generate(programs: &Programs, server: &Server, options: &str, command: &str) -> anyhow::Result<Seen> {
    let output = Command::new(&programs.load)
        .args(["-p", &server.port.to_string(), "--csv"])
        .args(options.split_whitespace())
        .args(words(options, command)?)
        .output()
        .context("the load generator")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() || text.contains("rror") {
        bail!("the load on {} failed: {text}{}", server.name, String::from_utf8_lossy(&output.stderr));
    }
    let line = text.lines().last().unwrap_or_default();
    let fields: Vec<f64> =
        line.split("\",\"").filter_map(|field| field.trim_matches('"').parse().ok()).collect();
    // Rate; then average, least, p50, p95, p99 and most in milliseconds.
    let [.., rate, _, _, p50_ms, _, p99_ms, _] = fields[..] else { bail!("no figures in {text}") };
    Ok(Seen { rate, p50_ms, p99_ms })
}

/// Runs the mix once: what was seen, and the number of commands, those of transactions included.
fn mix(server: &Server, operations: f64) -> anyhow::Result<(Seen, f64)> {
    let begun = std::time::Instant::now();
    let done = AtomicU64::new(0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of operations")]
    let share = operations as u64 / MIX_CONNECTIONS;
    let latencies: Vec<Vec<u64>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..MIX_CONNECTIONS)
            .map(|seed| (seed, &done))
            .map(|(seed, done)| scope.spawn(move || mix_of_one(server, (seed, share), done)))
            .collect();
        let results = threads.into_iter().map(|thread| thread.join().expect("a client does not panic"));
        results.collect::<anyhow::Result<_>>()
    })?;
    let mut all: Vec<u64> = latencies.concat();
    all.sort_unstable();
    let milliseconds = |share| {
        let us = u32::try_from(super::statistics::quantile(&all, share)).unwrap_or(u32::MAX);
        f64::from(us) / 1000.0
    };
    let done = f64::from(u32::try_from(done.into_inner())?);
    let rate = done / begun.elapsed().as_secs_f64();
    Ok((Seen { rate, p50_ms: milliseconds(0.5), p99_ms: milliseconds(0.99) }, done))
}

/// What one connection of the mix does; the latencies of its batches, in microseconds.
fn mix_of_one(server: &Server, (seed, share): (u64, u64), done: &AtomicU64) -> anyhow::Result<Vec<u64>> {
    let mut client = Client::connect(server.address())?;
    let (mut state, mut sent, mut latencies) = (seed * 2 + 1, 0, Vec::new());
    let mut at = 0_u64;
    while sent < share {
        let begun = std::time::Instant::now();
        for _ in 0..MIX_PIPELINE {
            at += 1;
            if at % 100 == seed * 12 {
                sent += 2 + EXEC_KEYS;
                client.push(&[b"MULTI"]);
                for key in 0..EXEC_KEYS {
                    client.push(&[b"GET", format!("key:{key}").as_bytes()]);
                }
                client.push(&[b"EXEC"]);
            } else {
                // Knuth's generator, of which the upper bits are used.
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                sent += 1;
                client.push(&[b"GET", format!("key:{}", (state >> 33) % 10_000).as_bytes()]);
            }
        }
        client.flush()?;
        latencies.push(u64::try_from(begun.elapsed().as_micros())?);
    }
    done.fetch_add(sent, Ordering::Relaxed);
    Ok(latencies)
}

/// Prints a row, and returns it.
fn report(work: &Work, (server, cost): (&Server, &Cost), base: &Cost) -> Figure {
    let figure = Figure {
        workload: work.name.to_owned(),
        server: server.name.clone(),
        cpu_us: median(&cost.cpu_us),
        rate: median(&cost.rate),
        p50_ms: Some(median(&cost.p50_ms)),
        p99_ms: Some(median(&cost.p99_ms)),
    };
    println!(
        "| {} | {} | {:.2} | {} | ≤ {:.2} | {:.0} | {:.2} | {:.2} |",
        figure.workload,
        figure.server,
        figure.cpu_us,
        Spread::of_ratios(&cost.cpu_us, &base.cpu_us),
        work.goal,
        figure.rate,
        median(&cost.p50_ms),
        median(&cost.p99_ms),
    );
    figure
}
