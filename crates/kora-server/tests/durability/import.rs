//! Redis's append-only files at a start: they are read, stay as they are, and what they held goes on in a log of ours.

use std::path::Path;

use crate::{digest, launch, line, text};

const WITH_LOG: [&str; 8] =
    ["--appendonly", "yes", "--appendfsync", "always", "--save", "", "--enable-debug-command", "yes"];

fn commands(lines: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for line in lines {
        let words: Vec<_> = line.split(' ').collect();
        bytes.extend_from_slice(format!("*{}\r\n", words.len()).as_bytes());
        words
            .iter()
            .for_each(|word| bytes.extend_from_slice(format!("${}\r\n{word}\r\n", word.len()).as_bytes()));
    }
    bytes
}

/// Starts on `dir`, where `file` ends in a torn command; kills; starts again.
fn check(dir: &Path, file: &Path) {
    let before = std::fs::read(file).unwrap();
    let mut program = launch(dir, &WITH_LOG).start().unwrap();
    let mut client = program.connect().unwrap();
    assert_eq!(text(&line(&mut client, "GET counter")), "2");
    assert_eq!(line(&mut client, "EXISTS one two torn gone").number(), Some(2));
    assert_eq!(line(&mut client, "LLEN list").number(), Some(3));
    line(&mut client, "SELECT 3");
    assert_eq!(text(&line(&mut client, "GET elsewhere")), "v");
    line(&mut client, "SET later v");
    let digest_before = digest(&mut client);
    program.kill().unwrap();
    assert_eq!(std::fs::read(file).unwrap(), before, "Redis's file stays as it is");
    let program = launch(dir, &WITH_LOG).start().unwrap();
    assert_eq!(digest(&mut program.connect().unwrap()), digest_before);
}

const LINES: &[&str] = &[
    "SELECT 0",
    "SET counter 1",
    "INCR counter",
    "MULTI",
    "SET one 1",
    "SET two 2",
    "EXEC",
    "RPUSH list a b c",
    "SET gone v PXAT 1000",
    "APPEND gone more",
    "DEL gone",
    "SELECT 3",
    "SET elsewhere v",
];

#[test]
fn one_file_as_before_redis_7() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    std::fs::create_dir(&dir).unwrap();
    let file = dir.join("appendonly.aof");
    let torn = b"*3\r\n$3\r\nSET\r\n$4\r\ntorn\r\n$1";
    std::fs::write(&file, [&commands(LINES)[..], torn].concat()).unwrap();
    check(&dir, &file);
}

#[test]
fn the_files_of_a_manifest() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let log_dir = dir.join("appendonlydir");
    std::fs::create_dir_all(&log_dir).unwrap();
    // The base is a file of commands, as `aof-use-rdb-preamble no` makes it.
    let (base, rest) = LINES.split_at(3);
    std::fs::write(log_dir.join("appendonly.aof.1.base.aof"), commands(base)).unwrap();
    let file = log_dir.join("appendonly.aof.1.incr.aof");
    std::fs::write(&file, [&commands(rest)[..], b"*2\r\n$4\r\nINCR"].concat()).unwrap();
    let manifest =
        "file appendonly.aof.1.base.aof seq 1 type b\nfile appendonly.aof.1.incr.aof seq 1 type i\n";
    std::fs::write(log_dir.join("appendonly.aof.manifest"), manifest).unwrap();
    check(&dir, &file);
}

#[test]
fn a_torn_end_before_the_last_file_is_damage() {
    let home = tempfile::tempdir().unwrap();
    let dir = home.path().join("data");
    let log_dir = dir.join("appendonlydir");
    std::fs::create_dir_all(&log_dir).unwrap();
    std::fs::write(log_dir.join("a.aof"), b"*2\r\n$4\r\nINCR").unwrap();
    std::fs::write(log_dir.join("b.aof"), commands(&["SET a 1"])).unwrap();
    let manifest = "file a.aof seq 1 type i\nfile b.aof seq 2 type i\n";
    std::fs::write(log_dir.join("appendonly.aof.manifest"), manifest).unwrap();
    let refusal = launch(&dir, &WITH_LOG).refusal().unwrap();
    assert!(refusal.contains("a.aof") && refusal.contains("offset 0"), "{refusal}");
}
