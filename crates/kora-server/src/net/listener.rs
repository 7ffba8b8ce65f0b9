//! Sockets that accept connections.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use kora_tls::rustls::ServerConfig;
use mio::event::Source;
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::Transport;

/// Who is at the other end.
#[derive(Clone, Debug)]
pub(crate) struct Peer {
    /// Address as CLIENT LIST shows it.
    pub(crate) address: String,
    /// The server's address that it came to, where that is not the connection's own.
    pub(crate) local_address: Option<String>,
    /// Whether it is on this machine, for protected mode.
    pub(crate) is_local: bool,
}

/// A socket that accepts connections.
#[derive(Debug)]
pub(crate) enum Listener {
    Tcp(mio::net::TcpListener),
    /// Whose connections are encrypted.
    Tls(mio::net::TcpListener),
    /// The path is removed when the listener is dropped.
    Unix(mio::net::UnixListener, SocketPath),
}

/// A TCP address that is listened on, and in what way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) address: SocketAddr,
    pub(crate) is_encrypted: bool,
}

/// A unix socket's path, removed on drop.
#[derive(Debug)]
pub(crate) struct SocketPath(PathBuf);

impl Drop for SocketPath {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

/// A socket that listens at an address, without waiting.
pub(super) fn listen(address: SocketAddr, mark: u32, backlog: i32) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    if address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    if mark != 0 {
        // Connections that are accepted have it too.
        socket.set_mark(mark)?;
    }
    socket.bind(&address.into())?;
    socket.listen(backlog)?;
    Ok(socket)
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

    /// Listens at a place. The system marks packets of its connections with `mark`, unless that is 0.
    pub(crate) fn tcp(Place { address, is_encrypted }: Place, mark: u32, backlog: i32) -> io::Result<Self> {
        let listener = mio::net::TcpListener::from_std(listen(address, mark, backlog)?.into());
        Ok(if is_encrypted { Self::Tls(listener) } else { Self::Tcp(listener) })
    }

    /// Listens on a unix socket at `path`, with file mode `mode` unless that is 0, which belongs to `group` if there is one. A file that
    /// is there is replaced.
    ///
    /// The socket has its mode and its group before it takes connections.
    pub(crate) fn unix(path: &Path, (mode, group): (u32, Option<u32>), backlog: i32) -> io::Result<Self> {
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
        if group.is_some() {
            std::os::unix::fs::chown(&path.0, None, group)?;
        }
        socket.listen(backlog)?;
        Ok(Self::Unix(mio::net::UnixListener::from_std(socket.into()), path))
    }

    /// What a poller is told to watch.
    pub(super) fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Tcp(listener) | Self::Tls(listener) => listener,
            Self::Unix(listener, _) => listener,
        }
    }

    /// Where it listens, if that is a TCP address.
    pub(crate) fn place(&self) -> Option<Place> {
        let (listener, is_encrypted) = match self {
            Self::Tcp(listener) => (listener, false),
            Self::Tls(listener) => (listener, true),
            Self::Unix(..) => return None,
        };
        listener.local_addr().ok().map(|address| Place { address, is_encrypted })
    }

    /// The next connection that waits, if one does. Encrypted ones begin with `tls`, which must be there while there are such listeners.
    pub(crate) fn accept(&self, tls: Option<&Arc<ServerConfig>>) -> io::Result<Option<(Transport, Peer)>> {
        let tcp_peer = |peer: SocketAddr| Peer {
            address: peer.to_string(),
            local_address: None,
            is_local: peer.ip().to_canonical().is_loopback(),
        };
        let accepted = match self {
            Self::Tcp(listener) => {
                listener.accept().map(|(stream, peer)| (Transport::tcp(stream), tcp_peer(peer)))
            }
            Self::Tls(listener) => listener.accept().and_then(|(stream, peer)| {
                let config = tls.ok_or_else(|| io::Error::other("encryption is not configured"))?;
                Ok((Transport::tls(stream, config)?, tcp_peer(peer)))
            }),
            Self::Unix(listener, path) => listener.accept().map(|(stream, _)| {
                let address = format!("{}:0", path.0.display());
                (Transport::unix(stream), Peer { address, local_address: None, is_local: true })
            }),
        };
        match accepted {
            Ok(accepted) => Ok(Some(accepted)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(None),
            Err(error) => Err(error),
        }
    }
}
