//! What the console's page and this server tell each other in JSON: arguments of commands, and replies.
//!
//! JSON has no bytes, and its numbers are doubles to most. So a string that is not UTF-8, or has control characters, is `{"hex": "00ff"}`, an integer that a double does not hold
//! is `{"int": "..."}`, a double that is no number `{"double": "inf"}`. Maps, sets and errors are `{"map": [[k, v], ...]}`, `{"set": [...]}` and
//! `{"error": "..."}`, so that every object has one member which says what it is.

use std::io::Write as _;

use kora_protocol::Frame;
use serde_json::Value;

/// Largest integer up to which doubles hold all.
const EXACT: u64 = 1 << 53;

/// Adds a value to a text in JSON.
pub(super) fn put(value: &impl serde::Serialize, out: &mut Vec<u8>) {
    serde_json::to_writer(out, value).expect("memory takes what is written, and the value has no odd keys");
}

/// Adds a reply to a text in JSON.
pub(super) fn put_frame(frame: &Frame, out: &mut Vec<u8>) {
    match frame.bare() {
        Frame::Simple(text) | Frame::Bulk(text) | Frame::Verbatim { text, .. } => put_bytes(text, out),
        Frame::Error(text) | Frame::BlobError(text) => {
            out.extend_from_slice(b"{\"error\":");
            put(&String::from_utf8_lossy(text), out);
            out.push(b'}');
        }
        Frame::Integer(number) if number.unsigned_abs() <= EXACT => put(number, out),
        Frame::Integer(number) => put(&serde_json::json!({ "int": number.to_string() }), out),
        Frame::BigNumber(digits) => put(&serde_json::json!({ "int": String::from_utf8_lossy(digits) }), out),
        Frame::Double(number) if number.is_finite() => put(number, out),
        Frame::Double(number) => put(&serde_json::json!({ "double": number.to_string() }), out),
        Frame::Boolean(value) => put(value, out),
        Frame::Null | Frame::NullArray | Frame::Attributed { .. } => out.extend_from_slice(b"null"),
        Frame::Array(frames) | Frame::Push(frames) => put_list(frames, out),
        Frame::Set(frames) => {
            out.extend_from_slice(b"{\"set\":");
            put_list(frames, out);
            out.push(b'}');
        }
        Frame::Map(pairs) => put_map(pairs, out),
    }
}

/// Adds replies as a list.
pub(super) fn put_list(frames: &[Frame], out: &mut Vec<u8>) {
    out.push(b'[');
    for (at, frame) in frames.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        put_frame(frame, out);
    }
    out.push(b']');
}

fn put_map(pairs: &[(Frame, Frame)], out: &mut Vec<u8>) {
    out.extend_from_slice(b"{\"map\":[");
    for (at, (key, value)) in pairs.iter().enumerate() {
        out.extend_from_slice(if at > 0 { b",[" } else { b"[" });
        put_frame(key, out);
        out.push(b',');
        put_frame(value, out);
        out.push(b']');
    }
    out.extend_from_slice(b"]}");
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    // An escape takes six bytes for one.
    let is_plain = |text: &str| !text.bytes().any(|byte| byte < b' ' && !byte.is_ascii_whitespace());
    if let Some(text) = std::str::from_utf8(bytes).ok().filter(|text| is_plain(text)) {
        return put(&text, out);
    }
    out.extend_from_slice(b"{\"hex\":\"");
    for byte in bytes {
        write!(out, "{byte:02x}").expect("memory takes what is written");
    }
    out.extend_from_slice(b"\"}");
}

/// An argument of a command, as the page sends it.
pub(super) fn argument(value: &Value) -> Option<Vec<u8>> {
    match value {
        Value::String(text) => Some(text.clone().into_bytes()),
        Value::Number(number) => Some(number.to_string().into_bytes()),
        Value::Object(members) if members.len() == 1 => unhex(members.get("hex")?.as_str()?),
        _ => None,
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    let digit = |byte: u8| char::from(byte).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| u8::try_from(digit(*high)? * 16 + digit(*low)?).ok();
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(frame: &Frame) -> String {
        let mut out = Vec::new();
        put_frame(frame, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn replies() {
        let bulk = |bytes: &[u8]| Frame::Bulk(bytes.to_vec());
        let cases = [
            (bulk(b"a\"\n"), r#""a\"\n""#),
            (bulk(b"\x00\xff"), r#"{"hex":"00ff"}"#),
            (Frame::Integer(-5), "-5"),
            (Frame::Integer(i64::MAX), r#"{"int":"9223372036854775807"}"#),
            (Frame::Double(0.5), "0.5"),
            (Frame::Double(f64::INFINITY), r#"{"double":"inf"}"#),
            (Frame::Error(b"ERR no".to_vec()), r#"{"error":"ERR no"}"#),
            (Frame::Null, "null"),
            (
                Frame::Map(vec![(bulk(b"k"), Frame::Array(vec![Frame::Null, Frame::Boolean(true)]))]),
                r#"{"map":[["k",[null,true]]]}"#,
            ),
            (Frame::Set(vec![bulk(b"m")]), r#"{"set":["m"]}"#),
        ];
        for (frame, text) in cases {
            assert_eq!(shown(&frame), text);
            serde_json::from_str::<Value>(text).unwrap();
        }
    }

    #[test]
    fn arguments() {
        let of = |text: &str| argument(&serde_json::from_str(text).unwrap());
        assert_eq!(of("\"GET\""), Some(b"GET".to_vec()));
        assert_eq!(of("17"), Some(b"17".to_vec()));
        assert_eq!(of(r#"{"hex":"00fF"}"#), Some(vec![0, 255]));
        for odd in [r#"{"hex":"0"}"#, r#"{"hex":"+1"}"#, r#"{"hex":"zz"}"#, "null", "[]", r#"{"a":1}"#] {
            assert_eq!(of(odd), None, "{odd}");
        }
    }
}
