//! Rude, slow and many at the port, while clients are served.

use std::io::Write;

use crate::console::{USERS, log_in};
use crate::visitor::Site;

#[test]
fn what_is_asked_in_odd_ways_is_refused_and_nothing_more() {
    let mut site = Site::start(2, &[]);
    let host = site.http.to_string();
    let get = |path: &str| site.get(path).status;
    for path in
        ["/nothing", "/../etc/passwd", "/%2e%2e/etc/passwd", "//", "/metrics/", "/console.js/..", "/api/"]
    {
        assert_eq!(get(path), 404, "{path}");
    }
    for method in ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get"] {
        for path in ["/metrics", "/health", "/ready"] {
            assert_eq!(site.ask(method, path, &[("Host", &host)], "").status, 405, "{method} {path}");
        }
    }
    for bytes in [
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03".to_vec(),
        b"*1\r\n$4\r\nPING\r\n".to_vec(),
        b"GET /metrics\r\n\r\n".to_vec(),
        b"GET /metrics HTTP/1.1\r\n\r\n".to_vec(),
        b"GET ftp://other/metrics HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"POST /api/command HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n".to_vec(),
        b"POST /api/command HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999\r\n\r\n".to_vec(),
        format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(100_000)).into_bytes(),
        vec![0; 100_000],
    ] {
        let text = site.raw(&bytes);
        let status = text.split(' ').nth(1).unwrap_or("none");
        assert!(["400", "413", "431", "501", "505", "none"].contains(&status), "{text}");
    }
    assert_eq!(site.program.client().line("PING"), kora_protocol::Frame::Simple(b"PONG".to_vec()));
    assert!(site.program.is_running());
}

#[test]
fn unfinished_requests_hold_up_neither_scrapes_nor_clients() {
    let site = Site::start(1, &USERS);
    let ada = log_in(&site, "ada", "secret").cookie();
    let wait = r#"{"commands":[["XREAD","BLOCK","1500","STREAMS","s","0"]]}"#;
    assert_eq!(site.post("/api/command", None, wait).status, 403, "the connection is everybody's");
    let mut slow: Vec<_> = (0..150).map(|_| site.connect()).collect();
    slow.iter_mut().for_each(|stream| stream.write_all(b"GET /metrics HTTP/1.1\r\nHo").unwrap());
    // A command of the console's that waits for long holds up none of them, either.
    let waiting = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| site.post("/api/command", ada.as_deref(), wait));
        for _ in 0..10 {
            assert_eq!(site.get("/metrics").status, 200);
            assert_eq!(site.program.client().line("PING"), kora_protocol::Frame::Simple(b"PONG".to_vec()));
        }
        waiting.join().unwrap()
    });
    assert_eq!((waiting.status, waiting.body.as_str()), (200, r#"{"replies":[null]}"#));
}
