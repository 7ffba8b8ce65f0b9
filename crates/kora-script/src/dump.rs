//! Libraries as FUNCTION DUMP gives them and FUNCTION RESTORE takes them: for each library an opcode and its text, then a
//! version and a checksum, as in Redis's RDB files.

use kora_core::error::{CommandError, CommandResult};

/// The opcode before a library.
const LIBRARY: u8 = 245;

/// The version written, and the latest that is read.
const VERSION: u16 = 12;

/// Bytes of version and checksum.
const FOOTER_BYTES: usize = 10;

/// Writes the texts of libraries.
pub(crate) fn dump<'a>(codes: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let mut payload = Vec::new();
    for code in codes {
        payload.push(LIBRARY);
        push_len(&mut payload, code.len());
        payload.extend_from_slice(code);
    }
    payload.extend_from_slice(&VERSION.to_le_bytes());
    let checksum = checksum(&payload);
    payload.extend_from_slice(&checksum.to_le_bytes());
    payload
}

fn checksum(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Redis, bytes)
}

fn push_len(payload: &mut Vec<u8>, len: usize) {
    match u32::try_from(len) {
        Ok(len @ 0..64) => payload.push(len.to_le_bytes()[0]),
        Ok(len @ 64..16384) => payload.extend_from_slice(&(0x4000 | len).to_be_bytes()[2..]),
        Ok(len) => {
            payload.push(0x80);
            payload.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            payload.push(0x81);
            payload.extend_from_slice(&(len as u64).to_be_bytes());
        }
    }
}

/// Reads the texts of libraries.
///
/// # Errors
/// If the payload is damaged, of a later version, or holds something else.
pub(crate) fn restore(payload: &[u8]) -> CommandResult<Vec<Vec<u8>>> {
    const DAMAGED: CommandError = CommandError::text("ERR DUMP payload version or checksum are wrong");
    const FAILED: CommandError = CommandError::text("ERR failed loading functions payload");
    let body_len = payload.len().checked_sub(FOOTER_BYTES).ok_or(DAMAGED)?;
    let (body, footer) = payload.split_at(body_len);
    let (version, sum) = footer.split_at(2);
    let version = u16::from_le_bytes(version.try_into().map_err(|_| DAMAGED)?);
    let sum = u64::from_le_bytes(sum.try_into().map_err(|_| DAMAGED)?);
    if version > VERSION || sum != checksum(&payload[..body_len + 2]) {
        return Err(DAMAGED);
    }
    let mut codes = Vec::new();
    let mut reader = Reader(body);
    while let Some(opcode) = reader.byte() {
        if opcode != LIBRARY {
            return Err(CommandError::text("ERR given type is not a function"));
        }
        codes.push(reader.string().ok_or(FAILED)?);
    }
    Ok(codes)
}

/// Reads values of an RDB payload; `None` where it is not well-formed.
struct Reader<'a>(&'a [u8]);

/// How long something is, or how it is packed.
enum Len {
    Plain(usize),
    Packed(u8),
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (&byte, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(byte)
    }

    fn take(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(taken)
    }

    fn len(&mut self) -> Option<Len> {
        let first = self.byte()?;
        let len = match first >> 6 {
            0 => u64::from(first & 0x3F),
            1 => u64::from(first & 0x3F) << 8 | u64::from(self.byte()?),
            2 if first == 0x80 => u32::from_be_bytes(self.take(4)?.try_into().ok()?).into(),
            2 if first == 0x81 => u64::from_be_bytes(self.take(8)?.try_into().ok()?),
            2 => return None,
            _ => return Some(Len::Packed(first & 0x3F)),
        };
        usize::try_from(len).ok().map(Len::Plain)
    }

    fn plain_len(&mut self) -> Option<usize> {
        match self.len()? {
            Len::Plain(len) => Some(len),
            Len::Packed(_) => None,
        }
    }

    fn string(&mut self) -> Option<Vec<u8>> {
        const LZF: u8 = 3;
        match self.len()? {
            Len::Plain(len) => self.take(len).map(<[u8]>::to_vec),
            Len::Packed(0) => Some(i8::from_le_bytes(self.take(1)?.try_into().ok()?).to_string().into()),
            Len::Packed(1) => Some(i16::from_le_bytes(self.take(2)?.try_into().ok()?).to_string().into()),
            Len::Packed(2) => Some(i32::from_le_bytes(self.take(4)?.try_into().ok()?).to_string().into()),
            Len::Packed(LZF) => {
                let (packed_len, len) = (self.plain_len()?, self.plain_len()?);
                let packed = self.take(packed_len)?;
                // No packed byte stands for more than 264: what promises more is damaged.
                let is_possible = len <= packed_len.saturating_mul(264);
                lzf::decompress(packed, len).ok().filter(|text| is_possible && text.len() == len)
            }
            Len::Packed(_) => None,
        }
    }
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
            let mut payload = vec![LIBRARY];
            payload.extend((0..len).map(|_| kora_core::hash::splitmix64(&mut state).to_le_bytes()[0]));
            payload.extend(VERSION.to_le_bytes());
            payload.extend(checksum(&payload).to_le_bytes());
            let _ = restore(&payload);
        }
    }
}
