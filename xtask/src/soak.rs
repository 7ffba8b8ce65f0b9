//! `soak`: the server that users run, under mixed load, while it is ended, filled up, cut off from its disk and reconfigured.
//!
//! Phases follow one another in an order drawn from the seed ([`phases`]); clients of all kinds are at work meanwhile. What
//! must hold at every moment is listed in CONTRIBUTING.md. The first violation ends the run and is told.

mod company;
mod counters;
mod figures;
mod ledger;
mod link;
mod load;
mod phases;
mod searches;
mod site;
mod stage;
mod watch;

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{bail, ensure};
use clap::ValueEnum as _;
use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::process::free_port;
use kora_testkit::simulation::random::Random;
use parking_lot::Mutex;

use ledger::Ledger;
use phases::{Guide, Phase};
use site::Site;
use stage::Stage;
use watch::Checks;

/// A megabyte.
const MB: u64 = 1 << 20;

/// `maxmemory`.
const LIMIT_BYTES: u64 = 48 * MB;

/// Clients with ledgers.
const CLIENTS: usize = 8;

/// Clients of each other kind.
const COMPANY: usize = 2;

/// Options of `soak`.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// How long; every phase comes at least once
    #[arg(long, default_value_t = 1.0)]
    minutes: f64,
    /// Workers of the server
    #[arg(long, default_value_t = 4)]
    workers: u16,
    /// Decides the order of phases and what clients send
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The kora-server program; if not given, one is built in release that asserts the order of locks
    #[arg(long, value_name = "PATH")]
    server: Option<PathBuf>,
    /// Phases, and the checks `account`, `counters`, `resident` and `log`, to leave out
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = known)]
    without: Vec<String>,
    /// Only these phases
    #[arg(long, value_delimiter = ',', value_enum, value_name = "PHASES")]
    only: Vec<Phase>,
    /// Longest time that a reply may take, in milliseconds
    #[arg(long, default_value_t = 5000, value_name = "MS")]
    reply_limit: u64,
}

/// Checks that `--without` turns off.
const CHECKS: [&str; 4] = ["account", "counters", "resident", "log"];

fn known(name: &str) -> Result<String, String> {
    let is_known = CHECKS.contains(&name) || Phase::from_str(name, false).is_ok();
    is_known.then(|| name.to_owned()).ok_or_else(|| "there is no such phase or check".to_owned())
}

impl Args {
    /// A run of the length and seed that continuous integration has.
    pub(crate) fn for_ci(server: PathBuf) -> Self {
        let (without, only) = (Vec::new(), Vec::new());
        Self { minutes: 1.0, workers: 4, seed: 1, server: Some(server), without, only, reply_limit: 5000 }
    }

    fn has(&self, name: &str) -> bool {
        !self.without.iter().any(|without| without == name)
    }

    fn phases(&self) -> Vec<Phase> {
        let name = |phase: &Phase| phase.to_possible_value().map(|value| value.get_name().to_owned());
        let all = Phase::value_variants().iter().copied();
        all.filter(|phase| self.only.is_empty() || self.only.contains(phase))
            .filter(|phase| name(phase).is_some_and(|name| self.has(&name)))
            .collect()
    }
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let program = match &args.server {
        Some(path) => path.clone(),
        None => crate::program::build_kora_with_lock_order()?,
    };
    ensure!(program.is_file(), "{} is no file", program.display());
    let phases = args.phases();
    ensure!(!phases.is_empty(), "no phase is left");
    let site = Site::new()?;
    println!("soak: {}, {} workers, seed {}", program.display(), args.workers, args.seed);
    println!("soak: {}", site.describe());
    let mut launch = Launch::new(&program, site.dir(), &[]);
    let metrics_port = free_port()?;
    launch.options = options(args.workers, metrics_port);
    launch.ignores_size_signal = site.needs_errors();
    let server = launch.start()?;
    let stage = Stage::new(Duration::from_millis(args.reply_limit));
    stage.move_to(server.address());
    let begun = Instant::now();
    let server = Mutex::new(server);
    let result = perform(args, &phases, &stage, Grounds { site: &site, launch: &launch, server, metrics_port });
    println!("\n{}", stage.figures);
    let result = match (stage.violation(), result) {
        (Some(violation), _) => Err(anyhow::anyhow!(violation)),
        (None, result) => result,
    };
    if let Err(violation) = result {
        println!("soak: the log and the files are kept in {}", site.keep()?.display());
        bail!(
            "soak: violated after {:.0} s, seed {}: {violation:#}",
            begun.elapsed().as_secs_f64(),
            args.seed
        );
    }
    println!("soak: {:.0} s, nothing was violated", begun.elapsed().as_secs_f64());
    Ok(())
}

fn options(workers: u16, metrics_port: u16) -> Vec<String> {
    let (workers, limit, port) = (workers.to_string(), LIMIT_BYTES.to_string(), metrics_port.to_string());
    let options = [
        ["--metrics-port", &port, "--latency-monitor-threshold", "100", "--slowlog-log-slower-than", "1000"],
        ["--workers", &workers, "--maxmemory", &limit, "--maxmemory-policy", "volatile-lru"],
        ["--appendonly", "yes", "--appendfsync", "everysec", "--busy-reply-threshold", "100"],
        ["--save", "", "--auto-aof-rewrite-min-size", "16mb", "--enable-debug-command", "yes"],
    ];
    options.concat().into_iter().map(str::to_owned).collect()
}

/// What is played on: the server, how it is started, where its files are and its metrics.
struct Grounds<'a> {
    site: &'a Site,
    launch: &'a Launch,
    server: Mutex<Program>,
    metrics_port: u16,
}

/// Runs clients, watch and phases until the time is over or something is violated.
fn perform(args: &Args, phases: &[Phase], stage: &Stage, grounds: Grounds<'_>) -> anyhow::Result<()> {
    let Grounds { site, launch, server, metrics_port } = grounds;
    let ledgers: Vec<_> = (0..CLIENTS).map(|client| Mutex::new(Ledger::new(client))).collect();
    let mut random = Random::new(args.seed);
    let end = Instant::now() + Duration::from_secs_f64(args.minutes * 60.0);
    let checks = Checks { resident: args.has("resident"), log: args.has("log") };
    let log = launch.log();
    thread::scope(|scope| {
        for ledger in &ledgers {
            let seed = random.bits();
            scope.spawn(move || load::work(stage, ledger, seed));
        }
        for _ in 0..COMPANY {
            let seeds = [random.bits(), random.bits(), random.bits(), random.bits()];
            scope.spawn(move || company::come_and_go(stage, seeds[0]));
            scope.spawn(move || company::wait(stage, seeds[1]));
            scope.spawn(move || company::ask(stage, seeds[2]));
            scope.spawn(move || searches::search(stage, seeds[3]));
        }
        let seed = random.bits();
        scope.spawn(move || company::push(stage, seed));
        scope.spawn(|| company::listen(stage));
        scope.spawn(|| watch::watch(stage, &server, &log, checks));
        scope.spawn(|| tell(stage));
        let mut guide = Guide {
            stage,
            site,
            launch,
            server: &server,
            ledgers: &ledgers,
            random,
            fsync: "everysec",
            checks_account: args.has("account"),
            metrics_port: args.has("counters").then_some(metrics_port),
        };
        let result = guide.run(phases, end);
        // What watches the process may be about to say that it is gone.
        if result.is_err() && stage.violation().is_none() {
            thread::sleep(Duration::from_secs(1));
        }
        stage.end();
        result
    })
}

/// A line every minute.
fn tell(stage: &Stage) {
    let begun = Instant::now();
    let mut minute = 1;
    while !stage.is_over() {
        thread::sleep(Duration::from_millis(100));
        if begun.elapsed() >= Duration::from_secs(60 * minute) {
            let figures = &stage.figures;
            println!(
                "minute {minute}: {} commands, {} kills, {} restarts, {} snapshots, {} rewrites, {} scripts killed, \
                 {} full disks; at most {} MB resident, reply {} ms",
                figures.commands(),
                figures.count("ends by SIGKILL"),
                figures.count("restarts by SIGTERM"),
                figures.count("snapshots"),
                figures.count("rewrites"),
                figures.count("scripts killed") + figures.count("functions killed"),
                figures.count("full disks"),
                figures.most("resident memory, MB"),
                figures.most("reply time, ms"),
            );
            minute += 1;
        }
    }
}
