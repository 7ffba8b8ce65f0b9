//! Collections in the log and in snapshots: what is found before the end is found after it. And values that must be unique, whoever writes them.

use std::collections::BTreeMap;
use std::thread;

use kora_testkit::durability::program::Launch;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::{launch, line, text};

const WITH_LOG: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes"];
const WITHOUT: [&str; 6] = ["--appendonly", "no", "--save", "", "--enable-debug-command", "yes"];

fn call(client: &mut TcpConnection, args: &[&str]) {
    let reply = client.call(args).unwrap();
    assert!(!reply.is_error(), "{args:?}: {reply}");
}

/// Declares collections, and writes documents in all ways.
fn change(client: &mut TcpConnection) {
    for words in [
        "DOC.CREATE gone",
        "DOC.SET gone 1 {}",
        "DOC.DROP gone",
        "DOC.CREATE people COMPRESSION compact",
        "DOC.CREATE other:{x}",
        "DOC.CREATEINDEX people n sorted",
        "DOC.CREATEINDEX people mail unique",
        "DOC.CREATEINDEX people tags array",
        "DOC.CREATEINDEX people dropped hash",
        "DOC.CREATEINDEX people v vector DIM 2 DISTANCE_METRIC L2",
        "DOC.CREATEINDEX people f vector FLAT DIM 2 TYPE INT8",
    ] {
        call(client, &words.split(' ').collect::<Vec<_>>());
    }
    for number in 0..40 {
        let document = format!(
            r#"{{"n":{number},"mail":"m{number}","tags":["t{}"],"k":{},"v":[{number},0.5],"f":[1,{number}]}}"#,
            number % 7,
            number % 3
        );
        call(client, &["DOC.SET", "people", &number.to_string(), &document]);
        call(client, &["DOC.INSERT", "other:{x}", &document]);
    }
    for words in [
        "DOC.DROPINDEX people dropped",
        r#"DOC.MSET people a {"n":100} b {"n":101,"tags":["t1"]}"#,
        "DOC.UPDATE people 1 INCR n 1000 PUSH tags 5 SET o.p.q [1] DEL k",
        "DOC.DEL people 2 3 nothing",
        "DOC.DELETE people WHERE k = 2 AND n > 30",
        r#"DOC.SET people deadline {"n":7.5} EX 100000"#,
        r#"DOC.SET people cleared {"n":7.25} EX 100000"#,
        r#"DOC.SET people cleared {"n":7.75}"#,
        "EXPIRE __kora:doc:people:4 100000",
        "JSON.SET __kora:doc:people:5 $.n 5000",
        "RENAME __kora:doc:people:6 __kora:doc:people:renamed",
        "COPY __kora:doc:people:7 __kora:doc:people:copied",
        "SET __kora:doc:people:8 text",
    ] {
        call(client, &words.split(' ').collect::<Vec<_>>());
    }
    let script = r#"redis.call('DOC.SET','people','scripted','{"n":9000}')"#;
    call(client, &["EVAL", script, "0"]);
}

/// What questions find, and what is declared.
fn state(client: &mut TcpConnection) -> String {
    let mut all = String::new();
    for words in [
        "DOC.LIST",
        "DOC.INDEXES people",
        "DOC.FIND people ORDER BY n DESC WITHIDS",
        "DOC.FIND people WHERE n > 20 AND n < 1000 ORDER BY mail LIMIT 5 WITHIDS",
        "DOC.FIND people WHERE tags CONTAINS 't1' ORDER BY n WITHIDS",
        "DOC.FIND people WHERE mail = 'm7' ORDER BY n WITHIDS",
        "DOC.FIND other:{x} ORDER BY n WITHIDS",
        "DOC.COUNT people WHERE k = 1",
        "DOC.FIND people NEAREST v 5 [7.25,0] WITHDISTANCES",
        "DOC.FIND people NEAREST f 5 [3,2] WHERE k=1 WITHDISTANCES",
        "DOC.STORAGE people",
        "DOC.GET people 1",
        "PTTL __kora:doc:people:cleared",
    ] {
        let words: Vec<&str> = words.split(' ').collect();
        all.push_str(&format!("{words:?}: {}\n", client.call(&words).unwrap()));
    }
    for id in ["4", "deadline"] {
        let ttl = client.call(&["EXPIRETIME", &format!("__kora:doc:people:{id}")]).unwrap();
        all.push_str(&format!("{id}: {ttl}\n"));
    }
    let info = client.call(&["DOC.INFO", "people"]).unwrap();
    info.items().iter().take(12).for_each(|item| all.push_str(&item.to_string()));
    all
}

/// Ends the program at once, and starts it again: it finds what it found.
fn assert_survives(launch: &Launch, end: impl FnOnce(&mut TcpConnection)) {
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    change(&mut client);
    let before = state(&mut client);
    assert!(
        before.contains("scripted") && before.contains("renamed") && before.contains("compact"),
        "{before}"
    );
    end(&mut client);
    program.kill().unwrap();
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(state(&mut client), before);
    // What is written from now on is indexed, and its values must be unique.
    call(&mut client, &["DOC.SET", "people", "new", r#"{"n":77777,"mail":"new"}"#]);
    assert!(line(&mut client, "DOC.FIND people WHERE n=77777 WITHIDS").to_string().contains("new"));
    let refused = client.call(&["DOC.SET", "people", "newer", r#"{"mail":"new"}"#]).unwrap();
    assert!(refused.is_error() && refused.to_string().contains("must be unique"), "{refused}");
    program.kill().unwrap();
}

#[test]
fn the_log_brings_them_back() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        assert_survives(&launch(home.path(), &[&WITH_LOG[..], &["--workers", workers]].concat()), |_| ());
    }
}

#[test]
fn a_snapshot_brings_them_back() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        assert_survives(&launch(home.path(), &[&WITHOUT[..], &["--workers", workers]].concat()), |client| {
            assert_eq!(text(&line(client, "SAVE")), "OK");
        });
    }
}

#[test]
fn a_reload_brings_them_back() {
    let home = tempfile::tempdir().unwrap();
    let mut program = launch(home.path(), &[&WITHOUT[..], &["--workers", "4"]].concat()).start().unwrap();
    let mut client = program.connect().unwrap();
    change(&mut client);
    let before = state(&mut client);
    assert_eq!(text(&line(&mut client, "DEBUG RELOAD")), "OK");
    assert_eq!(state(&mut client), before);
    // All goes with all keys.
    call(&mut client, &["FLUSHALL"]);
    assert!(line(&mut client, "DOC.FIND people").is_error());
    program.kill().unwrap();
}

/// Clients on four workers write the same values under ids of their own, until the program ends at once. Each value is there once, before and after.
#[test]
fn values_are_unique_whoever_writes_them() {
    let home = tempfile::tempdir().unwrap();
    let launch = launch(home.path(), &[&WITH_LOG[..6], &["--workers", "4"]].concat());
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    call(&mut client, &["DOC.CREATE", "c"]);
    call(&mut client, &["DOC.CREATEINDEX", "c", "v", "unique"]);
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let mut client = program.connect().unwrap();
            thread::spawn(move || {
                let mut won = Vec::new();
                for value in 0..200 {
                    let (id, document) = (format!("{writer}:{value}"), format!(r#"{{"v":{value}}}"#));
                    let reply = match value % 3 {
                        0 => client.call(&["DOC.SET", "c", &id, &document]),
                        1 => client.call(&["DOC.INSERT", "c", &document]),
                        _ => client.call(&["DOC.MSET", "c", &id, &document]),
                    };
                    if !reply.unwrap().is_error() {
                        won.push(value);
                    }
                }
                won
            })
        })
        .collect();
    let mut wins: BTreeMap<i32, usize> = BTreeMap::new();
    for writer in writers {
        writer.join().unwrap().into_iter().for_each(|value| *wins.entry(value).or_default() += 1);
    }
    assert_eq!(wins.len(), 200);
    assert!(wins.values().all(|count| *count == 1), "{wins:?}");
    program.kill().unwrap();
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(line(&mut client, "DOC.COUNT c").to_string(), ":200\n");
    let info = client.call(&["DOC.INFO", "c"]).unwrap().to_string();
    assert!(info.contains("duplicates"), "{info}");
    program.kill().unwrap();
}
