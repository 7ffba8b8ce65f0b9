//! Writing numbers and strings.

use super::format::{length, packed};
use super::lzf;
use crate::number::parse_i64;

/// Longest text that may be an integer of 32 bits.
const INTEGER_TEXT_MAX: usize = 11;
/// Strings up to this are not compressed.
const UNCOMPRESSED_MAX: usize = 20;

/// Adds a number in the form of lengths.
pub fn put_length(out: &mut Vec<u8>, len: u64) {
    match u32::try_from(len) {
        Ok(len @ 0..64) => out.push(len.to_le_bytes()[0]),
        Ok(len @ 64..16384) => out.extend_from_slice(&(0x4000 | len).to_be_bytes()[2..]),
        Ok(len) => {
            out.push(length::BITS_32);
            out.extend_from_slice(&len.to_be_bytes());
        }
        Err(_) => {
            out.push(length::BITS_64);
            out.extend_from_slice(&len.to_be_bytes());
        }
    }
}

/// Adds a number of things in memory.
pub(crate) fn put_count(out: &mut Vec<u8>, count: usize) {
    put_length(out, count as u64);
}

/// Adds a string: an integer of up to 32 bits as such, others compressed if that is wanted and makes them shorter.
pub fn put_text(out: &mut Vec<u8>, text: &[u8], compress: bool) {
    let integer = if text.len() <= INTEGER_TEXT_MAX { parse_i64(text) } else { None };
    if integer.is_some_and(|value| put_small_integer(out, value)) {
        return;
    }
    if compress && text.len() > UNCOMPRESSED_MAX && put_compressed(out, text) {
        return;
    }
    put_count(out, text.len());
    out.extend_from_slice(text);
}

/// Adds the text of an integer.
pub(crate) fn put_integer(out: &mut Vec<u8>, value: i64) {
    if !put_small_integer(out, value) {
        let mut digits = itoa::Buffer::new();
        let text = digits.format(value).as_bytes();
        put_count(out, text.len());
        out.extend_from_slice(text);
    }
}

/// Adds an integer of up to 32 bits; `false` if it is larger.
fn put_small_integer(out: &mut Vec<u8>, value: i64) -> bool {
    let mut put = |kind: u8, bytes: &[u8]| {
        out.push(length::PACKED | kind);
        out.extend_from_slice(bytes);
    };
    if let Ok(value) = i8::try_from(value) {
        put(packed::INT8, &value.to_le_bytes());
    } else if let Ok(value) = i16::try_from(value) {
        put(packed::INT16, &value.to_le_bytes());
    } else if let Ok(value) = i32::try_from(value) {
        put(packed::INT32, &value.to_le_bytes());
    } else {
        return false;
    }
    true
}

fn put_compressed(out: &mut Vec<u8>, text: &[u8]) -> bool {
    // The lengths stand before the bytes, and are not known before those are.
    let start = out.len();
    if !lzf::compress(text, out) {
        return false;
    }
    let packed_len = out.len() - start;
    let mut head = vec![length::PACKED | packed::LZF];
    put_count(&mut head, packed_len);
    put_count(&mut head, text.len());
    out.splice(start..start, head);
    true
}
