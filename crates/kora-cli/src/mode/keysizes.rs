//! `--bigkeys` and `--memkeys`: which keys of each type are the largest.
//!
//! All keys are visited once with `SCAN`; for those of each step, types and then sizes are asked for in one batch.
//! Keys that vanish or change type in between are left out. Ctrl-C ends the walk, and what was seen is summed up.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;

use anyhow::Result;

use super::figures::{average, percentage};
use super::keys::{Measure, STEPS_PER_PAUSE, TYPES, key_count, quoted, sizes, types};
use super::scan::Walk;
use super::stop_on_interrupt;
use crate::args::Args;
use crate::setup::Setup;

/// What is known about the keys of one type.
#[derive(Debug, Default)]
struct Sizes {
    biggest_key: Vec<u8>,
    biggest: u64,
    total: u64,
    count: u64,
}

/// What is known about all keys.
#[derive(Debug)]
struct Report {
    measure: Measure,
    by_type: BTreeMap<String, Sizes>,
    key_count: u64,
    key_bytes: u64,
}

/// Visits all keys and prints what was found.
///
/// # Errors
/// If the connection breaks, the server refuses, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let stop = stop_on_interrupt()?;
    let measure = if args.wants_memory() { Measure::Memory(args.memkeys_samples) } else { Measure::Elements };
    let mut report = Report::new(measure);
    let mut out = io::stdout().lock();
    writeln!(out, "\n# Looking at every key for the biggest of each type, and the average sizes.")?;
    writeln!(out, "# -i SECONDS pauses after each {STEPS_PER_PAUSE} steps, if the server is busy.\n")?;
    let total = key_count(&mut connection)?;
    let mut walk = Walk::new(args)?;
    let mut steps = 0u32;
    while !stop.load(Ordering::Relaxed)
        && let Some(keys) = walk.next_keys(&mut connection)?
    {
        let types = types(&mut connection, &keys)?;
        let sizes = sizes(&mut connection, measure, &keys, &types)?;
        for ((key, key_type), size) in keys.into_iter().zip(types).zip(sizes) {
            if let Some(size) = size
                && report.add(key, &key_type, size)
            {
                report.announce(&mut out, &key_type, total)?;
            }
        }
        steps += 1;
        if steps.is_multiple_of(STEPS_PER_PAUSE) {
            std::thread::sleep(args.interval.unwrap_or_default());
        }
    }
    report.summarise(&mut out)?;
    Ok(ExitCode::SUCCESS)
}

impl Report {
    /// A report that lists all types, or with [`Measure::Memory`] also those that turn up.
    fn new(measure: Measure) -> Self {
        let by_type = TYPES.into_iter().map(|(name, ..)| (name.to_owned(), Sizes::default())).collect();
        Self { measure, by_type, key_count: 0, key_bytes: 0 }
    }

    /// Adds a key; returns whether it is the biggest of its type so far.
    fn add(&mut self, key: Vec<u8>, key_type: &str, size: u64) -> bool {
        self.key_count += 1;
        self.key_bytes += u64::try_from(key.len()).expect("a length fits");
        let sizes = self.by_type.entry(key_type.to_owned()).or_default();
        sizes.count += 1;
        sizes.total += size;
        let is_biggest = size > sizes.biggest;
        if is_biggest {
            sizes.biggest = size;
            sizes.biggest_key = key;
        }
        is_biggest
    }

    fn announce(&self, out: &mut impl Write, key_type: &str, total: u64) -> io::Result<()> {
        let Some(sizes) = self.by_type.get(key_type) else { return Ok(()) };
        let (percent, name) = (percentage(self.key_count, total), quoted(&sizes.biggest_key));
        let unit = self.measure.unit(key_type);
        writeln!(
            out,
            "[{percent:05.2}%] Biggest {key_type:<6} found so far {name} with {} {unit}",
            sizes.biggest
        )
    }

    fn summarise(&self, out: &mut impl Write) -> io::Result<()> {
        writeln!(out, "\n-------- summary -------\n")?;
        writeln!(out, "Sampled {} keys in the keyspace!", self.key_count)?;
        let key_average = average(self.key_bytes, self.key_count);
        writeln!(out, "Total key length in bytes is {} (avg len {key_average:.2})\n", self.key_bytes)?;
        for (key_type, sizes) in self.by_type.iter().filter(|(_, sizes)| sizes.biggest > 0) {
            let (name, unit) = (quoted(&sizes.biggest_key), self.measure.unit(key_type));
            writeln!(out, "Biggest {key_type:>6} found {name} has {} {unit}", sizes.biggest)?;
        }
        writeln!(out)?;
        for (key_type, sizes) in &self.by_type {
            writeln!(
                out,
                "{} {key_type}s with {} {} ({:05.2}% of keys, avg size {:.2})",
                sizes.count,
                sizes.total,
                self.measure.unit(key_type),
                percentage(sizes.count, self.key_count),
                average(sizes.total, sizes.count),
            )?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Measure, Report};

    #[test]
    fn the_biggest_of_each_type_is_kept() {
        let mut report = Report::new(Measure::Elements);
        assert!(report.add(b"a".to_vec(), "string", 3));
        assert!(!report.add(b"bb".to_vec(), "string", 3));
        assert!(report.add(b"h\n".to_vec(), "hash", 9));
        let mut out = Vec::new();
        report.summarise(&mut out).expect("writing to memory succeeds");
        let text = String::from_utf8(out).expect("ASCII");
        assert!(
            text.contains("Sampled 3 keys in the keyspace!\nTotal key length in bytes is 5 (avg len 1.67)")
        );
        assert!(
            text.contains(
                "Biggest   hash found \"h\\n\" has 9 fields\nBiggest string found \"a\" has 3 bytes"
            )
        );
        assert!(text.contains("2 strings with 6 bytes (66.67% of keys, avg size 3.00)"));
        assert!(text.contains("0 lists with 0 items (00.00% of keys, avg size 0.00)"));
    }
}
