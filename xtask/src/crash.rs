//! `crash`: the storage's crash test, over many seeds.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- crash --seeds 1000000`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use kora_storage::crash::{Tally, run_anyhow, run_everywhere, run_in_pairs};

/// Options of `crash`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How many seeds
    #[arg(long, default_value_t = 20_000)]
    seeds: u64,
    /// The first of them
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// For one seed in so many, every kind of fault at every call of the disk, and pairs of them
    #[arg(long, default_value_t = 500)]
    everywhere: u64,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
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
                    let is_everywhere = seed.checked_rem(args.everywhere) == Some(0);
                    let outcome = if is_everywhere {
                        run_everywhere(seed, 1).and_then(|tally| Ok(tally.plus(run_in_pairs(seed, 1)?)))
                    } else {
                        run_anyhow(seed)
                    };
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
    println!("{} seeds in {:.1} s: {total}", args.seeds, started.elapsed().as_secs_f64());
    Ok(())
}
