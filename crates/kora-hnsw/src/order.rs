//! A distance and a number in 64 bits, whose order as integers is that of the distance, equals by number. What is not a number is farthest.

/// Packs a distance and the number of a node.
#[inline]
pub(crate) fn pack(distance: f32, id: u32) -> u64 {
    let bits = if distance.is_nan() { u32::MAX >> 1 } else { (distance + 0.0).to_bits() };
    // Negative floats order backwards as integers: all their bits are turned, of others only the sign.
    let ordered = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(ordered) << 32 | u64::from(id)
}

/// The number of a node.
#[inline]
pub(crate) fn id(key: u64) -> u32 {
    (key & 0xFFFF_FFFF) as u32
}

/// The distance.
#[inline]
pub(crate) fn distance(key: u64) -> f32 {
    let ordered = (key >> 32) as u32;
    f32::from_bits(if ordered >> 31 == 1 { ordered & !(1 << 31) } else { !ordered })
}
