//! `--keystats`: memory and elements of all keys at once, the largest of them, and how sizes are distributed.
//!
//! All keys are visited once with `SCAN`. Ctrl-C ends the walk early: what was seen so far is reported, with the cursor to
//! go on from. What is kept does not grow with the number of keys: see [`Distribution`].

mod distribution;
mod report;

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Result;

use super::figures::percentage;
use super::keys::{Measure, STEPS_PER_PAUSE, key_count, sizes, types};
use super::scan::Walk;
use super::stop_on_interrupt;
use crate::args::Args;
use crate::connection::Connection;
use crate::setup::Setup;
use distribution::Distribution;

/// The largest key of a type by one measure.
#[derive(Debug, Default)]
struct Largest {
    key: Vec<u8>,
    size: u64,
}

impl Largest {
    fn see(&mut self, key: &[u8], size: u64) {
        if self.key.is_empty() || size > self.size {
            *self = Self { key: key.to_vec(), size };
        }
    }
}

/// What is known about the keys of one type.
#[derive(Debug, Default)]
struct TypeStats {
    key_count: u64,
    bytes: u64,
    elements: u64,
    most_bytes: Largest,
    most_elements: Largest,
}

/// A key of the list of the largest.
#[derive(Debug, Clone)]
struct Entry {
    bytes: u64,
    key_type: String,
    key: Vec<u8>,
}

/// What is known about all keys.
#[derive(Debug)]
struct KeyStats {
    by_type: BTreeMap<String, TypeStats>,
    /// The largest keys, those first; never more than `top_max`.
    top: Vec<Entry>,
    top_max: usize,
    sizes: Distribution,
    names: Distribution,
}

impl KeyStats {
    fn new(top_max: usize) -> Self {
        Self {
            by_type: BTreeMap::new(),
            top: Vec::new(),
            top_max,
            sizes: Distribution::precise(),
            names: Distribution::of_powers(),
        }
    }

    fn add(&mut self, key: Vec<u8>, key_type: &str, bytes: u64, elements: u64) {
        let stats = self.by_type.entry(key_type.to_owned()).or_default();
        stats.key_count += 1;
        stats.bytes += bytes;
        stats.elements += elements;
        stats.most_bytes.see(&key, bytes);
        stats.most_elements.see(&key, elements);
        self.sizes.add(bytes);
        self.names.add(u64::try_from(key.len()).unwrap_or(u64::MAX));
        let at = self.top.partition_point(|entry| entry.bytes >= bytes);
        if at < self.top_max {
            self.top.insert(at, Entry { bytes, key_type: key_type.to_owned(), key });
            self.top.truncate(self.top_max);
        }
    }

    fn key_count(&self) -> u64 {
        self.sizes.count()
    }
}

/// Visits all keys and prints what was found.
///
/// # Errors
/// If the connection breaks, the server refuses, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let stop = stop_on_interrupt()?;
    let mut out = io::stdout().lock();
    let watched = io::stdout().is_terminal();
    writeln!(out, "\n# Looking at every key: the largest ones, and how sizes are distributed.")?;
    writeln!(out, "# -i SECONDS pauses after each {STEPS_PER_PAUSE} steps, if the server is busy.")?;
    writeln!(out, "# --top COUNT lists so many keys; Ctrl-C reports what was seen, --cursor goes on.\n")?;
    let total = key_count(&mut connection)?;
    let mut walk = Walk::new(args)?;
    let mut stats = KeyStats::new(args.top);
    let mut steps = 0u32;
    while !stop.load(Ordering::Relaxed)
        && let Some(keys) = walk.next_keys(&mut connection)?
    {
        visit(&mut connection, &mut stats, keys, args.keystats_samples)?;
        steps += 1;
        if steps.is_multiple_of(STEPS_PER_PAUSE) {
            std::thread::sleep(args.interval.unwrap_or_default());
            if watched {
                write!(out, "\r{:6.2}%", percentage(stats.key_count(), total))?;
                out.flush()?;
            }
        }
    }
    if watched {
        out.write_all(b"\r")?;
    }
    stats.write(&mut out, total)?;
    if let Some(cursor) = walk.cursor() {
        writeln!(out, "\nStopped: --cursor {} goes on from here.", String::from_utf8_lossy(cursor))?;
    }
    Ok(ExitCode::SUCCESS)
}

/// Asks about `keys`. Those that vanish meanwhile are left out.
fn visit(
    connection: &mut Connection,
    stats: &mut KeyStats,
    keys: Vec<Vec<u8>>,
    samples: Option<u64>,
) -> Result<()> {
    let types = types(connection, &keys)?;
    let bytes = sizes(connection, Measure::Memory(samples), &keys, &types)?;
    let elements = sizes(connection, Measure::Elements, &keys, &types)?;
    for (((key, key_type), bytes), elements) in keys.into_iter().zip(types).zip(bytes).zip(elements) {
        if let Some(bytes) = bytes {
            stats.add(key, &key_type, bytes, elements.unwrap_or(0));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
