//! The functions with AVX2, FMA and F16C: 8 floats or 16 bytes at a time, the rest copied beside zeros.

use std::arch::x86_64::*;

use super::{Kernel, Kernels, check};

/// The table, if the processor has all that it needs.
pub(super) fn table() -> Option<Kernels> {
    let is_there = is_x86_feature_detected!("avx2")
        && is_x86_feature_detected!("fma")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("popcnt");
    is_there.then_some(Kernels {
        name: "avx2",
        dot_f32: safe::dot_f32::KERNEL,
        dot_f16: safe::dot_f16::KERNEL,
        dot_bf16: safe::dot_bf16::KERNEL,
        l2_f32: safe::l2_f32::KERNEL,
        l2_f16: safe::l2_f16::KERNEL,
        l2_bf16: safe::l2_bf16::KERNEL,
        dot_i8: safe::dot_i8::KERNEL,
        dot_mixed: safe::dot_mixed::KERNEL,
        hamming: safe::hamming::KERNEL,
    })
}

/// The functions as values of safe function types.
mod safe {
    use super::Kernel;

    macro_rules! safe {
        ($($name:ident: $query:ty, $vector:ty => $sum:ty;)*) => {$(
            pub(super) mod $name {
                fn call<const N: usize>(query: &[$query], vectors: [&[$vector]; N]) -> [$sum; N] {
                    // SAFETY: only a table names this function, and `table` gives that out after it has detected the instructions.
                    unsafe { super::super::$name(query, vectors) }
                }
                pub(in super::super) const KERNEL: super::Kernel<$query, $vector, $sum> =
                    super::Kernel { one: call, four: call };
            }
        )*};
    }

    safe! {
        dot_f32: f32, f32 => f32;
        dot_f16: f32, u16 => f32;
        dot_bf16: f32, u16 => f32;
        l2_f32: f32, f32 => f32;
        l2_f16: f32, u16 => f32;
        l2_bf16: f32, u16 => f32;
        dot_i8: u8, u8 => i32;
        dot_mixed: f32, u8 => f32;
        hamming: u64, u64 => u32;
    }
}

macro_rules! float_sum {
    ($name:ident, $element:ty, $zero:expr, $load:expr, $step:expr) => {
        #[target_feature(enable = "avx2,fma,f16c")]
        fn $name<const N: usize>(query: &[f32], vectors: [&[$element]; N]) -> [f32; N] {
            check(query, &vectors);
            let mut sums = [_mm256_setzero_ps(); N];
            let mut at = 0;
            while at + 8 <= query.len() {
                // SAFETY: 8 elements from `at` on are in the query, and in each vector, which is as long by `check`.
                unsafe {
                    let a = _mm256_loadu_ps(query.as_ptr().add(at));
                    for one in 0..N {
                        sums[one] = $step(a, $load(vectors[one].as_ptr().add(at)), sums[one]);
                    }
                }
                at += 8;
            }
            if at < query.len() {
                let rest = query.len() - at;
                let mut last = [0.0; 8];
                last[..rest].copy_from_slice(&query[at..]);
                for one in 0..N {
                    let mut other = [$zero; 8];
                    other[..rest].copy_from_slice(&vectors[one][at..at + rest]);
                    // SAFETY: both arrays have the 8 elements that are read.
                    unsafe {
                        sums[one] = $step(_mm256_loadu_ps(last.as_ptr()), $load(other.as_ptr()), sums[one]);
                    }
                }
            }
            let mut out = [0.0; N];
            for one in 0..N {
                out[one] = total(sums[one]);
            }
            out
        }
    };
}

macro_rules! float_kernels {
    ($dot:ident, $l2:ident, $element:ty, $zero:expr, $load:expr) => {
        float_sum!($dot, $element, $zero, $load, |a, b, sum| _mm256_fmadd_ps(a, b, sum));
        float_sum!($l2, $element, $zero, $load, |a, b, sum| {
            let difference = _mm256_sub_ps(a, b);
            _mm256_fmadd_ps(difference, difference, sum)
        });
    };
}

float_kernels!(dot_f32, l2_f32, f32, 0.0, |at| _mm256_loadu_ps(at));
float_kernels!(dot_f16, l2_f16, u16, 0, |at: *const u16| _mm256_cvtph_ps(_mm_loadu_si128(at.cast())));
float_kernels!(dot_bf16, l2_bf16, u16, 0, |at: *const u16| widen(_mm_loadu_si128(at.cast())));
float_sum!(
    dot_mixed,
    u8,
    0,
    |at: *const u8| _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(at.cast()))),
    |a, b, sum| _mm256_fmadd_ps(a, b, sum)
);

/// Floats whose upper halves are given.
#[target_feature(enable = "avx2")]
fn widen(halves: __m128i) -> __m256 {
    _mm256_castsi256_ps(_mm256_slli_epi32::<16>(_mm256_cvtepu16_epi32(halves)))
}

/// The sum of all lanes.
#[target_feature(enable = "avx2")]
fn total(sums: __m256) -> f32 {
    let four = _mm_add_ps(_mm256_castps256_ps128(sums), _mm256_extractf128_ps::<1>(sums));
    let two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    _mm_cvtss_f32(_mm_add_ss(two, _mm_shuffle_ps::<1>(two, two)))
}

#[target_feature(enable = "avx2")]
fn dot_i8<const N: usize>(query: &[u8], vectors: [&[u8]; N]) -> [i32; N] {
    check(query, &vectors);
    let mut sums = [_mm256_setzero_si256(); N];
    let mut at = 0;
    while at + 16 <= query.len() {
        // SAFETY: 16 elements from `at` on are in the query, and in each vector, which is as long by `check`.
        unsafe {
            let a = _mm256_cvtepi8_epi16(_mm_loadu_si128(query.as_ptr().add(at).cast()));
            for one in 0..N {
                let b = _mm256_cvtepi8_epi16(_mm_loadu_si128(vectors[one].as_ptr().add(at).cast()));
                sums[one] = _mm256_add_epi32(sums[one], _mm256_madd_epi16(a, b));
            }
        }
        at += 16;
    }
    let mut out = [0; N];
    for one in 0..N {
        let four = _mm_add_epi32(_mm256_castsi256_si128(sums[one]), _mm256_extracti128_si256::<1>(sums[one]));
        let two = _mm_add_epi32(four, _mm_unpackhi_epi64(four, four));
        out[one] = _mm_cvtsi128_si32(_mm_add_epi32(two, _mm_shuffle_epi32::<1>(two)));
        for rest in at..query.len() {
            out[one] += i32::from(query[rest].cast_signed()) * i32::from(vectors[one][rest].cast_signed());
        }
    }
    out
}

#[target_feature(enable = "avx2,popcnt")]
fn hamming<const N: usize>(query: &[u64], vectors: [&[u64]; N]) -> [u32; N] {
    check(query, &vectors);
    let mut out = [0; N];
    for one in 0..N {
        for (a, b) in query.iter().zip(vectors[one]) {
            out[one] += (a ^ b).count_ones();
        }
    }
    out
}
