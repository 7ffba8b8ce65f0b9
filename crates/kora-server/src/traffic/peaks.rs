//! The largest buffers that connections of a worker had in the last seconds.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

/// Seconds that are remembered.
const SECONDS: usize = 8;

/// See the module. Only the worker writes.
#[derive(Debug, Default)]
pub(crate) struct BufferPeaks {
    input: [AtomicU64; SECONDS],
    output: [AtomicU64; SECONDS],
    /// The place of the present second.
    at: AtomicUsize,
}

impl BufferPeaks {
    /// A connection has this much input.
    #[inline]
    pub(crate) fn note_input(&self, bytes: usize) {
        raise(&self.input[self.at.load(Ordering::Relaxed) % SECONDS], bytes);
    }

    /// A connection has this much output.
    #[inline]
    pub(crate) fn note_output(&self, bytes: usize) {
        raise(&self.output[self.at.load(Ordering::Relaxed) % SECONDS], bytes);
    }

    /// Another second begins.
    pub(crate) fn turn(&self) {
        let at = (self.at.load(Ordering::Relaxed) + 1) % SECONDS;
        self.input[at].store(0, Ordering::Relaxed);
        self.output[at].store(0, Ordering::Relaxed);
        self.at.store(at, Ordering::Relaxed);
    }

    /// The largest input.
    pub(crate) fn input(&self) -> u64 {
        largest(&self.input)
    }

    /// The largest output.
    pub(crate) fn output(&self) -> u64 {
        largest(&self.output)
    }
}

#[inline]
fn raise(peak: &AtomicU64, bytes: usize) {
    if bytes as u64 > peak.load(Ordering::Relaxed) {
        peak.store(bytes as u64, Ordering::Relaxed);
    }
}

fn largest(peaks: &[AtomicU64]) -> u64 {
    peaks.iter().map(|peak| peak.load(Ordering::Relaxed)).max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{BufferPeaks, SECONDS};

    #[test]
    fn peaks_are_forgotten_after_some_seconds() {
        let peaks = BufferPeaks::default();
        peaks.note_input(100);
        peaks.note_input(50);
        peaks.note_output(7);
        for _ in 1..SECONDS {
            peaks.turn();
            assert_eq!((peaks.input(), peaks.output()), (100, 7));
        }
        peaks.turn();
        assert_eq!((peaks.input(), peaks.output()), (0, 0));
    }
}
