//! A blocking client that sends batches, and can send one before it has read the replies of another server.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;

use anyhow::{Context as _, bail, ensure};
use kora_protocol::{Decoder, Frame, encode_request};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    requests: Vec<u8>,
    unanswered: usize,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: &str) -> anyhow::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; READ_BYTES];
        Ok(Self { stream, decoder: Decoder::new(), requests: Vec::new(), unanswered: 0, buffer })
    }

    /// Adds a request to the next batch.
    pub(super) fn push<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        encode_request(&mut self.requests, args);
        self.unanswered += 1;
    }

    /// Sends the batch.
    pub(super) fn send(&mut self) -> anyhow::Result<()> {
        self.stream.write_all(&self.requests)?;
        self.requests.clear();
        Ok(())
    }

    /// The next reply.
    pub(super) fn receive(&mut self) -> anyhow::Result<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame()? {
                self.unanswered -= 1;
                return Ok(frame);
            }
            let count = self.stream.read(&mut self.buffer)?;
            ensure!(count > 0, "the server closed the connection");
            self.decoder.feed(&self.buffer[..count]);
        }
    }

    /// Sends the batch and reads its replies, none of which may be an error.
    pub(super) fn flush(&mut self) -> anyhow::Result<()> {
        self.send()?;
        while self.unanswered > 0 {
            if let Some(text) = self.receive()?.as_error() {
                bail!("the server refused: {}", text.escape_ascii());
            }
        }
        Ok(())
    }

    /// Sends one request and reads its reply.
    pub(super) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> anyhow::Result<Frame> {
        self.push(args);
        self.send()?;
        self.receive()
    }

    /// The text that a request is answered with.
    pub(super) fn text(&mut self, args: &[&str]) -> anyhow::Result<String> {
        match self.call(args)? {
            Frame::Bulk(text) | Frame::Verbatim { text, .. } => Ok(String::from_utf8(text)?),
            other => bail!("{args:?} was answered with {other:?}"),
        }
    }

    /// The integer that a request is answered with.
    pub(super) fn integer(&mut self, args: &[&str]) -> anyhow::Result<u64> {
        let Frame::Integer(value) = self.call(args)? else { bail!("{args:?}: no integer") };
        u64::try_from(value).context("a negative count")
    }

    /// Sets directives.
    pub(super) fn configure(&mut self, directives: &[&str]) -> anyhow::Result<()> {
        self.push(&[&["CONFIG", "SET"][..], directives].concat());
        self.flush()
    }
}
