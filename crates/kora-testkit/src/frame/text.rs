//! Frames as people read them in transcripts: one line each, elements indented under their aggregate.
//!
//! ```text
//! +OK                     -ERR syntax error        :10
//! "text\x00\xff"          $nil   *nil   _          ,3.5   #t   (123456789012345678901234567890
//! *2                      = "txt:verbatim"         ! "SYNTAX a blob error"
//!   "a"                   #$100000 9ae16a3b2f90404f  (a string too long to show: length and FNV-1a hash)
//!   :1                    closed
//! ```
//! `%` counts pairs, as on the wire; `|` is followed by its pairs and then the reply it describes.

use std::fmt::{self, Write as _};
use std::iter::Peekable;

use super::Frame;

/// A line of a transcript that is no frame.
#[derive(Debug, thiserror::Error)]
#[error("not a reply: {0}")]
pub struct ParseFrameError(String);

/// Quotes bytes the way they can be typed again: `"a\x00\n"`.
#[must_use]
pub fn quote(bytes: &[u8]) -> String {
    format!("\"{}\"", escape(bytes, true))
}

fn escape(bytes: &[u8], escapes_quotes: bool) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    for &byte in bytes {
        match byte {
            b'\\' => text.push_str("\\\\"),
            b'"' if escapes_quotes => text.push_str("\\\""),
            b'\n' => text.push_str("\\n"),
            b'\r' => text.push_str("\\r"),
            b'\t' => text.push_str("\\t"),
            0x20..=0x7e => text.push(char::from(byte)),
            _ => write!(text, "\\x{byte:02x}").expect("writing to a string cannot fail"),
        }
    }
    text
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            other => other,
        });
    }
    Some(bytes)
}

impl fmt::Display for Frame {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_lines(self, 0, f)
    }
}

fn write_lines(frame: &Frame, indent: usize, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    write!(f, "{:indent$}", "")?;
    match frame {
        Frame::Line { kind, text } => writeln!(f, "{}{}", char::from(*kind), escape(text, false)),
        Frame::Blob { kind: b'$', bytes } => writeln!(f, "{}", quote(bytes)),
        Frame::Blob { kind, bytes } => writeln!(f, "{} {}", char::from(*kind), quote(bytes)),
        Frame::Digest { kind, len, hash } => writeln!(f, "#{}{len} {hash:016x}", char::from(*kind)),
        Frame::Nil { kind } => writeln!(f, "{}nil", char::from(*kind)),
        Frame::Closed => writeln!(f, "closed"),
        Frame::Many { kind, items } => {
            let count = if matches!(kind, b'%' | b'|') { items.len() / 2 } else { items.len() };
            writeln!(f, "{}{count}", char::from(*kind))?;
            items.iter().try_for_each(|item| write_lines(item, indent + 2, f))
        }
    }
}

/// Reads frames back from the lines that `Display` wrote.
///
/// # Errors
/// When a line is no frame, or an aggregate has too few elements.
pub fn parse<'a>(lines: impl Iterator<Item = &'a str>) -> Result<Vec<Frame>, ParseFrameError> {
    let mut lines = lines.peekable();
    let mut frames = Vec::new();
    while lines.peek().is_some() {
        frames.push(parse_one(&mut lines)?);
    }
    Ok(frames)
}

fn parse_one<'a>(lines: &mut Peekable<impl Iterator<Item = &'a str>>) -> Result<Frame, ParseFrameError> {
    let line = lines.next().unwrap_or("(end)").trim_start();
    let bad = || ParseFrameError(line.to_owned());
    let (head, rest) = line.split_at_checked(1).ok_or_else(bad)?;
    let kind = head.as_bytes()[0];
    let unescaped = |text: &str| unescape(text).ok_or_else(bad);
    Ok(match kind {
        _ if line == "closed" => Frame::Closed,
        b'$' | b'*' if rest == "nil" => Frame::Nil { kind },
        b'"' => Frame::Blob { kind: b'$', bytes: unescaped(rest.strip_suffix('"').ok_or_else(bad)?)? },
        b'=' | b'!' => {
            let text = rest.strip_prefix(" \"").and_then(|rest| rest.strip_suffix('"'));
            Frame::Blob { kind, bytes: unescaped(text.ok_or_else(bad)?)? }
        }
        b'#' if rest.starts_with(['$', '=', '!']) => {
            let (len, hash) = rest[1..].split_once(' ').ok_or_else(bad)?;
            let hash = u64::from_str_radix(hash, 16).map_err(|_| bad())?;
            Frame::Digest { kind: rest.as_bytes()[0], len: len.parse().map_err(|_| bad())?, hash }
        }
        b'*' | b'~' | b'>' | b'%' | b'|' => {
            let count: usize = rest.parse().map_err(|_| bad())?;
            let count = match kind {
                b'%' => count * 2,
                b'|' => count * 2 + 1,
                _ => count,
            };
            Frame::Many { kind, items: (0..count).map(|_| parse_one(lines)).collect::<Result<_, _>>()? }
        }
        b'+' | b'-' | b':' | b',' | b'(' | b'#' | b'_' => Frame::Line { kind, text: unescaped(rest)? },
        _ => return Err(bad()),
    })
}
