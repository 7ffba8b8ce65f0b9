//! Clients that leave: in the middle of a request, of an operation on several shards, or with one half only.

use std::io::Write;

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::server::{start, wait_until};
use crate::size;

#[test]
fn in_the_middle_of_a_request() {
    let (_server, address) = start(2, &[]);
    let whole = request(&["SET", "key", "value"]);
    for end in 1..whole.len() {
        let mut client = Client::connect(address);
        client.send(&whole[..end]).unwrap();
    }
    let mut client = Client::connect(address);
    assert_eq!(client.line("EXISTS key"), Frame::Integer(0), "no part of a request is run");
    wait_until("the others' connections are closed", || connected(&mut client) == 1);
}

/// Number of connections, by CLIENT LIST.
fn connected(client: &mut Client) -> usize {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("CLIENT LIST") else {
        panic!("CLIENT LIST is text")
    };
    text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()).count()
}

#[test]
fn in_the_middle_of_an_operation() {
    let (_server, address) = start(4, &[]);
    let spread: Vec<String> =
        (0..64).flat_map(|index| [format!("key:{index}"), "value".to_owned()]).collect();
    let set = request(&[vec!["MSET".to_owned()], spread].concat());
    let pipeline =
        [set, request(&["RENAME", "key:1", "key:2"]), request(&["COPY", "key:2", "key:1"])].concat();
    for _ in 0..size(200, 5000) {
        let mut stream = Client::connect(address).into_stream();
        stream.write_all(&pipeline.repeat(4)).unwrap();
    }
    let mut client = Client::connect(address);
    wait_until("the others' connections are closed", || connected(&mut client) == 1);
    let mget: Vec<String> = (0..64).map(|index| format!("key:{index}")).collect();
    let Frame::Array(values) = client.call(&[vec!["MGET".to_owned()], mget].concat()) else {
        panic!("MGET replies with an array")
    };
    assert!(values.iter().all(|value| *value == bulk("value")), "all stores are at home: {values:?}");
}

#[test]
fn a_half_closed_connection_gets_its_replies() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        let pipeline: Vec<u8> =
            (0..100).flat_map(|index| request(&["SET", &format!("key:{index}"), "value"])).collect();
        client.send(&pipeline).unwrap();
        client.finish_sending();
        assert_eq!(client.receive_all(), vec![ok(); 100], "{workers} workers");
        let mut other = Client::connect(address);
        assert_eq!(other.line("DBSIZE"), Frame::Integer(100));
    }
}

#[test]
fn who_leaves_while_it_waits_for_others_is_gone() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        for line in ["WAIT 1 0", "WAIT 1 100000"] {
            for _ in 0..5 {
                Client::connect(address).send(&request(&line.split(' ').collect::<Vec<_>>())).unwrap();
            }
        }
        assert_eq!(client.line("CLIENT PAUSE 100000 WRITE"), ok());
        for _ in 0..5 {
            Client::connect(address).send(&request(&["SET", "a", "1"])).unwrap();
        }
        wait_until("only one client is there", || {
            let Frame::Bulk(text) = client.line("INFO clients") else { panic!("no text") };
            let text = String::from_utf8(text).unwrap();
            text.contains("connected_clients:1\r") && text.contains("blocked_clients:0\r")
        });
        assert_eq!(client.line("CLIENT UNPAUSE"), ok());
        assert_eq!(client.line("EXISTS a"), Frame::Integer(0));
    }
}
