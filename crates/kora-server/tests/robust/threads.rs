//! The server's threads: on which processors they run, and how seldom they wake up while nothing happens.

use std::collections::BTreeMap;
use std::time::Duration;

use kora_protocol::Frame;

use crate::client::ok;
use crate::memory::info;
use crate::server::{Program, command, start, wait_until};

/// The `/proc` lines of a process's threads by their names; those of one name one below the other.
fn threads(program: &Program) -> BTreeMap<String, String> {
    let mut found = BTreeMap::<String, String>::new();
    for task in std::fs::read_dir(format!("/proc/{}/task", program.id())).unwrap() {
        // A thread may have ended meanwhile.
        let Ok(status) = std::fs::read_to_string(task.unwrap().path().join("status")) else { continue };
        found.entry(field(&status, "Name").to_owned()).or_default().push_str(&status);
    }
    found
}

/// The values of a field, of the first thread.
fn field<'a>(status: &'a str, name: &str) -> &'a str {
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
    line.unwrap_or_else(|| panic!("no {name} in {status}")).trim()
}

#[test]
fn threads_run_on_the_processors_they_are_given() {
    let may_run = rustix::thread::sched_getaffinity(None).unwrap();
    let numbers: Vec<usize> = (0..1024).filter(|&number| may_run.is_set(number)).collect();
    let (first, last) = (numbers[0].to_string(), numbers[numbers.len() - 1].to_string());
    let options = ["--server-cpulist", &first, "--bio-cpulist", &last, "--appendonly", "yes"];
    let (program, _) = start(2, &options);
    let mut client = program.client();
    wait_until("the log is begun", || info::<u64>(&mut client, "loading") == 0);
    let threads = threads(&program);
    for (name, list) in [
        ("kora-worker-0", &first),
        ("kora-worker-1", &first),
        ("kora-reclaim", &last),
        ("kora-log", &last),
        ("kora-log-sync", &last),
    ] {
        assert_eq!(field(&threads[name], "Cpus_allowed_list"), list, "{name}");
    }
    assert_eq!(client.line("SET key value"), ok());
    let list = ["server-cpulist", &first].map(|text| Frame::Bulk(text.into()));
    assert_eq!(client.line("CONFIG GET server-cpulist"), Frame::Array(list.into()));
}

#[test]
fn no_list_of_processors_keeps_a_server_from_serving() {
    // There is no such processor: a warning, and the server serves.
    let (program, _) = start(1, &["--server-cpulist", "1023"]);
    assert_eq!(program.client().line("SET key value"), ok());
    let wrong = command(1, &["--server-cpulist", "0-"]).output().unwrap();
    assert!(!wrong.status.success());
    let text = String::from_utf8_lossy(&wrong.stderr).into_owned() + &String::from_utf8_lossy(&wrong.stdout);
    assert!(text.contains("list of processors"), "{text}");
}

/// How often all threads have gone to sleep so far.
fn sleeps(program: &Program) -> u64 {
    let counts = |status: &String| -> u64 {
        let lines = status.lines().filter_map(|line| line.strip_prefix("voluntary_ctxt_switches:"));
        lines.map(|count| count.trim().parse::<u64>().unwrap()).sum()
    };
    threads(program).values().map(counts).sum()
}

#[test]
fn an_idle_server_hardly_wakes_up() {
    let (program, _) = start(4, &["--appendonly", "yes"]);
    let mut client = program.client();
    wait_until("the log is begun", || info::<u64>(&mut client, "loading") == 0);
    assert_eq!(client.line("SET key value EX 1000"), ok());
    let time = Duration::from_secs(2);
    wait_until("fewer than 20 wake-ups a second", || {
        let before = sleeps(&program);
        std::thread::sleep(time);
        (sleeps(&program) - before) / time.as_secs() < 20
    });
    // And it is there at once.
    assert_eq!(client.line("SET key value"), ok());
}
