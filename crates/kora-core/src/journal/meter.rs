//! How long commands run, where they run.
//!
//! Reading the clock costs a fair part of what a short command does. So the first calls of each command are timed, and of
//! those that follow one in [`CALLS_PER_TIMING`], which stands for the others.

use std::fmt;

/// Calls of a command that are all timed.
const TIMED_CALLS: u32 = 64;
/// Of later calls, one in so many is timed.
const CALLS_PER_TIMING: u32 = 16;
/// Places for counts of calls: commands that share one are timed less often at first, and never wrongly.
const PLACES: usize = 4096;

/// Tells nanoseconds since some moment.
pub type Clock = fn() -> u64;

/// Takes the name of a command, how long a call took, in nanoseconds, and for how many calls that stands.
pub type TimeSink = Box<dyn FnMut(&'static str, u64, u64) + Send>;

/// See the module.
pub struct Meter {
    clock: Clock,
    sink: TimeSink,
    calls: Box<[u32]>,
}

/// A call that is timed: when it began, and for how many calls it stands.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Timing {
    began_ns: u64,
    weight: u64,
}

impl Meter {
    /// A meter that has counted nothing.
    #[must_use]
    pub fn new(clock: Clock, sink: TimeSink) -> Self {
        Self { clock, sink, calls: vec![0; PLACES].into_boxed_slice() }
    }

    /// A command begins.
    #[inline]
    pub(super) fn begin(&mut self, name: &'static str) -> Option<Timing> {
        let calls = &mut self.calls[(name.as_ptr().addr() >> 3) % PLACES];
        *calls = calls.wrapping_add(1);
        let weight = match *calls {
            ..=TIMED_CALLS => 1,
            calls if calls.is_multiple_of(CALLS_PER_TIMING) => CALLS_PER_TIMING.into(),
            _ => return None,
        };
        Some(Timing { began_ns: (self.clock)(), weight })
    }

    /// It has ended.
    #[cold]
    pub(super) fn end(&mut self, name: &'static str, Timing { began_ns, weight }: Timing) {
        let elapsed_ns = (self.clock)().saturating_sub(began_ns);
        (self.sink)(name, elapsed_ns, weight);
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
