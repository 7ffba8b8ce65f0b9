//! `differential`: the same random commands to Kora and to a real server; with `--users`, random users with rules; with `--search`, random queries to indexes and to a naive model.
//!
//! For long runs build optimised: `cargo run --release --package xtask -- differential --search --queries 1000000`.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, bail};
use kora_testkit::differential::{self, Generator, Plan};
use kora_testkit::process::Server;
use kora_testkit::searching::{self, Tally};
use kora_testkit::target::tcp::TcpTarget;

use crate::seeds;

/// Queries of one seed.
const QUERIES_PER_SEED: u64 = 1000;

/// Options of `differential`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// Decides every command
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Number of commands
    #[arg(long, default_value_t = 1_000_000)]
    commands: u64,
    /// Groups of commands, such as `list,hash`; all by default. Commands about keys are always among them
    #[arg(long, value_delimiter = ',', value_parser = clap::builder::PossibleValuesParser::new(Generator::groups()))]
    types: Vec<String>,
    /// The program of a real server
    #[arg(long, value_name = "PATH", required_unless_present = "search")]
    reference: Option<PathBuf>,
    /// A running server to compare with it, such as 127.0.0.1:6379. Its data is deleted
    #[arg(long, value_name = "ADDRESS", conflicts_with_all = ["program", "workers"])]
    kora: Option<String>,
    /// A server program to start instead; by default Kora is built and started
    #[arg(long, value_name = "PATH")]
    program: Option<PathBuf>,
    /// Workers of the Kora that is started, or simulated
    #[arg(long, default_value_t = 4)]
    workers: u16,
    /// Ask indexes instead, and compare with a look at every key
    #[arg(long, conflicts_with_all = ["reference", "kora", "program", "types"])]
    search: bool,
    /// Compare random users and their rules instead, this many. All users but `default` are deleted
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["search", "types"])]
    users: Option<u64>,
    /// Save and load random users instead, this many at once
    #[arg(long, value_name = "COUNT", conflicts_with_all = ["search", "types", "users", "kora"])]
    kept_users: Option<u64>,
    /// Number of queries
    #[arg(long, default_value_t = 1_000_000, requires = "search")]
    queries: u64,
    /// Number of shards, no fewer than workers
    #[arg(long, default_value_t = 6, requires = "search")]
    shards: u16,
    /// Number of threads; one per core if not given
    #[arg(long, requires = "search")]
    jobs: Option<usize>,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    if args.search {
        return search(args);
    }
    let files = tempfile::tempdir()?;
    let file_of_users = |name: &str| -> anyhow::Result<Vec<String>> {
        let path = files.path().join(name);
        std::fs::write(&path, "")?;
        let is_wanted = args.kept_users.is_some();
        Ok(if is_wanted { vec!["--aclfile".into(), path.display().to_string()] } else { Vec::new() })
    };
    let reference = args.reference.as_ref().context("a real server to compare with")?;
    let reference = Server::start(reference, &file_of_users("reference.acl")?)?;
    let started = match (&args.kora, &args.program) {
        (Some(_), _) => None,
        (None, Some(program)) => Some(Server::start(program, &file_of_users("other.acl")?)?),
        (None, None) => {
            let workers = args.workers.to_string();
            let options = ["--workers", &workers, "--gather-connections", "no"].map(String::from);
            Some(Server::start(&build_kora()?, &[&options[..], &file_of_users("other.acl")?].concat())?)
        }
    };
    let mut other = match (&started, &args.kora) {
        (Some(server), _) => server.target()?,
        (None, address) => TcpTarget::new(address.as_deref().context("a server to compare with")?)?,
    };
    if let Some(count) = args.users {
        let servers = (&mut reference.target()?, &mut other);
        let mut report = |agreed| println!("{agreed} users agree");
        differential::run_users(args.seed, count, servers, &mut report)?;
        println!("{count} users without a difference");
        return Ok(());
    }
    if let Some(count) = args.kept_users {
        differential::run_kept_users(args.seed, count, &mut [reference.target()?, other])?;
        println!("{count} users are after ACL SAVE and ACL LOAD what they were");
        return Ok(());
    }
    let plan = Plan { seed: args.seed, commands: args.commands, groups: args.types.clone() };
    let start = Instant::now();
    let mut next_report = 0;
    let finding = differential::run(&plan, &reference.target()?, &other, &mut |compared| {
        if compared >= next_report {
            println!("{compared} commands agree, {:.0} s", start.elapsed().as_secs_f64());
            next_report = compared + args.commands / 10;
        }
    })?;
    if let Some(finding) = finding {
        println!("{finding}");
        bail!("the servers differ");
    }
    println!("{} commands without a difference", args.commands);
    Ok(())
}

/// Queries to indexes, beside the naive model.
fn search(args: &Args) -> anyhow::Result<()> {
    let options = searching::Options {
        worker_count: args.workers.max(1),
        shard_count: args.shards.max(args.workers).max(1),
        query_count: QUERIES_PER_SEED,
    };
    let started = Instant::now();
    let count = args.queries.div_ceil(QUERIES_PER_SEED);
    let total =
        seeds::sum((args.seed, count), args.jobs, Tally::plus, |seed| searching::search(seed, &options))??;
    println!("{total:?} in {:.1} s, no difference", started.elapsed().as_secs_f64());
    Ok(())
}

/// Builds Kora's server in this program's profile; it lies beside this program.
fn build_kora() -> anyhow::Result<PathBuf> {
    let this = std::env::current_exe()?;
    let mut build = std::process::Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    build.args(["build", "--quiet", "--package", "kora-server"]);
    if this.components().any(|part| part.as_os_str() == "release") {
        build.arg("--release");
    }
    anyhow::ensure!(build.status()?.success(), "Kora could not be built");
    Ok(this.with_file_name("kora-server"))
}
