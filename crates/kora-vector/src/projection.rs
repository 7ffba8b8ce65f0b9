//! Random projections: vectors of many elements are kept as vectors of fewer, with about the same angles between them
//! (Johnson and Lindenstrauss 1984; Achlioptas 2003 for the signs).

#[cfg(test)]
mod tests;

use std::sync::Arc;

use kora_core::hash::splitmix64;

/// Most elements of a matrix: 2 MiB of signs.
const ELEMENTS_MAX: usize = 1 << 24;

/// Columns in a word of signs.
const WORD: usize = u64::BITS as usize;
/// Sums that are kept apart, so that the compiler may use vector instructions.
const LANES: usize = 8;

/// A matrix that vectors are multiplied with. Copies share it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Projection {
    input: usize,
    output: usize,
    matrix: Matrix,
}

/// The elements, a row for each element of the output.
#[derive(Clone, Debug, PartialEq)]
enum Matrix {
    /// All are of one size: a bit for each that is above 0. A row begins a word.
    Signs { size: f32, words: Arc<[u64]> },
    /// As a file may have them.
    Floats(Arc<[f32]>),
}

/// Bits one behind the other.
struct Bits {
    state: u64,
    word: u64,
    left: usize,
}

impl Bits {
    /// The next bits, at most a word of them, the first one lowest.
    fn take(&mut self, count: usize) -> u64 {
        let mask = |count: usize| if count == WORD { u64::MAX } else { (1 << count) - 1 };
        let (mut bits, have) = (self.word & mask(self.left.min(count)), self.left.min(count));
        if have < count {
            self.word = splitmix64(&mut self.state);
            self.left = WORD;
            bits |= (self.word & mask(count - have)) << have;
        }
        let used = if have < count { count - have } else { count };
        self.word = self.word.checked_shr(u32::try_from(used).unwrap_or(u32::MAX)).unwrap_or(0);
        self.left -= used;
        bits
    }
}

/// What turns the signs of eight numbers around, by the bits of those that keep theirs.
const TURNS: [[u32; LANES]; 256] = {
    let mut turns = [[0; LANES]; 256];
    let mut at = 0;
    while at < 256 * LANES {
        if ((at / LANES) >> (at % LANES)) & 1 == 0 {
            turns[at / LANES][at % LANES] = 1 << 31;
        }
        at += 1;
    }
    turns
};

/// The sum of a vector's elements, those without a bit taken away.
fn signed_sum(words: &[u64], vector: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    for (word, part) in words.iter().zip(vector.chunks(WORD)) {
        let (eights, rest) = part.as_chunks::<LANES>();
        for (eight, byte) in eights.iter().zip(word.to_le_bytes()) {
            let turns = &TURNS[usize::from(byte)];
            for lane in 0..LANES {
                sums[lane] += f32::from_bits(eight[lane].to_bits() ^ turns[lane]);
            }
        }
        for (at, one) in (eights.len() * LANES..).zip(rest) {
            sums[at % LANES] += if word >> at & 1 == 1 { *one } else { -*one };
        }
    }
    sums.iter().sum()
}

fn product(row: &[f32], vector: &[f32]) -> f32 {
    let mut sums = [0.0; LANES];
    let ((rows, row), (vectors, vector)) = (row.as_chunks::<LANES>(), vector.as_chunks::<LANES>());
    for (row, vector) in rows.iter().zip(vectors) {
        for lane in 0..LANES {
            sums[lane] += row[lane] * vector[lane];
        }
    }
    sums.iter().sum::<f32>() + row.iter().zip(vector).map(|(a, b)| a * b).sum::<f32>()
}

impl Projection {
    /// Whether there may be a matrix of this size.
    pub(crate) fn fits(input: usize, output: usize) -> bool {
        input.checked_mul(output).is_some_and(|elements| (1..=ELEMENTS_MAX).contains(&elements))
    }

    /// The matrix for these numbers of elements: always the same one, so that replicas have it too.
    #[expect(clippy::cast_precision_loss, reason = "numbers of dimensions have 17 bits")]
    pub(crate) fn new(input: usize, output: usize) -> Self {
        let size = (input as f32).sqrt().recip();
        let mut bits = Bits { state: (input as u64) << 32 | output as u64, word: 0, left: 0 };
        let row = input.div_ceil(WORD);
        let word = |at: usize| bits.take((input - at % row * WORD).min(WORD));
        Self { input, output, matrix: Matrix::Signs { size, words: (0..row * output).map(word).collect() } }
    }

    /// The signs of a matrix, if all elements are of one size.
    fn signs(input: usize, matrix: &[f32]) -> Option<Matrix> {
        let size = matrix.first()?.abs();
        if !matrix.iter().all(|element| element.abs().to_bits() == size.to_bits()) {
            return None;
        }
        let word = |part: &[f32]| {
            (0..).zip(part).fold(0, |word, (at, one)| word | u64::from(one.is_sign_positive()) << at)
        };
        let words = matrix.chunks(input).flat_map(|row| row.chunks(WORD).map(word)).collect();
        Some(Matrix::Signs { size, words })
    }

    /// A matrix from a file; `None` if its size is another.
    pub(crate) fn from_bytes(input: usize, output: usize, bytes: &[u8]) -> Option<Self> {
        let (elements, rest) = bytes.as_chunks::<4>();
        if !Self::fits(input, output) || !rest.is_empty() || elements.len() != input * output {
            return None;
        }
        let matrix: Arc<[f32]> = elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        let is_whole = matrix.iter().all(|element| element.is_finite());
        let matrix = Self::signs(input, &matrix).unwrap_or(Matrix::Floats(matrix));
        is_whole.then_some(Self { input, output, matrix })
    }

    /// The matrix as files have it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        match &self.matrix {
            Matrix::Floats(matrix) => matrix.iter().flat_map(|element| element.to_le_bytes()).collect(),
            Matrix::Signs { size, words } => {
                let sign = |word: u64, at: usize| if word >> at & 1 == 1 { *size } else { -size };
                let rows = words.chunks_exact(self.input.div_ceil(WORD));
                let elements =
                    rows.flat_map(|row| (0..self.input).map(move |at| sign(row[at / WORD], at % WORD)));
                elements.flat_map(f32::to_le_bytes).collect()
            }
        }
    }

    /// Elements that a vector has before.
    pub(crate) fn input(&self) -> usize {
        self.input
    }

    /// The projection of a vector, which has to be of the right length. Complexity: O(input * output).
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        match &self.matrix {
            Matrix::Floats(matrix) => {
                matrix.chunks_exact(self.input).map(|row| product(row, vector)).collect()
            }
            Matrix::Signs { size, words } => {
                let rows = words.chunks_exact(self.input.div_ceil(WORD));
                rows.map(|row| signed_sum(row, vector) * size).collect()
            }
        }
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        match &self.matrix {
            Matrix::Signs { words, .. } => size_of_val(&**words),
            Matrix::Floats(matrix) => size_of_val(&**matrix),
        }
    }
}
