//! The sweep for expired keys: when a worker runs it, and for how long at a time.
//!
//! A worker that sleeps is woken by the next deadline. What is due is deleted in slices of a round's end, after its replies
//! were sent: as fast as that goes while there is nothing else to do, and else in a share of the time, which
//! `active-expire-effort` sets. One worker also has that go which is no key and was left alone.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::idle::Idling;
use kora_core::slot::{ShardId, WorkerId};
use kora_core::time::UnixMs;
use smallvec::SmallVec;

use super::Turn;
use crate::counters::add;
use crate::front::Front;
use crate::observe::events::Event;

/// Deadlines and fields that are looked at between two looks at the clock.
const LOOKED_AT: usize = 64;

/// A slice takes no longer than this, so that nobody waits for longer.
const SLICE_MAX: Duration = Duration::from_micros(800);

/// A slice beside other work may take so long whatever the share.
const SLICE_MIN: Duration = Duration::from_micros(40);

/// The share of the time beside other work, in percent, with the least effort; and what each step of effort adds.
const SHARE: u32 = 25;
const SHARE_PER_EFFORT: u32 = 2;

/// When nothing is left to be deleted, the next sweep is no sooner than so many milliseconds later.
const REST_MS: i64 = 8;

/// When a worker's next sweep is due.
#[derive(Debug)]
pub(super) struct Sweeping {
    not_before: UnixMs,
    /// Which of the shards that are due comes first, as a number that goes around.
    first: usize,
    /// When the last slice ended.
    ended: Duration,
}

impl Sweeping {
    pub(super) fn new(now: Duration) -> Self {
        Self { not_before: UnixMs(0), first: 0, ended: now }
    }
}

impl<F: Front> Turn<F> {
    /// How long the worker may sleep for the sweep.
    pub(super) fn until_sweep(&mut self) -> Duration {
        if self.gate.pause.is_some() {
            // The next tick of the clock finds its end.
            return Duration::MAX;
        }
        let dues = self.executor.kept().map(|shard| self.engine.hub.next_due(shard));
        let Some(due) = dues.chain(self.next_idle()).min().filter(|due| due.0 < i64::MAX) else {
            return Duration::MAX;
        };
        let due = due.max(self.sweeping.not_before);
        Duration::from_millis(u64::try_from(due.0.saturating_sub(self.time.now.0)).unwrap_or(0))
    }

    /// Deletes keys and fields that have expired, for a while. Nothing goes by itself during CLIENT PAUSE.
    #[inline]
    pub fn sweep_expired(&mut self) {
        if self.gate.pause.is_some() {
            return;
        }
        // A clock that goes back must not put it off.
        let rest = self.sweeping.not_before.0.saturating_sub(self.time.now.0);
        if !(1..=REST_MS).contains(&rest) {
            self.sweep_slice();
        }
    }

    fn sweep_slice(&mut self) {
        let begun = self.front.elapsed();
        let time_max = self.slice_time(begun);
        let is_due = |shard: &ShardId| self.engine.hub.next_due(*shard) <= self.time.now;
        let due: SmallVec<[ShardId; 8]> = self.executor.kept().filter(is_due).collect();
        let (mut examined, mut is_cut_short) = (0, false);
        // Each in its turn, so that none waits for ever behind one that has much to delete.
        for at in 0..due.len() {
            let shard = due[(at + self.sweeping.first) % due.len()];
            let begun_here = self.front.elapsed();
            let time_here = time_max.saturating_sub(begun_here.saturating_sub(begun)) / share(due.len() - at);
            loop {
                let swept = self.executor.sweep(shard, self.time.now, LOOKED_AT);
                examined += swept.examined;
                let is_over = self.front.elapsed().saturating_sub(begun_here) >= time_here;
                if !swept.is_cut_short || is_over {
                    is_cut_short |= swept.is_cut_short;
                    break;
                }
            }
            self.show_overdue(shard);
            self.executor.release();
        }
        self.sweeping.first = self.sweeping.first.wrapping_add(1);
        self.sweeping.not_before =
            if is_cut_short { self.time.now } else { UnixMs(self.time.now.0 + REST_MS) };
        if examined > 0 {
            self.executor.dispose();
            self.executor.hand_over();
            self.deliver(None);
        }
        self.end_idle();
        self.sweeping.ended = self.front.elapsed();
        self.count_slice(begun, is_cut_short);
    }

    /// When something beside the keys is next to go by itself: one worker sees to that.
    fn next_idle(&self) -> Option<UnixMs> {
        if self.id() != WorkerId(0) || self.engine.persistence.loading.is_on() {
            return None;
        }
        Idling::among(self.executor.services()).filter_map(|idle| idle.next_due()).min()
    }

    /// Has that go which is no key and was left alone for too long.
    fn end_idle(&mut self) {
        if self.next_idle().is_none_or(|due| due > self.time.now) {
            return;
        }
        let all = Idling::among(self.executor.services());
        let due: SmallVec<[_; 2]> = all.filter_map(|idle| idle.let_go(self.time.now)).collect();
        due.into_iter().for_each(|command| self.submit_for_nobody(command));
    }

    /// Shows how much is still to be deleted in a shard.
    fn show_overdue(&mut self, shard: ShardId) {
        let Some(store) = self.executor.store_of(shard) else { return };
        let (overdue, expiring) = (store.overdue() as u64, store.expiring() as u64);
        let counters = self.engine.counters.of_shard(shard);
        counters.overdue.store(overdue, Ordering::Relaxed);
        counters.expiring.store(expiring, Ordering::Relaxed);
    }

    /// How long a slice may take that begins at `begun`.
    fn slice_time(&self, begun: Duration) -> Duration {
        if !self.pace.is_working(self.time.begun) {
            return SLICE_MAX;
        }
        let share = SHARE + SHARE_PER_EFFORT * (u32::from(self.settings.active_expire_effort) - 1);
        let between = begun.saturating_sub(self.sweeping.ended);
        (between * share / (100 - share)).clamp(SLICE_MIN, SLICE_MAX)
    }

    fn count_slice(&mut self, begun: Duration, is_cut_short: bool) {
        let elapsed = self.sweeping.ended.saturating_sub(begun);
        let counters = self.counters();
        self.engine.insight.events.note(Event::ExpireCycle, elapsed, self.time.now.0 / 1000);
        add(&counters.expiry_us, u64::try_from(elapsed.as_micros()).unwrap_or(u64::MAX));
        add(&counters.expiry_cut_short, is_cut_short.into());
    }
}

/// A number of shards, to divide time by.
fn share(shards: usize) -> u32 {
    u32::try_from(shards).unwrap_or(u32::MAX)
}
