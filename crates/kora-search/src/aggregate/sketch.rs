//! About how many distinct values there are: exact up to a bound, then HyperLogLog (Flajolet et al., 2007).

use std::collections::HashSet;

/// Bits of a hash that choose a register.
const BITS: u32 = 12;

/// Registers: the standard error is 1.04 / sqrt(4096), 1.6 %.
const REGISTERS: usize = 1 << BITS;

/// Distinct hashes that are kept before registers are.
const EXACT_MAX: usize = 512;

/// A set of hashes.
#[derive(Clone, Debug)]
pub(super) enum Sketch {
    Exact(HashSet<u64>),
    Registers(Vec<u8>),
}

impl Sketch {
    pub(super) fn new() -> Self {
        Self::Exact(HashSet::new())
    }

    pub(super) fn insert(&mut self, hash: u64) {
        match self {
            Self::Exact(hashes) => {
                hashes.insert(hash);
                if hashes.len() > EXACT_MAX {
                    *self = Self::Registers(registers(hashes));
                }
            }
            Self::Registers(registers) => set(registers, hash),
        }
    }

    /// The union of both.
    pub(super) fn merge(&mut self, other: Self) {
        match other {
            Self::Exact(hashes) => hashes.into_iter().for_each(|hash| self.insert(hash)),
            Self::Registers(theirs) => {
                let mut ours = match self {
                    Self::Exact(hashes) => registers(hashes),
                    Self::Registers(ours) => std::mem::take(ours),
                };
                ours.iter_mut().zip(theirs).for_each(|(ours, theirs)| *ours = theirs.max(*ours));
                *self = Self::Registers(ours);
            }
        }
    }

    #[expect(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
    pub(super) fn count(&self) -> f64 {
        let registers = match self {
            Self::Exact(hashes) => return hashes.len() as f64,
            Self::Registers(registers) => registers,
        };
        let size = REGISTERS as f64;
        let sum: f64 = registers.iter().map(|rank| (-f64::from(*rank)).exp2()).sum();
        let estimate = 0.7213 / (1.0 + 1.079 / size) * size * size / sum;
        let zero_count = registers.iter().filter(|rank| **rank == 0).count();
        let is_small = estimate <= 2.5 * size && zero_count > 0;
        if is_small { (size * (size / zero_count as f64).ln()).round() } else { estimate.round() }
    }
}

fn registers(hashes: &HashSet<u64>) -> Vec<u8> {
    let mut registers = vec![0; REGISTERS];
    hashes.iter().for_each(|hash| set(&mut registers, *hash));
    registers
}

fn set(registers: &mut [u8], hash: u64) {
    let register = usize::try_from(hash >> (64 - BITS)).unwrap_or_default();
    let rank = ((hash << BITS) | (1 << (BITS - 1))).leading_zeros() + 1;
    if let Some(kept) = registers.get_mut(register) {
        *kept = (*kept).max(u8::try_from(rank).unwrap_or(u8::MAX));
    }
}
