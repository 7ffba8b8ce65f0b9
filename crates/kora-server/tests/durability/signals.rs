//! What signals do to a server, as to Redis 8.0: none that programs which rotate logs send ends it, and those that ask for its
//! end get it once the last snapshot is there.

use std::path::Path;

use kora_testkit::durability::program::{Launch, Program};
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use rustix::process::Signal;

use crate::trouble::{Device, Home};
use crate::{launch, line, text, wait_until};

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default()
}

/// A directory for a server with a log file beside its data.
fn place(workers: &str, save: &str) -> (tempfile::TempDir, Launch, std::path::PathBuf) {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("server.log");
    let options = [
        "--workers",
        workers,
        "--save",
        save,
        "--logfile",
        file.to_str().unwrap(),
        "--enable-debug-command",
        "yes",
    ];
    let launch = launch(&home.path().join("data"), &options);
    (home, launch, file)
}

fn wait_for_line(file: &Path, what: &str) {
    wait_until(what, || read(file).contains(what));
}

#[test]
fn signals_that_are_no_end_leave_it_serving() {
    for workers in ["1", "4"] {
        let (_home, launch, file) = place(workers, "3600 1");
        let mut program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "SET key value")), "OK");
        let signals = [
            (Signal::HUP, "SIGHUP"),
            (Signal::USR1, "SIGUSR1"),
            (Signal::USR2, "SIGUSR2"),
            (Signal::ALARM, "SIGALRM"),
        ];
        for (signal, name) in signals {
            program.signal(signal).unwrap();
            wait_for_line(&file, &format!("Received {name}"));
            assert_eq!(text(&line(&mut client, "GET key")), "value", "{name}");
        }
        program.signal(Signal::PIPE).unwrap();
        program.signal(Signal::HUP).unwrap();
        wait_until("both signals were met", || read(&file).matches("Received SIGHUP").count() == 2);
        assert!(program.is_running().unwrap());
        assert!(program.terminate().unwrap().success());
        assert!(launch.dir.join("dump.rdb").exists(), "SIGTERM saves");
    }
}

#[test]
fn a_log_that_was_rotated_goes_on_in_a_new_file() {
    for workers in ["1", "4"] {
        let (home, launch, file) = place(workers, "");
        let program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        let moved = home.path().join("server.log.1");
        // With a signal, as logrotate's `postrotate` has it.
        for signal in [Signal::HUP, Signal::USR1] {
            std::fs::rename(&file, &moved).unwrap();
            let before = read(&moved);
            program.signal(signal).unwrap();
            wait_for_line(&file, "Received SIG");
            assert_eq!(read(&moved), before, "nothing more goes into the old file");
        }
        // With nothing: the next line is in the new file.
        std::fs::rename(&file, &moved).unwrap();
        line(&mut client, "DEBUG LOG rotated");
        wait_for_line(&file, "DEBUG LOG: rotated");
        assert!(!read(&moved).contains("rotated"));
        // Removed, and truncated in place, as `copytruncate` has it.
        std::fs::remove_file(&file).unwrap();
        line(&mut client, "DEBUG LOG removed");
        wait_for_line(&file, "DEBUG LOG: removed");
        std::fs::write(&file, "").unwrap();
        line(&mut client, "DEBUG LOG truncated");
        wait_for_line(&file, "DEBUG LOG: truncated");
        assert!(!read(&file).contains('\0'), "{}", read(&file));
    }
}

#[test]
fn a_server_whose_last_snapshot_fails_goes_on_and_can_still_be_ended() {
    for workers in ["1", "4"] {
        let (home, launch, file) = place(workers, "3600 1");
        let mut program = launch.start().unwrap();
        let mut client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "SET key value")), "OK");
        let away = home.path().join("away");
        std::fs::rename(&launch.dir, &away).unwrap();
        program.signal(Signal::TERM).unwrap();
        wait_for_line(&file, "the server does not end");
        assert_eq!(text(&line(&mut client, "GET key")), "value");
        let refusal = line(&mut client, "SHUTDOWN");
        assert!(text(&refusal).starts_with("ERR Errors trying to SHUTDOWN"), "{refusal}");
        std::fs::rename(&away, &launch.dir).unwrap();
        assert_eq!(program.terminate().unwrap().code(), Some(0));
        assert!(launch.dir.join("dump.rdb").exists());
    }
}

#[test]
fn shutdown_ends_a_server_whose_log_cannot_be_written() {
    for (workers, command) in [("1", "SHUTDOWN"), ("4", "SHUTDOWN NOSAVE")] {
        let home = Home::new();
        let device = Device::new(&home);
        let options = ["--appendonly", "yes", "--save", "", "--workers", workers];
        let mut program = device.launch(&home, &options).start().unwrap();
        let mut client = program.connect().unwrap();
        assert_eq!(text(&line(&mut client, "SET key value")), "OK");
        device.fail("write", 28);
        wait_until("writes are refused", || line(&mut client, "SET key value").is_error());
        let words: Vec<&str> = command.split(' ').collect();
        let reply = client.call(&words);
        assert!(matches!(reply, Err(_) | Ok(Frame::Closed)), "{reply:?}");
        assert_eq!(program.wait().unwrap().code(), Some(1), "what was not written is told of");
    }
}

#[test]
fn save_is_taken_while_the_log_is_rewritten() {
    for workers in ["1", "4"] {
        let home = Home::new();
        let mut options = vec!["--appendonly", "yes", "--save", "", "--workers", workers];
        options.extend(["--enable-debug-command", "yes"]);
        let program = home.launch(&options).start().unwrap();
        let mut client = program.connect().unwrap();
        line(&mut client, "DEBUG POPULATE 20000 key 1000");
        let begun = line(&mut client, "BGREWRITEAOF");
        let saved = line(&mut client, "SAVE");
        assert_eq!(text(&begun), "Background append only file rewriting started");
        assert_eq!(text(&saved), "OK");
        assert!(home.dir().join("dump.rdb").exists());
        assert!(home.files().iter().any(|name| name.starts_with("base-")), "{:?}", home.files());
    }
}

/// A script that never ends keeps the server from saving.
fn hold(program: &Program) -> std::thread::JoinHandle<()> {
    let mut client = program.connect().unwrap();
    std::thread::spawn(move || drop(client.call(&["EVAL", "while true do end", "0"])))
}

#[test]
fn a_second_sigint_ends_a_server_that_is_not_done_saving_and_a_second_sigterm_does_not() {
    for workers in ["1", "4"] {
        let (_home, launch, file) = place(workers, "3600 1");
        let mut program = launch.start().unwrap();
        let script = hold(&program);
        wait_until("the script is busy", || {
            program
                .connect()
                .unwrap()
                .call(&["GET", "key"])
                .is_ok_and(|reply| text(&reply).starts_with("BUSY"))
        });
        program.signal(Signal::TERM).unwrap();
        wait_for_line(&file, "Received SIGTERM");
        program.signal(Signal::TERM).unwrap();
        wait_until("both signals were met", || read(&file).matches("Received SIGTERM").count() == 2);
        assert!(program.is_running().unwrap());
        program.signal(Signal::INT).unwrap();
        assert_eq!(program.wait().unwrap().code(), Some(1));
        assert!(read(&file).lines().last().unwrap().contains("You insist"), "{}", read(&file));
        script.join().unwrap();
    }
}
