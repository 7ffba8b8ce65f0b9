//! The loop: waits for sockets and the service's links, and takes each a step further.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::BorrowedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::connection::{Connection, Progress};
use crate::limits::Limits;
use crate::request::Request;
use crate::response::Response;

/// Connections that are accepted in one turn.
const ACCEPTS_MAX: usize = 16;

/// Requests of one connection that are answered in one turn.
const REQUESTS_MAX: usize = 16;

/// How long nothing is accepted after that has failed, as it does when the process has no descriptors left.
const REST: Duration = Duration::from_millis(500);

/// Names a request that is answered later.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Ticket(u64);

impl Ticket {
    /// Names no request.
    pub const NOBODY: Self = Self(0);
}

/// Something of the service's that the server waits for beside its own sockets.
#[derive(Debug)]
pub struct Link<'a> {
    /// Its descriptor.
    pub descriptor: BorrowedFd<'a>,
    /// Whether it waits for something to read.
    pub reads: bool,
    /// Whether it waits for room to write.
    pub writes: bool,
}

/// What answers requests. It is called by one thread, which it must not hold up.
pub trait Service {
    /// Answers a request; none if the answer comes later, from [`Service::go_on`], under this ticket.
    fn answer(&mut self, request: &Request, ticket: Ticket) -> Option<Response>;

    /// What it waits for.
    fn links(&self) -> Vec<Link<'_>> {
        Vec::new()
    }

    /// Goes on with whatever is ready, and gives the answers that have become known. Called in every turn.
    fn go_on(&mut self, _answer: &mut dyn FnMut(Ticket, Response)) {}

    /// When it is to be called even if nothing is ready.
    fn due(&self) -> Option<Instant> {
        None
    }
}

/// Ends a server when it is dropped.
#[derive(Debug)]
pub struct Stopper(#[expect(dead_code, reason = "the server sees that it is closed")] UnixStream);

/// See the module.
#[derive(Debug)]
pub struct Server {
    listeners: Vec<TcpListener>,
    stop: UnixStream,
    limits: Limits,
    connections: BTreeMap<Ticket, Connection>,
    next: u64,
    rests_until: Option<Instant>,
    /// The service may have more to do at once.
    is_behind: bool,
}

impl Server {
    /// A server behind listeners that are open.
    ///
    /// # Errors
    /// If the system refuses a pair of sockets, or to make the listeners return at once.
    pub fn new(listeners: Vec<TcpListener>, limits: Limits) -> io::Result<(Self, Stopper)> {
        let (stop, stopper) = UnixStream::pair()?;
        listeners.iter().try_for_each(|listener| listener.set_nonblocking(true))?;
        let connections = BTreeMap::new();
        let server =
            Self { listeners, stop, limits, connections, next: 0, rests_until: None, is_behind: false };
        Ok((server, Stopper(stopper)))
    }

    /// Serves until the stopper is dropped.
    ///
    /// # Errors
    /// If the system can't wait.
    pub fn run(mut self, service: &mut impl Service) -> io::Result<()> {
        loop {
            let Some(ready) = self.wait(service)? else { return Ok(()) };
            for ticket in ready {
                self.go_on(ticket, service);
            }
            // Who has been answered may have asked for more, which the service has to hear of before this sleeps.
            self.is_behind = (0..REQUESTS_MAX).all(|_| self.take_answers(service));
            self.accept(service);
            self.expire();
        }
    }

    /// Lets the service go on, and hands out its answers; whether there were any.
    fn take_answers(&mut self, service: &mut impl Service) -> bool {
        let (connections, limits) = (&mut self.connections, &self.limits);
        let mut answered = Vec::new();
        service.go_on(&mut |ticket, response| {
            if let Some(connection) = connections.get_mut(&ticket) {
                connection.answer(&response, limits);
                answered.push(ticket);
            }
        });
        let is_any = !answered.is_empty();
        answered.into_iter().for_each(|ticket| self.go_on(ticket, service));
        is_any
    }

    /// Waits until something is ready: those connections; none if the server is to stop.
    fn wait(&self, service: &impl Service) -> io::Result<Option<Vec<Ticket>>> {
        let accepts = self.rests_until.is_none();
        let links = service.links();
        let mut watched = vec![PollFd::new(&self.stop, PollFlags::IN)];
        watched.extend(self.connections.values().map(|connection| {
            PollFd::new(&connection.stream, flags(connection.reads(), connection.writes()))
        }));
        watched.extend(self.listeners.iter().filter(|_| accepts).map(|it| PollFd::new(it, PollFlags::IN)));
        watched.extend(
            links
                .iter()
                .map(|link| PollFd::from_borrowed_fd(link.descriptor, flags(link.reads, link.writes))),
        );
        match poll(&mut watched, self.timeout(service.due()).as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(Some(Vec::new())),
            Err(error) => return Err(error.into()),
        }
        if !watched[0].revents().is_empty() {
            return Ok(None);
        }
        let events = watched[1..].iter().map(|watched| !watched.revents().is_empty());
        let ready = self.connections.iter().zip(events);
        let ready = ready.filter(|((_, connection), is_ready)| *is_ready || connection.has_request());
        Ok(Some(ready.map(|((ticket, _), _)| *ticket).collect()))
    }

    fn timeout(&self, due: Option<Instant>) -> Option<Timespec> {
        if self.is_behind || self.connections.values().any(Connection::has_request) {
            return Some(Timespec { tv_sec: 0, tv_nsec: 0 });
        }
        let deadlines = self.connections.values().map(Connection::deadline);
        let next = deadlines.chain(due).chain(self.rests_until).min()?;
        // A little later than that, so that it has passed.
        let rest = next.saturating_duration_since(Instant::now()) + Duration::from_millis(1);
        rest.try_into().ok()
    }

    /// Takes a connection as far as it goes.
    fn go_on(&mut self, ticket: Ticket, service: &mut impl Service) {
        let Some(connection) = self.connections.get_mut(&ticket) else { return };
        if !connection.reads() && !connection.writes() {
            // All that can be told of one that waits for the service is its end.
            self.connections.remove(&ticket);
            return;
        }
        for _ in 0..REQUESTS_MAX {
            match connection.go_on(&self.limits) {
                Progress::Waits => return,
                Progress::Asks(request) => match service.answer(&request, ticket) {
                    Some(response) => connection.answer(&response, &self.limits),
                    None => return,
                },
                Progress::Ended => {
                    self.connections.remove(&ticket);
                    return;
                }
            }
        }
    }

    fn accept(&mut self, service: &mut impl Service) {
        if self.rests_until.take_if(|until| *until <= Instant::now()).is_none() && self.rests_until.is_some()
        {
            return;
        }
        for _ in 0..ACCEPTS_MAX {
            let mut is_any = false;
            for at in 0..self.listeners.len() {
                match self.listeners[at].accept() {
                    Ok((stream, peer)) => {
                        is_any = true;
                        self.admit(stream, peer, service);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                    // The peer has gone already.
                    Err(error) if error.kind() == ErrorKind::ConnectionAborted => is_any = true,
                    Err(_) => {
                        self.rests_until = Some(Instant::now() + REST);
                        return;
                    }
                }
            }
            if !is_any {
                return;
            }
        }
    }

    /// Takes a new connection, if there is or can be made room for it.
    fn admit(&mut self, mut stream: TcpStream, peer: SocketAddr, service: &mut impl Service) {
        if self.connections.len() >= self.limits.connections && !self.make_room(service) {
            let busy = Response::text(503, "too many connections").encode(false, false);
            // It ends either way; the socket's buffer is empty, so this does not wait.
            let _ = stream.set_nonblocking(true).and_then(|()| stream.write(&busy).map(drop));
            return;
        }
        // One that the system gives up at once is no loss.
        if let Ok(connection) = Connection::new(stream, peer, &self.limits) {
            self.next += 1;
            self.connections.insert(Ticket(self.next), connection);
        }
    }

    /// Sends the one away that has owed a request for longest, be it idle or slow; whether there is room now.
    fn make_room(&mut self, service: &mut impl Service) -> bool {
        let owing = |server: &Self| -> Vec<_> {
            let all = server.connections.iter();
            all.filter_map(|(ticket, connection)| Some((connection.owes_since()?, *ticket))).collect()
        };
        // What they have sent may wait to be read: then they owe nothing.
        owing(self).into_iter().for_each(|(_, ticket)| self.go_on(ticket, service));
        if let Some((_, oldest)) = owing(self).into_iter().min() {
            self.connections.remove(&oldest);
        }
        self.connections.len() < self.limits.connections
    }

    /// Ends those whose time is up.
    fn expire(&mut self) {
        let now = Instant::now();
        let late = self.connections.iter().filter(|(_, connection)| connection.deadline() <= now);
        let late: Vec<_> = late.map(|(ticket, _)| *ticket).collect();
        late.into_iter().filter_map(|ticket| self.connections.remove(&ticket)).for_each(Connection::expire);
    }
}

fn flags(reads: bool, writes: bool) -> PollFlags {
    let mut flags = PollFlags::empty();
    flags.set(PollFlags::IN, reads);
    flags.set(PollFlags::OUT, writes);
    flags
}
