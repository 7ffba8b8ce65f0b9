//! `appendonly` at run time, rewriting without a log, and many who ask for such things at once.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_testkit::durability::info;
use kora_testkit::target::Connection as _;

use crate::trouble::{Home, at_once, wait_until};
use crate::{line, text};

/// How long each client asks.
const DURATION: Duration = Duration::from_secs(6);

fn check_many(workers: &str, fsync: &str) {
    let home = Home::new();
    let options = ["--appendonly", "no", "--appendfsync", fsync, "--save", "", "--workers", workers];
    let mut program = home.launch(&options).start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..1000 {
        assert_eq!(text(&client.call(&["SET", &format!("key:{key}"), "value"]).unwrap()), "OK");
    }
    let asked: [&[&str]; 8] = [
        &["CONFIG SET appendonly yes", "CONFIG SET appendonly no"],
        &["BGREWRITEAOF"],
        &["BGSAVE", "SAVE"],
        &["INFO persistence"],
        &["INFO all", "LASTSAVE"],
        &["CONFIG SET appendonly no", "CONFIG SET appendfsync always", "CONFIG SET appendonly yes"],
        &["CONFIG SET appendfsync everysec", "CONFIG GET append*", "BGSAVE SCHEDULE"],
        &["INCR counter", "DEL key:1", "SET key:1 value", "MSET a 1 b 2 c 3 d 4"],
    ];
    std::thread::scope(|scope| {
        for commands in asked {
            let program = &program;
            scope.spawn(move || {
                let begun = Instant::now();
                let mut client = program.connect().unwrap();
                while begun.elapsed() < DURATION {
                    for words in commands {
                        // Each is answered, or the connection's time is over; some are refused for others' sake.
                        line(&mut client, words);
                    }
                }
            });
        }
    });
    wait_until("a log begins", || {
        text(&line(&mut client, "CONFIG SET appendonly yes")) == "OK"
            && text(&line(&mut client, "CONFIG SET appendfsync always")) == "OK"
    });
    wait_until("the log counts", || {
        let said = text(&line(&mut client, "INFO persistence"));
        said.contains("aof_rewrite_in_progress:0")
            && said.contains("aof_rewrite_scheduled:0")
            && said.contains("aof_last_bgrewrite_status:ok")
    });
    assert_eq!(text(&line(&mut client, "SET last value")), "OK");
    let counter = text(&line(&mut client, "GET counter"));
    program.kill().unwrap();
    let files = home.files();
    assert!(files.iter().filter(|name| name.ends_with(".klog")).count() <= 2, "{files:?}");
    let mut program = home.launch(&["--appendonly", "yes", "--workers", workers]).start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET last")), "value");
    assert_eq!(text(&line(&mut client, "GET counter")), counter);
    assert_eq!(line(&mut client, "DBSIZE").number(), Some(1006));
    assert!(program.is_running().unwrap());
}

#[test]
fn many_ask_for_logs_and_snapshots_at_once() {
    check_many("4", "everysec");
    check_many("2", "always");
}

#[test]
fn a_rewrite_without_a_log_writes_what_a_later_log_goes_on_from() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let without = home.launch(&["--appendonly", "no", "--save", "", "--workers", workers]);
        let with = home.launch(&["--appendonly", "yes", "--save", "", "--workers", workers]);
        let mut program = without.start().unwrap();
        let mut client = program.connect().unwrap();
        for round in 0..2 {
            assert_eq!(text(&line(&mut client, &format!("SET round {round}"))), "OK");
            assert_eq!(
                text(&line(&mut client, "BGREWRITEAOF")),
                "Background append only file rewriting started"
            );
            wait_until("it is written", || {
                info(&mut client, "aof_rewrites").unwrap() == (round + 1).to_string()
            });
            wait_until("it is over", || info(&mut client, "aof_rewrite_in_progress").unwrap() == "0");
            assert_eq!(info(&mut client, "aof_last_bgrewrite_status").unwrap(), "ok");
            // One file, which is no log.
            let files = home.files();
            assert!(files.len() == 1 && files[0].starts_with("base-"), "{files:?}");
        }
        assert_eq!(text(&line(&mut client, "SET round unsaved")), "OK");
        program.kill().unwrap();
        // A start without a log does not read it.
        program = without.start().unwrap();
        client = program.connect().unwrap();
        assert_eq!(line(&mut client, "DBSIZE").number(), Some(0));
        program.kill().unwrap();
        program = with.start().unwrap();
        client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "GET round")), "1");
        assert_eq!(text(&line(&mut client, "SET more value")), "OK");
        assert_eq!(text(&line(&mut client, "WAITAOF 1 0 5000").items()[0]), "1");
        program.kill().unwrap();
        program = with.start().unwrap();
        client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "GET more")), "value");
        // A log of earlier runs gives way to what is written while there is none.
        assert_eq!(text(&line(&mut client, "CONFIG SET appendonly no")), "OK");
        assert_eq!(text(&line(&mut client, "SET more changed")), "OK");
        assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
        wait_until("it is written", || info(&mut client, "aof_rewrites").unwrap() == "1");
        wait_until("it is over", || info(&mut client, "aof_rewrite_in_progress").unwrap() == "0");
        assert_eq!(home.files().len(), 1, "{:?}", home.files());
        program.kill().unwrap();
        program = with.start().unwrap();
        client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "GET more")), "changed");
        assert!(program.is_running().unwrap());
    }
}

#[test]
fn settings_beside_appendonly_take_effect_together_or_not_at_all() {
    let home = Home::new();
    let program = home.launch(&["--appendonly", "no", "--save", "", "--workers", "2"]).start().unwrap();
    let mut client = program.connect().unwrap();
    // A file in the place of the folder.
    std::fs::write(home.dir().join("appendonlydir"), "in the way").unwrap();
    let refusal = line(&mut client, "CONFIG SET maxmemory 100mb appendonly yes");
    assert!(text(&refusal).contains("Unable to turn on AOF"), "{refusal}");
    assert_eq!(text(&line(&mut client, "CONFIG GET maxmemory").items()[1]), "0");
    std::fs::remove_file(home.dir().join("appendonlydir")).unwrap();
    assert_eq!(
        text(&at_once(&mut client, &["CONFIG", "SET", "maxmemory", "100mb", "appendonly", "yes"])),
        "OK"
    );
    assert_eq!(text(&line(&mut client, "CONFIG GET maxmemory").items()[1]), "104857600");
    assert_eq!(text(&line(&mut client, "CONFIG GET appendonly").items()[1]), "yes");
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
}

/// A rewrite may be over before the writer has begun with the segment of the one before.
#[test]
fn rewrites_that_follow_each_other_closely_refuse_nothing() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let options = ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--workers", workers];
        let program = home.launch(&options).start().unwrap();
        let (begun, is_over) = (Instant::now(), AtomicBool::new(false));
        std::thread::scope(|scope| {
            for writer in 0..4 {
                let (mut client, is_over) = (program.connect().unwrap(), &is_over);
                scope.spawn(move || {
                    while !is_over.load(Ordering::Relaxed) {
                        assert_eq!(text(&line(&mut client, &format!("SET key:{writer} value"))), "OK");
                    }
                });
            }
            let mut client = program.connect().unwrap();
            let mut rewrites = 0;
            // However slow the machine is, there are some.
            while begun.elapsed() < DURATION / 2 || rewrites <= 10 && begun.elapsed() < DURATION * 20 {
                line(&mut client, "BGREWRITEAOF");
                rewrites = info(&mut client, "aof_rewrites").unwrap().parse().unwrap();
            }
            is_over.store(true, Ordering::Relaxed);
            assert!(rewrites > 10, "only {rewrites}");
        });
    }
}

/// A file in the place of the log's folder: whoever asks for a rewrite hears of it, and nothing is counted.
#[test]
fn a_rewrite_that_can_not_begin_is_refused() {
    for appendonly in ["no", "yes"] {
        let home = Home::new();
        let program = home.launch(&["--appendonly", appendonly, "--save", ""]).start().unwrap();
        let mut client = program.connect().unwrap();
        let folder = home.dir().join("appendonlydir");
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::write(&folder, "").unwrap();
        let refusal = "ERR Can't execute an AOF background rewriting. Please check the server logs for more information.";
        assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), refusal);
        assert_eq!(info(&mut client, "aof_last_bgrewrite_status").unwrap(), "err");
        assert_eq!(info(&mut client, "aof_rewrites_consecutive_failures").unwrap(), "0");
        std::fs::remove_file(&folder).unwrap();
        assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
        wait_until("it is written", || info(&mut client, "aof_last_bgrewrite_status").unwrap() == "ok");
    }
}

/// `rdb_saves` counts what was begun, as in Redis, and CONFIG RESETSTAT begins anew.
#[test]
fn saves_are_counted_as_they_begin() {
    let home = Home::new();
    let options = ["--appendonly", "no", "--save", "", "--enable-debug-command", "yes"];
    let program = home.launch(&options).start().unwrap();
    let mut client = program.connect().unwrap();
    let in_the_way = home.dir().join("dump.rdb");
    std::fs::create_dir(&in_the_way).unwrap();
    assert_eq!(text(&line(&mut client, "SAVE")), "ERR");
    assert_eq!(text(&line(&mut client, "BGSAVE")), "Background saving started");
    wait_until("it has failed", || info(&mut client, "rdb_bgsave_in_progress").unwrap() == "0");
    assert_eq!(info(&mut client, "rdb_saves").unwrap(), "2");
    std::fs::remove_dir(&in_the_way).unwrap();
    assert_eq!(text(&line(&mut client, "CONFIG RESETSTAT")), "OK");
    assert_eq!(text(&line(&mut client, "SAVE")), "OK");
    assert_eq!(text(&line(&mut client, "DEBUG RELOAD")), "OK");
    assert_eq!(info(&mut client, "rdb_saves").unwrap(), "1");
}
