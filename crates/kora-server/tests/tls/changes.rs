//! Certificates and ports that change while the server runs.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use kora_protocol::Frame;
use kora_testkit::process::free_port;

use crate::authority::{Authority, Use, World, text};
use crate::encrypted::{Encrypted, Manner, config, simple};
use crate::server::{Program, SetOnDrop, command, wait_until};

fn error(text: &str) -> Frame {
    Frame::Error(text.as_bytes().to_vec())
}

#[test]
fn certificates_change_under_load_and_nobody_is_lost() {
    let world = World::start(4, &[]);
    let other = Authority::new().make(world.folder.path(), "other", Use::Server);
    let (manner, is_over, count) = (Manner::default(), AtomicBool::new(false), AtomicU64::new(0));
    let mut stays = Encrypted::connect(&world, &manner).unwrap();
    thread::scope(|scope| {
        let over = SetOnDrop(&is_over);
        for _ in 0..3 {
            scope.spawn(|| {
                while !is_over.load(Ordering::SeqCst) {
                    // One of the two is in force.
                    let trusts = |files| Encrypted::with(world.tls_port, config(files, &manner), "localhost");
                    let client =
                        trusts(&world.server).or_else(|_| trusts(&other)).or_else(|_| trusts(&world.server));
                    assert_eq!(client.unwrap().line("PING").unwrap(), simple("PONG"));
                    count.fetch_add(1, Ordering::SeqCst);
                }
            });
        }
        let mut plain = world.program.client();
        for files in [&other, &world.server].repeat(10) {
            let set = [
                "CONFIG",
                "SET",
                "tls-cert-file",
                text(&files.certificate),
                "tls-key-file",
                text(&files.key),
            ];
            assert_eq!(plain.call(&set), simple("OK"));
            let before = count.load(Ordering::SeqCst);
            wait_until("others connect", || count.load(Ordering::SeqCst) > before + 3);
        }
        drop(over);
    });
    assert_eq!(stays.line("PING").unwrap(), simple("PONG"));
}

#[test]
fn what_is_wrong_changes_nothing() {
    let world = World::start(2, &[]);
    let other = Authority::new().make(world.folder.path(), "other", Use::Server);
    let mut plain = world.program.client();
    let failed = |name: &str| {
        error(&format!(
            "ERR CONFIG SET failed (possibly related to argument '{name}') - Unable to update TLS configuration. \
             Check server logs."
        ))
    };
    let set =
        |plain: &mut crate::client::Client, pairs: &[&str]| plain.call(&[&["CONFIG", "SET"], pairs].concat());
    assert_eq!(set(&mut plain, &["tls-cert-file", "/nowhere"]), failed("tls-cert-file"));
    // The key is not that of the certificate.
    assert_eq!(
        set(&mut plain, &["timeout", "77", "tls-cert-file", text(&other.certificate)]),
        failed("tls-cert-file")
    );
    assert_eq!(set(&mut plain, &["tls-key-file", text(&other.key)]), failed("tls-key-file"));
    assert_eq!(
        set(&mut plain, &["tls-auth-clients", "yes", "tls-ca-cert-file", ""]),
        failed("tls-auth-clients")
    );
    let refused = [
        ("tls-protocols", "TLSv1.1", "TLSv1.1 is not safe and not available: use TLSv1.2 or TLSv1.3"),
        ("tls-ciphers", "RC4-SHA", "unknown or unavailable cipher 'RC4-SHA'"),
        ("tls-ciphersuites", "TLS_NONE", "unknown or unavailable cipher suite 'TLS_NONE'"),
        (
            "tls-dh-params-file",
            "x",
            "key exchange in finite fields (ECDHE needs no parameters) is not available in this version of Kora",
        ),
    ];
    for (name, value, reason) in refused {
        let text = format!("ERR CONFIG SET failed (possibly related to argument '{name}') - {reason}");
        assert_eq!(set(&mut plain, &[name, value]), error(&text));
    }
    let pair = [&b"timeout"[..], b"0"].map(|word| Frame::Bulk(word.to_vec()));
    assert_eq!(plain.line("CONFIG GET timeout"), Frame::Array(pair.into()));
    assert_eq!(Encrypted::connect(&world, &Manner::default()).unwrap().line("PING").unwrap(), simple("PONG"));
    // The same names, with other contents.
    std::fs::copy(&other.certificate, &world.server.certificate).unwrap();
    std::fs::copy(&other.key, &world.server.key).unwrap();
    assert_eq!(set(&mut plain, &["tls-cert-file", text(&world.server.certificate)]), simple("OK"));
    assert!(Encrypted::connect(&world, &Manner::default()).is_err());
    let trusting = config(&other, &Manner::default());
    assert_eq!(
        Encrypted::with(world.tls_port, trusting, "localhost").unwrap().line("PING").unwrap(),
        simple("PONG")
    );
}

#[test]
fn ports_come_and_go() {
    let world = World::start(2, &[]);
    let mut plain = world.program.client();
    let mut stays = Encrypted::connect(&world, &Manner::default()).unwrap();
    let moved = free_port().unwrap();
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-port", &moved.to_string()]), simple("OK"));
    let settings = config(&world.server, &Manner::default());
    let is_there = |port: u16| {
        let client = Encrypted::with(port, settings.clone(), "localhost");
        client.is_ok_and(|mut client| client.line("PING").is_ok())
    };
    wait_until("the new port is there", || is_there(moved));
    wait_until("the old port is gone", || !is_there(world.tls_port));
    assert_eq!(stays.line("CONFIG SET tls-port 0").unwrap(), simple("OK"));
    wait_until("no port is there", || !is_there(moved));
    assert_eq!(stays.line("PING").unwrap(), simple("PONG"));
    let text = "ERR CONFIG SET failed (possibly related to argument 'tls-port') - Unable to listen on this port. \
                Check server logs.";
    let taken = world.program.address.port().to_string();
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-port", &taken]), error(text));
    assert_eq!(plain.call(&["CONFIG", "SET", "tls-port", &moved.to_string()]), simple("OK"));
    wait_until("the port is there again", || is_there(moved));
    assert_eq!(stays.line("CONFIG SET port 0").unwrap(), simple("OK"));
    assert_eq!(stays.line("PING").unwrap(), simple("PONG"));
}

#[test]
fn there_need_not_be_a_plain_port() {
    let folder = tempfile::tempdir().unwrap();
    let server = Authority::new().make(folder.path(), "server", Use::Server);
    let tls_port = free_port().unwrap();
    let mut command = command(0, &["--tls-port", &tls_port.to_string(), "--tls-auth-clients", "no"]);
    command.args(["--tls-cert-file", text(&server.certificate), "--tls-key-file", text(&server.key)]);
    let _program = Program::spawn(command, tls_port);
    let trusting = config(&server, &Manner::default());
    let mut client = Encrypted::with(tls_port, trusting, "localhost").unwrap();
    assert_eq!(client.line("PING").unwrap(), simple("PONG"));
    let Frame::Bulk(info) = client.line("INFO server").unwrap() else { panic!() };
    let info = String::from_utf8(info).unwrap();
    assert!(info.contains(&format!("tcp_port:{tls_port}\r\n")), "{info}");
    assert!(info.contains(&format!("name=tls,bind=127.0.0.1,port={tls_port}\r\n")), "{info}");
}
