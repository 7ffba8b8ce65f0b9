//! What transcripts are played on: a server behind a socket, or Kora's engine in this process.

pub mod shard;
pub mod tcp;

use std::io;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::frame::Frame;

/// The protocol that a client asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Resp {
    /// RESP2, the default of every server.
    V2,
    /// RESP3, by `HELLO 3`.
    V3,
}

impl Resp {
    /// Both protocols.
    pub const ALL: [Self; 2] = [Self::V2, Self::V3];
}

/// Something that answers commands.
pub trait Target {
    /// A new connection that speaks `resp`.
    ///
    /// # Errors
    /// When it can't be made.
    fn connect(&mut self, resp: Resp) -> io::Result<Box<dyn Connection>>;

    /// Whether it has the command; steps with commands it does not have are left out.
    fn has_command(&self, args: &[Vec<u8>]) -> bool {
        let _ = args;
        true
    }

    /// Whether it has connections over a wire and settings; transcripts that need those are left out otherwise.
    fn is_server(&self) -> bool {
        true
    }

    /// Waits until it has noticed that the connections before are closed: some of them may have been subscribers.
    fn settle(&mut self) {}

    /// Lets time pass.
    fn wait(&mut self, time: Duration) {
        std::thread::sleep(time);
    }

    /// The time, in milliseconds since 1970.
    fn now_ms(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let ms = since.expect("the clock is past 1970").as_millis();
        i64::try_from(ms).expect("the clock is before the year 292 million")
    }
}

/// A client's connection to a [`Target`].
pub trait Connection {
    /// Sends a command.
    ///
    /// # Errors
    /// When it can't be sent.
    fn send(&mut self, args: &[Vec<u8>]) -> io::Result<()> {
        self.send_raw(&encode(args))
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When they can't be sent.
    fn send_raw(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Waits for a reply; [`Frame::Closed`] when the peer closed the connection.
    ///
    /// # Errors
    /// When none comes, or it is malformed.
    fn receive(&mut self) -> io::Result<Frame>;

    /// Closes the connection and waits until the peer has done so too: it keeps nothing of the client's, such as
    /// subscriptions, behind that.
    ///
    /// # Errors
    /// When the peer does not close it.
    fn close(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Sends a command and waits for its reply.
    ///
    /// # Errors
    /// When either fails.
    fn call(&mut self, args: &[&str]) -> io::Result<Frame> {
        let args: Vec<_> = args.iter().map(|arg| arg.as_bytes().to_vec()).collect();
        self.send(&args)?;
        self.receive()
    }
}

/// A command as clients send it.
#[must_use]
pub fn encode(args: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_into(&mut bytes, args);
    bytes
}

/// Appends a command as clients send it.
pub fn encode_into(bytes: &mut Vec<u8>, args: &[Vec<u8>]) {
    bytes.extend_from_slice(format!("*{}\r\n", args.len()).as_bytes());
    for arg in args {
        bytes.extend_from_slice(format!("${}\r\n", arg.len()).as_bytes());
        bytes.extend_from_slice(arg);
        bytes.extend_from_slice(b"\r\n");
    }
}
