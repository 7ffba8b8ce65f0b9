//! Commands on a bare store: what they record, what they refuse, and what stands in payloads. Their replies are in the transcripts.

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::context::{Ctx, Stores};
use kora_core::db::DbIndex;
use kora_core::digest::{Detail, Digest};
use kora_core::entry::data_type::Extensions;
use kora_core::journal::Journal;
use kora_core::rdb::dump;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::slot::ShardId;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;

const NOW: UnixMs = UnixMs(1_700_000_000_000);
const DB: DbIndex = DbIndex(0);

struct Bare {
    store: Box<ShardStore>,
    journal: Journal,
    table: CommandTable<()>,
}

impl Bare {
    fn new() -> Self {
        let mut store = Box::new(ShardStore::new(ShardId(0), CoreConfig::default(), 1));
        store.set_extensions(Extensions::new(crate::TYPES));
        let mut journal = Journal::default();
        journal.set_recording(true);
        Self { store, journal, table: CommandTable::new(&[crate::COMMANDS], &[]) }
    }

    fn run_args(&mut self, args: &[&[u8]]) -> Value {
        let command = self.table.resolve(args).expect("a command");
        let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
        let mark = self.journal.open_command(NOW);
        let mut out = TreeSink::new(true);
        let mut ctx = Ctx::bare(Stores::One(&mut self.store), &mut self.journal, DB, NOW);
        let result = handler(&mut ctx, args, &mut out);
        self.journal.close_command(mark, DB, command.facts.name, args);
        match result {
            Ok(()) => out.into_values().remove(0),
            Err(error) => Value::Error(error.to_string()),
        }
    }

    fn run(&mut self, line: &str) -> Value {
        self.run_args(&line.split(' ').map(str::as_bytes).collect::<Vec<_>>())
    }

    fn text(&mut self, line: &str) -> String {
        match self.run(line) {
            Value::Simple(text) | Value::Error(text) => text,
            Value::Bulk(bytes) => String::from_utf8(bytes).expect("UTF-8"),
            other => format!("{other:?}"),
        }
    }

    /// The effects since the last call, each as a line.
    fn effects(&mut self) -> Vec<String> {
        let effects = self.journal.take_effects();
        let line = |args: &[Box<[u8]>]| {
            args.iter().map(|arg| String::from_utf8_lossy(arg).into_owned()).collect::<Vec<_>>().join(" ")
        };
        effects.iter().map(|effect| line(&effect.args)).collect()
    }

    fn digest(&mut self) -> Digest {
        let mut keyspace = Keyspace::new(&mut self.store, &mut self.journal, DB, NOW, true);
        Digest::of_keys(&mut keyspace, Detail::All)
    }
}

#[test]
fn what_changes_something_is_recorded_and_nothing_else() {
    let (mut bare, mut follower) = (Bare::new(), Bare::new());
    let changes = [
        r#"JSON.SET d $ {"a":1,"b":[1,2],"s":"x","t":true}"#,
        "JSON.SET d $.a 5",
        "JSON.NUMINCRBY d $..a 0.1",
        "JSON.NUMMULTBY d .a 3",
        "JSON.NUMPOWBY d $.a 2",
        "JSON.STRAPPEND d $.s \"y\"",
        "JSON.TOGGLE d $.t",
        "JSON.ARRAPPEND d $.b 3 4",
        "JSON.ARRINSERT d $.b 0 0",
        "JSON.ARRPOP d $.b",
        "JSON.ARRTRIM d $.b 0 1",
        r#"JSON.MERGE d $ {"z":{"a":1},"t":null}"#,
        "JSON.CLEAR d $.z",
        "JSON.DEL d $.z",
        "JSON.MSET d $.q 1 e $ 2",
        "JSON.DEL e",
    ];
    for line in changes {
        let reply = bare.text(line);
        assert!(!reply.starts_with("ERR"), "{line}: {reply}");
        let effects = bare.effects();
        assert_eq!(effects, [line]);
        effects.iter().for_each(|line| drop(follower.run(line)));
        assert_eq!(follower.digest(), bare.digest(), "{line}");
    }
    let nothing = [
        "JSON.SET d $.a 1 NX",
        "JSON.SET d $.no.where 1",
        "JSON.SET e $ 1 XX",
        "JSON.NUMINCRBY d $.s 1",
        "JSON.NUMINCRBY d $.a x",
        "JSON.STRAPPEND d $.a \"y\"",
        "JSON.TOGGLE d $.a",
        "JSON.ARRAPPEND d $.a 1",
        "JSON.ARRPOP d $.a",
        "JSON.CLEAR d $.s",
        "JSON.DEL d $.none",
        "JSON.DEL none",
        "JSON.MERGE d $.no.where 1",
        "JSON.MSET d $.a 1 e $.x 2",
        "JSON.GET d",
        "JSON.MGET d e $",
    ];
    for line in nothing {
        bare.run(line);
        assert_eq!(bare.effects(), [""; 0], "{line}");
    }
}

#[test]
fn several_values_are_set_together_or_not_at_all() {
    let mut bare = Bare::new();
    bare.run("JSON.MSET a $ 1 b $ [1]");
    for line in [
        "JSON.MSET a $ 2 b $[5] 2",
        "JSON.MSET a $ 2 b $..x 2",
        "JSON.MSET a $ 2 c $.x 2",
        "JSON.MSET a $ 2 b $ {",
        "JSON.MSET a $ 2 b $[ 2",
    ] {
        assert!(matches!(bare.run(line), Value::Error(_)), "{line}");
        assert_eq!(bare.text("JSON.GET a"), "1");
    }
    // What a path meant may have gone with what was put before it.
    assert_eq!(bare.text("JSON.MSET b $ 7 b $[0] 8"), "OK");
    assert_eq!(bare.text("JSON.GET b"), "7");
}

/// RedisJSON 2.8 takes a value that is nested ever deeper, and crashes when it shows it.
#[test]
fn values_are_not_nested_deeper_by_and_by() {
    let mut bare = Bare::new();
    let refusal = "ERR the value would be nested deeper than 127 levels";
    let grow = |bare: &mut Bare, command: &str, step: &str, value: &str| {
        let mut path = "$".to_owned();
        for depth in 1.. {
            let reply = bare.text(&format!("{command} d {path} {value}"));
            if reply == refusal {
                return depth;
            }
            assert!(depth < 200, "{command}: {reply}");
            path.push_str(step);
        }
        0
    };
    bare.run("JSON.SET d $ {}");
    assert_eq!(grow(&mut bare, "JSON.SET", ".a", r#"{"a":{}}"#), 127);
    bare.run("JSON.SET d $ {}");
    assert_eq!(grow(&mut bare, "JSON.MERGE", ".a", r#"{"a":{}}"#), 127);
    bare.run("JSON.SET d $ []");
    assert_eq!(grow(&mut bare, "JSON.ARRAPPEND", "[0]", "[]"), 127);
    bare.run("JSON.SET d $ []");
    let mut path = "$".to_owned();
    while bare.text(&format!("JSON.ARRINSERT d {path} 0 []")) != refusal {
        path.push_str("[0]");
    }
    // It can still be shown, dumped and made again.
    assert_eq!(bare.text("JSON.GET d").len(), 2 * 127);
    let Value::Bulk(payload) = bare.run("DUMP d") else { panic!("a payload") };
    assert_eq!(bare.run_args(&[b"RESTORE", b"e", b"0", &payload]), Value::Simple("OK".into()));
    assert_eq!(bare.text("JSON.GET d"), bare.text("JSON.GET e"));
}

#[test]
fn payloads_are_those_of_the_module() {
    let mut bare = Bare::new();
    bare.run("JSON.SET d $ 1");
    // As Redis 8.0.2 with RedisJSON 2.8.3 dumps it.
    let recorded = b"\x07\x81E\xe2R8\xdf\x91,\x03\x05\xc0\x01\x00\x0c\x00\",\xd4\x9b\x19$hG";
    assert_eq!(bare.run("DUMP d"), Value::Bulk(recorded.to_vec()));
    assert_eq!(bare.run_args(&[b"RESTORE", b"e", b"0", recorded]), Value::Simple("OK".into()));
    assert_eq!(bare.text("JSON.GET e"), "1");
}

/// A payload with these bytes behind the code of module values and the id.
fn payload_of(id: &[u8], parts: &[u8]) -> Vec<u8> {
    let mut payload = [&[7, 0x81], id, parts].concat();
    dump::seal(&mut payload);
    payload
}

/// RedisJSON 2.8 crashes when it loads some of these.
#[test]
fn payloads_that_are_none_are_refused() {
    const ID: &[u8] = b"\x45\xe2\x52\x38\xdf\x91\x2c\x03";
    let nested =
        [&[5, 0x41, 0x00][..], "[".repeat(128).as_bytes(), "]".repeat(128).as_bytes(), &[0]].concat();
    let hostile: [(&[u8], &[u8]); 16] = [
        (ID, b""),
        (ID, b"\x00"),
        (ID, b"\x05\x01"),
        (ID, b"\x05\x011"),
        (ID, b"\x05\x00\x00"),
        (ID, b"\x05\x01{\x00"),
        (ID, b"\x05\x031 2\x00"),
        (ID, b"\x05\x02\xff\xfe\x00"),
        (ID, b"\x05\x011\x05\x011\x00"),
        (ID, b"\x02\x01\x00"),
        (ID, b"\x04\x00\x00\x00\x00\x00\x00\x00\x00\x00"),
        (ID, b"\x05\x81\xff\xff\xff\xff\xff\xff\xff\xff1\x00"),
        (ID, b"\x05\xc3\x05\x81\x7f\xff\xff\xff\xff\xff\xff\xff12345\x00"),
        (b"\x45\xe2\x52\x38\xdf\x91\x2c\x02", b"\x05\x011\x00"),
        (b"\x00\xe2\x52\x38\xdf\x91\x2c\x03", b"\x05\x011\x00"),
        (ID, &nested),
    ];
    let mut bare = Bare::new();
    for (id, parts) in hostile {
        let reply = bare.run_args(&[b"RESTORE", b"d", b"0", &payload_of(id, parts)]);
        assert!(matches!(reply, Value::Error(_)), "{parts:?}: {reply:?}");
        assert_eq!(bare.text("TYPE d"), "none");
    }
}

#[test]
fn memory_is_that_of_the_run() {
    let mut bare = Bare::new();
    bare.run(r#"JSON.SET d $ {"name":"widget","price":12.5,"tags":["a","b"]}"#);
    let Value::Integer(small) = bare.run("MEMORY USAGE d") else { panic!("a number") };
    bare.run(&format!("JSON.SET d $.more \"{}\"", "x".repeat(10_000)));
    let Value::Integer(large) = bare.run("MEMORY USAGE d") else { panic!("a number") };
    assert!((40..200).contains(&small) && (10_000..10_400).contains(&(large - small)), "{small} {large}");
}

/// A path may find a value as often as it likes.
#[test]
fn what_a_path_finds_together_is_limited() {
    let mut bare = Bare::new();
    let refusal = "ERR the path goes to too many values";
    bare.run(&format!("JSON.SET d $ [\"{}\",[],[],1]", "x".repeat(1 << 20)));
    let many = vec!["0"; 600].join(",");
    assert_eq!(bare.text(&format!("JSON.GET d $[{many}]")), refusal);
    let wide = format!("[{}]", vec!["[]"; 600].join(","));
    bare.run(&format!("JSON.SET d $ {wide}"));
    let large = format!("\"{}\"", "x".repeat(1 << 20));
    for command in
        ["JSON.SET d $[*]", "JSON.MERGE d $[*]", "JSON.ARRAPPEND d $[*]", "JSON.ARRINSERT d $[*] 0"]
    {
        assert_eq!(bare.text(&format!("{command} {large}")), refusal, "{command}");
    }
    assert_eq!(bare.text("JSON.GET d"), wide);
}

#[test]
fn errors_are_on_one_line() {
    let mut bare = Bare::new();
    bare.run("JSON.SET d $ {}");
    let Value::Error(text) = bare.run_args(&[b"JSON.GET", b"d", b"$.a\r\n+OK"]) else { panic!("an error") };
    assert!(!text.contains(['\r', '\n']), "{text:?}");
    let Value::Error(text) = bare.run_args(&[b"JSON.GET", b"d", b".[\"\r\n\"]"]) else { panic!("an error") };
    assert!(!text.contains(['\r', '\n']), "{text:?}");
}

#[test]
fn values_within_each_other_are_merged_with_each_other() {
    let mut bare = Bare::new();
    for (value, path, patch, expected) in [
        (r#"{"a":{"a":{"q":1},"b":2}}"#, "$..a", r#"{"z":1}"#, r#"{"a":{"a":{"q":1,"z":1},"b":2,"z":1}}"#),
        (r#"[{"x":[2,3]}]"#, "$..[0]", "{}", r#"[{"x":[{},3]}]"#),
        (r#"{"a":{"a":1}}"#, "$..a", r#"{"a":null}"#, r#"{"a":{}}"#),
        (r#"{"a":[{"a":1},2]}"#, "$..a", "7", r#"{"a":7}"#),
    ] {
        assert_eq!(bare.text(&format!("JSON.SET d $ {value}")), "OK");
        assert_eq!(bare.text(&format!("JSON.MERGE d {path} {patch}")), "OK");
        assert_eq!(bare.text("JSON.GET d"), expected, "{value} {path} {patch}");
    }
}

#[test]
fn many_keys_that_cost_much_are_refused_together() {
    let mut bare = Bare::new();
    let array = format!("[{}1]", "1,".repeat(1_000_000));
    assert_eq!(bare.run_args(&[b"JSON.SET", b"d", b"$", array.as_bytes()]), Value::Simple("OK".into()));
    let mut args: Vec<&[u8]> = vec![b"JSON.MGET"];
    args.extend(std::iter::repeat_n(&b"d"[..], 1000));
    args.push(b"$[999999]");
    assert!(matches!(bare.run_args(&args), Value::Error(_)));
}
