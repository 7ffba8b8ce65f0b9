//! For how long a command that takes long stops others: clients that ask for one small value a thousand times a second, while
//! commands run on values of a million members.
//!
//! What a client waits for is work of the worker that serves it, or a core that something else has. So beside each stop stands how
//! long the prober's worker ran meanwhile, by the kernel's account of its thread, and the busiest worker, which may have had the shard in
//! hand: a stop without work is the machine's. Of several rounds the one with the shortest stop counts.

mod busy;
mod cases;
mod fixture;
mod line;
mod probe;

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use kora_core::slot::Slot;

use super::Args;
use super::process::{Server, all_cpus};
use cases::{CASES, Case};
use line::Line;
use probe::{Probes, Stop};

/// Behind the end of a command, its rest is freed or swept: the probes go on for so long.
const TAIL: Duration = Duration::from_millis(100);

/// Shards for each worker, if there are several: the server's default.
const SHARDS_PER_WORKER: usize = 4;

/// A goal for clients whom nothing in a command's nature holds up.
const GOAL_US: u64 = 2000;

/// Where things are in the server that is measured.
pub(super) struct Layout {
    workers: usize,
    /// The key with which probes ask on the shard of the large values; and one on another shard, if there is one.
    near: String,
    far: Option<String>,
}

impl Layout {
    fn new(workers: usize) -> anyhow::Result<Self> {
        let shards = if workers == 1 { 1 } else { u16::try_from(workers * SHARDS_PER_WORKER)? };
        let shard_of = |key: &str| Slot::of(key.as_bytes()).shard(shards);
        let near = format!("{}probe", fixture::TAG);
        let far =
            (0..1000).map(|number| format!("probe:{number}")).find(|key| shard_of(key) != shard_of(&near));
        Ok(Self { workers, near, far: far.filter(|_| shards > 1) })
    }
}

pub(super) fn run(args: &Args, kora: &Path, members: usize) -> anyhow::Result<()> {
    for &workers in &args.workers {
        stops(args, kora, workers, members)?;
    }
    if args.wants("2 ms commands") {
        busy::run(args, kora)?;
    }
    Ok(())
}

/// The table for one number of workers.
fn stops(args: &Args, kora: &Path, workers: usize, members: usize) -> anyhow::Result<()> {
    let cases: Vec<&Case> = CASES.iter().filter(|case| args.wants(case.name)).collect();
    if cases.is_empty() {
        return Ok(());
    }
    let layout = Layout::new(workers)?;
    let server = Server::kora_spread(kora, &all_cpus(), workers)?;
    let mut commander = Line::connect(server.address())?;
    fixture::fill(&mut commander, members, &layout)?;
    println!(
        "\nLongest stop of a client that asks for one value every millisecond, beside commands on {members} members, {workers} \
         workers; in brackets, for how long its worker ran meanwhile, and the busiest one. The least of {} rounds, in ms.\n\n\
         | command | takes | same shard | other shard | the command's own worker |\n|---|---|---|---|---|",
        args.rounds
    );
    let quiet = Case::quiet();
    let probes = Arc::new(Probes::start(&server, &layout, commander.worker()?)?);
    let mut longest = 0;
    for case in std::iter::once(&quiet).chain(cases) {
        let row = row(args, (&server, &probes), &mut commander, (case, members))?;
        longest = longest.max(row.stops[1].map_or(0, |stop| stop.work_us));
        println!("{row}");
    }
    println!("\nLongest work on other shards: {:.1} ms (goal: {:.0}).", ms(longest), ms(GOAL_US));
    Ok(())
}

/// What one command did to others: in its best round, probe by probe.
struct Row {
    name: &'static str,
    took: Duration,
    stops: [Option<Stop>; 3],
}

fn row(
    args: &Args,
    (server, probes): (&Server, &Arc<Probes>),
    commander: &mut Line,
    (case, members): (&Case, usize),
) -> anyhow::Result<Row> {
    let mut row = Row { name: case.name, took: Duration::MAX, stops: [None; 3] };
    for _ in 0..args.rounds {
        for command in case.prepare {
            commander.call(command)?;
        }
        std::thread::sleep(TAIL);
        probes.begin();
        let took = case.run(server, commander, members).with_context(|| case.name)?;
        std::thread::sleep(TAIL);
        let stops = probes.end();
        row.took = row.took.min(took);
        for (least, stop) in row.stops.iter_mut().zip(stops) {
            *least = match (*least, stop) {
                (Some(least), Some(stop)) if least.total_us <= stop.total_us => Some(least),
                _ => stop,
            };
        }
        for command in case.tidy {
            commander.call(command)?;
        }
        if case.empties {
            fixture::fill_keys(commander, members)?;
        }
    }
    Ok(row)
}

impl std::fmt::Display for Row {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { name, took, stops } = self;
        write!(f, "| {name} | {:.1} |", took.as_secs_f64() * 1e3)?;
        for stop in stops {
            match stop {
                Some(Stop { total_us, work_us, busiest_us }) => {
                    write!(f, " {:.1} ({:.1}, {:.1}) |", ms(*total_us), ms(*work_us), ms(*busiest_us))?;
                }
                None => write!(f, " |")?,
            }
        }
        Ok(())
    }
}

#[expect(clippy::cast_precision_loss, reason = "a stop has fewer than 2^52 microseconds")]
fn ms(us: u64) -> f64 {
    us as f64 / 1e3
}
