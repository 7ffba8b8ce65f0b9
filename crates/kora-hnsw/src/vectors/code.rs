//! Vectors in fewer bits, and back.

use half::{bf16, f16};

use crate::config::Metric;

/// What stands before the codes of a vector of bytes: two numbers, one if the metric is the inner product.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Header {
    /// What a code of 1 stands for in distances: with the cosine, the codes have length 1 by it.
    scale: f32,
    /// What a code of 1 stands for.
    pub(crate) range: f32,
    /// The sum of the squares of all elements, for the metric L2.
    square: f32,
}

/// Bytes of a header.
pub(crate) fn header_bytes(metric: Metric) -> usize {
    if metric == Metric::InnerProduct { 4 } else { 8 }
}

/// Writes a header and codes.
pub(crate) fn write(metric: Metric, range: f32, codes: &[u8], row: &mut [u8]) {
    let squares: i32 =
        codes.iter().map(|code| i32::from(code.cast_signed()) * i32::from(code.cast_signed())).sum();
    row[..4].copy_from_slice(&range.to_le_bytes());
    let second = match metric {
        Metric::InnerProduct => None,
        Metric::Cosine if squares == 0 => Some(0.0),
        Metric::Cosine => Some((squares as f32).sqrt().recip()),
        Metric::L2 | Metric::Euclidean => Some(range * range * squares as f32),
    };
    if let Some(second) = second {
        row[4..8].copy_from_slice(&second.to_le_bytes());
    }
    row[header_bytes(metric)..].copy_from_slice(codes);
}

impl Header {
    /// The header of a row, and the codes.
    #[inline]
    pub(crate) fn split(metric: Metric, row: &[u8]) -> (Self, &[u8]) {
        let (header, codes) = row.split_at(header_bytes(metric));
        let float =
            |at: usize| f32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let range = float(0);
        let header = match metric {
            Metric::InnerProduct => Self { scale: range, range, square: 0.0 },
            Metric::Cosine => Self { scale: float(4), range, square: 0.0 },
            Metric::L2 | Metric::Euclidean => Self { scale: range, range, square: float(4) },
        };
        (header, codes)
    }

    /// The distance of two vectors, given the inner product of their codes.
    #[inline]
    pub(crate) fn distance(&self, metric: Metric, other: &Self, dot: i32) -> f32 {
        let product = self.scale * other.scale * dot as f32;
        if metric == Metric::L2 {
            (self.square + other.square - 2.0 * product).max(0.0)
        } else {
            1.0 - product
        }
    }

    /// The distance from elements whose inner product with the codes is given.
    pub(crate) fn mixed(&self, metric: Metric, norm: f32, dot: f32) -> f32 {
        let product = self.scale * dot;
        if metric == Metric::L2 {
            (norm * norm + self.square - 2.0 * product).max(0.0)
        } else {
            1.0 - product
        }
    }
}

/// The length of a vector; infinite or not a number if an element is, or too large.
#[expect(clippy::cast_possible_truncation, reason = "a length past single precision is infinite")]
pub(crate) fn norm(vector: &[f32]) -> f32 {
    vector.iter().map(|one| f64::from(*one) * f64::from(*one)).sum::<f64>().sqrt() as f32
}

/// Sums of squares that single precision tells well: none of them was too large, and what was too small in it does not count.
pub(crate) const SQUARES_TOLD: std::ops::Range<f32> = 1e-30..1e38;

/// The Euclidean distance of two vectors, whatever their lengths.
#[expect(clippy::cast_possible_truncation, reason = "a distance past single precision is infinite")]
#[cold]
pub(crate) fn length_between(one: &[f32], other: &[f32]) -> f32 {
    let squares = one.iter().zip(other).map(|(a, b)| (f64::from(*a) - f64::from(*b)).powi(2));
    squares.sum::<f64>().sqrt() as f32
}

/// A count as a float.
#[expect(clippy::cast_precision_loss, reason = "numbers of dimensions have 17 bits")]
pub(crate) fn float(count: usize) -> f32 {
    count as f32
}

pub(crate) fn to_f16(floats: &[f32]) -> Vec<u16> {
    floats.iter().map(|one| f16::from_f32(*one).to_bits()).collect()
}

pub(crate) fn to_bf16(floats: &[f32]) -> Vec<u16> {
    floats.iter().map(|one| bf16::from_f32(*one).to_bits()).collect()
}

pub(crate) fn from_f16(halves: &[u16], out: &mut Vec<f32>) {
    out.extend(halves.iter().map(|one| f16::from_bits(*one).to_f32()));
}

pub(crate) fn from_bf16(halves: &[u16], out: &mut Vec<f32>) {
    out.extend(halves.iter().map(|one| bf16::from_bits(*one).to_f32()));
}

/// A header and codes: the element that is farthest from 0 becomes 127 or -127.
pub(crate) fn to_i8(metric: Metric, floats: &[f32]) -> Vec<u8> {
    let largest = floats.iter().fold(0.0_f32, |largest, one| largest.max(one.abs()));
    let range = largest / 127.0;
    let turn = if range > 0.0 && range.is_finite() { range.recip() } else { 0.0 };
    #[expect(
        clippy::cast_possible_truncation,
        reason = "from -127 to 127 by the scale; what is no number becomes 0"
    )]
    let codes: Vec<u8> =
        floats.iter().map(|one| ((one * turn).round().clamp(-127.0, 127.0) as i8).cast_unsigned()).collect();
    let mut row = vec![0; header_bytes(metric) + codes.len()];
    write(metric, range, &codes, &mut row);
    row
}

pub(crate) fn to_bits(floats: &[f32]) -> Vec<u64> {
    let word = |chunk: &[f32]| {
        chunk.iter().enumerate().fold(0, |word, (at, one)| word | u64::from(*one > 0.0) << at)
    };
    floats.chunks(64).map(word).collect()
}

/// Elements 1 and -1; returns the length of the vector.
pub(crate) fn from_bits(words: &[u64], dimensions: usize, out: &mut Vec<f32>) -> f32 {
    out.extend((0..dimensions).map(|at| if words[at / 64] >> (at % 64) & 1 == 1 { 1.0 } else { -1.0 }));
    float(dimensions).sqrt()
}
