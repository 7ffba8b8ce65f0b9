//! A blocking client that sends requests by the batch and waits for their replies.

use std::io::{self, Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};

use anyhow::Context as _;
use kora_protocol::{Decoder, Frame, encode_request};

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;

/// One connection.
pub(super) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    requests: Vec<u8>,
    request_count: usize,
    buffer: Vec<u8>,
}

impl Client {
    pub(super) fn connect(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let buffer = vec![0; READ_BYTES];
        Ok(Self { stream, decoder: Decoder::new(), requests: Vec::new(), request_count: 0, buffer })
    }

    /// Adds a request to the next batch; returns how many that holds.
    pub(super) fn push(&mut self, args: &[&[u8]]) -> usize {
        encode_request(&mut self.requests, args);
        self.request_count += 1;
        self.request_count
    }

    /// Sends the batch and reads all its replies, of which the last is returned.
    pub(super) fn flush(&mut self) -> anyhow::Result<Option<Frame>> {
        self.stream.write_all(&self.requests)?;
        self.requests.clear();
        let mut last = None;
        while self.request_count > 0 {
            let Some(frame) = self.decoder.next_frame()? else {
                let count = self.stream.read(&mut self.buffer)?;
                anyhow::ensure!(count > 0, "the server closed the connection");
                self.decoder.feed(&self.buffer[..count]);
                continue;
            };
            if let Frame::Error(text) = frame {
                anyhow::bail!("the server refused: {}", text.escape_ascii());
            }
            self.request_count -= 1;
            last = Some(frame);
        }
        Ok(last)
    }

    /// Sends one request and reads its reply.
    pub(super) fn call(&mut self, args: &[&[u8]]) -> anyhow::Result<Frame> {
        self.push(args);
        self.flush()?.context("a request was pushed")
    }
}
