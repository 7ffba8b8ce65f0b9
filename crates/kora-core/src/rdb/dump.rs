//! Payloads as DUMP and FUNCTION DUMP give them and RESTORE takes them: what would stand in a file, then a version and a
//! checksum.

use super::write::write_value;
use crate::codec::{Crc64, Style, VERSION_WITH_FIELD_DEADLINES};
use crate::entry::Entry;

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

/// The same payload with the right checksum, whatever it had; `None` if it is too short, or of a later version.
#[must_use]
pub fn seal_anew(payload: &[u8]) -> Option<Vec<u8>> {
    let (checked, _) = payload.split_last_chunk::<8>()?;
    let (_, version) = checked.split_last_chunk::<2>()?;
    (u16::from_le_bytes(*version) <= VERSION)
        .then(|| [checked, Crc64::of(checked).to_le_bytes().as_slice()].concat())
}

/// What stands before version and checksum; `None` if they are not right.
#[must_use]
pub fn open(payload: &[u8]) -> Option<&[u8]> {
    let (checked, checksum) = payload.split_last_chunk::<8>()?;
    let (body, version) = checked.split_last_chunk::<2>()?;
    let is_right =
        u16::from_le_bytes(*version) <= VERSION && u64::from_le_bytes(*checksum) == Crc64::of(checked);
    is_right.then_some(body)
}
