//! A panic in any thread ends the process, with a message and a status that says so, after the log has what was acknowledged.

use std::process::Stdio;

use kora_testkit::process::free_port;

use crate::client::{ok, request};
use crate::server::{Program, command};

/// What is written before the end.
const WRITES: usize = 2000;

fn start(dir: &std::path::Path, workers: &str) -> Program {
    let port = free_port().unwrap();
    let fixed = ["--workers", workers, "--enable-debug-command", "yes", "--appendonly", "yes", "--save", ""];
    let mut command = command(port, &fixed);
    let words = std::fs::OpenOptions::new().create(true).append(true).open(dir.join("words")).unwrap();
    command.arg("--dir").arg(dir.join("data")).stderr(Stdio::from(words));
    let program = Program::spawn(command, port);
    let mut client = program.client();
    crate::server::wait_until("the data are loaded", || client.line("PING").as_error().is_none());
    program
}

/// Ends the program by a panic, in a thread of that name if one is given.
fn check(workers: &str, thread: Option<&str>) {
    let dir = tempfile::tempdir().unwrap();
    std::fs::create_dir(dir.path().join("data")).unwrap();
    let mut program = start(dir.path(), workers);
    let mut client = program.client();
    for index in 0..WRITES {
        assert_eq!(client.call(&["SET", &format!("key:{index}"), "value"]), ok());
    }
    let words = [&["DEBUG", "PANIC"], thread.as_slice()].concat();
    client.send(&request(&words)).unwrap();
    assert_eq!(client.receive(), None, "there is no reply");
    assert!(!program.end().success(), "a status that says so");
    let words = std::fs::read_to_string(dir.path().join("words")).unwrap();
    let name = thread.unwrap_or("kora-worker");
    assert!(words.contains(&format!("thread {name}")) && words.contains("panicked"), "{words}");
    drop(program);
    let program = start(dir.path(), workers);
    let mut client = program.client();
    // The log's thread takes with it what it has not written, which is what it gathers for two milliseconds.
    let least = if thread == Some("kora-log") { 1 } else { WRITES };
    let kora_protocol::Frame::Integer(count) = client.line("DBSIZE") else { panic!("a number of keys") };
    assert!(usize::try_from(count).unwrap() >= least, "{count} keys of {WRITES}");
}

#[test]
fn a_panic_of_a_worker_ends_the_process() {
    ["1", "2", "4"].into_iter().for_each(|workers| check(workers, None));
}

#[test]
fn a_panic_of_any_other_thread_ends_the_process() {
    for thread in ["kora-snapshot", "kora-loader", "kora-reclaim", "kora-signals", "kora-migrate", "kora-log"]
    {
        check("1", Some(thread));
    }
    check("4", Some("kora-reclaim"));
}
