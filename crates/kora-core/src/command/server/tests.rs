//! The server commands on a bare shard: replies and texts recorded from redis-server 8.0.2, and effects.

use crate::command::table::{CommandTable, Handler};
use crate::command::testing::{BareShard, START, bulk, error, ok};
use crate::config::CoreConfig;
use crate::context::{Ctx, Stores};
use crate::db::DbIndex;
use crate::journal::Journal;
use crate::reply::Value::{self, Integer, Null, Simple};
use crate::reply::tree::TreeSink;
use crate::slot::ShardId;
use crate::store::ShardStore;

fn check_errors(shard: &mut BareShard, cases: &[(&str, &str)]) {
    for (line, text) in cases {
        assert_eq!(shard.run(line), error(text), "{line}");
    }
}

#[test]
fn databases_are_counted_flushed_and_swapped() {
    let mut shard = BareShard::new();
    shard.run("MSET a 1 b 2");
    shard.db = DbIndex(1);
    shard.run("SET c 3");
    assert_eq!(shard.run("DBSIZE"), Integer(1));
    assert_eq!(shard.run("SWAPDB 1 0"), ok());
    assert_eq!(shard.run("DBSIZE"), Integer(2));
    shard.check_replay();
    assert_eq!(shard.run("FLUSHDB"), ok());
    assert_eq!(shard.effects(), ["FLUSHDB"]);
    assert_eq!(shard.run("FLUSHDB ASYNC"), ok());
    assert_eq!(shard.effects(), [""; 0], "there was nothing to flush");
    shard.db = DbIndex(0);
    assert_eq!(shard.run("DBSIZE"), Integer(1));
    assert_eq!(shard.run("flushall sync"), ok());
    assert_eq!(shard.run("DBSIZE"), Integer(0));
    shard.check_replay();
}

#[test]
fn databases_refuse() {
    check_errors(
        &mut BareShard::new(),
        &[
            ("FLUSHDB foo", "ERR syntax error"),
            ("FLUSHALL ASYNC SYNC", "ERR syntax error"),
            ("SWAPDB x 99999999999", "ERR invalid first DB index"),
            ("SWAPDB 99999999999 0", "ERR invalid first DB index"),
            ("SWAPDB 16 x", "ERR invalid second DB index"),
            ("SWAPDB -1 0", "ERR DB index is out of range"),
            ("SWAPDB 0 16", "ERR DB index is out of range"),
        ],
    );
}

#[test]
fn memory_usage_grows_with_the_value() {
    let mut shard = BareShard::new();
    shard.run("SET small v");
    shard.run_args(&[b"SET", b"large", &[b'x'; 10_000]]);
    let mut usage = |line: &str| match shard.run(line) {
        Integer(bytes) => bytes,
        other => panic!("{line}: {other:?}"),
    };
    assert!((8..100).contains(&usage("MEMORY USAGE small")));
    assert!((10_000..11_000).contains(&usage("MEMORY USAGE large SAMPLES 0 SAMPLES 5")));
    assert_eq!(shard.run("MEMORY USAGE nokey"), Null);
    check_errors(
        &mut shard,
        &[
            ("MEMORY USAGE small SAMPLES -1", "ERR syntax error"),
            ("MEMORY USAGE small SAMPLES x", "ERR value is not an integer or out of range"),
            ("MEMORY USAGE small SAMPLES", "ERR syntax error"),
            ("MEMORY USAGE small foo 1", "ERR syntax error"),
            ("MEMORY foo", "ERR unknown subcommand 'foo'. Try MEMORY HELP."),
        ],
    );
    assert!(matches!(shard.run("MEMORY HELP"), Value::Array(_)));
}

#[test]
fn debug_object_describes_a_string() {
    let mut shard = BareShard::new();
    for (value, encoding, serialized) in [
        ("5", "int", 2),
        ("-129", "int", 3),
        ("123456", "int", 5),
        ("12345678901", "int", 12),
        ("abc", "embstr", 4),
        // Compressed, as in a file.
        (&"x".repeat(70), "raw", 13),
    ] {
        shard.run(&format!("SET k {value}"));
        let references = if value == "5" { i32::MAX } else { 1 };
        let expected = format!(
            "Value at:0x000000000000 refcount:{references} encoding:{encoding} serializedlength:{serialized} \
             lru:{} lru_seconds_idle:0",
            START.seconds() % (1 << 24),
        );
        assert_eq!(shard.run("DEBUG OBJECT k"), Simple(expected));
    }
    shard.run("DEL k");
    shard.run("APPEND k 1");
    shard.run("APPEND k 2");
    let Simple(text) = shard.run("debug object k") else { panic!("no text") };
    assert!(text.contains("encoding:raw serializedlength:2 "), "{text}");
}

#[test]
fn debug_helpers_refuse_as_redis_does() {
    let unknown = |subcommand: &str| {
        format!("ERR unknown subcommand or wrong number of arguments for '{subcommand}'. Try DEBUG HELP.")
    };
    let mut shard = BareShard::new();
    shard.run("SET k v");
    check_errors(
        &mut shard,
        &[
            ("DEBUG OBJECT nokey", "ERR no such key"),
            ("DEBUG LISTPACK nokey", "ERR no such key"),
            ("DEBUG LISTPACK k", "ERR Not a listpack encoded object."),
            ("DEBUG QUICKLIST k", "ERR Not a quicklist encoded object."),
            (
                "DEBUG HTSTATS-KEY k",
                "ERR The value stored at the specified key is not represented using an hash table",
            ),
            ("DEBUG object", &unknown("object")),
            ("DEBUG LISTPACK", &unknown("LISTPACK")),
            ("DEBUG LISTPACK k more", &unknown("LISTPACK")),
            ("DEBUG STRINGMATCH-LEN 3 a?a", &unknown("STRINGMATCH-LEN")),
            ("DEBUG STRINGMATCH-LEN aaa a?a", &unknown("STRINGMATCH-LEN")),
            ("DEBUG SET-ACTIVE-EXPIRE", &unknown("SET-ACTIVE-EXPIRE")),
            ("DEBUG foo", &unknown("foo")),
        ],
    );
}

#[test]
#[expect(clippy::approx_constant, reason = "the number is meant, not pi")]
fn debug_replies_in_every_shape() {
    let mut shard = BareShard::new();
    for (line, reply) in [
        ("DEBUG ERROR \"MYCODE a\\nb\"", error("MYCODE a b")),
        ("DEBUG ERROR \"\"", error("")),
        ("DEBUG PROTOCOL STRING", bulk("Hello World")),
        ("DEBUG PROTOCOL integer", Integer(12345)),
        ("DEBUG PROTOCOL double", Value::Double(3.141)),
        ("DEBUG PROTOCOL null", Null),
        ("DEBUG PROTOCOL set", Value::Set((0..3).map(Integer).collect())),
        ("DEBUG PROTOCOL map", Value::Map((0..3).map(|n| (Integer(n), Value::Boolean(n == 1))).collect())),
        ("DEBUG PROTOCOL true", Value::Boolean(true)),
    ] {
        assert_eq!(shard.run(line), reply, "{line}");
    }
    assert!(matches!(shard.run("DEBUG HELP"), Value::Array(_)));
    shard.is_resp3 = false;
    check_errors(
        &mut shard,
        &[
            ("DEBUG PROTOCOL push", "ERR RESP2 is not supported by this command"),
            (
                "DEBUG PROTOCOL foo",
                "ERR Wrong protocol type name. Please use one of the following: \
                 string|integer|double|bignum|null|array|set|map|attrib|push|verbatim|true|false",
            ),
        ],
    );
    assert_eq!(shard.run("DEBUG PROTOCOL attrib"), bulk("Some real reply following the attribute"));
}

/// Runs `line` with the stores of all four shards in hand.
fn run_on_all(stores: &mut [Box<ShardStore>], journal: &mut Journal, line: &str) {
    let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    let table = CommandTable::<()>::new(&[], &[]);
    let command = table.resolve(&args).unwrap();
    let Handler::Core(handler) = command.handler else { panic!("{line} is the core's") };
    let mark = journal.open_command(crate::time::UnixMs(0));
    let stores = Stores::lent(stores, 4);
    let mut ctx = Ctx::bare(stores, journal, DbIndex(0), START);
    handler(&mut ctx, &args, &mut TreeSink::new(true)).unwrap();
    journal.close_command(mark, DbIndex(0), command.facts.name, &args);
}

#[test]
fn changes_of_whole_databases_are_one_effect() {
    let mut stores: Vec<_> =
        (0..4).map(|id| Box::new(ShardStore::new(ShardId(id), CoreConfig::default(), 1).among(4))).collect();
    let mut journal = Journal::default();
    let len = |stores: &[Box<ShardStore>], db| -> usize {
        stores.iter().map(|store| store.database(DbIndex(db)).len()).sum()
    };
    for number in 0..100 {
        run_on_all(&mut stores, &mut journal, &format!("SET key:{number} v"));
    }
    journal.set_recording(true);
    for (line, lens) in [("SWAPDB 0 3", [0, 100]), ("SWAPDB 3 0", [100, 0]), ("FLUSHALL ASYNC", [0, 0])] {
        run_on_all(&mut stores, &mut journal, line);
        assert_eq!([len(&stores, 0), len(&stores, 3)], lens, "{line}");
        assert_eq!(journal.take_effects().len(), 1, "{line}");
    }
}

#[test]
fn debug_switches_the_sweep() {
    let mut shard = BareShard::new();
    for (switch, is_active) in [("0", false), ("1", true), ("x", false)] {
        assert_eq!(shard.run(&format!("DEBUG SET-ACTIVE-EXPIRE {switch}")), ok());
        assert_eq!(shard.store.config().active_expire, is_active);
    }
}

#[test]
fn debug_answers_for_unknown_subcommands_itself() {
    let table = CommandTable::<()>::new(&[], &[]);
    assert_eq!(table.resolve(&[b"debug", b"foo"]).unwrap().facts.name, "debug");
    assert_eq!(table.resolve(&[b"DEBUG", b"Object"]).unwrap().facts.name, "debug|object");
    assert!(table.resolve(&[b"object", b"foo"]).is_err());
}

#[test]
fn keys_count_for_the_first_prefix_that_they_have() {
    let mut shard = BareShard::new();
    shard.run("MSET a:1 x a:b:2 y b:1 z c w");
    let Value::Array(reply) = shard.run("STATS.MEMORY 0 a:b a: none") else { panic!("an array") };
    assert_eq!(reply[0], bulk("0"));
    let Value::Array(found) = &reply[1] else { panic!("an array") };
    let fields = |value: &Value| match value {
        Value::Map(pairs) => pairs.iter().map(|(_, value)| value.clone()).collect::<Vec<_>>(),
        other => panic!("{other:?}"),
    };
    let found: Vec<_> = found.iter().map(fields).collect();
    assert_eq!(found[0][..2], [bulk("a:b"), Integer(1)]);
    assert_eq!(found[1][..2], [bulk("a:"), Integer(1)]);
    assert_eq!(found[2], [bulk("none"), Integer(0), Integer(0)]);
    assert!(matches!(found[0][2], Integer(bytes) if bytes > 10));
    let Value::Array(reply) = shard.run("STATS.MEMORY a: b") else { panic!("an array") };
    assert_eq!(reply[0], bulk("0"));
    assert!(
        matches!(&reply[1], Value::Array(found) if found.len() == 2 && fields(&found[0])[1] == Integer(2))
    );
    check_errors(
        &mut shard,
        &[("STATS.MEMORY 0", "ERR wrong number of arguments for 'stats.memory' command")],
    );
}
