//! Redis's intset: how files and DUMP hold a set of integers.
//!
//! ```text
//! width u32: 2, 4 or 8 | count u32 | integers in ascending order, of that width
//! ```
//!
//! Numbers are little-endian. The width is that of the widest integer that ever was in the set: adding a wider one rewrites all,
//! removing it leaves the width as it is.

use super::{IntSet, pack, sign_extended, word};

/// Bytes before the first integer.
const HEAD_BYTES: usize = 8;

/// Why bytes are not an intset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("corrupt intset")]
pub struct Corrupt;

/// The set that bytes from anywhere hold in Redis's format.
///
/// # Errors
/// [`Corrupt`] if they are not an intset with at least one member.
pub fn from_redis(bytes: &[u8]) -> Result<Vec<u8>, Corrupt> {
    let (head, integers) = bytes.split_at_checked(HEAD_BYTES).ok_or(Corrupt)?;
    let (stored_width, count) = (word(&head[..4]), word(&head[4..]));
    let width = match stored_width {
        2 => 2,
        4 => 4,
        8 => 8,
        _ => return Err(Corrupt),
    };
    let is_whole = integers.len().is_multiple_of(width) && (integers.len() / width) as u64 == count;
    if count == 0 || !is_whole {
        return Err(Corrupt);
    }
    let members = integers.chunks_exact(width).map(|bytes| sign_extended(word(bytes), width));
    if members.clone().zip(members.clone().skip(1)).any(|(one, next)| one >= next) {
        return Err(Corrupt);
    }
    Ok(pack(members, width, false))
}

impl IntSet<'_> {
    /// The set in Redis's format.
    #[must_use]
    pub fn to_redis(self) -> Vec<u8> {
        let width = self.layout.width;
        let mut bytes = Vec::with_capacity(HEAD_BYTES + self.len() * width);
        for number in [width, self.len()] {
            let number = u32::try_from(number).expect("a set that large is no intset");
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        for member in self.iter() {
            bytes.extend_from_slice(&member.to_le_bytes()[..width]);
        }
        bytes
    }
}
