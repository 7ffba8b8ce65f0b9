//! Body of a fuzz target: a function that takes any bytes and panics if a promise about requests is broken.
//!
//! Whatever bytes come, they are refused, or they are a request at one of them and at none before, whatever follows; a request is within the
//! limits, and is the same when it is written down and read again. Who is refused is not taken later: more bytes change nothing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::limits::Limits;
use crate::request::{Request, parse};

const PEER: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 1);

/// Few enough for inputs to pass them.
const HEAD_BYTES: usize = 512;
const BODY_BYTES: usize = 64;

/// Reads bytes as a request; whether they begin with one. Complexity: O(bytes²), of as many bytes as a request may have.
///
/// # Panics
/// If a promise is broken.
pub fn request_input(input: &[u8]) -> bool {
    let limits = Limits { head_bytes: HEAD_BYTES, body_bytes: BODY_BYTES, ..Limits::default() };
    let read = |bytes: &[u8]| parse(bytes, PEER, &limits);
    match read(input) {
        Ok(None) => {
            assert!(input.len() <= HEAD_BYTES + BODY_BYTES, "what is longer than any request is refused");
            false
        }
        Err(refusal) => {
            assert!(matches!(refusal.status, 400..=599), "a refusal says so");
            let more = [input, b"\r\n\r\nGET / HTTP/1.0\r\n\r\n"].concat();
            assert!(read(&more).is_err(), "what was refused is not taken later");
            false
        }
        Ok(Some((request, length))) => {
            assert!(length <= input.len() && length <= HEAD_BYTES + BODY_BYTES);
            assert!(request.path.starts_with('/') && request.body.len() <= BODY_BYTES);
            for cut in 0..length {
                assert_eq!(read(&input[..cut]), Ok(None), "it is whole at its last byte, not at {cut}");
            }
            assert_eq!(read(&input[..length]), Ok(Some((request.clone(), length))));
            check_written(&request);
            true
        }
    }
}

/// It says the same when it is written down and read again.
fn check_written(request: &Request) {
    let query = if request.query.is_empty() { String::new() } else { format!("?{}", request.query) };
    // The older version asks for no host.
    let mut text = format!("{} {}{query} HTTP/1.0\r\n", request.method, request.path).into_bytes();
    for (name, value) in &request.headers {
        text.extend(format!("{name}: {value}\r\n").bytes());
    }
    text.extend(b"\r\n");
    text.extend(&request.body);
    // Replaced bytes are longer than what they stand for, and a host that the target named has become a header.
    let limits = Limits { head_bytes: 4 * HEAD_BYTES, body_bytes: BODY_BYTES, ..Limits::default() };
    let (again, length) = parse(&text, PEER, &limits).expect("it is taken again").expect("it is whole");
    assert_eq!(length, text.len());
    let expected = Request { keeps_alive: again.keeps_alive, ..request.clone() };
    assert_eq!(again, expected);
}
