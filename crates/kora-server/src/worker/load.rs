//! What a worker measures of its own load, in windows, and which connections caused it.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::time::Instant;

use kora_engine::counters::LONG_NS;

use crate::shared::connection::{Cost, Session};
use crate::spread::{Load, WINDOW_MS};

/// A worker's present window.
#[derive(Debug)]
pub(super) struct Window {
    /// Tells windows apart.
    number: u32,
    begun: Instant,
    /// For how long the thread had waited for a processor when it began.
    waited_ns: u64,
    waits: Waits,
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

/// How long a thread has waited for a processor, as the system tells.
#[derive(Debug, Default)]
enum Waits {
    /// It was not asked yet.
    #[default]
    Unasked,
    /// Where it tells.
    At(File),
    /// It does not.
    Unknown,
}

impl Waits {
    /// Nanoseconds since the thread began; 0 if they are not known. To be asked by the thread itself.
    fn now_ns(&mut self) -> u64 {
        if matches!(self, Self::Unasked) {
            *self = File::open("/proc/thread-self/schedstat").map_or(Self::Unknown, Self::At);
        }
        let Self::At(file) = self else { return 0 };
        let mut text = [0; 96];
        let count = file.read_at(&mut text, 0).unwrap_or(0);
        let words = text.get(..count).unwrap_or_default().split(|byte| byte.is_ascii_whitespace());
        // The time on processors, the time of waits, the number of turns.
        let second = words.skip(1).find_map(kora_core::number::parse_i64);
        second.and_then(|waited| u64::try_from(waited).ok()).unwrap_or(0)
    }
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
            waited_ns: 0,
            waits: Waits::default(),
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

    /// A round that took so long has ended. A command in it was long only if the worker did not merely wait for a processor.
    #[inline]
    pub(super) fn note_round(&mut self, ns: u64, counts: Counts) {
        if counts.long_commands != self.long_commands {
            self.long_commands = counts.long_commands;
            let waited = self.waits.now_ns().saturating_sub(self.waited_ns);
            self.had_long |= ns.saturating_sub(waited) > LONG_NS;
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
        let waited = self.waits.now_ns();
        let load = Load {
            busy: thousandths(self.busy_ns, length),
            waited: thousandths(waited.saturating_sub(self.waited_ns), length),
            rate: counts.commands.saturating_sub(self.commands).saturating_mul(1_000_000_000) / length.max(1),
            had_long: self.had_long,
        };
        let closed =
            Closed { load, length_ns: length, number: self.number, served: std::mem::take(&mut self.served) };
        let (number, long_commands) = (self.number.wrapping_add(1), self.long_commands);
        *self = Self {
            number,
            begun: now,
            waited_ns: waited,
            waits: std::mem::take(&mut self.waits),
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
