//! The crash test of all commands: an engine on a simulated disk, a workload, and faults, all from one seed.
//!
//! A *run* is a few lives of a process on one disk. In each, the shards run random write commands, transactions and scripts, and
//! evict keys where memory is short;
//! the log's writer steps now and then, snapshots are begun, go on and are finished, failures are healed, time passes and keys
//! expire; and somewhere the process is killed or the power cut. Workers, shards,
//! effects, log, snapshots and recovery are the engine's own: only its threads are left out. A reply that a worker lets go under
//! `appendfsync always` is a promise.
//!
//! Every record is applied at once to a copy of the data, which must then equal the data: so effects reproduce what they stand
//! for. After each crash what a start finds must equal the copy as it was after some record: at least the one that was
//! promised, and none that tears an operation.
//!
//! Crates above this one bring their types, commands and catalogs along: [`Company`].
//!
//! What is not from the seed: the order in which the shares of a snapshot get into its file, which belongs to its thread.

mod book;
mod company;
mod flips;
mod forms;
mod generate;
mod probe;
#[cfg(test)]
mod tests;
mod world;

use std::collections::BTreeSet;
use std::fmt;

use kora_storage::simulated::{Fault, SimulatedDisk};

pub use company::Company;
pub use flips::{Flips, flip_idle_log, flip_log, flip_snapshot};
pub use probe::set_broken;
pub use world::Pool;
use world::World;

/// A broken promise.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("seed {seed}, faults {faults:?}: {what}")]
pub struct Anomaly {
    /// The seed of the run.
    pub seed: u64,
    /// At which calls what went wrong.
    pub faults: Vec<(u64, Fault)>,
    /// What was found.
    pub what: String,
}

/// What happened in runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many runs.
    pub runs: u64,
    /// How many states were recovered and judged.
    pub states: u64,
    /// How many commands were run.
    pub commands: u64,
    /// How many records were appended.
    pub records: u64,
    /// How many snapshots were completed.
    pub snapshots: u64,
    /// How often a log failed.
    pub failures: u64,
    /// How often a failed log was healed.
    pub healed: u64,
    /// How many starts failed and were tried again.
    pub retried: u64,
    /// How many keys were evicted.
    pub evicted: u64,
    /// How many recovered states lacked the last records.
    pub shortened: u64,
    /// How many lacked what depends on half an operation.
    pub cut: u64,
    /// Commands that changed something.
    pub changed: BTreeSet<&'static str>,
}

impl Tally {
    /// The sum of both.
    #[must_use]
    pub fn plus(mut self, other: Self) -> Self {
        self.runs += other.runs;
        self.states += other.states;
        self.commands += other.commands;
        self.records += other.records;
        self.snapshots += other.snapshots;
        self.failures += other.failures;
        self.healed += other.healed;
        self.retried += other.retried;
        self.evicted += other.evicted;
        self.shortened += other.shortened;
        self.cut += other.cut;
        self.changed.extend(other.changed);
        self
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} states recovered in {} runs; {} commands, {} records, {} snapshots, {} failures ({} healed), {} starts \
             tried again, {} keys evicted, {} states shorter than what was written, {} without what depends on half an operation; {} commands changed something",
            self.states,
            self.runs,
            self.commands,
            self.records,
            self.snapshots,
            self.failures,
            self.healed,
            self.retried,
            self.evicted,
            self.shortened,
            self.cut,
            self.changed.len()
        )
    }
}

/// How many lives a run has.
const LIVES: u32 = 2;

/// What ends a process.
const ENDS: [Fault; 3] =
    [Fault::Kill, Fault::PowerCut { keeps_some: false }, Fault::PowerCut { keeps_some: true }];

/// What it may survive.
const TROUBLES: [Fault; 5] = [
    Fault::ShortWrite,
    Fault::IoError,
    Fault::NoSpace { calls: 6 },
    Fault::NoSpace { calls: u64::MAX },
    Fault::FailedSync,
];

/// One run with given faults; with `ends_everywhere` every end at every call is tried on a copy of the disk. Returns what
/// happened, and how many calls of the disk there were.
///
/// # Errors
/// The promise that was broken.
pub fn run(
    pool: &mut Pool,
    seed: u64,
    faults: &[(u64, Fault)],
    ends_everywhere: bool,
) -> Result<(Tally, u64), Anomaly> {
    let disk = SimulatedDisk::new(seed ^ 0x5eed);
    for &(at, fault) in faults {
        disk.inject(at, fault);
    }
    if ends_everywhere {
        disk.keep_crashes(&ENDS);
    }
    let mut world = World::new(pool, disk.clone(), seed);
    let result = (0..LIVES).try_for_each(|_| world.live()).and_then(|()| world.finish());
    result.map_err(|what| Anomaly { seed, faults: faults.to_vec(), what })?;
    Ok((world.tally(), disk.calls()))
}

/// Every end at every call of the run without faults; and at each `stride`-th call every other fault, in a run of its own.
///
/// # Errors
/// The promise that was broken.
pub fn run_everywhere(pool: &mut Pool, seed: u64, stride: usize) -> Result<Tally, Anomaly> {
    let (mut total, calls) = run(pool, seed, &[], true)?;
    let stride = stride.max(1);
    for at in (seed % stride as u64..calls).step_by(stride) {
        for fault in TROUBLES {
            total = total.plus(run(pool, seed, &[(at, fault)], false)?.0);
        }
    }
    Ok(total)
}
