//! Servers started for a test and ended with it.

use std::ffi::OsStr;
use std::io;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::target::Connection as _;
use crate::target::tcp::TcpTarget;

/// A server that takes longer than this to start has failed.
const START_TIMEOUT: Duration = Duration::from_secs(20);

/// A server process on a port and in a folder of its own; it ends when this is dropped.
#[derive(Debug)]
pub struct Server {
    child: Child,
    port: u16,
    _dir: tempfile::TempDir,
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
        let mut child = Command::new(&path)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
            .args(["--save", "", "--appendonly", "no", "--enable-debug-command", "yes"])
            .args(options)
            .current_dir(dir.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .with_context(|| path.display().to_string())?;
        let started_at = Instant::now();
        while !is_up(port) {
            if let Some(status) = child.try_wait()? {
                bail!("{} ended at its start: {status}", path.display());
            }
            if started_at.elapsed() > START_TIMEOUT {
                child.kill().ok();
                bail!("{} does not answer", path.display());
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(Self { child, port, _dir: dir })
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
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// A port that nobody listened on a moment ago.
///
/// # Errors
/// When the system has none to give.
pub fn free_port() -> io::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn is_up(port: u16) -> bool {
    let target = TcpTarget::new(&format!("127.0.0.1:{port}"));
    let connection = target.and_then(|target| target.open());
    connection.and_then(|mut connection| connection.call(&["PING"])).is_ok_and(|reply| !reply.is_error())
}
