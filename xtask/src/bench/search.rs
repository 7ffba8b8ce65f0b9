//! What documents and searches cost beside RedisJSON and RediSearch.
//!
//! Both servers have one core and one thread; queries come from one connection, some at a time. Then Kora with several numbers of workers on all
//! cores, asked by several connections; and what other clients wait for while aggregates run.

mod beside;
mod documents;
mod queries;
mod writes;

use std::path::Path;
use std::thread;
use std::time::Instant;

use super::Args;
use super::client::Client;
use super::figures::{self, Figure};
use super::latency::pin_to;
use super::process::{Server, all_cpus};
use super::rounds::interleave;
use super::statistics::{Spread, median};
use documents::{Document, Random, TEXT_BYTES};
use queries::{GROUPS, QUERIES, Query};

/// Queries sent before their replies are read.
const PIPELINE: usize = 10;

/// Different queries of a kind.
const VARIANTS: usize = 100;

/// Connections of the load on several workers.
const CONNECTIONS: usize = 4;

/// Queries that take longer beside are measured on several workers.
const LONG_US: f64 = 500.0;

/// Goals of JSON.SET: CPU time beside, and resident bytes.
const SET_GOALS: (f64, f64) = (0.6, 270.0);
const INDEXED_SET_GOALS: (f64, f64) = (0.5, 600.0);

/// Documents a second and core that are indexed at least.
const BUILD_GOAL: f64 = 20e3;

/// What the rounds of one server came to.
#[derive(Clone, Default)]
struct Cost {
    cpu_us: Vec<f64>,
    rate: Vec<f64>,
}

pub(super) fn run(args: &Args, kora: &Path, modules: &Path) -> anyhow::Result<()> {
    let documents = documents::all(count(documents::COUNT, args.scale));
    let mut all = Vec::new();
    println!(
        "{} documents of {TEXT_BYTES} bytes, {} rounds; CPU time per operation; ratios are medians (least–most).\n\n\
         | what | redis | kora | ratio | goal |\n|---|---|---|---|---|",
        documents.len(),
        args.rounds
    );
    // What is pinned ends with its thread.
    let one = thread::scope(|scope| {
        let alone = || one_worker(args, (kora, modules), &documents, &mut all);
        scope.spawn(alone).join().expect("the measurement does not panic")
    })?;
    workers(args, kora, &documents)?;
    println!(
        "\nLatency of GET in microseconds, alone and beside an aggregate over all documents.\n\n\
         | server | p50 alone | p99 alone | p50 beside | p99 beside | goal |\n|---|---|---|---|---|---|"
    );
    one.iter().try_for_each(|server| beside::report(server, args.scale, GROUPS))?;
    for &workers in args.workers.iter().filter(|workers| **workers > 1) {
        let server = Server::kora(kora, &all_cpus(), workers)?;
        writes::measure(0, std::slice::from_ref(&server), &documents, true)?;
        beside::report(&server, args.scale, GROUPS)?;
    }
    args.figures.as_ref().map_or(Ok(()), |path| figures::write(path, &all))
}

/// Both servers on one core. Returns those that have the documents and the index.
fn one_worker(
    args: &Args,
    (kora, modules): (&Path, &Path),
    documents: &[Document],
    all: &mut Vec<Figure>,
) -> anyhow::Result<Vec<Server>> {
    let cpu = args.server_cpu.to_string();
    let start = || anyhow::Ok(vec![Server::redis(modules, &cpu)?, Server::kora(kora, &cpu, 1)?]);
    pin_to(args.client_cpu)?;
    if args.wants("JSON.SET") {
        let servers = start()?;
        let costs = writes::measure(args.rounds, &servers, documents, false)?;
        report_writes("JSON.SET", &servers, &costs, SET_GOALS, all);
        let costs = writes::build(args.rounds, &servers, documents)?;
        let [redis, kora] = [&costs[0], &costs[1]].map(|us| 1e6 / median(us));
        let ratio = Spread::of_ratios(&costs[1], &costs[0]);
        println!(
            "| index build, documents per CPU second | {redis:.0} | {kora:.0} | {ratio} | ≥ {BUILD_GOAL:.0} |"
        );
    }
    let servers = start()?;
    let rounds = if args.wants("JSON.SET") { args.rounds } else { 0 };
    let costs = writes::measure(rounds, &servers, documents, true)?;
    if rounds > 0 {
        report_writes("JSON.SET with the index", &servers, &costs, INDEXED_SET_GOALS, all);
    }
    for query in QUERIES.iter().filter(|query| args.wants(query.name)) {
        let costs = measure(args, query, &servers, 1)?;
        let ratio = Spread::of_ratios(&costs[1].cpu_us, &costs[0].cpu_us);
        let [redis, kora] = [&costs[0], &costs[1]].map(|cost| median(&cost.cpu_us));
        println!("| {} | {redis:.1} µs | {kora:.1} µs | {ratio} | {} |", query.name, query.goal);
        all.extend(servers.iter().zip(&costs).map(|(server, cost)| figure(query.name, server, cost)));
    }
    Ok(servers)
}

fn report_writes(
    what: &str,
    servers: &[Server],
    costs: &[writes::Cost],
    goals: (f64, f64),
    all: &mut Vec<Figure>,
) {
    let (redis, kora) = (&costs[0], &costs[1]);
    let ratio = Spread::of_ratios(&kora.set_us, &redis.set_us);
    let us = [redis, kora].map(|cost| median(&cost.set_us));
    println!("| {what} | {:.1} µs | {:.1} µs | {ratio} | ≤ {:.2} |", us[0], us[1], goals.0);
    let bytes = [
        (redis.resident, kora.resident, format!("≤ {:.0}", goals.1)),
        (redis.used, kora.used, String::new()),
    ];
    for (name, (redis, kora, goal)) in ["resident", "used_memory"].into_iter().zip(bytes) {
        println!(
            "| {what}, bytes per document, {name} | {redis:.0} | {kora:.0} | {:.2} | {goal} |",
            kora / redis
        );
    }
    for (server, cost) in servers.iter().zip(costs) {
        let cost = Cost { cpu_us: cost.set_us.clone(), rate: cost.rate.clone() };
        all.push(figure(what, server, &cost));
    }
}

/// Kora with several numbers of workers against the first of them.
fn workers(args: &Args, kora: &Path, documents: &[Document]) -> anyhow::Result<()> {
    let cpus = all_cpus();
    let servers: Vec<Server> = args
        .workers
        .iter()
        .map(|&workers| Server::kora(kora, &cpus, workers))
        .collect::<anyhow::Result<_>>()?;
    if servers.len() < 2 {
        return Ok(());
    }
    writes::measure(0, &servers, documents, true)?;
    println!(
        "\n{CONNECTIONS} connections; servers and load on all cores. Goals: CPU ≤ 1.20, throughput ≥ 1.60 for queries over \
         {LONG_US} µs.\n\n| query | server | CPU µs | against {} | operations/s | against it |\n|---|---|---|---|---|---|",
        servers[0].name
    );
    for query in QUERIES.iter().filter(|query| args.wants(query.name)) {
        let costs = measure(args, query, &servers, CONNECTIONS)?;
        for (server, cost) in servers.iter().zip(&costs) {
            println!(
                "| {} | {} | {:.1} | {} | {:.0} | {} |",
                query.name,
                server.name,
                median(&cost.cpu_us),
                Spread::of_ratios(&cost.cpu_us, &costs[0].cpu_us),
                median(&cost.rate),
                Spread::of_ratios(&cost.rate, &costs[0].rate),
            );
        }
    }
    Ok(())
}

/// Asks each server from so many connections, in interleaved rounds.
fn measure(args: &Args, query: &Query, servers: &[Server], connections: usize) -> anyhow::Result<Vec<Cost>> {
    let mut random = Random(7);
    let commands: Vec<Vec<String>> = (0..VARIANTS).map(|_| (query.command)(&mut random)).collect();
    let each = count(query.operations, args.scale).div_ceil(connections);
    let mut costs = vec![Cost::default(); servers.len()];
    interleave(args.rounds, servers.len(), |at, counts| {
        let server = &servers[at];
        let (before, begun) = (server.cpu_time()?, Instant::now());
        thread::scope(|scope| {
            let ask = || ask(server, &commands, each);
            let threads: Vec<_> = (0..connections).map(|_| scope.spawn(ask)).collect();
            threads.into_iter().try_for_each(|thread| thread.join().expect("a client does not panic"))
        })?;
        let seconds = begun.elapsed().as_secs_f64();
        let cpu_seconds = server.cpu_time()?.since(before);
        if counts {
            let done = f64::from(u32::try_from(each * connections)?);
            costs[at].cpu_us.push(cpu_seconds * 1e6 / done);
            costs[at].rate.push(done / seconds);
        }
        Ok(())
    })?;
    Ok(costs)
}

/// One connection's share of a round.
fn ask(server: &Server, commands: &[Vec<String>], operations: usize) -> anyhow::Result<()> {
    let mut client = Client::connect(server.address())?;
    for command in commands.iter().cycle().take(operations) {
        let words: Vec<&[u8]> = command.iter().map(String::as_bytes).collect();
        if client.push(&words) == PIPELINE {
            client.flush()?;
        }
    }
    client.flush().map(drop)
}

fn figure(what: &str, server: &Server, cost: &Cost) -> Figure {
    Figure {
        workload: what.to_owned(),
        server: server.name.clone(),
        cpu_us: median(&cost.cpu_us),
        rate: median(&cost.rate),
        p50_ms: None,
        p99_ms: None,
    }
}

/// A number of operations or documents, at some scale.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a number of operations")]
fn count(full: f64, scale: f64) -> usize {
    (full * scale).round().max(1.0) as usize
}
