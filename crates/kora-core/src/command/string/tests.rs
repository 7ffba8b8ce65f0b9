//! The family as a whole: what its effects must reproduce, and what it hands to sinks.

use std::ops::Range;
use std::sync::Arc;

use proptest::prelude::*;

use crate::command::spec::CommandSpec;
use crate::command::testing::{BareShard, START, render};
use crate::config::CoreConfig;
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::forward_reply;
use crate::journal::Journal;
use crate::reply::tree::TreeSink;
use crate::reply::{NoReply, Reply};
use crate::slot::{ShardId, Slot};
use crate::store::ShardStore;
use crate::time::UnixMs;

fn key() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "c"])
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        (-3i64..20).prop_map(|number| number.to_string()),
        Just("9223372036854775807".to_string()),
        Just("1.5".to_string()),
        "[a-z]{1,60}",
    ]
}

fn deadline() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        Just("KEEPTTL".to_string()),
        (1i64..4).prop_map(|seconds| format!("EX {seconds}")),
        (1i64..3000).prop_map(|ms| format!("PX {ms}")),
        (-2i64..4).prop_map(|seconds| format!("EXAT {}", START.seconds() + seconds)),
        (-2000i64..4000).prop_map(|ms| format!("PXAT {}", START.0 + ms)),
    ]
}

fn command() -> impl Strategy<Value = String> {
    let condition = prop::sample::select(vec!["", "NX", "XX", "IFEQ 1", "IFEQ 1.5"]);
    let get = prop::sample::select(vec!["", "GET"]);
    let on_key = prop::sample::select(vec!["GET", "GETDEL", "GETEX", "INCR", "DECR", "STRLEN"]);
    let with_value = prop::sample::select(vec![
        "SETNX",
        "GETSET",
        "APPEND",
        "INCRBY",
        "DECRBY",
        "INCRBYFLOAT",
        "SETEX",
        "PSETEX",
    ]);
    prop_oneof![
        4 => (key(), value(), condition, get, deadline())
            .prop_map(|(key, value, condition, get, deadline)| {
                format!("SET {key} {value} {condition} {get} {deadline}")
            }),
        2 => (key(), deadline()).prop_map(|(key, deadline)| format!("GETEX {key} {deadline}")),
        1 => key().prop_map(|key| format!("GETEX {key} PERSIST")),
        2 => (on_key, key()).prop_map(|(command, key)| format!("{command} {key}")),
        3 => (with_value, key(), value()).prop_map(|(command, key, value)| match command {
            "SETEX" | "PSETEX" => format!("{command} {key} 2 {value}"),
            _ => format!("{command} {key} {value}"),
        }),
        1 => (key(), 0..100, value()).prop_map(|(key, at, value)| format!("SETRANGE {key} {at} {value}")),
        1 => (key(), key(), value()).prop_map(|(one, other, value)| format!("MSET {one} {value} {other} 1")),
        1 => (key(), key(), value()).prop_map(|(one, other, value)| format!("MSETNX {one} {value} {other} 1")),
    ]
}

proptest! {
    /// A replica that is given the effects holds the same keys, values and deadlines, although it runs them all at
    /// one later moment.
    #[test]
    fn effects_reproduce_every_change(
        commands in prop::collection::vec((command(), 0i64..700), 1..40),
    ) {
        let mut shard = BareShard::new();
        for (command, elapsed_ms) in commands {
            shard.run(&command);
            shard.now = UnixMs(shard.now.0 + elapsed_ms);
        }
        shard.check_replay();
    }

    /// What changed nothing is not recorded, and what was recorded was counted.
    #[test]
    fn effects_and_changes_go_together(commands in prop::collection::vec(command(), 1..40)) {
        let mut shard = BareShard::new();
        for command in commands {
            let (contents, changes) = (shard.contents(), shard.journal.changes());
            shard.effects();
            shard.run(&command);
            let is_recorded = !shard.effects().is_empty();
            prop_assert_eq!(is_recorded, shard.journal.changes() != changes, "{}", &command);
            prop_assert!(is_recorded || contents == shard.contents(), "{} went unrecorded", &command);
        }
    }
}

/// Commands on several keys find each in the store that owns it.
#[test]
fn keys_may_live_in_several_lent_stores() {
    let shard_count = 3;
    let shards: Vec<ShardId> = [b"a", b"b", b"c"].map(|key| Slot::of(key).shard(shard_count)).to_vec();
    assert_eq!(shards, [ShardId(1), ShardId(2), ShardId(0)], "one key on each");
    let mut stores: Vec<Box<ShardStore>> =
        (0..shard_count).map(|id| Box::new(ShardStore::new(ShardId(id), CoreConfig::default(), 1))).collect();
    let mut journal = Journal::default();
    let mut run = |spec: &CommandSpec, line: &str| {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let mut ctx = Ctx::bare(Stores::lent(&mut stores, shard_count), &mut journal, DbIndex(0), START);
        let mut sink = TreeSink::new(true);
        (spec.handler)(&mut ctx, &args, &mut sink).expect("the arguments fit");
        render(&sink.into_values()[0])
    };
    assert_eq!(run(&super::multi::MSETNX, "MSETNX a ohmytext b mynewtext c 1"), "1");
    assert_eq!(run(&super::multi::MSETNX, "MSETNX b x {a} y"), "0");
    assert_eq!(run(&super::multi::MGET, "MGET c b a {a}"), r#"["1", "mynewtext", "ohmytext", nil]"#);
    assert_eq!(run(&super::lcs::LCS, "LCS a b"), r#""mytext""#);
    assert_eq!(run(&super::multi::MSET, "MSET a 1 b 2"), "OK");
    assert_eq!(run(&super::multi::MGET, "MGET a b c"), r#"["1", "2", "1"]"#);
    assert!(
        stores.iter().all(|store| store.databases.iter().map(|database| database.len()).sum::<usize>() == 1)
    );
}

/// Notes what it is given references to.
#[derive(Default)]
struct References {
    parts: Vec<(usize, usize)>,
    rest: NoReply,
}

impl Reply for References {
    forward_reply!(rest);

    fn bulk_shared(&mut self, _: &Arc<Vec<u8>>, part: Range<usize>) {
        self.parts.push((part.start, part.end));
    }

    fn array(&mut self, len: usize) {
        self.rest.array(len);
    }

    fn is_resp3(&self) -> bool {
        self.rest.is_resp3()
    }
}

#[test]
fn sinks_are_given_references_to_long_strings() {
    let long = "x".repeat(8192);
    let whole = (0, 8192);
    for (command, expected) in [
        ("GET k", vec![whole]),
        ("GETDEL k", vec![whole]),
        ("GETEX k EX 100", vec![whole]),
        ("GETSET k other", vec![whole]),
        ("SET k other XX GET", vec![whole]),
        ("MGET k short none k", vec![whole, whole]),
        ("GETRANGE k 0 -1", vec![whole]),
        ("SUBSTR k 100 5000", vec![(100, 5001)]),
        ("GETRANGE k 0 2047", vec![(0, 2048)]),
        ("GETRANGE k 0 2046", vec![]),
        ("GETRANGE k 9 1", vec![]),
        ("GET short", vec![]),
    ] {
        let mut shard = BareShard::new();
        shard.run(&format!("SET k {long}"));
        shard.run("SET short value");
        let mut references = References::default();
        shard.run_to(command, &mut references);
        assert_eq!(references.parts, expected, "{command}");
    }
}
