//! What carries bytes to a peer and back: a TCP connection or a unix socket.
//!
//! A transport keeps the account of its readiness. Callers ask [`Transport::can_receive`] and [`Transport::can_send`], whether it is worth
//! while to try, and not what the socket was told of. So a layer between the socket and the bytes, such as TLS, may need to write before it can
//! read, or have bytes left that the socket knows nothing of: that stays in here.
//! A transport is established when bytes of the caller's may pass; what comes before, a connection that is being made or a handshake,
//! goes on in [`Transport::establish`].

use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};

use super::Ready;

/// What is between the two ends.
#[derive(Debug)]
enum Carrier {
    Tcp(TcpStream),
    Unix(UnixStream),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Transport {
    carrier: Carrier,
    is_established: bool,
    is_readable: bool,
    is_writable: bool,
    /// The system has told of the end: there will be no further word of what there is to read.
    has_ended: bool,
}

/// What came of receiving.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Received {
    /// This many bytes.
    Bytes(usize),
    /// Nothing for now.
    Nothing,
    /// The peer has closed, or the transport is broken.
    End,
}

impl Transport {
    /// Of somebody who has connected by TCP.
    pub(super) fn tcp(stream: TcpStream) -> Self {
        Self::established(Carrier::Tcp(stream))
    }

    /// Of somebody who has connected to a unix socket.
    pub(super) fn unix(stream: UnixStream) -> Self {
        Self::established(Carrier::Unix(stream))
    }

    fn established(carrier: Carrier) -> Self {
        Self { carrier, is_established: true, is_readable: true, is_writable: true, has_ended: false }
    }

    /// Begins to connect to an address.
    ///
    /// # Errors
    /// If the system says at once that it can't be.
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let carrier = Carrier::Tcp(stream);
        Ok(Self { carrier, is_established: false, is_readable: false, is_writable: false, has_ended: false })
    }

    /// Goes on with what comes before the caller's bytes; whether that is done. If not, the poller tells when to try again.
    ///
    /// # Errors
    /// If it has failed.
    pub(super) fn establish(&mut self) -> io::Result<bool> {
        if self.is_established {
            return Ok(true);
        }
        let Carrier::Tcp(stream) = &self.carrier else { return Ok(true) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                stream.set_nodelay(true)?;
                (self.is_established, self.is_writable) = (true, true);
                Ok(true)
            }
            // The system has no word yet.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Turns Nagle's delay off and, if `keepalive_s` is not 0, keep-alive probes on.
    pub(crate) fn set_up(&self, keepalive_s: u64) -> io::Result<()> {
        let Carrier::Tcp(stream) = &self.carrier else { return Ok(()) };
        stream.set_nodelay(true)?;
        if keepalive_s == 0 {
            return Ok(());
        }
        let probe = Duration::from_secs((keepalive_s / 3).max(1));
        let keepalive = TcpKeepalive::new().with_time(Duration::from_secs(keepalive_s));
        SockRef::from(stream).set_tcp_keepalive(&keepalive.with_interval(probe).with_retries(3))
    }

    /// The file descriptor, for CLIENT LIST.
    pub(crate) fn descriptor(&self) -> i32 {
        match &self.carrier {
            Carrier::Tcp(stream) => stream.as_raw_fd(),
            Carrier::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// Whether it is a unix socket.
    pub(crate) fn is_unix(&self) -> bool {
        matches!(self.carrier, Carrier::Unix(_))
    }

    /// The socket's own address, as CLIENT LIST shows it.
    pub(crate) fn local_address(&self) -> String {
        match &self.carrier {
            Carrier::Tcp(stream) => {
                stream.local_addr().map(|address| address.to_string()).unwrap_or_default()
            }
            Carrier::Unix(stream) => stream
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| format!("{}:0", path.display())))
                .unwrap_or_default(),
        }
    }

    /// What a poller is told to watch.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        match &mut self.carrier {
            Carrier::Tcp(stream) => stream,
            Carrier::Unix(stream) => stream,
        }
    }

    /// Notes what the poller says.
    #[inline]
    pub(crate) fn note(&mut self, ready: Ready) {
        self.is_readable |= ready.is_readable;
        self.is_writable |= ready.is_writable;
        self.has_ended |= ready.has_ended;
    }

    /// There may be something that the poller has not told of yet.
    pub(crate) fn look(&mut self) {
        self.is_readable = true;
    }

    /// Whether there may be something to receive.
    #[inline]
    pub(crate) fn can_receive(&self) -> bool {
        self.is_readable
    }

    /// Whether there may be room for something to send.
    #[inline]
    pub(crate) fn can_send(&self) -> bool {
        self.is_writable
    }

    /// Receives once.
    #[inline]
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let room = buffer.len();
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => stream.read(buffer),
            Carrier::Unix(stream) => stream.read(buffer),
        };
        self.note_received(result, room)
    }

    /// Receives once, behind what is in `buffer`: as much as it has room for without growing.
    pub(crate) fn receive_behind(&mut self, buffer: &mut Vec<u8>) -> Received {
        let room = buffer.capacity() - buffer.len();
        let spare = rustix::buffer::spare_capacity(buffer);
        let result = match &self.carrier {
            Carrier::Tcp(stream) => rustix::io::read(stream, spare),
            Carrier::Unix(stream) => rustix::io::read(stream, spare),
        };
        self.note_received(result.map_err(io::Error::from), room)
    }

    #[inline]
    fn note_received(&mut self, result: io::Result<usize>, room: usize) -> Received {
        match result {
            Ok(0) => Received::End,
            Ok(count) => {
                // A short read has emptied the socket: its next bytes are a new event, unless the end is all that comes.
                self.is_readable = count == room || self.has_ended;
                Received::Bytes(count)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                self.is_readable = false;
                Received::Nothing
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::Nothing,
            Err(_) => Received::End,
        }
    }

    fn note_sent(&mut self, result: io::Result<usize>) -> io::Result<usize> {
        if let Err(error) = &result
            && error.kind() == io::ErrorKind::WouldBlock
        {
            self.is_writable = false;
        }
        result
    }
}

impl Write for Transport {
    #[inline]
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => stream.write(bytes),
            Carrier::Unix(stream) => stream.write(bytes),
        };
        self.note_sent(result)
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => stream.write_vectored(slices),
            Carrier::Unix(stream) => stream.write_vectored(slices),
        };
        self.note_sent(result)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests;
