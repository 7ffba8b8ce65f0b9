//! What was synced is marked: damage in it is refused, and never passes for a torn end.

use super::*;

/// Records whose syncs `sync` makes, then some that are written and not synced. Returns where those begin.
fn with_unsynced_end(disk: &SimulatedDisk, policy: FsyncPolicy) -> (Vec<Vec<u8>>, usize) {
    let (log, mut writer) = open(disk, 1, policy);
    let mut now_ms = 10_000;
    for number in 1..=12 {
        log.append(&payload(number, 20), &[], now_ms);
        if number % 3 == 0 {
            now_ms += 1000;
            step(&mut writer, now_ms);
        }
    }
    assert_eq!((log.durable(), log.covered()), (12, 12));
    let begin = disk.contents(&path(1)).unwrap().len();
    log.set_policy(FsyncPolicy::No);
    for number in 13..=16 {
        log.append(&payload(number, 20), &[], now_ms);
        writer.step(now_ms);
    }
    let records = (1..=16).map(|number| payload(number, 20)).collect();
    (records, begin)
}

/// A step, and the sync that it begins.
fn step(writer: &mut LogWriter, now_ms: u64) -> Outcome {
    let outcome = writer.step(now_ms);
    let Some(job) = writer.take_sync() else { return outcome };
    writer.finish_sync(job.run());
    writer.step(now_ms)
}

#[test]
fn every_changed_byte_of_what_was_synced_is_refused_or_makes_no_difference() {
    for policy in [FsyncPolicy::Always, FsyncPolicy::EverySecond] {
        let disk = SimulatedDisk::new(1);
        let (records, begin) = with_unsynced_end(&disk, policy);
        let bytes = disk.contents(&path(1)).unwrap();
        let last_mark = begin - RECORD_HEADER_LENGTH..begin;
        let (mut refused, mut cut) = (0, 0);
        for (at, bit) in (0..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
            let mut flipped = bytes.clone();
            flipped[at] ^= 1 << bit;
            disk.put(&path(1), &flipped);
            match read(&disk) {
                Err(StorageError::Damage(damage)) => {
                    assert!(at < begin && damage.offset <= at as u64, "{damage} for {at}");
                    refused += 1;
                }
                Ok((found, plan)) => {
                    let is_in_mark =
                        last_mark.contains(&at) || (MARK_OFFSET..SEGMENT_HEADER_LENGTH).contains(&at);
                    assert!(at >= begin || is_in_mark, "byte {at} went unnoticed");
                    assert!(found.len() >= 12 && found == records[..found.len()], "byte {at}");
                    assert!(plan.cut.is_some() || found == records, "byte {at}");
                    cut += usize::from(plan.cut.is_some());
                }
                Err(error) => panic!("{error} for {at}"),
            }
        }
        assert!(refused > 0 && cut > 0, "{refused} refused, {cut} cut");
    }
}

#[test]
fn a_log_that_was_idle_is_marked_to_its_end() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::EverySecond);
    log.append(&payload(1, 20), &[], 10_000);
    step(&mut writer, 10_000);
    log.append(&payload(2, 20), &[], 10_100);
    let next_ms = step(&mut writer, 10_100).next_ms.unwrap();
    let outcome = step(&mut writer, next_ms);
    assert!(outcome.synced && outcome.next_ms.is_none());
    assert_eq!(log.durable(), 2);
    let bytes = disk.contents(&path(1)).unwrap();
    // Wherever the file ends, and whatever became of its end.
    for end in SEGMENT_HEADER_LENGTH..bytes.len() - RECORD_HEADER_LENGTH {
        for rest in [0, bytes.len() - end] {
            disk.put(&path(1), &[&bytes[..end], &vec![0; rest]].concat());
            match read(&disk) {
                Err(StorageError::Damage(damage)) => assert!(damage.what.contains("up to 2"), "{damage}"),
                result => panic!("cut at {end}: {result:?}"),
            }
        }
    }
}

#[test]
fn a_segment_that_was_synced_is_missed_when_it_is_gone_or_cut_in_its_header() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::EverySecond);
    log.append(&payload(1, 20), &[], 10_000);
    step(&mut writer, 10_000);
    let first = log.rotate();
    log.append(&payload(2, 20), &[], 11_000);
    step(&mut writer, 12_000);
    step(&mut writer, 13_000);
    assert_eq!(log.durable(), 2);
    let bytes = disk.contents(&path(first)).unwrap();
    for end in 0..SEGMENT_HEADER_LENGTH {
        disk.put(&path(first), &bytes[..end]);
        let damage = check(&disk, &dir()).unwrap().damage;
        assert_eq!((damage.len(), &damage[0].path), (1, &path(first)), "cut at {end}");
        assert!(damage[0].what.ends_with("it had durable records, as log.newest says"), "{}", damage[0]);
    }
    disk.remove(&path(first)).unwrap();
    let refused = check(&disk, &dir()).unwrap().refused.unwrap();
    let expected = "d/log-00000000000000000002.klog is missing: it had durable records, as log.newest says";
    assert_eq!(refused.to_string(), expected);
    // Whoever gives it up can go on.
    assert!(repair(&disk, &dir()).unwrap().problem.is_some());
    assert_eq!(read(&disk).unwrap().0, [payload(1, 20)]);
    // A snapshot makes it unnecessary.
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::Always);
    log.append(&payload(1, 20), &[], 10_000);
    writer.step(10_000);
    write_base(&disk, 2);
    disk.remove(&path(1)).unwrap();
    assert_eq!(read(&disk).unwrap().1.next, 2);
}

#[test]
fn a_damaged_mark_in_the_head_is_told_of() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::Always);
    log.append(&payload(1, 20), &[], 10_000);
    writer.step(10_000);
    let damage_at = |at: usize| {
        let sound = disk.contents(&path(1)).unwrap();
        let mut flipped = sound.clone();
        flipped[at] ^= 1;
        disk.put(&path(1), &flipped);
        let damage = check(&disk, &dir()).unwrap().damage;
        assert_eq!(read(&disk).unwrap().0.len(), 1, "it costs no record");
        disk.put(&path(1), &sound);
        damage.len()
    };
    assert_eq!(
        (damage_at(MARK_OFFSET), damage_at(MARK_OFFSET + 8)),
        (1, 0),
        "a torn one may look like the second"
    );
    log.rotate();
    writer.step(10_001);
    assert_eq!(damage_at(MARK_OFFSET + 8), 1);
}

#[test]
fn the_head_is_marked_at_most_once_a_second_and_soon() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::Always);
    let head = |disk: &SimulatedDisk| {
        let bytes = disk.contents(&path(1)).unwrap();
        SegmentHeader::decode(&bytes).unwrap().durable(&bytes)
    };
    log.append(&payload(1, 20), &[], 10_000);
    writer.step(10_000);
    assert_eq!(head(&disk), Some(1));
    log.append(&payload(2, 20), &[], 10_001);
    assert_eq!(writer.step(10_001).next_ms, Some(11_000));
    assert_eq!((log.durable(), head(&disk)), (2, Some(1)));
    assert_eq!(writer.step(11_000).next_ms, None);
    assert_eq!(head(&disk), Some(2));
}

#[test]
fn a_log_cut_short_is_refused_and_repaired() {
    let disk = SimulatedDisk::new(1);
    let (log, mut writer) = open(&disk, 1, FsyncPolicy::Always);
    for number in 1..=3 {
        log.append(&payload(number, 20), &[], 10_000);
    }
    writer.step(10_000);
    let bytes = disk.contents(&path(1)).unwrap();
    let second = SEGMENT_HEADER_LENGTH + RECORD_HEADER_LENGTH + payload(1, 20).len();
    for rest in [0, 5] {
        disk.put(&path(1), &bytes[..second + rest]);
        let report = check(&disk, &dir()).unwrap();
        assert_eq!(report.damage[0].offset, second as u64);
        let repaired = repair(&disk, &dir()).unwrap();
        assert!(repaired.problem.is_some());
        assert_eq!(repaired.given_up, GivenUp { bytes: rest as u64, records: 0 });
        assert!(check(&disk, &dir()).unwrap().is_sound());
        assert_eq!(read(&disk).unwrap().0.len(), 1);
    }
}

#[test]
fn records_behind_a_torn_one_are_told_of() {
    let disk = SimulatedDisk::new(1);
    let _ = log_of(&disk, 5, 10, FsyncPolicy::No);
    let mut bytes = disk.contents(&path(1)).unwrap();
    let end = bytes.len();
    disk.put(&path(1), &bytes[..end - 1]);
    let report = check(&disk, &dir()).unwrap();
    assert!(report.is_sound() && report.cut.is_some() && !report.gives_up_records());
    bytes[SEGMENT_HEADER_LENGTH] ^= 1;
    disk.put(&path(1), &bytes);
    let report = check(&disk, &dir()).unwrap();
    assert!(report.is_sound() && report.gives_up_records());
}
