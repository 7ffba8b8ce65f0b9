//! CLIENT KILL MAXAGE.

use kora_protocol::Frame;

use crate::client::{Client, error_text};
use crate::server::{start, wait_until};

#[test]
fn connections_are_closed_by_age() {
    for workers in [1, 4] {
        let (_server, address) = start(workers, &[]);
        let (mut old, mut me) = (Client::connect(address), Client::connect(address));
        assert_eq!(old.line("CLIENT KILL MAXAGE 1000"), Frame::Integer(0), "nobody is that old");
        wait_until("the first connections are a second old", || {
            let Frame::Bulk(list) = me.line("CLIENT LIST") else { panic!("the list is a text") };
            !String::from_utf8(list).unwrap().contains(" age=0 ")
        });
        let mut young = Client::connect(address);
        assert_eq!(young.line("CLIENT KILL MAXAGE 1 SKIPME yes TYPE normal"), Frame::Integer(2));
        assert_eq!((old.receive(), me.receive()), (None, None), "the old ones are closed");
        assert_eq!(young.line("PING"), Frame::Simple(b"PONG".to_vec()));
        for (line, text) in [
            ("CLIENT KILL MAXAGE x", "ERR maxage is not an integer or out of range"),
            ("CLIENT KILL MAXAGE 0", "ERR maxage should be greater than 0"),
            ("CLIENT KILL MAXAGE", "ERR No such client"),
        ] {
            assert_eq!(error_text(&young.line(line)), text, "{line}");
        }
    }
}
