//! The JSON form.
//!
//! It is what redis-cli prints rather than what RFC 8259 allows: an error is `error:"..."`, bytes that are no UTF-8
//! pass unchanged in [`Strings::Verbatim`], and [`Strings::Ascii`] doubles backslashes but not the one it puts before a
//! quote. Programs depend on these bytes.

use std::io::Write;

use kora_protocol::{Frame, encode_double};

use super::Shape;
use super::escape::write_escaped;

/// How the text of strings is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Strings {
    /// As it is, control characters escaped.
    Verbatim,
    /// Escaped as for people, and those escapes' backslashes doubled.
    Ascii,
}

/// Appends `frame`.
pub(super) fn write(out: &mut Vec<u8>, frame: &Frame, strings: Strings) {
    match Shape::of(frame) {
        Shape::Leaf => write_leaf(out, frame.bare(), strings),
        Shape::Row(elements) => {
            out.push(b'[');
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(out, element, strings);
            }
            out.push(b']');
        }
        Shape::Pairs(pairs) => {
            out.push(b'{');
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_key(out, key, strings);
                out.push(b':');
                write(out, value, strings);
            }
            out.push(b'}');
        }
    }
}

/// Appends a key; whatever is not written as a string is put in quotes.
fn write_key(out: &mut Vec<u8>, key: &Frame, strings: Strings) {
    let quoted = matches!(
        key.bare(),
        Frame::Simple(_) | Frame::Bulk(_) | Frame::Verbatim { .. } | Frame::Error(_) | Frame::BlobError(_)
    );
    if quoted {
        return write(out, key, strings);
    }
    out.push(b'"');
    write(out, key, strings);
    out.push(b'"');
}

fn write_leaf(out: &mut Vec<u8>, frame: &Frame, strings: Strings) {
    match frame {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::Verbatim { text, .. } => {
            write_string(out, text, strings);
        }
        Frame::Error(text) | Frame::BlobError(text) => {
            out.extend_from_slice(b"error:");
            write_string(out, text, strings);
        }
        Frame::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Frame::BigNumber(digits) => out.extend_from_slice(digits),
        Frame::Double(value) => out.extend_from_slice(&encode_double(*value)),
        Frame::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        _ => out.extend_from_slice(b"null"),
    }
}

fn write_string(out: &mut Vec<u8>, text: &[u8], strings: Strings) {
    out.push(b'"');
    match strings {
        Strings::Verbatim => write_controls_escaped(out, text),
        Strings::Ascii => {
            let mut escaped = Vec::with_capacity(text.len());
            write_escaped(&mut escaped, text);
            for byte in escaped {
                out.push(byte);
                if byte == b'\\' {
                    out.push(b'\\');
                }
            }
        }
    }
    out.push(b'"');
}

fn write_controls_escaped(out: &mut Vec<u8>, text: &[u8]) {
    for &byte in text {
        match byte {
            b'\\' | b'"' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            0..=0x1f => write!(out, "\\u{byte:04x}").expect("writing to memory succeeds"),
            _ => out.push(byte),
        }
    }
}
