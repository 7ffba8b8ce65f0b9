//! How long commands take: a histogram for each command on each worker.
//!
//! A histogram has 32 buckets for each power of two of nanoseconds, so that a percentile is at most 3 % above the truth.
//! Only its worker adds to it; others read it meanwhile. It has no memory before the first time it is added to.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::metrics::add;

/// Bits of a time that choose its bucket among those of its power of two.
const FINE_BITS: u32 = 5;
/// Times are counted up to this power of two of nanoseconds, some 18 minutes; longer ones in the last bucket.
const POWERS: u32 = 40;
const BUCKETS: usize = ((POWERS - FINE_BITS + 1) << FINE_BITS) as usize;

/// See the module.
#[derive(Debug, Default)]
pub struct Histogram(OnceLock<Box<[AtomicU64]>>);

impl Histogram {
    /// Counts `calls` that took so long each.
    #[inline]
    pub fn note(&self, nanoseconds: u64, calls: u64) {
        let buckets = self.0.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        add(&buckets[bucket_of(nanoseconds)], calls);
    }

    /// Counts one that took so long, where several threads count.
    pub fn note_among_others(&self, nanoseconds: u64) {
        let buckets = self.0.get_or_init(|| (0..BUCKETS).map(|_| AtomicU64::new(0)).collect());
        buckets[bucket_of(nanoseconds)].fetch_add(1, Ordering::Relaxed);
    }

    /// Begins anew.
    pub fn reset(&self) {
        self.0.get().into_iter().flatten().for_each(|bucket| bucket.store(0, Ordering::Relaxed));
    }
}

/// The sum of histograms.
#[derive(Clone, Debug)]
pub struct Distribution {
    counts: Box<[u64]>,
    total: u64,
}

impl Distribution {
    /// The sum of `histograms`; none if nothing was counted.
    pub fn of<'a>(histograms: impl Iterator<Item = &'a Histogram>) -> Option<Self> {
        let mut sum = Self { counts: Box::default(), total: 0 };
        for buckets in histograms.filter_map(|histogram| histogram.0.get()) {
            if sum.counts.is_empty() {
                sum.counts = vec![0; BUCKETS].into_boxed_slice();
            }
            for (count, bucket) in sum.counts.iter_mut().zip(buckets) {
                let calls = bucket.load(Ordering::Relaxed);
                *count += calls;
                sum.total += calls;
            }
        }
        (sum.total > 0).then_some(sum)
    }

    /// How many calls were counted.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.total
    }

    /// How many calls took no longer than each power of two of microseconds, about: those steps at which there are more than at the one before.
    /// Complexity: O(1), some thousand steps.
    #[must_use]
    pub fn by_powers_of_two(&self) -> Vec<(u64, u64)> {
        let (mut steps, mut told, mut calls, mut at) = (Vec::new(), 0, 0, 0);
        for power in 10..=POWERS {
            // As Redis has it: the longest time that two digits don't tell from the power of two.
            let longest_ns = (1_u64 << power) + (1 << (power - 7)) - 1;
            while at < self.counts.len() && end_of(at) <= longest_ns + (1 << (power - FINE_BITS)) {
                calls += self.counts[at];
                at += 1;
            }
            if calls > told {
                steps.push((longest_ns / 1000, calls));
                told = calls;
            }
        }
        steps
    }

    /// Counts that are not nought, each with the longest time in nanoseconds that it counts, in ascending order.
    pub fn steps(&self) -> impl Iterator<Item = (u64, u64)> {
        self.counts
            .iter()
            .enumerate()
            .filter(|(_, count)| **count > 0)
            .map(|(at, count)| (end_of(at), *count))
    }

    /// How many calls took no longer than each of some times, which ascend. A time in the midst of a bucket counts that bucket not: what is
    /// counted as longer took at most 3 % less than that.
    #[must_use]
    pub fn cumulative(&self, nanoseconds: &[u64]) -> Vec<u64> {
        let mut steps = self.steps().peekable();
        let mut sum = 0;
        let up_to = |limit: &u64| {
            while let Some((_, count)) = steps.next_if(|(end, _)| end <= limit) {
                sum += count;
            }
            sum
        };
        nanoseconds.iter().map(up_to).collect()
    }

    /// The time in nanoseconds that `percent` of the calls did not exceed.
    #[expect(
        clippy::cast_precision_loss,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a share of a count"
    )]
    pub fn percentile(&self, percent: f64) -> u64 {
        let rank = ((percent / 100.0 * self.total as f64).ceil() as u64).clamp(1, self.total);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= rank
        };
        self.counts.iter().position(reaches).map_or(0, end_of)
    }
}

/// The place of the bucket that counts a time.
#[inline]
fn bucket_of(nanoseconds: u64) -> usize {
    let nanoseconds = nanoseconds.min((1 << POWERS) - 1);
    let shift = (u64::BITS - nanoseconds.leading_zeros()).saturating_sub(FINE_BITS + 1);
    let index = (u64::from(shift) << FINE_BITS) + (nanoseconds >> shift);
    usize::try_from(index).expect("there are few buckets")
}

/// The longest time that the bucket at a place counts.
fn end_of(place: usize) -> u64 {
    let place = place as u64;
    let shift = (place >> FINE_BITS).saturating_sub(1);
    let fine = place - (shift << FINE_BITS);
    ((fine + 1) << shift) - 1
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_time_lies_in_its_bucket(nanoseconds in 0..1u64 << POWERS) {
            let place = bucket_of(nanoseconds);
            prop_assert!(place < BUCKETS);
            let end = end_of(place);
            prop_assert!(end >= nanoseconds && end - nanoseconds <= nanoseconds / 32);
            prop_assert!(place == 0 || end_of(place - 1) < nanoseconds);
        }
    }

    #[test]
    fn percentiles_of_several_histograms() {
        let histograms = [Histogram::default(), Histogram::default(), Histogram::default()];
        assert!(Distribution::of(histograms.iter()).is_none());
        histograms[0].note(10, 98);
        histograms[2].note(1000, 1);
        histograms[2].note(u64::MAX, 1);
        let sum = Distribution::of(histograms.iter()).unwrap();
        assert_eq!((sum.percentile(0.0), sum.percentile(98.0)), (10, 10));
        assert!((1000..=1031).contains(&sum.percentile(98.5)));
        assert_eq!(sum.percentile(100.0), (1 << POWERS) - 1);
        assert_eq!(sum.total(), 100);
        let steps = sum.by_powers_of_two();
        assert_eq!((steps[0], steps.last().unwrap().1), ((1, 99), 100));
        assert_eq!(sum.cumulative(&[9, 10, 999, 1100, u64::MAX]), [0, 98, 98, 99, 100]);
        assert_eq!(sum.steps().map(|(_, count)| count).sum::<u64>(), sum.total());
        histograms.iter().for_each(Histogram::reset);
        assert!(Distribution::of(histograms.iter()).is_none());
    }
}
