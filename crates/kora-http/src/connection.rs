//! One connection: what it has sent, what it is sent, and until when.

use std::io::{self, ErrorKind, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use crate::limits::Limits;
use crate::request::{Request, parse};
use crate::response::Response;

/// Bytes that are read at once.
const READ_BYTES: usize = 16 << 10;

/// For how long what a peer still sends is read and dropped behind the last answer, so that the answer is not lost with it.
const LINGER: Duration = Duration::from_secs(1);

#[derive(Debug)]
enum State {
    /// A request is to come, or is coming.
    Reading,
    /// The service thinks about one.
    Waiting { is_head: bool, keeps_alive: bool },
    /// The answer is on its way.
    Writing { bytes: Vec<u8>, at: usize, keeps_alive: bool },
    /// All was sent, and the peer has been told that no more comes.
    Lingering,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Connection {
    pub(crate) stream: TcpStream,
    peer: SocketAddr,
    /// Which of the server's addresses it came to.
    local: Option<SocketAddr>,
    state: State,
    input: Vec<u8>,
    /// There are bytes in `input` that were not looked at.
    has_news: bool,
    deadline: Instant,
    /// When it began to wait for a request.
    since: Instant,
}

/// What came of going on.
#[derive(Debug)]
pub(crate) enum Progress {
    /// Nothing to do before the socket is ready, or the service has answered.
    Waits,
    /// A request has arrived.
    Asks(Request),
    /// The connection has ended.
    Ended,
}

impl Connection {
    pub(crate) fn new(stream: TcpStream, peer: SocketAddr, limits: &Limits) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        stream.set_nodelay(true)?;
        let since = Instant::now();
        let local = stream.local_addr().ok();
        let (state, deadline) = (State::Reading, since + limits.request_time);
        Ok(Self { stream, peer, local, state, input: Vec::new(), has_news: false, deadline, since })
    }

    /// Whether it waits for something to read.
    pub(crate) fn reads(&self) -> bool {
        matches!(self.state, State::Reading | State::Lingering)
    }

    /// Whether it waits for room to write.
    pub(crate) fn writes(&self) -> bool {
        matches!(self.state, State::Writing { .. })
    }

    /// Since when its next request is awaited, of which a part may have come; none if it is here.
    pub(crate) fn owes_since(&self) -> Option<Instant> {
        (matches!(self.state, State::Reading) && !self.has_news).then_some(self.since)
    }

    /// Whether bytes have been read that may be another request.
    pub(crate) fn has_request(&self) -> bool {
        matches!(self.state, State::Reading) && self.has_news
    }

    /// When it ends if nothing happens.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// Its time is up: who owes the rest of a request is told so, if that can be done without waiting.
    pub(crate) fn expire(mut self) {
        if matches!(self.state, State::Reading) && !self.input.is_empty() {
            let late = Response::text(408, "the request did not arrive in time").encode(false, false);
            // It ends either way.
            let _ = self.stream.write(&late);
        }
    }

    /// Takes the service's answer.
    pub(crate) fn answer(&mut self, response: &Response, limits: &Limits) {
        if let State::Waiting { is_head, keeps_alive } = self.state {
            self.send(response, is_head, keeps_alive, limits);
        }
    }

    fn send(&mut self, response: &Response, is_head: bool, keeps_alive: bool, limits: &Limits) {
        let bytes = response.encode(is_head, keeps_alive);
        self.state = State::Writing { bytes, at: 0, keeps_alive };
        self.deadline = Instant::now() + limits.answer_time;
    }

    /// Goes on as far as possible without waiting, up to the next request.
    pub(crate) fn go_on(&mut self, limits: &Limits) -> Progress {
        loop {
            let result = match &self.state {
                State::Reading => match self.read(limits) {
                    Ok(Some(request)) => return Progress::Asks(request),
                    result => result.map(|_| matches!(self.state, State::Writing { .. })),
                },
                State::Waiting { .. } => Ok(false),
                State::Writing { .. } => self.write(limits),
                State::Lingering => self.linger(),
            };
            match result {
                Ok(true) => {}
                Ok(false) => return Progress::Waits,
                Err(_) => return Progress::Ended,
            }
        }
    }

    /// Reads once, and looks for a request; none if it is not whole, or was answered here.
    fn read(&mut self, limits: &Limits) -> io::Result<Option<Request>> {
        if !self.has_news {
            let was_idle = self.input.is_empty();
            let mut buffer = [0; READ_BYTES];
            match self.stream.read(&mut buffer) {
                Ok(0) => return Err(ErrorKind::UnexpectedEof.into()),
                Ok(count) => self.input.extend_from_slice(&buffer[..count]),
                Err(error) if is_for_later(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
            if was_idle {
                self.deadline = Instant::now() + limits.request_time;
            }
        }
        self.has_news = false;
        match parse(&self.input, self.peer, limits) {
            Ok(None) => Ok(None),
            Ok(Some((mut request, length))) => {
                request.local = self.local;
                self.input.drain(..length);
                self.has_news = !self.input.is_empty();
                let (is_head, keeps_alive) = (request.method == "HEAD", request.keeps_alive);
                self.state = State::Waiting { is_head, keeps_alive };
                self.deadline = Instant::now() + limits.thinking_time;
                Ok(Some(request))
            }
            Err(refusal) => {
                self.send(&Response::text(refusal.status, refusal.reason), false, false, limits);
                Ok(None)
            }
        }
    }

    /// Writes once; whether there is more to do at once.
    fn write(&mut self, limits: &Limits) -> io::Result<bool> {
        let State::Writing { bytes, at, keeps_alive } = &mut self.state else { return Ok(false) };
        match self.stream.write(&bytes[*at..]) {
            Ok(count) => *at += count,
            Err(error) if is_for_later(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        if *at < bytes.len() {
            return Ok(true);
        }
        if *keeps_alive {
            self.state = State::Reading;
            let time = if self.input.is_empty() { limits.idle_time } else { limits.request_time };
            self.since = Instant::now();
            self.deadline = self.since + time;
        } else {
            self.stream.shutdown(Shutdown::Write)?;
            self.state = State::Lingering;
            self.deadline = Instant::now() + LINGER;
        }
        Ok(true)
    }

    fn linger(&mut self) -> io::Result<bool> {
        let mut buffer = [0; READ_BYTES];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(ErrorKind::UnexpectedEof.into()),
            // One read a turn: who sends without end gets no more of this thread.
            Ok(_) => Ok(false),
            Err(error) if is_for_later(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }
}

fn is_for_later(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
