//! How many workers serve connections: as few as their load needs.
//!
//! Each further worker that serves connections costs wake-ups and system calls, since each has less to do at a time; it is worth that
//! only where the load is more than the others can do and a processor is free. Which it is can't be known beforehand, so it is tried:
//! a worker more, or less, for some windows, and what comes of it is compared.
//!
//! - All serve when some command took long: connections that share a worker with it would wait for it.
//! - More serve when one of those that do never rests. They are kept if more commands run by that, or if nobody waits for a processor.
//! - Fewer serve when these could do the work in a part of their time, or when workers wait for processors and fewer do as much.
//!
//! A trial that has failed is made again after a pause, each longer than the last.

#[cfg(test)]
mod tests;

/// How long a worker measures before it tells, in milliseconds.
pub(crate) const WINDOW_MS: u64 = 20;

/// A worker whose rounds take so much of its time, in thousandths, never rests.
const BUSY: u32 = 950;

/// Fewer workers serve if they would be that busy at most, in thousandths.
const BUSY_OF_FEWER: u64 = 600;

/// For how long it must have been so.
const QUIET_MS: u64 = 1000;

/// For how long one must not have rested before more serve.
const BUSY_MS: u64 = 10 * WINDOW_MS;

/// How long a trial takes.
const TRIAL_MS: u64 = 6 * WINDOW_MS;

/// Windows at the beginning of a trial that tell nothing: connections move.
const SETTLING_MS: u64 = 3 * WINDOW_MS;

/// How long all serve after a command took long.
const AFTER_LONG_MS: u64 = 30_000;

/// The first pause after a failed trial, and the longest.
const PAUSE_MS: (u64, u64) = (2_000, 60_000);

/// The time workers wait for processors is a share of their busy time that matters, in thousandths.
const CONTENDED: u64 = 200;

/// What one worker tells of its last window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Load {
    /// Thousandths of the window that its rounds took.
    pub(crate) busy: u32,
    /// Thousandths of the window in which it waited for a processor.
    pub(crate) waited: u32,
    /// Commands a second.
    pub(crate) rate: u64,
    /// Whether a command took long.
    pub(crate) had_long: bool,
}

/// A number of workers that is tried out.
#[derive(Clone, Copy, Debug)]
struct Trial {
    begun_ms: u64,
    /// How many served before.
    before: usize,
    /// Commands a second then.
    rate_before: u64,
    /// Sum and count of the rates since it settled.
    rates: (u64, u64),
    /// Busy time since it settled, and time in which workers waited for processors.
    times: (u64, u64),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Spread {
    workers: usize,
    serving: usize,
    /// Since when one of those that serve has not rested.
    busy_since_ms: Option<u64>,
    /// Since when fewer would do.
    quiet_since_ms: Option<u64>,
    /// Since when workers wait for processors.
    contended_since_ms: Option<u64>,
    trial: Option<Trial>,
    /// When the next trial may begin, and the pause that follows if it fails.
    next_trial_ms: u64,
    pause_ms: u64,
    /// Until when all serve.
    all_until_ms: u64,
    /// Commands a second of late.
    rate: u64,
}

impl Spread {
    pub(crate) fn new(workers: usize) -> Self {
        Self {
            workers,
            serving: 1,
            busy_since_ms: None,
            quiet_since_ms: None,
            contended_since_ms: None,
            trial: None,
            next_trial_ms: 0,
            pause_ms: PAUSE_MS.0,
            all_until_ms: 0,
            rate: 0,
        }
    }

    /// Takes a look at what the workers told; returns how many serve connections from now on, those with the lowest numbers.
    pub(crate) fn look(&mut self, now_ms: u64, loads: &[Load]) -> usize {
        let serving = &loads[..self.serving.min(loads.len())];
        let rate = loads.iter().map(|load| load.rate).sum();
        if loads.iter().any(|load| load.had_long) {
            self.all_until_ms = now_ms + AFTER_LONG_MS;
            self.trial = None;
            self.serve(self.workers);
        } else if self.trial.is_some() {
            self.judge(now_ms, loads, rate);
        } else {
            let is_one_busy = serving.iter().any(|load| load.busy >= BUSY);
            let total: u64 = loads.iter().map(|load| u64::from(load.busy)).sum();
            let would_do = self.serving > 1 && total < BUSY_OF_FEWER * (self.serving as u64 - 1);
            let is_contended = self.serving > 1 && is_one_busy && waiting_share(sums(loads)) >= CONTENDED;
            since(&mut self.busy_since_ms, is_one_busy, now_ms);
            since(&mut self.quiet_since_ms, would_do, now_ms);
            since(&mut self.contended_since_ms, is_contended, now_ms);
            self.decide(now_ms, rate);
        }
        // A mean over some windows, so that one does not decide.
        self.rate = if self.rate == 0 { rate } else { (self.rate * 3 + rate) / 4 };
        self.serving
    }

    fn decide(&mut self, now_ms: u64, rate: u64) {
        let has_been = |since: Option<u64>, ms: u64| since.is_some_and(|since| now_ms - since >= ms);
        let must_all_serve = now_ms < self.all_until_ms;
        let may_try = now_ms >= self.next_trial_ms && !must_all_serve;
        if has_been(self.quiet_since_ms, QUIET_MS) && !must_all_serve {
            self.serve(self.serving - 1);
        } else if may_try && has_been(self.contended_since_ms, QUIET_MS) {
            self.try_out(now_ms, self.serving - 1, rate);
        } else if may_try && self.serving < self.workers && has_been(self.busy_since_ms, BUSY_MS) {
            self.try_out(now_ms, (self.serving * 2).min(self.workers), rate);
        }
    }

    fn serve(&mut self, count: usize) {
        if count != self.serving {
            self.serving = count;
            (self.busy_since_ms, self.quiet_since_ms, self.contended_since_ms) = (None, None, None);
        }
    }

    fn try_out(&mut self, now_ms: u64, count: usize, rate: u64) {
        self.trial = Some(Trial {
            begun_ms: now_ms,
            before: self.serving,
            rate_before: self.rate.max(rate),
            rates: (0, 0),
            times: (0, 0),
        });
        self.serve(count);
    }

    /// Takes what a window of a trial tells, and ends the trial when that is enough.
    fn judge(&mut self, now_ms: u64, loads: &[Load], rate: u64) {
        let Some(trial) = &mut self.trial else { return };
        let lasted_ms = now_ms - trial.begun_ms;
        if lasted_ms > SETTLING_MS {
            let (busy, waited) = sums(loads);
            trial.rates = (trial.rates.0 + rate, trial.rates.1 + 1);
            trial.times = (trial.times.0 + busy, trial.times.1 + waited);
        }
        if lasted_ms < TRIAL_MS || trial.rates.1 == 0 {
            return;
        }
        let trial = *trial;
        self.trial = None;
        let rate = trial.rates.0 / trial.rates.1;
        let is_good = if self.serving > trial.before {
            rate * 10 >= trial.rate_before * 11 || waiting_share(trial.times) < CONTENDED
        } else {
            rate * 100 >= trial.rate_before * 95
        };
        if is_good {
            (self.pause_ms, self.next_trial_ms) = (PAUSE_MS.0, now_ms);
        } else {
            self.serve(trial.before);
            self.next_trial_ms = now_ms + self.pause_ms;
            self.pause_ms = (self.pause_ms * 2).min(PAUSE_MS.1);
        }
    }
}

/// Keeps the moment since which something is so.
fn since(moment: &mut Option<u64>, is_so: bool, now_ms: u64) {
    *moment = is_so.then(|| moment.unwrap_or(now_ms));
}

/// Busy time of all, and the time in which they waited for processors.
fn sums(loads: &[Load]) -> (u64, u64) {
    let sum = |of: fn(&Load) -> u32| loads.iter().map(|load| u64::from(of(load))).sum();
    (sum(|load| load.busy), sum(|load| load.waited))
}

/// The time in which workers waited for processors, in thousandths of their busy time.
fn waiting_share((busy, waited): (u64, u64)) -> u64 {
    waited * 1000 / busy.max(1)
}
