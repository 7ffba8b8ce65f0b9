//! Large values: nobody waits while one is freed, and a reply with all of one takes little more than its length.

use std::io::{Read as _, Write as _};
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

#[test]
fn a_large_value_is_in_memory_once_while_it_is_stored() {
    let length = size(32 << 20, 300 << 20);
    let most = length + length / 2;
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers]);
        let mut client = program.client();
        let value = "v".repeat(length);
        program.forget_peak();
        let before = program.resident_bytes();
        // What stands around the value, and behind its request, is read with it.
        let mut sent = request(&["SET", "k", &value, "PX", "1000000"]);
        sent.extend_from_slice(b"*2\r\n$6\r\nSTRLEN\r\n$1\r\nk\r\nPING\r\n");
        client.send(&sent).unwrap();
        assert_eq!(client.receive(), Some(ok()));
        let grown = program.peak_resident_bytes().saturating_sub(before);
        println!("{workers} workers, a value of {length} bytes: resident memory grew by {grown}");
        assert!(grown < most, "{grown} for {length}");
        assert_eq!(client.receive(), Some(Frame::Integer(i64::try_from(length).unwrap())));
        assert_eq!(client.receive(), Some(Frame::Simple(b"PONG".to_vec())));
        drop(sent);
        let Frame::Bulk(kept) = client.line("GET k") else { panic!("GET replies with a string") };
        assert!(kept == value.as_bytes(), "what was stored is another");
        let Frame::Integer(left) = client.line("PTTL k") else { panic!("it has a deadline") };
        assert!((1..=1_000_000).contains(&left), "{left}");
        // It is the store's alone now, and what is added does not show in what was read.
        assert_eq!(client.line("APPEND k x"), Frame::Integer(i64::try_from(length + 1).unwrap()));
        assert_eq!(client.line("GETRANGE k -2 -1"), Frame::Bulk(b"vx".to_vec()));
    }
}

/// It is sent to its shard as it is.
#[test]
fn a_large_value_that_waits_for_its_shard_is_not_copied() {
    let length = size(32 << 20, 300 << 20);
    let program = Program::start(&["--workers", "4", "--busy-reply-threshold", "60000"]);
    let (mut client, mut holder) = (program.client(), program.client());
    let sent = request(&["SET", "k", &"v".repeat(length)]);
    program.forget_peak();
    let before = program.resident_bytes();
    let (most_of_it, rest) = sent.split_at(sent.len() - 1);
    client.send(most_of_it).unwrap();
    let script = "local function now() local t = redis.call('TIME') return t[1] * 1000 + t[2] / 1000 end \
                  local until_ms = now() + 1000 while now() < until_ms do redis.call('GET', KEYS[1]) end";
    holder.send(&request(&["EVAL", script, "1", "k"])).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    client.send(rest).unwrap();
    assert_eq!(client.receive(), Some(ok()));
    assert_eq!(holder.receive(), Some(Frame::Null));
    let grown = program.peak_resident_bytes().saturating_sub(before);
    println!("a value of {length} bytes: resident memory grew by {grown}");
    assert!(grown < length + length / 2, "{grown} for {length}");
    assert_eq!(client.line("APPEND k x"), Frame::Integer(i64::try_from(length + 1).unwrap()));
    assert_eq!(client.line("GETRANGE k -2 -1"), Frame::Bulk(b"vx".to_vec()));
}

#[test]
fn the_query_buffer_is_kept_to_its_limit() {
    let limit = 2 << 20;
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers, "--client-query-buffer-limit", "2mb"]);
        let (mut client, mut watcher) = (program.client(), program.client());
        // Arguments that are whole do not count, as in Redis.
        let first = 1_900_000;
        let head = format!("*5\r\n$4\r\nMSET\r\n$1\r\nj\r\n${first}\r\n{}\r\n", "v".repeat(first));
        client.send(head.as_bytes()).unwrap();
        client.send(&[b"$1\r\nk\r\n$4000000\r\n", &vec![b'v'; limit][..]].concat()).unwrap();
        wait_until("all of it has come", || {
            let Frame::Bulk(list) = watcher.line("CLIENT LIST") else { panic!("CLIENT LIST is text") };
            String::from_utf8(list).unwrap().contains(&format!("qbuf={limit} "))
        });
        client.send(b"v").unwrap();
        assert_eq!(client.receive(), None, "one byte more is too much");
        assert_eq!(info(&mut watcher, "client_query_buffer_limit_disconnections"), "1");
        // Many arguments, large and small, that are more than the limit together.
        let mut client = program.client();
        let (large, small) = ("v".repeat(1_500_000), "v".repeat(100));
        let mut words = vec!["MSET"];
        words.extend(["a", &large, "b", &large, "c", &large]);
        words.extend(["d", &small].repeat(30_000));
        client.send(&request(&words)).unwrap();
        assert_eq!(client.receive(), Some(ok()));
        assert_eq!(client.line("STRLEN c"), Frame::Integer(1_500_000));
        assert_eq!(info(&mut watcher, "client_query_buffer_limit_disconnections"), "1");
    }
}

#[test]
fn a_pipeline_goes_on_with_many_commands_at_a_time() {
    let count = size(20_000, 100_000);
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers]);
        let mut client = program.client();
        assert_eq!(client.line(&format!("SET k {}", "v".repeat(1000))), ok());
        for one in [&b"GET k\r\n"[..], b"*2\r\n$3\r\nGET\r\n$1\r\nk\r\n"] {
            assert_eq!(client.line("CONFIG RESETSTAT"), ok());
            let sent = one.repeat(count);
            let mut sender = program.client().into_stream();
            let mut reader = sender.try_clone().unwrap();
            std::thread::scope(|scope| {
                scope.spawn(|| sender.write_all(&sent).unwrap());
                // Little is read at a time, so that there is seldom room for much.
                let mut left = count * (1000 + "$1000\r\n\r\n".len());
                let mut buffer = [0; 4000];
                while left > 0 {
                    let most = left.min(buffer.len());
                    left -= reader.read(&mut buffer[..most]).unwrap();
                }
            });
            let writes: usize = info(&mut client, "total_writes_processed").parse().unwrap();
            println!("{workers} workers, {count} replies of 1000 bytes: {writes} writes");
            assert!(writes < count / 20, "{writes} writes of {count} replies");
        }
    }
}
