//! FLUSHALL and FLUSHDB: who asks is answered when the memory is free, others are served meanwhile.

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok};
use crate::server::start;
use crate::size;

const DEBUG: [&str; 2] = ["--enable-debug-command", "yes"];

fn pending(client: &mut Client) -> String {
    let Frame::Bulk(text) = client.line("INFO memory") else { panic!("INFO is a text") };
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix("lazyfree_pending_objects:"));
    line.unwrap().to_owned()
}

fn populate(client: &mut Client) {
    let count = size(200_000, 2_000_000);
    assert_eq!(client.line(&format!("DEBUG POPULATE {count} key 100")), ok());
}

#[test]
fn the_reply_comes_when_the_memory_is_free() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &DEBUG);
        let mut client = Client::connect(address);
        for flush in ["FLUSHALL", "FLUSHALL SYNC", "FLUSHDB", "flushdb sync"] {
            populate(&mut client);
            assert_eq!(client.line(flush), ok());
            assert_eq!(pending(&mut client), "0", "{flush} with {workers} workers");
            assert_eq!(client.line("DBSIZE"), Frame::Integer(0));
        }
    }
}

#[test]
fn commands_behind_it_run_behind_it() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &DEBUG);
        let mut client = Client::connect(address);
        populate(&mut client);
        client.send(b"SET k 1\r\nFLUSHALL\r\nSET k 2\r\nFLUSHDB ASYNC\r\nSET k 3\r\nFLUSHALL\r\nGET k\r\nPING\r\n").unwrap();
        let replies: Vec<_> = (0..8).map(|_| client.receive().unwrap()).collect();
        assert_eq!(replies[..6], vec![ok(); 6]);
        assert_eq!(replies[6..], [Frame::Null, Frame::Simple(b"PONG".to_vec())]);
    }
}

#[test]
fn other_clients_and_transactions_do_not_wait() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &DEBUG);
        let (mut client, mut other) = (Client::connect(address), Client::connect(address));
        populate(&mut client);
        client.send(b"FLUSHALL\r\n").unwrap();
        // Whether it is answered before or after: it is answered, and finds nothing.
        assert_eq!(other.line("SET new 1"), ok());
        assert_eq!(client.receive(), Some(ok()));
        populate(&mut client);
        client.send(b"MULTI\r\nFLUSHALL SYNC\r\nSET k v\r\nEXEC\r\nGET k\r\n").unwrap();
        let replies: Vec<_> = (0..5).map(|_| client.receive().unwrap()).collect();
        assert_eq!(replies[3], Frame::Array(vec![ok(), ok()]));
        assert_eq!(replies[4], bulk("v"));
    }
}

#[test]
fn a_client_that_leaves_or_is_killed_meanwhile_does_no_harm() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &DEBUG);
        let mut other = Client::connect(address);
        for round in 0..6 {
            let mut client = Client::connect(address);
            let Frame::Integer(id) = client.line("CLIENT ID") else { panic!("an ID is a number") };
            populate(&mut client);
            client.send(b"FLUSHALL\r\nPING\r\n").unwrap();
            if round % 2 == 0 {
                drop(client);
            } else {
                other.line(&format!("CLIENT KILL ID {id}"));
                client.receive_all();
            }
            assert_eq!(other.line("SET still 1"), ok());
        }
        assert_eq!(other.line("FLUSHALL"), ok());
        assert_eq!(pending(&mut other), "0");
    }
}
