//! A connection that sends commands as texts and does not look into long replies: the end of one is known by the reply to a PING
//! behind it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::{Context as _, ensure};
use kora_protocol::encode_request;

/// What the PING behind each batch says.
const TOKEN: &[u8] = b"the end of the batch";

/// Bytes read at once.
const READ_BYTES: usize = 1024 * 1024;

/// See the module.
pub(super) struct Line {
    stream: TcpStream,
    requests: Vec<u8>,
    buffer: Vec<u8>,
}

impl Line {
    pub(super) fn connect(address: SocketAddr) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, requests: Vec::new(), buffer: vec![0; READ_BYTES] })
    }

    /// Adds a command to the batch.
    pub(super) fn push(&mut self, args: &[&[u8]]) {
        encode_request(&mut self.requests, args);
    }

    /// Sends a command given as a text, and waits for its reply, of which the beginning is returned.
    pub(super) fn call(&mut self, command: &str) -> anyhow::Result<String> {
        let args: Vec<&[u8]> = command.split(' ').map(str::as_bytes).collect();
        self.push(&args);
        self.flush().with_context(|| command.to_owned())
    }

    /// Sends the batch and waits for all replies; returns the beginning of the first.
    pub(super) fn flush(&mut self) -> anyhow::Result<String> {
        encode_request(&mut self.requests, &[b"PING", TOKEN]);
        self.stream.write_all(&self.requests)?;
        self.requests.clear();
        let end = [TOKEN, b"\r\n"].concat();
        let (mut begin, mut tail) = (Vec::new(), Vec::new());
        while !tail.ends_with(&end) {
            let count = self.stream.read(&mut self.buffer)?;
            ensure!(count > 0, "the server closed the connection");
            let received = &self.buffer[..count];
            if begin.len() < 1024 {
                begin.extend_from_slice(&received[..count.min(1024)]);
            }
            tail.extend_from_slice(received);
            let excess = tail.len().saturating_sub(end.len());
            tail.drain(..excess);
        }
        let begin = String::from_utf8_lossy(&begin).into_owned();
        ensure!(!begin.starts_with('-'), "the server refused: {}", begin.lines().next().unwrap_or_default());
        Ok(begin)
    }

    /// The number in front of the reply to a command.
    pub(super) fn number(&mut self, command: &str) -> anyhow::Result<usize> {
        let reply = self.call(command)?;
        let line = reply.lines().next().context("a reply")?;
        Ok(line.trim_start_matches([':', '*', '$']).parse()?)
    }

    /// The worker that serves this connection.
    pub(super) fn worker(&mut self) -> anyhow::Result<usize> {
        let info = self.call("CLIENT INFO")?;
        let worker = info.split_whitespace().find_map(|field| field.strip_prefix("io-thread="));
        Ok(worker.context("CLIENT INFO names the worker")?.parse()?)
    }

    /// Sends the batch, and leaves when the server has begun to answer.
    pub(super) fn leave(mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.requests)?;
        let mut first = [0];
        self.stream.read_exact(&mut first)?;
        Ok(())
    }

    /// A command that is answered in a few bytes, at once.
    pub(super) fn ask(&mut self, request: &[u8]) -> anyhow::Result<()> {
        self.stream.write_all(request)?;
        let count = self.stream.read(&mut self.buffer)?;
        ensure!(count > 0, "the server closed the connection");
        ensure!(self.buffer[0] == b'$', "a value is expected");
        Ok(())
    }
}
