//! How a set looks after itself when there is time: passes over its elements, each of which is searched for, until all are found.
//!
//! A pass is due once a quarter of the set has changed, or once the set has not been used for as long as a few passes take. It is followed by another one while
//! elements were not found.

#[cfg(test)]
mod tests;

use kora_hnsw::Scratch;

use crate::set::{self, VectorSet};

/// Distances that a search for an element measures, about.
const DISTANCES: usize = 200;
/// Bytes of vectors that a slice reads.
const SLICE_BYTES: usize = 1 << 20;
/// What a distance takes besides the bytes of its vector, in bytes: of a large set neither links nor vectors are at hand.
const DISTANCE_BYTES: usize = 400;
/// Candidates of a search for an element.
const EF: usize = 10;
/// Passes one after another, at most.
const PASSES_MAX: u32 = 6;
/// A set that was not used for so long, and for so long for each element, is at rest.
const REST_MS: i64 = 5000;
const REST_MS_PER_ELEMENT: i64 = 1;

/// What a set knows of how its elements are found.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Care {
    /// Changes since the last pass began.
    changes: usize,
    pass: Option<Pass>,
}

/// A pass on its way.
#[derive(Clone, Copy, Debug)]
struct Pass {
    next: u32,
    /// Elements that were not found.
    lost: usize,
    /// Passes before it.
    before: u32,
}

impl Care {
    /// An element came, went or has another vector.
    pub(crate) fn note_change(&mut self) {
        self.changes += 1;
    }
}

impl VectorSet {
    /// Whether it is to be looked after some time.
    pub(crate) fn wants_care(&self) -> bool {
        self.care.changes > 0 || self.care.pass.is_some()
    }

    /// Looks after itself for a slice, if it was not used for `quiet_ms`. Returns after how many milliseconds it is to be called again.
    pub(crate) fn look_after(&mut self, quiet_ms: i64) -> Option<i64> {
        let mut pass = match self.care.pass {
            Some(pass) => pass,
            None if self.care.changes == 0 => return None,
            None => {
                let rest = i64::try_from(self.len()).unwrap_or(i64::MAX).saturating_mul(REST_MS_PER_ELEMENT);
                let rest = rest.saturating_add(REST_MS);
                if self.care.changes < self.len().div_ceil(4) && quiet_ms < rest {
                    // It may be used again, and change more, before it is at rest.
                    return Some((rest - quiet_ms).min(REST_MS));
                }
                self.care.changes = 0;
                Pass { next: 0, lost: 0, before: 0 }
            }
        };
        let bytes = (self.shape().vector_bytes() + DISTANCE_BYTES) * DISTANCES;
        let count = u32::try_from(SLICE_BYTES / bytes).unwrap_or(1).max(1);
        let mut scratch: Scratch = set::scratch();
        let (next, lost) = self.graph_mut().mend_some(pass.next, count, EF, &mut scratch);
        set::give_back(scratch);
        pass.lost += lost;
        self.care.pass = match next {
            Some(next) => Some(Pass { next, ..pass }),
            None if pass.lost > 0 && pass.before < PASSES_MAX => {
                Some(Pass { next: 0, lost: 0, before: pass.before + 1 })
            }
            None => None,
        };
        self.wants_care().then_some(0)
    }
}
