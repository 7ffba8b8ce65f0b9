//! MIGRATE to servers that misbehave, and what becomes of the keys, of other clients and of the end of the server meanwhile.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, error_text, ok, request};
use crate::server::{start, wait_until};

const CONNECTING: &str = "IOERR error or timeout connecting to the client";
const WRITING: &str = "IOERR error or timeout writing to target instance";
const READING: &str = "IOERR error or timeout reading to target instance";

/// A server that takes connections one after the other and treats each so; its port.
fn target(mut treat: impl FnMut(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || listener.incoming().for_each(|stream| treat(stream.unwrap())));
    port
}

/// Reads until `commands` have come.
fn read_commands(stream: &mut TcpStream, commands: usize) {
    let (mut text, mut buffer) = (Vec::new(), [0; 4096]);
    while text.split(|byte| *byte == b'*').count() <= commands || !text.ends_with(b"\r\n") {
        let count = stream.read(&mut buffer).unwrap();
        assert_ne!(count, 0, "{}", text.escape_ascii());
        text.extend_from_slice(&buffer[..count]);
    }
}

/// A target that answers with these bytes, and then does nothing, or closes.
fn answering(answer: &'static str, closes: bool) -> u16 {
    let mut held = Vec::new();
    target(move |mut stream| {
        read_commands(&mut stream, 2);
        stream.write_all(answer.as_bytes()).unwrap();
        if !closes {
            held.push(stream);
        }
    })
}

fn field(client: &mut Client, section: &str, name: &str) -> u64 {
    let Frame::Bulk(text) = client.line(&format!("INFO {section}")) else { panic!("no text") };
    let text = String::from_utf8(text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("{name} is not in {text}")).parse().unwrap()
}

#[test]
fn whatever_a_target_does_the_keys_are_where_it_said() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        // Answers to SELECT and to RESTORE of three keys; whether it closes then; the error; the keys that have gone.
        let cases: [(&str, bool, &str, i64); 9] = [
            ("", false, READING, 0),
            ("", true, READING, 0),
            ("+OK\r\n", true, READING, 0),
            ("+OK\r\n+OK\r\n+O", false, READING, 1),
            ("+OK\r\n+OK\r\n+OK\r\n", true, READING, 2),
            ("+OK\r\n$1000000000\r\n", false, READING, 0),
            ("+OK\r\nHTTP/1.1 400 Bad Request\r\n", false, READING, 0),
            (
                "-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n",
                true,
                "ERR Target instance replied with error: NOAUTH no",
                0,
            ),
            ("+OK\r\n-ERR a\r\n+OK\r\n-ERR b\r\n", true, "ERR Target instance replied with error: ERR a", 1),
        ];
        for (answer, closes, error, gone) in cases {
            for wraps in [false, true] {
                client.line("MSET a{x} 1 b{x} 2 c{x} 3");
                let port = answering(answer, closes);
                // Who is silent is waited for, on a busy machine as well.
                let timeout_ms = if closes { 20_000 } else { 500 };
                let migrate = format!("MIGRATE 127.0.0.1 {port} _ 0 {timeout_ms} KEYS a{{x}} b{{x}} c{{x}}");
                let words: Vec<&str> =
                    migrate.split(' ').map(|word| if word == "_" { "" } else { word }).collect();
                let reply = if wraps {
                    client.line("MULTI");
                    client.call(&words);
                    match client.line("EXEC") {
                        Frame::Array(mut replies) => replies.remove(0),
                        other => panic!("{other:?}"),
                    }
                } else {
                    client.call(&words)
                };
                assert_eq!(error_text(&reply), error, "{answer:?}");
                assert_eq!(client.line("EXISTS a{x} b{x} c{x}"), Frame::Integer(3 - gone), "{answer:?}");
            }
        }
        // One that has answered in full is kept until it is seen to have closed.
        wait_until("none is kept", || field(&mut client, "stats", "migrate_cached_sockets") == 0);
    }
}

#[test]
fn nobody_there() {
    let (_server, address) = start(2, &[]);
    let mut client = Client::connect(address);
    client.line("SET a 1");
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for (host, error) in
        [("127.0.0.1", WRITING), ("localhost", WRITING), ("no.such.name.invalid", CONNECTING)]
    {
        let reply = client.line(&format!("MIGRATE {host} {closed} a 0 5000"));
        assert_eq!(error_text(&reply), error, "{host}");
    }
    assert_eq!(client.line("EXISTS a"), Frame::Integer(1));
}

#[test]
fn by_name_and_by_a_connection_that_is_kept() {
    let (_from, from_address) = start(2, &[]);
    let (mut to_program, to_address) = start(1, &["--requirepass", "secret"]);
    let (mut from, mut to) = (Client::connect(from_address), Client::connect(to_address));
    to.line("AUTH secret");
    let port = to_address.port();
    let migrate = |from: &mut Client, key: &str, rest: &str| {
        from.line(&format!("SET {key} 1"));
        from.line(&format!("MIGRATE localhost {port} {key} 0 5000 {rest}"))
    };
    let accepted = field(&mut to, "stats", "total_connections_received");
    for key in ["a{x}", "b{x}", "c{x}"] {
        assert_eq!(migrate(&mut from, key, "AUTH secret"), ok());
    }
    assert_eq!(field(&mut to, "stats", "total_connections_received"), accepted + 1);
    assert_eq!(field(&mut from, "stats", "migrate_cached_sockets"), 1);
    let refused = migrate(&mut from, "d{x}", "COPY");
    assert!(error_text(&refused).contains("NOAUTH"), "nobody else's rights are used: {refused:?}");
    let refused = migrate(&mut from, "d{x}", "AUTH wrong");
    assert!(error_text(&refused).contains("WRONGPASS"), "{refused:?}");
    // The target is another one now, which knows nothing of the connection.
    to_program.terminate();
    to_program.end();
    let port_option = port.to_string();
    let _other = crate::server::Program::spawn(
        crate::server::command(port, &["--requirepass", "secret", "--databases", &port_option[..1]]),
        port,
    );
    assert_eq!(migrate(&mut from, "e{x}", "AUTH secret"), ok(), "a connection that has gone is not used");
    assert_eq!(from.line("EXISTS a{x} b{x} c{x} d{x} e{x}"), Frame::Integer(1));
}

#[test]
fn a_worker_sleeps_while_a_target_is_silent() {
    for wraps in [false, true] {
        let (_server, address) = start(1, &[]);
        let (mut client, mut other) = (Client::connect(address), Client::connect(address));
        client.line("SET a 1");
        let port = answering("+OK\r\n", false);
        let migrate = format!("MIGRATE 127.0.0.1 {port} a 0 600\r\n");
        let text = if wraps { format!("MULTI\r\n{migrate}EXEC\r\n") } else { migrate };
        let before = field(&mut other, "stats", "eventloop_cycles");
        let begun = Instant::now();
        client.send(text.as_bytes()).unwrap();
        let replies = if wraps { 3 } else { 1 };
        (0..replies).for_each(|_| drop(client.receive()));
        let took = begun.elapsed();
        assert!(took >= Duration::from_millis(600), "{took:?}");
        let rounds = field(&mut other, "stats", "eventloop_cycles") - before;
        assert!(rounds < 100, "{rounds} rounds, to wait for one answer");
        assert_eq!(other.line("GET a"), Frame::Bulk(b"1".to_vec()));
    }
}

#[test]
fn a_transaction_that_moves_keys_keeps_its_order_and_holds_no_worker_up() {
    let (_to, to_address) = start(2, &[]);
    let (_from, address) = start(4, &[]);
    let (mut client, mut to) = (Client::connect(address), Client::connect(to_address));
    let mut others: Vec<_> = (0..8).map(|_| Client::connect(address)).collect();
    for line in ["SET {x}a 1", "SET {y}b 1", "SET {y}c 1"] {
        client.line(line);
    }
    let port = to_address.port();
    client.line("MULTI");
    client.line("INCR {y}b");
    client.line(&format!("MIGRATE 127.0.0.1 {port} {{x}}a 0 5000"));
    client.line("EXISTS {x}a");
    client.line(&format!("MIGRATE 127.0.0.1 {port} {{y}}b 0 5000"));
    let expected = [Frame::Integer(2), ok(), Frame::Integer(0), ok()];
    assert_eq!(client.line("EXEC"), Frame::Array(expected.to_vec()));
    assert_eq!(to.line("GET {y}b"), Frame::Bulk(b"2".to_vec()));
    let silent = answering("", false);
    client.line("SET {x}a 1");
    client.send(format!("MULTI\r\nMIGRATE 127.0.0.1 {silent} {{x}}a 0 4000\r\nEXEC\r\n").as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(100));
    // It has all stores, but no worker.
    let begun = Instant::now();
    for other in &mut others {
        assert_eq!(other.line("PING"), Frame::Simple(b"PONG".to_vec()));
    }
    assert!(begun.elapsed() < Duration::from_millis(3000), "{:?}", begun.elapsed());
    let Some(Frame::Array(replies)) = (0..3).map(|_| client.receive()).last().flatten() else {
        panic!("no answer to EXEC");
    };
    assert_eq!(error_text(&replies[0]), READING);
    assert_eq!(client.line("EXISTS {x}a"), Frame::Integer(1));
}

#[test]
fn a_huge_value_moves_and_others_are_served_meanwhile() {
    let (_to, to_address) = start(1, &["--proto-max-bulk-len", "1gb"]);
    let (_from, address) = start(1, &[]);
    let (mut client, mut to) = (Client::connect(address), Client::connect(to_address));
    let size = 200 << 20;
    client.line(&format!("SETRANGE huge {} x", size - 1));
    client.line("CONFIG SET rdbcompression no");
    assert_eq!(client.line(&format!("MIGRATE 127.0.0.1 {} huge 0 5000", to_address.port())), ok());
    assert_eq!(client.line("EXISTS huge"), Frame::Integer(0));
    assert_eq!(to.line("STRLEN huge"), Frame::Integer(size));
    // A target that reads nothing: the step takes too long.
    let mut held = Vec::new();
    let port = target(move |stream| held.push(stream));
    client.line(&format!("SETRANGE huge {} x", (64 << 20) - 1));
    let reply = client.line(&format!("MIGRATE 127.0.0.1 {port} huge 0 300"));
    assert_eq!(error_text(&reply), WRITING);
    assert_eq!(client.line("EXISTS huge"), Frame::Integer(1));
}

#[test]
fn many_at_once_from_all_workers() {
    let (_to, to_address) = start(2, &[]);
    let (_from, address) = start(4, &[]);
    let port = to_address.port();
    let movers: Vec<_> = (0..16)
        .map(|mover| {
            std::thread::spawn(move || {
                let mut client = Client::connect(address);
                for round in 0..20 {
                    let key = format!("{mover}:{round}");
                    assert_eq!(client.line(&format!("SET {key} {round}")), ok());
                    assert_eq!(client.line(&format!("MIGRATE 127.0.0.1 {port} {key} 0 20000")), ok());
                    assert_eq!(client.line(&format!("EXISTS {key}")), Frame::Integer(0));
                }
            })
        })
        .collect();
    movers.into_iter().for_each(|mover| mover.join().unwrap());
    assert_eq!(Client::connect(to_address).line("DBSIZE"), Frame::Integer(320));
    assert_eq!(Client::connect(address).line("DBSIZE"), Frame::Integer(0));
}

#[test]
fn who_leaves_has_moved_the_key_all_the_same() {
    let (_to, to_address) = start(1, &[]);
    let (_from, address) = start(2, &[]);
    let (mut client, mut to) = (Client::connect(address), Client::connect(to_address));
    let mut leaver = Client::connect(address);
    leaver.line("SET a 1");
    // The target takes its time.
    assert_eq!(to.line("CLIENT PAUSE 300 WRITE"), ok());
    leaver
        .send(request(&["MIGRATE", "127.0.0.1", &to_address.port().to_string(), "a", "0", "5000"]).as_slice())
        .unwrap();
    std::thread::sleep(Duration::from_millis(50));
    drop(leaver);
    wait_until("the key has moved", || client.line("EXISTS a") == Frame::Integer(0));
    wait_until("the key is there", || Client::connect(to_address).line("EXISTS a") == Frame::Integer(1));
}

#[test]
fn the_end_of_the_server_waits_for_the_answer_and_loses_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let dir_option = dir.path().to_str().unwrap();
    let options = ["--appendonly", "yes", "--dir", dir_option];
    for (answers, is_there) in [(true, false), (false, true)] {
        let (mut from, address) = start(2, &options);
        let mut client = Client::connect(address);
        wait_until("the data are there", || client.line("SET a 1") == ok());
        let port = target(move |mut stream| {
            read_commands(&mut stream, 2);
            std::thread::sleep(Duration::from_millis(500));
            if answers {
                stream.write_all(b"+OK\r\n+OK\r\n").unwrap();
                let _ = stream.read(&mut [0]);
            }
        });
        client.send(format!("MIGRATE 127.0.0.1 {port} a 0 3000\r\n").as_bytes()).unwrap();
        std::thread::sleep(Duration::from_millis(100));
        let begun = Instant::now();
        from.terminate();
        assert!(from.end().success());
        assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
        let (_again, address) = start(2, &options);
        let mut client = Client::connect(address);
        wait_until("the data are there", || client.line("PING") == Frame::Simple(b"PONG".to_vec()));
        assert_eq!(client.line("EXISTS a"), Frame::Integer(is_there.into()), "answers: {answers}");
    }
}

#[test]
fn a_script_moves_keys_too() {
    let (_to, to_address) = start(1, &[]);
    let (_from, address) = start(2, &[]);
    let (mut client, mut to) = (Client::connect(address), Client::connect(to_address));
    client.line("SET a 1");
    let port = to_address.port().to_string();
    let script = "return redis.call('MIGRATE', 'localhost', ARGV[1], KEYS[1], 0, 5000)";
    assert_eq!(client.call(&["EVAL", script, "1", "a", &port]), ok());
    assert_eq!((client.line("EXISTS a"), to.line("GET a")), (Frame::Integer(0), Frame::Bulk(b"1".to_vec())));
    let silent = answering("", false).to_string();
    client.line("SET a 1");
    let script = "return redis.pcall('MIGRATE', '127.0.0.1', ARGV[1], KEYS[1], 0, 100)";
    let reply = client.call(&["EVAL", script, "1", "a", &silent]);
    assert_eq!(error_text(&reply), READING);
}
