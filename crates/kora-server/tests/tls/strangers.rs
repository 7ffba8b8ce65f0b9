//! What those may do who never finish a handshake, or send what is none.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::thread;
use std::time::{Duration, Instant};

use kora_protocol::Frame;
use kora_tls::rustls::ClientConnection;
use kora_tls::rustls::pki_types::ServerName;

use crate::authority::{Use, World};
use crate::client::request;
use crate::encrypted::{Encrypted, Manner, config, simple};
use crate::server::wait_until;

fn connected(world: &World) -> usize {
    let Frame::Bulk(info) = world.program.client().line("INFO clients") else { panic!() };
    let info = String::from_utf8(info).unwrap();
    let count = info.lines().find_map(|line| line.strip_prefix("connected_clients:")).unwrap();
    count.parse().unwrap()
}

#[test]
fn silent_handshakes_are_dropped() {
    let world = World::start(2, &[]);
    let mut silent = TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap();
    let mut slow = TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap();
    let begun = Instant::now();
    let end = thread::spawn(move || {
        // The head of a record whose rest comes a byte at a time.
        slow.write_all(&[22, 3, 1, 2, 0]).unwrap();
        while slow.write_all(&[1]).is_ok() && begun.elapsed() < Duration::from_secs(40) {
            thread::sleep(Duration::from_millis(200));
        }
        begun.elapsed()
    });
    silent.set_read_timeout(Some(Duration::from_secs(40))).unwrap();
    let mut rest = Vec::new();
    // It is told that the session ends.
    let _ = silent.read_to_end(&mut rest);
    let (silent, slow) = (begun.elapsed(), end.join().unwrap());
    for lasted in [silent, slow] {
        assert!((Duration::from_secs(9)..Duration::from_secs(35)).contains(&lasted), "{lasted:?}");
    }
    assert_eq!(Encrypted::connect(&world, &Manner::default()).unwrap().line("PING").unwrap(), simple("PONG"));
}

#[test]
fn handshakes_count_as_clients() {
    let world = World::start(2, &["--maxclients", "4"]);
    let silent: Vec<_> = (0..4).map(|_| TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap()).collect();
    wait_until("they are known", || {
        let mut client = world.program.client();
        client.send(&request(&["PING"])).is_err()
            || client
                .receive()
                .is_none_or(|reply| reply == Frame::Error(b"ERR max number of clients reached".to_vec()))
    });
    // Nothing can be said to it that it would understand.
    assert!(Encrypted::connect(&world, &Manner::default()).is_err());
    drop(silent);
    wait_until("there is room", || Encrypted::connect(&world, &Manner::default()).is_ok());
}

#[test]
fn what_is_no_handshake_is_told_so_and_closed() {
    let world = World::start(1, &[]);
    let mut seed = 7u64;
    let mut random = move || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        seed.to_le_bytes()[6]
    };
    for round in 0..300 {
        let mut stream = TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap();
        let bytes: Vec<u8> = match round % 3 {
            0 => b"*1\r\n$4\r\nPING\r\n".to_vec(),
            1 => (0..100).map(|_| random()).collect(),
            _ => [22, 3, 1, 0, 60, 1].into_iter().chain((0..60).map(|_| random())).collect(),
        };
        // It may be closed before all is sent.
        let _ = stream.write_all(&bytes);
        let _ = stream.shutdown(std::net::Shutdown::Write);
        stream.set_read_timeout(Some(Duration::from_secs(30))).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer[0] == 21, "{answer:?}");
    }
    wait_until("all are gone", || connected(&world) == 1);
    assert_eq!(Encrypted::connect(&world, &Manner::default()).unwrap().line("PING").unwrap(), simple("PONG"));
}

/// Each byte by itself is the hardest cut there is, of the handshake and of what follows.
#[test]
fn records_may_come_a_byte_at_a_time() {
    let world = World::start(1, &["--tls-auth-clients", "yes"]);
    let files = world.client("client", Use::Client);
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        let manner = Manner { protocols, identity: Some(&files), ..Manner::default() };
        let mut socket = TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap();
        socket.set_nodelay(true).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(config(&world.server, &manner), name).unwrap();
        session.writer().write_all(&request(&["SET", "key", &"v".repeat(300)])).unwrap();
        session.writer().write_all(&request(&["GET", "key"])).unwrap();
        let mut replies = Vec::new();
        while replies.len() < 5 + 6 + 300 + 2 {
            let mut encrypted = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut encrypted).unwrap();
            }
            for byte in encrypted {
                socket.write_all(&[byte]).unwrap();
            }
            if !session.wants_write() {
                session.read_tls(&mut socket).unwrap();
                session.process_new_packets().unwrap();
                let mut buffer = [0; 1024];
                while let Ok(count) = session.reader().read(&mut buffer) {
                    replies.extend_from_slice(&buffer[..count]);
                }
            }
        }
        assert!(replies.starts_with(b"+OK\r\n$300\r\nvvv"));
    }
}

/// Whoever stops in the middle of a handshake or of a record leaves nothing behind.
#[test]
fn connections_may_break_anywhere() {
    let world = World::start(2, &[]);
    let settings = config(&world.server, &Manner::default());
    for cut in (0..700).step_by(13) {
        let mut socket = TcpStream::connect(("127.0.0.1", world.tls_port)).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let mut session = ClientConnection::new(settings.clone(), name).unwrap();
        session.writer().write_all(&request(&["SET", "broken", &cut.to_string()])).unwrap();
        let mut left = cut;
        while left > 0 {
            let mut encrypted = Vec::new();
            while session.wants_write() {
                session.write_tls(&mut encrypted).unwrap();
            }
            encrypted.truncate(left);
            left -= encrypted.len();
            socket.write_all(&encrypted).unwrap();
            if left == 0 || encrypted.is_empty() && session.read_tls(&mut socket).unwrap() == 0 {
                break;
            }
            if session.is_handshaking() && encrypted.is_empty() {
                session.process_new_packets().unwrap();
            } else if !session.is_handshaking() && !session.wants_write() {
                break;
            }
        }
    }
    wait_until("all are gone", || connected(&world) == 1);
}
