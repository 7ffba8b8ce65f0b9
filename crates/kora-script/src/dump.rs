//! Libraries as FUNCTION DUMP gives them and FUNCTION RESTORE takes them: for each library what stands in a file, then a
//! version and a checksum. The bytes are those of [`kora_core::rdb`].

use kora_core::error::{CommandError, CommandResult};
use kora_core::rdb::file::{Piece, next_piece, write_function};
use kora_core::rdb::{VERSION_WITH_FIELD_DEADLINES, dump as payload};

/// The opcode before a library.
const LIBRARY: u8 = 245;

/// Writes the texts of libraries.
pub(crate) fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut dumped = Vec::new();
    codes.for_each(|code| write_function(code, true, &mut dumped));
    payload::seal(&mut dumped);
    dumped
}

/// Reads the texts of libraries.
///
/// # Errors
/// If the payload is damaged, of a later version, or holds something else.
pub(crate) fn restore(dumped: &[u8]) -> CommandResult<Vec<Vec<u8>>> {
    const DAMAGED: CommandError = CommandError::text("ERR DUMP payload version or checksum are wrong");
    const FAILED: CommandError = CommandError::text("ERR failed loading functions payload");
    let mut body = payload::open(dumped).ok_or(DAMAGED)?;
    let mut codes = Vec::new();
    while let Some(opcode) = body.first() {
        if *opcode != LIBRARY {
            return Err(CommandError::text("ERR given type is not a function"));
        }
        let (piece, len) = next_piece(body, VERSION_WITH_FIELD_DEADLINES).map_err(|_| FAILED)?;
        let Piece::Function(code) = piece else { return Err(FAILED) };
        codes.push(code.into_owned());
        body = &body[len..];
    }
    Ok(codes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_dumped_is_restored() {
        for len in [0, 1, 63, 64, 16383, 16384, 70000] {
            let (one, two) = (vec![b'x'; len], b"#!lua name=a\n".to_vec());
            let payload = dump([&one[..], &two].into_iter());
            assert_eq!(restore(&payload), Ok(vec![one, two]));
        }
        assert_eq!(restore(&dump(std::iter::empty())), Ok(Vec::new()));
    }

    #[test]
    fn damage_is_detected() {
        let payload = dump(std::iter::once(&b"#!lua name=a\ncode"[..]));
        for at in 0..payload.len() {
            let mut damaged = payload.clone();
            damaged[at] ^= 1;
            assert!(restore(&damaged).is_err(), "byte {at}");
        }
        assert!(restore(&payload[..5]).is_err());
    }

    /// Payloads whose checksum is right: anything may be in them.
    #[test]
    fn nothing_panics() {
        let mut state = 7;
        for _ in 0..20_000 {
            let len = kora_core::hash::splitmix64(&mut state) % 40;
            let mut dumped = vec![LIBRARY];
            dumped.extend((0..len).map(|_| kora_core::hash::splitmix64(&mut state).to_le_bytes()[0]));
            payload::seal(&mut dumped);
            let _ = restore(&dumped);
        }
    }
}
