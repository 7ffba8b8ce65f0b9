//! The estimator: O. Ertl, "New cardinality estimation algorithms for HyperLogLog sketches" (2017), algorithm 6. It needs
//! no tables and no switch between ranges.

use super::{PATTERN_BITS, REGISTERS};

/// 1 / (2 ln 2).
const ALPHA: f64 = 0.721_347_520_444_481_7;
const REGISTER_COUNT: f64 = 16384.0;
/// Values that six bits can hold; elements give at most 51.
const VALUES: usize = 64;

/// How many registers hold each value.
#[derive(Debug, Clone)]
pub(super) struct Histogram([u32; VALUES]);

impl Default for Histogram {
    fn default() -> Self {
        Self([0; VALUES])
    }
}

impl Histogram {
    /// Counts `registers` of them.
    #[inline]
    pub(super) fn add(&mut self, value: u8, registers: usize) {
        debug_assert!(registers <= REGISTERS);
        self.0[usize::from(value) % VALUES] += u32::try_from(registers).unwrap_or(u32::MAX);
    }

    /// The number of elements that this histogram is to be expected from.
    pub(super) fn estimate(&self) -> u64 {
        let share = |value: usize| f64::from(self.0[value]);
        let last = PATTERN_BITS as usize;
        let mut z = REGISTER_COUNT * tau((REGISTER_COUNT - share(last + 1)) / REGISTER_COUNT);
        for value in (1..=last).rev() {
            z = (z + share(value)) * 0.5;
        }
        z += REGISTER_COUNT * sigma(share(0) / REGISTER_COUNT);
        round(ALPHA * REGISTER_COUNT * REGISTER_COUNT / z)
    }
}

/// Corrects for registers that are still 0. Infinite where all are.
fn sigma(mut x: f64) -> f64 {
    if x >= 1.0 {
        return f64::INFINITY;
    }
    let (mut y, mut z) = (1.0, x);
    loop {
        x *= x;
        let before = z;
        z += x * y;
        y += y;
        if z.total_cmp(&before).is_eq() {
            return z;
        }
    }
}

/// Corrects for registers that can't rise any further.
fn tau(mut x: f64) -> f64 {
    if x <= 0.0 || x >= 1.0 {
        return 0.0;
    }
    let (mut y, mut z) = (1.0, 1.0 - x);
    loop {
        x = x.sqrt();
        let before = z;
        y *= 0.5;
        z -= (1.0 - x) * (1.0 - x) * y;
        if z.total_cmp(&before).is_eq() {
            return z / 3.0;
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "an estimate too large for the type becomes the largest")]
fn round(estimate: f64) -> u64 {
    // Replies are signed: only registers that no element could have raised estimate more.
    (estimate.round() as i64).cast_unsigned()
}
