use std::path::Path;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::thread;

use super::*;
use crate::disk::{Disk, RealDisk};
use crate::recovery::Recovery;
use crate::simulated::{Fault, SimulatedDisk};

#[derive(Debug, Default)]
struct Told {
    covered: AtomicU64,
    failures: AtomicUsize,
    recoveries: AtomicUsize,
    freed: AtomicUsize,
}

impl Notify for Told {
    fn covered(&self, up_to: u64) {
        self.covered.fetch_max(up_to, Ordering::SeqCst);
    }

    fn failed(&self, _failure: &Failure) {
        self.failures.fetch_add(1, Ordering::SeqCst);
    }

    fn recovered(&self) {
        self.recoveries.fetch_add(1, Ordering::SeqCst);
    }

    fn freed(&self) {
        self.freed.fetch_add(1, Ordering::SeqCst);
    }
}

fn open(disk: &SimulatedDisk, policy: FsyncPolicy) -> (Arc<Log>, LogWriter, Arc<Told>) {
    let told = Arc::new(Told::default());
    let options = LogOptions {
        policy,
        salt: 5,
        notify: Arc::clone(&told) as Arc<dyn Notify>,
        is_behind_snapshot: false,
    };
    let (log, writer) = Log::open(Arc::new(disk.clone()), Path::new("d"), 1, options).unwrap();
    (log, writer, told)
}

/// Runs the sync that a step has begun; whether there was one.
fn run_sync(writer: &mut LogWriter, now_ms: u64) -> bool {
    let Some(job) = writer.take_sync() else { return false };
    writer.finish_sync(job.run());
    writer.step(now_ms).synced
}

#[test]
fn one_sync_covers_all_that_waits() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::Always);
    for _ in 0..10 {
        log.append(b"", &[], 0);
    }
    assert_eq!((log.appended(), log.covered(), log.pending_bytes()), (10, 0, 240));
    let calls = disk.calls();
    assert!(writer.step(0).synced);
    assert_eq!(disk.calls() - calls, 4, "a write, a sync, a mark and the trace");
    log.append(b"", &[], 0);
    let calls = disk.calls();
    writer.step(0);
    assert_eq!(disk.calls() - calls, 4, "the trace is synced once");
    log.append(b"", &[], 0);
    let calls = disk.calls();
    writer.step(0);
    assert_eq!(disk.calls() - calls, 3, "a write, a sync and a mark");
    assert_eq!((log.covered(), told.covered.load(Ordering::SeqCst), log.pending_bytes()), (12, 12, 0));
    let idle = disk.calls();
    assert!(!writer.step(0).synced);
    assert_eq!(disk.calls(), idle);
}

#[test]
fn an_operation_is_covered_with_all_its_parts() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::Always);
    log.append(b"", &[], 0);
    log.append(b"", &[Part { ticket: 9, count: 2 }], 0);
    log.append(b"", &[], 0);
    writer.step(0);
    assert_eq!((log.durable(), log.covered()), (3, 1));
    log.append(b"", &[Part { ticket: 9, count: 2 }], 0);
    assert_eq!(log.covered(), 1);
    writer.step(0);
    assert_eq!(log.covered(), 4);
}

#[test]
fn a_sync_each_second_and_writers_wait_after_two() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::EverySecond);
    log.append(b"", &[], 10_000);
    writer.step(10_000);
    assert!(run_sync(&mut writer, 10_000), "the last sync is long ago");
    log.append(b"", &[], 10_100);
    let outcome = writer.step(10_100);
    assert!(writer.take_sync().is_none());
    assert_eq!(outcome.next_ms, Some(11_000));
    assert_eq!((log.covered(), log.durable()), (2, 1));
    assert!(!log.must_wait(12_100) && log.must_wait(12_101));
    log.append(b"", &[], 12_000);
    writer.step(12_000);
    assert!(run_sync(&mut writer, 12_000));
    assert!(!log.must_wait(20_000));
    // Also if the writer never came to take it.
    log.append(b"", &[], 20_000);
    assert!(log.must_wait(22_001));
    log.set_policy(FsyncPolicy::No);
    assert!(!log.must_wait(22_001));
    writer.step(30_000);
    assert!(!run_sync(&mut writer, 30_000));
    log.set_policy(FsyncPolicy::Always);
    assert!(writer.step(30_000).synced, "what was written before counts too");
}

#[test]
fn records_are_written_while_a_sync_is_under_way() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::EverySecond);
    log.append(b"", &[], 10_000);
    writer.step(10_000);
    let job = writer.take_sync().unwrap();
    log.append(b"", &[], 10_500);
    assert_eq!(writer.step(10_500).next_ms, None, "there is nothing to do before the sync is done");
    assert_eq!((log.covered(), log.durable(), log.pending_bytes()), (2, 0, 0));
    writer.step(11_500);
    assert!(writer.take_sync().is_none(), "one at a time");
    assert!(!log.must_wait(12_000) && log.must_wait(12_001));
    log.append(b"", &[], 12_500);
    writer.step(12_500);
    writer.finish_sync(job.run());
    assert!(writer.step(12_600).synced);
    assert_eq!(log.durable(), 1, "the sync says nothing of what was written behind its beginning");
    assert!(log.must_wait(12_600), "the second was acknowledged at once");
    assert!(run_sync(&mut writer, 12_700));
    assert_eq!((log.durable(), log.must_wait(100_000)), (3, false));
}

#[test]
fn writers_who_had_to_wait_for_a_slow_sync_go_on_when_it_is_done() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::EverySecond);
    log.append(b"", &[], 10_000);
    writer.step(10_000);
    let job = writer.take_sync().unwrap();
    // Its reply waits.
    log.append(b"", &[], 12_100);
    writer.step(12_100);
    writer.finish_sync(job.run());
    told.covered.store(0, Ordering::SeqCst);
    let outcome = writer.step(14_000);
    assert_eq!(told.covered.load(Ordering::SeqCst), 2, "whoever waits is told");
    assert!(!log.must_wait(16_000) && log.must_wait(16_001), "it is acknowledged now");
    assert!(
        writer.take_sync().is_none(),
        "the disk is slow: the next sync begins when writers must wait for it"
    );
    assert_eq!(outcome.next_ms, Some(16_000));
    writer.step(16_000);
    assert!(run_sync(&mut writer, 16_001));
    assert_eq!(log.durable(), 2);
    log.append(b"", &[], 16_100);
    assert_eq!(writer.step(16_100).next_ms, Some(17_000), "the disk is quick again");
}

#[test]
fn a_segment_is_begun_when_the_one_before_it_is_durable() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::EverySecond);
    log.append(b"", &[], 10_000);
    writer.step(10_000);
    let job = writer.take_sync().unwrap();
    assert_eq!(log.rotate(), 2);
    log.append(b"", &[], 10_100);
    let outcome = writer.step(10_100);
    assert!(outcome.stalled && !outcome.failed);
    assert_eq!((log.health(), log.segment(), log.pending_bytes()), (Health::Healthy, 1, 24));
    writer.finish_sync(job.run());
    assert!(!writer.step(10_200).stalled);
    assert_eq!((log.segment(), log.covered(), log.pending_bytes()), (2, 2, 0));
}

#[test]
fn a_sync_that_fails_in_its_own_thread_fails_the_log() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::EverySecond);
    log.append(b"", &[], 10_000);
    writer.step(10_000);
    disk.inject(disk.calls(), Fault::FailedSync);
    let done = writer.take_sync().unwrap().run();
    writer.finish_sync(done);
    assert!(writer.step(10_100).failed);
    assert_eq!((log.health(), log.durable()), (Health::Failed, 0));
    // One that was under way when the log was lost says nothing of the segment behind it.
    let first = log.restart_at_barrier();
    log.append(b"", &[], 10_200);
    log.base_is_durable(first);
    writer.step(11_300);
    writer.step(12_300);
    assert!(run_sync(&mut writer, 12_300));
    assert_eq!((log.durable(), log.health()), (first, Health::Healthy));
}

#[test]
fn after_a_failed_sync_nothing_counts_until_a_snapshot_is_durable() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::Always);
    log.append(b"", &[], 0);
    writer.step(0);
    log.append(b"", &[], 0);
    disk.inject(disk.calls(), Fault::FailedSync);
    assert!(writer.step(0).failed && log.is_failed());
    let failure = log.failure().unwrap();
    assert_eq!(failure.errno, Some(5));
    assert!(failure.cause.starts_with("can't sync d/log-00000000000000000001.klog: "), "{}", failure.cause);
    assert_eq!(told.failures.load(Ordering::SeqCst), 1);
    let calls = disk.calls();
    assert_eq!(log.append(b"", &[], 0), 3);
    writer.step(5000);
    assert_eq!((disk.calls(), log.covered(), log.pending_bytes()), (calls, 1, 0), "nothing is tried again");
    assert_eq!(log.rotate(), 4);

    // A snapshot that fails leaves no segment.
    let names = disk.list(Path::new("d")).unwrap();
    assert_eq!(log.restart_at_barrier(), 5);
    log.append(b"", &[], 0);
    writer.step(0);
    log.base_failed(5, false);
    writer.step(0);
    assert_eq!((log.health(), log.pending_bytes()), (Health::Failed, 0));
    assert_eq!(disk.list(Path::new("d")).unwrap(), names);

    let first = log.restart_at_barrier();
    assert_eq!(first, 7);
    assert_eq!(log.append(b"", &[], 0), 7);
    assert!(!writer.step(0).failed);
    assert_eq!((log.health(), log.covered(), log.segment()), (Health::Recovering, 1, 1));
    log.base_is_durable(first);
    assert_eq!((log.health(), log.covered(), log.failure()), (Health::Healthy, 6, None));
    writer.step(0);
    assert_eq!((log.covered(), log.segment()), (7, 7));
}

/// The names in the directory of a log, but for its first segment.
fn later_names(disk: &SimulatedDisk) -> Vec<String> {
    let mut names = disk.list(Path::new("d")).unwrap();
    names.retain(|name| name != &crate::format::segment_name(1) && name != crate::format::TRACE_NAME);
    names
}

#[test]
fn a_write_that_failed_is_tried_again_at_growing_intervals() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::Always);
    log.append(b"", &[], 0);
    writer.step(0);
    log.append(b"", &[], 0);
    disk.inject(disk.calls(), Fault::NoSpace { calls: u64::MAX });
    let (mut now, mut waits) = (10, Vec::new());
    for _ in 0..6 {
        let outcome = writer.step(now);
        assert!(outcome.stalled && outcome.failed);
        let calls = disk.calls();
        let next = outcome.next_ms.unwrap();
        assert!(writer.step(next - 1).stalled);
        assert_eq!(disk.calls(), calls, "it is not time");
        waits.push(next - now);
        now = next;
    }
    assert_eq!(waits, [1000, 2000, 4000, 8000, 8000, 8000]);
    assert_eq!((log.health(), log.covered(), log.pending_bytes()), (Health::Stalled, 1, 24));
    assert_eq!(told.failures.load(Ordering::SeqCst), 1, "one failure");
    log.append(b"", &[], now);
    disk.restore_space();
    assert!(!writer.step(now).stalled);
    assert_eq!((log.health(), log.covered(), log.failure()), (Health::Healthy, 2, None));
    assert_eq!(told.recoveries.load(Ordering::SeqCst), 1);
    writer.step(now);
    assert_eq!((log.covered(), log.pending_bytes()), (3, 0));
    assert!(later_names(&disk).is_empty());
}

#[test]
fn a_segment_without_room_leaves_no_file_and_a_snapshot_makes_up_for_a_stalled_log() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::Always);
    log.append(b"", &[], 0);
    writer.step(0);
    disk.inject(disk.calls(), Fault::NoSpace { calls: u64::MAX });
    log.append(b"", &[], 0);
    assert!(writer.step(0).stalled);
    // A snapshot that surely left no file leaves no segment either.
    assert_eq!(log.restart_at_barrier(), 3);
    log.base_failed(3, false);
    log.append(b"", &[], 0);
    assert_eq!(log.restart_at_barrier(), 4);
    log.append(b"", &[], 0);
    log.base_is_durable(4);
    assert_eq!((log.health(), log.covered()), (Health::Stalled, 3));
    assert!(writer.step(1).stalled, "there is no room for the segment yet");
    assert!(later_names(&disk).is_empty());
    disk.restore_space();
    writer.step(20_000);
    assert_eq!((log.health(), log.covered(), log.segment()), (Health::Healthy, 4, 4));
    assert_eq!(later_names(&disk), [crate::format::segment_name(4)]);
}

#[test]
fn the_memory_for_records_is_told_and_given_back() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::No);
    let payload = vec![0; 3 << 20];
    for count in 1..=3 {
        log.append(&payload, &[], 0);
        assert_eq!(told.freed.load(Ordering::SeqCst), count, "the buffer grew");
    }
    assert!(log.buffer_bytes() >= log.pending_bytes() && log.pending_bytes() > 9 << 20);
    assert!(
        log.buffer_bytes() < 13 << 20,
        "what the buffer was before it grew is free: {}",
        log.buffer_bytes()
    );
    writer.step(0);
    assert_eq!(told.freed.load(Ordering::SeqCst), 4);
    assert_eq!(log.pending_bytes(), 0);
    assert!(log.buffer_bytes() <= 256 << 10, "{}", log.buffer_bytes());
}

#[test]
fn writers_wait_for_a_disk_that_is_far_behind() {
    for policy in [FsyncPolicy::No, FsyncPolicy::EverySecond] {
        let disk = SimulatedDisk::new(1);
        let (log, mut writer, _) = open(&disk, policy);
        let payload = vec![0; 1 << 20];
        while log.pending_bytes() <= PENDING_BYTES_MAX {
            assert!(!log.must_wait(0));
            log.append(&payload, &[], 0);
        }
        assert!(log.must_wait(0));
        writer.step(0);
        assert!(!log.must_wait(0));
    }
}

#[test]
fn what_waits_for_room_is_bounded() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, told) = open(&disk, FsyncPolicy::EverySecond);
    disk.inject(disk.calls(), Fault::NoSpace { calls: u64::MAX });
    log.append(b"", &[], 0);
    assert!(writer.step(0).stalled);
    let payload = vec![0; 32 << 20];
    for _ in 0..3 {
        log.append(&payload, &[], 0);
    }
    assert_eq!((log.health(), log.pending_bytes()), (Health::Failed, 24));
    assert!(log.needs_snapshot());
    writer.step(0);
    assert_eq!((log.pending_bytes(), told.failures.load(Ordering::SeqCst)), (0, 2));
}

#[test]
fn a_policy_may_be_relaxed_and_covered_never_goes_back() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer, _) = open(&disk, FsyncPolicy::No);
    log.append(b"", &[], 0);
    writer.step(0);
    assert_eq!((log.covered(), log.durable()), (1, 0));
    log.set_policy(FsyncPolicy::Always);
    assert_eq!(log.covered(), 1);
    writer.step(0);
    assert_eq!((log.covered(), log.durable()), (1, 1));
}

#[test]
fn threads_append_while_one_writes() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(RealDisk);
    let told = Arc::new(Told::default());
    let options = LogOptions {
        policy: FsyncPolicy::Always,
        salt: 5,
        notify: Arc::clone(&told) as Arc<dyn Notify>,
        is_behind_snapshot: false,
    };
    let (log, writer) = Log::open(Arc::clone(&disk), dir.path(), 1, options).unwrap();
    let thread = spawn(writer, || 0, |_, body| Ok(thread::spawn(body))).unwrap();
    thread::scope(|scope| {
        for worker in 0..3_u8 {
            let log = &log;
            scope.spawn(move || {
                for _ in 0..200 {
                    log.append(&[1, 0, 1, 1, worker], &[], 0);
                }
            });
        }
    });
    let first = log.rotate();
    assert_eq!(first, 601);
    log.append(&[1, 0, 0], &[], 0);
    log.set_policy(FsyncPolicy::EverySecond);
    thread.close().unwrap();
    assert_eq!((log.covered(), told.covered.load(Ordering::SeqCst)), (601, 601));
    let plan = Recovery::inspect(disk.as_ref(), dir.path()).unwrap();
    assert_eq!((plan.next, plan.segments.len(), &plan.cut), (602, 3, &None));
    let mut reader = plan.reader(disk.as_ref());
    let mut count = 0;
    while reader.next().unwrap().is_some() {
        count += 1;
    }
    assert_eq!(count, 601);
    plan.prepare(disk.as_ref()).unwrap();
}

#[test]
fn a_directory_is_locked_once() {
    let parent = tempfile::tempdir().unwrap();
    let dir = parent.path().join("appendonlydir");
    for _ in 0..2 {
        crate::disk::make_dir(&RealDisk, &dir).unwrap();
    }
    let lock = crate::disk::lock(&RealDisk, &dir).unwrap();
    let error = crate::disk::lock(&RealDisk, &dir).unwrap_err();
    assert!(error.to_string().ends_with("is in use by another process"), "{error}");
    drop(lock);
    assert!(crate::disk::lock(&RealDisk, &dir).is_ok());
}
