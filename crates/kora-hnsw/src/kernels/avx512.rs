//! The functions with AVX-512: 16 floats or 64 bytes at a time, the rest under a mask.

use std::arch::x86_64::*;

use super::{Kernel, Kernels, check};

/// The table, if the processor has all that it needs.
pub(super) fn table() -> Option<Kernels> {
    let is_there = is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("avx512vpopcntdq");
    is_there.then_some(Kernels {
        name: "avx512",
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

/// A mask of the lowest `count` of 16 lanes, at least one.
fn mask16(count: usize) -> u16 {
    u16::MAX >> (16 - count)
}

macro_rules! float_sum {
    ($name:ident, $element:ty, $load:expr, $load_masked:expr, $step:expr) => {
        #[target_feature(enable = "avx512f,avx512bw,avx512vl")]
        fn $name<const N: usize>(query: &[f32], vectors: [&[$element]; N]) -> [f32; N] {
            check(query, &vectors);
            let mut sums = [_mm512_setzero_ps(); N];
            let mut at = 0;
            while at + 16 <= query.len() {
                // SAFETY: 16 elements from `at` on are in the query, and in each vector, which is as long by `check`.
                unsafe {
                    let a = _mm512_loadu_ps(query.as_ptr().add(at));
                    for one in 0..N {
                        sums[one] = $step(a, $load(vectors[one].as_ptr().add(at)), sums[one]);
                    }
                }
                at += 16;
            }
            if at < query.len() {
                let mask = mask16(query.len() - at);
                // SAFETY: the mask has as many lanes as elements are left; a load touches no others.
                unsafe {
                    let a = _mm512_maskz_loadu_ps(mask, query.as_ptr().add(at));
                    for one in 0..N {
                        sums[one] = $step(a, $load_masked(mask, vectors[one].as_ptr().add(at)), sums[one]);
                    }
                }
            }
            let mut out = [0.0; N];
            for one in 0..N {
                out[one] = _mm512_reduce_add_ps(sums[one]);
            }
            out
        }
    };
}

macro_rules! float_kernels {
    ($dot:ident, $l2:ident, $element:ty, $load:expr, $load_masked:expr) => {
        float_sum!($dot, $element, $load, $load_masked, |a, b, sum| _mm512_fmadd_ps(a, b, sum));
        float_sum!($l2, $element, $load, $load_masked, |a, b, sum| {
            let difference = _mm512_sub_ps(a, b);
            _mm512_fmadd_ps(difference, difference, sum)
        });
    };
}

float_kernels!(dot_f32, l2_f32, f32, |at| _mm512_loadu_ps(at), |mask, at| _mm512_maskz_loadu_ps(mask, at));
float_kernels!(
    dot_f16,
    l2_f16,
    u16,
    |at: *const u16| _mm512_cvtph_ps(_mm256_loadu_si256(at.cast())),
    |mask, at: *const u16| _mm512_cvtph_ps(_mm256_maskz_loadu_epi16(mask, at.cast()))
);
float_kernels!(
    dot_bf16,
    l2_bf16,
    u16,
    |at: *const u16| widen(_mm256_loadu_si256(at.cast())),
    |mask, at: *const u16| widen(_mm256_maskz_loadu_epi16(mask, at.cast()))
);
float_sum!(
    dot_mixed,
    u8,
    |at: *const u8| _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(at.cast()))),
    |mask, at: *const u8| _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_maskz_loadu_epi8(mask, at.cast()))),
    |a, b, sum| _mm512_fmadd_ps(a, b, sum)
);

/// Floats whose upper halves are given.
#[target_feature(enable = "avx512f")]
fn widen(halves: __m256i) -> __m512 {
    _mm512_castsi512_ps(_mm512_slli_epi32::<16>(_mm512_cvtepu16_epi32(halves)))
}

/// Bytes of the vectors are made unsigned by turning their upper bit, which adds 128 times the query's sum.
#[target_feature(enable = "avx512f,avx512bw,avx512vnni")]
fn dot_i8<const N: usize>(query: &[u8], vectors: [&[u8]; N]) -> [i32; N] {
    check(query, &vectors);
    let turn = _mm512_set1_epi8(i8::MIN);
    let mut sums = [_mm512_setzero_si512(); N];
    let mut offset = _mm512_setzero_si512();
    let mut at = 0;
    while at < query.len() {
        let left = query.len() - at;
        let mask = if left >= 64 { u64::MAX } else { (1 << left) - 1 };
        // SAFETY: the mask has as many lanes as elements are left, 64 at most; a load touches no others.
        unsafe {
            let a = _mm512_maskz_loadu_epi8(mask, query.as_ptr().add(at).cast());
            offset = _mm512_dpbusd_epi32(offset, turn, a);
            for one in 0..N {
                let b = _mm512_maskz_loadu_epi8(mask, vectors[one].as_ptr().add(at).cast());
                sums[one] = _mm512_dpbusd_epi32(sums[one], _mm512_xor_si512(b, turn), a);
            }
        }
        at += 64;
    }
    let mut out = [0; N];
    for one in 0..N {
        out[one] = _mm512_reduce_add_epi32(_mm512_sub_epi32(sums[one], offset));
    }
    out
}

#[target_feature(enable = "avx512f,avx512vpopcntdq")]
fn hamming<const N: usize>(query: &[u64], vectors: [&[u64]; N]) -> [u32; N] {
    check(query, &vectors);
    let mut sums = [_mm512_setzero_si512(); N];
    let mut at = 0;
    while at < query.len() {
        let left = query.len() - at;
        let mask = if left >= 8 { u8::MAX } else { (1 << left) - 1 };
        // SAFETY: the mask has as many lanes as elements are left, 8 at most; a load touches no others.
        unsafe {
            let a = _mm512_maskz_loadu_epi64(mask, query.as_ptr().add(at).cast());
            for one in 0..N {
                let b = _mm512_maskz_loadu_epi64(mask, vectors[one].as_ptr().add(at).cast());
                sums[one] = _mm512_add_epi64(sums[one], _mm512_popcnt_epi64(_mm512_xor_si512(a, b)));
            }
        }
        at += 8;
    }
    let mut out = [0; N];
    for one in 0..N {
        out[one] = (_mm512_reduce_add_epi64(sums[one]).cast_unsigned() & 0xFFFF_FFFF) as u32;
    }
    out
}
