//! Keys that nobody looks up again: they go when their time has come, whatever else is there, and nobody waits for it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_protocol::Frame;

use crate::client::{Client, bulk, error_text, ok, request};
use crate::server::{Program, SetOnDrop, start, wait_until};
use crate::size;

/// How late a key may go: `quiet` on a machine that does nothing else, and on any other as late as this.
fn late(quiet: Duration) -> Duration {
    size(Duration::from_secs(5), quiet)
}

/// A figure of INFO.
pub(crate) fn figure(client: &mut Client, section: &str, name: &str) -> f64 {
    let Frame::Bulk(text) = client.call(&["INFO", section]) else { panic!("INFO is a text") };
    let text = String::from_utf8(text).unwrap();
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    value.unwrap_or_else(|| panic!("no {name} in {text}")).parse().unwrap()
}

/// A number.
pub(crate) fn count(frame: &Frame) -> i64 {
    let Frame::Integer(count) = frame else { panic!("no number: {frame:?}") };
    *count
}

/// Sends so many requests, a thousand at a time.
pub(crate) fn pipeline(client: &mut Client, requests: u32, mut request_of: impl FnMut(u32) -> Vec<u8>) {
    for first in (0..requests).step_by(1000) {
        let batch = first..requests.min(first + 1000);
        let bytes: Vec<u8> = batch.clone().flat_map(&mut request_of).collect();
        client.send(&bytes).unwrap();
        for _ in batch {
            let reply = client.receive().unwrap();
            assert!(reply.as_error().is_none(), "{reply:?}");
        }
    }
}

/// Sets so many keys without a deadline.
fn fill(client: &mut Client, total: u32) {
    pipeline(client, total, |number| request(&["SET", &format!("plain:{number}"), "v"]));
}

/// Runs a test on programs with one worker and with four.
pub(crate) fn each_worker_count(test: impl Fn(&Program, &mut Client)) {
    for workers in ["1", "4"] {
        let program = Program::start(&["--workers", workers, "--enable-debug-command", "yes"]);
        let mut client = program.client();
        test(&program, &mut client);
    }
}

#[test]
fn few_deadlines_among_many_keys_without_are_kept() {
    let total = size(200_000, 1_000_000);
    each_worker_count(|_, client| {
        fill(client, total);
        pipeline(client, 300, |number| request(&["SET", &format!("short:{number}"), "v", "PX", "500"]));
        let due = Instant::now() + Duration::from_millis(500);
        wait_until("all have gone", || figure(client, "stats", "expired_keys") >= 300.0);
        let lateness = due.elapsed();
        println!("the last of 300 keys among {total} was seen gone {lateness:?} after its deadline");
        assert!(lateness < late(Duration::from_millis(100)), "{lateness:?}");
        assert_eq!(count(&client.line("DBSIZE")), i64::from(total));
    });
}

/// A worker that sleeps is woken by the next deadline: between the two looks at the server nobody sends anything.
#[test]
fn deadlines_wake_a_server_that_sleeps() {
    each_worker_count(|program, client| {
        for round in 0..10 {
            assert_eq!(client.line("CONFIG SET notify-keyspace-events Ex"), ok());
            let mut listener = program.client();
            listener.send(&request(&["SUBSCRIBE", "__keyevent@0__:expired"])).unwrap();
            listener.receive().unwrap();
            assert_eq!(client.line(&format!("SET k{round} v PX 150")), ok());
            let due = Instant::now() + Duration::from_millis(150);
            listener.receive().unwrap();
            let lateness = due.elapsed();
            assert!(lateness < late(Duration::from_millis(100)), "{lateness:?}");
        }
    });
}

#[test]
fn fields_of_hashes_go_in_time_among_other_keys() {
    each_worker_count(|_, client| {
        fill(client, size(50_000, 1_000_000));
        pipeline(client, 300, |number| request(&["HSET", &format!("h{number}"), "f", "v"]));
        pipeline(client, 300, |number| {
            request(&["HPEXPIRE", &format!("h{number}"), "300", "FIELDS", "1", "f"])
        });
        let due = Instant::now() + Duration::from_millis(300);
        wait_until("all have gone", || figure(client, "stats", "expired_subkeys") >= 300.0);
        let lateness = due.elapsed();
        assert!(lateness < late(Duration::from_millis(100)), "{lateness:?}");
    });
}

/// What expires at once goes at once, and whoever asks for something else meanwhile hardly notices.
#[test]
fn what_expires_together_goes_together_and_holds_nobody_up() {
    let total = size(60_000, 300_000);
    each_worker_count(|program, client| {
        assert_eq!(client.line("SET good client"), ok());
        let due_ms = set_to_expire(client, total);
        let is_over = AtomicBool::new(false);
        let mut info = program.client();
        let mut waits = std::thread::scope(|scope| {
            let ending = SetOnDrop(&is_over);
            let watcher = scope.spawn(|| {
                let mut other = program.client();
                let mut waits = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    let begun = Instant::now();
                    assert_eq!(other.line("GET good"), bulk("client"));
                    waits.push(begun.elapsed());
                }
                waits
            });
            wait_until("the last have expired", || now_ms() > due_ms + 1000);
            let due = Instant::now();
            wait_until("all have gone", || figure(&mut info, "stats", "expired_keys") >= f64::from(total));
            println!("the last of {total} keys in a second was seen gone after {:?}", due.elapsed());
            assert!(due.elapsed() < late(Duration::from_millis(100)), "{:?}", due.elapsed());
            drop(ending);
            watcher.join().unwrap()
        });
        waits.sort_unstable();
        let (p99, most) = (waits[waits.len() * 99 / 100], waits[waits.len() - 1]);
        println!("meanwhile a GET took {p99:?} at p99, at most {most:?}, of {}", waits.len());
        assert!(p99 < size(Duration::from_secs(1), Duration::from_millis(5)), "{p99:?}");
        assert_eq!(count(&client.line("DBSIZE")), 1);
        assert!(figure(client, "stats", "expire_cycle_cpu_milliseconds") > 0.0);
        assert!(figure(client, "stats", "expired_stale_perc") < 1.0);
    });
}

/// Sets so many keys to expire within one second. Returns when that begins.
fn set_to_expire(client: &mut Client, total: u32) -> i64 {
    for lead_ms in [2000, 5000, 15_000] {
        let due_ms = now_ms() + lead_ms;
        pipeline(client, total, |number| {
            let at = due_ms + i64::from(number % 1000);
            request(&["SET", &format!("key:{number:012}"), "0123456789abcdef", "PXAT", &at.to_string()])
        });
        if now_ms() < due_ms {
            assert_eq!(client.line("CONFIG RESETSTAT"), ok());
            return due_ms;
        }
    }
    panic!("the keys are not in before they expire");
}

fn now_ms() -> i64 {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_millis()).unwrap()
}

/// The same deadlines again and again leave nothing behind: a session that is refreshed, a lock that is taken and given up.
#[test]
fn deadlines_that_come_and_go_take_no_memory() {
    let rounds = size(100_000, 2_000_000);
    each_worker_count(|program, client| {
        let turn = |number: u32| match number % 4 {
            0 => request(&["SET", "lock", "v", "EX", "3000"]),
            1 => request(&["DEL", "lock"]),
            2 => request(&["SET", "session", "v", "EX", "3000"]),
            _ => request(&["EXPIRE", "session", "2000"]),
        };
        pipeline(client, 20_000, turn);
        let before = program.resident_bytes();
        pipeline(client, rounds, turn);
        let grown = program.resident_bytes().saturating_sub(before);
        println!("{rounds} commands on two keys with deadlines: {} KiB", grown / 1024);
        // Each deadline would take eight bytes if none were forgotten.
        assert!(grown < (512 << 10) + rounds as usize, "{grown} bytes");
    });
}

#[test]
fn the_sweep_can_be_switched_off_and_on() {
    each_worker_count(|_, client| {
        assert_eq!(client.line("DEBUG SET-ACTIVE-EXPIRE 0"), ok());
        pipeline(client, 100, |number| request(&["SET", &format!("k{number}"), "v", "PX", "1"]));
        let sessions = figure(client, "server", "uptime_in_seconds");
        wait_until("time passes", || figure(client, "server", "uptime_in_seconds") > sessions + 1.0);
        assert_eq!(count(&client.line("DBSIZE")), 100);
        assert_eq!(client.line("DEBUG SET-ACTIVE-EXPIRE 1"), ok());
        wait_until("all have gone", || count(&client.line("DBSIZE")) == 0);
        assert!(error_text(&client.line("EXPIRE")).contains("wrong number"));
    });
}

/// A field that expires is a change of its hash, whoever finds it; and so is the hash's going with its last field.
#[test]
fn those_who_watch_a_hash_are_told_when_its_fields_expire() {
    each_worker_count(|program, client| {
        let mut watching = program.client();
        for (is_active, has_others) in [(true, true), (true, false), (false, true), (false, false)] {
            client.line("FLUSHALL");
            client.line("HSET h f v");
            if has_others {
                client.line("HSET h g w");
            }
            client.line(&format!("DEBUG SET-ACTIVE-EXPIRE {}", u8::from(is_active)));
            let before = figure(client, "stats", "expired_subkeys");
            client.line("HPEXPIRE h 1000 FIELDS 1 f");
            assert_eq!(watching.line("WATCH h"), ok());
            if is_active {
                wait_until("the field has gone", || figure(client, "stats", "expired_subkeys") > before);
            } else {
                wait_until("the field has gone", || client.line("HGET h f") == Frame::Null);
            }
            assert_eq!(watching.line("MULTI"), ok());
            watching.line("PING");
            assert_eq!(watching.line("EXEC"), Frame::NullArray, "active: {is_active}, others: {has_others}");
            client.line("DEBUG SET-ACTIVE-EXPIRE 1");
        }
    });
}

/// Nothing expires by itself during CLIENT PAUSE: what is due goes when that ends.
#[test]
fn a_pause_holds_expiry_back() {
    each_worker_count(|_, client| {
        assert_eq!(client.line("SET k v PX 300"), ok());
        let due_ms = now_ms() + 300;
        assert_eq!(client.line("CLIENT PAUSE 100000 WRITE"), ok());
        let before = figure(client, "stats", "expired_keys");
        wait_until("it is long due", || now_ms() > due_ms + 500);
        assert_eq!(figure(client, "stats", "expired_keys"), before);
        assert_eq!(count(&client.line("DBSIZE")), 1);
        assert_eq!(client.line("CLIENT UNPAUSE"), ok());
        wait_until("it has gone", || count(&client.line("DBSIZE")) == 0);
    });
}

/// A pipeline's commands each see the time at which they run, however long the ones before took. A transaction sees one time.
#[test]
fn what_expires_within_a_pipeline_is_gone_for_the_rest_of_it() {
    let slow = "local t = redis.call('TIME') local e = t[1] * 1000 + t[2] / 1000 + 60 \
                repeat t = redis.call('TIME') until t[1] * 1000 + t[2] / 1000 > e";
    for workers in [1, 4] {
        let (server, _) = start(workers, &["--enable-debug-command", "yes"]);
        let mut client = server.client();
        for wait in [&["DEBUG", "SLEEP", "0.06"][..], &["EVAL", slow, "0"]] {
            let mut pipeline = request(&["SET", "k", "v", "PX", "20"]);
            pipeline.extend(request(wait));
            pipeline.extend(request(&["GET", "k"]));
            client.send(&pipeline).unwrap();
            let replies = [(); 3].map(|()| client.receive().unwrap());
            assert_eq!(replies[2], Frame::Null, "{workers} workers, {}", wait[0]);
        }
        for command in ["MULTI", "SET k v PX 20", "DEBUG SLEEP 0.06", "GET k"] {
            client.line(command);
        }
        let Frame::Array(replies) = client.line("EXEC") else { panic!("it runs") };
        assert_eq!(replies[2], bulk("v"));
    }
}

/// Whatever takes the place of a hash whose fields have deadlines, nothing is left of these.
#[test]
fn what_replaces_a_hash_has_none_of_its_deadlines() {
    let replacing = [
        "SET k v",
        "MSET k v other w",
        "SUNIONSTORE k s",
        "SINTERSTORE k s s",
        "SDIFFSTORE k s none",
        "ZUNIONSTORE k 1 z",
        "ZINTERSTORE k 2 z s",
        "ZDIFFSTORE k 1 z",
        "ZRANGESTORE k z 0 -1",
        "GEOSEARCHSTORE k g FROMLONLAT 15 37 BYRADIUS 500 km",
        "GEORADIUS g 15 37 500 km STORE k",
        "SORT l STORE k",
        "BITOP OR k string string",
        "RENAME string k",
        "COPY z k REPLACE",
        "COPY large k REPLACE",
        "DEL k",
    ];
    each_worker_count(|_, client| {
        for line in [
            "SADD s a b",
            "ZADD z 1 a 2 b",
            "GEOADD g 15 37 m",
            "RPUSH l 3 1 2",
            "SET string text",
            "HSET large f v",
        ] {
            client.line(line);
        }
        for line in replacing {
            assert_eq!(client.line("HSETEX k PX 15 FIELDS 2 a 1 b 2"), Frame::Integer(1));
            assert!(client.line(line).as_error().is_none(), "{line}");
            client.line("SET string text");
            std::thread::sleep(Duration::from_millis(40));
            let kept = client.line("TYPE k");
            assert_eq!(client.line("TYPE k"), kept, "{line}");
            client.line("DEL k");
        }
        assert_eq!(client.line("DBSIZE"), Frame::Integer(7), "nothing else went");
    });
}
