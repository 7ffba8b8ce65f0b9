//! Zipmaps, which small hashes were kept in before ziplists.
//!
//! ```text
//! fields u8 | field ... | 0xFF          254 fields or more means "count them"
//! field: length | name | length | unused u8 | value | unused bytes
//! length: 1 byte below 254, or 254 and 4 bytes
//! ```

use super::{RdbError, RdbResult};
use crate::packed::listpack::Element;

const END: u8 = 0xFF;
/// Says that a length takes four bytes more, or that fields are to be counted.
const LONG: u8 = 0xFE;

/// A zipmap that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Zipmap<'a> {
    /// The fields' bytes.
    fields: &'a [u8],
}

impl<'a> Zipmap<'a> {
    /// A view of bytes that may be anything.
    pub(crate) fn check(bytes: &'a [u8]) -> RdbResult<Self> {
        Self::read(bytes).ok_or(RdbError::Corrupt("a corrupt zipmap"))
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (&count, rest) = bytes.split_first()?;
        let (&end, fields) = rest.split_last()?;
        let (mut rest, mut counted) = (fields, 0usize);
        while !rest.is_empty() {
            rest = read_field(rest)?.1;
            counted += 1;
        }
        let is_counted = count >= LONG || usize::from(count) == counted;
        (end == END && is_counted).then_some(Self { fields })
    }

    /// Names and values in turn.
    pub(crate) fn iter(self) -> impl Iterator<Item = Element<'a>> {
        let mut rest = self.fields;
        let fields = std::iter::from_fn(move || {
            let (field, behind) = read_field(rest)?;
            rest = behind;
            Some(field)
        });
        fields.flatten().map(Element::Bytes)
    }
}

/// Name and value of the field at the beginning of `bytes`, and what lies behind it.
fn read_field(bytes: &[u8]) -> Option<([&[u8]; 2], &[u8])> {
    let (name_len, rest) = read_len(bytes)?;
    let (name, rest) = rest.split_at_checked(name_len)?;
    let (value_len, rest) = read_len(rest)?;
    let (&unused, rest) = rest.split_first()?;
    let (value, rest) = rest.split_at_checked(value_len)?;
    let (_, rest) = rest.split_at_checked(usize::from(unused))?;
    Some(([name, value], rest))
}

fn read_len(bytes: &[u8]) -> Option<(usize, &[u8])> {
    match bytes.split_first()? {
        (&END, _) => None,
        (&LONG, rest) => {
            let (len, rest) = rest.split_first_chunk()?;
            Some((u32::from_le_bytes(*len) as usize, rest))
        }
        (&len, rest) => Some((usize::from(len), rest)),
    }
}
