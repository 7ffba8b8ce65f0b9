//! An encrypted connection: a socket, and what rustls knows of the session on it.
//!
//! Between two calls there are, besides what rustls needs for itself: at most [`UNSENT_BYTES_MAX`] of encrypted bytes that the socket had no room
//! for, decrypted bytes of two records that the caller had no room for, and what was read with them. So a peer that sends or reads slowly
//! costs no more than that, whoever it is. Replies are encrypted from where they lie in the output, as many as the socket takes.
//!
//! One call reads the socket once, so that nobody keeps a worker by what decrypts to nothing.

pub(crate) mod contexts;
mod sessions;

use std::cell::RefCell;
use std::io::{self, BufRead as _, ErrorKind, IoSlice, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use kora_tls::rustls::pki_types::ServerName;
use kora_tls::rustls::{self, ClientConfig, ClientConnection, ServerConfig, ServerConnection};
use mio::net::TcpStream;

/// Plaintext that is encrypted before the socket has taken what was encrypted before.
const UNSENT_BYTES_MAX: usize = 64 * 1024;

/// Bytes read from the socket at once.
const READ_BYTES: usize = 64 * 1024;

/// What rustls keeps of a session that is at rest: its state, keys, and a buffer for what is not a whole record.
const SESSION_BYTES: usize = 8 * 1024;

thread_local! {
    /// What a socket was read into: nothing of it stays there from one call to the next.
    static ENCRYPTED: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// How connections to another server are encrypted, and what it is told of its name.
#[derive(Clone, Debug)]
pub(crate) struct Security {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl Security {
    pub(crate) fn new(config: Arc<ClientConfig>, host: &str) -> Self {
        // What is no name is not told. Certificates of servers are not judged by names.
        let nameless = ServerName::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let name = ServerName::try_from(host.to_owned()).unwrap_or(nameless);
        Self { config, name }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Encrypted {
    socket: TcpStream,
    session: rustls::Connection,
    /// Bytes read that there was no room to decrypt.
    left: Vec<u8>,
    /// There are bytes to send that the socket has not taken.
    has_unsent: bool,
    /// The other side has said that this is the end, or something that is wrong.
    is_over: bool,
}

/// What came of one call.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    /// Bytes decrypted for the caller.
    pub(super) count: usize,
    /// Nothing more will come.
    pub(super) has_ended: bool,
    /// The socket was read until it was empty.
    pub(super) is_drained: bool,
    /// There may be more without a further word from the socket.
    pub(super) has_more: bool,
}

impl Encrypted {
    /// Of somebody who has connected.
    pub(super) fn accepted(socket: TcpStream, config: &Arc<ServerConfig>) -> io::Result<Self> {
        let session = ServerConnection::new(Arc::clone(config)).map_err(failure)?;
        Ok(Self::new(socket, session.into()))
    }

    /// To another server; the socket need not be connected yet.
    pub(super) fn connecting(socket: TcpStream, security: Security) -> io::Result<Self> {
        let session = ClientConnection::new(security.config, security.name).map_err(failure)?;
        Ok(Self::new(socket, session.into()))
    }

    fn new(socket: TcpStream, mut session: rustls::Connection) -> Self {
        session.set_buffer_limit(Some(UNSENT_BYTES_MAX));
        Self { socket, session, left: Vec::new(), has_unsent: false, is_over: false }
    }

    pub(super) fn socket(&self) -> &TcpStream {
        &self.socket
    }

    pub(super) fn socket_mut(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// The common name in the certificate that the other side has shown.
    pub(super) fn peer_name(&self) -> Option<String> {
        kora_tls::common_name(self.session.peer_certificates()?.first()?)
    }

    /// Whether there are bytes to send that the socket has not taken.
    pub(super) fn has_unsent(&self) -> bool {
        self.has_unsent
    }

    /// Bytes allocated for it, at most.
    pub(super) fn allocated_bytes(&self) -> usize {
        let unsent = if self.has_unsent { UNSENT_BYTES_MAX } else { 0 };
        SESSION_BYTES + size_of::<Self>() + self.left.capacity() + unsent
    }

    /// Goes on with the handshake, with one read of the socket; whether it is done.
    ///
    /// # Errors
    /// If it has failed. The other side has been told why, as far as that was possible.
    pub(super) fn shake_hands(&mut self, has_ended: bool) -> io::Result<(bool, Taken)> {
        self.flush()?;
        let mut taken = self.read(has_ended, |this, bytes, _| {
            let mut rest = bytes;
            while !rest.is_empty() && this.session.is_handshaking() {
                if this.session.read_tls(&mut rest)? == 0 {
                    break;
                }
                this.process()?;
            }
            // What follows the handshake is for whoever receives.
            this.left.extend_from_slice(rest);
            Ok(())
        })?;
        self.flush()?;
        let is_done = !self.session.is_handshaking();
        if !is_done && taken.has_ended {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        taken.has_more = is_done;
        Ok((is_done, taken))
    }

    /// Gives at most `room` decrypted bytes to `put`, with one read of the socket at most.
    pub(super) fn receive(&mut self, has_ended: bool, room: usize, mut put: impl FnMut(&[u8])) -> Taken {
        let mut before = Taken::default();
        self.take_decrypted(room, &mut before, &mut put);
        let left = std::mem::take(&mut self.left);
        self.decrypt(&left, room, &mut before, &mut put);
        if before.count > 0 || self.is_over {
            return self.judge(before, true);
        }
        let read = self.read(has_ended, |this, bytes, taken| {
            this.decrypt(bytes, room, taken, &mut put);
            Ok(())
        });
        let has_room = |taken: &Taken| taken.count < room;
        match read {
            Ok(taken) => {
                let has_more = !has_room(&taken) || self.is_over;
                self.judge(taken, has_more)
            }
            Err(_) => Taken { has_ended: true, ..Taken::default() },
        }
    }

    /// The end comes behind what was decrypted.
    fn judge(&self, mut taken: Taken, has_more: bool) -> Taken {
        taken.has_ended |= self.is_over && taken.count == 0;
        taken.has_more = has_more;
        taken
    }

    /// Reads the socket once into a buffer, and has `use_bytes` use what has come.
    fn read(
        &mut self,
        has_ended: bool,
        mut use_bytes: impl FnMut(&mut Self, &[u8], &mut Taken) -> io::Result<()>,
    ) -> io::Result<Taken> {
        let mut taken = Taken::default();
        ENCRYPTED.with_borrow_mut(|buffer| {
            buffer.resize(READ_BYTES, 0);
            match self.socket.read(buffer) {
                Ok(0) => taken.has_ended = true,
                Ok(count) => {
                    // As for plain bytes: a short read has emptied the socket, unless the end is all that comes.
                    taken.is_drained = count < READ_BYTES && !has_ended;
                    use_bytes(self, &buffer[..count], &mut taken)?;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => taken.is_drained = true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
            Ok(taken)
        })
    }

    /// Decrypts, and gives the caller what there is room for; what is not used is kept.
    fn decrypt(&mut self, bytes: &[u8], room: usize, taken: &mut Taken, put: &mut impl FnMut(&[u8])) {
        let mut rest = bytes;
        while !rest.is_empty() && taken.count < room && !self.is_over {
            let is_sound =
                self.session.read_tls(&mut rest).is_ok_and(|count| count > 0) && self.process().is_ok();
            // What came before something wrong has been sent by the peer all the same.
            self.take_decrypted(room, taken, put);
            self.is_over |= !is_sound;
        }
        if !self.is_over {
            self.left.extend_from_slice(rest);
        }
        // An answer to what is no data, if rustls has one. A socket that is broken will say so itself.
        let _ = self.flush();
    }

    fn process(&mut self) -> io::Result<()> {
        if let Err(error) = self.session.process_new_packets() {
            // It tells the other side what is wrong.
            let _ = self.flush();
            return Err(failure(error));
        }
        Ok(())
    }

    /// Gives the caller what is decrypted, as far as there is room.
    fn take_decrypted(&mut self, room: usize, taken: &mut Taken, put: &mut impl FnMut(&[u8])) {
        while taken.count < room {
            let mut reader = self.session.reader();
            match reader.fill_buf() {
                Ok(bytes) if !bytes.is_empty() => {
                    let count = bytes.len().min(room - taken.count);
                    put(&bytes[..count]);
                    reader.consume(count);
                    taken.count += count;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Ok(_) | Err(_) => {
                    self.is_over = true;
                    break;
                }
            }
        }
    }

    /// Encrypts and sends the beginning of what lies in `slices`; how many of its bytes. Those that the socket has no room for are kept.
    pub(super) fn send(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        if !self.flush()? {
            return Err(ErrorKind::WouldBlock.into());
        }
        let count = self.session.writer().write_vectored(slices)?;
        self.flush()?;
        Ok(count)
    }

    /// Sends what is encrypted; whether all of it is sent.
    pub(super) fn flush(&mut self) -> io::Result<bool> {
        while self.session.wants_write() {
            match self.session.write_tls(&mut Records(&mut self.socket)) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.has_unsent = true;
                    return Ok(false);
                }
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.has_unsent = false;
        Ok(true)
    }
}

/// Takes records for a socket. A single one, which most replies are, needs no list of buffers, and the system is quicker without.
struct Records<'a>(&'a mut TcpStream);

impl io::Write for Records<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match slices {
            [record] => self.0.write(record),
            _ => self.0.write_vectored(slices),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl Drop for Encrypted {
    fn drop(&mut self) {
        // So the other side knows that nobody has cut it short; it may be gone already.
        self.session.send_close_notify();
        let _ = self.flush();
    }
}

fn failure(error: rustls::Error) -> io::Error {
    io::Error::new(ErrorKind::InvalidData, error)
}

#[cfg(test)]
mod tests;
