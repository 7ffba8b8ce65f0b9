//! `--bigkeys` and `--memkeys`: which keys of each type are the largest.
//!
//! All keys are visited once with `SCAN`; for those of each step, types and then sizes are asked for in one batch.
//! Keys that vanish or change type in between are left out.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::process::ExitCode;

use anyhow::{Result, bail};
use kora_protocol::Frame;

use super::scan::Walk;
use crate::args::Args;
use crate::connection::Connection;
use crate::format::write_quoted;
use crate::setup::Setup;

/// Steps of the walk between two pauses.
const STEPS_PER_PAUSE: u32 = 100;

/// Name of a type, the command that counts its elements, and what these are called.
const TYPES: [(&str, &str, &str); 6] = [
    ("string", "STRLEN", "bytes"),
    ("list", "LLEN", "items"),
    ("set", "SCARD", "members"),
    ("hash", "HLEN", "fields"),
    ("zset", "ZCARD", "members"),
    ("stream", "XLEN", "entries"),
];

/// How a size is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Measure {
    /// In elements.
    Elements,
    /// In bytes of the server's memory; the server looks at this many elements, or at as many as it likes.
    Memory(Option<u64>),
}

impl Measure {
    /// The command that answers the size of `key`; `None` if its type is not known.
    fn command(self, key: &[u8], key_type: &str) -> Option<Vec<Vec<u8>>> {
        match self {
            Self::Elements => {
                let (_, command, _) = TYPES.into_iter().find(|(name, ..)| *name == key_type)?;
                Some(vec![command.into(), key.into()])
            }
            Self::Memory(samples) => {
                let mut command = vec![b"MEMORY".to_vec(), b"USAGE".into(), key.into()];
                if let Some(samples) = samples {
                    command.extend([b"SAMPLES".to_vec(), samples.to_string().into_bytes()]);
                }
                Some(command)
            }
        }
    }

    /// What sizes of `key_type` count.
    fn unit(self, key_type: &str) -> &'static str {
        match self {
            Self::Elements => {
                TYPES.into_iter().find(|(name, ..)| *name == key_type).map_or("?", |(.., unit)| unit)
            }
            Self::Memory(_) => "bytes",
        }
    }
}

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
    let measure = if args.memkeys { Measure::Memory(args.memkeys_samples) } else { Measure::Elements };
    let mut report = Report::new(measure);
    let mut out = io::stdout().lock();
    writeln!(out, "\n# Looking at every key for the biggest of each type, and the average sizes.")?;
    writeln!(out, "# -i SECONDS pauses after each {STEPS_PER_PAUSE} steps, if the server is busy.\n")?;
    let total = key_count(&mut connection)?;
    let mut walk = Walk::new(args)?;
    let mut steps = 0u32;
    while let Some(keys) = walk.next_keys(&mut connection)? {
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

fn key_count(connection: &mut Connection) -> Result<u64> {
    match connection.request(&["DBSIZE"])? {
        Frame::Integer(count) => Ok(u64::try_from(count).unwrap_or(0)),
        other => bail!("DBSIZE error: {}", String::from_utf8_lossy(other.as_error().unwrap_or_default())),
    }
}

fn types(connection: &mut Connection, keys: &[Vec<u8>]) -> io::Result<Vec<String>> {
    let requests: Vec<Vec<&[u8]>> = keys.iter().map(|key| vec![&b"TYPE"[..], key]).collect();
    connection.send_all(&requests)?;
    keys.iter()
        .map(|_| {
            connection.reply().map(|reply| match reply.bare() {
                Frame::Simple(name) => String::from_utf8_lossy(name).into_owned(),
                _ => String::new(),
            })
        })
        .collect()
}

/// The sizes of `keys`; `None` for one that has none.
fn sizes(
    connection: &mut Connection,
    measure: Measure,
    keys: &[Vec<u8>],
    types: &[String],
) -> io::Result<Vec<Option<u64>>> {
    let requests: Vec<Option<Vec<Vec<u8>>>> = keys
        .iter()
        .zip(types)
        .map(|(key, key_type)| if key_type == "none" { None } else { measure.command(key, key_type) })
        .collect();
    let sent: Vec<Vec<Vec<u8>>> = requests.iter().flatten().cloned().collect();
    connection.send_all(&sent)?;
    requests
        .iter()
        .map(|request| match request {
            None => Ok(None),
            Some(_) => connection.reply().map(|reply| match reply.bare() {
                Frame::Integer(size) => u64::try_from(*size).ok(),
                _ => None,
            }),
        })
        .collect()
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

fn quoted(key: &[u8]) -> String {
    let mut text = Vec::new();
    write_quoted(&mut text, key);
    String::from_utf8_lossy(&text).into_owned()
}

fn percentage(part: u64, whole: u64) -> f64 {
    (average(part, whole) * 100.0).min(100.0)
}

#[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
fn average(total: u64, count: u64) -> f64 {
    if count == 0 { 0.0 } else { total as f64 / count as f64 }
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

    #[test]
    fn sizes_are_asked_for_by_type() {
        let command =
            |measure: Measure, key_type| measure.command(b"k", key_type).map(|words| words.concat());
        assert_eq!(command(Measure::Elements, "zset").as_deref(), Some(&b"ZCARDk"[..]));
        assert_eq!(command(Measure::Elements, "module-type"), None);
        assert_eq!(command(Measure::Memory(Some(5)), "x").as_deref(), Some(&b"MEMORYUSAGEkSAMPLES5"[..]));
    }
}
