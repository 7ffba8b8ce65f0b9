//! Connections that the server makes: MIGRATE.

use kora_protocol::Frame;

use crate::authority::{Authority, Use, World, text};
use crate::encrypted::simple;

/// Sends a key from one to the other's port for encrypted connections.
fn migrate(from: &World, port: u16) -> Frame {
    let mut client = from.program.client();
    client.line("SET key value");
    client.call(&["MIGRATE", "127.0.0.1", &port.to_string(), "key", "0", "5000", "REPLACE"])
}

#[test]
fn keys_move_over_encrypted_connections() {
    let target = World::start(2, &["--tls-auth-clients", "yes"]);
    let source = World::start(2, &[]);
    let files = target.client("source", Use::Client);
    let mut client = source.program.client();
    let value = "v".repeat(5_000_000);
    client.call(&["SET", "large", &value]);
    // It does not encrypt, and the target does not understand it.
    let Frame::Error(_) = migrate(&source, target.tls_port) else { panic!() };
    let set = |pairs: &[&str]| source.program.client().call(&[&["CONFIG", "SET"], pairs].concat());
    let trusts = ["tls-ca-cert-file", text(&files.authority)];
    let shows = ["tls-client-cert-file", text(&files.certificate), "tls-client-key-file", text(&files.key)];
    assert_eq!(set(&[&["tls-cluster", "yes"], &trusts[..], &shows[..]].concat()), simple("OK"));
    assert_eq!(migrate(&source, target.tls_port), simple("OK"));
    let large = client.call(&["MIGRATE", "localhost", &target.tls_port.to_string(), "large", "0", "5000"]);
    assert_eq!(large, simple("OK"));
    let mut there = target.program.client();
    assert_eq!(there.line("GET key"), Frame::Bulk(b"value".to_vec()));
    assert_eq!(there.line("STRLEN large"), Frame::Integer(5_000_000));
    assert_eq!(client.line("EXISTS key large"), Frame::Integer(0));
    // What does not encrypt is not talked to in plain words.
    let Frame::Error(_) = migrate(&source, target.program.address.port()) else { panic!() };
    assert_eq!(client.line("EXISTS key"), Frame::Integer(1));
}

#[test]
fn keys_stay_where_the_other_side_is_not_trusted() {
    let target = World::start(1, &["--tls-auth-clients", "yes"]);
    let source = World::start(1, &["--tls-cluster", "yes"]);
    // Their authorities differ, so each refuses the other.
    let Frame::Error(text) = migrate(&source, target.tls_port) else { panic!() };
    assert!(text.starts_with(b"IOERR"), "{text:?}");
    let source = World::start(
        1,
        &["--tls-cluster", "yes", "--tls-ca-cert-file", crate::authority::text(&target.server.authority)],
    );
    // Now only the target refuses.
    let Frame::Error(text) = migrate(&source, target.tls_port) else { panic!() };
    assert!(text.starts_with(b"IOERR"), "{text:?}");
    assert_eq!(source.program.client().line("EXISTS key"), Frame::Integer(1));
    let _ = Authority::new();
}
