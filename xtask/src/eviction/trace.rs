//! The keys that a client asks for: drawn by a seed, so that every server is asked for the same.

use kora_core::hash::splitmix64;

/// Exponent of the Zipf distributions.
const EXPONENT: f64 = 0.99;

/// Requests between two scans.
const SCAN_PERIOD: u64 = 100_000;

/// A sequence of keys.
pub(super) struct Trace {
    /// Sums of the probabilities of ranks up to each.
    sums: Vec<f64>,
    state: u64,
    count: u64,
    /// Keys that one scan asks for, 0 for none.
    scan_len: u64,
    next_scanned: u64,
}

impl Trace {
    /// Keys of a Zipf distribution over `universe`.
    pub(super) fn zipf(universe: usize, seed: u64) -> Self {
        let mut sum = 0.0;
        let mut sums = Vec::with_capacity(universe);
        for rank in 1..=u32::try_from(universe).expect("universes are small") {
            sum += f64::from(rank).powf(-EXPONENT);
            sums.push(sum);
        }
        Self { sums, state: seed, count: 0, scan_len: 0, next_scanned: 0 }
    }

    /// The same, with a scan of `scan_len` other keys after every 100,000 requests: each of those is asked for once.
    pub(super) fn scanning(universe: usize, scan_len: u64, seed: u64) -> Self {
        Self { scan_len, ..Self::zipf(universe, seed) }
    }

    /// The next key.
    pub(super) fn next_key(&mut self) -> Vec<u8> {
        self.count += 1;
        if self.count % (SCAN_PERIOD + self.scan_len) > SCAN_PERIOD {
            self.next_scanned += 1;
            return format!("scanned:{:012}", self.next_scanned).into_bytes();
        }
        #[expect(clippy::cast_precision_loss, reason = "53 random bits make a fraction")]
        let fraction = (splitmix64(&mut self.state) >> 11) as f64 / (1u64 << 53) as f64;
        let total = self.sums.last().copied().unwrap_or_default();
        let rank = self.sums.partition_point(|&sum| sum < fraction * total);
        format!("key:{rank:012}").into_bytes()
    }
}
