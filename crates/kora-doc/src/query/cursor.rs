//! Cursors of DOC.FIND: where in the order the last document was, as a text that holds all of it. Nothing is kept for them.
//!
//! In hexadecimal digits: what the question was (a checksum), then when the last document was written and which parts say so, or what it is sorted by and its id.

use super::order::Position;

/// Bytes of a cursor at most, before they are digits.
const BYTES_MAX: usize = 4096;

/// What a cursor looks like before the first document and behind the last.
pub(crate) const END: &[u8] = b"0";

/// Why there is no cursor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CursorError {
    /// It was not made here, or for another question.
    #[error("ERR invalid cursor: it is of another question, or none")]
    Invalid,
    /// Its documents were numbered anew: the server has restarted, or the database was exchanged.
    #[error("ERR the cursor is of an earlier time: begin anew, or use ORDER BY, whose cursors stay")]
    Outdated,
    /// What documents are sorted by is too long.
    #[error("ERR what the documents are sorted by is too long for a cursor")]
    TooLong,
}

/// A checksum of a question: FNV-1a (Fowler, Noll, Vo).
pub(crate) fn checksum<'p>(parts: impl IntoIterator<Item = &'p [u8]>) -> u64 {
    let step = |sum: u64, byte: u8| (sum ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    let part = |sum: u64, part: &[u8]| {
        let ends = part.len().to_le_bytes();
        part.iter().copied().chain(ends).fold(sum, step)
    };
    parts.into_iter().fold(0xcbf2_9ce4_8422_2325, part)
}

/// The cursor of a position.
///
/// # Errors
/// If it would be too long.
pub(crate) fn write(checksum: u64, seed: u64, position: &Position) -> Result<Vec<u8>, CursorError> {
    let mut bytes = checksum.to_be_bytes().to_vec();
    if position.keys.is_empty() {
        bytes.extend_from_slice(&seed.to_be_bytes());
        bytes.extend_from_slice(&position.order.to_be_bytes());
    } else {
        for key in &position.keys {
            let key = key.as_deref();
            let length = key.map_or(0, |key| key.len() + 1);
            bytes.extend_from_slice(&u16::try_from(length).map_err(|_| CursorError::TooLong)?.to_be_bytes());
            bytes.extend_from_slice(key.unwrap_or_default());
        }
        bytes.extend_from_slice(&position.id);
    }
    if bytes.len() > BYTES_MAX {
        return Err(CursorError::TooLong);
    }
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    Ok(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect())
}

/// The position of a cursor, of a question that sorts by so many keys.
///
/// # Errors
/// If it is none of this question.
pub(crate) fn read(
    cursor: &[u8],
    checksum: u64,
    seed: u64,
    key_count: usize,
) -> Result<Position, CursorError> {
    if cursor.len() > 2 * BYTES_MAX {
        return Err(CursorError::Invalid);
    }
    let (pairs, rest) = cursor.as_chunks::<2>();
    let half = |digit: u8| char::from(digit).to_digit(16).and_then(|half| u8::try_from(half).ok());
    let bytes: Option<Vec<u8>> =
        pairs.iter().map(|[high, low]| Some(half(*high)? << 4 | half(*low)?)).collect();
    let bytes = bytes.filter(|_| rest.is_empty()).ok_or(CursorError::Invalid)?;
    let mut reader = Reader(&bytes);
    if reader.number() != Some(checksum) {
        return Err(CursorError::Invalid);
    }
    if key_count == 0 {
        let (own, order) = (reader.number(), reader.number());
        let order = order.filter(|_| reader.0.is_empty()).ok_or(CursorError::Invalid)?;
        if own != Some(seed) {
            return Err(CursorError::Outdated);
        }
        return Ok(Position { keys: Vec::new(), order, id: Box::default() });
    }
    let keys: Option<Vec<_>> = (0..key_count).map(|_| reader.key()).collect();
    Ok(Position { keys: keys.ok_or(CursorError::Invalid)?, order: 0, id: reader.0.into() })
}

struct Reader<'b>(&'b [u8]);

impl Reader<'_> {
    fn number(&mut self) -> Option<u64> {
        Some(u64::from_be_bytes(self.0.split_off(..8)?.try_into().ok()?))
    }

    fn key(&mut self) -> Option<Option<Box<[u8]>>> {
        let length = u16::from_be_bytes(self.0.split_off(..2)?.try_into().ok()?);
        match usize::from(length).checked_sub(1) {
            None => Some(None),
            Some(length) => Some(Some(self.0.split_off(..length)?.into())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_comes_back() {
        let sorted = Position {
            keys: vec![Some((*b"\x04\xc0").into()), None, Some(Box::default())],
            order: 0,
            id: (*b"id\xff").into(),
        };
        let token = write(7, 9, &sorted).unwrap();
        assert_eq!(read(&token, 7, 1, 3), Ok(sorted.clone()));
        assert_eq!(read(&token, 8, 9, 3), Err(CursorError::Invalid));
        let written = Position { keys: Vec::new(), order: 77, id: Box::default() };
        let token = write(7, 9, &written).unwrap();
        assert_eq!(read(&token, 7, 9, 0), Ok(written));
        assert_eq!(read(&token, 7, 10, 0), Err(CursorError::Outdated));
        for end in 0..token.len() {
            assert!(read(&token[..end], 7, 9, 0).is_err());
        }
        for bad in [&b"x"[..], b"zz", b"", b"0g", "é".as_bytes(), &[b'a'; 9000]] {
            assert_eq!(read(bad, 7, 9, 0), Err(CursorError::Invalid));
        }
        let long = Position { keys: vec![Some(vec![0; 5000].into())], ..sorted };
        assert_eq!(write(7, 9, &long), Err(CursorError::TooLong));
    }
}
