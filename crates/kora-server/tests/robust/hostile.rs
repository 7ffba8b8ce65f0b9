//! Bytes that no client sends: each gets an error or an end, and takes no memory with it.

use kora_protocol::Frame;

use crate::client::{Client, bulk, error_text, ok, request};
use crate::server::{Program, start};
use crate::size;

/// Frames that promise too much or make no sense, and the error each gets where a password was given.
const FRAMES: [(&[u8], &str); 9] = [
    (b"*2147483648\r\n", "ERR Protocol error: invalid multibulk length"),
    (b"*99999999999999999999999\r\n", "ERR Protocol error: invalid multibulk length"),
    (b"*x\r\n", "ERR Protocol error: invalid multibulk length"),
    (b"*1\r\n$9223372036854775807\r\n", "ERR Protocol error: invalid bulk length"),
    (b"*1\r\n$-9223372036854775808\r\n", "ERR Protocol error: invalid bulk length"),
    (b"*1\r\n$-1\r\n", "ERR Protocol error: invalid bulk length"),
    (b"*3\r\n*3\r\n*3\r\n*3\r\n", "ERR Protocol error: expected '$', got '*'"),
    (b"*1\r\n:1\r\n", "ERR Protocol error: expected '$', got ':'"),
    (b"GET \"unbalanced\r\n", "ERR Protocol error: unbalanced quotes in request"),
];

/// Frames whose promise is within the limits: they just wait for the rest.
const PATIENT_FRAMES: [&[u8]; 4] = [
    b"*2147483647\r\n$3\r\nSET\r\n",
    b"*1048576\r\n",
    b"*1\r\n$536870912\r\n",
    b"*2\r\n$3\r\nGET\r\n$10\r\n",
];

fn check_frames(address: std::net::SocketAddr, greeting: &str) {
    for (frame, expected) in FRAMES {
        let mut client = Client::connect(address);
        if !greeting.is_empty() {
            assert_eq!(client.line(greeting), ok());
        }
        client.send(frame).unwrap();
        let replies = client.receive_all();
        let shown = frame.escape_ascii();
        assert_eq!(replies.len(), 1, "{shown}: one error, then the end: {replies:?}");
        assert_eq!(error_text(&replies[0]), expected, "{shown}");
    }
}

#[test]
fn broken_frames_are_refused() {
    let (_server, address) = start(2, &[]);
    check_frames(address, "");
    let (_server, address) = start(1, &["--requirepass", "secret"]);
    check_frames(address, "AUTH secret");
    check_frames(address, "");
}

#[test]
fn before_authentication_limits_are_tight() {
    let (_server, address) = start(1, &["--requirepass", "secret"]);
    for (frame, expected) in [
        (&b"*11\r\n"[..], "ERR Protocol error: unauthenticated multibulk length"),
        (b"*2\r\n$3\r\nGET\r\n$16385\r\n", "ERR Protocol error: unauthenticated bulk length"),
    ] {
        let mut client = Client::connect(address);
        client.send(frame).unwrap();
        assert_eq!(error_text(&client.receive().unwrap()), expected);
        assert_eq!(client.receive(), None);
    }
    let mut client = Client::connect(address);
    assert_eq!(error_text(&client.line("GET key")), "NOAUTH Authentication required.");
    assert_eq!(client.line("AUTH secret"), ok());
    assert_eq!(client.line("GET key"), Frame::Null);
}

#[test]
fn who_reads_no_replies_before_authentication_is_disconnected() {
    let (_server, address) = start(1, &["--requirepass", "secret"]);
    let mut client = Client::connect(address);
    // Until the system's buffers are full, and the server has more to say.
    let asked = request(&["PING"]).repeat(1000);
    let is_over = (0..100_000).any(|_| client.send(&asked).is_err());
    assert!(is_over, "replies are kept without end");
}

#[test]
fn promises_take_no_memory() {
    let program = Program::start(&["--workers", "2"]);
    let mut good = program.client();
    assert_eq!(good.line("SET key value"), ok());
    let before = program.resident_bytes();
    let mut patient: Vec<_> = (0..size(50, 250)).map(|_| PATIENT_FRAMES.map(|_| program.client())).collect();
    for clients in &mut patient {
        for (client, frame) in clients.iter_mut().zip(PATIENT_FRAMES) {
            client.send(frame).unwrap();
        }
    }
    assert_eq!(good.line("GET key"), bulk("value"));
    let count = patient.len() * PATIENT_FRAMES.len();
    let grown = program.resident_bytes().saturating_sub(before);
    println!("{count} promises of large requests: {} KiB each", grown / 1024 / count);
    assert!(grown < count * (64 << 10) + (8 << 20), "{grown} bytes");
}

#[test]
fn endless_lines_are_refused() {
    let program = Program::start(&["--workers", "1"]);
    let before = program.resident_bytes();
    let chunk = vec![b'x'; 1 << 20];
    for opening in [&b""[..], b"*", b"*1\r\n$", b"\""] {
        let mut client = program.client();
        client.send(opening).unwrap();
        // The server may close long before all is sent: that is what it should do.
        let sent = (0..size(64, 1024)).take_while(|_| client.send(&chunk).is_ok()).count();
        let replies = client.receive_all();
        assert!(replies.len() <= 1, "{replies:?}");
        println!("{:?}: closed after {sent} MiB", opening.escape_ascii().to_string());
        assert!(sent < size(64, 1024), "the line was never refused");
    }
    let grown = program.resident_bytes().saturating_sub(before);
    assert!(grown < 16 << 20, "{grown} bytes");
}

#[test]
fn an_endless_line_gets_its_error() {
    let (_server, address) = start(1, &[]);
    for (line, expected) in [
        (&b""[..], "ERR Protocol error: too big inline request"),
        (b"*", "ERR Protocol error: too big mbulk count string"),
        (b"*1\r\n$", "ERR Protocol error: too big bulk count string"),
    ] {
        let mut client = Client::connect(address);
        client.send(&[line, &[b'1'; (64 << 10) + 1]].concat()).unwrap();
        assert_eq!(error_text(&client.receive().unwrap()), expected);
        assert_eq!(client.receive(), None);
    }
}

/// What a client may send that has logged in is decided behind its AUTH, also where both came together.
#[test]
fn a_login_counts_for_what_was_sent_with_it() {
    let large = "v".repeat(20_000);
    for workers in [1, 4] {
        let (server, _) = start(workers, &["--requirepass", "pw"]);
        for login in [&["AUTH", "pw"][..], &["HELLO", "2", "AUTH", "default", "pw"]] {
            let mut client = server.client();
            let mut pipeline = request(login);
            pipeline.extend(request(&["SET", "large", &large]));
            pipeline.extend(request(&["MSET", "a", "1", "b", "2", "c", "3", "d", "4", "e", "5", "f", "6"]));
            pipeline.extend(request(&["STRLEN", "large"]));
            client.send(&pipeline).unwrap();
            let replies = [(); 4].map(|()| client.receive().unwrap());
            assert!(replies[0].as_error().is_none(), "{replies:?}");
            assert_eq!(replies[1..], [ok(), ok(), Frame::Integer(20_000)]);
        }
        let mut stranger = server.client();
        stranger.send(&[request(&["AUTH", "no"]), request(&["SET", "large", &large])].concat()).unwrap();
        assert!(error_text(&stranger.receive().unwrap()).starts_with("WRONGPASS "));
        let refused = error_text(&stranger.receive().unwrap());
        assert_eq!(refused, "ERR Protocol error: unauthenticated bulk length");
        assert_eq!(stranger.receive(), None);
    }
}
