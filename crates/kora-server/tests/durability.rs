//! What survives the end of the program, full disks and damage to its files.
//!
//! `cargo xtask durability kill` runs the first part for as long as one likes.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

#[path = "durability/damage.rs"]
mod damage;
#[path = "durability/device.rs"]
mod device;
#[path = "durability/disk.rs"]
mod disk;
#[path = "durability/documents.rs"]
mod documents;
#[path = "durability/ending.rs"]
mod ending;
#[path = "durability/full.rs"]
mod full;
#[path = "durability/halves.rs"]
mod halves;
#[path = "durability/import.rs"]
mod import;
#[path = "durability/indexes.rs"]
mod indexes;
#[path = "durability/json.rs"]
mod json;
#[path = "durability/many.rs"]
mod many;
#[path = "durability/marks.rs"]
mod marks;
#[path = "durability/search.rs"]
mod search;
#[path = "durability/service.rs"]
mod service;
#[path = "durability/signals.rs"]
mod signals;
#[path = "durability/slow.rs"]
mod slow;
#[path = "durability/starting.rs"]
mod starting;
#[path = "durability/switching.rs"]
mod switching;
#[path = "durability/trouble.rs"]
mod trouble;
#[path = "durability/waitaof.rs"]
mod waitaof;

use std::path::Path;
use std::time::{Duration, Instant};

use kora_testkit::durability::program::Launch;
use kora_testkit::frame::Frame;
use kora_testkit::subject::program_under_test;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

/// The program under test.
fn program() -> &'static Path {
    program_under_test(env!("CARGO_BIN_EXE_kora-server"))
}

/// What is to happen by itself happens within this time, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// Waits until something is so.
fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The program on `dir`.
fn launch(dir: &Path, options: &[&str]) -> Launch {
    Launch::new(program(), dir, options)
}

/// Sends a command in words.
fn line(connection: &mut TcpConnection, words: &str) -> Frame {
    connection.call(&words.split(' ').collect::<Vec<_>>()).unwrap()
}

/// What a server says of all its data.
fn digest(connection: &mut TcpConnection) -> String {
    let reply = line(connection, "DEBUG DIGEST");
    assert!(!reply.is_error(), "{reply}");
    String::from_utf8_lossy(reply.bytes()).into_owned()
}

fn text(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.bytes()).into_owned()
}
