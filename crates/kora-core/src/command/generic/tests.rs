//! The generic commands on a bare shard: replies and texts recorded from redis-server 8.0.2, effects and events.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::scan::parse_cursor;
use crate::command::testing::{BareShard, START, bulk, error, ok};
use crate::config::{CoreConfig, Tracking};
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::journal::Journal;
use crate::reply::Value::{self, Integer, Null, Simple};
use crate::reply::tree::TreeSink;
use crate::slot::{ShardId, Slot};
use crate::store::ShardStore;
use crate::time::UnixMs;

/// A shard on which `lines` were run.
fn after(lines: &[&str]) -> BareShard {
    let mut shard = BareShard::new();
    for line in lines {
        assert!(!matches!(shard.run(line), Value::Error(_)), "{line}");
    }
    shard.effects();
    shard.events();
    shard
}

/// Runs `line` and checks its reply, effects and events.
fn check(shard: &mut BareShard, line: &str, reply: Value, effects: &[&str], events: &[&str]) {
    assert_eq!(shard.run(line), reply, "{line}");
    assert_eq!(shard.effects(), effects, "{line}");
    assert_eq!(shard.events(), events, "{line}");
}

fn check_errors(shard: &mut BareShard, cases: &[(&str, &str)]) {
    for (line, text) in cases {
        check(shard, line, error(text), &[], &[]);
    }
}

fn keys_of(value: &Value) -> BTreeSet<String> {
    let Value::Array(keys) = value else { panic!("no array: {value:?}") };
    keys.iter()
        .map(|key| match key {
            Value::Bulk(key) => String::from_utf8(key.clone()).unwrap(),
            other => panic!("no key: {other:?}"),
        })
        .collect()
}

#[test]
fn keys_are_counted_and_deleted() {
    let mut shard = after(&["SET a 1", "SET b 2", "SET c 3"]);
    check(&mut shard, "EXISTS a a nokey", Integer(2), &[], &["keymiss nokey"]);
    check(&mut shard, "TOUCH a nokey b", Integer(2), &[], &["keymiss nokey"]);
    check(&mut shard, "TYPE a", Simple("string".into()), &[], &[]);
    check(&mut shard, "TYPE nokey", Simple("none".into()), &[], &["keymiss nokey"]);
    check(&mut shard, "DEL a nokey a", Integer(1), &["DEL a nokey a"], &["del a"]);
    check(&mut shard, "DEL a", Integer(0), &[], &[]);
    check(&mut shard, "UNLINK b c", Integer(2), &["UNLINK b c"], &["del b", "del c"]);
    shard.check_replay();
}

#[test]
fn deadlines_are_set_as_moments() {
    let mut shard = after(&["SET k v"]);
    check(&mut shard, "EXPIRE k 100", Integer(1), &["PEXPIREAT k 1700000100000"], &["expire k"]);
    check(&mut shard, "PEXPIRE k 1500", Integer(1), &["PEXPIREAT k 1700000001500"], &["expire k"]);
    check(&mut shard, "TTL k", Integer(2), &[], &[]);
    check(&mut shard, "PTTL k", Integer(1500), &[], &[]);
    check(&mut shard, "EXPIREAT k 1700000002", Integer(1), &["PEXPIREAT k 1700000002000"], &["expire k"]);
    check(&mut shard, "PEXPIREAT k 1700000002499", Integer(1), &["PEXPIREAT k 1700000002499"], &["expire k"]);
    check(&mut shard, "EXPIRETIME k", Integer(1_700_000_002), &[], &[]);
    check(&mut shard, "PEXPIRETIME k", Integer(1_700_000_002_499), &[], &[]);
    shard.check_replay();
    check(&mut shard, "PERSIST k", Integer(1), &["PERSIST k"], &["persist k"]);
    check(&mut shard, "PERSIST k", Integer(0), &[], &[]);
    check(&mut shard, "TTL k", Integer(-1), &[], &[]);
    check(&mut shard, "TTL nokey", Integer(-2), &[], &["keymiss nokey"]);
    check(&mut shard, "EXPIRE nokey 1", Integer(0), &[], &[]);
    check(
        &mut shard,
        "PEXPIREAT k 9223372036854775807",
        Integer(1),
        &["PEXPIREAT k 9223372036854775807"],
        &["expire k"],
    );
    check(&mut shard, "EXPIRETIME k", Integer(9_223_372_036_854_776), &[], &[]);
    shard.check_replay();
}

#[test]
fn past_deadlines_delete() {
    for line in
        ["EXPIRE k 0", "EXPIRE k -1", "PEXPIRE k -9223372036854775808", "EXPIREAT k 1", "PEXPIREAT k -5"]
    {
        let mut shard = after(&["SET k v"]);
        check(&mut shard, line, Integer(1), &["DEL k"], &["del k"]);
        check(&mut shard, "EXISTS k", Integer(0), &[], &["keymiss k"]);
    }
}

#[test]
fn conditions_look_at_the_present_deadline() {
    // Condition, present deadline in seconds, new one: whether it is set.
    for (condition, present, new, is_set) in [
        ("NX", None, 10, true),
        ("NX", Some(10), 20, false),
        ("XX", None, 10, false),
        ("XX", Some(10), 5, true),
        ("GT", None, 10, false),
        ("GT", Some(10), 10, false),
        ("GT", Some(10), 11, true),
        ("LT", None, 10, true),
        ("LT", Some(10), 10, false),
        ("LT", Some(10), 9, true),
        ("XX GT", Some(10), 11, true),
        ("xx lt", None, 11, false),
    ] {
        let mut shard = after(&["SET k v"]);
        if let Some(present) = present {
            shard.run(&format!("EXPIRE k {present}"));
        }
        let line = format!("EXPIRE k {new} {condition}");
        assert_eq!(shard.run(&line), Integer(is_set.into()), "{line}, present {present:?}");
        let expected = if is_set { new } else { present.unwrap_or(-1) };
        assert_eq!(shard.run("TTL k"), Integer(expected), "{line}, present {present:?}");
    }
}

#[test]
fn expire_refuses_in_redis_order() {
    let mut shard = after(&["SET k v"]);
    let conflict = "ERR NX and XX, GT or LT options at the same time are not compatible";
    check_errors(
        &mut shard,
        &[
            ("EXPIRE k abc", "ERR value is not an integer or out of range"),
            ("EXPIRE k 9223372036854775807", "ERR invalid expire time in 'expire' command"),
            ("EXPIRE k -9223372036854775808", "ERR invalid expire time in 'expire' command"),
            ("PEXPIRE k 9223372036854775807", "ERR invalid expire time in 'pexpire' command"),
            ("EXPIREAT nokey 9223372036854775807", "ERR invalid expire time in 'expireat' command"),
            ("EXPIRE k abc foo", "ERR Unsupported option foo"),
            ("EXPIRE k 1 NX XX foo", "ERR Unsupported option foo"),
            ("EXPIRE k 1 NX XX", conflict),
            ("EXPIRE k abc NX GT", conflict),
            ("EXPIRE k 1 GT LT", "ERR GT and LT options at the same time are not compatible"),
            ("EXPIRE k", "ERR wrong number of arguments for 'expire' command"),
        ],
    );
}

#[test]
fn expired_keys_are_never_seen() {
    let mut shard = after(&["SET k v PX 10", "SET other w"]);
    shard.now = UnixMs(START.0 + 11);
    check(&mut shard, "EXPIRE k 10", Integer(0), &["DEL k"], &["expired k"]);
    shard.run("SET k v PX 10");
    shard.now = UnixMs(shard.now.0 + 11);
    assert_eq!(keys_of(&shard.run("KEYS *")), BTreeSet::from(["other".to_owned()]));
    assert_eq!(shard.run("RENAMENX other k"), Integer(1));
    shard.check_replay();
}

#[test]
fn rename_keeps_the_deadline() {
    let mut shard = after(&["SET a 1 EX 100", "SET b 2"]);
    check(&mut shard, "RENAMENX a b", Integer(0), &[], &[]);
    check(&mut shard, "RENAME a b", ok(), &["RENAME a b"], &["new b", "rename_from a", "rename_to b"]);
    check(&mut shard, "TTL b", Integer(100), &[], &[]);
    check(&mut shard, "GET b", bulk("1"), &[], &[]);
    check(&mut shard, "EXISTS a", Integer(0), &[], &["keymiss a"]);
    check(&mut shard, "RENAME b b", ok(), &[], &[]);
    check(&mut shard, "RENAMENX b b", Integer(0), &[], &[]);
    check(
        &mut shard,
        "RENAMENX b c",
        Integer(1),
        &["RENAMENX b c"],
        &["new c", "rename_from b", "rename_to c"],
    );
    for line in ["RENAME nokey a", "RENAME nokey nokey", "RENAMENX nokey c"] {
        check_errors(&mut shard, &[(line, "ERR no such key")]);
    }
    shard.check_replay();
}

#[test]
fn copy_takes_every_option() {
    let mut shard = after(&["SET a 1 EX 100", "SET b 2"]);
    check(&mut shard, "COPY a b", Integer(0), &[], &[]);
    check(&mut shard, "COPY a b REPLACE", Integer(1), &["COPY a b REPLACE"], &["new b", "copy_to b"]);
    check(&mut shard, "TTL b", Integer(100), &[], &[]);
    assert_eq!(shard.run("COPY a a DB 2 REPLACE DB 3"), Integer(1));
    assert_eq!(shard.run("copy a a db 3"), Integer(0));
    assert_eq!(shard.run("COPY nokey b REPLACE"), Integer(0));
    shard.check_replay();
    shard.db = DbIndex(3);
    assert_eq!(shard.run("GET a"), bulk("1"));
    assert_eq!(shard.run("TTL a"), Integer(100));
    shard.db = DbIndex(2);
    assert_eq!(shard.run("GET a"), Null);
    shard.events();
    let range = "ERR value is out of range, value must between -2147483648 and 2147483647";
    check_errors(
        &mut shard,
        &[
            ("COPY a a", "ERR source and destination objects are the same"),
            ("COPY a a DB 2", "ERR source and destination objects are the same"),
            ("COPY a b DB 16", "ERR DB index is out of range"),
            ("COPY a b DB -1", "ERR DB index is out of range"),
            ("COPY a b DB x", "ERR value is not an integer or out of range"),
            ("COPY a b DB 4294967296", range),
            ("COPY a b DB", "ERR syntax error"),
            ("COPY a b foo", "ERR syntax error"),
        ],
    );
}

#[test]
fn move_goes_to_another_database() {
    let mut shard = after(&["SET k v EX 100"]);
    check_errors(
        &mut shard,
        &[
            ("MOVE nokey 0", "ERR source and destination objects are the same"),
            ("MOVE k 16", "ERR DB index is out of range"),
            ("MOVE k x", "ERR value is not an integer or out of range"),
        ],
    );
    check(&mut shard, "MOVE nokey 1", Integer(0), &[], &[]);
    check(&mut shard, "MOVE k 1", Integer(1), &["MOVE k 1"], &["new k", "move_from k", "move_to k"]);
    assert_eq!(shard.run("SET k w"), ok());
    assert_eq!(shard.run("MOVE k 1"), Integer(0));
    shard.check_replay();
    shard.db = DbIndex(1);
    assert_eq!(shard.run("GET k"), bulk("v"));
    assert_eq!(shard.run("TTL k"), Integer(100));
}

#[test]
fn keys_filters_by_pattern() {
    let mut shard = after(&["MSET one 1 two 2 three 3 \"\" 4"]);
    for (pattern, expected) in [
        ("t*", &["three", "two"][..]),
        ("*", &["", "one", "three", "two"]),
        ("**", &["one", "three", "two"]),
        ("[ot][nw][eo]", &["one", "two"]),
        ("\"\"", &[""]),
        ("four", &[]),
    ] {
        let found = keys_of(&shard.run(&format!("KEYS {pattern}")));
        assert_eq!(found, expected.iter().map(|key| (*key).to_owned()).collect(), "{pattern}");
    }
}

/// The next cursor and the keys of a reply to SCAN.
fn scanned(reply: Value) -> (String, BTreeSet<String>) {
    let Value::Array(parts) = reply else { panic!("no array: {reply:?}") };
    let Value::Bulk(cursor) = &parts[0] else { panic!("no cursor: {parts:?}") };
    (String::from_utf8(cursor.clone()).unwrap(), keys_of(&parts[1]))
}

#[test]
fn scan_filters_and_refuses() {
    let mut shard = after(&["MSET one 1 two 2"]);
    let mut scan = |options: &str| scanned(shard.run(&format!("SCAN 0 {options}")));
    let all = BTreeSet::from(["one".to_owned(), "two".to_owned()]);
    assert_eq!(scan("COUNT 100"), ("0".into(), all.clone()));
    assert_eq!(scan("COUNT 100 TYPE STRING").1, all);
    assert_eq!(scan("COUNT 100 TYPE foo").1, BTreeSet::new());
    assert_eq!(scan("COUNT 100 MATCH x MATCH o*").1, BTreeSet::from(["one".to_owned()]));
    for cursor in ["1023", "18446744073709551615", "\" 5\"", "+7", "-01"] {
        assert_eq!(scanned(shard.run(&format!("SCAN {cursor}"))), ("0".into(), BTreeSet::new()), "{cursor}");
    }
    check_errors(
        &mut shard,
        &[
            ("SCAN x", "ERR invalid cursor"),
            ("SCAN -1 foo", "ERR invalid cursor"),
            ("SCAN \"\"", "ERR invalid cursor"),
            ("SCAN 18446744073709551616", "ERR invalid cursor"),
            ("SCAN 0 COUNT 0", "ERR syntax error"),
            ("SCAN 0 COUNT -1", "ERR syntax error"),
            ("SCAN 0 COUNT", "ERR syntax error"),
            ("SCAN 0 MATCH", "ERR syntax error"),
            ("SCAN 0 foo bar", "ERR syntax error"),
            ("SCAN 0 COUNT x", "ERR value is not an integer or out of range"),
            ("SCAN 0 NOVALUES", "ERR NOVALUES option can only be used in HSCAN"),
        ],
    );
}

#[test]
fn cursors_are_read_as_strtoull_does() {
    for (text, cursor) in [
        ("0", Some(0)),
        ("00", Some(0)),
        ("-0", Some(0)),
        ("\t\n 12", Some(12)),
        ("+12", Some(12)),
        ("-01", Some(u64::MAX)),
        ("18446744073709551615", Some(u64::MAX)),
        ("18446744073709551616", None),
        ("-1", None),
        ("12 ", None),
        ("0x1", None),
        ("+-1", None),
        ("", None),
        (" ", None),
        ("-", None),
    ] {
        assert_eq!(parse_cursor(text.as_bytes()), cursor, "{text:?}");
    }
}

/// Runs `args` on several stores in hand, those of `shards`.
fn run_on(shards: &mut [Box<ShardStore>], shard_count: u16, line: &str) -> Value {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let spec = super::COMMANDS
        .iter()
        .chain(crate::command::string::COMMANDS)
        .find(|spec| spec.facts.name.eq_ignore_ascii_case(line.split(' ').next().unwrap()))
        .unwrap();
    let mut journal = Journal::default();
    let stores = Stores::lent(shards, shard_count);
    let mut ctx = Ctx::bare(stores, &mut journal, DbIndex(0), START);
    let mut sink = TreeSink::new(true);
    (spec.handler)(&mut ctx, &args, &mut sink).unwrap();
    sink.into_values().remove(0)
}

#[expect(clippy::vec_box, reason = "operations are lent boxed stores")]
fn stores(shard_count: u16) -> Vec<Box<ShardStore>> {
    let store = |id| ShardStore::new(ShardId(id), CoreConfig::default(), 7).among(shard_count);
    (0..shard_count).map(|id| Box::new(store(id))).collect()
}

#[test]
fn scan_goes_through_all_shards() {
    let mut shards = stores(4);
    let keys: BTreeSet<String> = (0..1000).map(|number| format!("key:{number}")).collect();
    for key in &keys {
        run_on(&mut shards, 4, &format!("SET {key} v"));
    }
    let mut found = BTreeSet::new();
    let mut cursor = "0".to_owned();
    loop {
        let shard = super::scan::cursor_shard(cursor.as_bytes()).index();
        let some;
        // Only the shard that the cursor names is in hand, as when the command is routed.
        (cursor, some) = scanned(run_on(&mut shards[shard..=shard], 4, &format!("SCAN {cursor} COUNT 50")));
        assert!(some.iter().all(|key| Slot::of(key.as_bytes()).shard(4).index() == shard));
        for key in some {
            assert!(found.insert(key.clone()), "{key} came twice");
        }
        assert!(cursor.parse::<u64>().unwrap() < 1 << 53);
        if cursor == "0" {
            break;
        }
    }
    assert_eq!(found, keys);
}

#[test]
fn randomkey_finds_every_key_of_every_shard() {
    let mut shards = stores(4);
    assert_eq!(run_on(&mut shards, 4, "RANDOMKEY"), Null);
    let keys: BTreeSet<String> = (0..20).map(|number| format!("key:{number}")).collect();
    for key in &keys {
        run_on(&mut shards, 4, &format!("SET {key} v"));
    }
    let mut found = BTreeSet::new();
    for _ in 0..2000 {
        found.extend(keys_of(&Value::Array(vec![run_on(&mut shards, 4, "RANDOMKEY")])));
    }
    assert_eq!(found, keys);
}

#[test]
fn randomkey_skips_expired_keys() {
    let mut shard = after(&["SET a 1 PX 5", "SET b 2"]);
    shard.now = UnixMs(START.0 + 6);
    assert!((0..50).all(|_| shard.run("RANDOMKEY") == bulk("b")));
    shard.run("PEXPIRE b 5");
    shard.now = UnixMs(START.0 + 60);
    assert_eq!(shard.run("RANDOMKEY"), Null);
}

#[test]
fn who_leaves_no_marks_may_still_touch() {
    let mut shard = after(&["SET a v", "SET b v"]);
    shard.no_touch = true;
    shard.now = UnixMs(START.0 + 12_000);
    shard.run("GET a");
    assert_eq!(shard.run("OBJECT IDLETIME a"), Integer(12));
    assert_eq!(shard.run("TOUCH a nokey"), Integer(1));
    assert_eq!(shard.run("OBJECT IDLETIME a"), Integer(0));
    assert_eq!(shard.run("OBJECT IDLETIME b"), Integer(12));
}

#[test]
fn object_tells_how_values_are_kept() {
    let mut shard = after(&["SET int 12", "SET big 10000", "SET embstr abc"]);
    shard.run_args(&[b"SET", b"raw", &[b'x'; 45]]);
    for name in ["int", "embstr", "raw"] {
        assert_eq!(shard.run(&format!("OBJECT ENCODING {name}")), bulk(name));
    }
    assert_eq!(shard.run("object refcount int"), Integer(2_147_483_647));
    assert_eq!(shard.run("OBJECT REFCOUNT big"), Integer(1));
    assert_eq!(shard.run("OBJECT REFCOUNT raw"), Integer(1));
    shard.now = UnixMs(START.0 + 12_000);
    assert_eq!(shard.run("OBJECT IDLETIME int"), Integer(12));
    shard.run("TOUCH int");
    assert_eq!(shard.run("OBJECT IDLETIME int"), Integer(0));
    shard.effects();
    shard.events();
    for subcommand in ["ENCODING", "FREQ", "IDLETIME", "REFCOUNT"] {
        assert_eq!(shard.run(&format!("OBJECT {subcommand} nokey")), Null);
    }
    assert_eq!(shard.events(), [""; 0], "a look at an object is no miss");
    let stats = shard.store.stats();
    assert_eq!((stats.hits, stats.misses), (9, 4));
    check_errors(
        &mut shard,
        &[(
            "OBJECT FREQ int",
            "ERR An LFU maxmemory policy is not selected, access frequency not tracked. Please note that when \
             switching between policies at runtime LRU and LFU data will take some time to adjust.",
        )],
    );
}

#[test]
fn object_under_lfu() {
    let mut shard = BareShard::with_config(CoreConfig { tracking: Tracking::Lfu, ..CoreConfig::default() });
    shard.run("SET k v");
    assert_eq!(shard.run("OBJECT FREQ k"), Integer(5));
    let text = "ERR An LFU maxmemory policy is selected, idle time not tracked. Please note that when switching \
                between policies at runtime LRU and LFU data will take some time to adjust.";
    assert_eq!(shard.run("OBJECT IDLETIME k"), error(text));
}

#[test]
fn object_help_has_the_usual_form() {
    let Value::Array(lines) = BareShard::new().run("OBJECT HELP") else { panic!("no array") };
    assert_eq!(lines[0], Simple("OBJECT <subcommand> [<arg> [value] [opt] ...]. Subcommands are:".into()));
    assert_eq!(lines.last(), Some(&Simple("    Print this help.".into())));
    let unknown = BareShard::new().run("OBJECT foo");
    assert_eq!(unknown, error("ERR unknown subcommand 'foo'. Try OBJECT HELP."));
}

fn any_command() -> impl Strategy<Value = String> {
    let key = || prop::sample::select(&["a", "b", "c"][..]);
    let condition = prop::sample::select(&["", " NX", " XX", " GT", " LT", " XX GT"][..]);
    prop_oneof![
        (key(), 0..100).prop_map(|(key, value)| format!("SET {key} {value}")),
        (key(), 1..40).prop_map(|(key, ms)| format!("SET {key} v PX {ms}")),
        (key(), -5..40, condition).prop_map(|(key, ms, condition)| format!("PEXPIRE {key} {ms}{condition}")),
        key().prop_map(|key| format!("PERSIST {key}")),
        (key(), key()).prop_map(|(from, to)| format!("RENAME {from} {to}")),
        (key(), key()).prop_map(|(from, to)| format!("RENAMENX {from} {to}")),
        (key(), key(), 0..3).prop_map(|(from, to, db)| format!("COPY {from} {to} DB {db} REPLACE")),
        (key(), 0..3).prop_map(|(key, db)| format!("MOVE {key} {db}")),
        (key(), key()).prop_map(|(one, other)| format!("DEL {one} {other}")),
        Just("FLUSHDB".to_owned()),
        Just("SWAPDB 0 1".to_owned()),
    ]
}

proptest! {
    #[test]
    fn effects_reproduce_every_change(
        steps in prop::collection::vec((any_command(), 0..3u16, 0..20i64), 1..60),
    ) {
        let mut shard = BareShard::new();
        for (line, db, pause_ms) in steps {
            shard.now = UnixMs(shard.now.0 + pause_ms);
            shard.db = DbIndex(db);
            shard.run(&line);
            shard.effects();
        }
        shard.check_replay();
    }
}
