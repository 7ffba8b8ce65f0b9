//! An encrypted connection that one thread may read while another writes.
//!
//! Nobody waits for the socket with the session in hand, so who reads is never held up by a writer whom the server does not read from.

use std::io::{self, BufRead as _, ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kora_tls::rustls::pki_types::ServerName;
use kora_tls::rustls::{ClientConfig, ClientConnection};
use rustix::net::RecvFlags;

/// Bytes read from the socket at once.
const READ_BYTES: usize = 16 * 1024;

/// How to encrypt, and what the server's certificate should be of.
#[derive(Debug, Clone)]
pub(crate) struct Security {
    /// What rustls works with.
    pub(crate) config: Arc<ClientConfig>,
    /// The server's name.
    pub(crate) name: ServerName<'static>,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct TlsStream {
    socket: TcpStream,
    state: Mutex<State>,
    /// Encrypted bytes on their way to the socket. Taken before `state`.
    sending: Mutex<Vec<u8>>,
}

#[derive(Debug)]
struct State {
    session: ClientConnection,
    /// Decrypted bytes that nobody has read.
    received: Vec<u8>,
    has_ended: bool,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // A thread that panicked ends the program anyway.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl TlsStream {
    /// Shakes hands on a connected socket, each step of which may take `timeout` unless that is zero.
    ///
    /// # Errors
    /// If the server can't do that, or is not who it should be.
    pub(crate) fn connect(socket: TcpStream, security: &Security, timeout: Duration) -> io::Result<Self> {
        socket.set_read_timeout((!timeout.is_zero()).then_some(timeout))?;
        let session = ClientConnection::new(Arc::clone(&security.config), security.name.clone());
        let mut session = session.map_err(io::Error::other)?;
        while session.is_handshaking() {
            session.complete_io(&mut &socket).map_err(explained)?;
        }
        socket.set_read_timeout(None)?;
        let state = State { session, received: Vec::new(), has_ended: false };
        Ok(Self { socket, state: Mutex::new(state), sending: Mutex::default() })
    }

    /// The socket, to wait on.
    pub(crate) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Reads what has come, waiting for something if nothing has.
    pub(crate) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut encrypted = [0; READ_BYTES];
        loop {
            if let Some(count) = lock(&self.state).take(buffer) {
                return Ok(count);
            }
            let count = (&self.socket).read(&mut encrypted)?;
            self.decrypt(encrypted.get(..count).unwrap_or_default())?;
        }
    }

    /// Takes what the socket gave; nothing is its end.
    fn decrypt(&self, encrypted: &[u8]) -> io::Result<()> {
        let result = lock(&self.state).decrypt(encrypted);
        // An answer of rustls' own; a writer who is at work takes it along.
        if let Ok(mut sending) = self.sending.try_lock() {
            self.send(&mut sending)?;
        }
        result
    }

    /// Encrypts the beginning of `bytes` and sends it; how many bytes.
    pub(crate) fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut sending = lock(&self.sending);
        let count = lock(&self.state).session.writer().write(bytes)?;
        self.send(&mut sending)?;
        Ok(count)
    }

    fn send(&self, sending: &mut Vec<u8>) -> io::Result<()> {
        {
            let mut state = lock(&self.state);
            while state.session.wants_write() {
                state.session.write_tls(sending)?;
            }
        }
        (&self.socket).write_all(sending)?;
        sending.clear();
        Ok(())
    }

    /// Whether the server has ended the connection while nobody read it.
    pub(crate) fn is_closed_by_peer(&self) -> bool {
        let mut encrypted = [0; READ_BYTES];
        loop {
            match rustix::net::recv(&self.socket, &mut encrypted, RecvFlags::DONTWAIT) {
                Ok((_, count)) => {
                    if self.decrypt(encrypted.get(..count).unwrap_or_default()).is_err() {
                        return true;
                    }
                }
                Err(rustix::io::Errno::INTR) => continue,
                Err(rustix::io::Errno::AGAIN) => return false,
                Err(_) => return true,
            }
            let state = lock(&self.state);
            if state.has_ended {
                return state.received.is_empty();
            }
        }
    }
}

/// A failed handshake in words that help where rustls' own do not.
fn explained(error: io::Error) -> io::Error {
    if error.kind() == ErrorKind::WouldBlock {
        return io::Error::new(ErrorKind::TimedOut, "Connection timed out");
    }
    use kora_tls::rustls::{CertificateError, Error, InvalidMessage};
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref::<Error>());
    let text = match cause {
        Some(Error::InvalidMessage(InvalidMessage::InvalidContentType)) => {
            "the server does not encrypt there"
        }
        Some(Error::InvalidCertificate(CertificateError::UnknownIssuer)) => {
            "nobody that is trusted has made the server's certificate: see --cacert and --cacertdir"
        }
        Some(Error::InvalidCertificate(CertificateError::Other(_))) => {
            "the server's certificate is not of a form that is taken; one that is its own authority is not"
        }
        _ => return error,
    };
    io::Error::new(error.kind(), text)
}

impl State {
    /// What was decrypted; none if nothing was, and more may come.
    fn take(&mut self, buffer: &mut [u8]) -> Option<usize> {
        let count = self.received.len().min(buffer.len());
        if count == 0 {
            return self.has_ended.then_some(0);
        }
        buffer.iter_mut().zip(self.received.drain(..count)).for_each(|(to, from)| *to = from);
        Some(count)
    }

    fn decrypt(&mut self, encrypted: &[u8]) -> io::Result<()> {
        let mut rest = encrypted;
        self.has_ended |= rest.is_empty();
        while !rest.is_empty() && !self.has_ended {
            self.has_ended = self.session.read_tls(&mut rest)? == 0;
            let processed = self.session.process_new_packets();
            let mut reader = self.session.reader();
            loop {
                match reader.fill_buf() {
                    Ok([]) => {
                        self.has_ended = true;
                        break;
                    }
                    Ok(bytes) => {
                        self.received.extend_from_slice(bytes);
                        let count = bytes.len();
                        reader.consume(count);
                    }
                    Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                    Err(error) => return Err(error),
                }
            }
            processed.map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
        }
        Ok(())
    }
}

impl Drop for TlsStream {
    fn drop(&mut self) {
        lock(&self.state).session.send_close_notify();
        let mut sending = std::mem::take(&mut *lock(&self.sending));
        // The server may be gone already.
        let _ = self.send(&mut sending);
    }
}
