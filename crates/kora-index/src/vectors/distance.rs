//! Distances of vectors of double floats and of bytes: loops over lanes that the compiler makes vector instructions of. Those of other elements are
//! measured by `kora_hnsw`.

use crate::schema::Metric;

/// Sums that go on side by side, so that additions do not wait for each other.
const LANES: usize = 16;
/// Products of bytes that 31 bits hold the sum of.
const SUMMED: usize = 1 << 14;

/// The distance of vectors of double floats. Complexity: O(dimensions).
pub(super) fn double(metric: Metric, vector: &[f64], target: &[f64]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let (ones, one_rest) = vector.as_chunks::<LANES>();
    let (others, other_rest) = target.as_chunks::<LANES>();
    let term = |one: f64, other: f64| match metric {
        Metric::L2 => (one - other) * (one - other),
        Metric::InnerProduct | Metric::Cosine => one * other,
    };
    for (one, other) in ones.iter().zip(others) {
        for lane in 0..LANES {
            sums[lane] += term(one[lane], other[lane]);
        }
    }
    for ((sum, one), other) in sums.iter_mut().zip(one_rest).zip(other_rest) {
        *sum += term(*one, *other);
    }
    let total: f64 = sums.iter().sum();
    if metric == Metric::L2 { total } else { 1.0 - total }
}

/// The distance of vectors of bytes, the length of the second one given. Sums are exact; the distance is of single precision. Complexity: O(dimensions).
pub(super) fn bytes<T: Copy + Into<i32>>(metric: Metric, vector: &[T], (target, norm): (&[T], f64)) -> f64 {
    let sum = |term: fn(i32, i32) -> i32| -> i64 {
        let pieces = vector.chunks(SUMMED).zip(target.chunks(SUMMED));
        let of_piece = |(one, other): (&[T], &[T])| -> i64 {
            i64::from(
                one.iter().zip(other).map(|(one, other)| term((*one).into(), (*other).into())).sum::<i32>(),
            )
        };
        pieces.map(of_piece).sum()
    };
    rounded(match metric {
        Metric::L2 => as_float(sum(|one, other| (one - other) * (one - other))),
        Metric::InnerProduct => 1.0 - as_float(sum(|one, other| one * other)),
        Metric::Cosine => {
            let own = as_float(sum(|one, _| one * one)).sqrt();
            1.0 - as_float(sum(|one, other| one * other)) / (own * norm)
        }
    })
}

/// The length of a vector of bytes. Complexity: O(dimensions).
pub(super) fn norm_of_bytes<T: Copy + Into<i32>>(vector: &[T]) -> f64 {
    let squares = vector.iter().map(|one| i64::from((*one).into()) * i64::from((*one).into()));
    as_float(squares.sum()).sqrt()
}

#[expect(clippy::cast_precision_loss, reason = "sums of products of bytes have fewer than 52 bits")]
fn as_float(sum: i64) -> f64 {
    sum as f64
}

#[expect(clippy::cast_possible_truncation, reason = "distances of bytes are of single precision")]
fn rounded(distance: f64) -> f64 {
    f64::from(distance as f32)
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
