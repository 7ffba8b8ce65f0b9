//! Where the program listens, and what it says where it can't.

use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::process::{Command, Output, Stdio};

use kora_protocol::Frame;
use kora_testkit::process::free_port;

use crate::client::{bulk, error_text, ok};
use crate::server::{Program, command, wait_until};

/// Runs the program to its end.
fn run(args: &[&str]) -> Output {
    let program = command(0, &[]).get_program().to_owned();
    Command::new(program).args(args).stdin(Stdio::null()).output().unwrap()
}

fn failure(args: &[&str]) -> String {
    let output = run(args);
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr).unwrap()
}

#[test]
fn a_server_that_would_listen_nowhere_does_not_start() {
    let nowhere = "configured to listen nowhere";
    assert!(failure(&["--port", "0"]).contains(nowhere));
    let port = free_port().unwrap().to_string();
    assert!(failure(&["--port", &port, "--bind", ""]).contains(nowhere));
}

#[test]
fn addresses_are_checked_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("kora.conf");
    let check = |text: &str| {
        std::fs::write(&file, text).unwrap();
        run(&["--check-config", file.to_str().unwrap()])
    };
    assert!(check("bind 127.0.0.1 -192.0.2.1\n").status.success());
    assert!(check("bind \"127.0.0.1 -::1\"\n").status.success());
    for wrong in ["bind 192.0.2.1\n", "bind 300.0.0.1\n", "port 0\n"] {
        assert!(!check(wrong).status.success(), "{wrong}");
    }
    let socket = folder.path().join("no").join("socket");
    let path = socket.to_str().unwrap();
    let error = failure(&["--port", "0", "--unixsocket", path]);
    assert!(error.contains("can't listen on the unix socket") && error.contains(path), "{error}");
}

#[test]
fn the_place_of_the_log_is_checked_with_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let (file, dir) = (folder.path().join("kora.conf"), folder.path().display());
    let check = |text: String| {
        std::fs::write(&file, text).unwrap();
        run(&["--check-config", file.to_str().unwrap()])
    };
    std::fs::write(folder.path().join("old.log"), "a line\n").unwrap();
    for right in [String::new(), format!("dir {dir}\nlogfile new.log\n"), format!("logfile {dir}/old.log\n")]
    {
        let output = check(right.clone());
        assert!(output.status.success(), "{right}: {output:?}");
    }
    for wrong in ["no/such/folder.log", "", "old.log/under"] {
        let output = check(format!("dir {dir}\nlogfile \"{dir}/{wrong}\"\n"));
        let error = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && error.contains("can't write the log to"), "{wrong}: {error}");
    }
    let left: Vec<_> =
        std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left.len(), 2, "nothing is made: {left:?}");
}

#[test]
fn words_may_come_as_one_argument() {
    let program = Program::start(&[
        "--bind",
        "127.0.0.1 -::1",
        "--client-output-buffer-limit",
        "normal 0 0 0",
        "--save",
        "900 1 60 1000",
    ]);
    let mut client = program.client();
    assert_eq!(client.line("CONFIG GET bind"), Frame::Array(vec![bulk("bind"), bulk("127.0.0.1 -::1")]));
    assert_eq!(client.line("CONFIG GET save"), Frame::Array(vec![bulk("save"), bulk("900 1 60 1000")]));
}

#[test]
fn a_unix_socket_takes_the_place_of_a_file_and_has_its_mode() {
    let folder = tempfile::tempdir().unwrap();
    let socket = folder.path().join("socket");
    std::fs::write(&socket, "left over").unwrap();
    let path = socket.to_str().unwrap();
    let port = free_port().unwrap();
    let program = Program::spawn(command(port, &["--unixsocket", path, "--unixsocketperm", "700"]), port);
    wait_until("the socket takes connections", || UnixStream::connect(&socket).is_ok());
    assert_eq!(std::fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o700);
    drop(program);
}

#[test]
fn the_working_directory_is_shown_whole() {
    let folder = tempfile::tempdir().unwrap();
    let port = free_port().unwrap();
    let mut started = command(port, &[]);
    started.current_dir(folder.path());
    let program = Program::spawn(started, port);
    let shown = folder.path().canonicalize().unwrap();
    let expected = Frame::Array(vec![bulk("dir"), bulk(shown.to_str().unwrap())]);
    assert_eq!(program.client().line("CONFIG GET dir"), expected);
}

#[test]
fn addresses_that_stay_are_kept_when_others_change() {
    for workers in ["1", "4"] {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("socket");
        let program = Program::start(&["--workers", workers, "--unixsocket", socket.to_str().unwrap()]);
        let mut client = program.client();
        let other = std::net::SocketAddr::from(([127, 0, 0, 2], program.address.port()));
        assert_eq!(client.call(&["CONFIG", "SET", "bind", "127.0.0.1 127.0.0.2"]), ok());
        wait_until("it listens on the other, too", || std::net::TcpStream::connect(other).is_ok());
        let refused = client.call(&["CONFIG", "SET", "bind", "127.0.0.1 192.0.2.1"]);
        let text = "ERR CONFIG SET failed (possibly related to argument 'bind') - Failed to bind to specified addresses.";
        assert_eq!(error_text(&refused), text);
        assert_eq!(client.call(&["CONFIG", "SET", "bind", "127.0.0.1"]), ok());
        wait_until("it listens on the other no more", || std::net::TcpStream::connect(other).is_err());
        assert_eq!(program.client().line("ECHO here"), bulk("here"));
        assert!(UnixStream::connect(&socket).is_ok());
    }
}
