//! The memory limit: room is made before a command that may need some, and in every round.
//!
//! The limit is the process's, keys are a shard's: whichever worker finds the limit exceeded takes the shard that has most keys that
//! may go, and evicts some of them. So keys go from all shards alike. If somebody else holds that shard, another with about as many may
//! do; else he will find the limit exceeded himself.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::config::EvictionScope;
use kora_core::shard::slices::RETRY;
use kora_core::slot::{ShardId, WorkerId};
use kora_core::store::eviction::Eviction;
use smallvec::SmallVec;

use super::Turn;
use crate::counters::ShardCounters;
use crate::front::Front;
use crate::front::probe::Probe as _;
use crate::memory;
use crate::observe::events::Event;

/// Keys evicted between two looks at the clock.
const TRIES_PER_LOOK: u32 = 16;

/// The part of the limit that is made free at once beyond what is needed, so that not every command has to.
const SLACK_PART: u64 = 1024;
/// No more than that, in bytes.
const SLACK_BYTES_MAX: u64 = 256 * 1024;

/// With more than this part of the limit in excess, keys go from whatever shard can be had.
const PRESSING_PART: u64 = 2;

/// Keys go from a shard only if it has no less than this part of those that the fullest has, in 1/8.
const SHARE_EIGHTHS: u64 = 7;

/// Whether a command that may need memory can have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is room.
    Enough,
    /// It is being made here: the command may run.
    InTheMaking,
    /// Others free what they threw away, or have the shards that keys could go from: the command may run.
    Elsewhere,
    /// There is none and nothing may be evicted.
    Nowhere,
}

impl<F: Front> Turn<F> {
    /// Whether there is a limit and it is exceeded. During CLIENT PAUSE nobody asks: nothing is evicted then.
    #[inline]
    pub(super) fn is_over_limit(&mut self) -> bool {
        let limit = self.settings.max_memory;
        limit > 0 && self.gate.pause.is_none() && self.staying_at_most() > limit && self.staying() > limit
    }

    /// Bytes in use that will stay.
    #[inline]
    fn staying_at_most(&mut self) -> u64 {
        F::Probe::bytes_staying(&mut self.executor).unwrap_or_else(|| self.engine.account.staying())
    }

    /// Those of them that are held against the limit: all, where a probe counts in the allocator's stead.
    #[cold]
    fn staying(&mut self) -> u64 {
        F::Probe::bytes_staying(&mut self.executor).unwrap_or_else(|| {
            self.engine.account.staying().saturating_sub(self.engine.persistence.exempt_bytes())
        })
    }

    /// Evicts if the limit is exceeded, and notes whether there is room at the round's end.
    #[inline]
    pub(super) fn keep_room(&mut self) {
        self.room = Room::Enough;
        // Without a limit the account is still to be kept.
        memory::tell_if_much();
        if self.is_over_limit() {
            self.room = self.make_room();
        } else if self.settings.max_memory > 0 {
            self.engine.account.exceeded.note(false);
        }
    }

    /// For how long a worker may sleep that has found so much room at its round's end.
    pub(super) fn until_more_room(&self) -> Duration {
        let may_evict = || self.engine.counters.shards().any(ShardCounters::may_evict);
        match self.room {
            Room::InTheMaking if may_evict() => Duration::ZERO,
            Room::Elsewhere if may_evict() => RETRY,
            _ => Duration::MAX,
        }
    }

    /// Evicts keys until the limit is kept, or as long as `maxmemory-eviction-tenacity` allows.
    #[cold]
    pub(super) fn make_room(&mut self) -> Room {
        self.executor.dispose();
        // Nothing is evicted or refused because of what some thread has not told.
        memory::judge_if_due();
        if !self.is_over_limit() {
            self.engine.account.exceeded.note(false);
            return Room::Enough;
        }
        let limit = self.settings.max_memory;
        let begun = self.front.elapsed();
        let room = self.evict_down_to(limit - (limit / SLACK_PART).min(SLACK_BYTES_MAX));
        let took = self.front.elapsed().saturating_sub(begun);
        self.engine.insight.events.note(Event::EvictionCycle, took, self.time.now.0 / 1000);
        self.executor.journal().refresh_time();
        memory::tell();
        self.engine.account.exceeded.note(room != Room::Enough);
        room
    }

    fn evict_down_to(&mut self, bytes: u64) -> Room {
        let begun = self.front.elapsed();
        let time_max = eviction_time(self.settings.eviction_tenacity);
        // Those that nothing can be taken from now: since they have nothing, or somebody has them.
        let mut passed_over: SmallVec<[ShardId; 16]> = SmallVec::new();
        let mut is_any_out = false;
        while self.staying() > bytes {
            let Some(shard) = self.fullest(&passed_over) else {
                return match self.is_over_limit() {
                    false => Room::Enough,
                    true if is_any_out || self.engine.account.has_doomed() => Room::Elsewhere,
                    true => Room::Nowhere,
                };
            };
            match self.evict_some(shard, bytes) {
                Some(Eviction::Done | Eviction::Pending) => {}
                Some(Eviction::Nothing) => passed_over.push(shard),
                None => {
                    is_any_out = true;
                    passed_over.push(shard);
                }
            }
            if self.front.elapsed().saturating_sub(begun) > time_max {
                return if self.is_over_limit() { Room::InTheMaking } else { Room::Enough };
            }
        }
        Room::Enough
    }

    /// The shard that has most keys that may go, as far as is known, of those that are not passed over; none if it has far fewer than
    /// one that somebody else holds, and there is no hurry.
    fn fullest(&mut self, passed_over: &[ShardId]) -> Option<ShardId> {
        if self.settings.core.eviction.scope == EvictionScope::Nothing {
            return None;
        }
        let limit = self.settings.max_memory;
        let is_pressing = self.staying().saturating_sub(limit) > limit / PRESSING_PART;
        let evictable =
            |shard: ShardId| self.engine.counters.of_shard(shard).evictable.load(Ordering::Relaxed);
        let most = self.engine.hub.shards().map(evictable).max().unwrap_or(0);
        let shards = self.engine.hub.shards().filter(|shard| !passed_over.contains(shard));
        let fullest = shards.max_by_key(|&shard| evictable(shard))?;
        let has_its_share = evictable(fullest) >= most / 8 * SHARE_EIGHTHS;
        (has_its_share || is_pressing).then_some(fullest)
    }

    /// Evicts some keys of a shard, and tells what became of the last try; none if somebody else holds the shard.
    fn evict_some(&mut self, shard: ShardId, bytes: u64) -> Option<Eviction> {
        let was_held = self.executor.is_held(shard);
        let known = self.engine.counters.of_shard(shard).evictable.load(Ordering::Relaxed);
        // Where nobody has counted, this only counts.
        let tries = if known == ShardCounters::UNKNOWN { 0 } else { TRIES_PER_LOOK };
        let mut eviction = self.executor.store_of(shard).map(|_| Eviction::Pending);
        for _ in 0..tries {
            // Also before the first: whoever had the shard until now may have thrown away enough.
            if matches!(eviction, None | Some(Eviction::Nothing)) || self.staying() <= bytes {
                break;
            }
            eviction = self.executor.evict(shard, self.time.now);
            self.executor.dispose();
        }
        if let Some(store) = self.executor.store_of(shard) {
            let count = store.evictable() as u64;
            self.engine.counters.of_shard(shard).evictable.store(count, Ordering::Relaxed);
        }
        if !was_held {
            self.executor.release_one(shard);
        }
        eviction
    }

    /// Warns when a limit was set that is exceeded already and nothing may be evicted.
    pub(super) fn warn_of_limit(&mut self) {
        let is_first = self.id() == WorkerId(0);
        let may_evict = self.settings.core.eviction.scope != EvictionScope::Nothing;
        if is_first && !may_evict && self.is_over_limit() {
            tracing::warn!(
                "maxmemory is below what is in use and maxmemory-policy lets nothing be evicted: writes will be refused"
            );
        }
    }
}

/// For how long keys are evicted at a time: longer by 50 us with each step of tenacity up to 10, by 15 % with each
/// step beyond, and without end at 100.
fn eviction_time(tenacity: u32) -> Duration {
    match tenacity {
        0..=10 => Duration::from_micros(50 * u64::from(tenacity)),
        11..100 => Duration::from_micros(500).mul_f64(1.15f64.powi((tenacity - 10).cast_signed())),
        _ => Duration::MAX,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenacity_is_time() {
        assert_eq!(eviction_time(0), Duration::ZERO);
        assert_eq!(eviction_time(10), Duration::from_micros(500));
        assert_eq!(eviction_time(20).as_micros(), 2022);
        let longest = eviction_time(99).as_secs();
        assert!((100..180).contains(&longest), "{longest} s");
        assert_eq!(eviction_time(100), Duration::MAX);
    }
}
