//! The ID of a stream's entry: a time and a number within it.

use std::fmt;

/// The ID of an entry: milliseconds of a clock, and a number among those of one millisecond. Ordered by both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StreamId {
    /// Milliseconds, since 1970 where the server made the ID.
    pub ms: u64,
    /// Number within the millisecond.
    pub seq: u64,
}

impl StreamId {
    /// The lowest ID, which no entry has.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The highest ID.
    pub const MAX: Self = Self { ms: u64::MAX, seq: u64::MAX };

    /// The ID of these two parts.
    #[must_use]
    pub const fn new(ms: u64, seq: u64) -> Self {
        Self { ms, seq }
    }

    /// The next higher ID, if there is one.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_add(1)?, seq: 0 }),
        }
    }

    /// The next lower ID, if there is one.
    #[must_use]
    pub fn previous(self) -> Option<Self> {
        match self.seq.checked_sub(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => Some(Self { ms: self.ms.checked_sub(1)?, seq: u64::MAX }),
        }
    }

    /// The ID that is `ms` and `seq` away from this one, which blocks store in 64 bits each.
    #[must_use]
    pub(super) fn offset(self, ms: i64, seq: i64) -> Self {
        Self { ms: self.ms.wrapping_add_signed(ms), seq: self.seq.wrapping_add_signed(seq) }
    }

    /// How far this ID is from `base`: what [`StreamId::offset`] takes.
    #[must_use]
    pub(super) fn distance(self, base: Self) -> (i64, i64) {
        (self.ms.wrapping_sub(base.ms).cast_signed(), self.seq.wrapping_sub(base.seq).cast_signed())
    }

    /// The ID in 16 bytes whose order is that of IDs.
    #[must_use]
    pub fn to_bytes(self) -> [u8; 16] {
        (u128::from(self.ms) << 64 | u128::from(self.seq)).to_be_bytes()
    }

    /// The ID that [`StreamId::to_bytes`] gave so.
    #[must_use]
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        let half = |bytes: &[u8]| bytes.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
        Self { ms: half(&bytes[..8]), seq: half(&bytes[8..]) }
    }

    /// Its text, without an allocation.
    #[must_use]
    pub fn text(self) -> IdText {
        let mut text = IdText { bytes: [0; IdText::BYTES_MAX], len: 0 };
        let mut digits = itoa::Buffer::new();
        text.push(digits.format(self.ms).as_bytes());
        text.push(b"-");
        text.push(digits.format(self.seq).as_bytes());
        text
    }
}

impl fmt::Display for StreamId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// The text of an ID. Dereferences to its bytes.
#[derive(Clone, Copy, Debug)]
pub struct IdText {
    bytes: [u8; Self::BYTES_MAX],
    len: usize,
}

impl IdText {
    /// Two numbers of 64 bits have up to 20 digits each.
    const BYTES_MAX: usize = 41;

    fn push(&mut self, part: &[u8]) {
        self.bytes[self.len..self.len + part.len()].copy_from_slice(part);
        self.len += part.len();
    }
}

impl std::ops::Deref for IdText {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::StreamId;

    #[test]
    fn neighbours() {
        let id = StreamId::new(5, u64::MAX);
        assert_eq!(id.next(), Some(StreamId::new(6, 0)));
        assert_eq!(id.next().and_then(StreamId::previous), Some(id));
        assert_eq!(StreamId::MAX.next(), None);
        assert_eq!(StreamId::MIN.previous(), None);
    }

    #[test]
    fn texts() {
        for id in [StreamId::MIN, StreamId::MAX, StreamId::new(1_700_000_000_000, 3)] {
            assert_eq!(*id.text(), *id.to_string().as_bytes());
            assert_eq!(StreamId::from_bytes(id.to_bytes()), id);
        }
    }

    #[test]
    fn distances_wrap() {
        let base = StreamId::new(1, 9);
        for id in [base, StreamId::new(2, 0), StreamId::MAX, StreamId::new(u64::MAX, 0)] {
            let (ms, seq) = id.distance(base);
            assert_eq!(base.offset(ms, seq), id);
        }
    }
}
