//! Payloads as DUMP and FUNCTION DUMP give them and RESTORE takes them: what would stand in a file, then a version and a
//! checksum.

use std::sync::atomic::{AtomicBool, Ordering};

use super::write::write_value;
use crate::codec::{Crc64, Style, VERSION_WITH_FIELD_DEADLINES};
use crate::entry::Entry;

/// Whether wrong checksums are let pass.
static SKIPS_CHECKSUMS: AtomicBool = AtomicBool::new(false);

/// DEBUG SET-SKIP-CHECKSUM-VALIDATION: lets payloads and files pass whose checksum is wrong, for the whole process, since only tests
/// want it. What they hold is checked in full as ever.
pub fn skip_checksums(skips: bool) {
    SKIPS_CHECKSUMS.store(skips, Ordering::Relaxed);
}

/// Whether wrong checksums are let pass.
#[must_use]
pub fn skips_checksums() -> bool {
    SKIPS_CHECKSUMS.load(Ordering::Relaxed)
}

/// The version in a payload, and the latest that is read.
const VERSION: u16 = VERSION_WITH_FIELD_DEADLINES;

/// The payload of a value; `compress`: its strings are compressed.
#[must_use]
pub fn dump(entry: &Entry, compress: bool) -> Vec<u8> {
    let mut payload = Vec::new();
    write_value(entry, Style { compress }, &mut payload);
    seal(&mut payload);
    payload
}

/// Adds version and checksum.
pub fn seal(payload: &mut Vec<u8>) {
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = Crc64::of(payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
}

/// What stands before version and checksum; `None` if they are not right.
#[must_use]
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (checked, checksum) = payload.split_last_chunk::<8>()?;
    let (body, version) = checked.split_last_chunk::<2>()?;
    let is_whole = skips_checksums() || u64::from_le_bytes(*checksum) == Crc64::of(checked);
    let is_right = u16::from_le_bytes(*version) <= VERSION && is_whole;
    is_right.then_some(body)
}
