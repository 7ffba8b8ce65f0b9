//! How the lines for MONITOR reach this worker's sessions.

use std::time::Duration;

use kora_core::reply::Reply as _;

use super::Turn;
use crate::front::{Front, Output as _};
use crate::observe::monitors::{self, Lines};
use crate::session::Session;

/// How often a worker looks whether a session that lines were dropped for has read what it has.
const LAG: Duration = Duration::from_millis(50);

/// Unsent bytes from which on lines for a session are dropped.
const UNSENT_BYTES_MAX: usize = 16 * 1024 * 1024;

impl<F: Front> Turn<F> {
    /// Whether lines wait for sessions of this worker.
    #[inline]
    pub(super) fn has_monitor_lines(&self) -> bool {
        self.engine.insight.monitors.has_lines(self.id())
    }

    /// Writes the lines that wait into the outputs of sessions.
    #[inline]
    pub(super) fn deliver_lines(&mut self) {
        if self.has_monitor_lines() || self.scratch.has_lagging_monitors {
            self.deliver_all_lines();
        }
    }

    /// How long the worker may sleep that has sessions to tell how many lines were dropped, once they have read what they have.
    #[inline]
    pub(super) fn until_told_dropped(&self) -> Duration {
        if self.scratch.has_lagging_monitors { LAG } else { Duration::MAX }
    }

    #[cold]
    fn deliver_all_lines(&mut self) {
        let lines = self.engine.insight.monitors.take(self.id());
        self.scratch.has_lagging_monitors = false;
        for &listener in &lines.listeners {
            if self.sessions.of(listener).is_none() {
                continue;
            }
            let Some(mut session) = self.sessions.take(listener.slot) else { continue };
            self.write_lines(&mut session, &lines);
            self.sessions.put(session);
            self.sessions.note_dirty(listener.slot);
        }
    }

    fn write_lines(&mut self, session: &mut Session<F>, lines: &Lines) {
        let Some(monitor) = session.monitor.as_mut().filter(|_| !session.is_closing) else { return };
        let now_us = self.front.unix_us();
        F::prepare(&mut self.buffers, &mut session.output, true);
        for line in &lines.lines {
            if session.output.unsent() > UNSENT_BYTES_MAX {
                monitor.dropped += 1;
                continue;
            }
            let mut out = session.output.sink(session.choice.style);
            write_dropped(&mut out, &mut monitor.dropped, now_us);
            out.simple(line);
        }
        monitor.dropped += lines.dropped;
        if session.output.unsent() <= UNSENT_BYTES_MAX {
            write_dropped(&mut session.output.sink(session.choice.style), &mut monitor.dropped, now_us);
        }
        self.scratch.has_lagging_monitors |= monitor.dropped > 0;
        session.has_pushes = true;
    }

    /// Ends what MONITOR began.
    pub(super) fn end_monitor(&self, session: &Session<F>) {
        if session.monitor.is_some() {
            self.engine.insight.monitors.remove(session.origin());
        }
    }
}

/// Writes how many lines were dropped, in the form of a line.
fn write_dropped(out: &mut impl kora_core::reply::Reply, dropped: &mut u64, now_us: u64) {
    if *dropped > 0 {
        let count = std::mem::take(dropped).to_string();
        let words: [&[u8]; 3] = [b"MONITOR", b"DROPPED", count.as_bytes()];
        out.simple(&monitors::line(now_us, 0, "kora:0", words.into_iter()));
    }
}
