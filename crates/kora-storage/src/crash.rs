//! The crash test: workers, snapshots and faults on a simulated disk, all from one seed.
//!
//! A *run* is a few lives of a process on one disk. In each life workers append records, some of them parts of
//! operations, the writer steps now and then, the log is rotated and snapshots are taken, failures are healed,
//! and somewhere the process is killed or the power cut. After each life what a start finds must equal the state
//! after some record, at least the one that was promised, with all parts of each operation or none.
//!
//! It notices when the directory is not synced for a new segment, a snapshot, or before old files go; when a segment
//! is begun before the one before it is synced; when a start doesn't make durable what it found, or doesn't write again
//! what a failed sync left in memory only; when errors of a sync are ignored; when a snapshot is not synced; when a segment
//! begun after a failure looks like any other; when writers wait too late, or what a
//! sync left unsynced counts from its end; when a sync is said to cover what was written while it was under way; when a cut leaves a torn operation; when records
//! are covered before they are synced; and when any valid record behind a broken one is taken for damage.
//!
//! [`flips`] changes the log of a process that was killed, byte by byte, and cuts it short at each length: what was durable
//! is there, or the start is refused. It notices when a sync leaves no mark, and when the segment's trace is not left, or not
//! looked at.

mod life;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use crate::simulated::{Choices, Fault, SimulatedDisk};
use life::World;

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many runs.
    pub runs: u64,
    /// How many starts found a directory that was used before.
    pub starts: u64,
    /// How many records were appended.
    pub records: u64,
    /// How many snapshots were completed.
    pub snapshots: u64,
    /// How often a log failed.
    pub failures: u64,
    /// How often a failed log was healed.
    pub healed: u64,
    /// How many starts found a torn end.
    pub torn: u64,
    /// How many starts found an operation that lacks parts.
    pub incomplete: u64,
    /// How many starts put segments aside.
    pub discarded: u64,
    /// How many starts failed and were tried again.
    pub retried: u64,
}

impl Tally {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            runs: self.runs + other.runs,
            starts: self.starts + other.starts,
            records: self.records + other.records,
            snapshots: self.snapshots + other.snapshots,
            failures: self.failures + other.failures,
            healed: self.healed + other.healed,
            torn: self.torn + other.torn,
            incomplete: self.incomplete + other.incomplete,
            discarded: self.discarded + other.discarded,
            retried: self.retried + other.retried,
        }
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} runs, {} starts, {} records, {} snapshots, {} failures ({} healed), {} torn ends, {} incomplete \
             operations, {} starts with discarded segments, {} starts tried again",
            self.runs,
            self.starts,
            self.records,
            self.snapshots,
            self.failures,
            self.healed,
            self.torn,
            self.incomplete,
            self.discarded,
            self.retried
        )
    }
}

/// What starts made of logs with a byte changed, or cut short.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flips {
    /// Bytes changed, one at a time.
    pub bytes: u64,
    /// How often the log was refused.
    pub refused: u64,
    /// How often it was the same.
    pub same: u64,
    /// How often its end was cut, behind all that was durable.
    pub cut: u64,
    /// Lengths to which it was cut short.
    pub ends: u64,
    /// How often it was refused then.
    pub refused_ends: u64,
    /// Segments that the trace named, each of which was removed and cut in its header.
    pub traced: u64,
}

impl Flips {
    /// The sum of both.
    #[must_use]
    pub fn plus(self, other: Self) -> Self {
        Self {
            bytes: self.bytes + other.bytes,
            refused: self.refused + other.refused,
            same: self.same + other.same,
            cut: self.cut + other.cut,
            ends: self.ends + other.ends,
            refused_ends: self.refused_ends + other.refused_ends,
            traced: self.traced + other.traced,
        }
    }
}

/// What a database holds here: a value for each key.
type State = BTreeMap<Vec<u8>, Vec<u8>>;

/// How many lives a run has.
const LIVES: u32 = 3;

/// About how many calls a start makes.
const START_CALLS: u64 = 24;

/// Every kind of fault.
pub const FAULTS: [Fault; 8] = [
    Fault::Kill,
    Fault::PowerCut { keeps_some: false },
    Fault::PowerCut { keeps_some: true },
    Fault::ShortWrite,
    Fault::IoError,
    Fault::NoSpace { calls: 6 },
    Fault::NoSpace { calls: u64::MAX },
    Fault::FailedSync,
];

/// One run with given faults. Returns what happened, and how many calls of the disk there were.
///
/// # Errors
/// The promise that was broken.
pub fn run(seed: u64, faults: &[(u64, Fault)]) -> Result<(Tally, u64), Anomaly> {
    let disk = SimulatedDisk::new(seed ^ 0x5eed);
    for &(at, fault) in faults {
        disk.inject(at, fault);
    }
    let mut world = World::new(disk.clone(), seed);
    let result = (0..LIVES).try_for_each(|_| world.live()).and_then(|()| world.finish());
    result.map_err(|what| Anomaly { seed, faults: faults.to_vec(), what })?;
    Ok((world.tally(), disk.calls()))
}

/// Runs with one fault at each `stride`-th call of the run without faults, for every kind of fault.
///
/// # Errors
/// The promise that was broken.
pub fn run_everywhere(seed: u64, stride: usize) -> Result<Tally, Anomaly> {
    let (mut total, calls) = run(seed, &[])?;
    for at in (seed % stride.max(1) as u64..calls).step_by(stride.max(1)) {
        for fault in FAULTS {
            total = total.plus(run(seed, &[(at, fault)])?.0);
        }
    }
    Ok(total)
}

/// Runs with a kill at each `stride`-th call of the run without faults, and a power cut a few calls later, while
/// the next process starts.
///
/// # Errors
/// The promise that was broken.
pub fn run_in_pairs(seed: u64, stride: usize) -> Result<Tally, Anomaly> {
    let (mut total, calls) = run(seed, &[])?;
    for at in (seed % stride.max(1) as u64..calls).step_by(stride.max(1)) {
        for later in 1..=START_CALLS {
            let faults = [(at, Fault::Kill), (at + later, Fault::PowerCut { keeps_some: true })];
            total = total.plus(run(seed, &faults)?.0);
        }
    }
    Ok(total)
}

/// One life that ends with a kill, after which each `stride`-th byte of the last segment is changed, and the segment cut there.
///
/// # Errors
/// The promise that was broken.
pub fn flips(seed: u64, stride: usize) -> Result<Flips, Anomaly> {
    let mut world = World::new(SimulatedDisk::new(seed ^ 0xf11b), seed);
    world.live_and_flip(stride).map_err(|what| Anomaly { seed, faults: Vec::new(), what })
}

/// One run with some faults drawn from the seed.
///
/// # Errors
/// The promise that was broken.
pub fn run_anyhow(seed: u64) -> Result<Tally, Anomaly> {
    let mut choices = Choices::new(seed);
    let count = choices.below(6);
    let faults: Vec<(u64, Fault)> =
        (0..count).map(|_| (choices.below(300), FAULTS[choices.up_to(FAULTS.len() - 1)])).collect();
    Ok(run(seed, &faults)?.0)
}
