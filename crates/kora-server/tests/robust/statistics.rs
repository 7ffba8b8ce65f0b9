//! What INFO says of the time that commands and rounds took, and of memory that is shared.

use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, request};
use crate::server::{start, wait_until};

fn info(client: &mut Client, section: &str) -> String {
    match client.line(&format!("INFO {section}")) {
        Frame::Bulk(text) => String::from_utf8(text).unwrap(),
        other => panic!("{other:?}"),
    }
}

/// The number behind `name` and a separator, up to what is no digit or point.
fn number(text: &str, name: &str) -> f64 {
    let at = text.find(name).unwrap_or_else(|| panic!("{name} is not in {text}"));
    let rest = &text[at + name.len() + 1..];
    let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
    rest[..end].parse().unwrap()
}

/// As recorded from Redis 8.0.2.
#[test]
fn changes_are_counted_as_in_redis() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--save", "", "--enable-debug-command", "yes"]);
        let mut client = Client::connect(address);
        let count = |client: &mut Client| number(&info(client, "persistence"), "rdb_changes_since_last_save");
        let mut before = 0.0;
        for (line, changes) in [
            ("SET k v", 1),
            ("MSET a 1 b 2 c 3", 3),
            ("DEL a b none", 2),
            ("RPUSH l a b c d", 4),
            ("SADD s a b c a", 3),
            ("ZADD z 1 a 2 b", 2),
            ("HSET h a 1 b 2 c 3 d 4", 4),
            ("HMSET h a 1 b 2", 2),
            ("HEXPIRE h 100 FIELDS 4 a b c d", 4),
            ("HPERSIST h FIELDS 2 a b", 1),
            ("HGETEX h EX 100 FIELDS 2 a b", 2),
            ("HGETEX h PERSIST FIELDS 2 a b", 2),
            ("HEXPIRE h 0 FIELDS 2 c d", 2),
            ("HSETEX h EX 100 FIELDS 3 q 1 r 2 s 3", 3),
            ("HSETEX h EX 100 FIELDS 1 q 1", 1),
            ("HSETEX h PXAT 1 FIELDS 2 q 1 r 3", 2),
            ("HGETDEL h FIELDS 3 a s none", 2),
            ("HDEL h b none", 1),
            ("GEOADD ge 1 2 a 1 2.1 b 1 2.2 c", 3),
            ("GEOSEARCHSTORE g2 ge FROMMEMBER a BYRADIUS 1000 km", 3),
            ("SET k v PX 1", 1),
            ("HSET h a 1", 1),
            ("HPEXPIRE h 1 FIELDS 1 a", 1),
            ("FLUSHALL", 6),
        ] {
            if line == "FLUSHALL" {
                // What expires is no change.
                wait_until("both have expired", || client.line("EXISTS k h") == Frame::Integer(0));
            }
            client.line(line);
            let now = count(&mut client);
            assert_eq!(now - before, f64::from(changes), "{line} with {workers} workers");
            before = now;
        }
        client.line("DEBUG POPULATE 1000 p 10");
        let text = info(&mut client, "keyspace");
        assert!(text.contains("db0:keys=1000,"), "{text}");
    }
}

#[test]
fn the_time_of_a_command_is_that_of_its_execution() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--busy-reply-threshold", "0"]);
        let (mut busy, mut client) = (Client::connect(address), Client::connect(address));
        // A script keeps the shard of its key until it is done; SET waits for that.
        let script =
            "local sum = 0 for turn = 1, 3e7 do sum = sum + turn end redis.call('SET', KEYS[1], 1) return 1";
        busy.send(&request(&["EVAL", script, "1", "{k}script"])).unwrap();
        let mut waited = Duration::ZERO;
        while waited < Duration::from_millis(20) && client.line("EXISTS {k}script") == Frame::Integer(0) {
            let begun = Instant::now();
            client.line("SET {k}other v");
            waited = begun.elapsed();
        }
        busy.receive().unwrap();
        let text = info(&mut client, "commandstats");
        let (set_us, eval_us) =
            (number(&text, "cmdstat_set:calls"), number(&text[text.find("cmdstat_eval").unwrap()..], "usec"));
        assert!(set_us >= 1.0 && eval_us > 1000.0, "{text}");
        let set = &text[text.find("cmdstat_set:").unwrap()..];
        let spent = number(set, "usec");
        // The script's own SET counts as well.
        let half = u32::try_from(waited.as_micros() / 2).unwrap();
        assert!(waited < Duration::from_millis(20) || spent < f64::from(half), "waited {waited:?}: {text}");
    }
}

#[test]
fn long_replies_take_buffers_and_give_them_back() {
    let (_server, address) = start(1, &[]);
    let mut client = Client::connect(address);
    client.line("SETRANGE long 1000000 x");
    client.line("RPUSH list a b c");
    let counts = |client: &mut Client| {
        let text = info(client, "stats");
        (number(&text, "reply_buffer_expands"), number(&text, "reply_buffer_shrinks"))
    };
    // INFO's own reply takes a larger buffer at first.
    for _ in 0..2 {
        counts(&mut client);
    }
    let (expands, shrinks) = counts(&mut client);
    for _ in 0..3 {
        client.line("GET long");
    }
    let (more_expands, more_shrinks) = counts(&mut client);
    assert!(more_expands >= expands + 3.0 && more_shrinks >= shrinks + 3.0);
    (0..3).for_each(|_| drop(client.line("LRANGE list 0 -1")));
    assert_eq!(counts(&mut client), (more_expands, more_shrinks), "short ones do not");
}

#[test]
fn rare_commands_are_timed_and_percentiles_follow_the_settings() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &["--enable-debug-command", "yes"]);
        let mut client = Client::connect(address);
        client.line("RPUSH list a b c");
        client.line("LINDEX list 1");
        client.line("DEBUG SLEEP 0.05");
        let text = info(&mut client, "latencystats");
        for command in ["rpush", "lindex"] {
            let name = format!("latency_percentiles_usec_{command}:p50");
            assert!(number(&text, &name) > 0.0, "{text}");
        }
        assert!(number(&text, "latency_percentiles_usec_debug:p50") >= 50_000.0, "{text}");
        assert!(text.contains(",p99=") && text.contains(",p99.9="), "{text}");
        let text = info(&mut client, "commandstats");
        assert!(number(&text[text.find("cmdstat_debug:").unwrap()..], "usec") >= 50_000.0, "{text}");
        let text = info(&mut client, "stats");
        assert!(number(&text, "eventloop_duration_cmd_sum") >= 50_000.0, "{text}");
        assert!(number(&text, "eventloop_duration_sum") > 0.0, "{text}");
        assert!(number(&text, "eventloop_cycles") > 0.0, "{text}");
        let text = info(&mut client, "threads");
        assert_eq!(text.matches("io_thread_").count(), usize::from(workers), "{text}");
        client.line("CONFIG SET latency-tracking-info-percentiles 100");
        let text = info(&mut client, "latencystats");
        assert!(text.contains("rpush:p100=") && !text.contains("p50"), "{text}");
        client.line("CONFIG RESETSTAT");
        client.line("CONFIG SET latency-tracking no");
        client.line("GET nothing");
        assert_eq!(info(&mut client, "latencystats"), "# Latencystats\r\n");
    }
}

#[test]
fn a_long_value_that_clients_are_sent_is_in_the_data_set_once() {
    const BYTES: f64 = 8e6;
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        client.line("SETRANGE long 7999999 x");
        // They read nothing of it.
        let mut slow: Vec<_> = (0..6).map(|_| Client::connect(address)).collect();
        slow.iter_mut().for_each(|client| client.send(&request(&["GET", "long"])).unwrap());
        let mut text = String::new();
        wait_until("all are being sent it", || {
            text = info(&mut client, "memory");
            number(&text, "mem_clients_shared") >= 5.0 * BYTES
        });
        assert!(number(&text, "mem_clients_normal") >= number(&text, "mem_clients_shared"), "{text}");
        let dataset = number(&text, "used_memory_dataset");
        assert!((BYTES..1.5 * BYTES).contains(&dataset), "{text}");
        drop(slow);
        wait_until("they have left", || number(&info(&mut client, "memory"), "mem_clients_shared") == 0.0);
    }
}

/// How many calls of a command LATENCY HISTOGRAM counts.
fn timed(client: &mut Client, command: &str) -> i64 {
    let Frame::Array(found) = client.line(&format!("LATENCY HISTOGRAM {command}")) else {
        panic!("an array")
    };
    match found.get(1) {
        Some(Frame::Array(fields)) => match fields[1] {
            Frame::Integer(calls) => calls,
            _ => panic!("{fields:?}"),
        },
        _ => 0,
    }
}

#[test]
fn a_command_that_waits_is_one_call_when_its_wait_has_ended() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let (mut waiting, mut client) = (Client::connect(address), Client::connect(address));
        let Frame::Integer(id) = waiting.line("CLIENT ID") else { panic!("a number") };
        for served in 1..=3 {
            waiting.send(&request(&["BLPOP", "queue", "0"])).unwrap();
            wait_until("it waits", || number(&info(&mut client, "clients"), "blocked_clients") > 0.5);
            assert_eq!(timed(&mut client, "blpop"), served - 1);
            client.line("RPUSH queue x");
            waiting.receive().unwrap();
            assert_eq!(timed(&mut client, "blpop"), served);
        }
        waiting.line("BLPOP queue 0.01");
        assert_eq!(timed(&mut client, "blpop"), 4);
        for (words, end) in [("BLPOP queue 0", "BLPOP"), ("WAIT 1 0", "WAIT")] {
            let words: Vec<&str> = words.split(' ').collect();
            waiting.send(&request(&words)).unwrap();
            wait_until("it waits", || number(&info(&mut client, "clients"), "blocked_clients") > 0.5);
            assert_eq!(client.line(&format!("CLIENT UNBLOCK {id} ERROR")), Frame::Integer(1), "{end}");
            assert!(waiting.receive().unwrap().as_error().unwrap().starts_with(b"UNBLOCKED"));
        }
        let text = info(&mut client, "commandstats");
        for (name, calls) in [("blpop", 5.0), ("wait", 1.0)] {
            let line =
                &text[text.find(&format!("cmdstat_{name}:")).unwrap_or_else(|| panic!("{name}: {text}"))..];
            assert!(
                (number(line, "calls") - calls).abs() < 0.5 && number(line, "failed_calls") > 0.5,
                "{line}"
            );
        }
        // Who has given an error to another client has failed, too.
        let unblock = &text[text.find("cmdstat_client|unblock:").unwrap()..];
        assert!(number(unblock, "failed_calls") > 0.5, "{unblock}");
        assert_eq!(timed(&mut client, "blpop"), 5);
    }
}

#[test]
fn what_scripts_call_is_timed_and_counts_from_the_start_again() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let mut client = Client::connect(address);
        for round in 1..=3 {
            for _ in 0..5 {
                client.call(&[
                    "EVAL",
                    "redis.call('SET', KEYS[1], 1) return redis.call('INCR', KEYS[1])",
                    "1",
                    "k",
                ]);
            }
            assert_eq!((timed(&mut client, "set"), timed(&mut client, "incr")), (5, 5), "{round}");
            let text = info(&mut client, "everything");
            assert!(text.contains("latency_percentiles_usec_incr:"), "{text}");
            let incr = &text[text.find("cmdstat_incr:").unwrap()..];
            assert!((number(incr, "calls") - 5.0).abs() < 0.5, "{incr}");
            // However often it was called, it is timed at once.
            (0..200).for_each(|_| drop(client.line("INCR k")));
            client.line("CONFIG RESETSTAT");
            client.line("INCR k");
            assert_eq!(timed(&mut client, "incr"), 1);
            client.line("CONFIG RESETSTAT");
        }
    }
}
