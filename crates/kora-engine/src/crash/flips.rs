//! Files with one byte changed, after the process was killed: a start refuses them, or finds the same state; or, if the byte is
//! behind what was synced, the state before it.

use std::path::Path;

use kora_storage::disk::Disk;
use kora_storage::log::FsyncPolicy;
use kora_storage::simulated::{Fault, SimulatedDisk};

use super::world::{Checked, Life, Pool, World};
use crate::persistence::LoadError;

/// Length of the files, at least.
const FILE_BYTES: u64 = 64 * 1024;

/// When nothing more was appended, all is synced by then.
const IDLE_MS: u64 = 1000;

/// Where the log is.
const DIR: &str = "data/appendonlydir";

/// How it went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flips {
    /// Length of the file.
    pub bytes: u64,
    /// Bytes changed, one at a time.
    pub flips: u64,
    /// How often the file was refused.
    pub refused: u64,
    /// How often the state was the same.
    pub same: u64,
    /// How often the last records were cut.
    pub cut: u64,
}

/// Flips each `stride`-th byte of a log all of which was synced, and acknowledged.
///
/// # Errors
/// What a start made of it.
pub fn flip_log(pool: &mut Pool, seed: u64, stride: usize) -> Result<Flips, String> {
    flip(pool, seed, stride, ".klog", |world, life| {
        while life.log.written_bytes() < FILE_BYTES {
            world.run_some(life);
            world.step_log(life);
        }
        Ok(())
    })
}

/// Flips each `stride`-th byte of a log that is synced each second, was idle for some, and then got a few records more.
///
/// # Errors
/// What a start made of it.
pub fn flip_idle_log(pool: &mut Pool, seed: u64, stride: usize) -> Result<Flips, String> {
    flip(pool, seed, stride, ".klog", |world, life| {
        life.engine.persistence.set_policy(FsyncPolicy::EverySecond);
        while life.log.written_bytes() < FILE_BYTES {
            world.run_some(life);
            world.step_log(life);
        }
        world.advance(IDLE_MS);
        // One that is under way, and one for the rest.
        for _ in 0..5 {
            world.step_log(life);
        }
        let durable = life.log.durable();
        if durable < life.log.appended() {
            return Err(format!("{durable} of {} records are durable", life.log.appended()));
        }
        for _ in 0..4 {
            world.run_some(life);
            world.step_log(life);
        }
        Ok(())
    })
}

/// Flips each `stride`-th byte of a snapshot.
///
/// # Errors
/// What a start made of it.
pub fn flip_snapshot(pool: &mut Pool, seed: u64, stride: usize) -> Result<Flips, String> {
    flip(pool, seed, stride, ".rdb", |world, life| {
        (0..8).for_each(|_| world.run_some(life));
        // What is there may be compressed: these can't be, and nothing flushes them.
        for number in 0..FILE_BYTES / 1000 {
            world.set_large(life, number, 1024);
        }
        world.step_log(life);
        world.begin_snapshot(life);
        world.step_log(life);
        while life.snapshot.is_some() {
            world.go_on_with_snapshot(life, 1 << 20);
        }
        Ok(())
    })
}

/// Flips bytes of the newest file with this ending, after a life in which `fill` has made it.
fn flip(
    pool: &mut Pool,
    seed: u64,
    stride: usize,
    ending: &str,
    fill: impl FnOnce(&mut World<'_>, &mut Life) -> Checked,
) -> Result<Flips, String> {
    let disk = SimulatedDisk::new(seed);
    let mut world = World::new(pool, disk.clone(), seed);
    let mut life = world.start()?;
    life.engine.persistence.set_policy(FsyncPolicy::Always);
    fill(&mut world, &mut life)?;
    let certain = life.log.durable();
    world.compare(&mut life)?;
    disk.end(Fault::Kill);
    world.bury(life);
    disk.restart();
    let names = disk.list(Path::new(DIR)).map_err(|error| error.to_string())?;
    let name = names.iter().rfind(|name| name.ends_with(ending)).ok_or("there is no such file")?;
    let path = Path::new(DIR).join(name);
    let contents = disk.contents(&path).ok_or("the file has no contents")?;
    let mut flips = Flips { bytes: contents.len() as u64, ..Flips::default() };
    let (last, now) = (world.book.lock().history.keys().next_back().copied().unwrap_or(0), world.now());
    for at in (0..contents.len()).step_by(stride.max(1)) {
        let copy = disk.fork(seed);
        let mut flipped = contents.clone();
        flipped[at] ^= u8::try_from(at % 255 + 1).unwrap_or(1);
        copy.put(&path, &flipped);
        copy.restart();
        let loaded = world.pool.bench(1).load(&copy, now);
        flips.flips += 1;
        match loaded {
            Err(LoadError::Storage(_) | LoadError::Other(_)) => flips.refused += 1,
            Err(LoadError::Ending) => return Err(format!("{name}, byte {at}: nobody ended it")),
            Ok((record, state)) => {
                if record < certain || world.expected(record)? != Some(state) {
                    return Err(format!(
                        "{name}, byte {at}: recovered record {record} of {last}, or another state"
                    ));
                }
                flips.same += u64::from(record == last);
                flips.cut += u64::from(record != last);
            }
        }
    }
    Ok(flips)
}
