//! `sim`: the seeded simulation of workers and clients, over many seeds.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- sim --seeds 1000000`.

use std::time::Instant;

use kora_testkit::simulation::{Options, Rule, Tally, simulate};

use crate::{rule, seeds};

/// Options of `sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many workers
    #[arg(long, default_value_t = 4)]
    workers: u16,
    /// How many shards, no fewer than workers
    #[arg(long, default_value_t = 6)]
    shards: u16,
    /// How many clients at a time
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
    /// Break this rule of the engine, and say at which seed that is noticed
    #[arg(long = "break", value_name = "RULE", value_parser = rule::parse)]
    broken: Option<Rule>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let options = Options {
        worker_count: args.workers.max(1),
        shard_count: args.shards.max(args.workers).max(1),
        client_count: args.clients,
        broken: args.broken,
        ..Options::default()
    };
    if let Some(broken) = args.broken {
        let seeds = args.from..args.from.saturating_add(args.seeds);
        return rule::report(broken, seeds.into_iter().find_map(|seed| simulate(seed, &options).err()));
    }
    let started = Instant::now();
    let total =
        seeds::sum((args.from, args.seeds), args.jobs, Tally::plus, |seed| simulate(seed, &options))??;
    println!(
        "{} seeds in {:.1} s: {} operations, {} commands, {} steps, {} long scripts, {} killed, {} refusals, {} moves, no anomaly",
        args.seeds,
        started.elapsed().as_secs_f64(),
        total.operations,
        total.commands,
        total.steps,
        total.long_scripts,
        total.kills,
        total.refusals,
        total.moves
    );
    Ok(())
}
