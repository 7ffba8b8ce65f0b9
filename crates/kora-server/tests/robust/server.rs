//! The program under test, whose memory and exit can be observed.

use std::io::{self, Read as _};
use std::net::{Shutdown, SocketAddr};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use kora_testkit::process::{connect, free_port};
use kora_testkit::subject::program_under_test;

use crate::client::Client;

/// How long a test waits for something that should happen soon: enough for a busy machine.
const DEADLINE: Duration = Duration::from_secs(30);

/// A server on loopback unless an option says otherwise, and its address.
pub(crate) fn start(workers: u16, options: &[&str]) -> (Program, SocketAddr) {
    let workers = workers.to_string();
    let program = Program::start(&[&["--workers", &workers], options].concat());
    let address = program.address;
    (program, address)
}

/// Waits until something is so.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < DEADLINE, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The server as a process of its own; killed when this is dropped.
pub(crate) struct Program {
    child: Child,
    pub(crate) address: SocketAddr,
    _dir: tempfile::TempDir,
}

impl Program {
    pub(crate) fn start(options: &[&str]) -> Self {
        let port = free_port().unwrap();
        Self::spawn(command(port, options), port)
    }

    /// Starts what will listen on `port`.
    pub(crate) fn spawn(mut command: Command, port: u16) -> Self {
        // What it leaves behind goes with it.
        let dir = tempfile::tempdir().unwrap();
        if command.get_current_dir().is_none() {
            command.current_dir(dir.path());
        }
        let child = command.stdout(Stdio::null()).spawn().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], port));
        wait_until("the server listens", || is_answering(address));
        Self { child, address, _dir: dir }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(self.address)
    }

    /// Number of the process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory.
    pub(crate) fn resident_bytes(&self) -> usize {
        self.status_bytes("VmRSS:")
    }

    /// Ticks of processor time that it has used, a hundred to the second.
    pub(crate) fn cpu_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.child.id())).unwrap();
        let (_, fields) = stat.rsplit_once(')').unwrap();
        fields.split_whitespace().skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum()
    }

    /// Most resident memory since the last [`Program::forget_peak`].
    pub(crate) fn peak_resident_bytes(&self) -> usize {
        self.status_bytes("VmHWM:")
    }

    /// The peak of resident memory begins anew.
    pub(crate) fn forget_peak(&self) {
        std::fs::write(format!("/proc/{}/clear_refs", self.child.id()), "5").unwrap();
    }

    fn status_bytes(&self, field: &str) -> usize {
        let text = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(field)).unwrap();
        line.trim().trim_end_matches(" kB").parse::<usize>().unwrap() * 1024
    }

    /// Whether it has not ended.
    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Sends SIGTERM.
    pub(crate) fn terminate(&self) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let mut status = None;
        wait_until("the server ends", || {
            status = self.child.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself: then by what is worth knowing, as its clients see nothing but a refused connection.
        if let Ok(Some(status)) = self.child.try_wait()
            && !status.success()
        {
            eprintln!("the server {} ended by itself: {status}", self.child.id());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Whether a connection is accepted. The server has closed it by then: it takes nobody's place.
fn is_answering(address: SocketAddr) -> bool {
    let Ok(mut stream) = connect(address) else { return false };
    let is_closed = stream
        .shutdown(Shutdown::Write)
        .and_then(|()| stream.set_read_timeout(Some(DEADLINE)))
        .and_then(|()| stream.read_to_end(&mut Vec::new()));
    // It may have closed before: that is a reset.
    is_closed.is_ok() || is_closed.is_err_and(|error| error.kind() == io::ErrorKind::ConnectionReset)
}

/// Sets a flag when it is dropped: what a thread goes on until is set even where its test fails, which would wait for the thread
/// for ever otherwise.
pub(crate) struct SetOnDrop<'a>(pub(crate) &'a AtomicBool);

impl Drop for SetOnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The program, about to listen on `port`.
pub(crate) fn command(port: u16, options: &[&str]) -> Command {
    // All workers serve, so that tests with several see what several do.
    let mut command = Command::new(program_under_test(env!("CARGO_BIN_EXE_kora-server")));
    command
        .args(["--port", &port.to_string(), "--bind", "127.0.0.1"])
        .args(["--gather-connections", "no"])
        .args(options)
        .stdin(Stdio::null());
    command
}
