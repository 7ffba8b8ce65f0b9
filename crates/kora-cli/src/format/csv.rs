//! The CSV form: one line for each reply, however deep it is nested.

use kora_protocol::{Frame, encode_double};

use super::{Shape, write_quoted};

/// Appends `frame`.
pub(super) fn write(out: &mut Vec<u8>, frame: &Frame) {
    match Shape::of(frame) {
        Shape::Leaf => write_leaf(out, frame.bare()),
        Shape::Row(elements) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(out, element);
            }
        }
        Shape::Pairs(pairs) => {
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write(out, key);
                out.push(b',');
                write(out, value);
            }
        }
    }
}

fn write_leaf(out: &mut Vec<u8>, frame: &Frame) {
    match frame {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::Verbatim { text, .. } => write_quoted(out, text),
        Frame::Error(text) | Frame::BlobError(text) => {
            out.extend_from_slice(b"ERROR,");
            write_quoted(out, text);
        }
        Frame::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Frame::BigNumber(digits) => out.extend_from_slice(digits),
        Frame::Double(value) => out.extend_from_slice(&encode_double(*value)),
        Frame::Boolean(value) => out.extend_from_slice(if *value { b"true" } else { b"false" }),
        _ => out.extend_from_slice(b"NULL"),
    }
}
