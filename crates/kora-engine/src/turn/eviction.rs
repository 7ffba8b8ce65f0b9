//! The memory limit: room is made before a command that may need some, and in every round.
//!
//! The limit is the process's, keys are a shard's: each worker evicts its own. It does so only while it holds about as
//! many keys that may go as the others do on average; else it wakes the one that holds most. So keys go from all
//! shards alike, whichever worker it is that finds the limit exceeded.

use std::sync::atomic::Ordering;
use std::time::Duration;

use kora_core::config::EvictionScope;
use kora_core::slot::ShardId;
use kora_core::store::eviction::Eviction;

use super::Turn;
use crate::front::Front;
use crate::front::probe::Probe as _;
use crate::memory;

/// Keys evicted between two looks at the clock.
const TRIES_PER_LOOK: u32 = 16;

/// The part of the limit that is made free at once beyond what is needed, so that not every command has to.
const SLACK_PART: u64 = 1024;
/// No more than that, in bytes.
const SLACK_BYTES_MAX: u64 = 256 * 1024;

/// With more than this part of the limit in excess, a worker evicts whatever the others hold.
const PRESSING_PART: u64 = 128;

/// A worker holds its share of the keys if it has no less than this part of the average, in 1/8.
const SHARE_EIGHTHS: u64 = 7;

/// Whether a command that may need memory can have some.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Room {
    /// There is room.
    Enough,
    /// It is being made, here or elsewhere: the command may run.
    InTheMaking,
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
        F::Probe::bytes_staying(&mut self.shard).unwrap_or_else(|| self.engine.account.staying())
    }

    /// Those of them that are held against the limit.
    #[cold]
    fn staying(&mut self) -> u64 {
        self.staying_at_most().saturating_sub(self.engine.persistence.exempt_bytes())
    }

    /// Evicts if the limit is exceeded, and notes whether the next round must go on with it.
    #[inline]
    pub(super) fn keep_room(&mut self) {
        self.owes_room = false;
        // Without a limit the account is still to be kept.
        memory::tell_if_much();
        if self.is_over_limit() {
            let room = self.make_room();
            let may_evict = self.shard.store().is_some_and(|store| store.evictable() > 0);
            self.owes_room = room == Room::InTheMaking && may_evict && self.holds_its_share();
        } else if self.settings.max_memory > 0 {
            self.engine.account.exceeded.note(false);
        }
    }

    /// Evicts keys of this shard until the limit is kept, or as long as `maxmemory-eviction-tenacity` allows.
    #[cold]
    pub(super) fn make_room(&mut self) -> Room {
        self.shard.dispose();
        // Nothing is evicted or refused because of what some thread has not told.
        memory::judge_if_due();
        if !self.is_over_limit() {
            self.engine.account.exceeded.note(false);
            return Room::Enough;
        }
        let limit = self.settings.max_memory;
        let excess = self.staying().saturating_sub(limit);
        let room = if excess <= limit / PRESSING_PART && !self.holds_its_share() {
            self.room_elsewhere()
        } else {
            self.evict_down_to(limit - (limit / SLACK_PART).min(SLACK_BYTES_MAX))
        };
        memory::tell();
        self.engine.account.exceeded.note(room != Room::Enough);
        room
    }

    fn evict_down_to(&mut self, bytes: u64) -> Room {
        let begun = self.front.elapsed();
        let time_max = eviction_time(self.settings.eviction_tenacity);
        let mut tries = 0u32;
        while self.staying() > bytes {
            // It may be lent to what stood in the lane, and comes back by mail.
            if self.shard.store().is_none() {
                return Room::InTheMaking;
            }
            if self.shard.evict(self.time.now) == Eviction::Nothing {
                return if self.is_over_limit() { self.room_elsewhere() } else { Room::Enough };
            }
            self.shard.dispose();
            tries += 1;
            if tries.is_multiple_of(TRIES_PER_LOOK) && self.front.elapsed().saturating_sub(begun) > time_max {
                return if self.is_over_limit() { Room::InTheMaking } else { Room::Enough };
            }
        }
        Room::Enough
    }

    /// What others can do: free what was thrown away, or evict. Those who can are woken.
    fn room_elsewhere(&mut self) -> Room {
        let largest = self.evictable_counts().max_by_key(|&(_, count)| count);
        if let Some((shard, 1..)) = largest.filter(|&(shard, _)| shard != self.shard.id()) {
            self.engine.hub.wake(shard);
            return Room::InTheMaking;
        }
        if self.engine.account.has_doomed() { Room::InTheMaking } else { Room::Nowhere }
    }

    /// Whether this shard has its share of the keys that may go.
    fn holds_its_share(&mut self) -> bool {
        self.publish_evictable();
        let total: u64 = self.evictable_counts().map(|(_, count)| count).sum();
        let average = total / u64::from(self.engine.hub.shard_count());
        let own = self.counters().evictable.load(Ordering::Relaxed);
        own >= average / 8 * SHARE_EIGHTHS
    }

    /// How many keys of each shard may go, as its worker last said.
    fn evictable_counts(&self) -> impl Iterator<Item = (ShardId, u64)> {
        let count = |shard: ShardId| self.engine.counters.of(shard).evictable.load(Ordering::Relaxed);
        self.engine.shards().map(move |shard| (shard, count(shard)))
    }

    /// Says how many keys of this shard may go, if there is a limit.
    #[inline]
    pub(super) fn publish_evictable(&mut self) {
        if self.settings.max_memory == 0 {
            return;
        }
        let Some(store) = self.shard.store() else { return };
        let count = store.evictable() as u64;
        self.counters().evictable.store(count, Ordering::Relaxed);
    }

    /// Warns when a limit was set that is exceeded already and nothing may be evicted.
    pub(super) fn warn_of_limit(&mut self) {
        let is_first = self.shard.id() == ShardId(0);
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
