//! What must not survive by half: a script that the end of the server cut short, a key that expired without a word to the log.

use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;

use crate::{launch, line, text, wait_until};

const WITH_LOG: [&str; 6] =
    ["--appendonly", "yes", "--appendfsync", "always", "--enable-debug-command", "yes"];

/// The server is ended by SHUTDOWN NOSAVE while a script runs that has written, by itself or as part of a transaction.
#[test]
fn half_a_script_does_not_survive_the_end() {
    let script = "redis.call('SET', '{k}1', 1) while true do end";
    for (workers, is_in_transaction) in [("1", false), ("1", true), ("4", false), ("4", true)] {
        let home = tempfile::tempdir().unwrap();
        let options = [&WITH_LOG[..], &["--workers", workers, "--busy-reply-threshold", "50"]].concat();
        let launch = launch(home.path(), &options);
        let mut program = launch.start().unwrap();
        let (mut client, mut other) = (program.connect().unwrap(), program.connect().unwrap());
        assert_eq!(text(&line(&mut other, "SET {k}0 kept")), "OK");
        let words =
            |line: &str| -> Vec<Vec<u8>> { line.split(' ').map(|word| word.as_bytes().to_vec()).collect() };
        if is_in_transaction {
            assert_eq!(text(&line(&mut client, "MULTI")), "OK");
            assert_eq!(text(&line(&mut client, "SET {k}2 1")), "QUEUED");
        }
        client.send(&[&b"EVAL"[..], script.as_bytes(), b"1", b"{k}1"].map(<[u8]>::to_vec)).unwrap();
        if is_in_transaction {
            client.send(&words("SET {k}3 1")).unwrap();
            client.send(&words("EXEC")).unwrap();
        }
        wait_until("the script takes long", || text(&line(&mut other, "GET {k}0")).starts_with("BUSY"));
        other.send(&words("SHUTDOWN NOSAVE")).unwrap();
        program.wait().unwrap();
        let program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        let found = line(&mut client, "EXISTS {k}0 {k}1 {k}2 {k}3");
        assert_eq!(text(&found), "1", "{workers} workers, in a transaction: {is_in_transaction}");
    }
}

/// Keys that DEBUG RELOAD finds expired go by an effect, like all others: what is done under their names next builds on nothing.
#[test]
fn what_expired_before_a_reload_is_gone_for_the_log_too() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let launch = launch(home.path(), &[&WITH_LOG[..], &["--workers", workers]].concat());
        let mut program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        for words in ["DEBUG SET-ACTIVE-EXPIRE 0", "SET r 5 PX 50"] {
            assert_eq!(text(&line(&mut client, words)), "OK");
        }
        line(&mut client, "XADD x 99999999999999-1 a 1");
        line(&mut client, "PEXPIRE x 50");
        std::thread::sleep(std::time::Duration::from_millis(200));
        assert_eq!(text(&line(&mut client, "DEBUG RELOAD")), "OK");
        assert!(matches!(line(&mut client, "XADD x * a 1"), Frame::Blob { .. }));
        assert_eq!(text(&line(&mut client, "INCR r")), "1");
        program.kill().unwrap();
        let program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "GET r")), "1");
        assert_eq!(text(&line(&mut client, "XLEN x")), "1");
    }
}
