//! How numbers are distributed, in bounded memory: they are counted in buckets whose width grows with the number.

use std::collections::BTreeMap;

/// Significant bits of a bucket of a precise distribution: one part in 8,192 at most is rounded away.
const PRECISE_BITS: u32 = 14;

/// Levels that are halved towards 100 % before the end is named.
const LEVELS_MAX: u32 = 40;

/// Counts of numbers; see the module.
#[derive(Debug)]
pub(super) struct Distribution {
    bits: u32,
    /// Count by the largest number of a bucket.
    buckets: BTreeMap<u64, u64>,
    count: u64,
    max: u64,
    sum: f64,
    sum_of_squares: f64,
}

/// One line of a table of percentiles.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Percentile {
    /// No number counted is larger.
    pub(super) value: u64,
    /// At least so many percent of all.
    pub(super) percent: f64,
    /// How many these are.
    pub(super) count: u64,
}

impl Distribution {
    /// One that rounds hardly anything.
    pub(super) fn precise() -> Self {
        Self::with_bits(PRECISE_BITS)
    }

    /// One that tells powers of two apart.
    pub(super) fn of_powers() -> Self {
        Self::with_bits(1)
    }

    fn with_bits(bits: u32) -> Self {
        Self { bits, buckets: BTreeMap::new(), count: 0, max: 0, sum: 0.0, sum_of_squares: 0.0 }
    }

    /// Counts `value`.
    #[expect(clippy::cast_precision_loss, reason = "mean and deviation are shown with two decimals")]
    pub(super) fn add(&mut self, value: u64) {
        // The number before, so that a power of two ends its bucket.
        let before = value.saturating_sub(1);
        let significant = u64::BITS - before.leading_zeros();
        let dropped = significant.saturating_sub(self.bits);
        let bucket = ((before >> dropped) << dropped) | ((1 << dropped) - 1);
        let last = if value == 0 { 0 } else { bucket.saturating_add(1) };
        *self.buckets.entry(last).or_default() += 1;
        self.count += 1;
        self.max = self.max.max(value);
        self.sum += value as f64;
        self.sum_of_squares += value as f64 * value as f64;
    }

    /// How many numbers were counted.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    pub(super) fn sum(&self) -> f64 {
        self.sum
    }

    /// Their mean; 0 of none.
    pub(super) fn mean(&self) -> f64 {
        self.divided(self.sum)
    }

    /// Their standard deviation; 0 of none.
    pub(super) fn deviation(&self) -> f64 {
        (self.divided(self.sum_of_squares) - self.mean() * self.mean()).max(0.0).sqrt()
    }

    #[expect(clippy::cast_precision_loss, reason = "keys are fewer than 2^53")]
    fn divided(&self, sum: f64) -> f64 {
        if self.count == 0 { 0.0 } else { sum / self.count as f64 }
    }

    /// The numbers at 0, 50, 75, 87.5 ... percent, each once, and the largest at 100.
    #[expect(clippy::cast_precision_loss, reason = "four decimals are shown")]
    pub(super) fn percentiles(&self) -> Vec<Percentile> {
        let mut found: Vec<Percentile> = Vec::new();
        let (mut below, mut level) = (0, 0);
        for (&last, &count) in &self.buckets {
            below += count;
            let reached = below as f64 * 100.0 / self.count as f64;
            let percent = level_percent(level);
            if below == self.count {
                found.push(Percentile { value: last.min(self.max), percent: 100.0, count: below });
            } else if reached >= percent {
                found.push(Percentile { value: last, percent, count: below });
                while level < LEVELS_MAX && level_percent(level) <= reached {
                    level += 1;
                }
            }
        }
        found
    }
}

/// 0, 50, 75, 87.5 ...
fn level_percent(level: u32) -> f64 {
    100.0 * (1.0 - 0.5_f64.powi(i32::try_from(level).unwrap_or(i32::MAX)))
}
