//! From a key to the shard that owns it: CRC16 of the key or its `{tag}`, modulo 16384, and slots to shards by a
//! permutation that spreads every range of slots over all shards. Source: the Redis Cluster specification, "Key
//! distribution model" and "Hash tags".

/// Number of slots that keys are distributed over.
pub const SLOT_COUNT: u16 = 16_384;

/// What a slot is multiplied by to get its place among all slots. It is odd, so that each slot has a place of its own.
///
/// It is near 16384 divided by the golden ratio, so that the places of consecutive slots lie as far apart as they can, whatever
/// their number.
const PLACE_FACTOR: u32 = 10_127;

/// A hash slot, below [`SLOT_COUNT`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slot(pub u16);

/// A shard's number, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ShardId(pub u16);

impl ShardId {
    /// The number as an index into a table of shards.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

/// A worker's number, from 0.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WorkerId(pub u16);

impl WorkerId {
    /// The number as an index into a table of workers.
    #[must_use]
    pub fn index(self) -> usize {
        usize::from(self.0)
    }
}

impl Slot {
    /// The slot of `key`. Complexity: O(length of the key or its tag).
    #[inline]
    #[must_use]
    pub fn of(key: &[u8]) -> Self {
        let (crc, has_brace) = crc16_and_brace(key);
        Self(if has_brace { crc16(hash_tag(key)) } else { crc } % SLOT_COUNT)
    }

    /// The shard that owns this slot among `shard_count` shards.
    ///
    /// All shards have the same number of slots, give or take one, and of any range of slots the same number, give or take
    /// a few: a cluster's node that owns a range keeps all of its cores busy.
    #[must_use]
    #[expect(clippy::cast_possible_truncation, reason = "place < 16384 keeps the quotient below shard_count")]
    pub fn shard(self, shard_count: u16) -> ShardId {
        let place = u32::from(self.0) * PLACE_FACTOR % u32::from(SLOT_COUNT);
        ShardId((place * u32::from(shard_count) / u32::from(SLOT_COUNT)) as u16)
    }
}

/// The part of `key` that decides its slot: what stands between the first `{` and the next `}`, unless that is
/// empty or missing; else the whole key.
#[must_use]
pub fn hash_tag(key: &[u8]) -> &[u8] {
    let Some(open) = memchr::memchr(b'{', key) else { return key };
    let rest = &key[open + 1..];
    match memchr::memchr(b'}', rest) {
        Some(close) if close > 0 => &rest[..close],
        _ => key,
    }
}

/// CRC16-XMODEM: polynomial 0x1021, initial value 0, not reflected.
#[cold]
fn crc16(bytes: &[u8]) -> u16 {
    crc16_and_brace(bytes).0
}

/// The same, and whether there is an opening brace among the bytes.
///
/// Eight bytes are taken at a time, each by a table of its own, so that no look-up waits for the one before; first those that are left over, as
/// nothing has to be carried into them. Source: M. Kounavis and F. Berry, "Novel table lookup-based algorithms for high-performance
/// CRC generation", 2008.
#[inline]
fn crc16_and_brace(bytes: &[u8]) -> (u16, bool) {
    let added = |behind: usize, byte: u8| CRC16_TABLES[behind][usize::from(byte)];
    let (first, words) = bytes.as_rchunks::<8>();
    let (mut crc, mut braces) = (0, 0);
    for (behind, &byte) in first.iter().rev().enumerate() {
        crc ^= added(behind, byte);
        braces |= u64::from(byte == b'{');
    }
    for word in words {
        let [high, low] = crc.to_be_bytes();
        crc = added(7, word[0] ^ high) ^ added(6, word[1] ^ low);
        crc = (2..8).fold(crc, |crc, at| crc ^ added(7 - at, word[at]));
        braces |= zero_bytes(u64::from_ne_bytes(*word) ^ EACH_BRACE);
    }
    (crc, braces != 0)
}

/// Each byte 1.
const EACH_BYTE: u64 = u64::MAX / 255;

const EACH_BRACE: u64 = EACH_BYTE * b'{' as u64;

/// 0 just if none of the bytes is.
#[inline]
fn zero_bytes(word: u64) -> u64 {
    word.wrapping_sub(EACH_BYTE) & !word & EACH_BYTE << 7
}

/// The contribution of a byte to the sum, by the number of bytes behind it.
static CRC16_TABLES: [[u16; 256]; 8] = crc16_tables();

#[expect(clippy::cast_possible_truncation, reason = "the index is below 256")]
const fn crc16_tables() -> [[u16; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut index = 0;
    while index < 256 {
        let mut crc = (index as u16) << 8;
        let mut behind = 0;
        while behind < 8 {
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 0x8000 == 0 { crc << 1 } else { (crc << 1) ^ 0x1021 };
                bit += 1;
            }
            tables[behind][index] = crc;
            behind += 1;
        }
        index += 1;
    }
    tables
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_matches_the_specification() {
        assert_eq!(crc16(b"123456789"), 0x31C3);
    }

    /// The sum one bit at a time.
    fn crc16_by_bits(bytes: &[u8]) -> u16 {
        let bits = bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| u16::from(byte >> bit & 1)));
        bits.fold(0, |crc, bit| (crc << 1) ^ if crc >> 15 == bit { 0 } else { 0x1021 })
    }

    #[test]
    fn every_length_and_every_byte_is_summed_up_and_searched() {
        let mut random = 1_u64;
        for length in 0..70 {
            let mut bytes: Vec<u8> =
                (0..length).map(|_| crate::hash::splitmix64(&mut random).to_be_bytes()[0]).collect();
            for at in 0..length {
                for byte in [0, b'z', b'{', b'|', 0xFB, 0xFF] {
                    bytes[at] = byte;
                    let has_brace = bytes.contains(&b'{');
                    assert_eq!(crc16_and_brace(&bytes), (crc16_by_bits(&bytes), has_brace), "{bytes:?}");
                }
            }
            assert_eq!(Slot::of(&bytes).0, crc16_by_bits(hash_tag(&bytes)) % SLOT_COUNT);
        }
        assert_eq!(Slot::of(b"a long name of {user1000}.following"), Slot::of(b"user1000"));
    }

    #[test]
    fn tags_follow_the_specification() {
        assert_eq!(hash_tag(b"{user1000}.following"), b"user1000");
        assert_eq!(hash_tag(b"foo{}{bar}"), b"foo{}{bar}");
        assert_eq!(hash_tag(b"foo{{bar}}zap"), b"{bar");
        assert_eq!(hash_tag(b"foo{bar}{zap}"), b"bar");
        assert_eq!(hash_tag(b"foo{bar"), b"foo{bar");
    }

    #[test]
    fn shards_divide_the_slots_evenly() {
        for shard_count in [1, 2, 3, 7, 64] {
            let mut sizes = vec![0u32; usize::from(shard_count)];
            for slot in 0..SLOT_COUNT {
                sizes[Slot(slot).shard(shard_count).index()] += 1;
            }
            let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
            assert!(most - least <= 1, "{shard_count} shards: {sizes:?}");
        }
    }

    /// How far the shards' shares of the slots `range` are from equal ones, in slots.
    fn unevenness(range: std::ops::Range<u16>, shard_count: u16) -> f64 {
        let mut sizes = vec![0u32; usize::from(shard_count)];
        let fair_share = f64::from(range.end - range.start) / f64::from(shard_count);
        range.for_each(|slot| sizes[Slot(slot).shard(shard_count).index()] += 1);
        sizes.iter().map(|&size| (f64::from(size) - fair_share).abs()).fold(0.0, f64::max)
    }

    #[test]
    fn every_range_of_slots_is_spread_over_all_shards() {
        for shard_count in [2, 3, 4, 7, 16, 64, 128] {
            for width in [128, 1000, 2731, 5461, 8192] {
                for start in (0..=SLOT_COUNT - width).step_by(257) {
                    let unevenness = unevenness(start..start + width, shard_count);
                    assert!(unevenness <= 5.0, "{width} slots from {start} on {shard_count}: {unevenness}");
                }
            }
        }
    }
}
