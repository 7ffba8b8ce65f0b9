//! Requests, parsed where they lie in the read buffer.
//!
//! A request is a multibulk array of bulk strings, or one line of words. The parser yields arguments as ranges into the
//! buffer and copies nothing, save for inline requests with quotes, whose unquoted words live in a buffer of its own.
//!
//! The caller always offers a buffer that begins with the frame's first byte. A frame that is not yet whole leaves the
//! parser remembering how far it came, so that offering the same frame with more bytes costs only the new ones: a frame
//! of `n` bytes costs O(n) in total, in whatever pieces it arrives.
//!
//! As in Redis, neither the byte after a carriage return nor the two bytes after an argument are looked at. A NUL in a
//! length is an invalid length at once; Redis waits until the line is too long.

use memchr::{memchr, memchr2};

use crate::integer::parse_i64;
use crate::limits::{LINE_BYTES_MAX, Limits, ProtocolError};
use crate::line::{ends_word, take_word, trim_blanks};

/// Longest frame in bytes: what a [`Span`] can address.
const FRAME_BYTES_MAX: usize = u32::MAX as usize;

/// Bytes of a header's or an argument's end.
const CRLF_BYTES: usize = 2;

/// Most spans reserved before any of their bytes has arrived.
const SPANS_RESERVED_MAX: usize = 64;

/// Side buffer kept from one quoted inline request to the next, in bytes.
const SIDE_BYTES_KEPT: usize = 1024;

/// Where an argument lies in the bytes of its request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset after the last byte.
    pub end: u32,
}

impl Span {
    /// The argument itself, given the bytes that [`RequestParser::source`] names; empty if the span lies outside.
    #[must_use]
    #[inline]
    pub fn slice(self, source: &[u8]) -> &[u8] {
        source.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    #[expect(clippy::cast_possible_truncation, reason = "a frame is at most FRAME_BYTES_MAX long")]
    #[inline]
    fn new(start: usize, end: usize) -> Self {
        debug_assert!(start <= end && end <= FRAME_BYTES_MAX, "a span lies in its frame");
        Self { start: start as u32, end: end as u32 }
    }
}

/// Which bytes the spans of a request refer to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// The buffer that was parsed.
    Buffer,
    /// The parser's own buffer of unquoted words.
    Side,
}

/// A whole request. Its arguments are in the span list that was given to [`RequestParser::parse`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Length of the frame in bytes; the next one begins after it.
    pub consumed: usize,
    /// Which bytes the spans refer to; [`RequestParser::source`] resolves it.
    pub source: Source,
}

/// Finds the requests in one connection's bytes.
///
/// Invariant: between calls, `missing > 0` exactly if the frame's count has been read; then `partial` holds the spans
/// found so far, and `at` is where the next header, or the payload that `bulk` announces, begins.
#[derive(Debug, Default)]
pub struct RequestParser {
    at: usize,
    missing: u32,
    bulk: Option<usize>,
    /// Bytes of the unfinished line at `at` that are known not to end it.
    scanned: usize,
    partial: Vec<Span>,
    side: Vec<u8>,
}

impl RequestParser {
    /// A parser at the beginning of a frame.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Parses the frame at the beginning of `buf`. If it is whole, `spans` holds its arguments (none if the request is
    /// empty) and the parser is ready for the next frame. If it is not, `spans` is left empty, and the next call must
    /// offer the same bytes followed by more.
    ///
    /// Complexity: O(bytes not seen by an earlier call).
    ///
    /// # Errors
    /// If the bytes break the protocol: tell the connection and close it. The parser must then be [`Self::reset`].
    #[inline]
    pub fn parse(
        &mut self,
        buf: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        spans.clear();
        let frame = buf.get(..FRAME_BYTES_MAX).unwrap_or(buf);
        if self.missing > 0 {
            return self.resume(frame, limits, spans);
        }
        match frame.first() {
            Some(b'*') => {}
            Some(_) => return self.inline(frame, spans),
            None => return Ok(None),
        }
        match self.count(frame, limits)? {
            Some(0) => return Ok(Some(self.finish(Source::Buffer))),
            Some(count) => self.missing = count,
            None => return Ok(None),
        }
        spans.reserve(SPANS_RESERVED_MAX.min(self.missing as usize));
        self.arguments(frame, limits, spans)
    }

    /// The bytes that a request's spans refer to; `buf` is what was parsed.
    #[must_use]
    #[inline]
    pub fn source<'a>(&'a self, request: &Request, buf: &'a [u8]) -> &'a [u8] {
        match request.source {
            Source::Buffer => buf,
            Source::Side => &self.side,
        }
    }

    /// A length below which the buffer of an unfinished frame cannot complete another argument. A hint for reading: it
    /// is what the peer announced, so reserve no more than a fixed amount on its strength.
    #[must_use]
    pub fn wanted(&self) -> usize {
        match self.bulk {
            Some(length) => self.at.saturating_add(length).saturating_add(CRLF_BYTES),
            None => self.at.saturating_add(self.scanned).saturating_add(1),
        }
    }

    /// Bytes at the beginning of an unfinished frame that are done with: its count, the arguments that are whole, and the header of the
    /// one that comes.
    #[must_use]
    pub fn settled(&self) -> usize {
        if self.missing > 0 { self.at } else { 0 }
    }

    /// Bytes allocated for what is known of an unfinished frame, and for unquoted words.
    #[must_use]
    pub fn allocated_bytes(&self) -> usize {
        self.partial.capacity().saturating_mul(size_of::<Span>()).saturating_add(self.side.capacity())
    }

    /// Whether a frame has begun and is not yet whole.
    #[must_use]
    pub fn is_mid_frame(&self) -> bool {
        self.missing > 0 || self.scanned > 0
    }

    /// Forgets the unfinished frame.
    pub fn reset(&mut self) {
        *self = Self::default();
    }

    /// Takes up a frame whose count has been read.
    #[cold]
    fn resume(
        &mut self,
        frame: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        std::mem::swap(spans, &mut self.partial);
        // A header of which a part was searched is finished here, so that `scanned` is 0 whenever the loop reads one.
        if self.scanned > 0 {
            match self.bulk_header_slow(frame, self.at, limits)? {
                Some((payload, length)) => (self.at, self.bulk) = (payload, Some(length)),
                None => return self.suspend(frame, self.at, self.missing, None, spans),
            }
        }
        self.arguments(frame, limits, spans)
    }

    /// Reads the arguments that are still missing.
    #[inline]
    fn arguments(
        &mut self,
        frame: &[u8],
        limits: &Limits,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        let mut at = self.at;
        let mut missing = self.missing;
        let mut rest = frame.get(at..).unwrap_or_default();
        let mut resumed = self.bulk.take().map(|length| (0, length));
        while missing > 0 {
            let short = resumed.take().or_else(|| short_header(rest, b'$'));
            let (header_bytes, length) = match short {
                Some((header_bytes, length)) if length as u64 <= limits.bulk_bytes_max() => {
                    (header_bytes, length)
                }
                _ => match self.bulk_header_slow(frame, at, limits)? {
                    Some((payload, length)) => (payload.wrapping_sub(at), length),
                    None => return self.suspend(frame, at, missing, None, spans),
                },
            };
            // No sum can overflow: offsets are within the frame, and a length passes for one only up to `i64::MAX`.
            let bytes = header_bytes.wrapping_add(length).wrapping_add(CRLF_BYTES);
            let start = at.wrapping_add(header_bytes);
            let Some(after) = rest.get(bytes..) else {
                return self.suspend(frame, start, missing, Some(length), spans);
            };
            spans.push(Span::new(start, start.wrapping_add(length)));
            rest = after;
            at = at.wrapping_add(bytes);
            missing = missing.wrapping_sub(1);
        }
        self.at = at;
        Ok(Some(self.finish(Source::Buffer)))
    }

    /// Ends the frame at `self.at`.
    #[inline]
    fn finish(&mut self, source: Source) -> Request {
        let consumed = std::mem::take(&mut self.at);
        self.missing = 0;
        self.scanned = 0;
        Request { consumed, source }
    }

    /// Remembers an unfinished frame. The spans change hands instead of being copied: were they copied at each call,
    /// a frame of many arguments in small pieces would cost the square of its length.
    #[cold]
    fn suspend(
        &mut self,
        frame: &[u8],
        at: usize,
        missing: u32,
        bulk: Option<usize>,
        spans: &mut Vec<Span>,
    ) -> Result<Option<Request>, ProtocolError> {
        if frame.len() == FRAME_BYTES_MAX {
            return Err(ProtocolError::InvalidBulkLength);
        }
        self.at = at;
        self.missing = missing;
        self.bulk = bulk;
        std::mem::swap(spans, &mut self.partial);
        spans.clear();
        Ok(None)
    }

    /// The count of arguments that opens a frame; on success `self.at` is behind it.
    #[inline]
    fn count(&mut self, frame: &[u8], limits: &Limits) -> Result<Option<u32>, ProtocolError> {
        if let Some((header_bytes, count)) = short_header(frame, b'*')
            && let Ok(count) = u32::try_from(count)
            && count <= limits.arguments_max()
        {
            self.at = header_bytes;
            self.scanned = 0;
            return Ok(Some(count));
        }
        let Some((announced, next)) = self.length_line(frame, 0, ProtocolError::TooBigMultibulkCount)? else {
            return Ok(None);
        };
        self.at = next;
        limits.arguments(parse_i64(announced)).map(Some)
    }

    /// The length of the argument whose header is at `at`, after the offset of its payload. For headers that are long,
    /// incomplete or wrong: [`short_header`] sees the others.
    #[cold]
    fn bulk_header_slow(
        &mut self,
        frame: &[u8],
        at: usize,
        limits: &Limits,
    ) -> Result<Option<(usize, usize)>, ProtocolError> {
        let Some((announced, payload)) = self.length_line(frame, at, ProtocolError::TooBigBulkCount)? else {
            return Ok(None);
        };
        match frame.get(at) {
            Some(b'$') => {}
            found => return Err(ProtocolError::ExpectedBulk(found.copied().unwrap_or_default())),
        }
        Ok(Some((payload, limits.bulk_bytes(parse_i64(announced))?)))
    }

    /// The text between the type byte at `at` and the carriage return, and the offset after the line; `None` until the
    /// line has ended, `too_big` if it is too long to be waited for.
    fn length_line<'a>(
        &mut self,
        frame: &'a [u8],
        at: usize,
        too_big: ProtocolError,
    ) -> Result<Option<(&'a [u8], usize)>, ProtocolError> {
        let rest = frame.get(at..).unwrap_or_default();
        let line = rest.get(..=LINE_BYTES_MAX).unwrap_or(rest);
        match memchr(b'\r', line.get(self.scanned..).unwrap_or_default()) {
            Some(found) => {
                let end = self.scanned.saturating_add(found);
                let bytes = end.saturating_add(CRLF_BYTES);
                if rest.len() < bytes {
                    self.scanned = end;
                    return Ok(None);
                }
                self.scanned = 0;
                Ok(Some((line.get(1..end).unwrap_or_default(), at.saturating_add(bytes))))
            }
            None if rest.len() > LINE_BYTES_MAX => Err(too_big),
            None => {
                self.scanned = line.len();
                Ok(None)
            }
        }
    }

    /// A request that is one line of words.
    #[cold]
    fn inline(&mut self, frame: &[u8], spans: &mut Vec<Span>) -> Result<Option<Request>, ProtocolError> {
        let line = frame.get(..=LINE_BYTES_MAX).unwrap_or(frame);
        let Some(found) = memchr(b'\n', line.get(self.scanned..).unwrap_or_default()) else {
            if frame.len() > LINE_BYTES_MAX {
                return Err(ProtocolError::TooBigInline);
            }
            self.scanned = line.len();
            return Ok(None);
        };
        let end = self.scanned.saturating_add(found);
        self.at = end.saturating_add(1);
        let text = line.get(..end).unwrap_or_default();
        if memchr2(b'"', b'\'', text).is_none() {
            plain_words(text, spans);
            return Ok(Some(self.finish(Source::Buffer)));
        }
        self.quoted_words(text, spans)?;
        Ok(Some(self.finish(Source::Side)))
    }

    /// Unquotes the words of an inline request into the side buffer.
    fn quoted_words(&mut self, text: &[u8], spans: &mut Vec<Span>) -> Result<(), ProtocolError> {
        self.side.clear();
        self.side.shrink_to(SIDE_BYTES_KEPT);
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let mut rest = text;
        loop {
            let start = self.side.len();
            match take_word(rest, &mut self.side) {
                Ok(Some(after)) => rest = after,
                Ok(None) => return Ok(()),
                Err(_) => return Err(ProtocolError::UnbalancedQuotes),
            }
            spans.push(Span::new(start, self.side.len()));
        }
    }
}

/// Finds the words of a line that has no quotes. A carriage return at its end is a blank like the others.
fn plain_words(text: &[u8], spans: &mut Vec<Span>) {
    let mut rest = trim_blanks(text);
    while !rest.is_empty() {
        let start = text.len().saturating_sub(rest.len());
        let length = rest.iter().position(|byte| ends_word(*byte)).unwrap_or(rest.len());
        spans.push(Span::new(start, start.saturating_add(length)));
        rest = trim_blanks(rest.get(length..).unwrap_or_default());
    }
}

/// The bytes and the value of a header of type `kind` with one to three digits, if `rest` begins with one.
///
/// Six bytes are looked at. Every argument has as many, and so has every frame with arguments: nothing is missed that
/// could be whole.
#[inline]
fn short_header(rest: &[u8], kind: u8) -> Option<(usize, usize)> {
    let [found, header @ ..] = rest.first_chunk::<6>()?;
    if *found != kind {
        return None;
    }
    let [a, b, c] = [header[0], header[1], header[2]].map(|digit| usize::from(digit.wrapping_sub(b'0')));
    // No product or sum can overflow: digits are below ten where they are used.
    match header {
        [_, b'\r', ..] if a < 10 => Some((4, a)),
        [_, _, b'\r', ..] if a.wrapping_sub(1) < 9 && b < 10 => Some((5, a.wrapping_mul(10).wrapping_add(b))),
        [_, _, _, b'\r', _] if a.wrapping_sub(1) < 9 && b < 10 && c < 10 => {
            Some((6, a.wrapping_mul(100).wrapping_add(b.wrapping_mul(10)).wrapping_add(c)))
        }
        _ => None,
    }
}

#[cfg(test)]
#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "tests may panic")]
mod tests;
