//! `crash`: the storage's crash test, over many seeds; or with `--commands` the engine's, with all its commands, indexes and collections.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- crash --seeds 1000000`.

use std::time::Instant;

use anyhow::Context;
use kora_core::shard::probe::Rule;
use kora_engine::crash as commands;
use kora_storage::crash::{Anomaly, Flips, Tally, flips, run_anyhow, run_everywhere, run_in_pairs};
use kora_testkit::crash::COMPANY;

use crate::{rule, seeds};

/// Options of `crash`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// For one seed in so many, every kind of fault at every call of the disk, and pairs of them; and every byte flipped of a
    /// log whose process was killed
    #[arg(long, default_value_t = 500)]
    everywhere: u64,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
    /// The whole engine: every end at every call of the disk, and the other faults at one call in so many; then every byte of
    /// a log and of a snapshot flipped
    #[arg(long, value_name = "STRIDE", num_args = 0..=1, default_missing_value = "1")]
    commands: Option<usize>,
    /// With `--commands`: break this rule of the engine, and say at which seed that is noticed
    #[arg(long = "break", value_name = "RULE", value_parser = rule::parse, requires = "commands")]
    broken: Option<Rule>,
}

/// The crash test of all commands: in one thread, so that a seed says what happens.
fn run_commands(args: &Args, stride: usize) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut pool = commands::Pool::with(COMPANY);
    let mut total = commands::Tally::default();
    let seeds = args.from..args.from.saturating_add(args.seeds);
    if let Some(broken) = args.broken {
        commands::set_broken(Some(broken));
        let noticed = seeds.into_iter().find_map(|seed| commands::run(&mut pool, seed, &[], false).err());
        return rule::report(broken, noticed);
    }
    for seed in seeds {
        total = total.plus(commands::run_everywhere(&mut pool, seed, stride)?);
    }
    println!("{} seeds in {:.1} s: {total}", args.seeds, started.elapsed().as_secs_f64());
    for (name, flips) in [
        ("log", commands::flip_log(&mut pool, args.from, 1)),
        ("log after some idle time", commands::flip_idle_log(&mut pool, args.from, 1)),
        ("snapshot", commands::flip_snapshot(&mut pool, args.from, 1)),
    ] {
        let flips = flips.map_err(anyhow::Error::msg).context(name)?;
        println!("{name}: {flips:?}");
    }
    Ok(())
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if let Some(stride) = args.commands {
        return run_commands(args, stride);
    }
    let started = Instant::now();
    let plus = |a: (Tally, Flips), b: (Tally, Flips)| (a.0.plus(b.0), a.1.plus(b.1));
    let body = |seed: u64| -> Result<_, Anomaly> {
        if seed.checked_rem(args.everywhere) == Some(0) {
            let tally = run_everywhere(seed, 1)?.plus(run_in_pairs(seed, 1)?);
            Ok((tally, flips(seed, 1)?))
        } else {
            Ok((run_anyhow(seed)?, Flips::default()))
        }
    };
    let (total, flips) = seeds::sum((args.from, args.seeds), args.jobs, plus, body)??;
    println!("{} seeds in {:.1} s: {total}", args.seeds, started.elapsed().as_secs_f64());
    println!("{flips:?}");
    Ok(())
}
