//! Which register an element belongs to, and what it says there.
//!
//! The hash is MurmurHash64A (A. Appleby, public domain) with the seed that Redis's format fixes.

use super::{INDEX_BITS, PATTERN_BITS, REGISTERS};

const SEED: u64 = 0xadc8_3b19;
const MULTIPLIER: u64 = 0xc6a4_a793_5bd1_e995;
const SHIFT: u32 = 47;

/// What an element raises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RegisterUpdate {
    pub(super) register: usize,
    /// 1 to 51.
    pub(super) value: u8,
}

pub(super) fn place(element: &[u8]) -> RegisterUpdate {
    let hash = murmur_64a(element);
    let register = usize::try_from(hash % REGISTERS as u64).expect("there are few registers");
    // A bit above the pattern ends the run of zeros in any case.
    let pattern = (hash >> INDEX_BITS) | (1 << PATTERN_BITS);
    let value = u8::try_from(pattern.trailing_zeros() + 1).expect("a word has 64 bits");
    RegisterUpdate { register, value }
}

fn murmur_64a(bytes: &[u8]) -> u64 {
    let mut hash = SEED ^ (bytes.len() as u64).wrapping_mul(MULTIPLIER);
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        let mut mixed = u64::from_le_bytes(*word).wrapping_mul(MULTIPLIER);
        mixed ^= mixed >> SHIFT;
        hash = (hash ^ mixed.wrapping_mul(MULTIPLIER)).wrapping_mul(MULTIPLIER);
    }
    if !rest.is_empty() {
        let mut word = [0; 8];
        word[..rest.len()].copy_from_slice(rest);
        hash = (hash ^ u64::from_le_bytes(word)).wrapping_mul(MULTIPLIER);
    }
    hash = (hash ^ (hash >> SHIFT)).wrapping_mul(MULTIPLIER);
    hash ^ (hash >> SHIFT)
}
