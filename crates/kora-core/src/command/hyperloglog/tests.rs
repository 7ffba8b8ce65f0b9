use proptest::prelude::*;

use crate::command::testing::BareShard;
use crate::config::CoreConfig;

const WRONG_TYPE: &str = "(error) WRONGTYPE Operation against a key holding the wrong kind of value";
const NOT_ONE: &str = "(error) WRONGTYPE Key is not a valid HyperLogLog string value.";
const DAMAGED: &str = "(error) INVALIDOBJ Corrupted HLL object detected";

#[test]
fn elements_are_added_and_counted() {
    BareShard::new().check(
        r#"
        PFADD h a b c           => 1        | PFADD h a b c | new h, pfadd h
        PFADD h a               => 0        |               |
        PFADD h                 => 0        |               |
        PFCOUNT h               => 3        | PFCOUNT h     |
        PFCOUNT h               => 3        |               |
        OBJECT ENCODING h       => "raw"
        PFADD e                 => 1        | PFADD e       | new e, pfadd e
        GET e                   => "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x7f\xff"
        PFCOUNT e               => 0        | PFCOUNT e     |
        GET e                   => "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x7f\xff"
        PFCOUNT m               => 0        |               | keymiss m
        PFADD i c d             => 1
        PFCOUNT h i m           => 4        |               | keymiss m
        PFMERGE i h m           => OK       | PFMERGE i h m | keymiss m, pfadd i
        PFCOUNT i               => 4
        PFDEBUG ENCODING i      => sparse
        PFDEBUG TODENSE i       => 1        | PFDEBUG TODENSE i |
        PFDEBUG TODENSE i       => 0        |               |
        PFDEBUG ENCODING i      => dense
        PFDEBUG DECODE i        => (error) ERR HLL encoding is not sparse ||
        PFCOUNT i               => 4        |               |
        PFADD i d e             => 1        | PFADD i d e   | pfadd i
        PFADD i d e             => 0        |               |
        PFCOUNT i               => 5        | PFCOUNT i     |
        PFMERGE j i h           => OK
        PFDEBUG ENCODING j      => dense
        PFDEBUG FOO j           => (error) ERR Unknown PFDEBUG subcommand 'FOO' ||
        PFDEBUG ENCODING m      => (error) ERR The specified key does not exist ||
        PFSELFTEST              => OK       |               |
        "#,
    );
}

#[test]
fn long_codes_become_dense() {
    let config = CoreConfig { hll_sparse_max_bytes: 25, ..CoreConfig::default() };
    BareShard::with_config(config).check(
        r#"
        PFADD h a b             => 1
        PFDEBUG ENCODING h      => sparse
        PFADD h c               => 1
        PFDEBUG ENCODING h      => dense
        PFCOUNT h               => 3
        "#,
    );
}

#[test]
fn what_is_no_sketch_is_refused_and_left_alone() {
    let mut shard = BareShard::new();
    shard.put_other_type(b"l");
    shard.check(&format!(
        r#"
        SET s abc               => OK | SET s abc | new s, set s
        SET n 12345             => OK | SET n 12345 | new n, set n
        SET d "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00" => OK
        PFADD s a               => {NOT_ONE} ||
        PFADD n a               => {NOT_ONE} ||
        PFADD l a               => {WRONG_TYPE} ||
        PFADD d a               => {DAMAGED} ||
        PFCOUNT s               => {NOT_ONE} ||
        PFCOUNT l               => {WRONG_TYPE} ||
        PFCOUNT d               => {DAMAGED} ||
        PFCOUNT d d             => {DAMAGED} ||
        PFMERGE s s             => {NOT_ONE} ||
        PFMERGE l l             => {WRONG_TYPE} ||
        PFMERGE d d             => {DAMAGED} ||
        PFDEBUG TODENSE d       => {DAMAGED} ||
        PFDEBUG GETREG d        => {DAMAGED} ||
        PFDEBUG DECODE d        => "z:1 z:1" ||
        PFDEBUG ENCODING l      => {WRONG_TYPE} ||
        EXISTS x                => 0
        GET d                   => "HYLL\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x80\x00\x00"
        "#,
    ));
}

fn command() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(vec!["a", "b", "c"]);
    prop_oneof![
        4 => (key(), "[a-z]{1,3}", "[a-z]{0,2}").prop_map(|(key, x, y)| format!("PFADD {key} {x} {y}")),
        2 => (key(), key()).prop_map(|(to, from)| format!("PFMERGE {to} {from}")),
        2 => key().prop_map(|key| format!("PFCOUNT {key}")),
        1 => key().prop_map(|key| format!("PFDEBUG TODENSE {key}")),
        1 => key().prop_map(|key| format!("PFDEBUG GETREG {key}")),
        1 => key().prop_map(|key| format!("DEL {key}")),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn effects_reproduce_the_contents(commands in prop::collection::vec(command(), 1..30)) {
        let mut shard = BareShard::new();
        for command in &commands {
            shard.run(command);
        }
        shard.check_replay();
    }
}
