//! Sessions over real sockets, cut everywhere.

use std::io::Write as _;
use std::net::TcpListener;
use std::time::Duration;

use kora_tls::rustls::crypto::aws_lc_rs::default_provider;
use kora_tls::rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use kora_tls::rustls::{ProtocolVersion, RootCertStore, SupportedProtocolVersion, version};
use rcgen::{CertificateParams, KeyPair};

use super::*;
use crate::net::{Poller, Received, Transport};

/// A server's transport, and the client at its other end: its session and its socket.
struct World {
    poller: Poller,
    transport: Transport,
    session: ClientConnection,
    socket: std::net::TcpStream,
}

fn configs(version: &'static SupportedProtocolVersion) -> (Arc<ServerConfig>, Arc<ClientConfig>) {
    let key = KeyPair::generate().unwrap();
    let certificate = CertificateParams::new(vec!["localhost".into()]).unwrap().self_signed(&key).unwrap();
    let provider = Arc::new(default_provider());
    let private = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(key.serialize_der()));
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_protocol_versions(&[version])
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], private)
        .unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.der().clone()).unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    (Arc::new(server), Arc::new(client))
}

impl World {
    fn new(version: &'static SupportedProtocolVersion) -> Self {
        let (server, client) = configs(version);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let socket = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        socket.set_nodelay(true).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        accepted.set_nonblocking(true).unwrap();
        let mut transport = Transport::tls(TcpStream::from_std(accepted), &server).unwrap();
        let poller = Poller::new().unwrap();
        poller.add(&mut transport, 7).unwrap();
        let name = ServerName::try_from("localhost").unwrap();
        let session = ClientConnection::new(client, name).unwrap();
        let mut world = Self { poller, transport, session, socket };
        world.shake_hands();
        world
    }

    fn encrypted(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        while self.session.wants_write() {
            self.session.write_tls(&mut bytes).unwrap();
        }
        bytes
    }

    fn shake_hands(&mut self) {
        while !self.transport.is_established() {
            let bytes = self.encrypted();
            self.socket.write_all(&bytes).unwrap();
            self.wait();
            self.transport.establish().unwrap();
            if self.session.is_handshaking() {
                self.session.read_tls(&mut self.socket).unwrap();
                self.session.process_new_packets().unwrap();
            }
        }
    }

    /// Waits until the poller has something to say.
    fn wait(&mut self) {
        let mut ready = Vec::new();
        self.poller.wait(Duration::from_secs(10), &mut ready).unwrap();
        ready.into_iter().for_each(|ready| self.transport.note(ready));
    }

    /// Receives until `count` bytes are there or the end is, with a buffer of `room` bytes.
    fn receive(&mut self, count: usize, room: usize) -> Vec<u8> {
        let (mut all, mut buffer) = (Vec::new(), vec![0; room]);
        while all.len() < count {
            if !self.transport.can_receive() {
                self.wait();
            }
            match self.transport.receive(&mut buffer) {
                Received::Bytes(count) => all.extend_from_slice(&buffer[..count]),
                Received::Nothing => {}
                Received::End => break,
            }
        }
        all
    }
}

#[test]
fn records_may_be_cut_anywhere() {
    for version in [&version::TLS12, &version::TLS13] {
        let mut world = World::new(version);
        let mut cut = 0;
        loop {
            for text in ["first", "the second", ""] {
                world.session.writer().write_all(text.as_bytes()).unwrap();
            }
            let bytes = world.encrypted();
            if cut > bytes.len() {
                break;
            }
            world.socket.write_all(&bytes[..cut]).unwrap();
            // Whatever is there of it is looked at by itself.
            let mut buffer = [0; 64];
            let mut all = Vec::new();
            world.transport.look();
            while let Received::Bytes(count) = world.transport.receive(&mut buffer) {
                all.extend_from_slice(&buffer[..count]);
            }
            world.socket.write_all(&bytes[cut..]).unwrap();
            all.extend(world.receive(15 - all.len(), 64));
            assert_eq!(all, b"firstthe second", "cut at {cut}");
            cut += 1;
        }
        assert!(cut > 50);
    }
}

#[test]
fn what_was_altered_is_never_received() {
    for version in [&version::TLS12, &version::TLS13] {
        let mut at = 0;
        loop {
            let mut world = World::new(version);
            world.session.writer().write_all(b"one").unwrap();
            let mut bytes = world.encrypted();
            world.session.writer().write_all(b"two").unwrap();
            let second = bytes.len();
            bytes.extend(world.encrypted());
            let Some(byte) = bytes.get_mut(at) else { break };
            *byte ^= 1 << (at % 8);
            world.socket.write_all(&bytes).unwrap();
            world.socket.shutdown(std::net::Shutdown::Write).unwrap();
            let received = world.receive(100, 64);
            // The version in a record's head is not looked at.
            let is_head = at == 1 || at == 2 || at == second + 1 || at == second + 2;
            let is_first_whole = at >= second;
            assert!(
                is_head || received == if is_first_whole { &b"one"[..] } else { b"" },
                "{at}: {received:?}"
            );
            at += 1;
        }
        assert!(at > 50);
    }
}

#[test]
fn a_caller_with_little_room_gets_all_in_the_end() {
    let mut world = World::new(&version::TLS13);
    let text: Vec<u8> = (0..200_000u32).map(|at| at.to_le_bytes()[1]).collect();
    for room in [1000, 16_385, 100_000] {
        let mut rest = &text[..];
        let mut bytes = Vec::new();
        while !rest.is_empty() {
            let count = world.session.writer().write(rest).unwrap();
            rest = &rest[count..];
            bytes.extend(world.encrypted());
        }
        let mut socket = world.socket.try_clone().unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || socket.write_all(&bytes).unwrap());
            assert!(world.receive(text.len(), room) == text, "{room}");
        });
    }
}

/// The end, and something wrong, are seen behind what came before.
#[test]
fn what_came_before_the_end_is_received() {
    for (version, is_wrong) in [(&version::TLS13, false), (&version::TLS12, false), (&version::TLS13, true)] {
        let mut world = World::new(version);
        world.session.writer().write_all(b"last words").unwrap();
        let mut bytes = world.encrypted();
        if is_wrong {
            bytes.extend([23, 3, 3, 0, 20]);
            bytes.extend([7; 20]);
        } else {
            world.session.send_close_notify();
            bytes.extend(world.encrypted());
        }
        world.socket.write_all(&bytes).unwrap();
        assert_eq!(world.receive(100, 64), b"last words");
    }
}

#[test]
fn what_the_socket_does_not_take_waits_and_is_bounded() {
    let mut world = World::new(&version::TLS13);
    assert_eq!(world.session.protocol_version(), Some(ProtocolVersion::TLSv1_3));
    let text = vec![b'x'; 1 << 20];
    let mut sent = 0;
    while world.transport.can_send() {
        match world.transport.write(&text) {
            Ok(count) => sent += count,
            Err(error) => assert_eq!(error.kind(), ErrorKind::WouldBlock),
        }
    }
    assert!(world.transport.has_unsent());
    assert!(world.transport.allocated_bytes() < 2 * UNSENT_BYTES_MAX);
    let mut socket = world.socket.try_clone().unwrap();
    let mut received = 0;
    while received < sent {
        if world.transport.has_unsent() {
            world.transport.note(crate::net::Ready {
                token: 7,
                is_readable: false,
                has_ended: false,
                is_writable: true,
            });
            world.transport.flush().unwrap();
        }
        world.session.read_tls(&mut socket).unwrap();
        world.session.process_new_packets().unwrap();
        let mut buffer = [0; 1 << 16];
        while let Ok(count) = world.session.reader().read(&mut buffer) {
            received += count;
        }
    }
    assert!(!world.transport.has_unsent() && world.transport.can_send());
}
