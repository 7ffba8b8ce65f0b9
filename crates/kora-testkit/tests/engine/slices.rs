//! Commands that look at many keys do so in slices: others run in between. And what a long command that can't holds.

use std::collections::{BTreeSet, HashMap};

use kora_core::reply::Value;
use kora_core::slot::{Slot, WorkerId};
use kora_engine::front::Origin;
use kora_engine::turn::Turn;
use kora_testkit::stepped::{Sent, Stepped};

/// Keys that stay, whatever happens meanwhile.
const KEYS: usize = 60_000;

/// Rounds after which a command must have come to its end.
const ROUNDS_MAX: usize = 1000;

fn words(line: &str) -> Vec<Vec<u8>> {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

/// An engine with many keys, and two clients of its first worker.
fn engine(workers: u16, shards: u16) -> (Stepped, Origin, Origin) {
    let mut engine: Stepped = Stepped::new(workers, shards, 1);
    let (asking, other) = (engine.connect_program(WorkerId(0)), engine.connect_program(WorkerId(0)));
    for first in (0..KEYS).step_by(1000) {
        let pairs = (first..first + 1000).flat_map(|number| [format!("stays:{number}"), "value".to_owned()]);
        let args = std::iter::once("MSET".to_owned()).chain(pairs).map(String::into_bytes).collect();
        engine.send(asking, [args]);
        engine.settle();
    }
    engine.answers();
    (engine, asking, other)
}

/// The reply to a command of `asking`, while `other` reads and writes after each round of each worker; and how often it could.
fn ask(engine: &mut Stepped, asking: Origin, other: Origin, line: &str) -> (Value, usize) {
    engine.send(asking, [words(line)]);
    for turn in 0..ROUNDS_MAX {
        let (mut reply, mut others) = (None, 0);
        for (client, value) in engine.answers() {
            if client == asking.client {
                reply = Some(value);
            } else {
                others += 1;
            }
        }
        if let Some(reply) = reply {
            return (reply, turn);
        }
        assert!(turn == 0 || others == 3, "others are answered in the round in which they ask");
        engine.send(
            other,
            [
                words(&format!("SET comes:{turn} value")),
                words(&format!("DEL comes:{}", turn.wrapping_sub(7))),
                words("GET stays:1"),
            ],
        );
        (0..engine.turns.len()).for_each(|worker| engine.round(worker));
    }
    panic!("{line} has no end");
}

fn count(keys: impl IntoIterator<Item = Value>, counts: &mut HashMap<Vec<u8>, usize>) {
    for key in keys {
        let Value::Bulk(key) = key else { panic!("{key:?} is no key") };
        *counts.entry(key).or_default() += 1;
    }
}

fn assert_complete(counts: &HashMap<Vec<u8>, usize>) {
    assert!(counts.values().all(|times| *times == 1), "no key is listed twice");
    let stays = |number: usize| counts.contains_key(format!("stays:{number}").as_bytes());
    assert!((0..KEYS).all(stays), "what is there throughout is listed");
}

fn array(value: Value) -> Vec<Value> {
    match value {
        Value::Array(values) => values,
        other => panic!("{other:?} is no array"),
    }
}

#[test]
fn keys_lists_what_is_there_throughout_just_once() {
    for (workers, shards) in [(1, 1), (2, 8)] {
        let (mut engine, asking, other) = engine(workers, shards);
        let (reply, rounds) = ask(&mut engine, asking, other, "KEYS *");
        let mut counts = HashMap::new();
        count(array(reply), &mut counts);
        assert_complete(&counts);
        assert!(rounds > 5, "{rounds} rounds are no slices");
        let (none, _) = ask(&mut engine, asking, other, "KEYS none*");
        assert_eq!(none, Value::Array(Vec::new()));
    }
}

#[test]
fn scan_with_a_large_count_lists_all_and_lets_others_run() {
    for (workers, shards) in [(1, 1), (2, 8)] {
        let (mut engine, asking, other) = engine(workers, shards);
        let (mut counts, mut cursor) = (HashMap::new(), "0".to_owned());
        loop {
            let (reply, _) = ask(&mut engine, asking, other, &format!("SCAN {cursor} COUNT 100000000"));
            let [Value::Bulk(next), Value::Array(keys)] = &array(reply)[..] else {
                panic!("a reply to SCAN")
            };
            cursor = String::from_utf8(next.clone()).expect("a number");
            assert!(keys.len() < 3 * 4096, "a call lists about a slice");
            count(keys.clone(), &mut counts);
            if cursor == "0" {
                break;
            }
        }
        assert_complete(&counts);
        // What finds nothing goes through all in one call.
        let (reply, rounds) = ask(&mut engine, asking, other, "SCAN 0 MATCH none* COUNT 100000000");
        assert_eq!(array(reply), [Value::Bulk(b"0".to_vec()), Value::Array(Vec::new())]);
        assert!(rounds > 5, "{rounds} rounds are no slices");
    }
}

#[test]
fn in_a_transaction_keys_is_of_one_instant() {
    let (mut engine, asking, _) = engine(2, 8);
    engine.send(asking, ["MULTI", "SET a 1", "KEYS *", "DEL a", "EXEC"].map(words));
    engine.settle();
    let replies = engine.answers();
    let (_, Value::Array(results)) = replies.last().expect("a reply").clone() else { panic!("EXEC replies") };
    let mut counts = HashMap::new();
    count(array(results[1].clone()), &mut counts);
    assert_complete(&counts);
    assert_eq!(counts.len(), KEYS + 1);
}

#[test]
fn nobody_goes_on_for_a_client_that_has_left() {
    let (mut engine, asking, other) = engine(2, 8);
    engine.send(asking, [words("KEYS *")]);
    engine.round(0);
    engine.leave(asking);
    let mut rounds = 0;
    while engine.turns.iter().any(Turn::has_mail) {
        (0..2).for_each(|worker| engine.round(worker));
        rounds += 1;
    }
    assert!(rounds <= 8, "{rounds} rounds for nobody");
    engine.send(other, [words("GET stays:1")]);
    assert_eq!(engine.answers().len(), 1);
}

/// How many shards the first worker has in hand where the last command of a batch has just run.
fn held_behind(engine: &mut Stepped, client: Origin, lines: &[&str]) -> usize {
    let now = engine.now();
    let turn = &mut engine.turns[0];
    turn.begin_round(now, true);
    let mut session = turn.sessions.take_to_serve(client.slot).expect("a client that waits for nothing");
    turn.begin_serving(&mut session);
    let batch: Sent = lines.iter().copied().map(words).collect();
    assert_eq!(turn.run(&mut session, &batch), lines.len());
    let held = turn.executor().in_hand_count();
    turn.end_serving(&mut session);
    turn.sessions.put(session);
    held
}

#[test]
fn a_command_on_a_large_value_holds_no_other_shard() {
    let mut engine: Stepped = Stepped::new(2, 8, 1);
    let client = engine.connect_program(WorkerId(0));
    let elements = std::iter::repeat_n(b"element".to_vec(), 20_000);
    engine.send(client, [[b"RPUSH".to_vec(), b"large".to_vec()].into_iter().chain(elements).collect()]);
    engine.send(client, [words("RPUSH small element")]);
    engine.settle();
    let shards = |keys: &[&str]| {
        let shards: BTreeSet<_> = keys.iter().map(|key| Slot::of(key.as_bytes()).shard(8)).collect();
        shards.len()
    };
    let mut names = (0..).map(|number: u32| number.to_string());
    let other = names.find(|name| shards(&[name, "large", "small"]) == 3).expect("there are eight shards");
    let get = format!("GET {other}");
    let mut held_with = |line: &str| held_behind(&mut engine, client, &[&get, line]);
    assert_eq!(held_with("LRANGE small 0 0"), 2);
    assert_eq!(held_with("LRANGE large 0 0"), 1);
    // What is fast takes no time, whatever the size.
    assert_eq!(held_with("LLEN large"), 2);
}

#[test]
fn a_command_with_very_many_keys_runs_in_parts() {
    let mut engine: Stepped = Stepped::new(2, 8, 1);
    let client = engine.connect_program(WorkerId(0));
    let mset = |count: usize| {
        let pairs = (0..count).flat_map(|number| [format!("key:{number}"), number.to_string()]);
        std::iter::once("MSET".to_owned()).chain(pairs).map(String::into_bytes).collect::<Vec<_>>()
    };
    engine.send(client, [mset(100)]);
    assert_eq!(engine.answers().len(), 1, "few keys are set at once");
    engine.send(client, [mset(5000)]);
    assert!(engine.answers().is_empty(), "many are set shard by shard");
    engine.settle();
    let set = engine.answers();
    assert!(matches!(&set[..], [(_, reply)] if *reply == Value::Simple("OK".to_owned())), "{set:?}");
    let keys = (0..5000).map(|number| format!("key:{number}").into_bytes());
    engine.send(client, [std::iter::once(b"DEL".to_vec()).chain(keys).chain([b"key:1".to_vec()]).collect()]);
    engine.settle();
    assert_eq!(engine.answers(), [(client.client, Value::Integer(5000))]);
}

/// A reply with elements many times over is of the moment of its command, and others run while it is written.
#[test]
fn elements_are_repeated_as_they_were_while_others_run() {
    for (workers, shards) in [(1, 1), (2, 8)] {
        let mut engine: Stepped = Stepped::new(workers, shards, 1);
        let (asking, other) = (engine.connect_program(WorkerId(0)), engine.connect_program(WorkerId(0)));
        for line in ["SADD s a b c", "HSET h a 1 b 2 c 3", "ZADD z 1 a 2 b 3 c", "SET stays:1 value"] {
            engine.send(other, [words(line)]);
        }
        engine.settle();
        engine.answers();
        for (line, key) in
            [("SRANDMEMBER s -100000", "s"), ("HRANDFIELD h -100000", "h"), ("ZRANDMEMBER z -100000", "z")]
        {
            let (reply, rounds) = ask(&mut engine, asking, other, line);
            assert_eq!(array(reply).len(), 100_000);
            assert!(rounds > 5, "{line}: {rounds} rounds are no slices");
            engine.send(asking, [words(line)]);
            (0..engine.turns.len()).for_each(|worker| engine.round(worker));
            engine.send(other, [words(&format!("DEL {key}"))]);
            engine.settle();
            let reply = engine.answers().into_iter().find(|(client, _)| *client == asking.client);
            let elements = array(reply.expect("it is answered").1);
            assert_eq!(elements.len(), 100_000);
            for letter in [b"a", b"b", b"c"] {
                let count =
                    elements.iter().filter(|element| **element == Value::Bulk(letter.to_vec())).count();
                assert!((32_000..35_000).contains(&count), "{line}: {count}");
            }
        }
    }
}
