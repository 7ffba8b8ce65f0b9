//! What operators see: slow and large commands, latency events, all commands as they run, hot keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use kora_protocol::Frame;

use crate::client::{Client, bulk, ok};
use crate::server::start;

/// A script that takes this many turns of a loop, and touches its key.
const LOOP: &str = "local sum = 0 for turn = 1, tonumber(ARGV[1]) do sum = sum + turn end redis.call('SET', KEYS[1], 'v') return 1";

fn elements(frame: Frame) -> Vec<Frame> {
    match frame {
        Frame::Array(elements) => elements,
        other => panic!("no array: {other:?}"),
    }
}

fn text(frame: &Frame) -> String {
    match frame {
        Frame::Bulk(bytes) | Frame::Simple(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => panic!("no text: {other:?}"),
    }
}

fn number(frame: &Frame) -> i64 {
    match frame {
        Frame::Integer(number) => *number,
        other => panic!("no number: {other:?}"),
    }
}

/// An entry of a log: its value, words, address and name.
fn entries(client: &mut Client, words: &str) -> Vec<(i64, String, String, String)> {
    let entry = |entry: Frame| {
        let fields = elements(entry);
        let args: Vec<String> = elements(fields[3].clone()).iter().map(text).collect();
        (number(&fields[2]), args.join(" "), text(&fields[4]), text(&fields[5]))
    };
    elements(client.line(words)).into_iter().map(entry).collect()
}

#[test]
fn slow_commands_are_found_whichever_way_they_run() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--enable-debug-command", "yes"]);
        let mut client = Client::connect(address);
        client.line("CLIENT SETNAME me");
        // Many fast ones, of which none is to be kept, and a slow one in the midst of a pipeline.
        let mut pipeline = Vec::new();
        for number in 0..200 {
            let (key, value) = (format!("k{number}"), number.to_string());
            pipeline.extend(crate::client::request(&["SET", &key, &value]));
        }
        pipeline.extend(crate::client::request(&["EVAL", LOOP, "1", "slow", "10000000"]));
        pipeline.extend(crate::client::request(&["GET", "slow"]));
        client.send(&pipeline).unwrap();
        let replies: Vec<Frame> = (0..202).map(|_| client.receive().unwrap()).collect();
        assert_eq!(replies[201], bulk("v"));
        client.line("DEBUG SLEEP 0.02");
        client.line("MULTI");
        client.call(&["EVAL", LOOP, "1", "slow", "10000001"]);
        client.line("EXEC");
        let found = entries(&mut client, "SLOWLOG GET -1");
        let words: Vec<&str> = found.iter().map(|(_, words, ..)| words.as_str()).collect();
        for wanted in ["1 slow 10000000", "1 slow 10000001", "DEBUG SLEEP 0.02"] {
            let at = words.iter().position(|words| words.ends_with(wanted));
            let (took, _, address, name) = &found[at.unwrap_or_else(|| panic!("{wanted}: {words:?}"))];
            assert!(*took >= 10_000 && address.starts_with("127.0.0.1:") && name == "me", "{found:?}");
        }
        assert!(!words.contains(&"EXEC") && words.len() <= 6, "{words:?}");
    }
}

#[test]
fn a_script_that_stands_aside_is_kept_once_with_all_its_time() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--busy-reply-threshold", "5"]);
        let (mut client, mut other) = (Client::connect(address), Client::connect(address));
        client.send(&crate::client::request(&["EVAL", LOOP, "1", "slow", "30000000"])).unwrap();
        other.line("PING");
        client.receive().unwrap();
        let found = entries(&mut client, "SLOWLOG GET -1");
        let [(took, ..)] =
            found.iter().filter(|(_, words, ..)| words.starts_with("EVAL")).collect::<Vec<_>>()[..]
        else {
            panic!("{found:?}")
        };
        assert!(*took >= 20_000, "{found:?}");
        assert_eq!(client.line("CONFIG SET slowlog-log-slower-than 0"), ok());
    }
}

#[test]
fn secrets_are_hidden() {
    let (_server, address) = start(2, &["--slowlog-log-slower-than", "0"]);
    let mut client = Client::connect(address);
    for line in [
        "AUTH secret",
        "AUTH default secret",
        "HELLO 2 AUTH default secret SETNAME shown",
        "ACL SETUSER secret on >secret",
        "ACL GETUSER secret",
        "ACL DELUSER secret",
        "CONFIG SET timeout 0 masterauth secret",
        "CONFIG SET masterauth secret",
        "MIGRATE 127.0.0.1 1 nosuch 0 10 AUTH secret",
        "MIGRATE 127.0.0.1 1 nosuch 0 10 COPY AUTH2 secret secret",
        "MIGRATE 127.0.0.1 1  0 10 KEYS AUTH shown",
    ] {
        client.line(line);
    }
    let found = entries(&mut client, "SLOWLOG GET -1");
    let words: Vec<&str> = found.iter().rev().map(|(_, words, ..)| words.as_str()).collect();
    assert!(words.iter().all(|words| !words.contains("secret")), "{words:?}");
    assert_eq!(words[2], "HELLO 2 AUTH (redacted) (redacted) SETNAME shown");
    assert_eq!(words[6], "CONFIG SET timeout 0 masterauth (redacted)");
    assert_eq!(words[10], "MIGRATE 127.0.0.1 1  0 10 KEYS AUTH shown");
}

#[test]
fn large_requests_and_replies_are_kept() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        let value = vec![b'x'; 2_000_000];
        assert_eq!(client.call(&[b"SET", b"long".as_slice(), &value]), ok());
        assert!(client.call(&[b"NOSUCH", b"long".as_slice(), &value]).as_error().is_some());
        client.line("GET long");
        client.line("MULTI");
        client.line("GET long");
        client.line("EXEC");
        client.line("MGET a b c long");
        let requests = entries(&mut client, "COMMANDLOG GET -1 large-request");
        let [(bytes, words, ..)] = &requests[..] else { panic!("{requests:?}") };
        assert!(*bytes > 2_000_000 && words.starts_with("SET long xxx"), "{bytes} {words}");
        assert!(words.ends_with("... (1999872 more bytes)"), "{words}");
        let replies = entries(&mut client, "COMMANDLOG GET -1 large-reply");
        let words: Vec<_> = replies.iter().map(|(_, words, ..)| words.as_str()).collect();
        assert_eq!(words, ["MGET a b c long", "GET long", "GET long"], "{replies:?}");
    }
}

/// The words of a line of MONITOR behind its bracket.
fn behind(line: &Frame) -> String {
    text(line).split_once("] ").expect("a line has a bracket").1.to_owned()
}

#[test]
fn monitors_hear_of_commands_on_a_key_in_their_order() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut monitor = Client::connect(address);
        assert_eq!(monitor.line("MONITOR"), ok());
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                thread::spawn(move || {
                    let mut client = Client::connect(address);
                    let key = format!("counter{}", writer % 2);
                    (0..200).map(|_| number(&client.line(&format!("INCR {key}")))).collect::<Vec<_>>()
                })
            })
            .collect();
        let counts: Vec<Vec<i64>> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        // By the connection, the numbers that its commands gave, in the order in which MONITOR tells of them.
        let lines: Vec<String> = (0..800).map(|_| text(&monitor.receive().unwrap())).collect();
        let mut seen = [0, 0];
        let mut by_client = std::collections::BTreeMap::<&str, Vec<i64>>::new();
        for line in &lines {
            let client = line.split(['[', ']']).nth(1).unwrap();
            let key = usize::from(line.ends_with("\"counter1\""));
            seen[key] += 1;
            by_client.entry(client).or_default().push(seen[key]);
        }
        let mut told: Vec<_> = by_client.into_values().collect();
        let mut counts = counts;
        told.sort();
        counts.sort();
        assert_eq!(told, counts);
        let mut client = Client::connect(address);
        client.call(&["EVAL", "redis.call('SET', KEYS[1], ARGV[1])", "1", "k", "v"]);
        client.line("MULTI");
        client.line("GET k");
        client.line("EXEC");
        client.line("MSET a 1 b 2 c 3 d 4");
        client.line("CONFIG GET port");
        client.line("BLPOP nosuch 0.01");
        client.line("AUTH secret");
        let told: Vec<String> = (0..8).map(|_| behind(&monitor.receive().unwrap())).collect();
        assert_eq!(told[0], "\"EVAL\" \"redis.call('SET', KEYS[1], ARGV[1])\" \"1\" \"k\" \"v\"");
        let rest = ["\"SET\" \"k\" \"v\"", "\"MULTI\"", "\"GET\" \"k\"", "\"EXEC\""];
        assert_eq!(told[1..5], rest);
        assert!(told[5].starts_with("\"MSET\"") && told[5].matches('"').count() == 18, "{told:?}");
        assert_eq!(told[6..], ["\"BLPOP\" \"nosuch\" \"0.01\"", "\"AUTH\" \"(redacted)\""]);
        let refused = monitor.line("GET k");
        assert_eq!(refused.as_error().unwrap(), b"ERR Replica can't interact with the keyspace");
        assert_eq!(monitor.line("RESET"), Frame::Simple(b"RESET".to_vec()));
        client.line("SET k w");
        assert_eq!(monitor.line("GET k"), bulk("w"), "nothing comes between");
    }
}

#[test]
fn nothing_stands_between_the_lines_of_a_transaction_or_a_script() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--gather-connections", "no"]);
        let mut monitor = Client::connect(address);
        assert_eq!(monitor.line("MONITOR"), ok());
        let is_over = Arc::new(AtomicBool::new(false));
        let noise: Vec<_> = (0..3)
            .map(|number| {
                let is_over = Arc::clone(&is_over);
                thread::spawn(move || {
                    let mut client = Client::connect(address);
                    while !is_over.load(Ordering::Relaxed) {
                        client.line(&format!("INCR noise{number}"));
                    }
                })
            })
            .collect();
        let mut client = Client::connect(address);
        const ROUNDS: usize = 50;
        for _ in 0..ROUNDS {
            for line in [
                "multi",
                "incr a",
                "incr b",
                "incr c",
                "exec",
                "multi",
                "incr a",
                "client id",
                "incr b",
                "exec",
            ] {
                client.line(line);
            }
            client.call(&[
                "EVAL",
                "for _, key in ipairs(KEYS) do redis.call('incr', key) end",
                "2",
                "a",
                "b",
            ]);
            // It asks for a key that it has not declared, and runs anew.
            client.call(&["EVAL", "redis.call('get', 'a') redis.call('get', ARGV[1])", "1", "a", "c"]);
        }
        client.line("SET end 1");
        is_over.store(true, Ordering::Relaxed);
        noise.into_iter().for_each(|noise| noise.join().unwrap());
        let mut told = Vec::new();
        while told.last().is_none_or(|line: &String| !line.ends_with("\"end\" \"1\"")) {
            let line = text(&monitor.receive().unwrap());
            told.push(line);
        }
        let words: Vec<&str> = told.iter().map(|line| line.split_once("] ").unwrap().1).collect();
        let blocks: [&[&str]; 4] = [
            &["\"incr\" \"a\"", "\"incr\" \"b\"", "\"incr\" \"c\"", "\"exec\""],
            &["\"incr\" \"a\"", "\"client\" \"id\"", "\"incr\" \"b\"", "\"exec\""],
            &["\"2\" \"a\" \"b\"", "\"incr\" \"a\"", "\"incr\" \"b\""],
            &["\"1\" \"a\" \"c\"", "\"get\" \"a\"", "\"get\" \"c\""],
        ];
        for block in blocks {
            let stands = |at: usize| {
                words
                    .get(at..at + block.len())
                    .is_some_and(|lines| lines.iter().zip(block).all(|(line, end)| line.ends_with(end)))
            };
            assert_eq!((0..words.len()).filter(|&at| stands(at)).count(), ROUNDS, "{block:?}: {told:#?}");
        }
        let scripted = told.iter().filter(|line| line.contains(" lua] ")).count();
        assert_eq!(scripted, 4 * ROUNDS, "what runs anew is told once");
    }
}

#[test]
fn nobody_waits_for_a_monitor_that_does_not_read() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut monitor = Client::connect(address);
        assert_eq!(monitor.line("MONITOR"), ok());
        let mut client = Client::connect(address);
        let value = "v".repeat(60_000);
        let set = crate::client::request(&["SET", "k", &value]).repeat(20);
        for _ in 0..60 {
            client.send(&set).unwrap();
            (0..20).for_each(|_| assert_eq!(client.receive().unwrap(), ok()));
        }
        // What was dropped is told when the rest has been read, whether or not another command comes.
        let (mut told, mut dropped) = (0, 0);
        while told + dropped < 1200 {
            let line = behind(&monitor.receive().unwrap());
            match line.strip_prefix("\"MONITOR\" \"DROPPED\" ") {
                Some(count) => dropped += count.trim_matches('"').parse::<usize>().unwrap(),
                None => told += usize::from(line.starts_with("\"SET\"")),
            }
        }
        assert!(dropped > 0 && told > 0, "told {told}, dropped {dropped}");
    }
}

/// Asks for two keys much more often than for all others, and for each of those once.
fn ask_for_hot_keys(client: &mut Client) {
    for round in 0..200 {
        let mut pipeline = Vec::new();
        for step in 0..16 {
            let cold = format!("cold{}", round * 16 + step);
            pipeline.extend(crate::client::request(&["GET", &cold]));
            pipeline.extend(crate::client::request(&["GET", "hot"]));
            pipeline.extend(crate::client::request(&["INCR", "warm"]));
        }
        client.send(&pipeline).unwrap();
        (0..48).for_each(|_| drop(client.receive().unwrap()));
    }
}

/// The first two of a ranking in what HOTKEYS GET answered, by name.
fn first_of_ranking(fields: &[Frame], ranking: &str) -> Vec<String> {
    let mut keys: Vec<_> = elements(field_of(fields, ranking)).iter().step_by(2).map(text).take(2).collect();
    keys.sort();
    keys
}

fn field_of(fields: &[Frame], name: &str) -> Frame {
    let at = fields.iter().step_by(2).position(|field| text(field) == name);
    fields[at.unwrap_or_else(|| panic!("{name}: {fields:?}")) * 2 + 1].clone()
}

#[test]
fn hot_keys_are_found() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        // A command that the machine does not let run seems to take long: not each time, and hardly the same key's.
        let mut measure = || {
            assert_eq!(client.line("HOTKEYS START METRICS 2 CPU NET COUNT 3"), ok());
            ask_for_hot_keys(&mut client);
            assert!(client.line("HOTKEYS START METRICS 1 CPU").as_error().is_some());
            assert_eq!(client.line("HOTKEYS STOP"), ok());
            let fields = elements(client.line("HOTKEYS GET"));
            assert_eq!(client.line("HOTKEYS RESET"), ok());
            fields
        };
        let is_right = |fields: &Vec<Frame>| first_of_ranking(fields, "by-cpu-time-us") == ["hot", "warm"];
        let fields = (0..10).map(|_| measure()).find(is_right).expect("they take the most time");
        assert_eq!(client.line("HOTKEYS GET"), Frame::Null);
        assert_eq!(field_of(&fields, "tracking-active"), Frame::Integer(0));
        assert_eq!(first_of_ranking(&fields, "by-net-bytes"), ["hot", "warm"], "{fields:?}");
        assert!(number(&field_of(&fields, "all-commands-all-slots-us")) > 0);
        assert!(number(&field_of(&fields, "total-net-bytes")) > 9600 * 20);
        let found = elements(client.line("STATS.HOTKEYS 2"));
        let mut names: Vec<String> = found.into_iter().map(|key| text(&elements(key)[0])).collect();
        names.sort();
        assert_eq!(names, ["hot", "warm"]);
        let detailed = elements(client.line("STATS.HOTKEYS 2 DETAILS"));
        let mut names: Vec<String> = detailed.into_iter().map(|key| text(&elements(key)[1])).collect();
        names.sort();
        assert_eq!(names, ["hot", "warm"]);
        assert!(client.line("STATS.HOTKEYS 2 MORE").as_error().is_some());
    }
}
