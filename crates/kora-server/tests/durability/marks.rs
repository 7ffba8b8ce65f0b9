//! Logs of servers that were killed: what was synced is marked, and damage in it does not pass for a torn end.

use std::path::Path;

use kora_testkit::durability::info;
use kora_testkit::durability::program::Launch;
use kora_testkit::target::Connection as _;

use crate::damage::{says_where, segment, tool};
use crate::{launch, line, text, wait_until};

/// Where bytes are changed.
const PLACE: u64 = 20_000;

/// A directory whose server was killed after so many SETs, when all were written, and synced if `policy` ever syncs.
fn killed(workers: &str, policy: &str, keys: usize) -> (tempfile::TempDir, Launch) {
    let home = tempfile::tempdir().unwrap();
    let options = ["--workers", workers, "--appendonly", "yes", "--appendfsync", policy, "--save", ""];
    let launch = launch(&home.path().join("data"), &options);
    let mut program = launch.start().unwrap();
    let mut client = program.connect().unwrap();
    for number in 0..keys {
        let reply = client.call(&["SET", &format!("key:{number}"), &"v".repeat(80)]).unwrap();
        assert_eq!(text(&reply), "OK");
    }
    let certain = if policy == "no" { "log_covered_record" } else { "log_durable_record" };
    let mut record = |field| info(&mut client, field).unwrap();
    let mut is_certain = || record("log_appended_record") == record(certain);
    if policy == "always" {
        assert!(is_certain(), "every reply came behind a sync and its mark");
    } else {
        wait_until("the log is written to its end", is_certain);
    }
    program.kill().unwrap();
    (home, launch)
}

/// The place that a message names.
fn offset(said: &str) -> u64 {
    let digits = said.split("offset ").nth(1).unwrap();
    digits.split(|c: char| !c.is_ascii_digit()).next().unwrap().parse().unwrap()
}

fn change(path: &Path, at: u64) {
    let mut bytes = std::fs::read(path).unwrap();
    let at = usize::try_from(at).unwrap();
    bytes[at..at + 4].iter_mut().for_each(|byte| *byte ^= 0x5a);
    std::fs::write(path, bytes).unwrap();
}

fn cut(path: &Path, length: u64) {
    std::fs::OpenOptions::new().write(true).open(path).unwrap().set_len(length).unwrap();
}

fn length(path: &Path) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

fn keys_of(launch: &Launch) -> usize {
    let program = launch.start().unwrap();
    let count = line(&mut program.connect().unwrap(), "DBSIZE").number().unwrap();
    usize::try_from(count).unwrap()
}

/// A start is refused, `--check` says why and where, and `--repair` gives up what is behind.
fn is_refused_and_repaired(launch: &Launch, path: &Path, keys: usize) {
    let (is_sound, said) = tool("--check", &launch.dir);
    assert!(!is_sound && says_where(&said, path) && said.contains("There is damage."), "{said}");
    assert!(!said.contains("All files are whole."), "{said}");
    assert!((PLACE - 300..=PLACE).contains(&offset(&said)), "{said}");
    let said = launch.refusal().unwrap();
    assert!(says_where(&said, path) && said.contains("were durable"), "{said}");
    let (is_sound, said) = tool("--repair", &launch.dir);
    assert!(is_sound && says_where(&said, path) && said.contains("given up: "), "{said}");
    let given_up = said.split("given up: ").nth(1).unwrap();
    let records = given_up.split("among them ").nth(1).unwrap();
    let records: usize = records.split(' ').next().unwrap().parse().unwrap();
    let left = keys_of(launch);
    assert!(left > 0 && left < keys, "{left} keys");
    // Each SET was a record; the one that was hit is not whole.
    let is_hit = usize::from(records + left < keys);
    assert_eq!(left + records + is_hit, keys, "{said}");
}

#[test]
fn changed_bytes_in_what_was_synced_are_refused() {
    for (workers, policy, keys) in [("1", "everysec", 2000), ("4", "everysec", 2000), ("4", "always", 300)] {
        let (_home, launch) = killed(workers, policy, keys);
        let path = segment(&launch);
        assert!(length(&path) > PLACE + 4, "{workers} {policy}");
        change(&path, PLACE);
        is_refused_and_repaired(&launch, &path, keys);
    }
}

#[test]
fn the_newest_segment_is_missed_when_it_is_gone_or_cut_in_its_header() {
    for (workers, policy) in [("1", "everysec"), ("4", "always")] {
        let (_home, launch) = killed(workers, policy, 100);
        let path = segment(&launch);
        let bytes = std::fs::read(&path).unwrap();
        cut(&path, 55);
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(!is_sound && said.contains("its header is not whole"), "{said}");
        assert!(launch.refusal().unwrap().contains("its header is not whole"));
        std::fs::remove_file(&path).unwrap();
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(!is_sound && said.contains("is missing: it had durable records"), "{said}");
        assert!(launch.refusal().unwrap().contains("is missing: it had durable records"));
        std::fs::write(&path, bytes).unwrap();
        assert_eq!(keys_of(&launch), 100);
    }
}

#[test]
fn a_log_cut_short_is_refused() {
    let (_home, launch) = killed("1", "everysec", 500);
    let path = segment(&launch);
    cut(&path, PLACE);
    let (is_sound, said) = tool("--check", &launch.dir);
    assert!(!is_sound && says_where(&said, &path), "{said}");
    assert!(says_where(&launch.refusal().unwrap(), &path));
    assert!(tool("--repair", &launch.dir).0);
    let left = keys_of(&launch);
    assert!(left > 0 && left < 500, "{left} keys");
}

#[test]
fn an_undamaged_log_of_a_killed_server_is_whole() {
    for (workers, policy) in [("1", "everysec"), ("4", "always"), ("4", "no")] {
        let (_home, launch) = killed(workers, policy, 100);
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(is_sound && said.contains("All files are whole."), "{policy}: {said}");
        assert_eq!(keys_of(&launch), 100, "{policy}");
    }
}

/// Nothing says what of it was durable: what is behind the place is cut, which is told, and kept.
#[test]
fn without_syncs_the_end_behind_changed_bytes_is_cut_and_told_of() {
    let (_home, launch) = killed("1", "no", 500);
    let path = segment(&launch);
    change(&path, PLACE);
    let (is_sound, said) = tool("--check", &launch.dir);
    assert!(!is_sound && said.contains("a start would cut its end") && says_where(&said, &path), "{said}");
    assert!(!said.contains("All files are whole."), "{said}");
    let left = keys_of(&launch);
    assert!(left > 0 && left < 500, "{left} keys");
    let log = std::fs::read_to_string(launch.log()).unwrap();
    assert!(says_where(&log, &path) && log.contains("was kept as"), "{log}");
}
