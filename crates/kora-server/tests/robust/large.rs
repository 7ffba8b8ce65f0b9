//! Large values: nobody waits while one is freed, and a reply with all of one takes little more than its length.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, ok, request};
use crate::server::{Program, SetOnDrop, wait_until};
use crate::{is_full, size};

/// Members added by one command.
const MEMBERS_PER_COMMAND: usize = 1000;

/// Makes `key` a set of so many members.
fn fill_set(client: &mut Client, key: &str, members: usize) {
    for first in (0..members).step_by(MEMBERS_PER_COMMAND) {
        let names = (first..first + MEMBERS_PER_COMMAND).map(|number| format!("member:{number:09}"));
        let args: Vec<_> = ["SADD".to_owned(), key.to_owned()].into_iter().chain(names).collect();
        assert_eq!(client.call(&args), Frame::Integer(1000));
    }
}

/// The longest time a PING took until `is_over`.
fn longest_ping(mut client: Client, is_over: &AtomicBool) -> Duration {
    let mut longest = Duration::ZERO;
    while !is_over.load(Ordering::Relaxed) {
        let begun = Instant::now();
        assert_eq!(client.line("PING"), Frame::Simple(b"PONG".to_vec()));
        longest = longest.max(begun.elapsed());
    }
    longest
}

fn info(client: &mut Client, field: &str) -> String {
    let (Frame::Bulk(text) | Frame::Verbatim { text, .. }) = client.line("INFO everything") else {
        panic!("INFO is text")
    };
    let text = String::from_utf8(text).unwrap();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {field}")).to_owned()
}

#[test]
fn nobody_waits_while_a_large_set_is_freed() {
    let members = size(200_000, 10_000_000);
    let ways: [&[&str]; 8] = [
        &["DEL big"],
        &["UNLINK big"],
        &["SET big small"],
        &["PEXPIRE big 1"],
        &["SET other small", "RENAME other big"],
        &["FLUSHALL ASYNC"],
        &["FLUSHALL SYNC"],
        &["CONFIG SET maxmemory-policy allkeys-lru maxmemory 1mb", "CONFIG SET maxmemory 0"],
    ];
    let program = Program::start(&["--workers", "1"]);
    let mut client = program.client();
    for way in ways {
        fill_set(&mut client, "big", members);
        let used: u64 = info(&mut client, "used_memory").parse().unwrap();
        let is_over = AtomicBool::new(false);
        let prober = program.client();
        let longest = std::thread::scope(|scope| {
            let ending = SetOnDrop(&is_over);
            let prober = scope.spawn(|| longest_ping(prober, &is_over));
            for line in way {
                client.line(line);
            }
            wait_until("the set is freed", || {
                let now: u64 = info(&mut client, "used_memory").parse().unwrap();
                now < used / 2 && info(&mut client, "lazyfree_pending_objects") == "0"
            });
            drop(ending);
            prober.join().unwrap()
        });
        println!("{members} members, {way:?}: the longest PING took {longest:?}");
        assert!(longest < Duration::from_millis(size(1000, 20)), "{way:?}: {longest:?}");
        assert_eq!(client.line("FLUSHALL"), ok());
    }
}

#[test]
fn a_long_reply_takes_little_more_than_its_length() {
    let elements = size(20_000, 100_000);
    let value = "v".repeat(1000);
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers]);
        // With four workers most of these are served by another one than holds the list.
        let mut clients: Vec<_> = (0..4).map(|_| program.client()).collect();
        for _ in 0..elements / 100 {
            let args: Vec<_> = ["RPUSH", "list"].into_iter().chain([value.as_str(); 100]).collect();
            assert!(matches!(clients[0].call(&args), Frame::Integer(_)));
        }
        let length = elements * (value.len() + 9);
        for client in &mut clients {
            program.forget_peak();
            let before = program.resident_bytes();
            client.send(&request(&["LRANGE", "list", "0", "-1"])).unwrap();
            // The reply lies with the server in whole before the first byte is read.
            std::thread::sleep(Duration::from_millis(size(300, 1000)));
            let Some(Frame::Array(values)) = client.receive() else { panic!("LRANGE replies with an array") };
            assert_eq!(values.len(), elements);
            let grown = program.peak_resident_bytes().saturating_sub(before);
            println!("{workers} workers, a reply of {length} bytes: resident memory grew by {grown}");
            if is_full() {
                assert!(grown < length + length / 10, "{grown} for {length}");
            }
        }
    }
}
