//! A client that encrypts.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;

use kora_protocol::{Decoder, Frame};
use kora_tls::rustls::pki_types::ServerName;
use kora_tls::rustls::{ClientConfig, ClientConnection, StreamOwned};
use kora_tls::{CipherList, CipherSuites, ClientSetup, Identity, PeerCheck, Protocols, Trust};

use crate::authority::{Files, World};
use crate::client::request;

/// No reply takes longer, on however busy a machine.
const REPLY_TIMEOUT: Duration = Duration::from_secs(30);

/// How a client comes.
pub(crate) struct Manner<'a> {
    pub(crate) protocols: &'a str,
    pub(crate) identity: Option<&'a Files>,
    /// The name it says it wants.
    pub(crate) name: &'a str,
}

impl Default for Manner<'_> {
    fn default() -> Self {
        Self { protocols: "", identity: None, name: "localhost" }
    }
}

/// The configuration of one that trusts those that `trusted` names.
pub(crate) fn config(trusted: &Files, manner: &Manner<'_>) -> Arc<ClientConfig> {
    let mut trust = Trust::nobody();
    trust.add_file(&trusted.authority).unwrap();
    let setup = ClientSetup {
        identity: manner.identity.map(|files| Identity::read(&files.certificate, &files.key, b"").unwrap()),
        trust,
        check: PeerCheck::Chain,
        protocols: Protocols::parse(manner.protocols).unwrap(),
        ciphers: CipherList::default(),
        suites: CipherSuites::default(),
    };
    setup.finish().unwrap()
}

/// One connection.
pub(crate) struct Encrypted {
    pub(crate) stream: StreamOwned<ClientConnection, TcpStream>,
    decoder: Decoder,
}

impl Encrypted {
    /// Connects to a server's port for encrypted connections, and shakes hands.
    pub(crate) fn connect(world: &World, manner: &Manner<'_>) -> io::Result<Self> {
        Self::with(world.tls_port, config(&world.server, manner), manner.name)
    }

    pub(crate) fn with(port: u16, config: Arc<ClientConfig>, name: &str) -> io::Result<Self> {
        let socket = TcpStream::connect(("127.0.0.1", port))?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(REPLY_TIMEOUT))?;
        socket.set_write_timeout(Some(REPLY_TIMEOUT))?;
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let session = ClientConnection::new(config, name).unwrap();
        let mut stream = StreamOwned::new(session, socket);
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock)?;
        }
        Ok(Self { stream, decoder: Decoder::new() })
    }

    /// The next reply.
    pub(crate) fn receive(&mut self) -> io::Result<Frame> {
        let mut buffer = vec![0; 64 * 1024];
        loop {
            if let Some(frame) = self.decoder.next_frame().unwrap() {
                return Ok(frame);
            }
            match self.stream.read(&mut buffer)? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                count => self.decoder.feed(&buffer[..count]),
            }
        }
    }

    /// Sends one request and reads its reply.
    pub(crate) fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> io::Result<Frame> {
        self.stream.write_all(&request(args))?;
        self.stream.flush()?;
        self.receive()
    }

    /// The same with a request in words.
    pub(crate) fn line(&mut self, words: &str) -> io::Result<Frame> {
        self.call(&words.split(' ').collect::<Vec<_>>())
    }
}

/// A reply that is a simple text.
pub(crate) fn simple(text: &str) -> Frame {
    Frame::Simple(text.as_bytes().to_vec())
}
