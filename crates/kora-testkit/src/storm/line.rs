//! A connection that never waits: what it is sent is read when it is there.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::reply::{Found, find};
use crate::differential::Rng;

/// A connection that was not answered for so long waits for something that may never be.
const AGE_MAX: Duration = Duration::from_millis(300);

/// A server that takes nothing for so long has read nothing: the connection is given up.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Why a connection is of no use any more.
pub(super) enum Fault {
    /// The server has closed it.
    Ended,
    /// What has come is no reply.
    Malformed(String),
}

/// See the module.
pub(super) struct Line {
    stream: TcpStream,
    received: Vec<u8>,
    /// When something was last sent behind which nothing has come.
    waits_since: Option<Instant>,
}

impl Line {
    /// Connects; every other one speaks RESP3.
    pub(super) fn open(address: &str, rng: &mut Rng) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(WRITE_TIMEOUT))?;
        stream.set_read_timeout(Some(Duration::from_millis(1)))?;
        let mut line = Self { stream, received: Vec::new(), waits_since: None };
        if rng.one_in(2) {
            line.send(b"HELLO 3\r\n")?;
        }
        Ok(line)
    }

    pub(super) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.waits_since.get_or_insert_with(Instant::now);
        self.stream.write_all(bytes)
    }

    /// Reads what there is, and gives each reply to `take`.
    pub(super) fn read(&mut self, mut take: impl FnMut(&[u8])) -> Result<(), Fault> {
        let mut buffer = [0; 1 << 16];
        if self.waits_since.is_none() {
            self.stream.set_nonblocking(true).map_err(|_| Fault::Ended)?;
        }
        let read = self.stream.read(&mut buffer);
        self.stream.set_nonblocking(false).map_err(|_| Fault::Ended)?;
        match read {
            Ok(0) => return Err(Fault::Ended),
            Ok(count) => self.received.extend_from_slice(&buffer[..count]),
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => {
                return Ok(());
            }
            Err(_) => return Err(Fault::Ended),
        }
        self.waits_since = None;
        let mut at = 0;
        loop {
            match find(&self.received[at..]) {
                Found::Whole(len) => {
                    take(&self.received[at..at + len]);
                    at += len;
                }
                Found::Part => break,
                Found::Malformed(what) => {
                    let shown = self.received[at..].iter().take(200).copied().collect::<Vec<_>>();
                    return Err(Fault::Malformed(format!("{what}: {}", shown.escape_ascii())));
                }
            }
        }
        self.received.drain(..at);
        Ok(())
    }

    /// Whether it has waited for a reply for too long.
    pub(super) fn is_old(&self) -> bool {
        self.waits_since.is_some_and(|since| since.elapsed() > AGE_MAX)
    }
}
