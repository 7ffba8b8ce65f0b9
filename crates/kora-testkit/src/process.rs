//! Servers started for a test and ended with it.

use std::ffi::OsStr;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{self, UnixListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use parking_lot::Mutex;

use crate::target::Connection as _;
use crate::target::tcp::TcpTarget;

/// A server that takes longer than this to start has failed.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// Name of the file that takes a server's log.
const LOG: &str = "kora-testkit.log";
/// As much of the end of a log is told of a server that has ended by itself.
const LAST_WORDS_BYTES: usize = 4096;

/// A server process on a port and in a folder of its own; it ends when this is dropped. One that has ended before, and not as
/// it was asked to, says so then, with the end of its log: a test that only sees a refused connection can't.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    dir: tempfile::TempDir,
}

impl Server {
    /// Starts the program at `path`, which takes options as redis-server does, with `options` added.
    ///
    /// # Errors
    /// When it can't be started, or does not answer PING in time.
    pub fn start<S: AsRef<OsStr>>(path: &Path, options: &[S]) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let port = free_port()?;
        let path = path.canonicalize().with_context(|| path.display().to_string())?;
        let log = std::fs::File::create(dir.path().join(LOG))?;
        let child = Command::new(&path)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"])
            .args(options)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(log)
            .spawn()
            .with_context(|| path.display().to_string())?;
        let mut server = Self { child, port, dir };
        let started_at = Instant::now();
        while !server.is_up() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} ended at its start: {status}", path.display());
            }
            if started_at.elapsed() > START_TIMEOUT {
                bail!("{} does not answer", path.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(server)
    }

    /// Whether it is this process that answers at the port, and not another one, or an echo.
    fn is_up(&self) -> bool {
        let connection = self.target().and_then(|target| target.open());
        let reply = connection.and_then(|mut connection| connection.call(&["INFO", "server"]));
        let itself = format!("process_id:{}\r\n", self.id());
        reply.is_ok_and(|reply| String::from_utf8_lossy(reply.bytes()).contains(&itself))
    }

    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process's number, under which the system keeps account of it.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// When the system can't tell.
    pub fn try_wait(&mut self) -> io::Result<Option<std::process::ExitStatus>> {
        self.child.try_wait()
    }

    /// It as a target.
    ///
    /// # Errors
    /// When it has no address, which can't be.
    pub fn target(&self) -> io::Result<TcpTarget> {
        TcpTarget::new(&self.address())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Ok(Some(status)) = self.child.try_wait()
            && !status.success()
        {
            let log = std::fs::read(self.dir.path().join(LOG)).unwrap_or_default();
            let end = &log[log.len().saturating_sub(LAST_WORDS_BYTES)..];
            let end = String::from_utf8_lossy(end);
            eprintln!("the server {} ended by itself: {status}\n{end}", self.id());
        }
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A connection to a server at `address`. Where nobody listens a client may be given that very port, and be
/// joined with itself: it would take its own words for an answer. That counts as nobody.
///
/// # Errors
/// When nobody listens.
pub fn connect(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::connect(address)?;
    if is_joined_with_itself(&stream)? { Err(io::ErrorKind::ConnectionRefused.into()) } else { Ok(stream) }
}

fn is_joined_with_itself(stream: &TcpStream) -> io::Result<bool> {
    Ok(stream.local_addr()? == stream.peer_addr()?)
}

/// Ports from here on may be chosen; below are the ports of well-known services.
const FIRST_PORT: u16 = 10_000;
/// Where the ports begin that the system gives to clients, unless it says otherwise.
const FIRST_CLIENT_PORT: u16 = 32_768;

/// A port that nobody listens on, for a server that starts soon. It is this process's for as long as it runs: no other call
/// gives it, in this process or in another, and the system gives it to no client that connects meanwhile.
///
/// # Errors
/// When all are taken.
pub fn free_port() -> io::Result<u16> {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let ports = FIRST_PORT..first_client_port().max(FIRST_PORT + 1);
    // Processes begin at places that lie apart.
    let begin = std::process::id().wrapping_mul(97);
    for _ in ports.clone() {
        let number =
            begin.wrapping_add(NEXT.fetch_add(1, Ordering::Relaxed)) % u32::from(ports.end - ports.start);
        let port = ports.start + u16::try_from(number).expect("less than the number of ports");
        if reserve(port)? && TcpListener::bind(("127.0.0.1", port)).is_ok() {
            return Ok(port);
        }
    }
    Err(io::ErrorKind::AddrInUse.into())
}

/// Whether this process has a port to itself among all that ask here. The sign of it is a socket whose name only one process
/// can hold; it is given back when the process ends, in whatever way.
fn reserve(port: u16) -> io::Result<bool> {
    static RESERVED: Mutex<Vec<UnixListener>> = Mutex::new(Vec::new());
    let name = net::SocketAddr::from_abstract_name(format!("kora-testkit-port-{port}"))?;
    match UnixListener::bind_addr(&name) {
        Ok(listener) => RESERVED.lock().push(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => return Ok(false),
        Err(error) => return Err(error),
    }
    Ok(true)
}

fn first_client_port() -> u16 {
    let range = std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").unwrap_or_default();
    range.split_whitespace().next().and_then(|first| first.parse().ok()).unwrap_or(FIRST_CLIENT_PORT)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_joined_with_itself() {
        let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
        socket.bind(&SocketAddr::from(([127, 0, 0, 1], 0)).into()).unwrap();
        let own = socket.local_addr().unwrap();
        socket.connect(&own).expect("the system joins a socket with itself");
        assert!(is_joined_with_itself(&socket.into()).unwrap());

        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        connect(listener.local_addr().unwrap()).expect("another listens");
    }

    #[test]
    fn a_port_is_reserved_once() {
        let port = free_port().unwrap();
        assert!(!reserve(port).unwrap());
    }
}
