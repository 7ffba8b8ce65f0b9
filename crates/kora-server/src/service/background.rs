//! `daemonize`: a server in the background.
//!
//! Nothing is forked: forking is safe only in a process that has no thread yet, which safe code can't know. The program starts
//! itself anew, with its own arguments, in a session of its own. The first process waits until the second has taken its
//! addresses, so that what keeps it from that is on the terminal and in the status. They talk through the second one's standard
//! input, a socket: one way goes what the first has read of its own, the other way a byte that tells of success.

use std::fs::OpenOptions;
use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode};

use rustix::process::{getppid, setsid};
use rustix::stdio::{dup2_stderr, dup2_stdin, dup2_stdout, stdin};

/// The variable that names the process which waits for this one.
const VARIABLE: &str = "KORA_STARTED_BY";

/// Whether this process is the one in the background. A process that merely inherits the variable is not.
#[must_use]
pub fn is_here() -> bool {
    let parent = getppid().map(|parent| parent.as_raw_nonzero().to_string());
    parent.is_some_and(|parent| std::env::var(VARIABLE).is_ok_and(|named| named == parent))
}

/// Starts the program in the background, gives it `input` to read, and waits until it has taken its addresses; the status with
/// which this process is to end. What went wrong in the other one, that one has said.
///
/// # Errors
/// If it can't be started.
pub fn start(input: &[u8]) -> io::Result<ExitCode> {
    let (mut ours, theirs) = UnixStream::pair()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args(std::env::args_os().skip(1))
        .env(VARIABLE, std::process::id().to_string())
        .stdin(OwnedFd::from(theirs))
        .spawn()?;
    // If it has ended already, the missing byte says so.
    let _ = ours.write_all(input).and_then(|()| ours.shutdown(Shutdown::Write));
    if ours.read_exact(&mut [0]).is_ok() {
        return Ok(ExitCode::SUCCESS);
    }
    child.wait()?;
    Ok(ExitCode::FAILURE)
}

/// Leaves the session of the terminal: its end does not concern this process any more.
///
/// # Errors
/// What the system says.
pub fn detach() -> io::Result<()> {
    Ok(setsid().map(drop)?)
}

/// Tells the process that waits, and lets go of the terminal.
///
/// # Errors
/// What the system says.
pub fn serve() -> io::Result<()> {
    // It may have been ended meanwhile.
    let _ = rustix::io::write(stdin(), &[1]);
    let nothing = OpenOptions::new().read(true).write(true).open("/dev/null")?;
    dup2_stdin(&nothing)?;
    dup2_stdout(&nothing)?;
    Ok(dup2_stderr(&nothing)?)
}

/// A reader that remembers what was read, so that another process can read the same.
#[derive(Debug)]
pub struct Remembered<R> {
    source: R,
    /// What was read.
    pub text: Vec<u8>,
}

impl<R> Remembered<R> {
    /// Nothing has been read of `source` yet.
    pub const fn new(source: R) -> Self {
        Self { source, text: Vec::new() }
    }
}

impl<R: Read> Read for Remembered<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.source.read(buffer)?;
        self.text.extend_from_slice(buffer.get(..count).unwrap_or_default());
        Ok(count)
    }
}
