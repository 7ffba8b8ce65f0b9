//! A failing device: writes and syncs that return errors, for a while.

use kora_testkit::durability::info;

use crate::trouble::{Device, Home, at_once, check_refusing, wait_until};
use crate::{line, text};

const EIO: i32 = 5;
const ENOSPC: i32 = 28;

fn check(fsync: &str, workers: &str, (kind, errno, why): (&str, i32, &str)) {
    let home = Home::new();
    let device = Device::new(&home);
    let options = ["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--workers", workers];
    let launch = device.launch(&home, &options);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    let files = home.files().len();
    device.fail(kind, errno);
    let mut acknowledged = 0;
    wait_until("writes are refused", || {
        let reply = at_once(&mut client, &["SET", &format!("key:{acknowledged}"), "value"]);
        assert!(text(&reply) == "OK" || text(&reply).starts_with("MISCONF Errors writing"), "{reply}");
        acknowledged += u64::from(!reply.is_error());
        reply.is_error()
    });
    check_refusing(&program, why, ("key", "value"), 50);
    if kind == "sync" {
        // Only a snapshot makes up for a sync that failed.
        wait_until("snapshots were tried", || {
            info(&mut client, "aof_rewrites_consecutive_failures").unwrap().parse::<u64>().unwrap() >= 2
        });
    }
    check_refusing(&program, why, ("key", "value"), 10);
    assert!(home.files().len() <= files + 1, "{:?}", home.files());
    device.work();
    wait_until("writes are taken again", || text(&line(&mut client, "SET taken value")) == "OK");
    if fsync == "everysec" {
        std::thread::sleep(std::time::Duration::from_millis(2100));
    }
    program.kill().unwrap();
    assert!(home.files().len() <= 3, "{:?}", home.files());
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..acknowledged {
        assert_eq!(text(&line(&mut client, &format!("GET key:{key}"))), "value", "key:{key}");
    }
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
    assert_eq!(line(&mut client, "EXISTS refused").number(), Some(0));
}

#[test]
fn writes_that_return_an_error_under_always() {
    check("always", "1", ("write", EIO, "Input/output error"));
    check("always", "4", ("write", ENOSPC, "No space left on device"));
}

#[test]
fn writes_that_return_an_error_under_everysec() {
    check("everysec", "4", ("write", EIO, "Input/output error"));
}

#[test]
fn syncs_that_return_an_error_under_always() {
    check("always", "1", ("sync", EIO, "Input/output error"));
    check("always", "4", ("sync", EIO, "Input/output error"));
}

#[test]
fn syncs_that_return_an_error_under_everysec() {
    check("everysec", "1", ("sync", EIO, "Input/output error"));
    check("everysec", "4", ("sync", ENOSPC, "No space left on device"));
}

/// Readers of a connection that pipelines are told apart from writers.
#[test]
fn replies_that_wait_when_the_log_fails_are_given_at_once() {
    use kora_testkit::target::Connection as _;
    let home = Home::new();
    let device = Device::new(&home);
    let options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--workers", "1"];
    let program = device.launch(&home, &options).start().unwrap();
    let mut writer = program.connect().unwrap();
    let mut reader = program.connect().unwrap();
    assert_eq!(text(&line(&mut writer, "SET key value")), "OK");
    device.fail("sync", EIO);
    let refusal = at_once(&mut writer, &["INCR", "counter"]);
    assert_eq!(
        text(&refusal),
        "MISCONF Errors writing to the AOF file: Input/output error (the command has taken effect in memory and may be \
         lost)"
    );
    assert_eq!(
        text(&at_once(&mut reader, &["EVAL", "return redis.call('GET', KEYS[1])", "1", "key"])),
        "value"
    );
    let refused = at_once(&mut reader, &["EVAL", "return redis.call('SET', KEYS[1], 1)", "1", "key"]);
    assert!(text(&refused).starts_with("MISCONF "), "{refused}");
    reader.call(&["MULTI"]).unwrap();
    reader.call(&["GET", "key"]).unwrap();
    assert_eq!(text(&at_once(&mut reader, &["EXEC"]).items()[0]), "value");
    device.work();
}
