//! Distances of two vectors: loops over lanes that the compiler makes vector instructions of.
//!
//! Sums are of single precision, as RediSearch's are, but for elements of double precision; each lane has a sum of its own, so that additions do
//! not wait for each other.

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::schema::Metric;

/// Sums that go on side by side.
const LANES: usize = 16;
/// Elements that are converted at a time.
const CONVERTED: usize = 64;

/// An element that is measured as single float, or is a double.
pub(super) trait Measured: Copy {}

impl Measured for f32 {}
impl Measured for f64 {}
impl Measured for f16 {}
impl Measured for bf16 {}

/// An element that is measured as single float.
pub(super) trait Single: Measured {
    /// Calls with both vectors piece by piece.
    fn pieces(vector: &[Self], target: &[f32], visit: impl FnMut(&[f32], &[f32]));
}

impl Single for f32 {
    fn pieces(vector: &[Self], target: &[f32], mut visit: impl FnMut(&[f32], &[f32])) {
        visit(vector, target);
    }
}

impl Single for f16 {
    fn pieces(vector: &[Self], target: &[f32], mut visit: impl FnMut(&[f32], &[f32])) {
        let mut buffer = [0.0; CONVERTED];
        for (piece, target) in vector.chunks(CONVERTED).zip(target.chunks(CONVERTED)) {
            let converted = &mut buffer[..piece.len()];
            piece.convert_to_f32_slice(converted);
            visit(converted, target);
        }
    }
}

impl Single for bf16 {
    fn pieces(vector: &[Self], target: &[f32], mut visit: impl FnMut(&[f32], &[f32])) {
        let mut buffer = [0.0; CONVERTED];
        for (piece, target) in vector.chunks(CONVERTED).zip(target.chunks(CONVERTED)) {
            let converted = &mut buffer[..piece.len()];
            piece.convert_to_f32_slice(converted);
            visit(converted, target);
        }
    }
}

/// The distance of vectors of single floats. Complexity: O(dimensions).
pub(super) fn single<T: Single>(metric: Metric, vector: &[T], target: &[f32]) -> f64 {
    let mut sums = [0.0_f32; LANES];
    match metric {
        Metric::L2 => {
            T::pieces(vector, target, |one, other| {
                add(&mut sums, one, other, |one, other| {
                    let difference = one - other;
                    difference * difference
                })
            });
            f64::from(total(&sums))
        }
        Metric::InnerProduct | Metric::Cosine => {
            T::pieces(vector, target, |one, other| add(&mut sums, one, other, |one, other| one * other));
            f64::from(1.0 - total(&sums))
        }
    }
}

/// The distance of vectors of double floats. Complexity: O(dimensions).
pub(super) fn double(metric: Metric, vector: &[f64], target: &[f64]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    match metric {
        Metric::L2 => {
            add(&mut sums, vector, target, |one, other| (one - other) * (one - other));
            total(&sums)
        }
        Metric::InnerProduct | Metric::Cosine => {
            add(&mut sums, vector, target, |one, other| one * other);
            1.0 - total(&sums)
        }
    }
}

fn add<T: Copy + std::ops::AddAssign>(
    sums: &mut [T; LANES],
    one: &[T],
    other: &[T],
    term: impl Fn(T, T) -> T,
) {
    let (ones, one_rest) = one.as_chunks::<LANES>();
    let (others, other_rest) = other.as_chunks::<LANES>();
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += term(one[lane], other[lane]);
        }
    }
    for ((sum, one), other) in sums.iter_mut().zip(one_rest).zip(other_rest) {
        *sum += term(*one, *other);
    }
}

fn total<T: Copy + std::iter::Sum<T>>(sums: &[T; LANES]) -> T {
    sums.iter().copied().sum()
}

/// Makes a vector one of length 1. One of length 0 has no direction: it becomes one of what is not a number.
#[expect(clippy::cast_possible_truncation, reason = "only the sum is of double precision, as in RediSearch")]
pub(super) fn normalise(vector: &mut [f32]) {
    let length = vector.iter().map(|one| f64::from(*one) * f64::from(*one)).sum::<f64>().sqrt() as f32;
    vector.iter_mut().for_each(|one| *one /= length);
}

/// The same for double floats.
pub(super) fn normalise_double(vector: &mut [f64]) {
    let length = vector.iter().map(|one| one * one).sum::<f64>().sqrt();
    vector.iter_mut().for_each(|one| *one /= length);
}
