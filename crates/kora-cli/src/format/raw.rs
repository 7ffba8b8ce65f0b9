//! The raw form: the bytes of a reply and nothing that tells its type.

use kora_protocol::{Frame, encode_double};

use super::Shape;

/// Appends `frame`; `separator` stands between elements, and a blank between the halves of a pair.
pub(super) fn write(out: &mut Vec<u8>, frame: &Frame, separator: &[u8]) {
    match Shape::of(frame) {
        Shape::Leaf => write_leaf(out, frame.bare()),
        Shape::Row(elements) => {
            for (index, element) in elements.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(separator);
                }
                write(out, element, separator);
            }
        }
        Shape::Pairs(pairs) => {
            for (index, (key, value)) in pairs.iter().enumerate() {
                if index > 0 {
                    out.extend_from_slice(separator);
                }
                write(out, key, separator);
                out.push(b' ');
                write(out, value, separator);
            }
        }
    }
}

fn write_leaf(out: &mut Vec<u8>, frame: &Frame) {
    match frame {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::BigNumber(text) | Frame::Verbatim { text, .. } => {
            out.extend_from_slice(text)
        }
        Frame::Error(text) | Frame::BlobError(text) => {
            out.extend_from_slice(text);
            out.push(b'\n');
        }
        Frame::Integer(value) => out.extend_from_slice(value.to_string().as_bytes()),
        Frame::Double(value) => out.extend_from_slice(&encode_double(*value)),
        Frame::Boolean(value) => out.extend_from_slice(if *value { b"(true)" } else { b"(false)" }),
        // Nothing is printed for nothing; aggregates and attributes were taken apart by the caller.
        _ => {}
    }
}
