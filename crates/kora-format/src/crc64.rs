//! The checksum of RDB files and of what DUMP shows.

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// The checksum of the bytes that have passed so far.
#[derive(Clone, Copy)]
pub struct Crc64(Digest);

impl Default for Crc64 {
    fn default() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Redis))
    }
}

impl std::fmt::Debug for Crc64 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Crc64").field(&self.value()).finish()
    }
}

impl Crc64 {
    /// Takes in more bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum so far.
    #[must_use]
    pub fn value(&self) -> u64 {
        self.0.finalize()
    }

    /// The checksum of `bytes`.
    #[must_use]
    pub fn of(bytes: &[u8]) -> u64 {
        checksum(CrcAlgorithm::Crc64Redis, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::Crc64;

    #[test]
    fn the_checksum_is_that_of_redis() {
        // What the test of Redis's own implementation expects.
        assert_eq!(Crc64::of(b"123456789"), 0xe9c6_d914_c4b8_d9ca);
        let mut in_parts = Crc64::default();
        in_parts.update(b"1234");
        in_parts.update(b"56789");
        assert_eq!(in_parts.value(), Crc64::of(b"123456789"));
        assert_eq!(Crc64::default().value(), 0);
    }
}
