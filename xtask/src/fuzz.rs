//! `fuzz`: runs the fuzz bodies of the codec and of stored values on generated inputs, many, from one seed; and sends hostile arguments and
//! payloads to an engine ([`hostile`]); or sends random commands to a running server ([`storm`]).
//!
//! The inputs are dealt in chunks, each with a seed of its own, so that a run finds the same whatever the number of
//! threads. For long runs build optimised: `cargo run --release --package xtask -- fuzz requests --count 100000000`.

mod hostile;
mod mutate;
mod samples;

use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use clap::ValueEnum;
use kora_core::fuzz as core;
use kora_json::fuzz as json;
use kora_protocol::fuzz as protocol;
use kora_testkit::storm;

use hostile::Kind;

/// Inputs per chunk.
const CHUNK_INPUTS: u64 = 100_000;

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
    #[arg(long, default_value_t = 1_000_000)]
    count: u64,
    /// How many threads; one per core if not given
    #[arg(long)]
    jobs: Option<usize>,
    /// With `server`: the program; the one built in the release profile if not given
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// With `server`: its workers
    #[arg(long, default_value_t = 4)]
    workers: u16,
    /// With `server`: for how long; `count` is no matter then
    #[arg(long, default_value_t = 60)]
    seconds: u64,
}

#[derive(Clone, Copy, ValueEnum)]
enum Target {
    /// The server's parser of requests
    Requests,
    /// The client's decoder of replies
    Replies,
    /// HyperLogLogs
    Sketches,
    /// Packed collections
    Listpacks,
    /// Packed sets of integers
    Intsets,
    /// Blocks of streams
    Blocks,
    /// Values and files of the RDB format
    Rdb,
    /// JSON values, paths on them, and their payloads
    Json,
    /// Queries of FT commands
    Queries,
    /// Expressions of FT.AGGREGATE
    Expressions,
    /// Conditions of DOC.FIND
    Conditions,
    /// Paths of JSON commands
    Paths,
    /// Texts of JSON values
    Texts,
    /// Payloads of JSON values, suggestions and vector sets
    Payloads,
    /// What stands of indexes and collections in files
    Catalogs,
    /// Rules of users, and files of them
    Rules,
    /// Requests to the port of metrics and the console
    Http,
    /// A running server: random commands of its whole table on several connections
    Server,
}

/// Inputs tried, and those refused.
type Tally = [u64; 2];

impl Target {
    /// Runs so many inputs, from a seed.
    fn run(self, seed: u64, count: u64) -> Tally {
        let of_protocol = |tally: protocol::Tally| [tally.inputs, tally.refused];
        let of_core = |tally: core::Tally| [tally.inputs, tally.refused];
        let of_json = |tally: json::Tally| [tally.inputs, tally.refused];
        match self {
            Self::Requests => of_protocol(protocol::requests(seed, count)),
            Self::Replies => of_protocol(protocol::replies(seed, count)),
            Self::Sketches => of_core(core::sketches(seed, count)),
            Self::Listpacks => of_core(core::listpacks(seed, count)),
            Self::Intsets => of_core(core::intsets(seed, count)),
            Self::Blocks => of_core(core::blocks(seed, count)),
            Self::Rdb => of_core(core::stored_values(seed, count)),
            Self::Json => of_json(json::documents(seed, count)),
            Self::Queries => hostile::run(Kind::Queries, seed, count),
            Self::Expressions => hostile::run(Kind::Expressions, seed, count),
            Self::Conditions => hostile::run(Kind::Conditions, seed, count),
            Self::Paths => hostile::run(Kind::Paths, seed, count),
            Self::Texts => hostile::run(Kind::Texts, seed, count),
            Self::Payloads => hostile::run(Kind::Payloads, seed, count),
            Self::Catalogs => hostile::run(Kind::Catalogs, seed, count),
            Self::Rules => hostile::run(Kind::Rules, seed, count),
            Self::Http => hostile::run(Kind::Http, seed, count),
            Self::Server => Tally::default(),
        }
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if matches!(args.target, Target::Server) {
        return run_storm(args);
    }
    let jobs = match args.jobs {
        Some(jobs) => jobs.max(1),
        None => thread::available_parallelism()?.get(),
    };
    let started = Instant::now();
    let tally = run_chunks(args.target, args.seed, args.count, jobs);
    let [inputs, refused] = tally;
    let seconds = started.elapsed().as_secs_f64();
    println!("{inputs} inputs in {seconds:.1} s: {refused} refused, no promise broken");
    Ok(())
}

/// Commands to a running server.
fn run_storm(args: &Args) -> anyhow::Result<()> {
    let program = match &args.server {
        Some(program) => program.clone(),
        None => crate::program::build_kora()?,
    };
    let time = Duration::from_secs(args.seconds);
    let options =
        storm::Options { program: &program, workers: args.workers, seed: args.seed, epochs: u64::MAX, time };
    let tally = storm::run(&options, &mut |tally| println!("{tally}"))?;
    println!("{tally}: no promise broken");
    Ok(())
}

/// Deals the chunks to `jobs` threads. A broken promise panics in its thread, and then here.
fn run_chunks(target: Target, seed: u64, count: u64, jobs: usize) -> Tally {
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
                    let [inputs, refused] = target.run(seed.wrapping_add(chunk), inputs);
                    let mut total = total.lock().expect("no thread panics while it adds");
                    *total = [total[0] + inputs, total[1] + refused];
                }
            });
        }
    });
    total.into_inner().expect("a thread that panicked has ended the scope")
}
