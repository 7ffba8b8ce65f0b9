//! `--intrinsic-latency`: how long this machine keeps a process that never waits from running. No server is as quick as
//! the machine that it runs on.

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::Result;

use super::stop_on_interrupt;

/// Steps of the work that is repeated: little enough that one run takes well below a microsecond.
const STEPS: u64 = 64;

/// What was measured.
#[derive(Debug, Default)]
struct Runs {
    count: u64,
    worst: Duration,
    elapsed: Duration,
}

/// Works for `seconds`, or until Ctrl-C.
///
/// # Errors
/// If standard output cannot be written.
pub(crate) fn run(seconds: u64) -> Result<ExitCode> {
    let stop = stop_on_interrupt()?;
    let mut out = io::stdout().lock();
    let runs = measure(Duration::from_secs(seconds), &stop, |worst| {
        writeln!(out, "Max latency so far: {} microseconds.", worst.as_micros())?;
        out.flush()
    })?;
    out.write_all(runs.summary().as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

/// Repeats the same work for `length`; `worse` is told when one run took whole microseconds longer than all before.
fn measure(
    length: Duration,
    stop: &AtomicBool,
    mut worse: impl FnMut(Duration) -> io::Result<()>,
) -> io::Result<Runs> {
    let begun = Instant::now();
    let mut runs = Runs::default();
    let mut before = begun;
    loop {
        work(runs.count);
        let now = Instant::now();
        let took = now - before;
        runs.count += 1;
        runs.elapsed = now - begun;
        before = now;
        if took > runs.worst {
            let is_shown = took.as_micros() > runs.worst.as_micros();
            runs.worst = took;
            if is_shown {
                worse(took)?;
                // What printing took is not the machine's fault.
                before = Instant::now();
            }
        }
        if runs.elapsed >= length || stop.load(Ordering::Relaxed) {
            return Ok(runs);
        }
    }
}

/// Something that takes always as long.
fn work(seed: u64) {
    let mixed = (0..STEPS).fold(seed, |mixed, step| (mixed ^ step).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    std::hint::black_box(mixed);
}

impl Runs {
    #[expect(clippy::cast_precision_loss, reason = "two decimals are shown")]
    fn summary(&self) -> String {
        let average_ns = self.elapsed.as_nanos() as f64 / self.count.max(1) as f64;
        let average_us = average_ns / 1000.0;
        let ratio = self.worst.as_nanos() as f64 / average_ns.max(1.0);
        format!(
            "\n{} total runs (avg latency: {average_us:.4} microseconds / {average_ns:.2} nanoseconds per run).\n\
             Worst run took {ratio:.0}x longer than the average latency.\n",
            self.count
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_are_counted_and_a_stop_ends_them() {
        let stop = AtomicBool::new(false);
        let runs = measure(Duration::from_millis(5), &stop, |_| Ok(())).expect("nothing fails");
        assert!(runs.count > 1 && runs.elapsed >= Duration::from_millis(5) && runs.worst <= runs.elapsed);
        stop.store(true, Ordering::Relaxed);
        let runs = measure(Duration::from_secs(60), &stop, |_| Ok(())).expect("nothing fails");
        assert_eq!(runs.count, 1);
    }

    #[test]
    fn the_summary_compares_the_worst_with_the_average() {
        let runs =
            Runs { count: 1000, worst: Duration::from_micros(50), elapsed: Duration::from_micros(500) };
        assert_eq!(
            runs.summary(),
            "\n1000 total runs (avg latency: 0.5000 microseconds / 500.00 nanoseconds per run).\n\
             Worst run took 100x longer than the average latency.\n"
        );
    }
}
