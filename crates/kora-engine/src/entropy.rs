//! Numbers that nobody can know.

use std::fs::File;
use std::io::{self, Read};

/// A random number.
///
/// # Errors
/// What the system says.
pub fn number() -> io::Result<u64> {
    bytes::<8>().map(u64::from_le_bytes)
}

/// 40 random hexadecimal digits.
///
/// # Errors
/// What the system says.
pub fn id() -> io::Result<String> {
    Ok(bytes::<20>()?.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn bytes<const N: usize>() -> io::Result<[u8; N]> {
    let mut bytes = [0; N];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes)
}
