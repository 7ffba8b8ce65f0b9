//! MIGRATE between two servers.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, error_text, ok, request};
use crate::server::start;

fn simple(text: &str) -> Frame {
    Frame::Simple(text.as_bytes().to_vec())
}

#[test]
fn keys_move_with_their_deadlines() {
    for workers in [1, 4] {
        let (_from_server, from_address) = start(workers, &[]);
        let (_to_server, to_address) = start(3, &["--requirepass", "secret"]);
        let (mut from, mut to) = (Client::connect(from_address), Client::connect(to_address));
        assert_eq!(to.line("AUTH secret"), ok());
        for line in ["SET a 1", "SET b 2 EX 100", "SET c 3", "SET stays 4"] {
            assert_eq!(from.line(line), ok());
        }
        from.line("RPUSH l x y z");
        let migrate = |keys: &str| format!("MIGRATE 127.0.0.1 {} {keys}", to_address.port());
        let refused = from.line(&migrate("a 0 1000"));
        assert_eq!(
            error_text(&refused),
            "ERR Target instance replied with error: NOAUTH Authentication required."
        );
        assert_eq!(from.line("EXISTS a"), Frame::Integer(1), "what was refused stays");
        assert_eq!(from.line(&migrate("a 5 1000 AUTH secret")), ok());
        let port = to_address.port().to_string();
        let head = ["MIGRATE", "127.0.0.1", &port, "", "5", "1000", "AUTH2", "default", "secret"];
        from.send(&request(&[&head[..], &["KEYS", "b", "l", "missing", "c"]].concat())).unwrap();
        assert_eq!(from.receive(), Some(ok()));
        assert_eq!(from.line("EXISTS a b c l stays"), Frame::Integer(1));
        assert_eq!(to.line("SELECT 5"), ok());
        assert_eq!(to.line("EXISTS a b c l"), Frame::Integer(4));
        assert_eq!(to.line("LLEN l"), Frame::Integer(3));
        assert!(matches!(to.line("TTL b"), Frame::Integer(98..=100)));
        assert_eq!(from.line(&migrate("a 5 1000 AUTH secret")), simple("NOKEY"));

        from.line("SET a other");
        let busy = from.line(&migrate("a 5 1000 AUTH secret"));
        assert!(error_text(&busy).contains("BUSYKEY"), "{busy:?}");
        assert_eq!(from.line(&migrate("a 5 1000 COPY REPLACE AUTH secret")), ok());
        assert_eq!(from.line("GET a"), to.line("GET a"));
    }
}

#[test]
fn who_needs_other_keys_is_served_while_the_target_is_silent() {
    let (_server, address) = start(4, &[]);
    let (mut client, mut other) = (Client::connect(address), Client::connect(address));
    assert_eq!(client.line("SET {x}moved 1"), ok());
    assert_eq!(other.line("SET {y}other 1"), ok());
    // It takes the connection and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = silent.local_addr().unwrap().port();
    let begun = Instant::now();
    client.send(format!("MIGRATE 127.0.0.1 {port} {{x}}moved 0 700\r\n").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    assert_ne!(other.line("GET {y}other"), Frame::Null);
    assert!(begun.elapsed() < Duration::from_millis(600), "it need not wait for the other keys");
    assert_eq!(other.line("SET {x}moved 2"), ok(), "a write of the key waits, and finds it");
    assert!(begun.elapsed() >= Duration::from_millis(700));
    let answer = client.receive().expect("an answer");
    assert_eq!(error_text(&answer), "IOERR error or timeout reading to target instance");
}
