//! Ids that are generated: unique, and in the order of time.
//!
//! Ten characters are the milliseconds, six a number that grows within one; all of them are digits and letters of Crockford's base 32, which sort as numbers do.

use kora_core::time::UnixMs;

const DIGITS: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Numbers within a millisecond.
const NUMBERS: u64 = 1 << 30;

/// Where a shard's ids have come to.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Ids {
    ms: u64,
    number: u64,
}

impl Ids {
    /// The next id, which is greater than all before it here. The first within a millisecond begins at `random`, so that those of other shards are others.
    pub(crate) fn next(&mut self, now: UnixMs, random: u64) -> [u8; 16] {
        let now = u64::try_from(now.0).unwrap_or(0);
        if now > self.ms {
            // Half of the numbers are left for those behind it.
            (self.ms, self.number) = (now, random % (NUMBERS / 2));
        } else if self.number + 1 < NUMBERS {
            self.number += 1;
        } else {
            (self.ms, self.number) = (self.ms + 1, 0);
        }
        let mut id = [0; 16];
        write(self.ms, &mut id[..10]);
        write(self.number, &mut id[10..]);
        id
    }
}

fn write(mut number: u64, digits: &mut [u8]) {
    for digit in digits.iter_mut().rev() {
        *digit = DIGITS[usize::try_from(number % 32).unwrap_or(0)];
        number /= 32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_grow_whatever_the_clock_does() {
        let mut ids = Ids::default();
        let mut before = [0; 16];
        for (ms, random) in
            [(1_700_000_000_000, u64::MAX), (1_700_000_000_000, 0), (5, 9), (1_700_000_000_001, 7)]
        {
            for _ in 0..100 {
                let id = ids.next(UnixMs(ms), random);
                assert!(id > before);
                before = id;
            }
        }
        let mut full = Ids { ms: 9, number: NUMBERS - 2 };
        let last = full.next(UnixMs(9), 0);
        assert!(full.next(UnixMs(9), 0) > last);
        assert_eq!(full.ms, 10);
        assert_eq!(&Ids::default().next(UnixMs(1_700_000_000_000), 0), b"01HF7YAT00000000");
    }
}
