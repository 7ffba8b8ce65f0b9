//! Commands about the engine as a whole, sent to an engine without a socket: they are the engine's own, and answer there as they do
//! in a server.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::time::UnixMs;
use kora_engine::embedded::{Embedded, EmbeddedOptions};
use kora_engine::settings::{PersistenceSettings, Settings};

const SHA: &[u8] = b"e0e1f9fabfc9d4800c877a703b823ac0578ff8db";

fn real_time() -> UnixMs {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("the clock is past 1970");
    UnixMs(i64::try_from(since.as_millis()).expect("the clock is before the year 292 million"))
}

fn start(settings: Settings) -> Embedded {
    let options = EmbeddedOptions { settings, ..EmbeddedOptions::new(2, 7, real_time) };
    Embedded::start(options).expect("the system gives threads")
}

fn ask(engine: &Embedded, line: &str) -> Value {
    let words: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
    engine.command(&words)
}

fn bulk(bytes: &[u8]) -> Value {
    Value::Bulk(bytes.to_vec())
}

fn ok() -> Value {
    Value::Simple("OK".into())
}

fn error(text: &str) -> Value {
    Value::Error(text.into())
}

fn pair(one: i64, other: i64) -> Value {
    Value::Array(vec![Value::Integer(one), Value::Integer(other)])
}

/// A folder that goes with this.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("kora-commands-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("the system has room for a folder");
        Self(path)
    }

    fn settings(&self, append_only: bool) -> Settings {
        let persistence = PersistenceSettings { dir: self.0.clone(), append_only, ..Default::default() };
        Settings { persistence: persistence.into(), ..Settings::default() }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[test]
fn scripts_are_known_by_their_digests() {
    let engine = start(Settings::default());
    assert_eq!(engine.command(&[b"SCRIPT", b"LOAD", b"return 1"]), bulk(SHA));
    assert_eq!(
        engine.command(&[b"SCRIPT", b"EXISTS", SHA, &[b'0'; 40]]),
        Value::Array(vec![Value::Integer(1), Value::Integer(0)])
    );
    assert_eq!(engine.command(&[b"SCRIPT", b"SHOW", SHA]), bulk(b"return 1"));
    assert_eq!(engine.command(&[b"EVALSHA", SHA, b"0"]), Value::Integer(1));
    assert_eq!(ask(&engine, "SCRIPT FLUSH LATER"), error("ERR SCRIPT FLUSH only support SYNC|ASYNC option"));
    assert_eq!(ask(&engine, "SCRIPT FLUSH SYNC"), ok());
    assert_eq!(
        engine.command(&[b"EVALSHA", SHA, b"0"]),
        error("NOSCRIPT No matching script. Please use EVAL.")
    );
    assert_eq!(ask(&engine, "SCRIPT KILL"), error("NOTBUSY No scripts in execution right now."));
    assert_eq!(ask(&engine, "FUNCTION KILL"), error("NOTBUSY No scripts in execution right now."));
    assert_eq!(ask(&engine, "SCRIPT DEBUG NO"), ok());
    assert_eq!(ask(&engine, "SCRIPT"), error("ERR wrong number of arguments for 'script' command"));
    let Value::Array(help) = ask(&engine, "SCRIPT HELP") else { panic!("HELP answers with lines") };
    assert_eq!((help.len(), &help[16]), (17, &Value::Simple("    Print this help.".into())));
}

#[test]
fn functions_are_counted() {
    let engine = start(Settings::default());
    let library = b"#!lua name=one\nredis.register_function('f', function() return 1 end)";
    assert_eq!(engine.command(&[b"FUNCTION", b"LOAD", library]), bulk(b"one"));
    let count = |name: &[u8], count| (bulk(name), Value::Integer(count));
    let lua = Value::Map(vec![count(b"libraries_count", 1), count(b"functions_count", 1)]);
    let engines = Value::Map(vec![(bulk(b"LUA"), lua)]);
    assert_eq!(
        ask(&engine, "FUNCTION STATS"),
        Value::Map(vec![(bulk(b"running_script"), Value::Null), (bulk(b"engines"), engines)])
    );
}

/// The command comes through another thread, and reaches the worker that the script holds.
#[test]
fn a_script_that_runs_for_ever_is_killed() {
    let engine = start(Settings { busy_reply_threshold_ms: 20, ..Settings::default() });
    let deadline = Instant::now() + Duration::from_secs(20);
    thread::scope(|scope| {
        let endless = scope.spawn(|| engine.command(&[b"EVAL", b"while 1==1 do end", b"0"]));
        while ask(&engine, "SCRIPT KILL") != ok() {
            assert!(Instant::now() < deadline, "the script is not seen to run");
            thread::yield_now();
        }
        let killed = endless.join().unwrap();
        assert!(matches!(&killed, Value::Error(text) if text.contains("killed by user")), "{killed:?}");
    });
}

#[test]
fn nobody_waits_for_replicas_longer_than_he_says() {
    let engine = start(Settings::default());
    let begun = Instant::now();
    assert_eq!(ask(&engine, "WAIT 0 0"), Value::Integer(0));
    assert_eq!(ask(&engine, "WAIT 1 30"), Value::Integer(0));
    assert!(begun.elapsed() >= Duration::from_millis(30));
    assert_eq!(ask(&engine, "WAITAOF 0 0 0"), pair(0, 0));
    let no_log = "ERR WAITAOF cannot be used when numlocal is set but appendonly is disabled.";
    assert_eq!(ask(&engine, "WAITAOF 1 0 0"), error(no_log));
    let in_exec = engine.transaction(DbIndex(0), &[&[b"WAIT", b"1", b"0"], &[b"WAITAOF", b"0", b"1", b"0"]]);
    assert_eq!(in_exec.unwrap(), [Value::Integer(0), pair(0, 0)]);
    assert_eq!(engine.command(&[b"EVAL", b"return redis.call('wait', 1, 0)", b"0"]), Value::Integer(0));
}

#[test]
fn a_write_is_waited_for_until_the_log_has_it() {
    let folder = Folder::new("log");
    let engine = start(folder.settings(true));
    let replies = engine.pipeline(DbIndex(0), &[&[b"SET", b"a", b"1"], &[b"WAITAOF", b"1", b"0", b"0"]]);
    assert_eq!(replies, [ok(), pair(1, 0)]);
}

#[test]
fn lastsave_tells_of_the_last_snapshot() {
    let folder = Folder::new("snapshot");
    let engine = start(folder.settings(false));
    let last = || match ask(&engine, "LASTSAVE") {
        Value::Integer(seconds) => seconds,
        other => panic!("{other:?}"),
    };
    let started = last();
    assert!(started > 1_700_000_000);
    let deadline = Instant::now() + Duration::from_secs(20);
    while last() == started {
        assert!(Instant::now() < deadline, "no snapshot is told of");
        thread::sleep(Duration::from_millis(20));
        assert_eq!(ask(&engine, "SAVE"), ok());
    }
}

/// A snapshot may be under way when an engine ends: the next has the folder all the same.
#[test]
fn an_engine_that_has_ended_leaves_its_folder_to_the_next() {
    let folder = Folder::new("folder");
    let value = vec![b'x'; 10_000];
    for round in 0..20 {
        let engine = start(folder.settings(true));
        for key in 0..100 {
            engine.command(&[b"SET", format!("key{round}:{key}").as_bytes(), &value]);
        }
        let begun = ask(&engine, if round % 2 == 0 { "BGSAVE" } else { "BGREWRITEAOF" });
        assert!(matches!(begun, Value::Simple(_)), "{begun:?}");
    }
    assert_eq!(ask(&start(folder.settings(true)), "DBSIZE"), Value::Integer(2000));
}

#[test]
fn memory_is_reported() {
    let engine = start(Settings::default());
    ask(&engine, "SET a 1");
    let Value::Map(figures) = ask(&engine, "MEMORY STATS") else { panic!("STATS answers with a map") };
    let of = |name: &str| {
        let figure = figures.iter().find(|(found, _)| *found == bulk(name.as_bytes()));
        figure.map(|(_, figure)| figure.clone()).unwrap_or_else(|| panic!("{name} is missing"))
    };
    assert_eq!(of("keys.count"), Value::Integer(1));
    assert_eq!(of("clients.normal"), Value::Integer(0));
    assert!(matches!(of("total.allocated"), Value::Integer(_)));
    assert!(matches!(of("db.0"), Value::Map(_)));
    assert!(matches!(ask(&engine, "MEMORY DOCTOR"), Value::Verbatim(..)));
    assert!(matches!(ask(&engine, "MEMORY MALLOC-STATS"), Value::Verbatim(..)));
    assert_eq!(ask(&engine, "MEMORY PURGE"), ok());
}
