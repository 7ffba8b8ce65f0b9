//! Hints to the processor that a cache line will be read soon.
#![expect(unsafe_code, reason = "the intrinsic is unsafe to call by its signature, not by what it does")]

use crate::entry::Entry;

/// Fetches the cache line of `at`, which need not be valid.
#[inline]
pub(crate) fn line<T>(at: *const T) {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: a prefetch reads nothing that the program could notice and faults on no address.
    unsafe {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        _mm_prefetch::<_MM_HINT_T0>(at.cast());
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = at;
}

/// Fetches the beginning of an entry: header, key and, as a rule, value.
#[inline]
pub(super) fn entry(entry: &Entry) {
    let at = entry.address();
    line(at);
    line(at.wrapping_add(63));
}
