//! Damaged files of a stopped server: a start refuses them and says where, `--check` says the same, and `--repair` keeps what
//! came before.

use std::path::{Path, PathBuf};
use std::process::Command;

use kora_testkit::durability::info;
use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::target::Connection as _;

use crate::{digest, launch, line, program, text, wait_until};

const ELEMENTS: usize = 100;
/// Bytes of a segment's header.
const HEADER_BYTES: usize = 56;

/// Bytes of the first record, which says that a life begins, and of the mark behind it, if it is synced by itself.
const LIFE_BYTES: usize = 25;
const MARK_BYTES: usize = 24;

const WITH_LOG: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes"];
/// A log whose end nothing calls durable.
const UNSYNCED: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "no", "--save", "", "--enable-debug-command", "yes"];
const WITHOUT_LOG: [&str; 6] = ["--appendonly", "no", "--save", "3600 1", "--enable-debug-command", "yes"];

/// Files with one list, of elements of one length, each of which is one record.
struct Files {
    home: tempfile::TempDir,
    digest: String,
}

fn element(number: usize) -> String {
    format!("element {number:08}")
}

impl Files {
    fn make(options: &[&str], end: impl FnOnce(&mut Program)) -> Self {
        let home = tempfile::tempdir().unwrap();
        let mut program = launch(&home.path().join("data"), options).start().unwrap();
        let mut client = program.connect().unwrap();
        for number in 0..ELEMENTS {
            let reply = client.call(&["RPUSH", "list", &element(number)]).unwrap();
            assert_eq!(reply.number(), i64::try_from(number + 1).ok());
        }
        let digest = digest(&mut client);
        end(&mut program);
        Self { home, digest }
    }

    /// A copy, to be damaged.
    fn copy(&self, options: &[&str]) -> (tempfile::TempDir, Launch) {
        let home = tempfile::tempdir().unwrap();
        let dir = home.path().join("data");
        copy_dir(&self.home.path().join("data"), &dir);
        let launch = launch(&dir, options);
        (home, launch)
    }
}

pub(crate) fn copy_dir(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy_dir(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}

/// The first segment of the log.
pub(crate) fn segment(launch: &Launch) -> PathBuf {
    let log_dir = launch.dir.join("appendonlydir");
    let mut names: Vec<_> = std::fs::read_dir(log_dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.retain(|path| path.extension().is_some_and(|extension| extension == "klog"));
    names.sort();
    names.remove(0)
}

fn flip(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x10;
    std::fs::write(path, bytes).unwrap();
}

/// `--check` or `--repair`: whether all is well, and what was said.
pub(crate) fn tool(option: &str, dir: &Path) -> (bool, String) {
    let output = Command::new(program()).arg(option).arg(dir).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&text).into_owned())
}

/// The elements that a server has.
fn elements(launch: &Launch) -> Vec<String> {
    let program = launch.start().unwrap();
    let list = line(&mut program.connect().unwrap(), "LRANGE list 0 -1");
    list.items().iter().map(text).collect()
}

fn first(count: usize) -> Vec<String> {
    (0..count).map(element).collect()
}

pub(crate) fn says_where(said: &str, path: &Path) -> bool {
    said.contains(path.to_str().unwrap()) && said.contains("offset ")
}

#[test]
fn whole_files_are_called_whole() {
    let files = Files::make(&WITH_LOG, |program| assert!(program.terminate().unwrap().success()));
    let (_home, launch) = files.copy(&WITH_LOG);
    let (is_sound, said) = tool("--check", &launch.dir);
    assert!(is_sound && said.contains("All files are whole."), "{said}");
    let program = launch.start().unwrap();
    assert_eq!(digest(&mut program.connect().unwrap()), files.digest);
}

#[test]
fn damage_in_the_log_is_refused_and_repaired() {
    let files = Files::make(&WITH_LOG, |program| assert!(program.terminate().unwrap().success()));
    let (_home, whole) = files.copy(&WITH_LOG);
    let length = std::fs::metadata(segment(&whole)).unwrap().len();
    let begin = [0, MARK_BYTES].map(|mark| HEADER_BYTES + LIFE_BYTES + mark);
    let bytes_from = |begin: usize| usize::try_from(length).unwrap() - begin;
    let begin = begin.into_iter().find(|begin| bytes_from(*begin) % ELEMENTS == 0);
    let begin = begin.expect("records of one length");
    let record = bytes_from(begin) / ELEMENTS;
    // Record and byte in it: length, lag, number, checksums, payload; and in the mark behind it, which ends it.
    let places = [(0, 0), (1, 4), (17, 8), (33, 16), (50, 20), (51, 30), (98, 40), (99, 0)];
    let marks = [(0, record - 1), (60, record - 24)];
    for ((number, byte), is_in_mark) in
        places.into_iter().map(|place| (place, 0)).chain(marks.into_iter().map(|place| (place, 1)))
    {
        let (_home, launch) = files.copy(&WITH_LOG);
        let path = segment(&launch);
        flip(&path, begin + number * record + byte);
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(!is_sound && says_where(&said, &path), "({number}, {byte}): {said}");
        let said = launch.refusal().unwrap_or_else(|error| panic!("({number}, {byte}): {error}"));
        assert!(says_where(&said, &path), "({number}, {byte}): {said}");
        let (is_sound, said) = tool("--repair", &launch.dir);
        assert!(is_sound && says_where(&said, &path), "({number}, {byte}): {said}");
        assert_eq!(elements(&launch), first(number + is_in_mark), "({number}, {byte}): {said}");
    }
}

#[test]
fn damage_in_the_head_of_the_log_is_refused() {
    let files = Files::make(&WITH_LOG, |program| assert!(program.terminate().unwrap().success()));
    for at in [0, 9, 13, 25, 30] {
        let (_home, launch) = files.copy(&WITH_LOG);
        let path = segment(&launch);
        flip(&path, at);
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(!is_sound && said.contains(path.to_str().unwrap()), "{at}: {said}");
        let said = launch.refusal().unwrap_or_else(|error| panic!("{at}: {error}"));
        assert!(said.contains(path.to_str().unwrap()), "{at}: {said}");
        let (is_sound, said) = tool("--repair", &launch.dir);
        assert!(is_sound, "{at}: {said}");
        assert_eq!(elements(&launch), first(0), "{at}: {said}");
    }
}

#[test]
fn a_torn_end_is_cut_and_reported() {
    let files = Files::make(&UNSYNCED, |program| {
        let mut client = program.connect().unwrap();
        wait_until("all is written", || {
            let mut record = |field| info(&mut client, field).unwrap();
            record("log_covered_record") == record("log_appended_record")
        });
        program.kill().unwrap();
    });
    let (_home, whole) = files.copy(&UNSYNCED);
    let length = std::fs::metadata(segment(&whole)).unwrap().len();
    for missing in [1, 10, 50] {
        let (_home, launch) = files.copy(&UNSYNCED);
        let path = segment(&launch);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - missing).unwrap();
        let (_, said) = tool("--check", &launch.dir);
        assert!(said.contains("a start would cut its end") && says_where(&said, &path), "{missing}: {said}");
        assert_eq!(elements(&launch), first(ELEMENTS - 1), "{missing}");
        let log = std::fs::read_to_string(launch.log()).unwrap();
        assert!(says_where(&log, &path), "{missing}: {log}");
        // It was cut for good: the next start finds nothing amiss.
        assert!(tool("--check", &launch.dir).0);
        assert_eq!(elements(&launch), first(ELEMENTS - 1), "{missing}");
        let strict = [&UNSYNCED[..], &["--aof-load-truncated", "no"]].concat();
        let (_home, launch) = files.copy(&strict);
        let path = segment(&launch);
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(length - missing).unwrap();
        let said = launch.refusal().unwrap();
        assert!(said.contains("aof-load-truncated"), "{said}");
    }
}

#[test]
fn damage_in_a_snapshot_is_refused() {
    let files = Files::make(&WITHOUT_LOG, |program| assert!(program.terminate().unwrap().success()));
    let (_home, whole) = files.copy(&WITHOUT_LOG);
    let program = whole.start().unwrap();
    assert_eq!(digest(&mut program.connect().unwrap()), files.digest);
    let length = std::fs::read(files.home.path().join("data/dump.rdb")).unwrap().len();
    for at in [0, 6, 15, 40, length / 2, length * 3 / 4, length - 20, length - 9, length - 1] {
        let (_home, launch) = files.copy(&WITHOUT_LOG);
        let path = launch.dir.join("dump.rdb");
        flip(&path, at);
        let (is_sound, said) = tool("--check", &launch.dir);
        assert!(!is_sound && says_where(&said, &path), "{at} of {length}: {said}");
        let said = launch.refusal().unwrap_or_else(|error| panic!("{at} of {length}: {error}"));
        assert!(says_where(&said, &path), "{at} of {length}: {said}");
    }
}

#[test]
fn a_snapshot_cut_short_is_refused() {
    let files = Files::make(&WITHOUT_LOG, |program| assert!(program.terminate().unwrap().success()));
    let length = std::fs::metadata(files.home.path().join("data/dump.rdb")).unwrap().len();
    for kept in [0, 5, 9, 30, length / 2, length - 9, length - 8, length - 1] {
        let (_home, launch) = files.copy(&WITHOUT_LOG);
        let path = launch.dir.join("dump.rdb");
        std::fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(kept).unwrap();
        let said = launch.refusal().unwrap_or_else(|error| panic!("{kept} of {length}: {error}"));
        assert!(says_where(&said, &path), "{kept} of {length}: {said}");
        assert!(!tool("--check", &launch.dir).0);
    }
}
