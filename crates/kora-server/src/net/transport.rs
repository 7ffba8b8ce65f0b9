//! What carries bytes to a peer and back: a TCP connection, encrypted or not, or a unix socket.
//!
//! A transport keeps the account of its readiness. Callers ask [`Transport::can_receive`] and [`Transport::can_send`], whether it is worth
//! while to try, and not what the socket was told of. So a layer between the socket and the bytes, such as TLS, may need to write before it can
//! read, or have bytes left that the socket knows nothing of: that stays in here.
//! A transport is established when bytes of the caller's may pass; what comes before, a connection that is being made or a handshake,
//! goes on in [`Transport::establish`].

use std::io::{self, IoSlice, Read, Write};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::time::Duration;

use kora_tls::rustls::ServerConfig;
use mio::event::Source;
use mio::net::{TcpStream, UnixStream};
use socket2::{SockRef, TcpKeepalive};

use super::Ready;
use super::tls::{Encrypted, Security, Taken};

/// What is between the two ends.
#[derive(Debug)]
enum Carrier {
    Tcp(TcpStream),
    Unix(UnixStream),
    Tls(Box<Encrypted>),
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Transport {
    carrier: Carrier,
    /// The socket is connected.
    is_connected: bool,
    is_established: bool,
    /// There are bytes on this side of the socket that can be received.
    has_more: bool,
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

    /// Of somebody who has connected by TCP, and is about to encrypt.
    ///
    /// # Errors
    /// If no session can begin.
    pub(super) fn tls(stream: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let carrier = Carrier::Tls(Box::new(Encrypted::accepted(stream, config)?));
        Ok(Self { is_established: false, ..Self::established(carrier) })
    }

    fn established(carrier: Carrier) -> Self {
        Self {
            carrier,
            is_connected: true,
            is_established: true,
            has_more: false,
            is_readable: true,
            is_writable: true,
            has_ended: false,
        }
    }

    /// Begins to connect to an address, to encrypt if `security` is given.
    ///
    /// # Errors
    /// If the system says at once that it can't be.
    pub(super) fn connect(address: SocketAddr, security: Option<Security>) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        let carrier = match security {
            Some(security) => Carrier::Tls(Box::new(Encrypted::connecting(stream, security)?)),
            None => Carrier::Tcp(stream),
        };
        Ok(Self {
            carrier,
            is_connected: false,
            is_established: false,
            has_more: false,
            is_readable: false,
            is_writable: false,
            has_ended: false,
        })
    }

    /// Whether bytes of the caller's may pass.
    #[inline]
    pub(crate) fn is_established(&self) -> bool {
        self.is_established
    }

    /// Whether it is encrypted.
    pub(crate) fn is_encrypted(&self) -> bool {
        matches!(self.carrier, Carrier::Tls(_))
    }

    /// The common name in the certificate that the other side has shown, if it has.
    pub(crate) fn peer_name(&self) -> Option<String> {
        match &self.carrier {
            Carrier::Tls(encrypted) => encrypted.peer_name(),
            Carrier::Tcp(_) | Carrier::Unix(_) => None,
        }
    }

    /// Goes on with what comes before the caller's bytes; whether that is done. If not, the poller tells when to try again, unless
    /// [`Transport::can_receive`] says that it may be tried at once.
    ///
    /// # Errors
    /// If it has failed.
    pub(crate) fn establish(&mut self) -> io::Result<bool> {
        if self.is_established {
            return Ok(true);
        }
        if !self.is_connected && !self.note_connected()? {
            return Ok(false);
        }
        let is_done = match &mut self.carrier {
            Carrier::Tls(encrypted) => {
                let (is_done, taken) = encrypted.shake_hands(self.has_ended)?;
                self.note_taken(taken);
                is_done
            }
            Carrier::Tcp(_) | Carrier::Unix(_) => true,
        };
        self.is_established = is_done;
        Ok(is_done)
    }

    /// Looks whether the socket is connected.
    fn note_connected(&mut self) -> io::Result<bool> {
        let Some(stream) = self.tcp_stream() else { return Ok(true) };
        if let Some(error) = stream.take_error()? {
            return Err(error);
        }
        match stream.peer_addr() {
            Ok(_) => {
                stream.set_nodelay(true)?;
                (self.is_connected, self.is_writable) = (true, true);
                Ok(true)
            }
            // The system has no word yet.
            Err(error) if error.kind() == io::ErrorKind::NotConnected => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn tcp_stream(&self) -> Option<&TcpStream> {
        match &self.carrier {
            Carrier::Tcp(stream) => Some(stream),
            Carrier::Tls(encrypted) => Some(encrypted.socket()),
            Carrier::Unix(_) => None,
        }
    }

    /// Turns Nagle's delay off and, if `keepalive_s` is not 0, keep-alive probes on.
    pub(crate) fn set_up(&self, keepalive_s: u64) -> io::Result<()> {
        let Some(stream) = self.tcp_stream() else { return Ok(()) };
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
            Carrier::Tls(encrypted) => encrypted.socket().as_raw_fd(),
        }
    }

    /// Whether it is a unix socket.
    pub(crate) fn is_unix(&self) -> bool {
        matches!(self.carrier, Carrier::Unix(_))
    }

    /// The socket's own address, as CLIENT LIST shows it.
    pub(crate) fn local_address(&self) -> String {
        let shown = |stream: &TcpStream| stream.local_addr().map(|address| address.to_string());
        match &self.carrier {
            Carrier::Tcp(stream) => shown(stream).unwrap_or_default(),
            Carrier::Tls(encrypted) => shown(encrypted.socket()).unwrap_or_default(),
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
            Carrier::Tls(encrypted) => encrypted.socket_mut(),
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
        self.is_readable | self.has_more
    }

    /// Whether there may be room for something to send.
    #[inline]
    pub(crate) fn can_send(&self) -> bool {
        self.is_writable
    }

    /// Whether there is something to send that the caller has given away.
    #[inline]
    pub(crate) fn has_unsent(&self) -> bool {
        match &self.carrier {
            Carrier::Tls(encrypted) => encrypted.has_unsent(),
            Carrier::Tcp(_) | Carrier::Unix(_) => false,
        }
    }

    /// Bytes allocated for it, at most.
    #[inline]
    pub(crate) fn allocated_bytes(&self) -> usize {
        match &self.carrier {
            Carrier::Tls(encrypted) => encrypted.allocated_bytes(),
            Carrier::Tcp(_) | Carrier::Unix(_) => 0,
        }
    }

    /// Receives once.
    #[inline]
    pub(crate) fn receive(&mut self, buffer: &mut [u8]) -> Received {
        let room = buffer.len();
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => stream.read(buffer),
            Carrier::Unix(stream) => stream.read(buffer),
            Carrier::Tls(encrypted) => {
                let mut at = 0;
                let put = |bytes: &[u8]| {
                    buffer[at..at + bytes.len()].copy_from_slice(bytes);
                    at += bytes.len();
                };
                let taken = encrypted.receive(self.has_ended, room, put);
                return self.note_taken(taken);
            }
        };
        self.note_received(result, room)
    }

    /// Receives once, behind what is in `buffer`: as much as it has room for without growing.
    pub(crate) fn receive_behind(&mut self, buffer: &mut Vec<u8>) -> Received {
        let room = buffer.capacity() - buffer.len();
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => rustix::io::read(stream, rustix::buffer::spare_capacity(buffer)),
            Carrier::Unix(stream) => rustix::io::read(stream, rustix::buffer::spare_capacity(buffer)),
            Carrier::Tls(encrypted) => {
                let taken = encrypted.receive(self.has_ended, room, |bytes| buffer.extend_from_slice(bytes));
                return self.note_taken(taken);
            }
        };
        self.note_received(result.map_err(io::Error::from), room)
    }

    fn note_taken(&mut self, taken: Taken) -> Received {
        self.is_readable &= !taken.is_drained;
        self.has_more = taken.has_more;
        self.note_unsent();
        match taken.count {
            0 if taken.has_ended => Received::End,
            0 => Received::Nothing,
            count => Received::Bytes(count),
        }
    }

    /// What is encrypted waits for the socket: so does whatever comes after.
    fn note_unsent(&mut self) {
        if self.has_unsent() {
            self.is_writable = false;
        }
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
        self.note_unsent();
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
            Carrier::Tls(encrypted) => encrypted.send(&[IoSlice::new(bytes)]),
        };
        self.note_sent(result)
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let result = match &mut self.carrier {
            Carrier::Tcp(stream) => stream.write_vectored(slices),
            Carrier::Unix(stream) => stream.write_vectored(slices),
            Carrier::Tls(encrypted) => encrypted.send(slices),
        };
        self.note_sent(result)
    }

    /// Sends what the caller has given away, as far as the socket takes it.
    fn flush(&mut self) -> io::Result<()> {
        if let Carrier::Tls(encrypted) = &mut self.carrier {
            encrypted.flush()?;
            self.note_unsent();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
