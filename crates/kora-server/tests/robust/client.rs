//! A blocking client, with as little manners as a test wants.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::Duration;

use kora_protocol::{Decoder, Frame, encode_request};

/// No reply takes longer, on however busy a machine.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// One connection.
pub(crate) struct Client {
    stream: TcpStream,
    decoder: Decoder,
    buffer: Vec<u8>,
}

impl Client {
    pub(crate) fn connect(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).unwrap();
        stream.set_nodelay(true).unwrap();
        stream.set_read_timeout(Some(REPLY_TIMEOUT)).unwrap();
        stream.set_write_timeout(Some(REPLY_TIMEOUT)).unwrap();
        Self { stream, decoder: Decoder::new(), buffer: vec![0; 64 * 1024] }
    }

    /// Sends bytes as they are.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    /// The next reply; `None` once the server has closed the connection.
    pub(crate) fn receive(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Some(frame);
            }
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return None,
                Ok(count) => self.decoder.feed(&self.buffer[..count]),
                // A server that closes while bytes are still on their way to it resets the connection.
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return None,
                Err(error) => panic!("no reply: {error}"),
            }
        }
    }

    /// Sends one request and reads its reply.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Frame {
        self.send(&request(args)).unwrap();
        self.receive().expect("the server replies")
    }

    /// Sends a request in words and reads its reply.
    pub(crate) fn line(&mut self, words: &str) -> Frame {
        self.call(&words.split(' ').collect::<Vec<_>>())
    }

    /// Sends no more, and goes on reading.
    pub(crate) fn finish_sending(&self) {
        self.stream.shutdown(Shutdown::Write).unwrap();
    }

    /// Reads to the end; the replies before it.
    pub(crate) fn receive_all(&mut self) -> Vec<Frame> {
        std::iter::from_fn(|| self.receive()).collect()
    }

    /// Reads to the end, whatever it is; how many bytes that were.
    pub(crate) fn count_to_the_end(&mut self) -> usize {
        let mut sum = 0;
        loop {
            match self.stream.read(&mut self.buffer) {
                Ok(0) => return sum,
                Ok(count) => sum += count,
                Err(error) if error.kind() == io::ErrorKind::ConnectionReset => return sum,
                Err(error) => panic!("no end: {error}"),
            }
        }
    }

    /// The socket, for those who don't wait.
    pub(crate) fn into_stream(self) -> TcpStream {
        self.stream
    }
}

/// A request's bytes.
pub(crate) fn request<A: AsRef<[u8]>>(args: &[A]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_request(&mut bytes, args);
    bytes
}

/// `+OK`.
pub(crate) fn ok() -> Frame {
    Frame::Simple(b"OK".to_vec())
}

/// A string.
pub(crate) fn bulk(text: impl AsRef<[u8]>) -> Frame {
    Frame::Bulk(text.as_ref().to_vec())
}

/// The text of an error reply.
pub(crate) fn error_text(frame: &Frame) -> String {
    String::from_utf8_lossy(frame.as_error().unwrap_or_else(|| panic!("no error: {frame:?}"))).into_owned()
}
