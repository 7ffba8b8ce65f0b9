//! How long commands run, where they run, and who hears of them.
//!
//! Reading the clock costs a fair part of what a short command does. So the first calls of each command are timed, and of
//! those that follow one in [`CALLS_PER_TIMING`] or so, at random, which stands for the others.
//!
//! No slow command may be missed for that. Behind each command a second clock is looked at, the *ticker*, which costs a fraction of the first
//! and stands still for some milliseconds at a time. Only if it has moved the clock is read: the command may have run since that was read last
//! ([`Meter::mark_at`]). So what a slow command is said to have taken may be too much by what came between, some microseconds. Where
//! [`Demand::EXACT`] is asked for every call is timed.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use crate::db::DbIndex;
use crate::time::UnixMs;

/// Calls of a command that are all timed.
const TIMED_CALLS: u8 = 64;
/// Of later calls, one in so many is timed, on average. How many lie between two is left to chance, since pipelines repeat themselves.
const CALLS_PER_TIMING: u8 = 16;
/// Places for counts of calls: commands that share one are timed less often at first, and never wrongly.
const PLACES: usize = 4096;

/// Tells nanoseconds since some moment.
pub type Clock = fn() -> u64;

/// Whose command runs, and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Whose {
    /// The number of the client; 0 if a script calls the command.
    pub client: u64,
    /// The selected database.
    pub db: DbIndex,
    /// The time at which it runs.
    pub now: UnixMs,
    /// It has been seen before: it waited, or runs anew with more stores.
    pub is_again: bool,
}

/// A command as those see it who look on.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// Its full name.
    pub name: &'static str,
    /// Its arguments, the name as it was sent included.
    pub args: &'a [&'a [u8]],
    /// Whose it is.
    pub whose: Whose,
}

/// Looks on while commands run.
pub trait Observer: Send {
    /// A call took so long, in nanoseconds, and stands for so many calls.
    fn took(&mut self, name: &'static str, nanoseconds: u64, calls: u64);

    /// A command that was timed stands for so many calls on its keys.
    fn sampled(&mut self, _seen: &Seen<'_>, _calls: u64) {}

    /// A command took so many nanoseconds: told while [`Demand::TIMES`] is asked for.
    fn timed(&mut self, _seen: &Seen<'_>, _nanoseconds: u64) {}

    /// A command took as long as [`Demand`] says or longer, in nanoseconds.
    fn slow(&mut self, _seen: &Seen<'_>, _nanoseconds: u64) {}

    /// A command has run, or a script is about to: told while [`Demand::EACH`] is asked for. `is_held`: it belongs to a block that nothing
    /// may come between, and that [`Observer::release`] ends.
    fn ran(&mut self, _seen: &Seen<'_>, _is_held: bool) {}

    /// A block has come to its end. If nothing of it is kept, it will run anew.
    fn release(&mut self, _is_kept: bool) {}
}

/// How a command came back from its handler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It has come to its end.
    Over,
    /// It goes on elsewhere: its time is added up there, and it counts as a call here.
    Aside,
    /// It waits, has paused or runs anew, and counts as a call when that ends.
    NotYet,
}

/// What is asked of all meters.
#[derive(Debug)]
pub struct Demand {
    flags: AtomicU32,
    slow_ns: AtomicU64,
    /// How many times the statistics were begun anew.
    restarts: AtomicU32,
}

impl Default for Demand {
    fn default() -> Self {
        Self { flags: AtomicU32::new(0), slow_ns: AtomicU64::new(u64::MAX), restarts: AtomicU32::new(0) }
    }
}

impl Demand {
    /// Every call is timed.
    pub const EXACT: u32 = 1;
    /// Every command is told.
    pub const EACH: u32 = 2;
    /// Every call is timed, and told.
    pub const TIMES: u32 = 4;

    /// Asks for something, or not any more.
    pub fn set(&self, flag: u32, is_on: bool) {
        if is_on {
            self.flags.fetch_or(flag, Ordering::AcqRel);
        } else {
            self.flags.fetch_and(!flag, Ordering::AcqRel);
        }
    }

    /// The statistics begin anew: the first calls of each command are all timed again, by each meter from the next time on that it is told
    /// what the clock shows.
    pub fn restart(&self) {
        self.restarts.fetch_add(1, Ordering::AcqRel);
    }

    /// Says from how many nanoseconds on a command is slow.
    pub fn set_slow(&self, nanoseconds: u64) {
        self.slow_ns.store(nanoseconds, Ordering::Release);
    }

    /// From how many nanoseconds on a command is slow.
    #[must_use]
    pub fn slow_ns(&self) -> u64 {
        self.slow_ns.load(Ordering::Relaxed)
    }

    #[inline]
    fn has(&self, flag: u32) -> bool {
        self.flags.load(Ordering::Relaxed) & flag != 0
    }
}

/// Which calls of a command are timed.
#[derive(Clone, Copy, Debug, Default)]
struct Place {
    /// Calls until the next that is timed.
    left: u8,
    /// For how many calls that stands; 0 for itself.
    gap: u8,
    /// Of the first calls, how many were timed.
    timed: u8,
}

/// See the module.
pub struct Meter {
    clock: Clock,
    ticker: Clock,
    observer: Box<dyn Observer>,
    demand: Arc<Demand>,
    calls: Box<[Place]>,
    random: u32,
    /// See [`Demand::restart`].
    restarts: u32,
    /// When the clock was read last.
    mark_ns: u64,
    /// What the ticker showed then or since.
    tick: u64,
    /// What runs is a share of a command: how long all shares take is added up elsewhere.
    is_share: bool,
    /// How long what has ended last took, as far as is known.
    spent_ns: u64,
    /// How many blocks are open, one in the other: a transaction, a script.
    blocks: u32,
    /// Something was told of the open block.
    has_held: bool,
}

/// A call that is timed: when it began, and for how many calls it stands.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct Timing {
    began_ns: u64,
    /// What the ticker showed; none if the clock was read.
    tick: Option<u64>,
    /// 0: it is not for the statistics.
    weight: u64,
}

impl Meter {
    /// A meter that has counted nothing.
    #[must_use]
    pub fn new(clock: Clock, ticker: Clock, observer: Box<dyn Observer>, demand: Arc<Demand>) -> Self {
        Self {
            clock,
            ticker,
            observer,
            demand,
            calls: vec![Place::default(); PLACES].into_boxed_slice(),
            random: 0x9E37_79B9,
            restarts: 0,
            mark_ns: 0,
            tick: 0,
            is_share: false,
            spent_ns: 0,
            blocks: 0,
            has_held: false,
        }
    }

    /// Says that the clock shows this now.
    #[inline]
    pub(super) fn mark_at(&mut self, now_ns: u64) {
        self.mark_ns = self.mark_ns.max(now_ns);
        self.tick = (self.ticker)();
        let restarts = self.demand.restarts.load(Ordering::Relaxed);
        if restarts != self.restarts {
            self.restarts = restarts;
            self.calls.fill(Place::default());
        }
    }

    /// What follows is not to be held responsible for what came before.
    #[inline]
    pub(super) fn refresh(&mut self) {
        if (self.ticker)() != self.tick {
            self.read();
        }
    }

    /// Reads the clock.
    #[cold]
    pub(super) fn read(&mut self) -> u64 {
        let now_ns = (self.clock)();
        self.mark_at(now_ns);
        now_ns
    }

    /// When the clock was read last.
    pub(super) fn mark(&self) -> u64 {
        self.mark_ns
    }

    /// How long what has ended last took, as far as is known; to be asked once.
    pub(super) fn take_spent(&mut self) -> u64 {
        std::mem::take(&mut self.spent_ns)
    }

    pub(super) fn set_share(&mut self, is_share: bool) {
        self.is_share = is_share;
    }

    /// Whether every command is told.
    #[inline]
    pub(super) fn tells_each(&self) -> bool {
        self.demand.has(Demand::EACH)
    }

    /// Tells a command.
    #[cold]
    pub(super) fn tell(&mut self, seen: &Seen<'_>) {
        if !seen.whose.is_again && !self.is_share {
            self.has_held |= self.blocks > 0;
            self.observer.ran(seen, self.blocks > 0);
        }
    }

    /// Lines stand together from now on, until [`Meter::end_block`].
    #[inline]
    pub(super) fn begin_block(&mut self) {
        self.blocks += 1;
    }

    /// Ends the innermost block.
    #[inline]
    pub(super) fn end_block(&mut self, is_kept: bool) {
        self.blocks = self.blocks.saturating_sub(1);
        if self.blocks == 0 && std::mem::take(&mut self.has_held) {
            self.observer.release(is_kept);
        }
    }

    /// A command begins. One that others run in (`encloses`) is timed by what the clock showed last.
    #[inline]
    pub(super) fn begin(&mut self, name: &'static str, encloses: bool) -> Option<Timing> {
        let place = &mut self.calls[(name.as_ptr().addr() >> 3) % PLACES];
        if place.left == 0 {
            return Some(self.begin_sampled(name));
        }
        place.left -= 1;
        if encloses || self.demand.has(Demand::EXACT | Demand::TIMES) {
            self.begin_unsampled(encloses)
        } else {
            None
        }
    }

    /// Begins to time a call for the statistics, and chooses at random which is timed next.
    fn begin_sampled(&mut self, name: &'static str) -> Timing {
        let place = &mut self.calls[(name.as_ptr().addr() >> 3) % PLACES];
        let weight = u64::from(place.gap.max(1));
        if place.timed < TIMED_CALLS {
            place.timed += 1;
        } else {
            self.random ^= self.random << 13;
            self.random ^= self.random >> 17;
            self.random ^= self.random << 5;
            let chance = self.random % (2 * u32::from(CALLS_PER_TIMING) - 1);
            place.left = u8::try_from(chance).unwrap_or(0);
            place.gap = place.left + 1;
        }
        Timing { began_ns: self.read(), tick: None, weight }
    }

    /// Begins to time a call that is not for the statistics.
    #[cold]
    pub(super) fn begin_unsampled(&mut self, encloses: bool) -> Option<Timing> {
        if self.demand.has(Demand::EXACT | Demand::TIMES) {
            return Some(Timing { began_ns: self.read(), tick: None, weight: 0 });
        }
        encloses.then_some(Timing { began_ns: self.mark_ns, tick: Some(self.tick), weight: 0 })
    }

    /// A command has come back from its handler.
    #[inline]
    pub(super) fn end<'a>(&mut self, seen: impl FnOnce() -> Seen<'a>, timing: Option<Timing>, ended: Ended) {
        if timing.is_some() || (self.ticker)() != self.tick {
            self.end_timed(&seen(), timing, ended);
        }
    }

    #[cold]
    fn end_timed(&mut self, seen: &Seen<'_>, timing: Option<Timing>, ended: Ended) {
        self.spent_ns = 0;
        let tick = (self.ticker)();
        let (began_ns, weight) = match timing {
            Some(Timing { tick: Some(begun), .. }) if begun == tick => return,
            Some(timing) => (timing.began_ns, timing.weight),
            None => (self.mark_ns, 0),
        };
        let now_ns = (self.clock)();
        self.mark_ns = now_ns;
        self.tick = tick;
        self.spent_ns = now_ns.saturating_sub(began_ns);
        if weight > 0 && ended != Ended::NotYet {
            self.observer.took(seen.name, self.spent_ns, weight);
            self.observer.sampled(seen, weight);
        }
        if self.demand.has(Demand::TIMES) {
            self.observer.timed(seen, self.spent_ns);
        }
        if ended == Ended::Over && !self.is_share && self.spent_ns >= self.demand.slow_ns() {
            self.observer.slow(seen, self.spent_ns);
        }
    }

    /// A command has come to its end whose time was added up elsewhere.
    pub(super) fn end_summed(&mut self, seen: &Seen<'_>, nanoseconds: u64) {
        self.observer.took(seen.name, nanoseconds, 1);
        if nanoseconds >= self.demand.slow_ns() {
            self.observer.slow(seen, nanoseconds);
        }
    }
}

impl fmt::Debug for Meter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
