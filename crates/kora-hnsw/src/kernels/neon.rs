//! The functions with NEON, which every 64-bit ARM processor has: 4 floats or 16 bytes at a time, the rest by plain Rust. Halves are left to
//! the compiler.

use std::arch::aarch64::*;

use super::{Kernel, Kernels, check, scalar};

/// The table, if the processor has all that it needs.
pub(super) fn table() -> Option<Kernels> {
    std::arch::is_aarch64_feature_detected!("neon").then_some(Kernels {
        name: "neon",
        dot_f32: Kernel { one: safe_dot_f32, four: safe_dot_f32 },
        l2_f32: Kernel { one: safe_l2_f32, four: safe_l2_f32 },
        dot_i8: Kernel { one: safe_dot_i8, four: safe_dot_i8 },
        ..scalar::TABLE
    })
}

macro_rules! float_sum {
    ($safe:ident, $name:ident, $step:expr, $term:expr) => {
        fn $safe<const N: usize>(query: &[f32], vectors: [&[f32]; N]) -> [f32; N] {
            // SAFETY: only a table names this function, and `table` gives that out after it has detected the instructions.
            unsafe { $name(query, vectors) }
        }

        #[target_feature(enable = "neon")]
        fn $name<const N: usize>(query: &[f32], vectors: [&[f32]; N]) -> [f32; N] {
            check(query, &vectors);
            let mut sums = [vdupq_n_f32(0.0); N];
            let mut at = 0;
            while at + 4 <= query.len() {
                // SAFETY: 4 elements from `at` on are in the query, and in each vector, which is as long by `check`.
                unsafe {
                    let a = vld1q_f32(query.as_ptr().add(at));
                    for one in 0..N {
                        sums[one] = $step(sums[one], a, vld1q_f32(vectors[one].as_ptr().add(at)));
                    }
                }
                at += 4;
            }
            let mut out = [0.0; N];
            for one in 0..N {
                out[one] = vaddvq_f32(sums[one]);
                for rest in at..query.len() {
                    out[one] += $term(query[rest], vectors[one][rest]);
                }
            }
            out
        }
    };
}

float_sum!(safe_dot_f32, dot_f32, |sum, a, b| vfmaq_f32(sum, a, b), |a: f32, b: f32| a * b);
float_sum!(
    safe_l2_f32,
    l2_f32,
    |sum, a, b| {
        let difference = vsubq_f32(a, b);
        vfmaq_f32(sum, difference, difference)
    },
    |a: f32, b: f32| (a - b) * (a - b)
);

fn safe_dot_i8<const N: usize>(query: &[u8], vectors: [&[u8]; N]) -> [i32; N] {
    // SAFETY: only a table names this function, and `table` gives that out after it has detected the instructions.
    unsafe { dot_i8(query, vectors) }
}

#[target_feature(enable = "neon")]
fn dot_i8<const N: usize>(query: &[u8], vectors: [&[u8]; N]) -> [i32; N] {
    check(query, &vectors);
    let mut sums = [vdupq_n_s32(0); N];
    let mut at = 0;
    while at + 16 <= query.len() {
        // SAFETY: 16 elements from `at` on are in the query, and in each vector, which is as long by `check`.
        unsafe {
            let a = vld1q_s8(query.as_ptr().add(at).cast());
            for one in 0..N {
                let b = vld1q_s8(vectors[one].as_ptr().add(at).cast());
                // A product of two bytes has 15 bits at most; two of them are added in 32 bits.
                sums[one] = vpadalq_s16(sums[one], vmull_s8(vget_low_s8(a), vget_low_s8(b)));
                sums[one] = vpadalq_s16(sums[one], vmull_high_s8(a, b));
            }
        }
        at += 16;
    }
    let mut out = [0; N];
    for one in 0..N {
        out[one] = vaddvq_s32(sums[one]);
        for rest in at..query.len() {
            out[one] += i32::from(query[rest].cast_signed()) * i32::from(vectors[one][rest].cast_signed());
        }
    }
    out
}
