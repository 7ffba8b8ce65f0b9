//! WAITAOF: whom it makes wait, for what, and what ends that.

use std::time::{Duration, Instant};

use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::trouble::Home;
use crate::{line, text};

const NO_LOG: &str = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";

/// What WAITAOF says of this server's log.
fn local(reply: &Frame) -> String {
    text(&reply.items()[0])
}

fn send(client: &mut TcpConnection, words: &str) {
    client.send(&words.split(' ').map(|word| word.as_bytes().to_vec()).collect::<Vec<_>>()).unwrap();
}

#[test]
fn waitaof_tells_of_the_log_whatever_it_is_asked_for() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--workers", workers];
        let program = home.launch(&options).start().unwrap();
        let mut client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "SET key value")), "OK");
        let script = "return redis.pcall('WAITAOF', 1, 0, 10)";
        assert_eq!(local(&line(&mut client, "WAITAOF 0 0 0")), "1");
        assert_eq!(local(&line(&mut client, "WAITAOF 1 0 0")), "1");
        assert_eq!(local(&client.call(&["EVAL", script, "0"]).unwrap()), "1");
        assert_eq!(text(&line(&mut client, "WAITAOF x 0 0")), "ERR value is not an integer or out of range");
        assert_eq!(text(&line(&mut client, "CONFIG SET appendonly no")), "OK");
        assert_eq!(local(&line(&mut client, "WAITAOF 0 0 0")), "0");
        assert!(text(&line(&mut client, "WAITAOF 1 0 0")).starts_with(NO_LOG));
        assert!(text(&client.call(&["EVAL", script, "0"]).unwrap()).starts_with(NO_LOG));
    }
}

/// Under `appendfsync no` nothing becomes durable by itself.
#[test]
fn waitaof_does_not_wait_for_what_others_wrote() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let options = ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--workers", workers];
        let program = home.launch(&options).start().unwrap();
        let (mut writer, mut reader) = (program.connect().unwrap(), program.connect().unwrap());
        for key in 0..8 {
            assert_eq!(text(&line(&mut writer, &format!("SET key{key} value"))), "OK");
        }
        assert_eq!(local(&line(&mut writer, "WAITAOF 1 0 50")), "0");
        assert_eq!(local(&line(&mut writer, "WAITAOF 0 0 0")), "0");
        assert_eq!(text(&line(&mut reader, "GET key1")), "value");
        assert_eq!(local(&line(&mut reader, "WAITAOF 1 0 0")), "1");
        assert_eq!(local(&line(&mut reader, "WAITAOF 0 0 0")), "1");
        // In a transaction nobody waits, and what it wrote itself is not durable before it ends.
        for words in ["MULTI", "WAITAOF 1 0 0", "SET key0 changed", "WAITAOF 1 0 0"] {
            assert!(!line(&mut reader, words).is_error());
        }
        let replies = line(&mut reader, "EXEC");
        assert_eq!([local(&replies.items()[0]), local(&replies.items()[2])], ["1", "0"]);
        assert_eq!(local(&line(&mut reader, "WAITAOF 1 0 50")), "0");
        assert_eq!(text(&line(&mut writer, "CONFIG SET appendfsync always")), "OK");
        assert_eq!(local(&line(&mut reader, "WAITAOF 1 0 0")), "1");
        assert_eq!(local(&line(&mut writer, "WAITAOF 1 0 0")), "1");
    }
}

/// A command and WAITAOF in one packet: the command's effect is with the log before WAITAOF looks.
#[test]
fn waitaof_waits_for_what_came_just_before_it() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let options = ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--workers", workers];
        let program = home.launch(&options).start().unwrap();
        for key in 0..8 {
            let mut client = program.connect().unwrap();
            // All is durable, and nothing more will be.
            assert_eq!(text(&line(&mut client, "CONFIG SET appendfsync always")), "OK");
            assert_eq!(text(&line(&mut client, "SET before value")), "OK");
            assert_eq!(local(&line(&mut client, "WAITAOF 1 0 0")), "1");
            assert_eq!(text(&line(&mut client, "CONFIG SET appendfsync no")), "OK");
            client.send_raw(format!("SET key{key} value\r\nWAITAOF 1 0 20\r\n").as_bytes()).unwrap();
            assert_eq!(text(&client.receive().unwrap()), "OK");
            assert_eq!(local(&client.receive().unwrap()), "0", "key{key}");
        }
    }
}

#[test]
fn who_waits_for_the_log_hears_that_there_is_none_any_more() {
    let home = Home::new();
    let options = ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--workers", "4"];
    let program = home.launch(&options).start().unwrap();
    let mut waiting: Vec<_> = (0..8).map(|_| program.connect().unwrap()).collect();
    for (key, client) in waiting.iter_mut().enumerate() {
        assert_eq!(text(&line(client, &format!("SET key{key} value"))), "OK");
        send(client, if key % 2 == 0 { "WAITAOF 1 0 0" } else { "WAITAOF 1 1 0" });
    }
    // This one waits for replicas alone.
    let mut other = program.connect().unwrap();
    send(&mut other, "WAITAOF 0 1 300");
    let mut client = program.connect().unwrap();
    crate::wait_until("all wait", || text(&line(&mut client, "INFO clients")).contains("blocked_clients:9"));
    let begun = Instant::now();
    assert_eq!(text(&line(&mut client, "CONFIG SET appendonly no")), "OK");
    for client in &mut waiting {
        assert_eq!(text(&client.receive().unwrap()), NO_LOG);
    }
    assert!(begun.elapsed() < Duration::from_secs(20));
    assert_eq!(local(&other.receive().unwrap()), "0");
    assert_eq!(text(&line(&mut waiting[0], "PING")), "PONG");
}

/// What WAITAOF waited for in vain does not end what its connection waits for next.
#[test]
fn a_wait_that_is_over_ends_no_other() {
    let home = Home::new();
    let options = ["--appendonly", "yes", "--appendfsync", "no", "--save", ""];
    let program = home.launch(&options).start().unwrap();
    let (mut client, mut other) = (program.connect().unwrap(), program.connect().unwrap());
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    assert_eq!(local(&line(&mut client, "WAITAOF 1 0 20")), "0");
    let begun = Instant::now();
    send(&mut client, "WAIT 1 600");
    assert_eq!(text(&line(&mut other, "CONFIG SET appendfsync always")), "OK");
    assert_eq!(text(&line(&mut other, "SET other value")), "OK");
    assert_eq!(client.receive().unwrap().number(), Some(0));
    assert!(begun.elapsed() >= Duration::from_millis(500));
}
