//! Links against real sockets, in virtual time where time matters.

use std::io::Read as _;
use std::net::{TcpListener, TcpStream};

use kora_protocol::Frame;

use super::super::link::Failure;
use super::*;
use crate::net::link::Phase;

const PATIENCE: Duration = Duration::from_secs(5);

fn remote(host: &str, port: u16) -> Remote {
    Remote { host: host.to_owned(), port, security: None }
}

/// Links with a poller of their own.
struct World {
    poller: Poller,
    links: Links,
    now: Instant,
}

impl World {
    fn new() -> Self {
        let poller = Poller::new().unwrap();
        let links = Links::new(&poller).unwrap();
        Self { poller, links, now: Instant::now() }
    }

    fn round(&mut self, timeout: Duration) {
        let mut ready = Vec::new();
        self.poller.wait(timeout.min(self.links.until_next(self.now)), &mut ready).unwrap();
        ready.into_iter().for_each(|ready| self.links.note_ready(ready, self.now));
        self.links.run(self.now);
    }

    /// Goes on until `body` finds what it looks for.
    fn until<T>(&mut self, id: LinkId, mut body: impl FnMut(&mut Link) -> Option<T>) -> T {
        for _ in 0..10_000 {
            if let Some(found) = body(self.links.get(id).unwrap()) {
                return found;
            }
            self.round(Duration::from_millis(100));
        }
        panic!("it did not come: {:?}", self.links);
    }

    fn open(&mut self, host: &str, listener: &TcpListener) -> LinkId {
        self.links.open(&remote(host, listener.local_addr().unwrap().port()), PATIENCE, self.now)
    }

    fn ask(&mut self, id: LinkId) {
        self.links.send(id, b"PING\r\n".to_vec(), 1, PATIENCE, self.now);
    }

    fn reply(&mut self, id: LinkId) -> Frame {
        self.until(id, Link::take_reply)
    }

    fn failure(&mut self, id: LinkId) -> Failure {
        self.until(id, |link| link.failure())
    }
}

fn listener() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Reads a request and answers.
fn answer(stream: &mut TcpStream) {
    let mut request = [0; 6];
    stream.read_exact(&mut request).unwrap();
    assert_eq!(&request, b"PING\r\n");
    stream.write_all(b"+PONG\r\n").unwrap();
}

#[test]
fn by_address_and_by_name() {
    let (mut world, listener) = (World::new(), listener());
    for host in ["127.0.0.1", "localhost"] {
        let id = world.open(host, &listener);
        world.ask(id);
        world.until(id, |link| (!link.is_connecting()).then_some(()));
        let (mut stream, _) = listener.accept().unwrap();
        answer(&mut stream);
        assert_eq!(world.reply(id), Frame::Simple(b"PONG".to_vec()));
        world.links.close(id);
        assert!(world.links.get(id).is_none());
        assert_eq!(stream.read(&mut [0]).unwrap(), 0, "a link that is closed has no socket");
    }
    world.links.run(world.now);
    assert!(world.links.is_empty());
}

#[test]
fn nobody_there_and_nobody_known() {
    let mut world = World::new();
    let port = listener().local_addr().unwrap().port();
    for host in ["127.0.0.1", "localhost"] {
        let id = world.links.open(&remote(host, port), PATIENCE, world.now);
        let refused =
            Failure { phase: Phase::Connecting, cause: Cause::System(io::ErrorKind::ConnectionRefused) };
        assert_eq!(world.failure(id), refused);
    }
    let id = world.links.open(&remote("no such name", port), PATIENCE, world.now);
    assert_eq!(world.failure(id).phase, Phase::Connecting);
}

#[test]
fn a_name_that_is_not_found_in_time_is_given_up() {
    let mut world = World::new();
    let id = world.links.open(&remote("127.0.0.1", 1), PATIENCE, world.now);
    // As if it were being looked up.
    let wired = world.links.of(id).unwrap();
    (wired.transport, wired.link) = (None, Link::new(PATIENCE, world.now));
    world.now += PATIENCE;
    world.links.run(world.now);
    let timed_out = Failure { phase: Phase::Connecting, cause: Cause::TimedOut };
    assert_eq!(world.failure(id), timed_out);
    world.links.found.0.send((id, Ok(vec![SocketAddr::from(([127, 0, 0, 1], 1))]))).unwrap();
    world.links.run(world.now);
    assert_eq!(world.failure(id), timed_out, "what is found later is of no use");
}

#[test]
fn who_is_silent_is_given_up_and_who_is_slow_is_not() {
    let (mut world, listener) = (World::new(), listener());
    let id = world.open("127.0.0.1", &listener);
    let size = 64 << 20;
    world.links.send(id, vec![b'x'; size], 1, PATIENCE, world.now);
    world.until(id, |link| (!link.is_connecting()).then_some(()));
    let (mut stream, _) = listener.accept().unwrap();
    let mut buffer = vec![0; 1 << 20];
    let mut count = 0;
    stream.set_read_timeout(Some(Duration::from_millis(20))).unwrap();
    while count < size {
        world.now += PATIENCE / 50;
        world.round(Duration::ZERO);
        count += stream.read(&mut buffer).unwrap_or(0);
        assert_eq!(world.links.get(id).unwrap().failure(), None);
    }
    world.until(id, |link| link.unsent().is_empty().then_some(()));
    world.now += PATIENCE;
    let silent = Failure { phase: Phase::Receiving, cause: Cause::TimedOut };
    assert_eq!(world.failure(id), silent);
}

#[test]
fn who_closes_is_heard_first() {
    let (mut world, listener) = (World::new(), listener());
    let id = world.open("127.0.0.1", &listener);
    world.until(id, |link| (!link.is_connecting()).then_some(()));
    let (mut stream, _) = listener.accept().unwrap();
    world.ask(id);
    answer(&mut stream);
    drop(stream);
    let closed = Failure { phase: Phase::Receiving, cause: Cause::Closed };
    assert_eq!(world.failure(id), closed);
    assert_eq!(world.reply(id), Frame::Simple(b"PONG".to_vec()));
}

#[test]
fn a_link_is_kept_for_whoever_asks_for_its_name() {
    let (mut world, listener) = (World::new(), listener());
    let id = world.open("127.0.0.1", &listener);
    world.ask(id);
    world.until(id, |link| (!link.is_connecting()).then_some(()));
    let (mut stream, _) = listener.accept().unwrap();
    answer(&mut stream);
    world.until(id, |link| link.take_reply());
    let now = world.now;
    world.links.keep(id, b"name".to_vec(), now);
    assert_eq!((world.links.take_kept(b"other", now), world.links.kept_count()), (None, 1));
    let again = world.links.take_kept(b"name", now);
    assert_eq!((again, world.links.kept_count()), (Some(id), 0));
    world.ask(id);
    answer(&mut stream);
    world.until(id, |link| link.take_reply());
    world.links.keep(id, b"name".to_vec(), now);
    world.now += KEPT_FOR;
    world.links.run(world.now);
    assert!(world.links.is_empty());
    assert_eq!(stream.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_link_that_is_no_good_is_not_kept() {
    let (mut world, listener) = (World::new(), listener());
    for is_closed in [true, false] {
        let id = world.open("127.0.0.1", &listener);
        world.until(id, |link| (!link.is_connecting()).then_some(()));
        let (mut stream, _) = listener.accept().unwrap();
        world.links.keep(id, b"name".to_vec(), world.now);
        assert_eq!(world.links.kept_count(), 1);
        if is_closed {
            stream.shutdown(std::net::Shutdown::Both).unwrap();
        } else {
            stream.write_all(b"+unasked\r\n").unwrap();
        }
        // The poller was not asked meanwhile.
        assert_eq!(world.links.take_kept(b"name", world.now), None);
    }
    let id = world.open("127.0.0.1", &listener);
    world.ask(id);
    world.links.keep(id, b"name".to_vec(), world.now);
    assert!(world.links.get(id).is_none(), "an answer is to come");
}

#[test]
fn few_are_kept() {
    let (mut world, listener) = (World::new(), listener());
    let mut streams = Vec::new();
    for number in 0..=KEPT_MAX {
        let id = world.open("127.0.0.1", &listener);
        world.until(id, |link| (!link.is_connecting()).then_some(()));
        streams.push(listener.accept().unwrap());
        world.now += Duration::from_millis(1);
        world.links.keep(id, number.to_string().into_bytes(), world.now);
    }
    assert_eq!(world.links.kept_count(), KEPT_MAX);
    assert_eq!(world.links.take_kept(b"0", world.now), None, "the oldest goes");
    assert!(world.links.take_kept(b"1", world.now).is_some());
}
