//! How much an errand does at once: questions and builds of indexes.

use std::time::{Duration, Instant};

use super::Effort;

/// What a command does before it goes on aside.
const WHOLE: Duration = Duration::from_millis(1);
/// A slice of a question.
const SLICE: Duration = Duration::from_micros(200);
/// A slice of a build.
const BUILD_SLICE: Duration = Duration::from_micros(100);
/// Steps that may be done by the clock: it decides.
const STEPS_BY_CLOCK: usize = 1 << 24;
/// A step takes 100 ns or so.
const STEPS_PER_MICROSECOND: usize = 10;

/// In steps, where there is no clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pace {
    /// What a command does before it goes on aside.
    pub whole_steps: usize,
    /// A slice of a question or of a build.
    pub slice_steps: usize,
}

impl Default for Pace {
    fn default() -> Self {
        let steps = |time: Duration| usize::try_from(time.as_micros()).unwrap_or(0) * STEPS_PER_MICROSECOND;
        Self { whole_steps: steps(WHOLE), slice_steps: steps(SLICE) }
    }
}

impl Pace {
    /// What a command does before it goes on aside.
    #[must_use]
    pub fn whole(self, clock: Option<fn() -> Instant>) -> Effort {
        of(self.whole_steps, WHOLE, clock)
    }

    /// A slice of a question.
    #[must_use]
    pub fn slice(self, clock: Option<fn() -> Instant>) -> Effort {
        of(self.slice_steps, SLICE, clock)
    }

    /// A slice of a build.
    #[must_use]
    pub fn build(self, clock: Option<fn() -> Instant>) -> Effort {
        of(self.slice_steps, BUILD_SLICE, clock)
    }
}

fn of(steps: usize, time: Duration, clock: Option<fn() -> Instant>) -> Effort {
    match clock {
        Some(_) => Effort::steps(STEPS_BY_CLOCK).timed(clock, time),
        None => Effort::steps(steps),
    }
}
