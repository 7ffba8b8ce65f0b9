//! Lines of commands, typed or read from standard input: what is the client's own is done here, the rest is sent.

mod help;

use std::io::{self, BufRead, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};
use std::time::{Duration, Instant};

use kora_protocol::split_line;

use crate::catalog::Catalog;
use crate::connection::Endpoint;
use crate::session::Session;

/// Commands that take longer say how long they took.
const LONG: Duration = Duration::from_millis(500);

/// Commands after which there may be other indexes, fields or collections.
const CHANGE_INDEXES: [&str; 7] =
    ["ft.create", "ft.dropindex", "ft.alter", "doc.create", "doc.drop", "flushall", "flushdb"];

/// What to do after a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flow {
    /// Read the next one.
    Continue,
    /// End.
    Quit,
}

/// Settings and knowledge shared with the line editor.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// The server's commands.
    pub(crate) catalog: RwLock<Catalog>,
    /// Whether arguments are hinted at.
    pub(crate) hints_off: AtomicBool,
}

/// Runs lines in a session.
#[derive(Debug)]
pub(crate) struct Shell {
    session: Session,
    shared: Arc<Shared>,
    coloured: bool,
}

impl Shell {
    /// A shell of `session`; `coloured` says whether help is.
    pub(crate) fn new(session: Session, coloured: bool) -> Self {
        Self { session, shared: Arc::default(), coloured }
    }

    /// What is shared with the line editor.
    pub(crate) fn shared(&self) -> Arc<Shared> {
        Arc::clone(&self.shared)
    }

    /// The session.
    pub(crate) fn session(&mut self) -> &mut Session {
        &mut self.session
    }

    /// Asks the server for its commands, unless they are known.
    pub(crate) fn learn_commands(&mut self) {
        let known = self.shared.catalog.read().is_ok_and(|catalog| catalog.commands().next().is_some());
        if known {
            return;
        }
        // Without an answer there are no hints, and the next command will tell what is wrong.
        if let Ok(connection) = self.session.connect()
            && let Ok(fetched) = Catalog::fetch(connection)
            && let Ok(mut catalog) = self.shared.catalog.write()
        {
            *catalog = fetched;
        }
    }

    /// Asks the server for its indexes, of which there may be others now.
    fn learn_indexes(&mut self) {
        // Without an answer those of before are offered.
        if let Ok(connection) = self.session.connect()
            && let Ok(mut catalog) = self.shared.catalog.write()
        {
            let _ = catalog.fetch_indexes(connection);
        }
    }

    /// Runs the lines of `input` until it or the session ends.
    ///
    /// # Errors
    /// If `input` cannot be read or `out` not be written.
    pub(crate) fn run_all(&mut self, mut input: impl BufRead, out: &mut dyn Write) -> io::Result<()> {
        let mut line = Vec::new();
        loop {
            line.clear();
            if input.read_until(b'\n', &mut line)? == 0 || self.run_line(&line, out)? == Flow::Quit {
                return Ok(());
            }
        }
    }

    /// Runs one line.
    ///
    /// # Errors
    /// If `out` cannot be written.
    pub(crate) fn run_line(&mut self, line: &[u8], out: &mut dyn Write) -> io::Result<Flow> {
        let Ok(words) = split_line(line) else {
            out.write_all(b"Invalid argument(s)\n")?;
            return Ok(Flow::Continue);
        };
        let (count, words) = repetitions(&words);
        let Some(first) = words.first() else { return Ok(Flow::Continue) };
        if let Some(name) = first.strip_prefix(b":").or_else(|| first.strip_prefix(b"\\")) {
            return self.run_own(&String::from_utf8_lossy(name), words, out);
        }
        let name = String::from_utf8_lossy(first).to_ascii_lowercase();
        match name.as_str() {
            "quit" | "exit" | "help" | "?" | "clear" => self.run_own(&name, words, out),
            "connect" if words.len() == 3 => self.run_own(&name, words, out),
            _ => {
                let begun = Instant::now();
                for _ in 0..count {
                    self.session.run(words, out)?;
                }
                let elapsed = begun.elapsed();
                if CHANGE_INDEXES.contains(&name.as_str()) && self.session.is_for_a_person() {
                    self.learn_indexes();
                }
                if elapsed > LONG && self.session.is_for_a_person() {
                    writeln!(out, "({:.2}s)", elapsed.as_secs_f64())?;
                }
                Ok(Flow::Continue)
            }
        }
    }

    /// Runs a command of the client itself.
    fn run_own(&mut self, name: &str, words: &[Vec<u8>], out: &mut dyn Write) -> io::Result<Flow> {
        let arguments = words.get(1..).unwrap_or_default();
        let arguments: Vec<_> = arguments.iter().map(|word| String::from_utf8_lossy(word)).collect();
        let arguments: Vec<&str> = arguments.iter().map(AsRef::as_ref).collect();
        match (name, arguments.as_slice()) {
            ("quit" | "exit" | "q", _) => return Ok(Flow::Quit),
            ("help" | "?", topic) => {
                self.learn_commands();
                let catalog = self.shared.catalog.read().map_err(|_| io::ErrorKind::Other)?;
                help::write(&catalog, topic, self.coloured, out)?;
            }
            ("clear", _) => out.write_all(b"\x1b[H\x1b[2J")?,
            ("set", ["hints"]) => self.set_hints(true),
            ("set", ["nohints"]) => self.set_hints(false),
            ("connect", [host, port]) => self.connect_to(host, port, out)?,
            _ => out.write_all(b"Unknown client command; see :help\n")?,
        }
        out.flush()?;
        Ok(Flow::Continue)
    }

    fn set_hints(&self, on: bool) {
        self.shared.hints_off.store(!on, Ordering::Relaxed);
    }

    fn connect_to(&mut self, host: &str, port: &str, out: &mut dyn Write) -> io::Result<()> {
        let Ok(port) = port.parse() else { return out.write_all(b"Invalid server port.\n") };
        if let Ok(mut catalog) = self.shared.catalog.write() {
            *catalog = Catalog::default();
        }
        if let Err(error) = self.session.connect_to(Endpoint::Tcp { host: host.to_owned(), port }) {
            self.session.report_unreachable(&error);
        }
        Ok(())
    }
}

/// The number of times that a line asks its command to be run, and the command.
fn repetitions(words: &[Vec<u8>]) -> (u64, &[Vec<u8>]) {
    let count =
        words.first().and_then(|word| std::str::from_utf8(word).ok()).and_then(|word| word.parse().ok());
    match (count, words) {
        (Some(count), [_, command @ ..]) if !command.is_empty() && count > 0 => (count, command),
        _ => (1, words),
    }
}
