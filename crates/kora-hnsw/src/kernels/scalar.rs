//! The functions in plain Rust: what other tables are tested against, and what processors without a table of their own run.

use half::{bf16, f16};

use super::{Kernel, Kernels, check};

/// Sums that are kept apart, so that the compiler may use vector instructions.
const LANES: usize = 8;

pub(super) const TABLE: Kernels = Kernels {
    name: "scalar",
    dot_f32: Kernel { one: dot_f32, four: dot_f32 },
    dot_f16: Kernel { one: dot_f16, four: dot_f16 },
    dot_bf16: Kernel { one: dot_bf16, four: dot_bf16 },
    l2_f32: Kernel { one: l2_f32, four: l2_f32 },
    l2_f16: Kernel { one: l2_f16, four: l2_f16 },
    l2_bf16: Kernel { one: l2_bf16, four: l2_bf16 },
    dot_i8: Kernel { one: dot_i8, four: dot_i8 },
    dot_mixed: Kernel { one: dot_mixed, four: dot_mixed },
    hamming: Kernel { one: hamming, four: hamming },
};

fn sum<V: Copy, const N: usize>(query: &[f32], vectors: [&[V]; N], term: impl Fn(f32, V) -> f32) -> [f32; N] {
    check(query, &vectors);
    vectors.map(|vector| {
        let mut sums = [0.0; LANES];
        let mut pairs = query.chunks_exact(LANES).zip(vector.chunks_exact(LANES));
        for (query, vector) in &mut pairs {
            for lane in 0..LANES {
                sums[lane] += term(query[lane], vector[lane]);
            }
        }
        let done = query.len() / LANES * LANES;
        let rest = query[done..].iter().zip(&vector[done..]);
        sums.iter().sum::<f32>() + rest.map(|(a, b)| term(*a, *b)).sum::<f32>()
    })
}

fn square(a: f32, b: f32) -> f32 {
    (a - b) * (a - b)
}

fn dot_f32<const N: usize>(query: &[f32], vectors: [&[f32]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| a * b)
}

fn dot_f16<const N: usize>(query: &[f32], vectors: [&[u16]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| a * f16::from_bits(b).to_f32())
}

fn dot_bf16<const N: usize>(query: &[f32], vectors: [&[u16]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| a * bf16::from_bits(b).to_f32())
}

fn l2_f32<const N: usize>(query: &[f32], vectors: [&[f32]; N]) -> [f32; N] {
    sum(query, vectors, square)
}

fn l2_f16<const N: usize>(query: &[f32], vectors: [&[u16]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| square(a, f16::from_bits(b).to_f32()))
}

fn l2_bf16<const N: usize>(query: &[f32], vectors: [&[u16]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| square(a, bf16::from_bits(b).to_f32()))
}

pub(super) fn dot_mixed<const N: usize>(query: &[f32], vectors: [&[u8]; N]) -> [f32; N] {
    sum(query, vectors, |a, b| a * f32::from(b.cast_signed()))
}

fn dot_i8<const N: usize>(query: &[u8], vectors: [&[u8]; N]) -> [i32; N] {
    check(query, &vectors);
    vectors.map(|vector| {
        let pairs = query.iter().zip(vector);
        pairs.map(|(a, b)| i32::from(a.cast_signed()) * i32::from(b.cast_signed())).sum()
    })
}

pub(super) fn hamming<const N: usize>(query: &[u64], vectors: [&[u64]; N]) -> [u32; N] {
    check(query, &vectors);
    vectors.map(|vector| query.iter().zip(vector).map(|(a, b)| (a ^ b).count_ones()).sum())
}
