//! A disk whose syncs take seconds, under `everysec`.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use kora_testkit::durability::info;
use kora_testkit::durability::program::Program;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use crate::trouble::{Device, Home};
use crate::{line, text, wait_until};

/// So long one write waits while reads are answered.
const STRETCH: Duration = Duration::from_secs(1);

fn start(device: &Device, home: &Home, workers: &str) -> Program {
    let options = ["--appendonly", "yes", "--appendfsync", "everysec", "--save", "", "--workers", workers];
    device.launch(home, &options).start().unwrap()
}

fn record(client: &mut TcpConnection, field: &str) -> u64 {
    info(client, field).unwrap().parse().unwrap()
}

/// Reads are answered while one write waits.
fn check_readers(workers: &str) {
    let home = Home::new();
    let device = Device::new(&home);
    let program = start(&device, &home, workers);
    let mut reader = program.connect().unwrap();
    let mut writer = program.connect().unwrap();
    assert_eq!(text(&line(&mut writer, "SET key value")), "OK");
    device.linger(3000);
    let (answered, is_enough) = (AtomicU64::new(0), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !is_enough.load(Ordering::SeqCst) {
                assert_eq!(text(&line(&mut writer, "SET key value")), "OK");
                answered.fetch_add(1, Ordering::SeqCst);
            }
        });
        wait_until("a write waits and reads do not", || {
            let (begun, before, mut reads) = (Instant::now(), answered.load(Ordering::SeqCst), 0);
            while begun.elapsed() < STRETCH {
                assert_eq!(text(&line(&mut reader, "GET key")), "value");
                reads += 1;
            }
            reads > 20 && answered.load(Ordering::SeqCst) == before
        });
        device.work();
        is_enough.store(true, Ordering::SeqCst);
    });
}

#[test]
fn reads_do_not_wait_for_a_sync() {
    check_readers("1");
    check_readers("4");
}

/// What comes during a sync is in the file before the sync ends: the process may be killed.
fn check_killed(workers: &str) {
    let home = Home::new();
    let device = Device::new(&home);
    let mut program = start(&device, &home, workers);
    let mut watcher = program.connect().unwrap();
    let mut writer = program.connect().unwrap();
    let begun = record(&mut watcher, "log_appended_record");
    wait_until("what the start wrote is durable", || record(&mut watcher, "log_durable_record") == begun);
    device.linger(200_000);
    assert_eq!(text(&line(&mut writer, "SET first value")), "OK");
    wait_until("the first is written", || record(&mut watcher, "log_covered_record") == begun + 1);
    std::thread::scope(|scope| {
        // On a machine so slow that two seconds have passed there is no reply.
        scope.spawn(|| drop(writer.call(&["SET", "second", "value"])));
        wait_until("the second is written", || record(&mut watcher, "log_covered_record") == begun + 2);
        assert_eq!(record(&mut watcher, "log_durable_record"), begun, "the sync is under way");
        program.kill().unwrap();
    });
    device.work();
    let program = start(&device, &home, workers);
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET first")), "value");
    assert_eq!(text(&line(&mut client, "GET second")), "value");
}

#[test]
fn what_is_written_during_a_sync_survives_a_kill() {
    check_killed("1");
    check_killed("4");
}
