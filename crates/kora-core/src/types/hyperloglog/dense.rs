//! Registers of six bits, the first in the lowest bits of the first byte.

use super::{REGISTERS, Registers};

const REGISTER_BITS: usize = 6;
const REGISTER_MAX: u8 = 63;
/// Four registers lie in three bytes.
const GROUP: usize = 4;
const GROUP_BYTES: usize = 3;

/// Bytes of all registers.
pub(super) const BYTES: usize = REGISTERS * REGISTER_BITS / 8;

/// Visits every register with its index.
#[inline]
pub(super) fn each(bytes: &[u8], mut visit: impl FnMut(usize, u8)) {
    let (groups, _) = bytes.as_chunks::<GROUP_BYTES>();
    for (index, group) in groups.iter().enumerate() {
        for (place, value) in unpack(*group).into_iter().enumerate() {
            visit(index * GROUP + place, value);
        }
    }
}

/// Stores all registers.
pub(super) fn store(bytes: &mut [u8], registers: &Registers) {
    let (groups, _) = bytes.as_chunks_mut::<GROUP_BYTES>();
    let (values, _) = registers.as_chunks::<GROUP>();
    for (group, values) in groups.iter_mut().zip(values) {
        *group = pack(*values);
    }
}

/// Raises a register; says whether it was lower.
pub(super) fn raise(bytes: &mut [u8], register: usize, value: u8) -> bool {
    let at = register / GROUP * GROUP_BYTES;
    let group = bytes[at..].first_chunk_mut().expect("all registers are there");
    let mut values = unpack(*group);
    let old = &mut values[register % GROUP];
    if *old >= value {
        return false;
    }
    *old = value;
    *group = pack(values);
    true
}

fn unpack([a, b, c]: [u8; GROUP_BYTES]) -> [u8; GROUP] {
    [a & REGISTER_MAX, (a >> 6 | b << 2) & REGISTER_MAX, (b >> 4 | c << 4) & REGISTER_MAX, c >> 2]
}

fn pack([w, x, y, z]: [u8; GROUP]) -> [u8; GROUP_BYTES] {
    [w | x << 6, x >> 2 | y << 4, y >> 4 | z << 2]
}
