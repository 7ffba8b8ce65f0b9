//! How servers end, and how they don't begin.

use std::sync::atomic::{AtomicBool, Ordering};

use kora_protocol::Frame;
use kora_testkit::process::free_port;
use kora_testkit::subject::program_under_test;

use crate::client::{Client, ok, request};
use crate::server::{Program, command};

/// Keeps a server busy until the connection ends.
fn work(mut client: Client, is_started: &AtomicBool) {
    let pipeline: Vec<u8> = (0..100)
        .flat_map(|index| request(&["MSET", &format!("a:{index}"), "value", &format!("b:{index}"), "value"]))
        .collect();
    while client.send(&pipeline).is_ok() {
        for _ in 0..100 {
            match client.receive() {
                Some(reply) => assert_eq!(reply, ok()),
                None => return,
            }
        }
        is_started.store(true, Ordering::SeqCst);
    }
}

/// Runs `end` while eight clients keep the server busy; it must end with code 0.
fn ends_well(end: impl FnOnce(&Program)) {
    let mut program = Program::start(&["--workers", "4"]);
    let started: [AtomicBool; 8] = std::array::from_fn(|_| AtomicBool::new(false));
    std::thread::scope(|scope| {
        for is_started in &started {
            let client = program.client();
            scope.spawn(move || work(client, is_started));
        }
        crate::server::wait_until("all clients are at work", || {
            started.iter().all(|is_started| is_started.load(Ordering::SeqCst))
        });
        end(&program);
        assert_eq!(program.end().code(), Some(0));
    });
}

#[test]
fn sigterm_ends_a_busy_server_with_code_0() {
    ends_well(Program::terminate);
}

#[test]
fn shutdown_ends_a_busy_server_with_code_0() {
    ends_well(|program| {
        let mut client = program.client();
        client.send(b"SHUTDOWN NOSAVE\r\n").unwrap();
        assert_eq!(client.receive(), None, "SHUTDOWN has no reply when it succeeds");
    });
}

#[test]
fn two_servers_on_one_port() {
    let first = Program::start(&["--workers", "1"]);
    let output = command(first.address.port(), &["--workers", "1"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    let port = first.address.port();
    assert!(text.contains(&format!("port {port}")) && text.contains("in use"), "{text}");
    assert_eq!(
        first.client().line("PING"),
        Frame::Simple(b"PONG".to_vec()),
        "the first one is not disturbed"
    );
}

#[test]
fn a_wrong_option_is_named() {
    let output = command(free_port().unwrap(), &["--maxclient", "10"]).output().unwrap();
    let text = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.contains("maxclient"), "{text}");
}

#[test]
fn a_changed_configuration_takes_effect_and_lasts() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kora.conf");
    std::fs::write(&file, "# kept\nmaxclients 100\n").unwrap();
    let path = file.to_str().unwrap();
    let start = || {
        let port = free_port().unwrap();
        let mut command = std::process::Command::new(program_under_test(env!("CARGO_BIN_EXE_kora-server")));
        command.arg(path).args(["--port", &port.to_string(), "--workers", "2"]);
        Program::spawn(command, port)
    };
    let mut program = start();
    let mut client = program.client();
    assert_eq!(client.line("CONFIG SET maxclients 3 requirepass secret"), ok());
    assert_eq!(client.line("CONFIG REWRITE"), ok());
    let mut others = [program.client(), program.client()];
    let refused = program.client().receive().expect("an error");
    assert_eq!(crate::client::error_text(&refused), "ERR max number of clients reached");
    for other in &mut others {
        assert_eq!(crate::client::error_text(&other.line("GET key")), "NOAUTH Authentication required.");
    }
    program.terminate();
    assert_eq!(program.end().code(), Some(0));
    assert!(std::fs::read_to_string(&file).unwrap().starts_with("# kept\nmaxclients 3\n"));
    let program = start();
    let mut client = program.client();
    assert!(client.line("GET key").as_error().is_some(), "the password lasts");
    assert_eq!(client.line("AUTH secret"), ok());
}
