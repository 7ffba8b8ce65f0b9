//! Ziplists, which small collections were kept in before listpacks.
//!
//! ```text
//! total bytes u32 | offset of the last entry u32 | entries u16 | entry ... | 0xFF
//! entry: bytes of the entry before it: 1, or 0xFE and 4 | encoding | data
//! ```
//!
//! 65535 entries means "count them".

use super::{RdbError, RdbResult};
use crate::packed::listpack::Element;

const HEAD_BYTES: usize = 10;
const END: u8 = 0xFF;
/// Says that the length of the entry before takes four bytes more.
const LONG_BEFORE: u8 = 0xFE;
const COUNT_UNKNOWN: u16 = u16::MAX;

/// A ziplist that was checked.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ziplist<'a> {
    /// The entries' bytes.
    entries: &'a [u8],
}

/// An entry and what it says of itself.
struct ZipEntry<'a> {
    element: Element<'a>,
    /// Bytes of the entry before it, as it says.
    before: usize,
    bytes: usize,
}

impl<'a> Ziplist<'a> {
    /// A view of bytes that may be anything.
    pub(crate) fn check(bytes: &'a [u8]) -> RdbResult<Self> {
        Self::read(bytes).ok_or(RdbError::Corrupt("a corrupt ziplist"))
    }

    fn read(bytes: &'a [u8]) -> Option<Self> {
        let (head, rest) = bytes.split_first_chunk::<HEAD_BYTES>()?;
        let (&end, entries) = rest.split_last()?;
        let [total, last] =
            [0, 4].map(|at| u32::from_le_bytes([head[at], head[at + 1], head[at + 2], head[at + 3]]));
        let count = u16::from_le_bytes([head[8], head[9]]);
        if total as usize != bytes.len() || end != END {
            return None;
        }
        let (mut at, mut counted, mut before) = (0, 0, 0);
        while at < entries.len() {
            let entry = read_entry(&entries[at..])?;
            if entry.before != before {
                return None;
            }
            (at, before, counted) = (at + entry.bytes, entry.bytes, counted + 1);
        }
        let is_counted = count == COUNT_UNKNOWN || usize::from(count) == counted;
        let last_at = HEAD_BYTES + at - before;
        (is_counted && last as usize == last_at).then_some(Self { entries })
    }

    /// The elements.
    pub(crate) fn iter(self) -> impl Iterator<Item = Element<'a>> {
        let mut rest = self.entries;
        std::iter::from_fn(move || {
            let entry = read_entry(rest)?;
            rest = &rest[entry.bytes..];
            Some(entry.element)
        })
    }
}

/// The entry at the beginning of `bytes`; `None` if there is none, whole.
fn read_entry(bytes: &[u8]) -> Option<ZipEntry<'_>> {
    let (before, rest) = match bytes.split_first()? {
        (&LONG_BEFORE, rest) => {
            let (before, rest) = rest.split_first_chunk()?;
            (u32::from_le_bytes(*before) as usize, rest)
        }
        (&END, _) => return None,
        (&before, rest) => (usize::from(before), rest),
    };
    let (element, rest) = read_element(rest)?;
    Some(ZipEntry { element, before, bytes: bytes.len() - rest.len() })
}

/// An element and what lies behind it.
fn read_element(bytes: &[u8]) -> Option<(Element<'_>, &[u8])> {
    let (&encoding, rest) = bytes.split_first()?;
    match encoding {
        0..0x40 => read_text(rest, usize::from(encoding)),
        0x40..0x80 => {
            let (&low, rest) = rest.split_first()?;
            read_text(rest, usize::from(encoding & 0x3F) << 8 | usize::from(low))
        }
        0x80..0xC0 => {
            let (len, rest) = rest.split_first_chunk()?;
            read_text(rest, u32::from_be_bytes(*len) as usize)
        }
        // Between 0 and 12, in the encoding itself.
        0xF1..=0xFD => Some((Element::Integer(i64::from(encoding & 0x0F) - 1), rest)),
        _ => {
            let width = match encoding {
                0xFE => 1,
                0xC0 => 2,
                0xF0 => 3,
                0xD0 => 4,
                0xE0 => 8,
                _ => return None,
            };
            let (value, rest) = rest.split_at_checked(width)?;
            Some((Element::Integer(integer(value)), rest))
        }
    }
}

fn read_text(bytes: &[u8], len: usize) -> Option<(Element<'_>, &[u8])> {
    let (text, rest) = bytes.split_at_checked(len)?;
    Some((Element::Bytes(text), rest))
}

/// A signed integer of up to eight bytes, the lowest first.
fn integer(bytes: &[u8]) -> i64 {
    let is_negative = bytes.last().is_some_and(|byte| byte & 0x80 != 0);
    let mut word = if is_negative { [0xFF; 8] } else { [0; 8] };
    word[..bytes.len()].copy_from_slice(bytes);
    i64::from_le_bytes(word)
}
