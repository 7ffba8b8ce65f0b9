//! One connection to a server: bytes out, replies in, and the handshake that precedes both.
//!
//! I/O blocks. A connection of the interactive mode is given a flag that Ctrl-C sets; it then waits in short steps and
//! gives up with [`io::ErrorKind::Interrupted`] once the flag is up.

mod endpoint;
mod stream;
mod tls;

use std::io::{self, Read, Write};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use kora_protocol::{Decoder, Frame, encode_request};

pub(crate) use endpoint::{Endpoint, Family, Login, Profile, Protocol};
pub(crate) use stream::Stream;
pub(crate) use tls::Security;

/// Bytes asked of the system at once.
const READ_BYTES: usize = 64 * 1024;

/// How often a waiting connection looks whether it was interrupted.
const INTERRUPT_POLL: Duration = Duration::from_millis(100);

/// A connection whose handshake is done.
#[derive(Debug)]
pub(crate) struct Connection {
    stream: Stream,
    decoder: Decoder,
    buffer: Vec<u8>,
    interrupt: Option<Arc<AtomicBool>>,
}

/// What came of the handshake's steps that a user should know about.
#[derive(Debug, Default)]
pub(crate) struct Handshake {
    /// Steps that the server refused, as lines for the user.
    pub(crate) warnings: Vec<String>,
    /// Whether RESP3 was agreed on.
    pub(crate) resp3: bool,
    /// Whether the database asked for was selected.
    pub(crate) selected: bool,
}

impl Connection {
    /// Connects, logs in, selects the database and agrees on the protocol.
    ///
    /// # Errors
    /// If the connection fails; a step that the server refuses is a warning only.
    pub(crate) fn open(
        profile: &Profile,
        interrupt: Option<Arc<AtomicBool>>,
    ) -> io::Result<(Self, Handshake)> {
        let stream = Stream::connect(profile)?;
        if interrupt.is_some() {
            stream.set_read_timeout(Some(INTERRUPT_POLL))?;
        }
        let mut connection = Self { stream, decoder: Decoder::new(), buffer: Vec::new(), interrupt };
        let handshake = connection.shake_hands(profile)?;
        Ok((connection, handshake))
    }

    fn shake_hands(&mut self, profile: &Profile) -> io::Result<Handshake> {
        let mut handshake = Handshake { selected: true, ..Handshake::default() };
        if let Some(login) = &profile.login {
            let reply = self.request(&login.command())?;
            if let Some(error) = reply.as_error() {
                handshake.warnings.push(format!("AUTH failed: {}", String::from_utf8_lossy(error)));
            }
        }
        if profile.db != 0 {
            let reply = self.request(&["SELECT", &profile.db.to_string()])?;
            if let Some(error) = reply.as_error() {
                handshake.selected = false;
                let error = String::from_utf8_lossy(error);
                handshake.warnings.push(format!("SELECT {} failed: {error}", profile.db));
            }
        }
        if matches!(profile.protocol, Protocol::Resp3 | Protocol::Resp3IfKnown) {
            let reply = self.request(&["HELLO", "3"])?;
            handshake.resp3 = reply.as_error().is_none();
            if let Some(error) = reply.as_error()
                && profile.protocol == Protocol::Resp3
            {
                handshake.warnings.push(format!("HELLO 3 failed: {}", String::from_utf8_lossy(error)));
            }
        }
        Ok(handshake)
    }

    /// Sends one request.
    ///
    /// # Errors
    /// If the connection is broken.
    pub(crate) fn send<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<()> {
        let mut request = Vec::new();
        encode_request(&mut request, args);
        self.stream.write_all(&request)
    }

    /// Sends several requests at once.
    ///
    /// # Errors
    /// If the connection is broken.
    pub(crate) fn send_all<A: AsRef<[u8]>>(&mut self, requests: &[Vec<A>]) -> io::Result<()> {
        let mut bytes = Vec::new();
        for request in requests {
            encode_request(&mut bytes, request);
        }
        self.stream.write_all(&bytes)
    }

    /// The next reply or push message.
    ///
    /// # Errors
    /// If the connection is broken, the bytes are no reply, or waiting was interrupted.
    pub(crate) fn receive(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.received()? {
                return Ok(frame);
            }
            self.fill()?;
        }
    }

    /// Sends one request and returns its reply; push messages that come in between are dropped.
    ///
    /// # Errors
    /// As [`Self::send`] and [`Self::receive`].
    pub(crate) fn request<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Frame> {
        self.send(args)?;
        self.reply()
    }

    /// The next reply that is no push message.
    ///
    /// # Errors
    /// As [`Self::receive`].
    pub(crate) fn reply(&mut self) -> io::Result<Frame> {
        loop {
            let frame = self.receive()?;
            if !matches!(frame.bare(), Frame::Push(_)) {
                return Ok(frame);
            }
        }
    }

    /// The next reply or push message, if its bytes are here already.
    ///
    /// # Errors
    /// If the bytes are none.
    pub(crate) fn received(&mut self) -> io::Result<Option<Frame>> {
        self.decoder.next_frame().map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))
    }

    /// Whether the user wants to wait no longer.
    pub(crate) fn is_interrupted(&self) -> bool {
        self.interrupt.as_ref().is_some_and(|interrupt| interrupt.load(Ordering::Relaxed))
    }

    /// The socket, to wait on.
    pub(crate) fn stream(&self) -> &Stream {
        &self.stream
    }

    /// Reads some bytes into the decoder.
    ///
    /// # Errors
    /// If the connection is broken, or waiting was interrupted.
    pub(crate) fn fill(&mut self) -> io::Result<()> {
        self.buffer.resize(READ_BYTES, 0);
        loop {
            if self.is_interrupted() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            match self.stream.read(&mut self.buffer) {
                Ok(0) => {
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "Server closed the connection"));
                }
                Ok(len) => {
                    let received = self.buffer.get(..len).expect("no more is read than was asked for");
                    self.decoder.feed(received);
                    return Ok(());
                }
                Err(error) if self.may_wait_on(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Whether `error` only says that a step of waiting is over.
    fn may_wait_on(&self, error: &io::Error) -> bool {
        match error.kind() {
            io::ErrorKind::Interrupted => true,
            io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => self.interrupt.is_some(),
            _ => false,
        }
    }

    /// Whether the server has closed the connection while it was idle.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        self.stream.is_closed_by_peer()
    }

    /// The bare stream, for who does without request and reply. Nothing may be left unread.
    pub(crate) fn into_stream(self) -> Stream {
        self.stream
    }
}

/// What the library of the system puts before why a name has no address.
const LOOKUP: &str = "failed to lookup address information: ";

/// The message of an I/O error without the system's number for it.
pub(crate) fn reason(error: &io::Error) -> String {
    let text = error.to_string();
    let text = text.strip_prefix(LOOKUP).unwrap_or(&text);
    text.split_once(" (os error").map_or(text, |(text, _)| text).to_owned()
}
