//! The embedded engine with real threads: concurrent callers, order within a pipeline, expiry of keys nobody looks
//! at, and its end.

use std::sync::atomic::{AtomicI64, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};

fn start_at(shard_count: u16, clock: fn() -> UnixMs) -> Embedded {
    Embedded::start(EmbeddedOptions::new(shard_count, 7, clock)).expect("the system gives threads")
}

fn start(shard_count: u16) -> Embedded {
    start_at(shard_count, || UnixMs(1_700_000_000_000))
}

fn real_time() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    UnixMs(i64::try_from(since.as_millis()).expect("the clock is before the year 292 million"))
}

fn integer(value: &Value) -> i64 {
    match value {
        Value::Integer(number) => *number,
        other => panic!("not an integer: {other:?}"),
    }
}

#[test]
fn no_increment_of_concurrent_callers_is_lost() {
    const CALLERS: usize = 4;
    const ROUNDS: usize = 500;
    let engine = start(4);
    thread::scope(|scope| {
        for _ in 0..CALLERS {
            scope.spawn(|| {
                for round in 0..ROUNDS {
                    let key = format!("counter{}", round % 8);
                    engine.command(&[b"INCR", key.as_bytes()]);
                }
            });
        }
    });
    let keys: Vec<_> = (0..8).map(|number| format!("counter{number}")).collect();
    let total: i64 =
        keys.iter().map(|key| integer(&engine.command(&[b"INCRBY", key.as_bytes(), b"0"]))).sum();
    assert_eq!(total, i64::try_from(CALLERS * ROUNDS).unwrap());
}

/// Writers set all keys to one value at once; a reader must never see two values.
#[test]
fn no_reader_sees_half_of_an_mset() {
    let engine = start(4);
    let keys: [&[u8]; 6] = [b"a", b"b", b"c", b"d", b"e", b"f"];
    let set = |value: &[u8]| {
        let mut args: Vec<&[u8]> = vec![b"MSET"];
        keys.iter().for_each(|key| args.extend([key, value]));
        engine.command(&args);
    };
    set(b"start");
    thread::scope(|scope| {
        for writer in 0..2 {
            let set = &set;
            scope.spawn(move || (0..300).for_each(|round| set(format!("{writer}-{round}").as_bytes())));
        }
        scope.spawn(|| {
            for _ in 0..600 {
                let args: Vec<&[u8]> = std::iter::once(&b"MGET"[..]).chain(keys).collect();
                let Value::Array(values) = engine.command(&args) else {
                    panic!("MGET answers with an array")
                };
                assert!(values.iter().all(|value| *value == values[0]), "torn: {values:?}");
            }
        });
    });
}

#[test]
fn a_pipeline_answers_in_order() {
    let engine = start(4);
    let commands: Vec<Vec<Vec<u8>>> = (0..200)
        .map(|number| vec![b"APPEND".to_vec(), format!("key{}", number % 7).into_bytes(), b"x".to_vec()])
        .collect();
    let args: Vec<Vec<&[u8]>> =
        commands.iter().map(|args| args.iter().map(Vec::as_slice).collect()).collect();
    let args: Vec<&[&[u8]]> = args.iter().map(Vec::as_slice).collect();
    let replies = engine.pipeline(DbIndex(3), &args);
    let lengths: Vec<_> = replies.iter().map(integer).collect();
    let expected: Vec<_> = (0..200).map(|number| number / 7 + 1).collect();
    assert_eq!(lengths, expected);
}

#[test]
fn commands_that_stand_alone_keep_their_place_in_a_pipeline() {
    for shard_count in 1..=4 {
        let engine = start(shard_count);
        let commands: &[&[&[u8]]] = &[
            &[b"SET", b"a", b"1"],
            &[b"RENAME", b"a", b"b"],
            &[b"NOSUCH"],
            &[b"GET", b"b"],
            &[b"GET", b"a"],
        ];
        let replies = engine.pipeline(DbIndex(0), commands);
        assert_eq!(replies[1], Value::Simple("OK".into()));
        assert!(matches!(replies[2], Value::Error(_)));
        assert_eq!(replies[3..], [Value::Bulk(b"1".to_vec()), Value::Null]);
    }
}

/// Nobody looks the keys up: only the sweep can find them. DBSIZE counts what is there, expired or not.
#[test]
fn the_sweep_deletes_what_nobody_looks_up() {
    static NOW_MS: AtomicI64 = AtomicI64::new(1_700_000_000_000);
    let engine = start_at(2, || UnixMs(NOW_MS.load(Ordering::Relaxed)));
    for number in 0..100 {
        engine.command(&[b"SET", format!("key{number}").as_bytes(), b"v", b"PX", b"1000"]);
    }
    assert_eq!(engine.command(&[b"DBSIZE"]), Value::Integer(100));
    NOW_MS.fetch_add(1100, Ordering::Relaxed);
    let deadline = Instant::now() + Duration::from_secs(20);
    while engine.command(&[b"DBSIZE"]) != Value::Integer(0) {
        assert!(Instant::now() < deadline, "the keys were not swept");
        thread::yield_now();
    }
}

/// Dropping joins the shards' threads: it would hang if one of them slept on.
#[test]
fn dropping_ends_the_threads() {
    for _ in 0..50 {
        let engine = start(3);
        engine.command(&[b"MSET", b"a", b"1", b"b", b"2", b"c", b"3"]);
    }
}

/// Consumers wait in threads of their own; each element reaches one of them, whichever shard its list is on.
#[test]
fn callers_wait_for_elements() {
    const ELEMENTS: i64 = 300;
    let engine = start(4);
    let sum = AtomicI64::new(0);
    thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while let Value::Array(popped) = engine.command(&[b"BLPOP", b"list", b"other", b"end", b"0"])
                {
                    let [Value::Bulk(key), Value::Bulk(element)] = &popped[..] else { panic!("{popped:?}") };
                    if key == b"end" {
                        break;
                    }
                    let number: i64 = std::str::from_utf8(element).unwrap().parse().unwrap();
                    sum.fetch_add(number, Ordering::Relaxed);
                }
            });
        }
        for number in 1..=ELEMENTS {
            let key = if number % 2 == 0 { &b"list"[..] } else { b"other" };
            engine.command(&[b"RPUSH", key, number.to_string().as_bytes()]);
        }
        engine.command(&[b"RPUSH", b"end", b"1", b"2", b"3"]);
    });
    assert_eq!(sum.into_inner(), ELEMENTS * (ELEMENTS + 1) / 2);
    assert_eq!(integer(&engine.command(&[b"DBSIZE"])), 0);
}

#[test]
fn a_caller_waits_no_longer_than_it_said() {
    let begun = Instant::now();
    let engine = start_at(2, real_time);
    assert_eq!(engine.command(&[b"BLPOP", b"none", b"nothing", b"0.05"]), Value::Null);
    assert!(begun.elapsed() >= Duration::from_millis(50), "{:?}", begun.elapsed());
}
