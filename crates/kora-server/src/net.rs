//! Sockets and readiness: the one module that names mio.
//!
//! Readiness is edge-triggered: a connection is told once that it can be read, and must read until a short read or
//! `WouldBlock` before it may expect to be told again. One telling may be of bytes and of the end behind them: then a
//! short read is not the last one.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use kora_core::shard::hub::Wake;
use mio::{Events, Interest, Poll, Token, Waker};
use socket2::{Domain, Protocol, SockAddr, SockRef, Socket, TcpKeepalive, Type};

/// Events taken from the system at once.
const EVENTS_MAX: usize = 1024;

/// Token of the waker; connections and listeners have smaller ones.
const WAKE_TOKEN: Token = Token(usize::MAX);

/// One worker's view of readiness.
#[derive(Debug)]
pub(crate) struct Poller {
    poll: Poll,
    events: Events,
}

/// A socket that became ready.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ready {
    /// The token it was registered with.
    pub(crate) token: usize,
    /// There may be something to read, an end of stream or an error included.
    pub(crate) is_readable: bool,
    /// What there is to read has an end, or the socket is broken: it will not be told again.
    pub(crate) has_ended: bool,
    /// There may be room to write.
    pub(crate) is_writable: bool,
}

/// Makes one poller's present or next wait return.
#[derive(Clone, Debug)]
pub(crate) struct PollWaker(Arc<Waker>);

impl Wake for PollWaker {
    fn wake(&self) {
        // The only errors are of a poller that is gone, whose worker needs no waking.
        let _ = self.0.wake();
    }
}

impl Poller {
    pub(crate) fn new() -> io::Result<Self> {
        Ok(Self { poll: Poll::new()?, events: Events::with_capacity(EVENTS_MAX) })
    }

    pub(crate) fn waker(&self) -> io::Result<PollWaker> {
        Ok(PollWaker(Arc::new(Waker::new(self.poll.registry(), WAKE_TOKEN)?)))
    }

    /// Waits until something is ready, a waker is used, or `timeout` has passed.
    pub(crate) fn wait(&mut self, timeout: Duration, ready: &mut Vec<Ready>) -> io::Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        ready.extend(self.events.iter().filter(|event| event.token() != WAKE_TOKEN).map(|event| Ready {
            token: event.token().0,
            is_readable: event.is_readable() || event.is_read_closed() || event.is_error(),
            has_ended: event.is_read_closed() || event.is_error(),
            is_writable: event.is_writable() || event.is_write_closed(),
        }));
        Ok(())
    }

    pub(crate) fn add_stream(&self, stream: &mut Stream, token: usize) -> io::Result<()> {
        let interest = Interest::READABLE | Interest::WRITABLE;
        match stream {
            Stream::Tcp(stream) => self.poll.registry().register(stream, Token(token), interest),
            Stream::Unix(stream) => self.poll.registry().register(stream, Token(token), interest),
        }
    }

    pub(crate) fn add_listener(&self, listener: &mut Listener, token: usize) -> io::Result<()> {
        match listener {
            Listener::Tcp(listener) => {
                self.poll.registry().register(listener, Token(token), Interest::READABLE)
            }
            Listener::Unix(listener, _) => {
                self.poll.registry().register(listener, Token(token), Interest::READABLE)
            }
        }
    }

    pub(crate) fn remove_listener(&self, listener: &mut Listener) -> io::Result<()> {
        match listener {
            Listener::Tcp(listener) => self.poll.registry().deregister(listener),
            Listener::Unix(listener, _) => self.poll.registry().deregister(listener),
        }
    }
}

/// A connection's socket.
#[derive(Debug)]
pub(crate) enum Stream {
    Tcp(mio::net::TcpStream),
    Unix(mio::net::UnixStream),
}

impl Stream {
    /// Turns Nagle's delay off and, if `keepalive_s` is not 0, keep-alive probes on.
    pub(crate) fn set_up(&self, keepalive_s: u64) -> io::Result<()> {
        let Self::Tcp(stream) = self else { return Ok(()) };
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
        use std::os::fd::AsRawFd;
        match self {
            Self::Tcp(stream) => stream.as_raw_fd(),
            Self::Unix(stream) => stream.as_raw_fd(),
        }
    }

    /// The socket's own address, as CLIENT LIST shows it.
    pub(crate) fn local_address(&self) -> String {
        match self {
            Self::Tcp(stream) => stream.local_addr().map(|address| address.to_string()).unwrap_or_default(),
            Self::Unix(stream) => stream
                .local_addr()
                .ok()
                .and_then(|address| address.as_pathname().map(|path| format!("{}:0", path.display())))
                .unwrap_or_default(),
        }
    }
}

impl Read for Stream {
    #[inline]
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.read(buf),
            Self::Unix(stream) => stream.read(buf),
        }
    }
}

impl Write for Stream {
    #[inline]
    fn write(&mut self, buf: &[u8]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write(buf),
            Self::Unix(stream) => stream.write(buf),
        }
    }

    #[inline]
    fn write_vectored(&mut self, slices: &[io::IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Tcp(stream) => stream.write_vectored(slices),
            Self::Unix(stream) => stream.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Address as CLIENT LIST shows it.
    pub(crate) address: String,
    /// Whether it is on this machine, for protected mode.
    pub(crate) is_local: bool,
}

/// A socket that accepts connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(mio::net::TcpListener),
    /// The path is removed when the listener is dropped.
    Unix(mio::net::UnixListener, SocketPath),
}

/// A unix socket's path, removed on drop.
#[derive(Debug)]
pub(crate) struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl Listener {
    /// The addresses that `host` (a name, an address or `*`) stands for.
    pub(crate) fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
        Ok(match host {
            "*" => vec![SocketAddr::from(([0, 0, 0, 0], port))],
            "::*" => vec![SocketAddr::from(([0u16; 8], port))],
            host => (host, port).to_socket_addrs()?.collect(),
        })
    }

    /// Listens on an address.
    pub(crate) fn tcp(address: SocketAddr, backlog: i32) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        if address.is_ipv6() {
            socket.set_only_v6(true)?;
        }
        socket.set_reuse_address(true)?;
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(backlog)?;
        Ok(Self::Tcp(mio::net::TcpListener::from_std(socket.into())))
    }

    /// Listens on a unix socket at `path`, with file mode `mode` unless that is 0. A file that is there is replaced.
    ///
    /// The socket has its mode before it takes connections.
    pub(crate) fn unix(path: &Path, mode: u32, backlog: i32) -> io::Result<Self> {
        use std::os::unix::fs::PermissionsExt;
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let socket = Socket::new(Domain::UNIX, Type::STREAM, None)?;
        socket.set_nonblocking(true)?;
        socket.bind(&SockAddr::unix(path)?)?;
        let path = SocketPath(path.to_owned());
        if mode != 0 {
            std::fs::set_permissions(&path.0, std::fs::Permissions::from_mode(mode))?;
        }
        socket.listen(backlog)?;
        Ok(Self::Unix(mio::net::UnixListener::from_std(socket.into()), path))
    }

    /// The TCP address it listens on.
    pub(crate) fn local_address(&self) -> Option<SocketAddr> {
        match self {
            Self::Tcp(listener) => listener.local_addr().ok(),
            Self::Unix(..) => None,
        }
    }

    /// The next connection that waits, if one does.
    pub(crate) fn accept(&self) -> io::Result<Option<(Stream, Peer)>> {
        let accepted = match self {
            Self::Tcp(listener) => listener.accept().map(|(stream, peer)| {
                let is_local = peer.ip().to_canonical().is_loopback();
                (Stream::Tcp(stream), Peer { address: peer.to_string(), is_local })
            }),
            Self::Unix(listener, path) => listener.accept().map(|(stream, _)| {
                let address = format!("{}:0", path.0.display());
                (Stream::Unix(stream), Peer { address, is_local: true })
            }),
        };
        match accepted {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
