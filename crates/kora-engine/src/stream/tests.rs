mod followed;

use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::AtomicU64;
use std::thread;

use kora_storage::log::{FsyncPolicy, LogOptions, NoNotify};
use kora_storage::simulated::{Fault, SimulatedDisk};
use kora_stream::order::Stamp;
use kora_stream::record::Scope;

use super::*;

/// Keeps what it takes.
#[derive(Debug, Default)]
struct Keeper(Mutex<Vec<Vec<u8>>>);

impl Follower for Keeper {
    fn take(&self, record: &RecordBuilder, _: u64) {
        self.0.lock().unwrap().push(record.bytes().to_vec());
    }
}

impl Keeper {
    fn kept(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap().clone()
    }
}

fn record(number: u64) -> RecordBuilder {
    let mut record = RecordBuilder::default();
    let scope = Scope { stamp: Stamp::of_position(number), ..Scope::default() };
    record.push_effect(&scope, 0, &[b"SET", b"k", number.to_string().as_bytes()], false, false);
    record
}

#[test]
fn followers_take_all_records_in_one_order() {
    let stream = Stream::default();
    assert!(!stream.is_followed());
    let keepers = [(); 3].map(|()| Arc::new(Keeper::default()));
    keepers.iter().for_each(|keeper| stream.follow(Arc::clone(keeper) as _));
    let next = AtomicU64::new(0);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                (0..500).for_each(|_| stream.publish(&record(next.fetch_add(1, Ordering::Relaxed)), 0))
            });
        }
    });
    let [first, second, third] = keepers.each_ref().map(|keeper| keeper.kept());
    assert_eq!(first.len(), 2000);
    assert!(first == second && second == third, "they have seen different orders");
    stream.leave(&keepers[1]);
    stream.publish(&record(0), 0);
    let counts = keepers.each_ref().map(|keeper| keeper.kept().len());
    assert_eq!(counts, [2001, 2000, 2001]);
    stream.leave(&keepers[0]);
    assert!(stream.is_followed());
    stream.leave(&keepers[2]);
    assert!(!stream.is_followed());
}

#[test]
fn a_log_that_fails_holds_up_nobody_else() {
    let disk = SimulatedDisk::new(1);
    let options = LogOptions {
        policy: FsyncPolicy::Always,
        salt: 5,
        notify: Arc::new(NoNotify),
        is_behind_snapshot: false,
    };
    let (log, mut writer) = Log::open(Arc::new(disk.clone()), Path::new("d"), 1, options).unwrap();
    let (stream, keeper) = (Stream::default(), Arc::new(Keeper::default()));
    stream.follow(Arc::clone(&log) as _);
    stream.follow(Arc::clone(&keeper) as _);
    stream.publish(&record(1), 0);
    disk.inject(disk.calls(), Fault::FailedSync);
    assert!(writer.step(0).failed && log.is_failed());
    stream.publish(&record(2), 0);
    assert_eq!(keeper.kept(), [record(1), record(2)].map(|record| record.bytes().to_vec()));
    stream.leave(&log);
    stream.publish(&record(3), 0);
    assert_eq!((log.appended(), keeper.kept().len()), (2, 3), "it is told nothing any more");
}

#[test]
fn what_has_stopped_for_good_gives_nothing() {
    let stream = Arc::new(Stream::default());
    let keeper = Arc::new(Keeper::default());
    stream.follow(Arc::clone(&keeper) as _);
    assert!(stream.stop_for_good(Duration::from_secs(10)));
    let publisher = Arc::clone(&stream);
    // It waits until the process ends.
    thread::spawn(move || publisher.publish(&record(1), 0));
    assert!(!stream.stop_for_good(Duration::from_millis(20)), "it is taken");
    assert!(keeper.kept().is_empty());
}
