//! A transcript: what was said to a real server, and what it answered. `transcripts/README.md` describes the format
//! for those who write them.
//!
//! Invariant: writing a transcript that was read and not changed gives the same bytes, comments included, so that
//! recording again shows in a diff what a server does differently and nothing else.

mod read;
mod rule;

pub use rule::Rule;

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use crate::frame::Frame;
use crate::target::Resp;

/// The real server that a transcript is recorded from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// redis-server 8.0.2.
    Redis,
    /// redis-server 8.0.2 with the modules of Redis Stack 7.4: RedisJSON 2.8.3 and RediSearch 2.10.5.
    RedisWithModules,
    /// redis-server 8.2.3, for what came with it.
    LaterRedis,
    /// valkey-server 8.1.1, for what Redis 8.0 does not have.
    Valkey,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Redis => "redis 8.0.2",
            Self::RedisWithModules => "redis 8.0.2 with modules",
            Self::LaterRedis => "redis 8.2.3",
            Self::Valkey => "valkey 8.1.1",
        })
    }
}

/// An argument as the transcript words it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Arg {
    /// The bytes themselves.
    Bytes(Vec<u8>),
    /// `repeat(TEXT,COUNT)`.
    Repeat(Vec<u8>, usize),
    /// `unix(+SECONDS)`: a moment relative to now, in seconds since 1970.
    Unix(i64),
    /// `unixms(+MILLISECONDS)`: the same in milliseconds.
    UnixMs(i64),
    /// `client(N)`: the number by which the server knows the client of connection N.
    Client(u32),
}

impl Arg {
    /// The bytes to send at `now_ms`, in milliseconds since 1970.
    #[must_use]
    pub fn bytes(&self, now_ms: i64) -> Vec<u8> {
        match self {
            Self::Bytes(bytes) => bytes.clone(),
            Self::Repeat(text, count) => text.repeat(*count),
            Self::Unix(offset) => (now_ms.div_euclid(1000) + offset).to_string().into_bytes(),
            Self::UnixMs(offset) => (now_ms + offset).to_string().into_bytes(),
            // Whoever has the connections asks the server.
            Self::Client(_) => Vec::new(),
        }
    }
}

/// How many replies a raw write is answered with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expect {
    /// That many.
    Replies(usize),
    /// All until the server closes the connection.
    Close,
}

/// What a step does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// `> COMMAND ARG ...`: sends a command and reads its reply.
    Command(Vec<Arg>),
    /// `! raw COUNT|close "BYTES"`: writes bytes as they are and reads the replies.
    Raw(Expect, Vec<Arg>),
    /// `! reply`: reads a reply that a command marked `~ deferred` left.
    Reply,
    /// `! wait DURATION`: lets time pass.
    Wait(Duration),
    /// `! reconnect`: closes the connection and opens it anew.
    Reconnect,
}

/// The replies of a step in either protocol.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answers {
    resp2: Vec<Frame>,
    resp3: Vec<Frame>,
}

impl Answers {
    /// The replies to a client of `resp`.
    #[must_use]
    pub fn of(&self, resp: Resp) -> &[Frame] {
        match resp {
            Resp::V2 => &self.resp2,
            Resp::V3 => &self.resp3,
        }
    }

    /// Replaces the replies to a client of `resp`.
    pub fn set(&mut self, resp: Resp, frames: Vec<Frame>) {
        match resp {
            Resp::V2 => self.resp2 = frames,
            Resp::V3 => self.resp3 = frames,
        }
    }
}

/// One action and its replies.
#[derive(Clone, Debug)]
pub struct Step {
    /// Line number of the action.
    pub line: usize,
    /// The action's line as written.
    pub text: String,
    /// The connection, 1 unless `@N` says otherwise.
    pub connection: u32,
    /// What is done.
    pub action: Action,
    /// How its replies are compared.
    pub rules: Vec<Rule>,
    /// The replies.
    pub answers: Answers,
}

/// A step, or a line that people read.
#[derive(Clone, Debug)]
pub enum Item {
    /// A comment, a heading or an empty line.
    Text(String),
    /// A step.
    Step(Step),
}

/// A transcript.
#[derive(Clone, Debug)]
pub struct Transcript {
    /// Its file.
    pub path: PathBuf,
    /// Where it was recorded.
    pub origin: Origin,
    /// Whether it makes sense only on a whole server, because it changes settings or speaks of connections.
    pub needs_server: bool,
    /// Its lines and steps, in order.
    pub items: Vec<Item>,
}

impl Transcript {
    /// Reads a transcript.
    ///
    /// # Errors
    /// When the file can't be read or a line is not understood.
    pub fn load(path: &Path) -> anyhow::Result<Self> {
        let text = std::fs::read_to_string(path).with_context(|| path.display().to_string())?;
        Self::parse(path, &text)
    }

    /// Reads a transcript from text; `path` is for messages.
    ///
    /// # Errors
    /// When a line is not understood.
    pub fn parse(path: &Path, text: &str) -> anyhow::Result<Self> {
        read::transcript(path, text).with_context(|| path.display().to_string())
    }

    /// Whether it needs what Kora does not have yet (`*.later.txt`): recorded, not replayed on Kora.
    #[must_use]
    pub fn is_later(&self) -> bool {
        self.path.to_string_lossy().ends_with(".later.txt")
    }

    /// Its steps, in order.
    pub fn steps(&self) -> impl Iterator<Item = &Step> {
        self.items.iter().filter_map(|item| match item {
            Item::Step(step) => Some(step),
            Item::Text(_) => None,
        })
    }

    /// Its steps, in order, to be changed.
    pub fn steps_mut(&mut self) -> impl Iterator<Item = &mut Step> {
        self.items.iter_mut().filter_map(|item| match item {
            Item::Step(step) => Some(step),
            Item::Text(_) => None,
        })
    }

    /// All transcripts under `root`, in order of path.
    ///
    /// # Errors
    /// When the folder or a transcript can't be read.
    pub fn load_all(root: &Path) -> anyhow::Result<Vec<Self>> {
        let mut paths = Vec::new();
        find_files(root, &mut paths).with_context(|| root.display().to_string())?;
        paths.sort();
        paths.iter().map(|path| Self::load(path)).collect()
    }
}

/// The folder of this crate's transcripts.
#[must_use]
pub fn transcripts_dir() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("transcripts")
}

fn find_files(dir: &Path, paths: &mut Vec<PathBuf>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.is_dir() {
            find_files(&path, paths)?;
        } else if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    Ok(())
}

impl fmt::Display for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.items.iter().try_for_each(|item| match item {
            Item::Text(line) => writeln!(f, "{line}"),
            Item::Step(step) => step.fmt(f),
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for rule in &self.rules {
            writeln!(f, "~ {rule}")?;
        }
        writeln!(f, "{}", self.text)?;
        let Answers { resp2, resp3 } = &self.answers;
        if *resp3 == read::for_resp3(resp2) {
            return resp2.iter().try_for_each(|frame| frame.fmt(f));
        }
        writeln!(f, "{}", read::RESP2_ONLY)?;
        resp2.iter().try_for_each(|frame| frame.fmt(f))?;
        writeln!(f, "{}", read::RESP3_ONLY)?;
        resp3.iter().try_for_each(|frame| frame.fmt(f))
    }
}

#[cfg(test)]
mod tests;
