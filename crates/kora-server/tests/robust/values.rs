//! Large values leave without a copy: who reads one sees it as it was, whatever is written meanwhile, and it is gone when nobody needs it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok, request};
use crate::memory::{field_of, info, info_text};
use crate::server::{Program, SetOnDrop, wait_until};
use crate::size;

/// Keys that are read and overwritten.
const KEYS: usize = 4;

/// A value that tells whether it is whole: all its words of eight bytes are the same.
fn sealed(seed: u64, words: usize) -> Vec<u8> {
    seed.to_le_bytes().repeat(words)
}

/// Whether a value, or a part of one from a multiple of eight on, was written by one command.
fn is_whole(value: &[u8]) -> bool {
    value.chunks_exact(8).all(|word| word == &value[..8]) && value.len().is_multiple_of(8)
}

fn key(number: usize) -> String {
    format!("value:{}", number % KEYS)
}

/// Overwrites the values in every way there is, until it is over; how often.
fn overwrite(mut client: Client, is_over: &AtomicBool, seed: u64) -> u64 {
    let mut count = 0;
    while !is_over.load(Ordering::Relaxed) {
        let (key, number) = (key(usize::try_from(count).unwrap()), (seed << 32) + count);
        let words = [512, 2048, 2048, 2040, 8192, 20_000][usize::try_from(count % 6).unwrap()];
        let value = sealed(number, words);
        let reply = match count % 8 {
            0..=2 => client.call(&[b"SET", key.as_bytes(), &value]),
            3 => client.call(&[b"GETSET", key.as_bytes(), &value]),
            4 => client.call(&[b"MSET", key.as_bytes(), &value, b"other", b"small"]),
            // All of it at once, in place.
            5 => client.call(&[&b"EVAL"[..], b"return redis.call('SETRANGE', KEYS[1], 0, string.rep(string.sub(ARGV[1], 1, 8), redis.call('STRLEN', KEYS[1]) / 8))", b"1", key.as_bytes(), &value]),
            6 => client.call(&[&b"EVAL"[..], b"return redis.call('APPEND', KEYS[1], string.rep(string.sub(redis.call('GET', KEYS[1]), 1, 8), 100))", b"1", key.as_bytes()]),
            _ => client.call(&[&b"SET"[..], key.as_bytes(), &value, b"EX", b"100"]),
        };
        match reply {
            Frame::Bulk(old) => assert!(is_whole(&old), "GETSET gave a torn value"),
            Frame::Simple(_) | Frame::Integer(_) => {}
            other => panic!("{other:?}"),
        }
        count += 1;
    }
    count
}

/// Reads values in every way there is, many at a time; how many were read.
fn read(mut client: Client, is_over: &AtomicBool, is_slow: bool) -> u64 {
    let mut count = 0;
    if is_slow {
        assert!(matches!(client.line("HELLO 3"), Frame::Map(_)));
    }
    while !is_over.load(Ordering::Relaxed) {
        let mut bytes = Vec::new();
        for number in 0..KEYS {
            bytes.extend(request(&["GET", &key(number)]));
            bytes.extend(request(&["GETRANGE", &key(number), "80", "7999"]));
            bytes.extend(request(&["PING"]));
        }
        bytes.extend(request(&["MGET", &key(0), &key(1), "other", &key(2), &key(3)]));
        for words in [&["MULTI"][..], &["GET", &key(1)], &["MGET", &key(2), &key(0)], &["EXEC"]] {
            bytes.extend(request(words));
        }
        client.send(&bytes).unwrap();
        if is_slow {
            thread::sleep(Duration::from_millis(2));
        }
        for _ in 0..3 * KEYS + 5 {
            count += check(&client.receive().expect("a reply"));
        }
    }
    count
}

/// Looks at all values in a reply; how many there were.
fn check(reply: &Frame) -> u64 {
    match reply {
        Frame::Bulk(value) if value == b"small" => 0,
        Frame::Bulk(value) => {
            assert!(is_whole(value), "a torn value of {} bytes", value.len());
            1
        }
        Frame::Array(values) => values.iter().map(check).sum(),
        Frame::Simple(_) | Frame::Null => 0,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_reader_never_sees_half_a_change() {
    for workers in ["1", "4"] {
        let server = Program::start(&["--workers", workers]);
        let mut client = server.client();
        for number in 0..KEYS {
            assert_eq!(client.call(&[b"SET", key(number).as_bytes(), &sealed(1, 2048)]), ok());
        }
        let (is_over, reads) = (AtomicBool::new(false), AtomicU64::new(0));
        let written: u64 = thread::scope(|scope| {
            let ending = SetOnDrop(&is_over);
            let writers: Vec<_> = (2..5)
                .map(|seed| (server.client(), seed))
                .map(|(client, seed)| {
                    let is_over = &is_over;
                    scope.spawn(move || overwrite(client, is_over, seed))
                })
                .collect();
            for number in 0..4 {
                let (client, is_over, reads) = (server.client(), &is_over, &reads);
                scope.spawn(move || reads.fetch_add(read(client, is_over, number == 0), Ordering::Relaxed));
            }
            thread::sleep(Duration::from_millis(size(1500, 30_000)));
            drop(ending);
            writers.into_iter().map(|writer| writer.join().unwrap()).sum()
        });
        let reads = reads.load(Ordering::Relaxed);
        println!("{workers} workers: {written} writes, {reads} values read");
        assert!(written > 100 && reads > 100, "{written} writes, {reads} reads");
    }
}

/// Values that a reader has asked for and not read, of a MiB each.
const MANY: usize = 32;

fn used(client: &mut Client) -> u64 {
    info(client, "used_memory")
}

#[test]
fn what_nobody_reads_takes_no_second_copy_and_is_given_back() {
    for workers in ["1", "4"] {
        let server = Program::start(&["--workers", workers]);
        let mut client = server.client();
        let value = vec![b'v'; 1 << 20];
        for number in 0..MANY {
            assert_eq!(client.call(&[b"SET", format!("k{number}").as_bytes(), &value]), ok());
        }
        let full = used(&mut client);
        // Each has half a MiB unsent at least, however much the system's buffers take.
        let mut lazy: Vec<_> = (0..16).map(|_| server.client()).collect();
        for reader in &mut lazy {
            reader
                .send(
                    &(0..MANY)
                        .flat_map(|number| request(&["GET", &format!("k{number}")]))
                        .collect::<Vec<_>>(),
                )
                .unwrap();
        }
        wait_until("much is not read", || info::<u64>(&mut client, "mem_clients_normal") > 6 << 20);
        let text = info_text(&mut client);
        let more = field_of::<u64>(&text, "used_memory").saturating_sub(full);
        println!(
            "{workers} workers: {} bytes unread, {more} more in use",
            field_of::<u64>(&text, "mem_clients_normal")
        );
        assert!(more < 4 << 20, "{more} bytes for replies that refer to values");
        // What was deleted is in use as long as a reply refers to it.
        assert_eq!(client.line("FLUSHALL SYNC"), ok());
        wait_until("the keys are freed", || info::<u64>(&mut client, "lazyfree_pending_objects") == 0);
        assert!(used(&mut client) > 4 << 20);
        let last = lazy.pop().unwrap();
        drop(lazy);
        assert_eq!(client.call(&[&b"SET"[..], b"k1", &vec![b'w'; 1 << 20]]), ok());
        let mut last = last;
        for number in 0..MANY {
            let reply = last.receive().expect("a reply");
            assert!(reply == bulk(&value) || reply == Frame::Null || number == 1, "value {number} as it was");
        }
        drop(last);
        wait_until("all is given back", || {
            used(&mut client) < (1 << 20) + (256 << 10) + full - (u64::try_from(MANY).unwrap() << 20)
        });
        let untold: i64 = info(&mut client, "account_untold_bytes");
        assert!(untold.unsigned_abs() < 256 << 10, "whoever frees values tells of it: {untold}");
    }
}

#[test]
fn output_limits_count_what_replies_refer_to() {
    for workers in ["1", "4"] {
        let server = Program::start(&["--workers", workers]);
        let mut client = server.client();
        assert_eq!(client.call(&["CONFIG", "SET", "client-output-buffer-limit", "normal 8mb 0 0"]), ok());
        assert_eq!(client.call(&[&b"SET"[..], b"big", &vec![b'v'; 1 << 20]]), ok());
        let before = used(&mut client);
        let mut greedy = server.client();
        greedy.send(&request(&[&["MGET"][..], &["big"; 100]].concat())).unwrap();
        wait_until("it is closed", || {
            info::<u64>(&mut client, "client_output_buffer_limit_disconnections") > 0
        });
        assert!(greedy.receive_all().is_empty(), "no reply is whole");
        assert!(used(&mut client) < before + (1 << 20));
        assert_eq!(client.line("STRLEN big"), Frame::Integer(1 << 20));
    }
}

#[test]
fn eviction_takes_no_more_than_it_must_while_values_are_read() {
    for workers in ["1", "4"] {
        let limits = ["--maxmemory", "64mb", "--maxmemory-policy", "allkeys-lru"];
        let server = Program::start(&[&["--workers", workers][..], &limits].concat());
        let mut client = server.client();
        let value = vec![b'v'; 16 << 10];
        let set = |client: &mut Client, numbers: std::ops::Range<usize>| {
            for number in numbers {
                assert_eq!(client.call(&[b"SET", format!("k{number}").as_bytes(), &value]), ok());
            }
        };
        // Nearly as many as there is room for.
        set(&mut client, 0..3200);
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0);
        let mut lazy: Vec<_> = (0..8).map(|_| server.client()).collect();
        for reader in &mut lazy {
            reader
                .send(
                    &(0..1000)
                        .flat_map(|number| request(&["GET", &format!("k{number}")]))
                        .collect::<Vec<_>>(),
                )
                .unwrap();
        }
        wait_until("much is not read", || info::<u64>(&mut client, "mem_clients_normal") > 4 << 20);
        assert_eq!(info::<u64>(&mut client, "evicted_keys"), 0, "no copy needs a key's place");
        set(&mut client, 5000..6000);
        let (evicted, used) = (info::<u64>(&mut client, "evicted_keys"), used(&mut client));
        println!("{workers} workers: {evicted} evicted, {used} in use");
        assert!(evicted < 1000, "{evicted} keys for 1000");
        drop(lazy);
    }
}

/// Whoever leaves half-way through a value, or has the rest of its replies dropped, leaves the server as it was.
#[test]
fn clients_that_leave_half_way_hold_nothing() {
    for workers in ["1", "4"] {
        let server = Program::start(&["--workers", workers]);
        let mut client = server.client();
        assert_eq!(client.call(&[&b"SET"[..], b"big", &vec![b'v'; 2 << 20]]), ok());
        let before = used(&mut client);
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_millis(size(500, 5000)) {
            let mut leaving = server.client();
            leaving.send(&request(&["GET", "big"]).repeat(6)).unwrap();
            leaving.receive().unwrap();
            drop(leaving);
            assert_eq!(client.line("SETRANGE big 100 x"), Frame::Integer(2 << 20));
        }
        wait_until("they hold nothing", || used(&mut client) < before + (1 << 20));
        let Frame::Bulk(value) = client.line("GET big") else { panic!("a string") };
        assert!(value.len() == 2 << 20 && value[100] == b'x');
    }
}
