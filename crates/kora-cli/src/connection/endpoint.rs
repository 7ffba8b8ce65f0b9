//! Where to connect and as whom: what a connection needs to be made, and made again after it broke.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use super::Security;

/// Address of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Endpoint {
    /// Host and port.
    Tcp {
        /// Name or address.
        host: String,
        /// Port.
        port: u16,
    },
    /// Path of a socket.
    Unix(PathBuf),
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp { host, port } if host.contains(':') => write!(f, "[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "{host}:{port}"),
            Self::Unix(path) => write!(f, "{}", path.display()),
        }
    }
}

/// The addresses of a host that are tried first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Family {
    /// Those of IPv4.
    V4,
    /// Those of IPv6.
    V6,
}

impl Family {
    /// Whether `address` is one of these.
    pub(super) fn is_of(self, address: &SocketAddr) -> bool {
        address.is_ipv4() == (self == Self::V4)
    }
}

/// A user's credentials. `Debug` does not show the password.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Login {
    /// User; the default one if absent.
    pub(crate) user: Option<Vec<u8>>,
    /// Password.
    pub(crate) password: Vec<u8>,
}

impl Login {
    /// The command that logs in.
    pub(crate) fn command(&self) -> Vec<&[u8]> {
        let mut command = vec![&b"AUTH"[..]];
        command.extend(self.user.as_deref());
        command.push(&self.password);
        command
    }
}

impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Login").finish_non_exhaustive()
    }
}

/// Version of the protocol to ask for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Protocol {
    /// What the server starts with.
    Resp2,
    /// RESP3, and say so if the server does not know it.
    Resp3,
    /// RESP3 if the server knows it.
    Resp3IfKnown,
}

/// All that a handshake needs.
#[derive(Debug, Clone)]
pub(crate) struct Profile {
    /// Address.
    pub(crate) endpoint: Endpoint,
    /// Which of its addresses to try first.
    pub(crate) family: Option<Family>,
    /// How to encrypt, if that is wanted.
    pub(crate) security: Option<Security>,
    /// How long to wait for the connection; zero leaves it to the system.
    pub(crate) connect_timeout: Duration,
    /// Credentials.
    pub(crate) login: Option<Login>,
    /// Database.
    pub(crate) db: u32,
    /// Protocol.
    pub(crate) protocol: Protocol,
}
