//! What replies, files and payloads must hold byte for byte as Redis writes it, and what more than one crate therefore needs: doubles
//! in text, bytes that pass through text, and the checksum of snapshots. No I/O.

#![forbid(unsafe_code)]
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

pub mod crc64;
pub mod double;
pub mod text;
