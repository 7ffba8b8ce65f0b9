//! A client's connection, which judges every reply: how long it took, and whether an error was provoked.

use std::io;
use std::time::{Duration, Instant};

use kora_testkit::frame::Frame;
use kora_testkit::target::tcp::TcpConnection;
use kora_testkit::target::{Connection as _, encode_into};

use super::stage::{Provoked, Stage};

/// What a search is told that takes longer than the server's setting, and that setting.
const OUT_OF_TIME: &str = "Timeout limit was reached";
const QUESTION_TIME: Duration = Duration::from_millis(500);

/// A command's words.
pub(super) type Command = Vec<Vec<u8>>;

/// Errors that say what is true of a key that others change, too.
const HARMLESS: &[&str] = &[
    "ERR no such key",
    "NOSCRIPT",
    "BUSYGROUP",
    "NOGROUP",
    // Indexes and collections come and go.
    "Unknown index name",
    "Unknown Index name",
    "hashes: no such index",
    "json: no such index",
    "mine: no such index",
    "The index was dropped",
    "Cursor not found",
    "Too many cursors allocated for index",
    "ERR collection 'people' already exists",
    "ERR unknown collection 'people'",
    "ERR there is an index on",
    "ERR there is no index on",
    "ERR the collection was deleted before the answer was found",
];

/// A broken connection may be the first sign of a process that ended: what watches the process says it better.
const PROCESS_FIRST: Duration = Duration::from_secs(1);

/// What became of commands.
pub(super) enum Outcome {
    /// All were answered.
    Replies(Vec<Frame>),
    /// They were not sent.
    NotSent,
    /// The server went away before it answered all.
    Unknown,
}

impl Outcome {
    /// The last reply, if it is no error.
    pub(super) fn last(self) -> Option<Frame> {
        match self {
            Self::Replies(mut frames) => frames.pop().filter(|frame| !frame.is_error()),
            Self::NotSent | Self::Unknown => None,
        }
    }
}

/// A connection that is made anew for every life of the server.
pub(super) struct Link<'a> {
    stage: &'a Stage,
    connection: Option<TcpConnection>,
    life: u64,
    /// Time that commands ask the server to wait.
    pub(super) waits: Duration,
}

/// The words of a line.
pub(super) fn words(line: &str) -> Command {
    line.split(' ').map(|word| word.as_bytes().to_vec()).collect()
}

impl<'a> Link<'a> {
    pub(super) fn new(stage: &'a Stage) -> Self {
        Self { stage, connection: None, life: 0, waits: Duration::ZERO }
    }

    /// Forgets the connection.
    pub(super) fn close(&mut self) {
        self.connection = None;
    }

    /// Sends one command and waits for its reply.
    pub(super) fn call(&mut self, kind: &'static str, line: &str) -> Outcome {
        self.batch(kind, &[words(line)])
    }

    /// Sends commands at once and waits for all replies. A violation ends the run.
    pub(super) fn batch(&mut self, kind: &'static str, commands: &[Command]) -> Outcome {
        if !self.connect() {
            return Outcome::NotSent;
        }
        let Some(connection) = &mut self.connection else { return Outcome::NotSent };
        let mut bytes = Vec::new();
        commands.iter().for_each(|command| encode_into(&mut bytes, command));
        let sent = Instant::now();
        let mut frames = Vec::with_capacity(commands.len());
        let mut result = connection.send_raw(&bytes);
        while result.is_ok() && frames.len() < commands.len() {
            match connection.receive() {
                Ok(Frame::Closed) => result = Err(io::ErrorKind::ConnectionReset.into()),
                Ok(frame) => frames.push(frame),
                Err(error) => result = Err(error),
            }
        }
        if let Err(error) = result {
            self.connection = None;
            self.lost(&show(&commands[frames.len().min(commands.len() - 1)]), &error, sent);
            return Outcome::Unknown;
        }
        self.stage.figures.add(kind, commands.len() as u64);
        let took = sent.elapsed().saturating_sub(self.waits);
        self.stage.figures.note_time("reply time, ms", took);
        if took > self.stage.reply_limit && !self.stage.is_excused(Provoked::Down, sent) {
            self.stage.fail(&format!("the reply to {} took {} ms", show(&commands[0]), took.as_millis()));
        }
        for (command, frame) in commands.iter().zip(&frames) {
            if frame.is_error() {
                self.judge(command, frame, sent);
            }
        }
        Outcome::Replies(frames)
    }

    fn connect(&mut self) -> bool {
        let begun = Instant::now();
        let place = self.stage.place();
        if self.connection.is_some() && self.life == place.life {
            return true;
        }
        self.life = place.life;
        match self.stage.open(&place.address) {
            Ok(connection) => self.connection = Some(connection),
            Err(error) => {
                self.connection = None;
                self.lost("a connection", &error, begun);
            }
        }
        self.connection.is_some()
    }

    fn lost(&self, what: &str, error: &io::Error, since: Instant) {
        let is_excused = || self.stage.is_excused(Provoked::Down, since) || self.stage.life() != self.life;
        if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) {
            if !is_excused() {
                self.stage.fail(&format!("{what}: no reply within {} ms", since.elapsed().as_millis()));
            }
            return;
        }
        if !is_excused() && !self.stage.is_over() {
            std::thread::sleep(PROCESS_FIRST);
            if !is_excused() {
                self.stage.fail(&format!("{what}: the connection was lost: {error}"));
            }
        }
    }

    fn judge(&self, command: &Command, error: &Frame, sent: Instant) {
        let text = String::from_utf8_lossy(error.bytes());
        if text.starts_with(OUT_OF_TIME) && sent.elapsed() >= QUESTION_TIME {
            // A machine that has other things to do.
            self.stage.figures.add("searches out of time", 1);
            return;
        }
        let provoked: &[Provoked] = match text.split(' ').next().unwrap_or_default() {
            "BUSY" => &[Provoked::Busy],
            "MISCONF" => &[Provoked::Disk],
            "OOM" => &[Provoked::Memory],
            "LOADING" => &[Provoked::Down],
            "EXECABORT" => &Provoked::ALL,
            _ if HARMLESS.iter().any(|start| text.starts_with(start)) => return,
            _ => &[],
        };
        self.stage.figures.add("errors that were provoked", 1);
        // In a script an error's text goes on behind the code.
        let is_within = |code: &str, what| text.contains(code) && self.stage.is_excused(what, sent);
        let is_excused = provoked.iter().any(|&what| self.stage.is_excused(what, sent))
            || is_within("MISCONF ", Provoked::Disk)
            || is_within("OOM ", Provoked::Memory)
            // BUSY in the place of MULTI, and no more when EXEC comes.
            || is_within("without MULTI", Provoked::Busy);
        if !is_excused {
            self.stage.fail(&format!("{} was refused: {text}", show(command)));
        }
    }
}

/// A command, abbreviated.
fn show(command: &Command) -> String {
    let shown = command.iter().take(5).map(|word| {
        let mut text = word.escape_ascii().to_string();
        if text.len() > 60 {
            text.truncate(60);
            text.push_str("...");
        }
        text
    });
    shown.collect::<Vec<_>>().join(" ")
}
