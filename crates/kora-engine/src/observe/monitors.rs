//! Clients that are told of every command: MONITOR.
//!
//! Whoever runs a command writes a line for it while it has the command's shards in hand, behind those that were written before: the lines of all
//! workers stand in one order, in which commands on one key stand as they took effect. Each worker with such clients takes the lines to them in its
//! own time. Nobody waits for them: what they don't take in time is dropped, and a line tells how much.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::journal::meter::Demand;
use kora_core::slot::WorkerId;
use kora_locks::{RankedMutex, rank};

use crate::client::Origin;

/// Bytes of lines that wait for a worker; what comes beyond is dropped.
pub(crate) const WAITING_BYTES_MAX: usize = 4 * 1024 * 1024;

/// What waits for one worker.
#[derive(Debug, Default)]
struct Feed {
    listeners: Vec<Origin>,
    lines: VecDeque<Arc<str>>,
    bytes: usize,
    dropped: u64,
}

/// What is known of a session that is told of all commands.
#[derive(Debug, Default)]
pub struct Monitor {
    /// Lines that it was not told since the last that it was.
    pub(crate) dropped: u64,
}

/// Lines for one worker's listeners.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    pub(crate) listeners: Vec<Origin>,
    pub(crate) lines: VecDeque<Arc<str>>,
    /// Lines left out behind these.
    pub(crate) dropped: u64,
}

/// See the module.
#[derive(Debug)]
pub struct Monitors {
    demand: Arc<Demand>,
    feeds: RankedMutex<{ rank::MONITORS }, Vec<Feed>>,
    /// By worker: whether something waits.
    has_lines: Box<[AtomicBool]>,
}

impl Monitors {
    pub(super) fn new(worker_count: u16, demand: Arc<Demand>) -> Self {
        let workers = 0..worker_count;
        Self {
            demand,
            feeds: RankedMutex::new(workers.clone().map(|_| Feed::default()).collect()),
            has_lines: workers.map(|_| AtomicBool::new(false)).collect(),
        }
    }

    /// Adds lines for all listeners, with nothing between them, and notes how many behind them are left out; returns the workers that are to
    /// be woken.
    pub(crate) fn push(&self, lines: &[Arc<str>], dropped: u64) -> Vec<WorkerId> {
        let mut woken = Vec::new();
        for (worker, feed) in (0..).map(WorkerId).zip(self.feeds.lock().iter_mut()) {
            if feed.listeners.is_empty() {
                continue;
            }
            for line in lines {
                if feed.dropped == 0 && feed.bytes + line.len() <= WAITING_BYTES_MAX {
                    feed.bytes += line.len();
                    feed.lines.push_back(Arc::clone(line));
                } else {
                    feed.dropped += 1;
                }
            }
            feed.dropped += dropped;
            if !self.has_lines[worker.index()].swap(true, Ordering::AcqRel) {
                woken.push(worker);
            }
        }
        woken
    }

    /// Whether something waits for a worker.
    #[inline]
    pub(crate) fn has_lines(&self, worker: WorkerId) -> bool {
        self.has_lines[worker.index()].load(Ordering::Acquire)
    }

    /// Takes what waits for a worker.
    pub(crate) fn take(&self, worker: WorkerId) -> Lines {
        let mut feeds = self.feeds.lock();
        self.has_lines[worker.index()].store(false, Ordering::Release);
        let feed = &mut feeds[worker.index()];
        feed.bytes = 0;
        Lines {
            listeners: feed.listeners.clone(),
            lines: std::mem::take(&mut feed.lines),
            dropped: std::mem::take(&mut feed.dropped),
        }
    }

    /// A client is told of every command from now on.
    pub(crate) fn add(&self, listener: Origin) {
        let mut feeds = self.feeds.lock();
        feeds[listener.worker.index()].listeners.push(listener);
        self.demand.set(Demand::EACH, true);
    }

    /// It is not any more.
    pub(crate) fn remove(&self, listener: Origin) {
        let mut feeds = self.feeds.lock();
        let feed = &mut feeds[listener.worker.index()];
        feed.listeners.retain(|other| other.client != listener.client);
        if feed.listeners.is_empty() {
            *feed = Feed::default();
        }
        let is_any = feeds.iter().any(|feed| !feed.listeners.is_empty());
        self.demand.set(Demand::EACH, is_any);
    }

    /// How many clients are told.
    #[must_use]
    pub fn count(&self) -> usize {
        self.feeds.lock().iter().map(|feed| feed.listeners.len()).sum()
    }
}

/// A line: when, in which database, by whom, and the words, quoted.
pub(crate) fn line<'a>(at_us: u64, db: u16, client: &str, words: impl Iterator<Item = &'a [u8]>) -> String {
    let mut line = format!("{}.{:06} [{db} {client}]", at_us / 1_000_000, at_us % 1_000_000);
    for word in words {
        line.push_str(" \"");
        word.iter().for_each(|byte| push_quoted(&mut line, *byte));
        line.push('"');
    }
    line
}

/// A byte as it stands between quotation marks.
fn push_quoted(line: &mut String, byte: u8) {
    match byte {
        b'"' | b'\\' => line.extend(['\\', char::from(byte)]),
        b'\n' => line.push_str("\\n"),
        b'\r' => line.push_str("\\r"),
        b'\t' => line.push_str("\\t"),
        0x07 => line.push_str("\\a"),
        0x08 => line.push_str("\\b"),
        b' '..=b'~' => line.push(char::from(byte)),
        _ => {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            line.push_str("\\x");
            line.extend([byte >> 4, byte & 15].map(|digit| char::from(DIGITS[usize::from(digit)])));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::ClientId;

    #[test]
    fn a_line_quotes_its_words() {
        let words: [&[u8]; 3] = [b"set", b"a\"b\\\n\r\t\x07\x08", b"\x01\xff~ "];
        assert_eq!(
            line(1_796_064_128_000_272, 3, "127.0.0.1:5", words.into_iter()),
            r#"1796064128.000272 [3 127.0.0.1:5] "set" "a\"b\\\n\r\t\a\b" "\x01\xff~ ""#
        );
    }

    #[test]
    fn lines_wait_for_workers_that_have_listeners() {
        let monitors = Monitors::new(2, Arc::default());
        assert!(monitors.push(&["a".into()], 0).is_empty());
        let listener = Origin { worker: WorkerId(1), slot: 4, client: ClientId(9) };
        monitors.add(listener);
        assert_eq!(monitors.push(&["b".into()], 0), [WorkerId(1)]);
        assert!(monitors.push(&["c".into()], 0).is_empty(), "it knows already");
        let long = "x".repeat(WAITING_BYTES_MAX);
        assert!(monitors.push(&[long.as_str().into()], 0).is_empty());
        assert!(monitors.push(&["d".into()], 0).is_empty());
        let taken = monitors.take(WorkerId(1));
        assert!(taken.lines.iter().map(|line| &**line).eq(["b", "c"]));
        assert_eq!((taken.listeners, taken.dropped), (vec![listener], 2));
        assert_eq!(monitors.push(&[], 3), [WorkerId(1)]);
        assert_eq!(monitors.take(WorkerId(1)).dropped, 3);
        monitors.remove(listener);
        assert!(monitors.count() == 0 && monitors.take(WorkerId(1)).lines.is_empty());
    }
}
