//! Commands that clients call by other names, and settings that are kept from them.

use kora_protocol::Frame;
use kora_testkit::process::free_port;

use crate::client::{bulk, error_text, ok};
use crate::server::{Program, command, wait_until};

const RENAMES: [&str; 9] = [
    "--rename-command",
    "FLUSHALL",
    "",
    "--rename-command",
    "config",
    "b840fc02d524045429941cc15f59e41cb7be6c52b840fc02d524045429941cc15f59e41cb7be6c52",
    "--rename-command",
    "SET",
    "put",
];

#[test]
fn clients_know_renamed_commands_by_their_new_names() {
    for workers in ["1", "4"] {
        let program = Program::start(&[&["--workers", workers], &RENAMES[..]].concat());
        let mut client = program.client();
        let unknown = "ERR unknown command 'FLUSHALL', with args beginning with: ";
        assert_eq!(error_text(&client.line("FLUSHALL")), unknown);
        assert_eq!(client.line("Put key 1"), ok());
        assert!(error_text(&client.line("SET key 2")).starts_with("ERR unknown command 'SET'"));
        let name = RENAMES[5];
        assert_eq!(
            client.line(&format!("{name} GET port")),
            Frame::Array(vec![bulk("port"), bulk(program.address.port().to_string())])
        );
        let shown = name.to_ascii_uppercase();
        assert_eq!(
            error_text(&client.line(&format!("{name} NOSUCH"))),
            format!("ERR unknown subcommand 'NOSUCH'. Try {shown} HELP.")
        );
        let Frame::Array(lines) = client.line(&format!("{name} help")) else { panic!() };
        let first = format!("{shown} <subcommand> [<arg> [value] [opt] ...]. Subcommands are:");
        assert_eq!(lines[0], Frame::Simple(first.into_bytes()));
        // Scripts and transactions call what clients do.
        assert_eq!(client.call(&["EVAL", "return redis.call('put', KEYS[1], 3)", "1", "key"]), ok());
        assert!(
            error_text(&client.call(&["EVAL", "return redis.call('set', KEYS[1], 3)", "1", "key"]))
                .contains("Unknown")
        );
        assert_eq!(client.line("MULTI"), ok());
        assert_eq!(client.line("put key 4"), Frame::Simple("QUEUED".into()));
        assert_eq!(client.line("EXEC"), Frame::Array(vec![ok()]));
        assert_eq!(client.line("COMMAND INFO set"), Frame::Array(vec![Frame::Null]));
    }
}

#[test]
fn what_is_recorded_does_not_depend_on_names() {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let options = ["--workers", "2", "--dir", dir, "--appendonly", "yes", "--appendfsync", "always"];
    let program = Program::start(&[&options[..], &RENAMES[..]].concat());
    let mut client = program.client();
    wait_until("the data are loaded", || client.line("put key value") == ok());
    drop(program);
    let program = Program::start(&options);
    let mut client = program.client();
    wait_until("the data are loaded", || client.line("GET key") == bulk("value"));
}

#[test]
fn renames_that_can_not_be_end_the_start() {
    for (words, reason) in [
        (&["NOSUCH", "x"][..], "No such command in rename-command"),
        (&["GET", "SET"], "Target command name already exists"),
        (&["GET"], "wrong number of arguments"),
    ] {
        let options = [&["--rename-command"][..], words].concat();
        let ended = command(free_port().unwrap(), &options).output().unwrap();
        let said = [ended.stdout, ended.stderr].concat();
        assert!(!ended.status.success(), "{words:?}");
        assert!(String::from_utf8_lossy(&said).contains(reason), "{}", String::from_utf8_lossy(&said));
    }
}

#[test]
fn protected_settings_are_for_whom_they_are_enabled() {
    let refused =
        "ERR CONFIG SET failed (possibly related to argument 'dbfilename') - can't set protected config";
    let program = Program::start(&[]);
    assert_eq!(error_text(&program.client().line("CONFIG SET dbfilename other.rdb")), refused);
    for who in ["local", "yes"] {
        let folder = tempfile::tempdir().unwrap();
        let dir = folder.path().to_str().unwrap();
        let program = Program::start(&["--enable-protected-configs", who, "--dir", dir]);
        let mut client = program.client();
        assert_eq!(client.line("CONFIG SET dbfilename other.rdb"), ok());
        assert_eq!(client.line("SET key value"), ok());
        assert_eq!(client.line("SAVE"), ok());
        assert!(folder.path().join("other.rdb").exists());
        let refused = "ERR CONFIG SET failed (possibly related to argument 'dir') - it can't change while the server runs";
        assert_eq!(error_text(&client.line("CONFIG SET dir /")), refused);
    }
}
