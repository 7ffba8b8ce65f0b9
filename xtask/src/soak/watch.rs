//! Watches the server from outside: the process, its memory, its log.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use kora_testkit::durability::program::Program;
use parking_lot::Mutex;

use super::stage::{Provoked, Stage};
use super::{LIMIT_BYTES, MB};

/// Between two looks.
const INTERVAL: Duration = Duration::from_millis(100);

/// Resident memory may be so much beside what the limit counts: code, stacks, buffers of clients, what a snapshot holds.
const RESIDENT_EXTRA_BYTES: u64 = 96 << 20;

/// A line may come so much later than what provoked it.
const LOG_DELAY: Duration = Duration::from_secs(3);

/// What is checked.
#[derive(Clone, Copy)]
pub(super) struct Checks {
    pub(super) resident: bool,
    pub(super) log: bool,
}

/// The server's log, read as it grows.
struct Lines<'a> {
    path: &'a Path,
    read: usize,
}

/// Watches until the run is over.
pub(super) fn watch(stage: &Stage, server: &Mutex<Program>, log: &Path, checks: Checks) {
    let mut lines = Lines { path: log, read: 0 };
    while !stage.is_over() {
        if let Err(violation) = look(stage, server, &mut lines, checks) {
            stage.fail(&format!("{violation:#}"));
        }
        std::thread::sleep(INTERVAL);
    }
}

fn look(stage: &Stage, server: &Mutex<Program>, lines: &mut Lines<'_>, checks: Checks) -> anyhow::Result<()> {
    // Whoever ends the server has it.
    if let Some(mut server) = server.try_lock() {
        if let Some(status) = server.status()? {
            bail!("the process ended by itself: {status}\n{}", server.last_words());
        }
        if let Ok(resident) = resident_bytes(server.id().as_raw_nonzero().get()) {
            stage.figures.note("resident memory, MB", resident / MB);
            if checks.resident && resident > LIMIT_BYTES + LIMIT_BYTES / 2 + RESIDENT_EXTRA_BYTES {
                bail!("resident memory is {} MB at a limit of {} MB", resident / MB, LIMIT_BYTES / MB);
            }
        }
    }
    for line in lines.fresh()? {
        if is_complaint(&line) {
            stage.figures.add("lines of warning in the log", 1);
            if checks.log && !is_provoked(stage, &line) {
                bail!("the log says: {line}");
            }
        }
    }
    Ok(())
}

impl Lines<'_> {
    /// Whole lines that are new.
    fn fresh(&mut self) -> anyhow::Result<Vec<String>> {
        let text = std::fs::read(self.path).context("the server's log")?;
        let new = &text[self.read.min(text.len())..];
        let end = new.iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
        self.read += end;
        Ok(String::from_utf8_lossy(&new[..end]).lines().map(str::to_owned).collect())
    }
}

/// Whether a line warns, or is none of the log's own: those of a panic have no process and no date.
fn is_complaint(line: &str) -> bool {
    let mut words = line.split(' ');
    let is_own = words.next().is_some_and(|word| word.ends_with(":M"));
    !line.is_empty() && (!is_own || words.nth(4) == Some("#"))
}

fn is_provoked(stage: &Stage, line: &str) -> bool {
    let since = Instant::now() - LOG_DELAY;
    let is_panic = !line.contains(":M ") || line.contains("panicked");
    !is_panic && Provoked::ALL.iter().any(|&what| stage.is_excused(what, since))
}

/// Resident memory of a process.
pub(super) fn resident_bytes(id: i32) -> anyhow::Result<u64> {
    let text = std::fs::read_to_string(format!("/proc/{id}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS")?;
    Ok(line.trim().trim_end_matches(" kB").parse::<u64>()? * 1024)
}

#[cfg(test)]
mod tests {
    use super::is_complaint;

    #[test]
    fn warnings_and_panics_are_told_from_notices() {
        assert!(!is_complaint("12:M 22 Nov 2026 19:13:13.031 * Ready to accept connections"));
        assert!(is_complaint("12:M 22 Nov 2026 19:13:13.031 # The log could not be written"));
        assert!(is_complaint("thread 'kora-0' panicked at src/main.rs:1:1:"));
    }
}
