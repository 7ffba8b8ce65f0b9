//! `fuzz`: runs the fuzz bodies of the codec on generated inputs, many, from one seed.
//!
//! The inputs are dealt in chunks, each with a seed of its own, so that a run finds the same whatever the number of
//! threads. For long runs build optimised: `cargo run --release --package xtask -- fuzz requests --count 100000000`.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Instant;

use clap::ValueEnum;
use kora_protocol::fuzz::{Tally, replies, requests};

/// Inputs per chunk.
const CHUNK_INPUTS: u64 = 1_000_000;

/// Options of `fuzz`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// What is to read the inputs
    #[arg(value_enum)]
    target: Target,
    /// Same seed, same inputs
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// How many inputs
    #[arg(long, default_value_t = CHUNK_INPUTS)]
    count: u64,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// The server's parser of requests
    Requests,
    /// The client's decoder of replies
    Replies,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let body = match args.target {
        Target::Requests => requests,
        Target::Replies => replies,
    };
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism()?.get(),
    };
    let started = Instant::now();
    let tally = run_chunks(body, args.seed, args.count, jobs);
    println!(
        "{} inputs in {:.1} s: {} frames, {} inputs refused, no promise broken",
        tally.inputs,
        started.elapsed().as_secs_f64(),
        tally.frames,
        tally.refused
    );
    Ok(())
}

/// Deals the chunks to `jobs` threads. A broken promise panics in its thread, and then here.
fn run_chunks(body: fn(u64, u64) -> Tally, seed: u64, count: u64, jobs: usize) -> Tally {
    let next_chunk = AtomicU64::new(0);
    let total = Mutex::new(Tally::default());
    thread::scope(|scope| {
        for _ in 0..jobs {
            scope.spawn(|| {
                loop {
                    let chunk = next_chunk.fetch_add(1, Ordering::Relaxed);
                    let inputs = count.saturating_sub(chunk.saturating_mul(CHUNK_INPUTS)).min(CHUNK_INPUTS);
                    if inputs == 0 {
                        break;
                    }
                    let tally = body(seed.wrapping_add(chunk), inputs);
                    let mut total = total.lock().expect("no thread panics while it adds");
                    *total = total.plus(tally);
                }
            });
        }
    });
    total.into_inner().expect("a thread that panicked has ended the scope")
}
