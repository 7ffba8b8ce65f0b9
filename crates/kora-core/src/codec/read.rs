//! Reading numbers and strings.

use std::borrow::Cow;

use super::format::{length, packed};
use super::{RdbError, RdbResult, lzf};

/// A place in bytes that may end early.
#[derive(Clone, Debug)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A length, or the packing of a string, which stands in the same place.
enum Length {
    /// A length.
    Plain(u64),
    /// How a string is packed.
    Packed(u8),
}

/// Where a string lies and what its bytes are.
enum Text<'a> {
    Plain(&'a [u8]),
    Integer(i64),
    Lzf { packed: &'a [u8], len: usize },
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// Bytes read so far.
    pub(crate) fn at(&self) -> usize {
        self.at
    }

    /// The bytes read since `start`.
    pub(crate) fn since(&self, start: usize) -> &'a [u8] {
        self.bytes.get(start..self.at).unwrap_or_default()
    }

    pub(crate) fn take(&mut self, len: usize) -> RdbResult<&'a [u8]> {
        let left = self.bytes.get(self.at..).unwrap_or_default();
        let taken = left.get(..len).ok_or_else(|| RdbError::Incomplete(len - left.len()))?;
        self.at += len;
        Ok(taken)
    }

    fn array<const N: usize>(&mut self) -> RdbResult<[u8; N]> {
        self.take(N).map(|bytes| *bytes.first_chunk().expect("just as many were taken"))
    }

    pub(crate) fn byte(&mut self) -> RdbResult<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    /// Eight bytes, the lowest first.
    pub(crate) fn u64_le(&mut self) -> RdbResult<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64_le(&mut self) -> RdbResult<i64> {
        self.array().map(i64::from_le_bytes)
    }

    pub(crate) fn i32_le(&mut self) -> RdbResult<i32> {
        self.array().map(i32::from_le_bytes)
    }

    pub(crate) fn f64_le(&mut self) -> RdbResult<f64> {
        self.array().map(f64::from_le_bytes)
    }

    /// Sixteen bytes, such as an ID of a stream.
    pub(crate) fn id(&mut self) -> RdbResult<[u8; 16]> {
        self.array()
    }

    fn any_length(&mut self) -> RdbResult<Length> {
        let first = self.byte()?;
        Ok(Length::Plain(match first {
            0..0x40 => u64::from(first),
            0x40..0x80 => u64::from(first & 0x3F) << 8 | u64::from(self.byte()?),
            length::BITS_32 => u64::from(u32::from_be_bytes(self.array()?)),
            length::BITS_64 => u64::from_be_bytes(self.array()?),
            length::PACKED.. => return Ok(Length::Packed(first & 0x3F)),
            _ => return Err(RdbError::Corrupt("a length of an unknown form")),
        }))
    }

    /// A number that is laid down like a length.
    pub(crate) fn number(&mut self) -> RdbResult<u64> {
        match self.any_length()? {
            Length::Plain(len) => Ok(len),
            Length::Packed(_) => Err(RdbError::Corrupt("a packed string instead of a length")),
        }
    }

    fn len(&mut self) -> RdbResult<usize> {
        usize::try_from(self.number()?).map_err(|_| RdbError::Corrupt("a length beyond all memory"))
    }

    fn raw_text(&mut self) -> RdbResult<Text<'a>> {
        let kind = match self.any_length()? {
            Length::Packed(kind) => kind,
            Length::Plain(len) => {
                let len =
                    usize::try_from(len).map_err(|_| RdbError::Corrupt("a length beyond all memory"))?;
                return self.take(len).map(Text::Plain);
            }
        };
        match kind {
            packed::INT8 => Ok(Text::Integer(i8::from_le_bytes(self.array()?).into())),
            packed::INT16 => Ok(Text::Integer(i16::from_le_bytes(self.array()?).into())),
            packed::INT32 => Ok(Text::Integer(i32::from_le_bytes(self.array()?).into())),
            packed::LZF => {
                let (packed_len, len) = (self.len()?, self.len()?);
                Ok(Text::Lzf { packed: self.take(packed_len)?, len })
            }
            _ => Err(RdbError::Corrupt("a string packed in an unknown way")),
        }
    }

    /// A string.
    pub(crate) fn text(&mut self) -> RdbResult<Cow<'a, [u8]>> {
        match self.raw_text()? {
            Text::Plain(bytes) => Ok(Cow::Borrowed(bytes)),
            Text::Integer(value) => Ok(Cow::Owned(itoa::Buffer::new().format(value).as_bytes().to_vec())),
            Text::Lzf { packed, len } => lzf::decompress(packed, len)
                .map(Cow::Owned)
                .ok_or(RdbError::Corrupt("a string that can't be decompressed")),
        }
    }

    /// Passes over a string.
    pub(crate) fn skip_text(&mut self) -> RdbResult<()> {
        self.raw_text().map(drop)
    }

    /// Passes over a name and a value.
    pub(crate) fn skip_pair(&mut self) -> RdbResult<()> {
        self.skip_text()?;
        self.skip_text()
    }

    /// Passes over numbers.
    pub(crate) fn skip_numbers(&mut self, count: usize) -> RdbResult<()> {
        (0..count).try_for_each(|_| self.number().map(drop))
    }

    /// Passes over as many things as a number before them says. Each has at least a byte: it ends where the bytes do.
    pub(crate) fn skip_each(&mut self, skip: impl Fn(&mut Self) -> RdbResult<()>) -> RdbResult<()> {
        (0..self.number()?).try_for_each(|_| skip(self))
    }
}
