//! Disks that are full: a limit on the size of files does what a full disk does, and needs no rights.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_testkit::durability::info;
use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;
use rustix::process::{Resource, Rlimit, prlimit};

use crate::{launch, line, text};

/// What is to happen by itself happens within this time, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// The program with SIGXFSZ ignored, so that it is told of the limit by an error.
fn limited(dir: &Path, options: &[&str]) -> Launch {
    Launch { ignores_size_signal: true, ..launch(dir, options) }
}

/// Lets no file of the program grow beyond so many bytes, or lifts that.
fn limit_files(program: &Program, bytes: Option<u64>) {
    prlimit(Some(program.id()), Resource::Fsize, Rlimit { current: bytes, maximum: None }).unwrap();
}

fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Bytes that do not compress.
fn noise(seed: u64, length: usize) -> String {
    let mut random = kora_testkit::simulation::random::Random::new(seed);
    (0..length).map(|_| char::from(b'!' + u8::try_from(random.below(90)).unwrap())).collect()
}

/// Appends elements with numbers until one is not acknowledged with success, or there is room again; how many were.
fn push_until_refused(connection: &mut TcpConnection, has_room: &AtomicBool) -> u64 {
    for number in 0..100_000 {
        if has_room.load(Ordering::Acquire) {
            return number;
        }
        let element = format!("{number}:{}", noise(number, 500));
        let reply = connection.call(&["RPUSH", "list", &element]);
        if !reply.is_ok_and(|reply| reply.number() == i64::try_from(number + 1).ok()) {
            return number;
        }
    }
    panic!("the limit was never met");
}

fn numbers(connection: &mut TcpConnection) -> Vec<u64> {
    let list = line(connection, "LRANGE list 0 -1");
    list.items().iter().map(|item| text(item).split(':').next().unwrap().parse().unwrap()).collect()
}

fn is_misconf(frame: &Frame) -> bool {
    frame.is_error() && frame.bytes().starts_with(b"MISCONF ")
}

/// A log that can't be written refuses writes until it can be again, and loses nothing.
fn check_full_log(fsync: &str) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let options = ["--appendonly", "yes", "--appendfsync", fsync, "--save", "", "--workers", "2"];
    let launch = limited(&dir, &options);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..300_u64 {
        assert_eq!(text(&client.call(&["SET", &format!("key:{key}"), &noise(key, 1000)]).unwrap()), "OK");
    }
    let mut writer = program.connect().unwrap();
    // A snapshot would not fit either.
    limit_files(&program, Some(200_000));
    let has_room = Arc::new(AtomicBool::new(false));
    let told = Arc::clone(&has_room);
    let pushed = std::thread::spawn(move || push_until_refused(&mut writer, &told));
    wait_until("the log fails", || {
        // Whoever asks at the very moment of the failure waits for the log to recover: a new connection each time.
        let asked = program.connect().unwrap().call(&["INFO", "persistence"]);
        asked.is_ok_and(|info| text(&info).contains("aof_last_write_status:err"))
    });
    let mut client = program.connect().unwrap();
    let refusal = line(&mut client, "SET refused value");
    assert!(is_misconf(&refusal), "{refusal}");
    assert_eq!(text(&refusal), "MISCONF Errors writing to the AOF file: File too large");
    let why = info(&mut client, "log_last_error").unwrap();
    assert!(why.contains("File too large") && why.contains(".klog"), "{why}");
    assert!(is_misconf(&line(&mut client, "PING")));
    assert_eq!(text(&line(&mut client, "GET key:7")), noise(7, 1000));
    // A snapshot to make up for it fails, and it stays as it is.
    assert_eq!(text(&line(&mut client, "BGREWRITEAOF")), "Background append only file rewriting started");
    wait_until("a snapshot was tried", || {
        info(&mut client, "aof_rewrites_consecutive_failures").unwrap().parse::<u64>().unwrap() > 0
    });
    assert!(is_misconf(&line(&mut client, "SET refused value")));
    has_room.store(true, Ordering::Release);
    limit_files(&program, None);
    wait_until("writes are taken again", || text(&line(&mut client, "SET taken value")) == "OK");
    assert_eq!(info(&mut client, "aof_last_write_status").unwrap(), "ok");
    let acknowledged = pushed.join().unwrap();
    let present = numbers(&mut client).len() as u64;
    assert!(present >= acknowledged);
    let mut writer = program.connect().unwrap();
    for number in present..present + 20 {
        let reply = writer.call(&["RPUSH", "list", &format!("{number}:")]).unwrap();
        assert_eq!(reply.number(), i64::try_from(number + 1).ok());
    }
    if fsync == "everysec" {
        std::thread::sleep(Duration::from_millis(2100));
    }
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(numbers(&mut client), (0..present + 20).collect::<Vec<_>>());
    assert_eq!(text(&line(&mut client, "GET taken")), "value");
    assert_eq!(line(&mut client, "EXISTS refused").number(), Some(0));
    assert_eq!(text(&line(&mut client, "GET key:299")), noise(299, 1000));
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing_under_always() {
    check_full_log("always");
}

#[test]
fn a_full_disk_refuses_writes_and_loses_nothing_under_everysec() {
    check_full_log("everysec");
}

#[test]
fn kill_on_a_full_disk_loses_nothing_acknowledged() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let launch = limited(&dir, &["--appendonly", "yes", "--appendfsync", "always", "--save", ""]);
    let mut program = launch.start().unwrap();
    let mut writer = program.connect().unwrap();
    limit_files(&program, Some(100_000));
    let acknowledged = push_until_refused(&mut writer, &AtomicBool::new(false));
    assert!(acknowledged > 100, "{acknowledged}");
    program.kill().unwrap();
    let program = launch.start().unwrap();
    let found = numbers(&mut program.connect().unwrap());
    // The one that was not acknowledged may be there.
    let count = found.len() as u64;
    assert!((acknowledged..=acknowledged + 1).contains(&count), "{count} of {acknowledged}");
    assert_eq!(found, (0..count).collect::<Vec<_>>());
}

/// A snapshot that fails refuses writes where there are rules for snapshots, until one succeeds.
fn check_failing_snapshot(hinder: impl Fn(&Program, &Path), free: impl Fn(&Program, &Path)) {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let mut program = limited(&dir, &["--save", "3600 1000000", "--appendonly", "no"]).start().unwrap();
    let mut client = program.connect().unwrap();
    for key in 0..100_u64 {
        assert_eq!(text(&client.call(&["SET", &format!("key:{key}"), &noise(key, 1000)]).unwrap()), "OK");
    }
    hinder(&program, &dir);
    assert_eq!(text(&line(&mut client, "BGSAVE")), "Background saving started");
    wait_until("the snapshot fails", || info(&mut client, "rdb_last_bgsave_status").unwrap() == "err");
    let refusal = line(&mut client, "SET key value");
    assert!(is_misconf(&refusal) && text(&refusal).contains("unable to persist"), "{refusal}");
    assert_eq!(text(&line(&mut client, "GET key:1")), noise(1, 1000));
    assert!(line(&mut client, "SAVE").is_error());
    assert_eq!(text(&line(&mut client, "CONFIG SET stop-writes-on-bgsave-error no")), "OK");
    assert_eq!(text(&line(&mut client, "SET allowed value")), "OK");
    assert_eq!(text(&line(&mut client, "CONFIG SET stop-writes-on-bgsave-error yes")), "OK");
    assert!(is_misconf(&line(&mut client, "SET key value")));
    free(&program, &dir);
    assert_eq!(text(&line(&mut client, "BGSAVE")), "Background saving started");
    wait_until("the snapshot succeeds", || info(&mut client, "rdb_last_bgsave_status").unwrap() == "ok");
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    let left = std::fs::read_dir(&dir).unwrap().filter_map(Result::ok);
    let temporary: Vec<_> =
        left.filter(|entry| entry.file_name().to_string_lossy().starts_with("temp-")).collect();
    assert!(temporary.is_empty(), "{temporary:?}");
    program.kill().unwrap();
}

#[test]
fn a_snapshot_whose_place_is_taken_refuses_writes() {
    check_failing_snapshot(
        |_, dir| std::fs::create_dir_all(dir.join("dump.rdb/in-the-way")).unwrap(),
        |_, dir| std::fs::remove_dir_all(dir.join("dump.rdb")).unwrap(),
    );
}

#[test]
fn a_snapshot_without_room_refuses_writes() {
    check_failing_snapshot(
        |program, _| limit_files(program, Some(20_000)),
        |program, _| limit_files(program, None),
    );
}

#[test]
fn a_second_server_on_a_directory_is_refused() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let launch = launch(&dir, &["--appendonly", "yes"]);
    let program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "SET key value")), "OK");
    let said = launch.refusal().unwrap();
    assert!(said.contains(dir.to_str().unwrap()) && said.contains("another process"), "{said}");
    assert_eq!(text(&line(&mut client, "GET key")), "value");
}
