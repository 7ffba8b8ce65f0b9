//! JSON values in the log and in snapshots, and in a file of Redis with its modules.

use kora_testkit::durability::program::Launch;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::{digest, launch, line, text, wait_until};

const WITH_LOG: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes"];
const WITHOUT: [&str; 6] = ["--appendonly", "no", "--save", "", "--enable-debug-command", "yes"];

/// Redis 8.0.2 with RedisJSON 2.8.3 and RediSearch 2.10.5 has written it: three JSON values, of which `c` expires, a hash, and an index.
const OF_REDIS: &[u8] = include_bytes!("redis-with-modules.rdb");

/// Changes values of many keys in all ways.
fn change(client: &mut TcpConnection) {
    for key in 0..40 {
        let document = format!(r#"{{"n":{key},"list":[1,2.5,"x"],"text":"{}"}}"#, "é".repeat(key));
        let call = |client: &mut TcpConnection, args: &[&str]| {
            let reply = client.call(args).unwrap();
            assert!(!reply.is_error(), "{args:?}: {reply}");
        };
        let key = &format!("doc{key}");
        call(client, &["JSON.SET", key, "$", &document]);
        call(client, &["JSON.NUMINCRBY", key, "$.n", "0.1"]);
        call(client, &["JSON.ARRAPPEND", key, "$.list", "[]", "null"]);
        call(client, &["JSON.ARRPOP", key, "$.list", "0"]);
        call(client, &["JSON.STRAPPEND", key, "$.text", "\"more\""]);
        call(client, &["JSON.MERGE", key, "$", r#"{"m":{"a":1,"b":2}}"#]);
        call(client, &["JSON.DEL", key, "$.m.a"]);
    }
    line(client, "RENAME doc1 moved");
    line(client, "COPY doc2 copied");
    line(client, "JSON.DEL doc3");
    line(client, "EXPIRE doc4 100000");
    line(client, "JSON.MSET doc5 $.n 5 doc6 $.n 6 doc7 $ 7");
}

/// Ends the program at once, and starts it again: it has what it had.
fn assert_survives(launch: &Launch, end: impl FnOnce(&mut TcpConnection)) {
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    change(&mut client);
    end(&mut client);
    let before = digest(&mut client);
    program.kill().unwrap();
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(digest(&mut client), before);
    let expected = r#"{"n":2.1,"list":[2.5,"x",[],null],"text":"éémore","m":{"b":2}}"#;
    assert_eq!(text(&line(&mut client, "JSON.GET copied")), expected);
    program.kill().unwrap();
}

#[test]
fn the_log_brings_them_back() {
    let home = tempfile::tempdir().unwrap();
    assert_survives(&launch(home.path(), &[&WITH_LOG[..], &["--workers", "4"]].concat()), |_| ());
}

#[test]
fn a_snapshot_brings_them_back() {
    let home = tempfile::tempdir().unwrap();
    assert_survives(&launch(home.path(), &WITHOUT), |client| {
        assert_eq!(text(&line(client, "SAVE")), "OK");
    });
}

#[test]
fn a_rewritten_log_brings_them_back() {
    let home = tempfile::tempdir().unwrap();
    assert_survives(&launch(home.path(), &WITH_LOG), |client| {
        line(client, "BGREWRITEAOF");
        wait_until("the log is rewritten", || {
            text(&line(client, "INFO persistence")).contains("aof_rewrite_in_progress:0")
        });
        assert!(!line(client, "JSON.NUMINCRBY doc8 $.n 1").is_error());
    });
}

/// What is logged of a change is its command, not the document.
#[test]
fn a_change_of_a_large_value_is_a_small_record() {
    let home = tempfile::tempdir().unwrap();
    let launch = launch(home.path(), &WITH_LOG);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    let document = format!(r#"{{"n":0,"text":"{}"}}"#, "x".repeat(1 << 20));
    client.call(&["JSON.SET", "large", "$", &document]).unwrap();
    let size = |client: &mut TcpConnection| -> u64 {
        let info = text(&line(client, "INFO persistence"));
        let of =
            |line: &str| line.strip_prefix("aof_current_size:").and_then(|size| size.trim().parse().ok());
        info.lines().find_map(of).unwrap()
    };
    let before = size(&mut client);
    for _ in 0..100 {
        line(&mut client, "JSON.NUMINCRBY large $.n 1");
    }
    let grown = size(&mut client) - before;
    assert!((1_000..20_000).contains(&grown), "{grown}");
    program.kill().unwrap();
    let program = launch.start().unwrap();
    assert_eq!(text(&line(&mut program.connect().unwrap(), "JSON.GET large $.n")), "[100]");
}

#[test]
fn a_file_of_redis_with_its_modules_is_loaded() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("dump.rdb"), OF_REDIS).unwrap();
    let launch = launch(home.path(), &WITHOUT);
    let mut program = launch.start().unwrap();
    let check = |client: &mut TcpConnection| {
        let whole = r#"{"x":[1,"é",null,1.5,{"y":true}],"n":18446744073709551615}"#;
        assert_eq!(text(&line(client, "JSON.GET a")), whole);
        assert_eq!(line(client, "JSON.STRLEN b").number(), Some(300));
        assert_eq!(text(&line(client, "JSON.GET c")), "5");
        assert_eq!(text(&line(client, "HGET h f")), "v");
        assert_eq!(line(client, "EXPIRETIME c").number(), Some(4_102_444_800));
    };
    let mut client = program.connect().unwrap();
    check(&mut client);
    assert_eq!(text(&line(&mut client, "SAVE")), "OK");
    program.kill().unwrap();
    let program = launch.start().unwrap();
    check(&mut program.connect().unwrap());
}
