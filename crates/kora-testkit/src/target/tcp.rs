//! A server behind a TCP address: Redis, Valkey or Kora.

use std::io::{self, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpStream, ToSocketAddrs as _};
use std::time::{Duration, Instant};

use super::{Connection, Resp, Target};
use crate::frame::Frame;
use crate::process::connect;

/// How long is waited at most for a server to notice that connections are closed: others may have some of their own.
const SETTLING_MAX: Duration = Duration::from_secs(5);

/// No reply of any step takes longer, on however busy a machine.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// A server behind a TCP address.
#[derive(Clone, Debug)]
pub struct TcpTarget {
    address: SocketAddr,
}

impl TcpTarget {
    /// The server at `address`, such as `127.0.0.1:6379`.
    ///
    /// # Errors
    /// When that is no address.
    pub fn new(address: &str) -> io::Result<Self> {
        let address = address.to_socket_addrs()?.next();
        Ok(Self { address: address.ok_or_else(|| io::Error::other("a name without an address"))? })
    }

    /// A new connection in RESP2.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open(&self) -> io::Result<TcpConnection> {
        self.open_with(REPLY_TIMEOUT)
    }

    /// A new connection in RESP2 on which a reply that takes longer than `patience` is an error.
    ///
    /// # Errors
    /// When nobody listens.
    pub fn open_with(&self, patience: Duration) -> io::Result<TcpConnection> {
        let stream = connect(self.address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(patience))?;
        stream.set_write_timeout(Some(patience))?;
        Ok(TcpConnection { input: BufReader::with_capacity(1 << 16, stream) })
    }
}

impl Target for TcpTarget {
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>> {
        let mut connection = self.open()?;
        if resp == Resp::V3 {
            let hello = connection.call(&["HELLO", "3"])?;
            // Where a password is wanted first, the transcript itself says HELLO.
            if hello.is_error() && !hello.bytes().starts_with(b"NOAUTH ") {
                return Err(io::Error::other(format!("HELLO 3 was refused: {hello}")));
            }
        }
        Ok(Box::new(connection))
    }

    fn settle(&mut self) {
        let Ok(mut connection) = self.open() else { return };
        let begun = Instant::now();
        while begun.elapsed() < SETTLING_MAX {
            // Who is not let in, or not answered, can't know.
            match connection.call(&["INFO", "clients"]) {
                Ok(reply) if !reply.is_error() && !is_lone(reply.bytes()) => {}
                _ => return,
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

/// Whether INFO says that its own client is the only one.
fn is_lone(info: &[u8]) -> bool {
    String::from_utf8_lossy(info).lines().any(|line| line.trim_end() == "connected_clients:1")
}

/// A connection over TCP.
#[derive(Debug)]
pub struct TcpConnection {
    input: BufReader<TcpStream>,
}

impl Connection for TcpConnection {
    fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.input.get_mut().write_all(bytes)
    }

    fn receive(&mut self) -> io::Result<Frame> {
        match Frame::read(&mut self.input) {
            // A server that closes while bytes are still on their way to it resets the connection.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => Ok(Frame::Closed),
            result => result,
        }
    }

    fn close(&mut self) -> io::Result<()> {
        let stream = self.input.get_ref();
        match stream.shutdown(Shutdown::Write).and_then(|()| io::copy(&mut &*stream, &mut io::sink())) {
            // The peer has closed it already, or closes it with bytes still on their way to it.
            Err(error)
                if !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::NotConnected) =>
            {
                Err(error)
            }
            _ => Ok(()),
        }
    }
}
