//! `--latency-dist`: how long answers to `PING` take, as a line of colours for each interval: a column for each range of
//! times, the warmer the more of the answers are in it. Needs a terminal of 256 colours.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::Result;

use super::stop_on_interrupt;
use crate::args::Args;
use crate::setup::Setup;

/// Pause between samples.
const SAMPLE_PAUSE: Duration = Duration::from_millis(10);

/// How long each line covers, unless told otherwise.
const LINE_DEFAULT: Duration = Duration::from_secs(1);

/// Lines between two legends.
const LINES_PER_LEGEND: u32 = 20;

/// Columns, and the longest time of each in microseconds.
const COLUMNS: [(char, u64); 31] = [
    ('.', 10),
    ('-', 125),
    ('*', 250),
    ('#', 500),
    ('1', 1_000),
    ('2', 2_000),
    ('3', 3_000),
    ('4', 4_000),
    ('5', 5_000),
    ('6', 6_000),
    ('7', 7_000),
    ('8', 8_000),
    ('9', 9_000),
    ('A', 10_000),
    ('B', 20_000),
    ('C', 30_000),
    ('D', 40_000),
    ('E', 50_000),
    ('F', 100_000),
    ('G', 200_000),
    ('H', 300_000),
    ('I', 400_000),
    ('J', 500_000),
    ('K', 1_000_000),
    ('L', 2_000_000),
    ('M', 4_000_000),
    ('N', 8_000_000),
    ('O', 16_000_000),
    ('P', 30_000_000),
    ('Q', 60_000_000),
    ('?', u64::MAX),
];

/// Colours of a terminal from nothing to everything: black, greys, yellows, reds.
const COLOURS: [u8; 19] =
    [0, 233, 234, 235, 237, 239, 241, 243, 245, 247, 144, 143, 142, 184, 226, 214, 208, 202, 196];

/// Samples of one line, counted by column.
#[derive(Debug, Default)]
struct Samples {
    by_column: [u64; COLUMNS.len()],
    count: u64,
}

impl Samples {
    fn add(&mut self, took: Duration) {
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let column = COLUMNS.partition_point(|(_, longest)| *longest < us);
        if let Some(count) = self.by_column.get_mut(column) {
            *count += 1;
            self.count += 1;
        }
    }

    fn line(&self) -> String {
        let mut line = String::from("\x1b[38;5;0m");
        for ((name, _), count) in COLUMNS.iter().zip(self.by_column) {
            line.push_str(&format!("\x1b[48;5;{}m{name}", colour(count, self.count)));
        }
        line.push_str("\x1b[0m");
        line
    }
}

/// The colour of `part` of `whole`; any part at all is not black.
fn colour(part: u64, whole: u64) -> u8 {
    let last = COLOURS.len() - 1;
    let steps = u64::try_from(last).unwrap_or(u64::MAX);
    let at = (part * steps).div_ceil(whole.max(1));
    COLOURS[usize::try_from(at).unwrap_or(last).min(last)]
}

/// Samples until the user has enough.
///
/// # Errors
/// If the connection breaks or standard output cannot be written.
pub(crate) fn run(setup: &Setup, args: &Args) -> Result<ExitCode> {
    let mut connection = setup.connect()?;
    let stop = stop_on_interrupt()?;
    let length = args.interval.filter(|interval| !interval.is_zero()).unwrap_or(LINE_DEFAULT);
    let mut out = io::stdout().lock();
    let mut lines = 0u32;
    while !stop.load(Ordering::Relaxed) {
        if lines.is_multiple_of(LINES_PER_LEGEND) {
            out.write_all(legend().as_bytes())?;
        }
        let (mut samples, begun) = (Samples::default(), Instant::now());
        while begun.elapsed() < length && !stop.load(Ordering::Relaxed) {
            let start = Instant::now();
            connection.request(&["PING"])?;
            samples.add(start.elapsed());
            std::thread::sleep(SAMPLE_PAUSE);
        }
        writeln!(out, "{}", samples.line())?;
        out.flush()?;
        lines += 1;
    }
    Ok(ExitCode::SUCCESS)
}

fn legend() -> String {
    let rule = "-".repeat(45);
    let colours: String = COLOURS.iter().map(|colour| format!("\x1b[48;5;{colour}m ")).collect();
    format!(
        "{rule}\n\
         . - * #          up to .01 .125 .25 .5 ms\n\
         1 2 3 ... 9      up to 1 2 3 ... 9 ms\n\
         A B C D E        up to 10 20 30 40 50 ms\n\
         F G H I J        up to .1 .2 .3 .4 .5 s\n\
         K L M N O P Q ?  up to 1 2 4 8 16 30 60 s, and more\n\
         0 to 100 %:      {colours}\x1b[0m\n\
         {rule}\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn column(us: u64) -> char {
        let mut samples = Samples::default();
        samples.add(Duration::from_micros(us));
        let at = samples.by_column.iter().position(|count| *count == 1).expect("one column");
        COLUMNS[at].0
    }

    #[test]
    fn times_fall_into_columns() {
        let found: String =
            [0, 10, 11, 500, 501, 9_001, 50_001, 500_001, 60_000_001].into_iter().map(column).collect();
        assert_eq!(found, "..-#1AFK?");
    }

    #[test]
    fn the_warmer_the_more() {
        assert_eq!([colour(0, 9), colour(1, 1000), colour(9, 9), colour(0, 0)], [0, 233, 196, 0]);
        let line = Samples::default().line();
        assert_eq!(line.matches("\x1b[48;5;0m").count(), COLUMNS.len());
    }
}
