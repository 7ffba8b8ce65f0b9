//! Reads replies: bytes in, trees out.
//!
//! The decoder owns the bytes it was fed and not yet understood, and a stack of aggregates that are still open; so a
//! reply may arrive in any pieces, and each byte is looked at a constant number of times. Nesting is bounded, and
//! nothing is allocated because a header announces it.
//!
//! RESP3's streamed types (`$?`, `*?`) are not accepted: no server sends them.

use memchr::memchr;

use crate::frame::Frame;
use crate::integer::parse_i64;

/// Deepest nesting accepted; Redis itself nests replies less than ten deep, scripts aside.
pub const DEPTH_MAX: usize = 128;

/// Buffer kept once everything in it was understood, in bytes.
const BUFFER_BYTES_KEPT: usize = 1024 * 1024;

/// Why bytes are not a reply. The decoder is of no use afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DecodeError {
    /// A reply starts with a byte that names no type.
    #[error("invalid reply: no type is named by byte {0:#04x}")]
    UnknownType(u8),
    /// A length or count is no integer, or out of range.
    #[error("invalid reply: bad length")]
    BadLength,
    /// An integer is none.
    #[error("invalid reply: bad integer")]
    BadInteger,
    /// A double is none.
    #[error("invalid reply: bad double")]
    BadDouble,
    /// A boolean is neither `t` nor `f`.
    #[error("invalid reply: bad boolean")]
    BadBoolean,
    /// A big number has other bytes than digits.
    #[error("invalid reply: bad big number")]
    BadBigNumber,
    /// A verbatim string has no format.
    #[error("invalid reply: bad verbatim string")]
    BadVerbatim,
    /// A line or a payload does not end with CR LF.
    #[error("invalid reply: line end expected")]
    MissingLineEnd,
    /// Aggregates are nested too deep.
    #[error("invalid reply: nested too deep")]
    TooDeep,
}

/// Decodes a stream of replies.
#[derive(Debug, Default)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Offset of the first byte that belongs to no finished item.
    at: usize,
    /// Bytes of the unfinished line at `at` that are known not to end it.
    scanned: usize,
    /// The aggregates around `at`, outermost first.
    open: Vec<Aggregate>,
}

/// An aggregate whose elements are still arriving.
#[derive(Debug)]
struct Aggregate {
    kind: Kind,
    /// Elements to come; never 0 while the aggregate is on the stack.
    missing: usize,
    elements: Vec<Frame>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Array,
    Map,
    Set,
    Push,
    /// The pairs of an attribute.
    Attribute,
    /// An attribute whose pairs are known and whose reply is awaited; `elements` are the pairs.
    Described,
}

/// What one header leads to.
enum Item {
    Leaf(Frame),
    Open(Kind, usize),
}

impl Decoder {
    /// A decoder at the beginning of a reply.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in bytes as they came.
    pub fn feed(&mut self, bytes: &[u8]) {
        // What is understood is dropped once it is most of the buffer, so that each byte moves O(1) times.
        if self.at > self.buffer.len() / 2 {
            self.buffer.drain(..self.at);
            self.at = 0;
        }
        if self.buffer.is_empty() {
            self.buffer.shrink_to(BUFFER_BYTES_KEPT);
        }
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole reply, or `None` until more bytes are fed.
    ///
    /// # Errors
    /// If the bytes are no reply; every later call fails too.
    pub fn next_frame(&mut self) -> Result<Option<Frame>, DecodeError> {
        while let Some(item) = self.item()? {
            let finished = match item {
                Item::Leaf(frame) => self.place(frame),
                Item::Open(kind, len) => self.open(kind, len)?,
            };
            if finished.is_some() {
                return Ok(finished);
            }
        }
        Ok(None)
    }

    /// Whether a reply has begun and is not yet whole.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        !self.open.is_empty() || self.at < self.buffer.len()
    }

    /// Opens an aggregate of `len` elements; returns the reply that it completes if it has none.
    fn open(&mut self, kind: Kind, len: usize) -> Result<Option<Frame>, DecodeError> {
        let described = kind == Kind::Attribute && len == 0;
        let (kind, missing) = if described { (Kind::Described, 1) } else { (kind, len) };
        if missing == 0 {
            return Ok(self.place(kind.build(Vec::new())));
        }
        if self.open.len() >= DEPTH_MAX {
            return Err(DecodeError::TooDeep);
        }
        self.open.push(Aggregate { kind, missing, elements: Vec::new() });
        Ok(None)
    }

    /// Puts a finished frame where it belongs, finishing the aggregates that end with it; returns it if none is left.
    fn place(&mut self, frame: Frame) -> Option<Frame> {
        let mut frame = frame;
        while let Some(mut aggregate) = self.open.pop() {
            aggregate.elements.push(frame);
            aggregate.missing = aggregate.missing.saturating_sub(1);
            if aggregate.missing == 0 && aggregate.kind == Kind::Attribute {
                aggregate.kind = Kind::Described;
                aggregate.missing = 1;
                self.open.push(aggregate);
                return None;
            }
            if aggregate.missing > 0 {
                self.open.push(aggregate);
                return None;
            }
            frame = aggregate.kind.build(aggregate.elements);
        }
        Some(frame)
    }

    /// The next header and, for strings, what it announces; `None` until all of it is there.
    fn item(&mut self) -> Result<Option<Item>, DecodeError> {
        let Some((line, next)) = self.line()? else { return Ok(None) };
        let Some((kind, text)) = line.split_first() else { return Err(DecodeError::UnknownType(b'\r')) };
        let leaf = match kind {
            b'$' | b'=' | b'!' => {
                let (kind, len) = (*kind, length(text)?);
                return self.string(kind, len, next);
            }
            b'*' | b'%' | b'~' | b'>' | b'|' => {
                let item = aggregate(*kind, length(text)?)?;
                self.advance(next);
                return Ok(Some(item));
            }
            b'+' => Frame::Simple(text.to_vec()),
            b'-' => Frame::Error(text.to_vec()),
            b':' => Frame::Integer(parse_i64(text).ok_or(DecodeError::BadInteger)?),
            b'_' if text.is_empty() => Frame::Null,
            b'#' => Frame::Boolean(boolean(text)?),
            b',' => Frame::Double(double(text)?),
            b'(' => Frame::BigNumber(big_number(text)?),
            other => return Err(DecodeError::UnknownType(*other)),
        };
        self.advance(next);
        Ok(Some(Item::Leaf(leaf)))
    }

    /// The line at `at` without its end, and the offset after it.
    fn line(&mut self) -> Result<Option<(&[u8], usize)>, DecodeError> {
        let rest = self.buffer.get(self.at..).unwrap_or_default();
        let Some(found) = memchr(b'\r', rest.get(self.scanned..).unwrap_or_default()) else {
            self.scanned = rest.len();
            return Ok(None);
        };
        let end = self.scanned.saturating_add(found);
        self.scanned = end;
        match rest.get(end.saturating_add(1)) {
            None => Ok(None),
            Some(b'\n') => {
                let next = self.at.saturating_add(end).saturating_add(2);
                Ok(Some((rest.get(..end).unwrap_or_default(), next)))
            }
            Some(_) => Err(DecodeError::MissingLineEnd),
        }
    }

    /// The string of `len` bytes at `start`. Its header stays unread until the payload is there: it is short, and its
    /// end is remembered.
    fn string(&mut self, kind: u8, len: Option<usize>, start: usize) -> Result<Option<Item>, DecodeError> {
        let Some(len) = len else {
            self.advance(start);
            return if kind == b'$' {
                Ok(Some(Item::Leaf(Frame::Null)))
            } else {
                Err(DecodeError::BadLength)
            };
        };
        let end = start.checked_add(len).ok_or(DecodeError::BadLength)?;
        let next = end.checked_add(2).ok_or(DecodeError::BadLength)?;
        let Some(payload) = self.buffer.get(start..end) else { return Ok(None) };
        let Some(line_end) = self.buffer.get(end..next) else { return Ok(None) };
        if line_end != b"\r\n" {
            return Err(DecodeError::MissingLineEnd);
        }
        let frame = match kind {
            b'!' => Frame::BlobError(payload.to_vec()),
            b'=' => verbatim(payload)?,
            _ => Frame::Bulk(payload.to_vec()),
        };
        self.advance(next);
        Ok(Some(Item::Leaf(frame)))
    }

    fn advance(&mut self, next: usize) {
        self.at = next;
        self.scanned = 0;
    }
}

impl Kind {
    /// The frame that an aggregate of this kind is, once its elements are known.
    fn build(self, mut elements: Vec<Frame>) -> Frame {
        match self {
            Self::Array => Frame::Array(elements),
            Self::Set => Frame::Set(elements),
            Self::Push => Frame::Push(elements),
            Self::Map | Self::Attribute => Frame::Map(pairs(elements)),
            Self::Described => {
                let frame = elements.pop().expect("a described reply is pushed last");
                Frame::Attributed { attributes: pairs(elements), frame: Box::new(frame) }
            }
        }
    }
}

fn pairs(elements: Vec<Frame>) -> Vec<(Frame, Frame)> {
    let mut elements = elements.into_iter();
    std::iter::from_fn(|| elements.next().zip(elements.next())).collect()
}

/// A length or count; `None` for the -1 that stands for absence in RESP2.
fn length(text: &[u8]) -> Result<Option<usize>, DecodeError> {
    match parse_i64(text) {
        Some(-1) => Ok(None),
        Some(value) => usize::try_from(value).map(Some).map_err(|_| DecodeError::BadLength),
        None => Err(DecodeError::BadLength),
    }
}

fn aggregate(kind: u8, len: Option<usize>) -> Result<Item, DecodeError> {
    let Some(len) = len else {
        return if kind == b'*' { Ok(Item::Leaf(Frame::NullArray)) } else { Err(DecodeError::BadLength) };
    };
    let twice = len.checked_mul(2).ok_or(DecodeError::BadLength);
    Ok(match kind {
        b'%' => Item::Open(Kind::Map, twice?),
        b'|' => Item::Open(Kind::Attribute, twice?),
        b'~' => Item::Open(Kind::Set, len),
        b'>' => Item::Open(Kind::Push, len),
        _ => Item::Open(Kind::Array, len),
    })
}

fn boolean(text: &[u8]) -> Result<bool, DecodeError> {
    match text {
        b"t" => Ok(true),
        b"f" => Ok(false),
        _ => Err(DecodeError::BadBoolean),
    }
}

fn double(text: &[u8]) -> Result<f64, DecodeError> {
    let text = std::str::from_utf8(text).map_err(|_| DecodeError::BadDouble)?;
    text.parse().map_err(|_| DecodeError::BadDouble)
}

fn big_number(text: &[u8]) -> Result<Vec<u8>, DecodeError> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(DecodeError::BadBigNumber);
    }
    Ok(text.to_vec())
}

fn verbatim(payload: &[u8]) -> Result<Frame, DecodeError> {
    match payload.split_first_chunk::<4>() {
        Some((&[a, b, c, b':'], text)) => Ok(Frame::Verbatim { format: [a, b, c], text: text.to_vec() }),
        _ => Err(DecodeError::BadVerbatim),
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, reason = "tests may panic")]
mod tests;
