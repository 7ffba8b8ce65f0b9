//! File systems that are full, read-only or gone: what the server answers meanwhile, what it leaves behind, and how it comes
//! back.

use kora_testkit::durability::info;
use kora_testkit::target::Connection as _;

use crate::trouble::{Home, at_once, check_refusing, is_refused, noise, wait_until};
use crate::{line, text};

const NO_ROOM: &str = "No space left on device";

/// Most files that a log in trouble consists of: a snapshot, a segment, and one of each that is being made.
const FILES_MAX: usize = 4;

fn check_large_values(fsync: &str, workers: &str) {
    let Some(home) = Home::mounted(20) else { return };
    let launch =
        home.launch(&["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--workers", workers]);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    let value = |key: u64| noise(key, 3_000_000);
    let mut acknowledged = 0;
    loop {
        let reply = at_once(&mut client, &["SET", &format!("large:{acknowledged}"), &value(acknowledged)]);
        if reply.is_error() {
            assert!(
                text(&reply).starts_with("MISCONF Errors writing to the AOF file: No space left"),
                "{reply}"
            );
            break;
        }
        acknowledged += 1;
        assert!(acknowledged < 40, "it never fills up");
    }
    assert!(acknowledged >= 5, "{acknowledged}");
    check_refusing(&program, NO_ROOM, ("large:0", &value(0)), 100);
    assert!(home.files().len() <= FILES_MAX, "{:?}", home.files());
    assert!(info(&mut client, "log_last_error").unwrap().contains(".klog"));
    home.remount("size=200m");
    wait_until("writes are taken again", || text(&line(&mut client, "SET taken value")) == "OK");
    assert_eq!(info(&mut client, "aof_last_write_status").unwrap(), "ok");
    assert!(home.files().len() <= FILES_MAX, "{:?}", home.files());
    if fsync == "everysec" {
        std::thread::sleep(std::time::Duration::from_millis(2100));
    }
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..acknowledged {
        assert!(text(&line(&mut client, &format!("GET large:{key}"))) == value(key), "large:{key} is lost");
    }
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
}

#[test]
fn large_values_fill_a_file_system_with_one_worker() {
    check_large_values("everysec", "1");
}

#[test]
fn large_values_fill_a_file_system_with_four_workers() {
    check_large_values("everysec", "4");
}

#[test]
fn large_values_fill_a_file_system_under_always() {
    check_large_values("always", "1");
    check_large_values("always", "4");
}

fn check_filled_from_outside(fsync: &str, workers: &str) {
    let Some(home) = Home::mounted(20) else { return };
    let launch =
        home.launch(&["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--workers", workers]);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "SET small value")), "OK");
    // A key that expires meanwhile is removed, and that waits for room, too.
    assert_eq!(text(&line(&mut client, "SET passing value PX 500")), "OK");
    home.fill(30_000);
    let mut acknowledged = 0;
    while !at_once(&mut client, &["SET", &format!("key:{acknowledged}"), &noise(acknowledged, 100)])
        .is_error()
    {
        acknowledged += 1;
        assert!(acknowledged < 10_000, "it never fills up");
    }
    check_refusing(&program, NO_ROOM, ("small", "value"), 100);
    // A snapshot has no room either, and leaves nothing.
    assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
    wait_until("the snapshot fails", || info(&mut client, "aof_last_bgrewrite_status").unwrap() == "err");
    wait_until("it has gone", || info(&mut client, "aof_rewrite_in_progress").unwrap() == "0");
    let files = home.files();
    assert!(files.len() <= FILES_MAX && !files.iter().any(|name| name.starts_with("temp-")), "{files:?}");
    assert_eq!(line(&mut client, "EXISTS passing").number(), Some(0));
    if fsync == "always" {
        // Killed in the midst of it, nothing acknowledged is lost.
        program.kill().unwrap();
        home.make_room();
        program = launch.start().unwrap();
        client = program.connect().unwrap();
    } else {
        home.make_room();
    }
    wait_until("writes are taken again", || text(&line(&mut client, "SET taken value")) == "OK");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..acknowledged {
        assert_eq!(text(&line(&mut client, &format!("GET key:{key}"))), noise(key, 100), "key:{key}");
    }
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
    assert_eq!(line(&mut client, "EXISTS refused passing").number(), Some(0));
}

#[test]
fn a_file_system_filled_from_outside_under_everysec() {
    check_filled_from_outside("everysec", "1");
    check_filled_from_outside("everysec", "4");
}

#[test]
fn a_file_system_filled_from_outside_under_always() {
    check_filled_from_outside("always", "1");
    check_filled_from_outside("always", "4");
}

#[test]
fn a_snapshot_on_a_full_file_system_refuses_writes_until_one_succeeds() {
    let Some(home) = Home::mounted(20) else { return };
    for workers in ["1", "4"] {
        let launch = home.launch(&["--save", "3600 1000000", "--appendonly", "no", "--workers", workers]);
        let program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        for key in 0..200 {
            assert_eq!(text(&client.call(&["SET", &format!("key:{key}"), &noise(key, 1000)]).unwrap()), "OK");
        }
        home.fill(10_000);
        // Again and again: one that fails does not stand in the way of the next.
        for _ in 0..10 {
            wait_until("a snapshot may begin", || !line(&mut client, "BGSAVE").is_error());
            wait_until("it fails", || {
                let said = text(&line(&mut client, "INFO persistence"));
                said.contains("rdb_bgsave_in_progress:0") && said.contains("rdb_last_bgsave_status:err")
            });
        }
        let refusal = at_once(&mut client, &["SET", "refused", "value"]);
        assert!(text(&refusal).starts_with("MISCONF Redis is configured to save RDB snapshots"), "{refusal}");
        assert_eq!(text(&line(&mut client, "SAVE")), "ERR");
        assert_eq!(text(&at_once(&mut client, &["GET", "key:1"])), noise(1, 1000));
        assert!(!home.files().iter().any(|name| name.starts_with("temp-")), "{:?}", home.files());
        home.await_logged("snapshot dump.rdb failed: can't write");
        home.make_room();
        assert_eq!(text(&line(&mut client, "SAVE")), "OK");
        assert_eq!(text(&line(&mut client, "SET taken value")), "OK");
    }
}

#[test]
fn a_rewrite_without_room_leaves_the_log_as_it_is() {
    let Some(home) = Home::mounted(20) else { return };
    let launch = home.launch(&["--appendonly", "yes", "--save", "", "--workers", "4"]);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..8 {
        assert_eq!(
            text(&client.call(&["SET", &format!("key:{key}"), &noise(key, 1_000_000)]).unwrap()),
            "OK"
        );
    }
    wait_until("all is written", || info(&mut client, "aof_buffer_length").unwrap() == "0");
    home.fill(1_000_000);
    for round in 0..5 {
        assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
        wait_until("it has failed", || {
            let said = text(&line(&mut client, "INFO persistence"));
            said.contains("aof_rewrite_in_progress:0") && said.contains("aof_last_bgrewrite_status:err")
        });
        assert_eq!(text(&line(&mut client, &format!("SET round {round}"))), "OK");
    }
    assert!(home.files().iter().all(|name| name.ends_with(".klog")), "{:?}", home.files());
    home.make_room();
    assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
    wait_until("it has succeeded", || info(&mut client, "aof_last_bgrewrite_status").unwrap() == "ok");
    wait_until("old parts go", || home.files().len() == 2);
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(line(&mut client, "DBSIZE").number(), Some(9));
    assert_eq!(text(&line(&mut client, "GET round")), "4");
}

#[test]
fn persistence_commands_say_that_a_file_system_is_read_only() {
    let Some(home) = Home::mounted(20) else { return };
    let launch =
        home.launch(&["--appendonly", "no", "--appendfsync", "always", "--save", "", "--workers", "4"]);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    home.remount("ro");
    let refusal = line(&mut client, "CONFIG SET appendonly yes");
    assert_eq!(
        text(&refusal),
        "ERR CONFIG SET failed (possibly related to argument 'appendonly') - Unable to turn on AOF. Check server logs."
    );
    assert_eq!(text(&line(&mut client, "CONFIG GET appendonly").items()[1]), "no");
    home.await_logged("the log can't be begun: ");
    assert!(text(&line(&mut client, "INFO persistence")).contains("aof_enabled:0"));
    assert_eq!(text(&line(&mut client, "SAVE")), "ERR");
    // Its client was told.
    assert_eq!(info(&mut client, "rdb_last_bgsave_status").unwrap(), "ok");
    home.await_logged("snapshot dump.rdb failed: ");
    assert_eq!(text(&line(&mut client, "BGSAVE")), "Background saving started");
    wait_until("it has failed", || info(&mut client, "rdb_bgsave_in_progress").unwrap() == "0");
    assert_eq!(info(&mut client, "rdb_last_bgsave_status").unwrap(), "err");
    assert_eq!(
        text(&line(&mut client, "BGREWRITEAOF")),
        "ERR Can't execute an AOF background rewriting. Please check the server logs for more information."
    );
    assert_eq!(info(&mut client, "aof_last_bgrewrite_status").unwrap(), "err");
    home.await_logged("the log can't be rewritten: ");
    // In a transaction there is no waiting for the answer.
    for words in ["MULTI", "CONFIG SET appendonly yes"] {
        assert!(!line(&mut client, words).is_error());
    }
    assert!(line(&mut client, "EXEC").items()[0].is_error());
    assert_eq!(text(&line(&mut client, "SET key changed")), "OK", "nothing was promised");
    home.remount("rw");
    assert_eq!(text(&line(&mut client, "CONFIG SET appendonly yes")), "OK");
    wait_until("the log counts", || {
        let said = text(&line(&mut client, "INFO persistence"));
        said.contains("aof_rewrite_in_progress:0") && said.contains("aof_rewrite_scheduled:0")
    });
    assert_eq!(info(&mut client, "aof_last_bgrewrite_status").unwrap(), "ok");
    assert_eq!(text(&line(&mut client, "SET kept value")), "OK");
    program.kill().unwrap();
    let program = home.launch(&["--appendonly", "yes"]).start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET key")), "changed");
    assert_eq!(text(&line(&mut client, "GET kept")), "value");
}

#[test]
fn a_log_that_has_no_room_to_begin_refuses_writes_until_it_has() {
    let Some(home) = Home::mounted(20) else { return };
    let launch = home.launch(&["--appendonly", "no", "--save", "", "--workers", "4"]);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&client.call(&["SET", "key", &noise(1, 1_000_000)]).unwrap()), "OK");
    // Room for the beginning of a log, but not for the snapshot.
    home.fill(200_000);
    assert_eq!(text(&line(&mut client, "CONFIG SET appendonly yes")), "OK");
    wait_until("writes are refused", || {
        text(&line(&mut client, "SET refused value")).starts_with("MISCONF Errors writing to the AOF file: ")
    });
    assert_eq!(info(&mut client, "aof_last_write_status").unwrap(), "err");
    assert_eq!(info(&mut client, "aof_last_bgrewrite_status").unwrap(), "err");
    assert!(text(&at_once(&mut client, &["GET", "key"])) == noise(1, 1_000_000));
    assert!(home.files().len() <= 2, "{:?}", home.files());
    home.make_room();
    wait_until("writes are taken", || text(&line(&mut client, "SET taken value")) == "OK");
    wait_until("the log counts", || info(&mut client, "aof_rewrite_in_progress").unwrap() == "0");
    std::thread::sleep(std::time::Duration::from_millis(2100));
    program.kill().unwrap();
    let program = home.launch(&["--appendonly", "yes"]).start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
    assert!(text(&line(&mut client, "GET key")) == noise(1, 1_000_000));
}

fn check_removed(is_whole: bool, workers: &str) {
    let home = Home::new();
    let options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--workers", workers];
    let launch = home.launch(&options);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    if is_whole {
        std::fs::remove_dir_all(home.dir()).unwrap();
        // What is written to a file without a name is not kept.
        let reply = at_once(&mut client, &["SET", "lost", "value"]);
        assert!(text(&reply).starts_with("MISCONF Errors writing to the AOF file: "), "{reply}");
        let mut other = program.connect().unwrap();
        assert!(is_refused(&at_once(&mut other, &["SET", "refused", "value"]), "No such file or directory"));
        assert_eq!(text(&at_once(&mut other, &["GET", "key"])), "value");
        std::fs::create_dir(home.dir()).unwrap();
    } else {
        std::fs::remove_dir_all(home.dir().join("appendonlydir")).unwrap();
    }
    // The log begins anew behind a snapshot.
    let mut round = 0;
    wait_until("writes are taken again", || {
        round += 1;
        text(&line(&mut client, &format!("SET round {round}"))) == "OK"
    });
    assert_eq!(text(&line(&mut client, "SET taken value")), "OK");
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET key")), "value");
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
    assert_eq!(text(&line(&mut client, "GET round")), round.to_string());
}

#[test]
fn a_removed_folder_of_the_log_is_noticed_and_made_anew() {
    check_removed(false, "1");
    check_removed(false, "4");
}

#[test]
fn a_removed_data_directory_is_noticed() {
    check_removed(true, "1");
    check_removed(true, "4");
}
