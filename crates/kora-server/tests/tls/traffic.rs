//! What goes over encrypted connections arrives whole, in whatever pieces it comes.

use std::io::{Read as _, Write as _};
use std::net::Shutdown;
use std::thread;

use kora_protocol::Frame;

use crate::authority::World;
use crate::client::request;
use crate::encrypted::{Encrypted, Manner, simple};
use crate::server::wait_until;

#[test]
fn large_values_and_long_pipelines_pass() {
    for workers in [1, 4] {
        let world = World::start(workers, &[]);
        for protocols in ["TLSv1.2", "TLSv1.3"] {
            let manner = Manner { protocols, ..Manner::default() };
            let mut client = Encrypted::connect(&world, &manner).unwrap();
            let value: Vec<u8> = (0..16_000_000u32).map(|at| (at / 7).to_le_bytes()[0]).collect();
            assert_eq!(client.call(&[&b"SET"[..], b"large", &value]).unwrap(), simple("OK"));
            assert_eq!(client.line("GET large").unwrap(), Frame::Bulk(value));
            for round in 0..20 {
                let mut requests = Vec::new();
                for at in 0..1000 {
                    let (key, value) = (format!("key{at}"), format!("{}", round * at).repeat(at % 40));
                    requests.extend(request(&["SET", &key, &value]));
                    requests.extend(request(&["GET", &key]));
                }
                client.stream.write_all(&requests).unwrap();
                for at in 0..1000 {
                    assert_eq!(client.receive().unwrap(), simple("OK"));
                    let value = format!("{}", round * at).repeat(at % 40);
                    assert_eq!(client.receive().unwrap(), Frame::Bulk(value.into_bytes()));
                }
            }
        }
    }
}

/// Handshakes are done by workers that serve nobody; what comes then moves.
#[test]
fn connections_move_to_workers_that_serve() {
    let world = World::start(4, &["--gather-connections", "yes"]);
    let connect =
        || (0..20).map(|_| Encrypted::connect(&world, &Manner::default()).unwrap()).collect::<Vec<_>>();
    let is_served_by = |clients: &mut Vec<Encrypted>, worker: &str| {
        clients.iter_mut().all(|client| {
            let value = "v".repeat(50_000);
            assert_eq!(client.call(&["SET", "key", &value]).unwrap(), simple("OK"));
            assert_eq!(client.line("GET key").unwrap(), Frame::Bulk(value.into_bytes()));
            let Frame::Bulk(info) = client.line("CLIENT INFO").unwrap() else { panic!() };
            String::from_utf8(info).unwrap().contains(worker)
        })
    };
    // On a machine that stands still now and then they may have moved before anyone looks.
    let elsewhere = (0..20).map(|_| connect()).find_map(|mut clients| {
        let has_moved = is_served_by(&mut clients, "io-thread=0 ");
        (!has_moved).then_some(clients)
    });
    let mut clients = elsewhere.expect("others serve them at first");
    wait_until("one worker serves all", || is_served_by(&mut clients, "io-thread=0 "));
}

/// More is sent than sockets hold before anything is read.
#[test]
fn who_reads_late_gets_all_of_it() {
    let world = World::start(2, &[]);
    let mut client = Encrypted::connect(&world, &Manner::default()).unwrap();
    let value = "x".repeat(1_000_000);
    client.call(&["SET", "key", &value]).unwrap();
    for _ in 0..60 {
        client.stream.write_all(&request(&["GET", "key"])).unwrap();
    }
    thread::sleep(std::time::Duration::from_millis(300));
    let mut plain = world.program.client();
    assert_eq!(plain.line("PING"), simple("PONG"));
    for _ in 0..60 {
        assert_eq!(client.receive().unwrap(), Frame::Bulk(value.clone().into_bytes()));
    }
    assert_eq!(client.line("PING").unwrap(), simple("PONG"));
}

#[test]
fn messages_reach_subscribers() {
    let world = World::start(4, &[]);
    let manner = Manner::default();
    let mut subscribers: Vec<_> = (0..8).map(|_| Encrypted::connect(&world, &manner).unwrap()).collect();
    for subscriber in &mut subscribers {
        subscriber.line("HELLO 3").unwrap();
        subscriber.line("SUBSCRIBE news").unwrap();
    }
    let mut plain = world.program.client();
    let text = "n".repeat(100_000);
    for _ in 0..20 {
        assert_eq!(plain.call(&["PUBLISH", "news", &text]), Frame::Integer(8));
    }
    for subscriber in &mut subscribers {
        for _ in 0..20 {
            let Frame::Push(message) = subscriber.receive().unwrap() else { panic!() };
            assert_eq!(message[2], Frame::Bulk(text.clone().into_bytes()));
        }
    }
}

#[test]
fn who_says_that_it_is_done_is_answered_first() {
    let world = World::start(1, &[]);
    for protocols in ["TLSv1.2", "TLSv1.3"] {
        for closes_socket in [false, true] {
            let manner = Manner { protocols, ..Manner::default() };
            let mut client = Encrypted::connect(&world, &manner).unwrap();
            client.stream.write_all(&request(&["PING"])).unwrap();
            client.stream.conn.send_close_notify();
            client.stream.flush().unwrap();
            if closes_socket {
                client.stream.sock.shutdown(Shutdown::Write).unwrap();
            }
            let mut all = Vec::new();
            // An end that nobody announced would be an error here.
            client.stream.read_to_end(&mut all).unwrap();
            assert_eq!(all, b"+PONG\r\n", "{protocols}");
        }
    }
}

#[test]
fn quit_ends_the_session_in_order() {
    let world = World::start(1, &[]);
    let mut client = Encrypted::connect(&world, &Manner::default()).unwrap();
    client.stream.write_all(&request(&["QUIT"])).unwrap();
    let mut all = Vec::new();
    client.stream.read_to_end(&mut all).unwrap();
    assert_eq!(all, b"+OK\r\n");
}
