//! Renderings in both versions, recorded from Redis 8.0.2 with `DEBUG PROTOCOL` where it has the type.

use super::{Encoder, Resp, encode_request};
use crate::ProtocolError;

fn check(write: impl Fn(&mut Encoder<'_>), resp2: &str, resp3: &str) {
    for (resp, expected) in [(Resp::V2, resp2), (Resp::V3, resp3)] {
        let mut out = b"before".to_vec();
        write(&mut Encoder::new(&mut out, resp));
        let written = out.strip_prefix(b"before").expect("replies are appended");
        assert_eq!(written.escape_ascii().to_string(), expected.as_bytes().escape_ascii().to_string());
    }
}

fn check_same(write: impl Fn(&mut Encoder<'_>), expected: &str) {
    check(write, expected, expected);
}

#[test]
fn lines() {
    check_same(|out| out.ok(), "+OK\r\n");
    check_same(|out| out.simple("PONG"), "+PONG\r\n");
    check_same(|out| out.simple("a\r\nb"), "+a  b\r\n");
    check_same(|out| out.error("ERR no\nway\r\n"), "-ERR no way\r\n");
    check_same(
        |out| out.protocol_error(ProtocolError::UnbalancedQuotes),
        "-ERR Protocol error: unbalanced quotes in request\r\n",
    );
    check_same(
        |out| out.protocol_error(ProtocolError::ExpectedBulk(b'\r')),
        "-ERR Protocol error: expected '$', got ' '\r\n",
    );
    check(|out| out.blob_error(b"ERR a\r\nb"), "-ERR a  b\r\n", "!8\r\nERR a\r\nb\r\n");
}

#[test]
fn numbers() {
    for value in [0, 9, 10, -1, 12_345, i64::MAX, i64::MIN] {
        check_same(|out| out.integer(value), &format!(":{value}\r\n"));
    }
    check(|out| out.double(2.5), "$3\r\n2.5\r\n", ",2.5\r\n");
    check(|out| out.double(f64::INFINITY), "$3\r\ninf\r\n", ",inf\r\n");
    check(|out| out.double(f64::NEG_INFINITY), "$4\r\n-inf\r\n", ",-inf\r\n");
    check(|out| out.double(f64::NAN), "$3\r\nnan\r\n", ",nan\r\n");
    check(|out| out.double(2.0), "$1\r\n2\r\n", ",2\r\n");
    check(
        |out| out.big_number("1234567999999999999"),
        "$19\r\n1234567999999999999\r\n",
        "(1234567999999999999\r\n",
    );
    check(|out| out.boolean(true), ":1\r\n", "#t\r\n");
    check(|out| out.boolean(false), ":0\r\n", "#f\r\n");
}

#[test]
fn strings() {
    for length in [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 16_384, 100_000] {
        let text = "x".repeat(length);
        check_same(|out| out.bulk(text.as_bytes()), &format!("${length}\r\n{text}\r\n"));
    }
    check_same(|out| out.bulk(b"a\r\nb"), "$4\r\na\r\nb\r\n");
    check(|out| out.null(), "$-1\r\n", "_\r\n");
    check(|out| out.null_array(), "*-1\r\n", "_\r\n");
    check(
        |out| out.verbatim("txt", b"Some\nstring"),
        "$11\r\nSome\nstring\r\n",
        "=15\r\ntxt:Some\nstring\r\n",
    );
}

#[test]
fn strings_together_are_as_one_by_one() {
    let short = (0..100).collect::<Vec<usize>>();
    let cases: [&[usize]; 6] = [&[], &[0], &[9, 10, 99, 0, 1], &short, &[1, 100, 5], &[16_384, 99]];
    for lengths in cases {
        let texts: Vec<Vec<u8>> = lengths.iter().map(|length| vec![b'x'; *length]).collect();
        let texts: Vec<&[u8]> = texts.iter().map(Vec::as_slice).collect();
        let (mut together, mut apart) = (b"before".to_vec(), b"before".to_vec());
        if !Encoder::new(&mut together, Resp::V2).short_bulks(&texts) {
            assert!(lengths.iter().any(|length| *length >= 100));
            assert_eq!(together, b"before");
            continue;
        }
        texts.iter().for_each(|text| Encoder::new(&mut apart, Resp::V2).bulk(text));
        assert_eq!(together, apart);
    }
}

#[test]
fn aggregates() {
    for length in [0, 9, 10, 99, 100, 1_000_000] {
        let resp2 = format!("*{length}\r\n");
        check_same(|out| out.array(length), &resp2);
        check(|out| out.set(length), &resp2, &format!("~{length}\r\n"));
        check(|out| out.push(length), &resp2, &format!(">{length}\r\n"));
        check(|out| out.map(length), &format!("*{}\r\n", 2 * length), &format!("%{length}\r\n"));
    }
    let mut out = Vec::new();
    Encoder::new(&mut out, Resp::V3).attribute(1);
    assert_eq!(out, b"|1\r\n");
}

#[test]
fn requests() {
    let mut out = Vec::new();
    encode_request(&mut out, &["SET", "key", ""]);
    assert_eq!(out, b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$0\r\n\r\n");
}
