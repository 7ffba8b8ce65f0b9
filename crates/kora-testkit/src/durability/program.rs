//! A server program on a data directory that outlives it.

use std::fs::OpenOptions;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};

use crate::frame::Frame;
use crate::process::free_port;
use crate::target::Connection as _;
use crate::target::tcp::{TcpConnection, TcpTarget};

/// Starting, loading and ending take no longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// What is started, and where it keeps its data.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The program, which takes options as redis-server does.
    pub path: PathBuf,
    /// The configuration file it reads first, if any.
    pub file: Option<PathBuf>,
    /// Its data directory.
    pub dir: PathBuf,
    /// Options beside address and directory.
    pub options: Vec<String>,
    /// Whether it begins with SIGXFSZ ignored, as where a limit on the size of files is to be met as an error.
    pub ignores_size_signal: bool,
    /// Variables of its environment, names and values.
    pub environment: Vec<(String, String)>,
}

/// A running server; killed when this is dropped.
#[derive(Debug)]
pub struct Program {
    child: Child,
    port: u16,
    log: PathBuf,
}

impl Launch {
    /// The program at `path` on `dir`.
    #[must_use]
    pub fn new(path: &Path, dir: &Path, options: &[&str]) -> Self {
        let options = options.iter().map(|&option| option.to_owned()).collect();
        Self {
            path: path.to_owned(),
            file: None,
            dir: dir.to_owned(),
            options,
            ignores_size_signal: false,
            environment: Vec::new(),
        }
    }

    /// Where the programs started so write their logs: beside the data, lest they count as data.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.dir.with_extension("log")
    }

    /// Starts it, and does not wait.
    ///
    /// # Errors
    /// When that fails.
    pub fn spawn(&self) -> anyhow::Result<Program> {
        let port = free_port()?;
        let log = self.log();
        std::fs::create_dir_all(&self.dir)?;
        let output = OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = self.command()?;
        command
            .args(&self.file)
            .args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--dir"])
            .arg(&self.dir)
            .args(&self.options)
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .current_dir(&self.dir)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let child = command.spawn().with_context(|| self.path.display().to_string())?;
        Ok(Program { child, port, log })
    }

    fn command(&self) -> anyhow::Result<Command> {
        let path = self.path.canonicalize().with_context(|| self.path.display().to_string())?;
        if !self.ignores_size_signal {
            return Ok(Command::new(path));
        }
        let mut shell = Command::new("sh");
        shell.args(["-c", "trap '' XFSZ; exec \"$0\" \"$@\""]).arg(path);
        Ok(shell)
    }

    /// Starts it, and waits until it has loaded its data.
    ///
    /// # Errors
    /// When it ends instead, or takes too long.
    pub fn start(&self) -> anyhow::Result<Program> {
        let mut program = self.spawn()?;
        program.wait_until_ready()?;
        Ok(program)
    }

    /// Starts it and expects it to refuse; what it said.
    ///
    /// # Errors
    /// When it starts all the same.
    pub fn refusal(&self) -> anyhow::Result<String> {
        let begin = std::fs::metadata(self.log()).map_or(0, |data| data.len());
        let mut program = self.spawn()?;
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline {
            if let Some(status) = program.child.try_wait()? {
                let text = std::fs::read(self.log())?;
                let text =
                    String::from_utf8_lossy(&text[usize::try_from(begin)?.min(text.len())..]).into_owned();
                anyhow::ensure!(!status.success(), "it ended without an error: {text}");
                return Ok(text);
            }
            if program.is_ready() {
                bail!("it started");
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        bail!("it neither starts nor refuses to")
    }
}

impl Program {
    /// Its address.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The process's number.
    #[must_use]
    pub fn id(&self) -> rustix::process::Pid {
        rustix::process::Pid::from_child(&self.child)
    }

    /// A new connection.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn connect(&self) -> io::Result<TcpConnection> {
        TcpTarget::new(&self.address())?.open()
    }

    /// Waits until it answers and has loaded its data.
    ///
    /// # Errors
    /// When it ends instead, or takes too long.
    pub fn wait_until_ready(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while !self.is_ready() {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at its start: {status}\n{}", self.last_words());
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not become ready\n{}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(())
    }

    /// Whether it answers commands on data.
    fn is_ready(&self) -> bool {
        let reply = self.connect().and_then(|mut connection| connection.call(&["EXISTS", "key"]));
        reply.is_ok_and(|reply| matches!(reply, Frame::Line { kind: b':', .. }))
    }

    /// The end of its log.
    #[must_use]
    pub fn last_words(&self) -> String {
        let text = std::fs::read(&self.log).unwrap_or_default();
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// Whether it is still running.
    ///
    /// # Errors
    /// What the system says.
    pub fn is_running(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// How it ended, if it has.
    ///
    /// # Errors
    /// What the system says.
    pub fn status(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Ends it with SIGKILL: it has no time for anything.
    ///
    /// # Errors
    /// What the system says.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// Asks it to end with SIGTERM, and waits.
    ///
    /// # Errors
    /// When it does not end.
    pub fn terminate(&mut self) -> anyhow::Result<ExitStatus> {
        self.signal(rustix::process::Signal::TERM)?;
        self.wait()
    }

    /// Sends it a signal.
    ///
    /// # Errors
    /// What the system says.
    pub fn signal(&self, signal: rustix::process::Signal) -> io::Result<()> {
        Ok(rustix::process::kill_process(self.id(), signal)?)
    }

    /// Waits for its end.
    ///
    /// # Errors
    /// When it does not end.
    pub fn wait(&mut self) -> anyhow::Result<ExitStatus> {
        let begun = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait()? {
                return Ok(status);
            }
            if begun.elapsed() > PATIENCE {
                bail!("the server does not end\n{}", self.last_words());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.kill();
    }
}
