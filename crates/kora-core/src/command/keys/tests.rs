//! Every kind of key specification, with arguments that fit, that do not, and that are hostile.

use proptest::prelude::*;

use super::*;
use crate::command::table::CommandTable;

const RO: KeyFlags = KeyFlags::RO;

fn facts(keys: &'static [KeySpec]) -> Facts {
    Facts { name: "test", keys, ..Facts::NONE }
}

fn check(facts: &Facts, line: &str, expected: Option<&str>) {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let keys = extract_keys(facts, &args).ok().map(|keys| {
        let names = keys.iter().map(|key| line.split(' ').nth(key.index as usize).unwrap());
        names.collect::<Vec<_>>().join(" ")
    });
    assert_eq!(keys.as_deref(), expected, "{line}");
}

const ONE: &[KeySpec] = &[KeySpec::one(RO, 1)];
const PAIR: &[KeySpec] = &[KeySpec::one(RO, 1), KeySpec::one(KeyFlags::OW, 2)];
const ALL: &[KeySpec] = &[KeySpec::range(RO, 1, -1, 1)];
const ALL_BUT_LAST: &[KeySpec] = &[KeySpec::range(RO, 1, -2, 1)];
const EVERY_SECOND: &[KeySpec] = &[KeySpec::range(RO, 1, -1, 2)];
const COUNTED: &[KeySpec] = &[KeySpec {
    flags: RO,
    begin: BeginSearch::Index(2),
    find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
    notes: None,
}];
const STORED: &[KeySpec] = &[
    KeySpec::one(KeyFlags::OW, 1),
    KeySpec {
        flags: RO,
        begin: BeginSearch::Index(2),
        find: FindKeys::KeyNum { number_at: 0, first: 1, step: 1 },
        notes: None,
    },
];
const STREAMS: &[KeySpec] = &[KeySpec {
    flags: RO,
    begin: BeginSearch::Keyword("STREAMS", 1),
    find: FindKeys::Range { last: -1, step: 1, limit: 2 },
    notes: None,
}];
const BACKWARDS: &[KeySpec] = &[KeySpec {
    flags: RO,
    begin: BeginSearch::Keyword("KEYS", -2),
    find: FindKeys::Range { last: -1, step: 1, limit: 0 },
    notes: None,
}];

#[test]
fn fixed_places() {
    check(&facts(&[]), "ping a b", Some(""));
    check(&facts(ONE), "get a b c", Some("a"));
    check(&facts(ONE), "get", None);
    check(&facts(PAIR), "copy a b c", Some("a b"));
    check(&facts(ALL), "del a b c", Some("a b c"));
    check(&facts(ALL), "del", Some(""));
    check(&facts(ALL_BUT_LAST), "blpop a b 0", Some("a b"));
    check(&facts(ALL_BUT_LAST), "blpop 0", Some(""));
    check(&facts(EVERY_SECOND), "mset a 1 b 2", Some("a b"));
    check(&facts(EVERY_SECOND), "mset a 1 b", Some("a b"));
}

#[test]
fn the_specification_gives_the_flags() {
    let facts = facts(PAIR);
    let keys = extract_keys(&facts, &[b"copy", b"a", b"b"]).unwrap();
    assert_eq!(keys[0].flags(&facts, &[]), RO);
    assert_eq!(keys[1].flags(&facts, &[]), KeyFlags::OW);
}

#[test]
fn counted_keys() {
    check(&facts(COUNTED), "eval script 2 a b c", Some("a b"));
    check(&facts(COUNTED), "eval script 4 a b c", None);
    check(&facts(COUNTED), "eval script 0 a", None);
    check(&facts(COUNTED), "eval script -1 a", None);
    check(&facts(COUNTED), "eval script x a", None);
    check(&facts(COUNTED), "eval script 9223372036854775807 a", None);
    check(&facts(COUNTED), "eval script", None);
    check(&facts(STORED), "zunionstore d 2 a b weights 1 2", Some("d a b"));
    let optional = Facts { flags: Flags::NO_MANDATORY_KEYS, ..facts(COUNTED) };
    check(&optional, "eval script 0 a", Some(""));
    check(&optional, "eval script 5 a", None);
}

#[test]
fn a_command_finds_its_keys_by_its_own_rules() {
    let table = CommandTable::<()>::new(&[], &[]);
    for (line, expected) in [
        ("georadius k 1 1 1 km", Some("k")),
        ("georadius k 1 1 1 km store a", Some("k a")),
        ("georadius k 1 1 1 km store", Some("k")),
        ("georadius k 1 1 1 km STORE a asc StoreDist b", Some("k b")),
        ("georadius k 1 1 1 km store STORE asc", Some("k STORE")),
        ("georadiusbymember k m 1 km store STORE", Some("k STORE")),
        ("xread count 1 streams a b 0 0", Some("a b")),
        ("xread STREAMS a b c", None),
        ("xread streams streams 0", Some("streams")),
        ("xread COUNT streams streams a 0", Some("a")),
        ("xread count 1 a b", None),
        ("xread streams", None),
        ("xreadgroup COUNT 1 GROUP STREAMS STREAMS STREAMS a >", Some("a")),
        ("xreadgroup group g c noack streams a b > >", Some("a b")),
        ("xreadgroup group g", None),
    ] {
        let facts = table.find(line.split(' ').next().unwrap().as_bytes()).unwrap().facts;
        check(facts, line, expected);
    }
}

#[test]
fn keys_behind_a_keyword() {
    check(&facts(STREAMS), "xread count 1 streams a b 0 0", Some("a b"));
    check(&facts(STREAMS), "xread STREAMS a b c", Some("a"));
    check(&facts(STREAMS), "xread streams", Some(""));
    check(&facts(STREAMS), "xread count 1 a b", None);
    check(&facts(BACKWARDS), "migrate h p keys keys a b", Some("a b"));
    check(&facts(BACKWARDS), "keys a b", None);
    check(&facts(BACKWARDS), "keys", None);
}

proptest! {
    #[test]
    fn hostile_arguments_never_panic(
        args in prop::collection::vec(
            prop_oneof![Just("streams".to_owned()), Just("keys".to_owned()), "-?[0-9]{1,20}", "[a-c]"],
            1..8,
        ),
    ) {
        let args: Vec<&[u8]> = args.iter().map(|arg| arg.as_bytes()).collect();
        for specs in [ONE, PAIR, ALL, ALL_BUT_LAST, EVERY_SECOND, COUNTED, STORED, STREAMS, BACKWARDS] {
            if let Ok(keys) = extract_keys(&facts(specs), &args) {
                prop_assert!(keys.iter().all(|key| (key.index as usize) < args.len()));
            }
        }
    }
}
