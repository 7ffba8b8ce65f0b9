//! What a worker measures of its own load, in windows, and which connections caused it.

use std::time::Instant;

use kora_engine::counters::LONG_NS;
use rustix::time::{ClockId, clock_gettime};

use crate::shared::connection::{Cost, Session};
use crate::spread::{Load, WINDOW_MS};

/// A worker's present window.
#[derive(Debug)]
pub(super) struct Window {
    /// Tells windows apart.
    number: u32,
    begun: Instant,
    processor_ns: u64,
    busy_ns: u64,
    commands: u64,
    long_commands: u64,
    had_long: bool,
    /// Places of the sessions that were served in it.
    served: Vec<usize>,
    /// When the last of them was done.
    clock: Option<Instant>,
}

/// What a worker has counted until now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Counts {
    pub(super) commands: u64,
    /// Those that took long.
    pub(super) long_commands: u64,
}

fn processor_ns() -> u64 {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    let part = |value: i64| u64::try_from(value).unwrap_or_default();
    part(now.tv_sec).saturating_mul(1_000_000_000).saturating_add(part(now.tv_nsec))
}

fn nanoseconds(from: Instant, to: Instant) -> u64 {
    u64::try_from(to.saturating_duration_since(from).as_nanos()).unwrap_or(u64::MAX)
}

/// `part` in thousandths of `whole`.
pub(super) fn thousandths(part: u64, whole: u64) -> u32 {
    u32::try_from(part.saturating_mul(1000) / whole.max(1)).unwrap_or(u32::MAX).min(1000)
}

impl Window {
    pub(super) fn new() -> Self {
        Self {
            number: 1,
            begun: Instant::now(),
            processor_ns: 0,
            busy_ns: 0,
            commands: 0,
            long_commands: 0,
            had_long: false,
            served: Vec::new(),
            clock: None,
        }
    }

    /// Whether it is long enough.
    #[inline]
    pub(super) fn is_over(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.begun).as_millis() >= u128::from(WINDOW_MS)
    }

    /// A round that took so long has ended. A command in it was long only if the worker was not merely kept from a processor.
    #[inline]
    pub(super) fn note_round(&mut self, ns: u64, counts: Counts) {
        if counts.long_commands != self.long_commands {
            self.long_commands = counts.long_commands;
            let on_processor = processor_ns().saturating_sub(self.processor_ns);
            self.had_long |= on_processor.saturating_sub(self.busy_ns) > LONG_NS;
        }
        self.busy_ns += ns;
    }

    /// A session is about to be served, or the first of a round.
    #[inline]
    pub(super) fn begin_serving(&mut self, measures: bool) {
        self.clock = measures.then(Instant::now);
    }

    /// A session was served.
    #[inline]
    pub(super) fn note_served(&mut self, session: &mut Session) {
        let cost = &mut session.link.cost;
        if cost.window != self.number {
            *cost = Cost { window: self.number, ns: 0 };
            self.served.push(session.client.slot());
        }
        if let Some(clock) = &mut self.clock {
            let now = Instant::now();
            cost.ns += nanoseconds(*clock, now);
            *clock = now;
        }
    }

    /// Ends it; what it tells, and the places of the sessions served in it.
    pub(super) fn close(&mut self, now: Instant, counts: Counts) -> Closed {
        let length = nanoseconds(self.begun, now);
        let processor = processor_ns();
        let load = Load {
            busy: thousandths(self.busy_ns, length),
            on_processor: thousandths(processor.saturating_sub(self.processor_ns), length),
            rate: counts.commands.saturating_sub(self.commands).saturating_mul(1_000_000_000) / length.max(1),
            had_long: self.had_long,
        };
        let closed =
            Closed { load, length_ns: length, number: self.number, served: std::mem::take(&mut self.served) };
        let (number, long_commands) = (self.number.wrapping_add(1), self.long_commands);
        *self = Self {
            number,
            begun: now,
            processor_ns: processor,
            commands: counts.commands,
            long_commands,
            ..Self::new()
        };
        closed
    }
}

/// A window that is over.
#[derive(Debug)]
pub(super) struct Closed {
    pub(super) load: Load,
    pub(super) length_ns: u64,
    number: u32,
    pub(super) served: Vec<usize>,
}

impl Closed {
    /// What a session cost in it, in nanoseconds; `None` if it was not served.
    pub(super) fn cost(&self, session: &Session) -> Option<u64> {
        let cost = session.link.cost;
        (cost.window == self.number).then_some(cost.ns)
    }
}
