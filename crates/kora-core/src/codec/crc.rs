//! The checksum of files and payloads.

use crc_fast::{CrcAlgorithm, Digest, checksum};

/// The checksum of what has passed so far.
#[derive(Clone, Copy, Debug)]
pub struct Crc64(Digest);

impl Default for Crc64 {
    fn default() -> Self {
        Self(Digest::new(CrcAlgorithm::Crc64Redis))
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
