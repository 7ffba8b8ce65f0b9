//! `sim`: the seeded simulation of shards and clients, over many seeds.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- sim --seeds 1000000`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use kora_testkit::simulation::{Options, Tally, simulate};

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
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism()?.get(),
    };
    let started = Instant::now();
    let end = args.from.saturating_add(args.seeds);
    let next = AtomicU64::new(args.from);
    let result = Mutex::new(Ok(Tally::default()));
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= end {
                        break;
                    }
                    let outcome = simulate(seed, &options);
                    let mut result = result.lock().expect("no thread panics while it adds");
                    match (&mut *result, outcome) {
                        (Ok(total), Ok(tally)) => *total = total.plus(tally),
                        (Ok(_), Err(anomaly)) => *result = Err(anomaly),
                        (Err(_), _) => break,
                    }
                }
            });
        }
    });
    let total = result.into_inner().expect("a thread that panicked has ended the scope")?;
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
