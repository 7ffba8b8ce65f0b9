//! What a start says, and when: scripts wait for these lines.

use kora_testkit::target::Connection as _;
use rustix::process::Signal;

use crate::{launch, line, text, wait_until};

const READY: &str = "Ready to accept connections tcp";

fn log_of(home: &tempfile::TempDir) -> String {
    std::fs::read_to_string(home.path().join("log")).unwrap_or_default()
}

fn position(log: &str, what: &str) -> usize {
    log.find(what).unwrap_or_else(|| panic!("no '{what}' in:\n{log}"))
}

#[test]
fn a_server_is_ready_once_its_data_are_loaded() {
    for (workers, with_log) in [("1", "yes"), ("4", "yes"), ("4", "no")] {
        let home = tempfile::tempdir().unwrap();
        let (file, socket) = (home.path().join("log"), home.path().join("socket"));
        let options = [
            "--workers",
            workers,
            "--appendonly",
            with_log,
            "--save",
            "3600 1",
            "--logfile",
            file.to_str().unwrap(),
            "--unixsocket",
            socket.to_str().unwrap(),
        ];
        let launch = launch(&home.path().join("data"), &options);
        let mut program = launch.start().unwrap();
        line(&mut program.connect().unwrap(), "SET key value");
        assert!(program.terminate().unwrap().success());
        wait_until("the log is written", || log_of(&home).contains(", bye"));
        std::fs::write(&file, "").unwrap();
        let program = launch.start().unwrap();
        assert_eq!(line(&mut program.connect().unwrap(), "EXISTS key").number(), Some(1));
        wait_until("it says that it is ready", || log_of(&home).contains("Ready to accept connections unix"));
        let log = log_of(&home);
        let loaded =
            if with_log == "yes" { "DB loaded from append only file: " } else { "DB loaded from disk: " };
        let order =
            ["Listening on 127.0.0.1:", "Listening on /", loaded, READY].map(|what| position(&log, what));
        assert!(order[0].max(order[1]) < order[3] && order[2] < order[3], "{log}");
    }
}

#[test]
fn a_server_that_cannot_load_its_data_is_never_ready_and_says_why_at_last() {
    for workers in ["1", "4"] {
        for has_file in [false, true] {
            let home = tempfile::tempdir().unwrap();
            let file = home.path().join("log");
            let mut options = vec!["--workers", workers, "--save", "3600 1"];
            if has_file {
                options.extend(["--logfile", file.to_str().unwrap()]);
            }
            let launch = launch(&home.path().join("data"), &options);
            std::fs::create_dir(&launch.dir).unwrap();
            std::fs::write(launch.dir.join("dump.rdb"), b"REDIS0011 and nothing that makes sense").unwrap();
            let said = launch.refusal().unwrap();
            for said in [Some(said), has_file.then(|| log_of(&home))].into_iter().flatten() {
                assert!(!said.contains("Ready to accept"), "{said}");
                let last = said.lines().last().unwrap_or_default();
                assert!(last.contains("can't load the data") && last.contains("dump.rdb"), "{said}");
            }
        }
    }
}

/// Until then nothing on disk counts: whoever ended it would lose everything.
#[test]
fn a_server_whose_log_is_being_begun_does_not_end_without_it() {
    const KEYS: i64 = 3000;
    for (workers, by_signal) in [("1", false), ("4", false), ("4", true)] {
        let home = tempfile::tempdir().unwrap();
        let data = home.path().join("data");
        let begun = launch(&data, &["--workers", workers, "--appendonly", "no", "--save", ""]);
        let mut program = begun.start().unwrap();
        let mut client = program.connect().unwrap();
        for number in 0..KEYS {
            line(&mut client, &format!("SET key:{number} value"));
        }
        assert_eq!(text(&line(&mut client, "CONFIG SET appendonly yes")), "OK");
        wait_until("it ends", || {
            if by_signal {
                program.signal(Signal::TERM).unwrap();
            } else if let Ok(refusal) = client.call(&["SHUTDOWN"])
                && refusal.is_error()
            {
                assert!(text(&refusal).starts_with("ERR Errors trying to SHUTDOWN"), "{refusal}");
            }
            !program.is_running().unwrap()
        });
        assert_eq!(program.wait().unwrap().code(), Some(0));
        let again = launch(&data, &["--workers", workers, "--appendonly", "yes", "--save", ""]);
        let program = again.start().unwrap();
        assert_eq!(line(&mut program.connect().unwrap(), "DBSIZE").number(), Some(KEYS));
    }
}

#[test]
fn a_server_whose_log_has_no_end_says_so_by_its_status() {
    for workers in ["1", "4"] {
        let home = tempfile::tempdir().unwrap();
        let options = ["--workers", workers, "--appendonly", "yes", "--save", ""];
        let launch = launch(&home.path().join("data"), &options);
        let mut program = launch.start().unwrap();
        line(&mut program.connect().unwrap(), "SET key value");
        let (dir, away) = (launch.dir.join("appendonlydir"), launch.dir.join("away"));
        std::fs::rename(&dir, &away).unwrap();
        assert_eq!(program.terminate().unwrap().code(), Some(1));
        assert!(
            program.last_words().contains("the end of the log was not written"),
            "{}",
            program.last_words()
        );
        std::fs::rename(&away, &dir).unwrap();
        let program = launch.start().unwrap();
        assert_eq!(line(&mut program.connect().unwrap(), "EXISTS key").number(), Some(1));
    }
}
