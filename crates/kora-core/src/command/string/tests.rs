//! The family as a whole: what its effects must reproduce.

use proptest::prelude::*;

use crate::command::testing::{BareShard, START};
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
