//! Much at once: long pipelines, large values, many arguments, many keys.

use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::server::start;
use crate::size;

/// A pipeline whose commands depend on their order, and its replies.
fn pipeline(count: usize) -> (Vec<u8>, Vec<Frame>) {
    let (mut bytes, mut replies) = (Vec::new(), Vec::new());
    for index in 0..count {
        let key = format!("key:{}", index % 10);
        let (words, reply) = match index % 7 {
            0 => (vec!["SET".to_owned(), key, index.to_string()], ok()),
            1 | 2 => (vec!["ECHO".to_owned(), index.to_string()], bulk(index.to_string())),
            3 => (
                vec!["INCR".to_owned(), "counter".to_owned()],
                Frame::Integer((index / 7 + 1).try_into().unwrap()),
            ),
            4 => (vec!["MSET".to_owned(), "a".to_owned(), index.to_string(), "b".to_owned(), key], ok()),
            5 => (vec!["GET".to_owned(), "a".to_owned()], bulk((index - 1).to_string())),
            _ => (vec!["STRLEN".to_owned(), "nothing".to_owned()], Frame::Integer(0)),
        };
        bytes.extend(request(&words));
        replies.push(reply);
    }
    (bytes, replies)
}

#[test]
fn ten_thousand_commands_in_one_write() {
    let (bytes, expected) = pipeline(10_000);
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        let mut writer = Client::connect(address);
        assert_eq!(writer.line("PING"), Frame::Simple(b"PONG".to_vec()));
        client.send(&bytes).unwrap();
        for (index, expected) in expected.iter().enumerate() {
            assert_eq!(client.receive().as_ref(), Some(expected), "command {index}, {workers} workers");
        }
    }
}

#[test]
fn a_pipeline_cut_anywhere_gives_the_same() {
    let (bytes, expected) = pipeline(70);
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        for at in (1..bytes.len()).step_by(size(7, 1)) {
            client.send(&bytes[..at]).unwrap();
            // A request in between makes sure that the halves are read apart.
            client.send(&bytes[at..]).unwrap();
            for expected in &expected {
                assert_eq!(client.receive().as_ref(), Some(expected), "cut at {at}, {workers} workers");
            }
            assert_eq!(client.line("DEL counter"), Frame::Integer(1));
        }
    }
}

#[test]
fn a_pipeline_byte_by_byte() {
    let (bytes, expected) = pipeline(70);
    let (_server, address) = start(4, &[]);
    let mut client = Client::connect(address);
    for byte in bytes {
        client.send(&[byte]).unwrap();
    }
    for expected in &expected {
        assert_eq!(client.receive().as_ref(), Some(expected));
    }
}

#[test]
fn large_values() {
    let value = vec![b'v'; size(20 << 20, 100 << 20)];
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        // Whatever shard a key lives on.
        for key in ["a", "b", "c"] {
            assert_eq!(client.call(&[b"SET", key.as_bytes(), &value]), ok());
            assert!(client.call(&["GET", key]) == bulk(&value), "the value came back as it went");
            assert_eq!(client.call(&["DEL", key]), Frame::Integer(1));
        }
    }
}

#[test]
fn a_million_arguments() {
    let count: i32 = size(100 << 10, 512 << 10);
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        let keys: Vec<String> = (0..count).map(|index| format!("key:{index}")).collect();
        let pairs = keys.iter().flat_map(|key| [key.as_str(), "value"]);
        let set: Vec<&str> = std::iter::once("MSET").chain(pairs).collect();
        assert_eq!(client.call(&set), ok());
        assert_eq!(client.line("DBSIZE"), Frame::Integer(count.into()));
        let del: Vec<&str> = std::iter::once("DEL").chain(keys.iter().map(String::as_str)).collect();
        assert_eq!(client.call(&del), Frame::Integer(count.into()));
        assert_eq!(client.line("DBSIZE"), Frame::Integer(0));
    }
}

/// How long FLUSHALL takes with so many keys.
fn flush(client: &mut Client, count: i64) -> Duration {
    for first in (0..count).step_by(1000) {
        let words = (first..first + 1000).flat_map(|index| [format!("key:{index}"), "v".repeat(32)]);
        let words: Vec<_> = std::iter::once("MSET".to_owned()).chain(words).collect();
        assert_eq!(client.call(&words), ok());
    }
    assert_eq!(client.line("DBSIZE"), Frame::Integer(count));
    let begun = Instant::now();
    assert_eq!(client.line("FLUSHALL"), ok());
    let took = begun.elapsed();
    assert_eq!(client.line("DBSIZE"), Frame::Integer(0));
    took
}

#[test]
fn flushall_returns_at_once() {
    let count = size(100_000, 1_000_000);
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        // A machine that does not let the server run makes any command long, but hardly each time.
        let took = (0..10).map(|_| flush(&mut client, count)).find(|took| {
            println!("FLUSHALL of {count} keys on {workers} workers: {took:?}");
            *took < Duration::from_millis(size(500, 20))
        });
        assert!(took.is_some(), "FLUSHALL is never quick");
    }
}
