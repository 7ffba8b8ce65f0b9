//! The 24 bits that tell how an entry is used, as Redis keeps them.
//!
//! LRU: the low 24 bits of the clock in seconds, which come round after 194 days. LFU: 16 bits of the clock in
//! minutes when the counter was last brought up to date, then an 8-bit counter that grows logarithmically: it is
//! incremented with probability `1 / ((counter - 5) * factor + 1)`, and loses 1 for every decay period gone by.
//! New keys start at 5, so that they are not the first to be evicted.

use crate::config::{CoreConfig, Tracking};
use crate::time::UnixMs;

/// Use bits of an entry; bits 24 and up are 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Usage(pub(crate) u32);

/// The counter of a key that was just created.
const INITIAL_COUNT: u32 = 5;
/// The counter can't grow beyond.
const MAX_COUNT: u32 = 255;
const CLOCK_MASK: u32 = 0x00FF_FFFF;
const MINUTES_MASK: u32 = 0xFFFF;

impl Usage {
    /// The bits of an entry created at `now`.
    pub(crate) fn new(config: &CoreConfig, now: UnixMs) -> Self {
        match config.tracking {
            Tracking::Lru => Self(clock_seconds(now)),
            Tracking::Lfu => Self::from_count(INITIAL_COUNT, now),
        }
    }

    /// The bits after one more use at `now`. `random` is asked only when the counter may grow.
    #[inline]
    pub(crate) fn used(self, config: &CoreConfig, now: UnixMs, random: impl FnOnce() -> u64) -> Self {
        match config.tracking {
            Tracking::Lru => Self(clock_seconds(now)),
            Tracking::Lfu => self.counted(config, now, random()),
        }
    }

    fn counted(self, config: &CoreConfig, now: UnixMs, random: u64) -> Self {
        let count = self.frequency(config, now);
        let above = u64::from(count.saturating_sub(INITIAL_COUNT));
        let odds = above * u64::from(config.lfu_log_factor) + 1;
        let grows = count < MAX_COUNT && random.is_multiple_of(odds);
        Self::from_count(count + u32::from(grows), now)
    }

    /// Bits that say: last used `seconds` before `now`.
    pub(crate) fn from_idle(seconds: u32, now: UnixMs) -> Self {
        Self(clock_seconds(now).wrapping_sub(seconds) & CLOCK_MASK)
    }

    /// The same for any number of seconds: what is beyond the clock's reach is as far back as it can tell well.
    pub(crate) fn from_long_idle(seconds: u64, now: UnixMs) -> Self {
        match u32::try_from(seconds) {
            Ok(seconds @ 0..=CLOCK_MASK) => Self::from_idle(seconds, now),
            _ => Self::from_idle(CLOCK_MASK / 2, now),
        }
    }

    /// Bits that say: used `count` (up to 255) on the logarithmic scale.
    pub(crate) fn from_count(count: u32, now: UnixMs) -> Self {
        Self(clock_minutes(now) << 8 | count.min(MAX_COUNT))
    }

    /// Seconds since the last use, for bits kept as LRU.
    pub(crate) fn idle_seconds(self, now: UnixMs) -> u32 {
        clock_seconds(now).wrapping_sub(self.0) & CLOCK_MASK
    }

    /// The counter as it stands at `now`, for bits kept as LFU.
    pub(crate) fn frequency(self, config: &CoreConfig, now: UnixMs) -> u32 {
        let elapsed = clock_minutes(now).wrapping_sub(self.0 >> 8) & MINUTES_MASK;
        let periods = elapsed.checked_div(config.lfu_decay_minutes).unwrap_or(0);
        (self.0 & MAX_COUNT).saturating_sub(periods)
    }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "masked: the clock comes round")]
fn clock_seconds(now: UnixMs) -> u32 {
    // Every look-up asks: a time that is not before 1970 is divided without a sign, which is quicker.
    let seconds = u64::try_from(now.0).map_or_else(|_| now.seconds() as u64, |ms| ms / 1000);
    seconds as u32 & CLOCK_MASK
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "masked: the clock comes round")]
fn clock_minutes(now: UnixMs) -> u32 {
    now.seconds().div_euclid(60) as u32 & MINUTES_MASK
}
