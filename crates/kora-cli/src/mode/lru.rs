//! `--lru-test`: uses the server as a cache, to show how well its eviction keeps what is asked for most.
//!
//! Keys are drawn from a power law by which a fifth of them gets four fifths of the requests. They are read in batches,
//! and what was missing is written before the next batch, as an application with a cache would.

use std::hash::{BuildHasher, RandomState};
use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use kora_protocol::Frame;

use super::figures::percentage;
use super::stop_on_interrupt;
use crate::connection::Connection;
use crate::setup::Setup;

/// Reads that are sent at once.
const BATCH: usize = 250;

/// How often a line is printed.
const LINE_EVERY: Duration = Duration::from_secs(1);

/// ln 0.2 / ln 0.8: a uniform number to this power is below 0.2 four times of five.
const EXPONENT: f64 = 7.212_567;

/// What is written for a key.
const VALUE: &str = "val:1";

/// Hits and misses since the last line.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Counts {
    hits: u64,
    misses: u64,
}

impl Counts {
    fn line(self, elapsed: Duration) -> String {
        let Self { hits, misses } = self;
        let (gets, ms) = (hits + misses, u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX).max(1));
        let per_second = gets.saturating_mul(1000) / ms;
        let (hit, miss) = (percentage(hits, gets), percentage(misses, gets));
        format!("{per_second} Gets/sec | Hits: {hits} ({hit:.2}%) | Misses: {misses} ({miss:.2}%)")
    }
}

/// Draws numbers; good enough for a load, and for nothing that should be a secret.
#[derive(Debug)]
struct Draw(u64);

impl Draw {
    /// The next number below `count`, small ones more often.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a fraction of a count is no larger than it"
    )]
    fn below(&mut self, count: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        let fraction = ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1u64 << 53) as f64;
        ((fraction.powf(EXPONENT) * count as f64) as u64).min(count.saturating_sub(1))
    }
}

/// Reads and writes until the user has enough.
///
/// # Errors
/// If the connection breaks, the server refuses, or standard output cannot be written.
pub(crate) fn run(setup: &Setup, key_count: u64) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let stop = stop_on_interrupt()?;
    warn_of_no_limit(&mut connection)?;
    let mut draw = Draw(RandomState::new().hash_one(0u8));
    let mut out = io::stdout().lock();
    let (mut counts, mut begun) = (Counts::default(), Instant::now());
    while !stop.load(Ordering::Relaxed) {
        round(&mut connection, &mut draw, key_count, &mut counts)?;
        let elapsed = begun.elapsed();
        if elapsed >= LINE_EVERY {
            writeln!(out, "{}", counts.line(elapsed))?;
            out.flush()?;
            (counts, begun) = (Counts::default(), Instant::now());
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// A server that may grow without end evicts nothing, so there is nothing to see.
fn warn_of_no_limit(connection: &mut Connection) -> io::Result<()> {
    let limit = connection.request(&["CONFIG", "GET", "maxmemory"])?;
    if let Frame::Array(pair) = limit.bare()
        && let [_, Frame::Bulk(limit)] = pair.as_slice()
        && limit == b"0"
    {
        eprintln!("The server has no limit of memory (maxmemory 0): it will keep all keys.");
    }
    Ok(())
}

/// One batch of reads, and writes of what was missing.
fn round(connection: &mut Connection, draw: &mut Draw, key_count: u64, counts: &mut Counts) -> Result<()> {
    let keys: Vec<String> = (0..BATCH).map(|_| format!("lru:{}", draw.below(key_count))).collect();
    let reads: Vec<Vec<&str>> = keys.iter().map(|key| vec!["GET", key]).collect();
    connection.send_all(&reads)?;
    let mut missing = Vec::new();
    for key in &keys {
        match connection.reply()?.bare() {
            Frame::Null => missing.push(vec!["SET", key, VALUE]),
            Frame::Bulk(_) => {}
            other => {
                bail!("GET error: {}", String::from_utf8_lossy(other.as_error().unwrap_or(b"no string")))
            }
        }
    }
    let misses = u64::try_from(missing.len()).unwrap_or(u64::MAX);
    counts.misses += misses;
    counts.hits += u64::try_from(keys.len()).unwrap_or(u64::MAX) - misses;
    connection.send_all(&missing)?;
    for _ in &missing {
        if let Some(error) = connection.reply()?.as_error() {
            bail!("SET error: {}", String::from_utf8_lossy(error));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fifth_of_the_keys_gets_four_fifths_of_the_requests() {
        let mut draw = Draw(1);
        let drawn: Vec<u64> = (0..10_000).map(|_| draw.below(1000)).collect();
        let few = drawn.iter().filter(|number| **number < 200).count();
        assert!((7_800..8_200).contains(&few), "{few}");
        assert!(drawn.iter().all(|number| *number < 1000) && drawn.iter().any(|number| *number > 900));
        assert_eq!(draw.below(1), 0);
    }

    #[test]
    fn a_line_tells_the_rate_and_the_shares() {
        let line = Counts { hits: 750, misses: 250 }.line(Duration::from_millis(500));
        assert_eq!(line, "2000 Gets/sec | Hits: 750 (75.00%) | Misses: 250 (25.00%)");
        assert!(Counts::default().line(Duration::ZERO).starts_with("0 Gets/sec"));
    }
}
