//! A rotation that a seed decides: rounds of random signs and a Hadamard transform, which takes O(d log d) for d elements and keeps no matrix.
//!
//! The transform needs a power of two, so that it works on the longest such head of the elements and on the tail in turns.

use crate::random;
use crate::vectors::code;

/// Rounds: two reach each element from each other one, by the middle that head and tail share; the others even out.
const ROUNDS: usize = 4;

#[derive(Clone, Debug)]
pub(crate) struct Rotation {
    /// A bit for each element and round.
    signs: Vec<u64>,
    dimensions: usize,
}

impl Rotation {
    pub(crate) fn new(seed: u64, dimensions: usize) -> Self {
        let mut state = seed ^ 0x726F_7461_7465;
        let words = (dimensions * ROUNDS).div_ceil(64);
        Self { signs: (0..words).map(|_| random::next(&mut state)).collect(), dimensions }
    }

    pub(crate) fn memory(&self) -> usize {
        self.signs.capacity() * 8
    }

    /// The elements rotated. Complexity: O(d log d).
    pub(crate) fn apply(&self, floats: &[f32]) -> Vec<f32> {
        let mut floats = floats.to_vec();
        for round in 0..ROUNDS {
            self.turn_signs(round, &mut floats);
            transform(part(round, &mut floats));
        }
        floats
    }

    /// Rotates back.
    pub(crate) fn undo(&self, floats: &mut [f32]) {
        for round in (0..ROUNDS).rev() {
            transform(part(round, floats));
            self.turn_signs(round, floats);
        }
    }

    fn turn_signs(&self, round: usize, floats: &mut [f32]) {
        for (at, one) in floats.iter_mut().enumerate() {
            let bit = round * self.dimensions + at;
            if self.signs[bit / 64] >> (bit % 64) & 1 == 1 {
                *one = -*one;
            }
        }
    }
}

/// The part that a round works on.
fn part(round: usize, floats: &mut [f32]) -> &mut [f32] {
    let length = 1 << floats.len().max(1).ilog2();
    if round.is_multiple_of(2) {
        &mut floats[..length]
    } else {
        let start = floats.len() - length;
        &mut floats[start..]
    }
}

/// The Hadamard transform with its scale, which is its own inverse.
fn transform(floats: &mut [f32]) {
    let mut half = 1;
    while half < floats.len() {
        for block in floats.chunks_exact_mut(half * 2) {
            let (low, high) = block.split_at_mut(half);
            for (a, b) in low.iter_mut().zip(high) {
                (*a, *b) = (*a + *b, *a - *b);
            }
        }
        half *= 2;
    }
    let scale = code::float(floats.len()).sqrt().recip();
    floats.iter_mut().for_each(|one| *one *= scale);
}
