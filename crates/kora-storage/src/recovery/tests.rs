mod marks;

use std::sync::Arc;

use kora_stream::order::{Cut as OrderCut, Stamp};
use kora_stream::record::{RecordBuilder, Scope};

use super::*;
use crate::format::RecordHeader;
use crate::log::{FsyncPolicy, Log, LogOptions, LogWriter, NoNotify, Outcome};
use crate::simulated::SimulatedDisk;
use crate::snapshot::SnapshotFile;

fn dir() -> PathBuf {
    PathBuf::from("d")
}

fn path(first: u64) -> PathBuf {
    dir().join(segment_name(first))
}

fn open(disk: &SimulatedDisk, next: u64, policy: FsyncPolicy) -> (Arc<Log>, LogWriter) {
    let options = LogOptions { policy, salt: 77, notify: Arc::new(NoNotify), is_behind_snapshot: false };
    Log::open(Arc::new(disk.clone()), &dir(), next, options).unwrap()
}

/// A record with one effect.
fn effect(args: &[&[u8]]) -> Vec<u8> {
    let mut record = RecordBuilder::default();
    record.push_effect(&Scope::default(), 0, args, false, false);
    record.bytes().to_vec()
}

fn payload(number: u64, length: usize) -> Vec<u8> {
    effect(&[number.to_string().as_bytes(), &vec![b'x'; length]])
}

/// A log of records, each synced if the policy is always.
fn log_of(disk: &SimulatedDisk, records: u64, length: usize, policy: FsyncPolicy) -> (Arc<Log>, LogWriter) {
    let (log, mut writer) = open(disk, 1, policy);
    for number in 1..=records {
        log.append(&payload(number, length), &[], 1);
        writer.step(1);
    }
    (log, writer)
}

/// The payloads of all records that count.
fn read(disk: &SimulatedDisk) -> Result<(Vec<Vec<u8>>, Plan), StorageError> {
    let plan = Recovery::inspect(disk, &dir())?;
    let mut reader = plan.reader(disk);
    let mut records = Vec::new();
    while let Some(record) = reader.next()? {
        records.push(record.payload.to_vec());
    }
    Ok((records, plan))
}

fn write_base(disk: &SimulatedDisk, first: u64) {
    let mut file = SnapshotFile::create(Arc::new(disk.clone()), &dir(), 1, true).unwrap();
    file.append(b"state").unwrap();
    file.commit(&base_name(first)).unwrap();
}

#[test]
fn an_empty_directory_begins_with_the_first_record() {
    let (records, plan) = read(&SimulatedDisk::new(0)).unwrap();
    assert!(records.is_empty() && plan.is_empty() && plan.next == 1);
}

#[test]
fn after_a_clean_end_the_last_record_is_protected_too() {
    let disk = SimulatedDisk::new(1);
    let (log, writer) = log_of(&disk, 5, 10, FsyncPolicy::EverySecond);
    writer.close(2).unwrap();
    assert_eq!((log.durable(), log.covered()), (5, 5));
    let bytes = disk.contents(&path(1)).unwrap();
    for end in SEGMENT_HEADER_LENGTH..bytes.len() {
        disk.put(&path(1), &bytes[..end]);
        assert!(matches!(read(&disk), Err(StorageError::Damage(_))), "cut at {end}");
    }
    disk.put(&path(1), &bytes);
    let (records, plan) = read(&disk).unwrap();
    assert_eq!((records.len(), plan.next, plan.segments.len()), (5, 6, 2));
    plan.prepare(&disk).unwrap();
    let (log, mut writer) = open(&disk, 6, FsyncPolicy::Always);
    assert_eq!(log.append(&payload(6, 1), &[], 3), 6);
    writer.step(3);
    assert_eq!(read(&disk).unwrap().0.len(), 6);
}

#[test]
fn a_torn_tail_is_cut_and_the_log_goes_on() {
    let disk = SimulatedDisk::new(1);
    let _ = log_of(&disk, 5, 10, FsyncPolicy::No);
    let bytes = disk.contents(&path(1)).unwrap();
    let record = (bytes.len() - SEGMENT_HEADER_LENGTH) / 5;
    for end in bytes.len() - record + 1..bytes.len() {
        disk.put(&path(1), &bytes[..end]);
        let (records, plan) = read(&disk).unwrap();
        let cut = plan.cut.clone().unwrap();
        assert_eq!((records.len(), plan.next, cut.records), (4, 5, 0));
        assert_eq!(cut.bytes, (end + record - bytes.len()) as u64);
        assert!(plan.prepare(&disk).unwrap().is_empty());
        assert_eq!(read(&disk).unwrap().1.cut, None);
    }
    // Zeros are what a file system leaves of data that it never wrote.
    disk.put(&path(1), &[&bytes[..], &[0; 5000]].concat());
    let (records, plan) = read(&disk).unwrap();
    assert_eq!((records.len(), plan.cut.unwrap().bytes), (5, 5000));
}

#[test]
fn holes_among_unsynced_records_are_torn_and_what_is_cut_is_kept() {
    let disk = SimulatedDisk::new(1);
    let _ = log_of(&disk, 50, 100, FsyncPolicy::No);
    let mut bytes = disk.contents(&path(1)).unwrap();
    let record = (bytes.len() - SEGMENT_HEADER_LENGTH) / 50;
    let at = SEGMENT_HEADER_LENGTH + 20 * record;
    bytes[at..at + 512].fill(0);
    disk.put(&path(1), &bytes);
    let (records, plan) = read(&disk).unwrap();
    let cut = plan.cut.clone().unwrap();
    assert!((19..=20).contains(&records.len()), "{}", records.len());
    assert!(cut.records >= 20, "{cut}");
    let kept = plan.prepare(&disk).unwrap();
    let offset = usize::try_from(cut.offset).unwrap();
    assert_eq!(disk.contents(&kept[0]).unwrap(), bytes[offset..]);
    assert_eq!(read(&disk).unwrap().0, records);
}

#[test]
fn a_forged_record_inside_a_value_is_not_taken_for_one() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::No);
    log.append(&payload(1, 10), &[], 1);
    writer.step(1);
    // A client that doesn't know the salt makes up a record that calls record 2 durable.
    let mut forged = Vec::new();
    for salt in [0, 1, 76] {
        let inner = payload(3, 10);
        let length = u32::try_from(inner.len()).unwrap();
        let sum = crate::format::checksum(salt, &inner);
        let header = RecordHeader { length, lag: 1, sequence: 3, payload_checksum: sum };
        forged.extend(header.encode(salt));
        forged.extend(inner);
        forged.extend(RecordHeader::mark(2).encode(salt));
    }
    log.append(&forged_payload(&forged), &[], 1);
    writer.step(1);
    let bytes = disk.contents(&path(1)).unwrap();
    disk.put(&path(1), &bytes[..bytes.len() - 1]);
    let (records, plan) = read(&disk).unwrap();
    assert_eq!((records.len(), plan.cut.unwrap().records), (1, 0));
}

fn forged_payload(forged: &[u8]) -> Vec<u8> {
    effect(&[b"SET", b"key", forged])
}

/// A part of an operation of two, and behind it what does not depend on it, and what does.
fn record_of_three() -> RecordBuilder {
    let mut record = RecordBuilder::default();
    let part = Scope { stamp: Stamp::of_ticket(9), parts: 2, ..Scope::default() };
    let behind = Scope { stamp: Stamp::of_position(10), ..Scope::default() };
    for (scope, word) in [(Scope::default(), "before"), (part, "part"), (behind, "behind")] {
        record.push_effect(&scope, 0, &[word.as_bytes()], false, false);
    }
    record
}

/// The first words of the effects that count.
fn counting(disk: &SimulatedDisk) -> (Vec<String>, Plan) {
    let plan = Recovery::inspect(disk, &dir()).unwrap();
    let mut reader = plan.reader(disk);
    let mut words = Vec::new();
    while let Some(record) = reader.next().unwrap() {
        for item in kora_stream::record::Items::new(record.payload) {
            if let kora_stream::record::Item::Effect(mut effect) = item.unwrap()
                && record.cut.keeps(effect.scope.stamp, record.sequence)
            {
                words.push(String::from_utf8(effect.arguments.next().unwrap().to_vec()).unwrap());
            }
        }
    }
    (words, plan)
}

#[test]
fn what_depends_on_half_an_operation_does_not_count_in_any_later_life() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::Always);
    let record = record_of_three();
    log.append(record.bytes(), record.parts(), 1);
    log.append(&effect(&[b"independent"]), &[], 1);
    writer.step(1);
    assert_eq!((log.durable(), log.covered()), (2, 0));
    for life in 0..3 {
        let (words, plan) = counting(&disk);
        assert_eq!(words, ["before", "independent"]);
        assert_eq!(plan.lives.last_cut().first_record(), (life == 0 || life == 1).then_some(1));
        plan.prepare(&disk).unwrap();
        // The first start ends before it has said anything.
        let (log, mut writer) = open(&disk, plan.next, FsyncPolicy::Always);
        if life > 0 {
            log.begin_life(plan.lives.last_cut(), 1);
            writer.step(1);
        }
    }
    // Stamps begin anew with each life.
    let (_, plan) = counting(&disk);
    let (log, mut writer) = open(&disk, plan.next, FsyncPolicy::Always);
    log.begin_life(plan.lives.last_cut(), 1);
    log.append(&effect(&[b"a"]), &[], 1);
    let record = record_of_three();
    log.append(record.bytes(), record.parts(), 1);
    log.append(record.bytes(), record.parts(), 1);
    writer.step(1);
    assert_eq!(log.covered(), log.durable());
    let (words, plan) = counting(&disk);
    assert_eq!(words[..3], ["before", "independent", "a"]);
    assert_eq!((words.len(), plan.lives.last_cut()), (9, &OrderCut::default()));
}

#[test]
fn missing_files_are_named() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = log_of(&disk, 3, 10, FsyncPolicy::Always);
    for _ in 0..2 {
        log.rotate();
        log.append(&payload(0, 10), &[], 1);
        writer.step(1);
    }
    assert_eq!(read(&disk).unwrap().0.len(), 5);
    let without = |first| {
        let copy = disk.fork(1);
        copy.remove(&path(first)).unwrap();
        copy
    };
    match read(&without(1)) {
        Err(StorageError::Missing { path: missing, .. }) => assert_eq!(missing, path(1)),
        result => panic!("{result:?}"),
    }
    match read(&without(4)) {
        Err(StorageError::Damage(damage)) => {
            assert!(damage.what.contains("begins with record 5"), "{damage}")
        }
        result => panic!("{result:?}"),
    }
    let copy = without(1);
    write_base(&copy, 4);
    let (records, plan) = read(&copy).unwrap();
    assert_eq!((records.len(), plan.base.unwrap().first), (2, 4));
    copy.remove(&path(4)).unwrap();
    assert!(matches!(read(&copy), Err(StorageError::Missing { .. })));
}

#[test]
fn old_files_go_once_they_are_not_needed() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = log_of(&disk, 3, 10, FsyncPolicy::Always);
    let first = log.rotate();
    assert_eq!(remove_before(&disk, &dir(), first, log.kept_segment(first)).unwrap(), 0, "no base");
    write_base(&disk, first);
    assert_eq!(
        remove_before(&disk, &dir(), first, log.kept_segment(first)).unwrap(),
        0,
        "it is being written"
    );
    writer.step(1);
    assert_eq!(remove_before(&disk, &dir(), first, log.kept_segment(first)).unwrap(), 1);
    assert_eq!(disk.list(&dir()).unwrap(), [base_name(4), segment_name(4), TRACE_NAME.to_owned()]);
}

#[test]
fn checking_and_repairing_a_damaged_log() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = log_of(&disk, 10, 50, FsyncPolicy::Always);
    log.rotate();
    log.append(&payload(11, 50), &[], 1);
    writer.step(1);
    assert!(check(&disk, &dir()).unwrap().is_sound());
    let bytes = disk.contents(&path(1)).unwrap();
    let record = (bytes.len() - SEGMENT_HEADER_LENGTH) / 10;
    let mut damaged = bytes.clone();
    let at = SEGMENT_HEADER_LENGTH + 6 * record;
    damaged[at + RECORD_HEADER_LENGTH] ^= 1;
    disk.put(&path(1), &damaged);

    let report = check(&disk, &dir()).unwrap();
    assert_eq!(report.damage.len(), 1);
    assert_eq!((&report.damage[0].path, report.damage[0].offset), (&path(1), at as u64));
    assert!(report.refused.is_some());
    assert_eq!(report.files.iter().map(|file| file.records).collect::<Vec<_>>(), [6, 1]);

    let repaired = repair(&disk, &dir()).unwrap();
    assert_eq!(repaired.shortened, Some((path(1), at as u64)));
    assert_eq!(repaired.kept.len(), 2);
    let lost = (bytes.len() - at) + (RECORD_HEADER_LENGTH + payload(11, 50).len()) + RECORD_HEADER_LENGTH;
    assert_eq!(repaired.given_up, GivenUp { bytes: lost as u64, records: 4 });
    let aside = &repaired.kept[1].1;
    assert_eq!(disk.contents(aside).unwrap(), damaged);
    assert!(check(&disk, &dir()).unwrap().is_sound());
    assert_eq!(read(&disk).unwrap().0.len(), 6);
    assert!(repair(&disk, &dir()).unwrap().problem.is_none());
}

#[test]
fn repairing_other_damage() {
    // A header, a missing segment, a damaged snapshot.
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = log_of(&disk, 2, 50, FsyncPolicy::Always);
    log.rotate();
    log.append(&payload(3, 50), &[], 1);
    writer.step(1);
    let header = disk.fork(1);
    let mut bytes = header.contents(&path(3)).unwrap();
    bytes[9] ^= 1;
    header.put(&path(3), &bytes);
    assert!(repair(&header, &dir()).unwrap().problem.is_some());
    assert_eq!(read(&header).unwrap().0.len(), 2);

    let missing = disk.fork(1);
    missing.remove(&path(1)).unwrap();
    assert_eq!(repair(&missing, &dir()).unwrap().kept.len(), 1);
    assert!(read(&missing).unwrap().1.is_empty());

    write_base(&disk, 3);
    let base = dir().join(base_name(3));
    let mut bytes = disk.contents(&base).unwrap();
    bytes[0] ^= 1;
    disk.put(&base, &bytes);
    assert_eq!(check(&disk, &dir()).unwrap().damage[0].path, base);
}
