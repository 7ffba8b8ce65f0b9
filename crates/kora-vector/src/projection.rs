//! Random projections: vectors of many elements are kept as vectors of fewer, with about the same angles between them
//! (Johnson and Lindenstrauss 1984; Achlioptas 2003 for the signs).

use kora_core::hash::splitmix64;

/// Most elements of a matrix: 64 MiB of them.
const ELEMENTS_MAX: usize = 1 << 24;

/// A matrix that vectors are multiplied with.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Projection {
    input: usize,
    output: usize,
    /// A row for each element of the output.
    matrix: Box<[f32]>,
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
        let mut state = (input as u64) << 32 | output as u64;
        let mut bits = (0_u64, 0);
        let element = |_| {
            if bits.1 == 0 {
                bits = (splitmix64(&mut state), 64);
            }
            let is_positive = bits.0 & 1 == 1;
            bits = (bits.0 >> 1, bits.1 - 1);
            if is_positive { size } else { -size }
        };
        Self { input, output, matrix: (0..input * output).map(element).collect() }
    }

    /// A matrix from a file; `None` if its size is another.
    pub(crate) fn from_bytes(input: usize, output: usize, bytes: &[u8]) -> Option<Self> {
        let (elements, rest) = bytes.as_chunks::<4>();
        if !Self::fits(input, output) || !rest.is_empty() || elements.len() != input * output {
            return None;
        }
        let matrix: Box<[f32]> = elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        matrix.iter().all(|element| element.is_finite()).then_some(Self { input, output, matrix })
    }

    /// The matrix as files have it.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.matrix.iter().flat_map(|element| element.to_le_bytes()).collect()
    }

    /// Elements that a vector has before.
    pub(crate) fn input(&self) -> usize {
        self.input
    }

    /// The projection of a vector, which has to be of the right length. Complexity: O(input * output).
    pub(crate) fn apply(&self, vector: &[f32]) -> Vec<f32> {
        let product = |row: &[f32]| row.iter().zip(vector).map(|(a, b)| a * b).sum();
        self.matrix.chunks_exact(self.input).take(self.output).map(product).collect()
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.matrix.len() * size_of::<f32>()
    }
}
