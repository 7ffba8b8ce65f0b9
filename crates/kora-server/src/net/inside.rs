//! Connections that begin in this process: the console is a client, too.

use std::io;
use std::os::unix::net::UnixStream;

use super::Transport;

/// The server's end of a new connection, and the other one, which does not wait.
///
/// # Errors
/// If the system refuses a pair of sockets.
pub(crate) fn pair() -> io::Result<(Transport, UnixStream)> {
    let (served, other) = UnixStream::pair()?;
    served.set_nonblocking(true)?;
    other.set_nonblocking(true)?;
    Ok((Transport::unix(mio::net::UnixStream::from_std(served)), other))
}
