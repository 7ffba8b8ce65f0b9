//! A TCP connection, encrypted or not, or a Unix socket.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use rustix::net::RecvFlags;

use super::endpoint::Family;
use super::tls::TlsStream;
use super::{Endpoint, Profile};

/// A connected socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// Over TCP.
    Tcp(TcpStream),
    /// Over TCP, encrypted.
    Tls(Arc<TlsStream>),
    /// Over a Unix socket.
    Unix(UnixStream),
}

impl Stream {
    /// Connects, and encrypts if `profile` says how; a zero timeout leaves it to the system how long to try.
    ///
    /// # Errors
    /// If no address of the endpoint takes the connection, or the server is not who it should be.
    pub(crate) fn connect(profile: &Profile) -> io::Result<Self> {
        let timeout = profile.connect_timeout;
        match &profile.endpoint {
            Endpoint::Unix(path) => UnixStream::connect(path).map(Self::Unix),
            Endpoint::Tcp { host, port } => {
                let stream = connect_tcp(host, *port, profile.family, timeout)?;
                stream.set_nodelay(true)?;
                let Some(security) = &profile.security else { return Ok(Self::Tcp(stream)) };
                TlsStream::connect(stream, security, timeout).map(|stream| Self::Tls(Arc::new(stream)))
            }
        }
    }

    /// Another handle of the same socket.
    ///
    /// # Errors
    /// If the process may open no more files.
    pub(crate) fn try_clone(&self) -> io::Result<Self> {
        match self {
            Self::Tcp(stream) => stream.try_clone().map(Self::Tcp),
            Self::Unix(stream) => stream.try_clone().map(Self::Unix),
            Self::Tls(stream) => Ok(Self::Tls(Arc::clone(stream))),
        }
    }

    /// Limits how long a read waits.
    ///
    /// # Errors
    /// If the system refuses.
    pub(crate) fn set_read_timeout(&self, timeout: Option<Duration>) -> io::Result<()> {
        match self {
            Self::Tcp(stream) => stream.set_read_timeout(timeout),
            Self::Unix(stream) => stream.set_read_timeout(timeout),
            Self::Tls(stream) => stream.socket().set_read_timeout(timeout),
        }
    }

    /// Ends both directions, which wakes whoever reads or writes another handle.
    pub(crate) fn shut_down(&self) {
        // A failure means that the peer was faster.
        let _ = match self {
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
            Self::Unix(stream) => stream.shutdown(Shutdown::Both),
            Self::Tls(stream) => stream.socket().shutdown(Shutdown::Both),
        };
    }

    /// Whether the other side has closed: nothing is left to read, and nothing will come.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        if let Self::Tls(stream) = self {
            return stream.is_closed_by_peer();
        }
        let mut byte = [0u8; 1];
        match rustix::net::recv(self, &mut byte, RecvFlags::PEEK | RecvFlags::DONTWAIT) {
            Ok((_, len)) => len == 0,
            Err(error) => error != rustix::io::Errno::AGAIN && error != rustix::io::Errno::INTR,
        }
    }
}

fn connect_tcp(host: &str, port: u16, family: Option<Family>, timeout: Duration) -> io::Result<TcpStream> {
    let mut addresses: Vec<SocketAddr> = (host, port).to_socket_addrs()?.collect();
    addresses.sort_by_key(|address| family.is_some_and(|family| !family.is_of(address)));
    let mut last = io::Error::new(io::ErrorKind::NotFound, "no address for this host");
    for address in addresses {
        let connected = match timeout.is_zero() {
            true => TcpStream::connect(address),
            false => TcpStream::connect_timeout(&address, timeout),
        };
        match connected {
            Ok(stream) => return Ok(stream),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Self::Tcp(stream) => stream.as_fd(),
            Self::Unix(stream) => stream.as_fd(),
            Self::Tls(stream) => stream.socket().as_fd(),
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buffer),
            Self::Unix(stream) => stream.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

impl Write for Stream {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(bytes),
            Self::Unix(stream) => stream.write(bytes),
            Self::Tls(stream) => stream.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
