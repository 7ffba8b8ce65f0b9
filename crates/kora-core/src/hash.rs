//! The one hasher of the core: `AHash`, seeded by whoever starts the process, independent of routing.

/// Builds the hashes of keys inside a shard.
pub type KeyHasher = ahash::RandomState;

/// A hash map keyed by anything, with the core's hasher.
pub type Map<K, V> = hashbrown::HashMap<K, V, KeyHasher>;

/// A hasher derived from one 64-bit seed.
#[must_use]
pub fn key_hasher(seed: u64) -> KeyHasher {
    let mut state = seed;
    let mut next = || splitmix64(&mut state);
    KeyHasher::with_seeds(next(), next(), next(), next())
}

/// The 64-bit hash of a key's bytes.
#[inline]
#[must_use]
pub fn hash_key(hasher: &KeyHasher, key: &[u8]) -> u64 {
    std::hash::BuildHasher::hash_one(hasher, key)
}

/// One step of SplitMix64. Source: Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014.
#[inline]
pub fn splitmix64(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
    let mut mixed = *state;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
