//! Sums over the elements of vectors, by the instructions that the processor has: the only module with unsafe code.
//!
//! A [`Kernels`] is a table of functions; one that needs certain instructions is put into a table only after they were detected, which is
//! what makes it safe to call. Each function takes a query and one or four vectors, which must have at least as many elements as the query:
//! it panics otherwise, before it reads any. Four at a time share the loads of the query and hide each other's latency.
#![expect(unsafe_code, reason = "vector instructions take pointers, and are there only on some processors")]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;

/// A sum over pairs of elements of type `Q` and `V`, for one vector and for four.
pub(crate) struct Kernel<Q: 'static, V: 'static, S: 'static> {
    pub(crate) one: fn(&[Q], [&[V]; 1]) -> [S; 1],
    pub(crate) four: fn(&[Q], [&[V]; 4]) -> [S; 4],
}

impl<Q, V, S> Clone for Kernel<Q, V, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<Q, V, S> Copy for Kernel<Q, V, S> {}

impl<Q, V, S> std::fmt::Debug for Kernel<Q, V, S> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Kernel")
    }
}

/// The functions for one processor.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kernels {
    #[cfg_attr(not(test), expect(dead_code, reason = "tests say which table failed"))]
    pub(crate) name: &'static str,
    /// Inner products.
    pub(crate) dot_f32: Kernel<f32, f32, f32>,
    pub(crate) dot_f16: Kernel<f32, u16, f32>,
    pub(crate) dot_bf16: Kernel<f32, u16, f32>,
    /// Sums of squared differences.
    pub(crate) l2_f32: Kernel<f32, f32, f32>,
    pub(crate) l2_f16: Kernel<f32, u16, f32>,
    pub(crate) l2_bf16: Kernel<f32, u16, f32>,
    /// Inner products of signed bytes, kept as bytes.
    pub(crate) dot_i8: Kernel<u8, u8, i32>,
    /// Inner products of single precision and signed bytes.
    pub(crate) dot_mixed: Kernel<f32, u8, f32>,
    /// Bits that differ.
    pub(crate) hamming: Kernel<u64, u64, u32>,
}

/// The table for this processor. Complexity: O(1): what it has is detected once.
pub(crate) fn detect() -> Kernels {
    all().pop().expect("the scalar table is always there")
}

/// All tables that this processor can run, the best one last.
fn all() -> Vec<Kernels> {
    #[cfg_attr(
        not(any(target_arch = "x86_64", target_arch = "aarch64")),
        expect(unused_mut, reason = "other processors have the scalar table alone")
    )]
    let mut tables = vec![scalar::TABLE];
    #[cfg(target_arch = "x86_64")]
    {
        tables.extend(avx2::table());
        tables.extend(avx512::table());
    }
    #[cfg(target_arch = "aarch64")]
    tables.extend(neon::table());
    tables
}

/// Asks for the cache lines of a slice, as many as matter.
#[inline]
pub(crate) fn prefetch<T>(slice: &[T]) {
    #[cfg(target_arch = "x86_64")]
    {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        /// Lines that are asked for; the processor follows a longer run by itself.
        const LINES_MAX: usize = 8;
        let start = slice.as_ptr().cast::<i8>();
        for line in 0..size_of_val(slice).div_ceil(64).min(LINES_MAX) {
            // SAFETY: a prefetch reads nothing that the program could notice and faults on no address.
            unsafe { _mm_prefetch::<_MM_HINT_T0>(start.wrapping_add(line * 64)) };
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = slice;
}

/// Panics unless every vector has the query's length at least: what all loads rely on.
#[inline]
fn check<Q, V, const N: usize>(query: &[Q], vectors: &[&[V]; N]) {
    for vector in vectors {
        assert!(vector.len() >= query.len(), "a stored vector is as long as a query");
    }
}
