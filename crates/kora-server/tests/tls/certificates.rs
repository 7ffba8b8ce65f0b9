//! Who may come: versions of the protocol, certificates of clients, names.

use kora_tls::rustls::ProtocolVersion;

use crate::authority::{Authority, Use, World, text};
use crate::client::bulk;
use crate::encrypted::{Encrypted, Manner, simple};

/// Whether a client that comes so is served. A server may refuse a certificate after the client's part of the handshake is done.
fn is_served(world: &World, manner: &Manner<'_>) -> bool {
    let pong = Encrypted::connect(world, manner).and_then(|mut client| client.line("PING"));
    assert!(pong.as_ref().is_ok_and(|pong| *pong == simple("PONG")) || pong.is_err(), "{pong:?}");
    pong.is_ok()
}

#[test]
fn both_versions_are_spoken_unless_one_is_ruled_out() {
    let (old, new) = ("TLSv1.2", "TLSv1.3");
    let version = |world: &World, protocols: &str| {
        let manner = Manner { protocols, ..Manner::default() };
        let mut client = Encrypted::connect(world, &manner).ok()?;
        assert_eq!(client.line("PING").unwrap(), simple("PONG"));
        client.stream.conn.protocol_version()
    };
    let world = World::start(2, &[]);
    assert_eq!(version(&world, old), Some(ProtocolVersion::TLSv1_2));
    assert_eq!(version(&world, new), Some(ProtocolVersion::TLSv1_3));
    assert_eq!(version(&world, ""), Some(ProtocolVersion::TLSv1_3));
    world.program.client().line("CONFIG SET tls-protocols TLSv1.2");
    assert_eq!((version(&world, new), version(&world, "")), (None, Some(ProtocolVersion::TLSv1_2)));
    let world = World::start(1, &["--tls-protocols", new, "--tls-session-caching", "no"]);
    assert_eq!((version(&world, old), version(&world, "")), (None, Some(ProtocolVersion::TLSv1_3)));
}

#[test]
fn clients_show_certificates_as_they_are_asked_to() {
    let world = World::start(1, &["--tls-auth-clients", "yes"]);
    let right = world.client("right", Use::Client);
    let expired = world.client("expired", Use::Expired);
    let foreign = Authority::new().make(world.folder.path(), "foreign", Use::Client);
    // One of a server that may be a client's, too.
    let server = world.server.clone();
    let identities = [Some(&right), None, Some(&expired), Some(&foreign), Some(&server)];
    let rows = [
        ("yes", [true, false, false, false, true]),
        ("optional", [true, true, false, false, true]),
        ("no", [true, true, true, true, true]),
    ];
    let mut plain = world.program.client();
    for (asked, expected) in rows {
        assert_eq!(plain.call(&["CONFIG", "SET", "tls-auth-clients", asked]), simple("OK"));
        for (at, (identity, expected)) in identities.into_iter().zip(expected).enumerate() {
            for protocols in ["TLSv1.2", "TLSv1.3"] {
                let manner = Manner { identity, protocols, ..Manner::default() };
                assert_eq!(is_served(&world, &manner), expected, "{asked}, case {at}, {protocols}");
            }
        }
    }
}

#[test]
fn a_certificate_may_say_which_user_its_client_is() {
    let world = World::start(2, &["--tls-auth-clients", "optional"]);
    let mut plain = world.program.client();
    plain.line("ACL SETUSER right on nopass ~r:* +@all");
    plain.line("ACL SETUSER gone off nopass ~* +@all");
    let (right, gone) = (world.client("right", Use::Client), world.client("gone", Use::Client));
    let unknown = world.client("unknown", Use::Client);
    let user_of = |identity| {
        let mut client = Encrypted::connect(&world, &Manner { identity, ..Manner::default() }).unwrap();
        let user = client.line("ACL WHOAMI").unwrap();
        (user, client.line("SET other 1").is_ok_and(|reply| reply == simple("OK")))
    };
    assert_eq!(user_of(Some(&right)), (bulk("default"), true));
    assert_eq!(plain.line("CONFIG SET tls-auth-clients-user CN"), simple("OK"));
    assert_eq!(user_of(Some(&right)), (bulk("right"), false));
    for other in [Some(&gone), Some(&unknown), None] {
        assert_eq!(user_of(other), (bulk("default"), true));
    }
}

#[test]
fn any_name_may_be_asked_for() {
    let world = World::start(1, &[]);
    for name in ["localhost", "elsewhere.example", "127.0.0.1"] {
        assert!(is_served(&world, &Manner { name, ..Manner::default() }), "{name}");
    }
}

#[test]
fn a_folder_of_authorities_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let others = [Authority::new(), Authority::new()];
    let certificates: Vec<_> = others
        .iter()
        .zip(["one", "two"])
        .map(|(authority, name)| {
            let files = authority.make(folder.path(), name, Use::Client);
            std::fs::remove_file(&files.certificate).unwrap();
            authority.make(folder.path(), name, Use::Client)
        })
        .collect();
    let world = World::start(1, &["--tls-auth-clients", "yes", "--tls-ca-cert-dir", text(folder.path())]);
    for identity in &certificates {
        assert!(is_served(&world, &Manner { identity: Some(identity), ..Manner::default() }));
    }
}
