//! Numbers in as few bytes as they need: seven bits each, the least significant first, the top bit set on all but the last.

/// Appends a number of 64 bits; most have one byte or two. Complexity: O(bytes written).
#[inline]
pub(crate) fn write_short<A: smallvec::Array<Item = u8>>(bytes: &mut smallvec::SmallVec<A>, number: u64) {
    let low = low_seven(number.into());
    match number {
        0..0x80 => bytes.push(low),
        0x80..0x4000 => {
            bytes.push(low | 0x80);
            bytes.push(low_seven((number >> 7).into()));
        }
        _ => write(bytes, number.into()),
    }
}

/// Appends a number. Complexity: O(bytes written), 1 to 19.
pub(crate) fn write<A: smallvec::Array<Item = u8>>(bytes: &mut smallvec::SmallVec<A>, mut number: u128) {
    while number >= 0x80 {
        bytes.push(low_seven(number) | 0x80);
        number >>= 7;
    }
    bytes.push(low_seven(number));
}

/// Appends a number to a plain buffer.
pub(crate) fn push(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(low_seven(u128::from(number)) | 0x80);
        number >>= 7;
    }
    bytes.push(low_seven(u128::from(number)));
}

/// Bytes that a number takes.
pub(crate) fn length(number: u64) -> usize {
    let bits = (u64::BITS - number.leading_zeros()).max(1);
    bits.div_ceil(7) as usize
}

fn low_seven(number: u128) -> u8 {
    (number & 0x7f) as u8
}

/// Reads numbers from bytes that this module wrote. Past the end it reads zeros.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Reader<'a> {
    /// What is still to be read.
    pub(crate) rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Reads from the start of some bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Whether all is read.
    pub(crate) fn is_done(&self) -> bool {
        self.rest.is_empty()
    }

    /// The next number of at most 64 bits.
    #[inline]
    pub(crate) fn read(&mut self) -> u64 {
        let Some((&first, rest)) = self.rest.split_first() else { return 0 };
        self.rest = rest;
        if first < 0x80 {
            return u64::from(first);
        }
        self.read_long(first)
    }

    /// The next number, of 32 bits or a little more, where one byte is about as likely as two: they are told apart without a branch.
    #[inline]
    pub(crate) fn read_even(&mut self) -> u64 {
        match self.rest {
            [first, second, ..] if first & second < 0x80 => {
                let more = first >> 7;
                let upper = second & more.wrapping_neg();
                self.rest = &self.rest[usize::from(1 + more)..];
                u64::from(first & 0x7f) | u64::from(upper) << 7
            }
            _ => self.read(),
        }
    }

    fn read_long(&mut self, first: u8) -> u64 {
        let mut number = u64::from(first & 0x7f);
        let mut shift = 7;
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            number |= u64::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        number
    }

    /// The next number that was written as one of 32 bits.
    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "it was written as 32 bits")]
    pub(crate) fn read32(&mut self) -> u32 {
        self.read() as u32
    }

    /// The next number that was written as a length.
    #[inline]
    pub(crate) fn read_length(&mut self) -> usize {
        usize::try_from(self.read()).unwrap_or(usize::MAX)
    }

    /// The next number of at most 128 bits.
    #[inline]
    pub(crate) fn read_wide(&mut self) -> u128 {
        match self.rest {
            [first, rest @ ..] if *first < 0x80 => {
                self.rest = rest;
                u128::from(*first)
            }
            _ => self.read_long_wide(),
        }
    }

    fn read_long_wide(&mut self) -> u128 {
        let mut number = 0_u128;
        let mut shift = 0;
        while let Some((&byte, rest)) = self.rest.split_first() {
            self.rest = rest;
            number |= u128::from(byte & 0x7f).checked_shl(shift).unwrap_or(0);
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        number
    }

    /// Goes past so many numbers, or all that there are. Complexity: O(their bytes), eight at a time.
    pub(crate) fn skip(&mut self, mut count: usize) {
        while let Some((word, rest)) = self.rest.split_first_chunk::<8>() {
            let ends = (!u64::from_le_bytes(*word) & 0x8080_8080_8080_8080).count_ones() as usize;
            // With the last of them, a number may begin that is to stay.
            if ends >= count {
                break;
            }
            count -= ends;
            self.rest = rest;
        }
        for _ in 0..count {
            self.take_one();
        }
    }

    /// The bytes of the next number.
    #[inline]
    pub(crate) fn take_one(&mut self) -> &'a [u8] {
        let length = match self.rest {
            [first, ..] if *first < 0x80 => 1,
            rest => rest.iter().position(|byte| *byte < 0x80).map_or(0, |at| at + 1),
        };
        self.take(length)
    }

    /// The next bytes, as many as there are at most.
    #[inline]
    pub(crate) fn take(&mut self, length: usize) -> &'a [u8] {
        let (taken, rest) = self.rest.split_at(length.min(self.rest.len()));
        self.rest = rest;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_skipped_as_they_are_read() {
        let numbers: Vec<u64> = (0..200).map(|at| (at * at * 7919) % (1 << (at % 40 + 1))).collect();
        let mut bytes = Vec::new();
        numbers.iter().for_each(|number| push(&mut bytes, *number));
        for count in 0..numbers.len() {
            for from in [0, 1, 7, 60] {
                let mut reader = Reader::new(&bytes);
                for expected in &numbers[..from] {
                    assert_eq!(reader.read(), *expected);
                }
                reader.skip(count);
                let expected = numbers.get(from + count).copied().unwrap_or(0);
                assert_eq!(reader.read(), expected, "{from} and {count}");
            }
        }
    }
}
