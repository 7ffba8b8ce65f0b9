use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use crate::command::testing::BareShard;
use crate::config::CoreConfig;
use crate::reply::Value;

type Word = Vec<u8>;

fn run(shard: &mut BareShard, words: &[&str]) -> Value {
    let args: Vec<&[u8]> = words.iter().map(|word| word.as_bytes()).collect();
    shard.run_args(&args)
}

/// The members that a reply lists, which must all differ.
fn members(reply: &Value) -> BTreeSet<Word> {
    let (Value::Set(values) | Value::Array(values)) = reply else { panic!("no members: {reply:?}") };
    let texts: Vec<Word> = values.iter().map(text).collect();
    let members: BTreeSet<Word> = texts.iter().cloned().collect();
    assert_eq!(members.len(), texts.len(), "a member is given once");
    members
}

fn text(value: &Value) -> Word {
    let Value::Bulk(text) = value else { panic!("no text: {value:?}") };
    text.clone()
}

fn encoding(shard: &mut BareShard, key: &str) -> String {
    String::from_utf8(text(&run(shard, &["OBJECT", "ENCODING", key]))).expect("names are ASCII")
}

#[test]
fn members_come_and_go() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SADD s a b a => 2 | SADD s a b a | new s, sadd s
        SADD s a => 0 | |
        SREM s x => 0 | |
        SREM s a x => 1 | SREM s a x | srem s
        SREM s b => 1 | SREM s b | srem s, del s
        SREM s b => 0 | |
        SADD s 1 => 1
        SMOVE s t 2 => 0 | |
        SMOVE s t 1 => 1 | SMOVE s t 1 | srem s, del s, new t, sadd t
        SMOVE t t 1 => 1 | |
        SADD u 1 => 1
        SMOVE t u 1 => 1 | SMOVE t u 1 | srem t, del t
        SPOP u => "1" | SREM u 1 | spop u, del u
        SADD u 1 2 => 2
        SPOP u 5 => ["1", "2"] | DEL u | spop u, del u
        "#,
    );
    shard.check_replay();
}

#[test]
fn results_are_stored_or_delete_the_target() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SADD a 1 2 3 => 3
        SADD b 2 3 4 => 3 | SADD b 2 3 4 | new b, sadd b
        SINTERSTORE t a b => 2 | SINTERSTORE t a b | new t, sinterstore t
        SUNIONSTORE t a b => 4 | SUNIONSTORE t a b | sunionstore t
        SDIFFSTORE t a b => 1 | SDIFFSTORE t a b | sdiffstore t
        SINTERSTORE t a none => 0 | SINTERSTORE t a none | keymiss none, del t
        SINTERSTORE t a none => 0 | | keymiss none
        SET t x => OK
        EXPIRE t 100 => 1
        SDIFFSTORE t a none => 3
        TTL t => -1
        SUNIONSTORE a a b => 4
        SCARD a => 4
        "#,
    );
    shard.check_replay();
}

#[test]
fn every_command_refuses_other_types() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"other");
    for line in [
        "SADD other x",
        "SREM other x",
        "SCARD other",
        "SISMEMBER other x",
        "SMISMEMBER other x",
        "SMEMBERS other",
        "SPOP other",
        "SPOP other 1",
        "SRANDMEMBER other",
        "SRANDMEMBER other 1",
        "SMOVE other s x",
        "SMOVE s other x",
        "SSCAN other 0",
        "SINTER s other",
        "SINTER none other",
        "SINTERCARD 2 s other",
        "SINTERSTORE t s other",
        "SUNION s other",
        "SUNIONSTORE t s other",
        "SDIFF s other",
        "SDIFFSTORE t s other",
    ] {
        run(&mut shard, &["SADD", "s", "a"]);
        shard.effects();
        let reply = shard.run(line);
        assert_eq!(
            reply,
            crate::command::testing::error(&crate::error::CommandError::WrongType.to_string()),
            "{line}"
        );
        assert_eq!(shard.effects(), [""; 0], "{line}");
    }
}

#[test]
fn what_spop_leaves_is_small_again() {
    let mut shard = BareShard::new();
    for count in [200, 195] {
        run(&mut shard, &["DEL", "s"]);
        for number in 0..200 {
            run(&mut shard, &["SADD", "s", &format!("m{number}")]);
        }
        assert_eq!(encoding(&mut shard, "s"), "hashtable");
        let popped = members(&run(&mut shard, &["SPOP", "s", &count.to_string()]));
        assert_eq!(popped.len(), count);
        if count < 200 {
            assert_eq!(encoding(&mut shard, "s"), "listpack");
            let rest = members(&run(&mut shard, &["SMEMBERS", "s"]));
            assert_eq!((rest.len(), rest.is_disjoint(&popped)), (5, true));
        }
    }
    shard.check_replay();
}

#[test]
fn a_repeating_choice_is_bounded() {
    let mut shard = BareShard::new();
    shard.check(
        r#"
        SADD s a => 1
        SRANDMEMBER s -3 => ["a", "a", "a"]
        SRANDMEMBER s -16777217 => (error) ERR value is out of range
        "#,
    );
}

/// How often each member of a set is chosen; every choice is of `count` different ones.
fn chi_square(len: u32, rounds: u32, count: u32, mut choose: impl FnMut() -> Vec<Word>) -> f64 {
    let mut drawn = BTreeMap::<Word, u32>::new();
    for _ in 0..rounds {
        let chosen = choose();
        assert_eq!(chosen.len(), count as usize);
        for member in chosen {
            *drawn.entry(member).or_default() += 1;
        }
    }
    assert_eq!(drawn.len(), len as usize);
    let expected = f64::from(rounds * count) / f64::from(len);
    // Different members of one choice repel each other, which makes the figure smaller, never larger.
    drawn.values().map(|&times| (f64::from(times) - expected).powi(2) / expected).sum()
}

#[test]
fn random_choices_are_even() {
    let config = CoreConfig { set_max_listpack_entries: 50, ..CoreConfig::default() };
    for prefix in ["", "m"] {
        for len in [40, 100] {
            let mut shard = BareShard::with_config(config.clone());
            let all: Vec<String> = (0..len).map(|number| format!("{prefix}{number}")).collect();
            let sadd: Vec<&str> = ["SADD", "s"].into_iter().chain(all.iter().map(String::as_str)).collect();
            // 39 or 99 degrees of freedom: beyond this once in a hundred thousand.
            let bound = if len == 40 { 92.0 } else { 173.0 };
            for count in [1, 7, 39, -7] {
                let figure = chi_square(len, 1000, i32::unsigned_abs(count), || {
                    run(&mut shard, &sadd);
                    let reply = run(&mut shard, &["SRANDMEMBER", "s", &count.to_string()]);
                    let Value::Array(values) = reply else { panic!("no members: {reply:?}") };
                    values.iter().map(text).collect()
                });
                assert!(figure < bound, "SRANDMEMBER {prefix}{len} {count}: {figure}");
            }
            for count in [1, 7, 38] {
                let figure = chi_square(len, 800, count, || {
                    run(&mut shard, &sadd);
                    let popped = run(&mut shard, &["SPOP", "s", &count.to_string()]);
                    members(&popped).into_iter().collect()
                });
                assert!(figure < bound, "SPOP {prefix}{len} {count}: {figure}");
            }
        }
    }
}

const KEYS: [&str; 4] = ["s0", "s1", "s2", "s3"];

#[derive(Clone, Debug)]
enum Operation {
    Add(usize, Vec<String>),
    Remove(usize, Vec<String>),
    Move(usize, usize, String),
    Pop(usize, usize),
    Combine(&'static str, usize, Vec<usize>),
}

fn operation() -> impl Strategy<Value = Operation> {
    let word = || prop_oneof![(0..40i64).prop_map(|number| number.to_string()), "[a-d]{1,2}"];
    let words = || prop::collection::vec(word(), 1..12);
    let key = || 0..KEYS.len();
    prop_oneof![
        4 => (key(), words()).prop_map(|(key, words)| Operation::Add(key, words)),
        2 => (key(), words()).prop_map(|(key, words)| Operation::Remove(key, words)),
        1 => (key(), key(), word()).prop_map(|(from, to, word)| Operation::Move(from, to, word)),
        1 => (key(), 0..12usize).prop_map(|(key, count)| Operation::Pop(key, count)),
        3 => (prop::sample::select(vec!["SINTER", "SUNION", "SDIFF"]), key(), prop::collection::vec(key(), 1..5))
            .prop_map(|(name, target, keys)| Operation::Combine(name, target, keys)),
    ]
}

fn combine(name: &str, sets: &[BTreeSet<Word>]) -> BTreeSet<Word> {
    let (first, others) = sets.split_first().expect("there is at least one");
    others.iter().fold(first.clone(), |result, other| match name {
        "SINTER" => &result & other,
        "SUNION" => &result | other,
        _ => &result - other,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// All commands on sets in all forms, against a model, and their effects replayed.
    #[test]
    fn commands_do_as_the_model(operations in prop::collection::vec(operation(), 0..60)) {
        let config = CoreConfig {
            set_max_intset_entries: 10,
            set_max_listpack_entries: 8,
            ..CoreConfig::default()
        };
        let mut shard = BareShard::with_config(config);
        let mut model: Vec<BTreeSet<Word>> = vec![BTreeSet::new(); KEYS.len()];
        for operation in operations {
            match operation {
                Operation::Add(key, words) => {
                    let args: Vec<&str> = ["SADD", KEYS[key]].into_iter().chain(words.iter().map(String::as_str)).collect();
                    let added = words.iter().filter(|word| model[key].insert(word.as_bytes().to_vec())).count();
                    prop_assert_eq!(run(&mut shard, &args), Value::Integer(added as i64));
                }
                Operation::Remove(key, words) => {
                    let args: Vec<&str> = ["SREM", KEYS[key]].into_iter().chain(words.iter().map(String::as_str)).collect();
                    let removed = words.iter().filter(|word| model[key].remove(word.as_bytes())).count();
                    prop_assert_eq!(run(&mut shard, &args), Value::Integer(removed as i64));
                }
                Operation::Move(from, to, word) => {
                    let is_moved = model[from].contains(word.as_bytes());
                    if is_moved {
                        model[from].remove(word.as_bytes());
                        model[to].insert(word.as_bytes().to_vec());
                    }
                    let reply = run(&mut shard, &["SMOVE", KEYS[from], KEYS[to], &word]);
                    prop_assert_eq!(reply, Value::Integer(is_moved.into()));
                }
                Operation::Pop(key, count) => {
                    let popped = members(&run(&mut shard, &["SPOP", KEYS[key], &count.to_string()]));
                    prop_assert_eq!(popped.len(), count.min(model[key].len()));
                    prop_assert!(popped.iter().all(|member| model[key].remove(member)));
                }
                Operation::Combine(name, target, keys) => {
                    let sets: Vec<_> = keys.iter().map(|&key| model[key].clone()).collect();
                    let expected = combine(name, &sets);
                    let names: Vec<&str> = keys.iter().map(|&key| KEYS[key]).collect();
                    let reply = run(&mut shard, &[&[name][..], &names].concat());
                    prop_assert_eq!(members(&reply), expected.clone());
                    let store = format!("{name}STORE");
                    let reply = run(&mut shard, &[&[store.as_str(), KEYS[target]][..], &names].concat());
                    prop_assert_eq!(reply, Value::Integer(expected.len() as i64));
                    if name == "SINTER" {
                        let count = keys.len().to_string();
                        let args = [&["SINTERCARD", &count][..], &names, &["LIMIT", "3"]].concat();
                        // The target may be one of the keys, and now holds the intersection itself.
                        prop_assert_eq!(run(&mut shard, &args), Value::Integer(expected.len().min(3) as i64));
                    }
                    model[target] = expected;
                }
            }
            for (key, model) in KEYS.iter().zip(&model) {
                prop_assert_eq!(&members(&run(&mut shard, &["SMEMBERS", key])), model);
                prop_assert_eq!(run(&mut shard, &["SCARD", key]), Value::Integer(model.len() as i64));
                prop_assert_eq!(run(&mut shard, &["EXISTS", key]), Value::Integer((!model.is_empty()).into()));
            }
        }
        shard.check_replay();
    }
}
