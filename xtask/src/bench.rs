//! `bench`: what Kora costs beside Valkey, measured in one interleaved run on this machine.
//!
//! The figure that counts is the server's CPU time per operation, read from `/proc`: on a small machine the load
//! generator saturates first and rates drift with whatever else runs, CPU per operation hardly does. All servers stay
//! up, each round visits every server once per workload in turning order, and the number of operations is fixed.
//! Tables come out as Markdown.

mod client;
mod complexity;
mod cores;
pub(crate) mod figures;
mod growth;
mod latency;
mod memory;
mod observed;
mod process;
mod publish;
mod rounds;
mod search;
mod speed;
mod statistics;
mod stops;
mod transactions;
mod workloads;

use std::path::{Path, PathBuf};

use anyhow::Context as _;

/// Options of `bench`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Folder with valkey-server (or valkey-server-8.1) and valkey-benchmark
    #[arg(long, value_name = "DIR", env = "KORA_REFERENCE_DIR")]
    redis_dir: Option<PathBuf>,
    /// The kora-server program; built in release if not given
    #[arg(long, value_name = "PATH")]
    kora: Option<PathBuf>,
    /// Rounds that count; one more warms up
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Only workloads or shapes whose name contains one of these
    #[arg(long, value_name = "TEXT", num_args = 1..)]
    only: Vec<String>,
    /// Numbers of workers: the first is held against Valkey, the others against the first
    #[arg(long, default_values_t = [1, 2], value_delimiter = ',')]
    workers: Vec<usize>,
    /// Share of the operations to do, for a quick look
    #[arg(long, default_value_t = 1.0)]
    scale: f64,
    /// Measure bytes of memory per key or element instead of speed
    #[arg(long)]
    memory: bool,
    /// Measure the latency of one connection without pipelining instead
    #[arg(long)]
    latency: bool,
    /// Measure what PUBLISH costs, by number of subscribers, instead
    #[arg(long)]
    publish: bool,
    /// Measure transactions instead
    #[arg(long)]
    transactions: bool,
    /// Measure pauses while a table grows to this many keys instead
    #[arg(long, value_name = "KEYS", num_args = 0..=1, default_missing_value = "20000000")]
    growth: Option<usize>,
    /// Count the instructions of commands on collections of several sizes instead; needs valgrind
    #[arg(long)]
    complexity: bool,
    /// Measure what several workers cost and gain, servers and load on all cores, instead
    #[arg(long)]
    cores: bool,
    /// Measure what metrics, slow log, latency monitor and times of commands cost, all on beside all off, instead
    #[arg(long)]
    observed: bool,
    /// Measure documents and searches, beside the program of --modules, instead
    #[arg(long, requires = "modules")]
    search: bool,
    /// A program that runs redis-server 8.0.2 with RedisJSON and RediSearch loaded: for --search
    #[arg(long, value_name = "PATH")]
    modules: Option<PathBuf>,
    /// Another kora-server program, measured beside: for --cores
    #[arg(long, value_name = "PATH")]
    before: Option<PathBuf>,
    /// Where to write the medians, for `plot`
    #[arg(long, value_name = "FILE")]
    figures: Option<PathBuf>,
    /// Measure for how long commands on values of so many members stop other clients instead
    #[arg(long, value_name = "MEMBERS", num_args = 0..=1, default_missing_value = "1000000")]
    stops: Option<usize>,
    /// Core of the servers; those with several workers use all cores
    #[arg(long, default_value_t = 0)]
    server_cpu: usize,
    /// Core of the load generator
    #[arg(long, default_value_t = 1)]
    client_cpu: usize,
}

/// The programs of a run.
struct Programs {
    kora: PathBuf,
    valkey: PathBuf,
    load: PathBuf,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.complexity {
        return complexity::run(args);
    }
    if let Some(members) = args.stops {
        return stops::run(args, &args.kora()?, members);
    }
    if let Some(modules) = args.modules.as_ref().filter(|_| args.search) {
        return search::run(args, &args.kora()?, &modules.canonicalize()?);
    }
    let programs = args.programs()?;
    if args.memory {
        return memory::run(args, &programs);
    }
    if args.latency {
        return latency::run(args, &programs);
    }
    if args.publish {
        return publish::run(args, &programs);
    }
    if args.observed {
        return observed::run(args, &programs);
    }
    if args.cores {
        return cores::run(args, &programs);
    }
    if args.transactions {
        return transactions::run(args, &programs);
    }
    if let Some(keys) = args.growth {
        return growth::run(args, &programs, keys);
    }
    speed::run(args, &programs)
}

impl Args {
    fn programs(&self) -> anyhow::Result<Programs> {
        let dir = self.redis_dir.as_deref().context(
            "where are the reference servers? Give --redis-dir or set KORA_REFERENCE_DIR to a folder with \
             valkey-server and valkey-benchmark",
        )?;
        let programs = Programs {
            valkey: first_of(dir, &["valkey-server-8.1", "valkey-server"])?,
            load: first_of(dir, &["valkey-benchmark"])?,
            kora: self.kora()?,
        };
        Ok(programs)
    }

    /// The server's program.
    fn kora(&self) -> anyhow::Result<PathBuf> {
        let kora = match &self.kora {
            Some(path) => path.clone(),
            None => crate::program::build_kora()?,
        };
        kora.canonicalize().with_context(|| kora.display().to_string())
    }

    /// Whether a workload or shape is wanted.
    fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|text| name.contains(text.as_str()))
    }
}

/// The first of some programs that a folder holds.
fn first_of(dir: &Path, names: &[&str]) -> anyhow::Result<PathBuf> {
    let found = names.iter().map(|name| dir.join(name)).find(|path| path.is_file());
    let path = found.with_context(|| format!("no {} in {}", names.join(" or "), dir.display()))?;
    Ok(path.canonicalize()?)
}
