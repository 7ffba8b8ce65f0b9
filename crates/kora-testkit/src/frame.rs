//! A reply exactly as it travelled: type bytes, digits and all, so that two servers that say the same thing in
//! different bytes are told apart.
//!
//! This crate reads the wire with code of its own, on purpose: a mistake in Kora's codec must not be made a second
//! time by the instrument that looks for it. Specification: the RESP2 and RESP3 documents.

mod text;

pub use text::{ParseFrameError, parse, quote};

use std::io::{self, BufRead, Read};

/// Longer strings are kept in transcripts as length and hash.
const DIGEST_ABOVE_BYTES: usize = 512;

/// Deepest nesting that is read.
const DEPTH_MAX: usize = 32;

/// One reply, or a part of one. `kind` is always the type byte on the wire.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Frame {
    /// `+ - : , ( # _`: a type byte and text up to the end of the line.
    Line {
        /// The type byte.
        kind: u8,
        /// What follows it.
        text: Vec<u8>,
    },
    /// `$ = !`: bytes behind their length.
    Blob {
        /// The type byte.
        kind: u8,
        /// The bytes.
        bytes: Vec<u8>,
    },
    /// A [`Frame::Blob`] too long for a transcript.
    Digest {
        /// The type byte.
        kind: u8,
        /// Number of bytes.
        len: usize,
        /// FNV-1a of the bytes.
        hash: u64,
    },
    /// `* ~ >`: that many frames; `%`: keys and values in turn; `|`: keys and values in turn, then the reply they
    /// describe.
    Many {
        /// The type byte.
        kind: u8,
        /// The frames.
        items: Vec<Frame>,
    },
    /// `$-1` or `*-1`.
    Nil {
        /// The type byte.
        kind: u8,
    },
    /// The peer closed the connection.
    Closed,
}

impl Frame {
    /// The type byte; 0 for a closed connection.
    #[must_use]
    pub fn kind(&self) -> u8 {
        match self {
            Self::Line { kind, .. }
            | Self::Blob { kind, .. }
            | Self::Digest { kind, .. }
            | Self::Many { kind, .. }
            | Self::Nil { kind } => *kind,
            Self::Closed => 0,
        }
    }

    /// Whether this is an error reply.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.kind(), b'-' | b'!')
    }

    /// The elements of an aggregate; none for anything else.
    #[must_use]
    pub fn items(&self) -> &[Self] {
        match self {
            Self::Many { items, .. } => items,
            _ => &[],
        }
    }

    /// The bytes of a string or line; none for anything else.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::Line { text, .. } => text,
            Self::Blob { bytes, .. } => bytes,
            _ => &[],
        }
    }

    /// The number that this is, if it is one: an integer reply or a string of digits.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        std::str::from_utf8(self.bytes()).ok()?.parse().ok()
    }

    /// The same reply with every long string replaced by its digest.
    #[must_use]
    pub fn abbreviated(self) -> Self {
        match self {
            Self::Blob { kind, bytes } if bytes.len() > DIGEST_ABOVE_BYTES => {
                Self::Digest { kind, len: bytes.len(), hash: fnv1a(&bytes) }
            }
            Self::Many { kind, items } => {
                Self::Many { kind, items: items.into_iter().map(Self::abbreviated).collect() }
            }
            other => other,
        }
    }

    /// The same reply with the nulls of RESP2 as the one of RESP3.
    #[must_use]
    pub fn with_resp3_nulls(&self) -> Self {
        match self {
            Self::Nil { .. } => Self::Line { kind: b'_', text: Vec::new() },
            Self::Many { kind, items } => {
                Self::Many { kind: *kind, items: items.iter().map(Self::with_resp3_nulls).collect() }
            }
            other => other.clone(),
        }
    }

    /// Reads one reply. The end of input before its first byte is [`Frame::Closed`].
    ///
    /// # Errors
    /// When reading fails, or what arrives is not RESP.
    pub fn read(input: &mut impl BufRead) -> io::Result<Self> {
        Self::read_at(input, 0)
    }

    fn read_at(input: &mut impl BufRead, depth: usize) -> io::Result<Self> {
        if depth > DEPTH_MAX {
            return Err(malformed("nested too deeply"));
        }
        let mut line = Vec::new();
        if input.read_until(b'\n', &mut line)? == 0 {
            return Ok(Self::Closed);
        }
        let Some((&kind, text)) = line.strip_suffix(b"\r\n").and_then(<[u8]>::split_first) else {
            return Err(malformed("a line without its end"));
        };
        match kind {
            b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => Ok(Self::Line { kind, text: text.to_vec() }),
            b'$' | b'*' if text == b"-1" => Ok(Self::Nil { kind }),
            b'$' | b'=' | b'!' => read_blob(input, kind, length(text)?),
            b'*' | b'~' | b'>' => read_many(input, kind, length(text)?, depth),
            b'%' => read_many(input, kind, length(text)? * 2, depth),
            b'|' => read_many(input, kind, length(text)? * 2 + 1, depth),
            _ => Err(malformed("an unknown type byte")),
        }
    }
}

/// FNV-1a, 64 bits.
fn fnv1a(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

fn read_blob(input: &mut impl BufRead, kind: u8, len: usize) -> io::Result<Frame> {
    let mut bytes = Vec::new();
    let wanted = len + 2;
    let got = input.take(wanted as u64).read_to_end(&mut bytes)?;
    if got != wanted || !bytes.ends_with(b"\r\n") {
        return Err(malformed("a string without its end"));
    }
    bytes.truncate(len);
    Ok(Frame::Blob { kind, bytes })
}

fn read_many(input: &mut impl BufRead, kind: u8, count: usize, depth: usize) -> io::Result<Frame> {
    let items = (0..count).map(|_| match Frame::read_at(input, depth + 1)? {
        Frame::Closed => Err(malformed("an aggregate without its end")),
        frame => Ok(frame),
    });
    Ok(Frame::Many { kind, items: items.collect::<io::Result<_>>()? })
}

fn length(text: &[u8]) -> io::Result<usize> {
    let digits = std::str::from_utf8(text).ok();
    digits.and_then(|digits| digits.parse().ok()).ok_or_else(|| malformed("a length that is no number"))
}

fn malformed(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("malformed reply: {what}"))
}

#[cfg(test)]
mod tests;
