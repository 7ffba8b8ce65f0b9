//! `sim`: the seeded simulation of shards and clients, over many seeds.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- sim --seeds 1000000`.

use std::time::Instant;

use kora_testkit::simulation::{Options, Tally, simulate};

use crate::seeds;

/// Options of `sim`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 100_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// How many shards
    #[arg(long, default_value_t = 4)]
    shards: u16,
    /// How many clients at a time
    #[arg(long, default_value_t = 8)]
    clients: usize,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let options =
        Options { shard_count: args.shards.max(1), client_count: args.clients, ..Options::default() };
    let started = Instant::now();
    let total =
        seeds::sum((args.from, args.seeds), args.jobs, Tally::plus, |seed| simulate(seed, &options))??;
    println!(
        "{} seeds in {:.1} s: {} operations, {} commands, {} steps, no anomaly",
        args.seeds,
        started.elapsed().as_secs_f64(),
        total.operations,
        total.commands,
        total.steps
    );
    Ok(())
}
