//! A follower of the stream has what the data are, whoever wrote them on whichever shard, and without any log.

use std::sync::Arc;
use std::thread;

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_stream::merge::merge;
use kora_stream::order::Cut;

use super::Keeper;
use crate::embedded::{Embedded, EmbeddedOptions};

const KEYS: usize = 12;

fn start(shard_count: u16) -> Embedded {
    let options = EmbeddedOptions::new(shard_count, 7, || UnixMs(1_700_000_000_000));
    Embedded::start(options).expect("the system gives threads")
}

/// Concurrent increments, appends to lists, transactions and scripts over keys of several shards.
fn write(engine: &Embedded, writer: usize) {
    let key = |number: usize| format!("key{}", number % KEYS);
    let list = |number: usize| format!("list{}", number % KEYS);
    for round in 0..200 {
        let value = format!("{writer}:{round}");
        let (here, there) = (key(round), key(round + writer + 1));
        match round % 4 {
            0 => {
                drop(engine.command(&[b"MSET", here.as_bytes(), value.as_bytes(), there.as_bytes(), b"both"]))
            }
            1 => drop(engine.command(&[b"RPUSH", list(round).as_bytes(), value.as_bytes()])),
            2 => {
                let (pop, append) = (list(round), list(round + 1));
                let both: [&[&[u8]]; 2] =
                    [&[b"RPOPLPUSH", pop.as_bytes(), append.as_bytes()], &[b"APPEND", here.as_bytes(), b"x"]];
                assert!(engine.transaction(DbIndex(0), &both).is_ok());
            }
            _ => {
                let script = b"redis.call('SET', KEYS[1], redis.call('GET', KEYS[2]) or '') \
                               return redis.call('RPUSH', KEYS[3], ARGV[1])";
                let (here, there, list) = (here.as_bytes(), there.as_bytes(), list(round));
                engine.command(&[b"EVAL", script, b"3", here, there, list.as_bytes(), value.as_bytes()]);
            }
        }
    }
}

fn contents(engine: &Embedded) -> Vec<Value> {
    let keys = (0..KEYS).map(|number| engine.command(&[b"GET", format!("key{number}").as_bytes()]));
    let lists =
        (0..KEYS).map(|number| engine.command(&[b"LRANGE", format!("list{number}").as_bytes(), b"0", b"-1"]));
    keys.chain(lists).collect()
}

#[test]
fn what_a_follower_was_given_makes_the_same_data() {
    let engine = start(4);
    let keeper = Arc::new(Keeper::default());
    engine.stream().follow(Arc::clone(&keeper) as _);
    thread::scope(|scope| {
        for writer in 0..4 {
            let engine = &engine;
            scope.spawn(move || write(engine, writer));
        }
    });
    engine.stream().leave(&keeper);
    let written = contents(&engine);
    engine.command(&[b"FLUSHALL"]);
    let records = keeper.kept();
    let numbered = (1..).zip(records.iter().map(Vec::as_slice));
    let effects = merge(numbered, &Cut::default()).expect("records can be read");
    let copy = start(1);
    for effect in effects {
        let args: Vec<&[u8]> = effect.effect.arguments.collect();
        let reply = copy.pipeline(DbIndex(effect.effect.db), &[&args]);
        assert!(!matches!(reply[0], Value::Error(_)), "{reply:?}");
    }
    assert_eq!(contents(&copy), written);
    assert!(written.iter().filter(|value| !matches!(value, Value::Null)).count() > KEYS);
}
