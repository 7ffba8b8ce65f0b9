//! A transport's account of its readiness is never behind what the poller will not say again.

use std::net::TcpListener;

use super::super::Poller;
use super::*;

/// The two ends of a unix socket: one as a transport in a poller, and one as it is.
fn pair() -> (Poller, Transport, std::os::unix::net::UnixStream) {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    ours.set_nonblocking(true).unwrap();
    let mut transport = Transport::unix(UnixStream::from_std(ours));
    let poller = Poller::new().unwrap();
    poller.add(&mut transport, 7).unwrap();
    (poller, transport, theirs)
}

fn wait(poller: &mut Poller, transport: &mut Transport) -> usize {
    let mut ready = Vec::new();
    poller.wait(Duration::from_secs(10), &mut ready).unwrap();
    assert!(ready.iter().all(|ready| ready.token == 7));
    ready.iter().for_each(|ready| transport.note(*ready));
    ready.len()
}

#[test]
fn a_short_read_empties_the_socket_and_a_full_one_does_not() {
    let (mut poller, mut transport, mut theirs) = pair();
    let mut buffer = [0; 4];
    assert_eq!(transport.receive(&mut buffer), Received::Nothing);
    assert!(!transport.can_receive());
    theirs.write_all(b"sixsix").unwrap();
    wait(&mut poller, &mut transport);
    assert_eq!((transport.receive(&mut buffer), transport.can_receive()), (Received::Bytes(4), true));
    assert_eq!((transport.receive(&mut buffer), transport.can_receive()), (Received::Bytes(2), false));
}

#[test]
fn the_end_behind_the_bytes_is_seen_though_it_is_told_once() {
    let (mut poller, mut transport, mut theirs) = pair();
    wait(&mut poller, &mut transport);
    theirs.write_all(b"bye").unwrap();
    drop(theirs);
    wait(&mut poller, &mut transport);
    let mut buffer = [0; 16];
    assert_eq!((transport.receive(&mut buffer), transport.can_receive()), (Received::Bytes(3), true));
    assert_eq!(transport.receive(&mut buffer), Received::End);
}

#[test]
fn a_full_socket_is_no_room_until_the_poller_says_so() {
    let (mut poller, mut transport, mut theirs) = pair();
    let bytes = vec![b'x'; 1 << 16];
    let mut sent = 0;
    while transport.can_send() {
        sent += transport.write_vectored(&[IoSlice::new(&bytes), IoSlice::new(&bytes)]).unwrap_or(0);
    }
    theirs.read_exact(&mut vec![0; sent]).unwrap();
    while !transport.can_send() {
        assert!(wait(&mut poller, &mut transport) > 0, "the room that there is now was not told of");
    }
    assert_eq!(transport.write(b"more").unwrap(), 4);
}

#[test]
fn a_connection_is_established_or_has_failed() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connect = || {
        let mut poller = Poller::new().unwrap();
        let mut transport = Transport::connect(address, None).unwrap();
        assert!(!transport.is_unix());
        poller.add(&mut transport, 7).unwrap();
        loop {
            match transport.establish() {
                Ok(false) => assert!(wait(&mut poller, &mut transport) > 0),
                done => return (done.map_err(|error| error.kind()), transport.can_send()),
            }
        }
    };
    assert_eq!(connect(), (Ok(true), true));
    drop(listener);
    assert_eq!(connect().0, Err(io::ErrorKind::ConnectionRefused));
}
