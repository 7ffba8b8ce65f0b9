//! A storm: random commands of the whole table, on several connections of a real server, which must live through it.
//!
//! Commands are drawn from what the server itself tells of them, with hostile arguments: directly, in transactions, in scripts, as users
//! with few rights, by clients that keep copies, and as broken bytes; payloads of DUMP are altered and restored. Nothing is asked of
//! replies but that they are RESP. What counts:
//!
//! - the program goes on, and nothing in its log tells of a panic;
//! - another client's PING is answered all the while;
//! - when everything is deleted, the memory is about what it was, and does not grow from one epoch to the next for long.
//!
//! One thread drives all connections from one seed. What a server does with several connections is not decided by that alone, so a
//! violation tells the last commands that were sent.

mod acts;
mod draw;
mod line;
mod reply;
mod table;

use std::collections::VecDeque;
use std::fmt;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};

use crate::differential::Rng;
use crate::frame::Frame;
use crate::process::Server;
use crate::target::Connection as _;
use crate::target::tcp::{TcpConnection, TcpTarget};
use acts::Acts;
use line::{Fault, Line};
use table::Table;

/// Connections at once.
const LINES: usize = 6;

/// Between two looks at the memory so many things are done.
const ACTS_PER_EPOCH: u64 = 3000;

/// No PING takes longer, on however busy a machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// Sent things that a violation tells.
const TOLD: usize = 60;

/// Bytes that may be in use behind an epoch beyond what was before the first: what is kept to be used again.
const KEPT_BYTES_MAX: i64 = 16 << 20;

/// Epochs that are looked at together: what one keeps by chance another does not.
const GROUP: usize = 10;

/// By so much the least that is kept behind the epochs of a group may be more than that of the group before, once what is made once, as
/// the figures of each command, is there. A leak of a hundred bytes with each thing that is done is more.
const GROWTH_BYTES_MAX: i64 = 2 << 20;

/// What to do.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The program.
    pub program: &'a Path,
    /// Its workers.
    pub workers: u16,
    /// Decides what is sent.
    pub seed: u64,
    /// Epochs at most.
    pub epochs: u64,
    /// Ends at the end of an epoch that is later than this.
    pub time: Duration,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Epochs.
    pub epochs: u64,
    /// Commands and broken bytes sent.
    pub sent: u64,
    /// Replies and messages received.
    pub replies: u64,
    /// Those of them that were errors.
    pub errors: u64,
    /// Bytes in use behind the last epoch beyond what was before the first.
    pub kept_bytes: i64,
    /// Most of them behind any epoch.
    pub kept_bytes_max: i64,
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { epochs, sent, replies, errors, kept_bytes, kept_bytes_max } = self;
        write!(
            f,
            "{epochs} epochs, {sent} sent, {replies} replies, {errors} of them errors, {kept_bytes} bytes kept, {kept_bytes_max} at most"
        )
    }
}

/// A server in a storm.
struct Storm<'a> {
    server: Server,
    target: TcpTarget,
    log: &'a Path,
    watcher: TcpConnection,
    lines: Vec<Line>,
    acts: Acts,
    told: VecDeque<String>,
    tally: Tally,
    used_before: i64,
    /// What was kept behind each epoch.
    kept: Vec<i64>,
}

/// Runs a storm. `progress` is told what was done after each epoch.
///
/// # Errors
/// What must not be, with the last things that were sent; or when no server can be started.
pub fn run(options: &Options<'_>, progress: &mut dyn FnMut(&Tally)) -> anyhow::Result<Tally> {
    let folder = tempfile::tempdir()?;
    let log = folder.path().join("server.log");
    let mut storm = Storm::begin(options, &log)?;
    let begun = Instant::now();
    while storm.tally.epochs < options.epochs && begun.elapsed() < options.time {
        let epoch = storm.tally.epochs;
        if let Err(violation) = storm.epoch() {
            let told: Vec<String> = storm.told.iter().map(|line| format!("  {line}\n")).collect();
            bail!("seed {}, epoch {epoch}: {violation:#}\nlast sent:\n{}", options.seed, told.concat());
        }
        progress(&storm.tally);
    }
    Ok(storm.tally)
}

impl<'a> Storm<'a> {
    fn begin(options: &Options<'_>, log: &'a Path) -> anyhow::Result<Self> {
        let (workers, file) = (options.workers.to_string(), log.display().to_string());
        // What a command may ask for is little, so that many may.
        let limits = ["--proto-max-bulk-len", "1mb", "--maxmemory", "300mb", "--busy-reply-threshold", "500"];
        let server = Server::start(
            options.program,
            &[&limits[..], &["--workers", &workers, "--logfile", &file]].concat(),
        )?;
        let target = server.target()?;
        let mut watcher = target.open_with(PATIENCE)?;
        let table = Table::ask(&mut watcher)?;
        let port = server.address().rsplit_once(':').map_or(String::new(), |(_, port)| port.to_owned());
        let acts = Acts::new(Rng::of(options.seed), table, port);
        let mut storm = Self {
            server,
            target,
            log,
            watcher,
            lines: Vec::new(),
            acts,
            told: VecDeque::new(),
            tally: Tally::default(),
            used_before: 0,
            kept: Vec::new(),
        };
        // What the first commands of each kind keep is there before.
        storm.weather(ACTS_PER_EPOCH)?;
        storm.clean_up()?;
        storm.used_before = storm.used_bytes()?;
        Ok(storm)
    }

    fn epoch(&mut self) -> anyhow::Result<()> {
        self.weather(ACTS_PER_EPOCH)?;
        self.clean_up()?;
        self.tally.epochs += 1;
        let mut kept = 0;
        for _ in 0..200 {
            kept = self.used_bytes()? - self.used_before;
            if kept < KEPT_BYTES_MAX {
                break;
            }
            // What is large is freed aside.
            std::thread::sleep(Duration::from_millis(50));
        }
        self.tally.kept_bytes = kept;
        self.tally.kept_bytes_max = self.tally.kept_bytes_max.max(kept);
        ensure!(kept < KEPT_BYTES_MAX, "{kept} bytes more are in use than before, with nothing in it");
        self.kept.push(kept);
        ensure!(!grows(&self.kept), "what is kept with nothing in it grows and grows: {:?}", self.kept);
        Ok(())
    }

    fn weather(&mut self, acts: u64) -> anyhow::Result<()> {
        for number in 0..acts {
            while self.lines.len() < LINES {
                match Line::open(&self.server.address(), self.acts.rng()) {
                    Ok(line) => self.lines.push(line),
                    Err(_) => self.ping()?,
                }
            }
            let at = self.acts.rng().place(LINES);
            self.act(at)?;
            if number % 8 == 0 {
                self.ping()?;
            }
        }
        Ok(())
    }

    /// Does one thing on a connection, and reads what there is to read on all.
    fn act(&mut self, at: usize) -> anyhow::Result<()> {
        let act = self.acts.next();
        self.told.push_back(format!("{at}: {act}"));
        if self.told.len() > TOLD {
            self.told.pop_front();
        }
        self.tally.sent += act.count();
        let mut ended = Vec::new();
        if self.lines[at].send(&act.bytes()).is_err() || act.leaves() {
            ended.push(at);
        }
        for (index, line) in self.lines.iter_mut().enumerate() {
            let (tally, acts) = (&mut self.tally, &mut self.acts);
            let read = line.read(|reply| {
                tally.replies += 1;
                tally.errors += u64::from(matches!(reply.first(), Some(b'-' | b'!')));
                acts.learn(reply);
            });
            match read {
                Ok(()) if line.is_old() => ended.push(index),
                Ok(()) => {}
                Err(Fault::Ended) => ended.push(index),
                Err(Fault::Malformed(what)) => bail!("connection {index} was sent what is no reply: {what}"),
            }
        }
        ended.sort_unstable();
        ended.dedup();
        ended.into_iter().rev().for_each(|index| drop(self.lines.remove(index)));
        Ok(())
    }

    /// Another client asks whether the server is there.
    fn ping(&mut self) -> anyhow::Result<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.watcher.call(&["PING"]) {
                Ok(Frame::Closed) => {}
                Ok(reply) if reply.bytes().starts_with(b"BUSY ") => {
                    self.watcher.call(&["SCRIPT", "KILL"]).ok();
                    self.watcher.call(&["FUNCTION", "KILL"]).ok();
                    return Ok(());
                }
                Ok(_) => return Ok(()),
                Err(error) if is_timeout(&error) => break,
                Err(_) => {}
            }
            // CLIENT KILL may have meant it.
            self.look_for_the_end()?;
            if let Ok(again) = self.target.open_with(PATIENCE) {
                self.watcher = again;
            }
        }
        self.look_for_the_end()?;
        bail!("PING is not answered within {PATIENCE:?}")
    }

    fn look_for_the_end(&mut self) -> anyhow::Result<()> {
        let ended = self.server.try_wait()?;
        let log = std::fs::read_to_string(self.log).unwrap_or_default();
        let lines: Vec<&str> = log.lines().filter(|line| line.contains("panicked")).collect();
        ensure!(
            ended.is_none() && lines.is_empty(),
            "the program has ended ({ended:?}): {}",
            lines.join("\n")
        );
        Ok(())
    }

    /// A reply to the watcher, who may have been disconnected meanwhile.
    fn ask(&mut self, args: &[&str]) -> anyhow::Result<Frame> {
        self.ping()?;
        self.watcher.call(args).with_context(|| args.join(" "))
    }

    /// Deletes everything.
    fn clean_up(&mut self) -> anyhow::Result<()> {
        self.lines.clear();
        let begun = Instant::now();
        loop {
            // A script may still be running, and hold what is to be deleted.
            self.ask(&["SCRIPT", "KILL"])?;
            self.ask(&["FUNCTION", "KILL"])?;
            let reply = self.ask(&["FLUSHALL"])?;
            if !reply.is_error() {
                break;
            }
            ensure!(begun.elapsed() < PATIENCE, "FLUSHALL: {reply}");
            std::thread::sleep(Duration::from_millis(20));
        }
        for index in self.ask(&["FT._LIST"])?.items().to_vec() {
            self.ask(&["FT.DROPINDEX", &String::from_utf8_lossy(index.bytes())])?;
        }
        for user in self.ask(&["ACL", "USERS"])?.items().to_vec() {
            self.ask(&["ACL", "DELUSER", &String::from_utf8_lossy(user.bytes())])?;
        }
        for words in ["SCRIPT FLUSH", "FUNCTION FLUSH", "FLUSHALL", "ACL LOG RESET", "MEMORY PURGE"] {
            self.ask(&words.split(' ').collect::<Vec<_>>())?;
        }
        let size = self.ask(&["DBSIZE"])?;
        ensure!(size.number() == Some(0), "DBSIZE behind FLUSHALL: {size}");
        self.look_for_the_end()
    }

    fn used_bytes(&mut self) -> anyhow::Result<i64> {
        let info = self.ask(&["INFO", "memory"])?;
        let text = String::from_utf8_lossy(info.bytes()).into_owned();
        let used = text.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim_end().parse().ok());
        used.context("INFO tells used_memory")
    }
}

/// Whether what was kept behind each epoch grows as a leak does: three groups in a row, each by more than it may.
fn grows(kept: &[i64]) -> bool {
    let least: Vec<i64> =
        kept.rchunks_exact(GROUP).take(4).map(|group| group.iter().copied().min().unwrap_or(0)).collect();
    least.len() == 4 && least.windows(2).all(|pair| pair[0] - pair[1] > GROWTH_BYTES_MAX)
}

fn is_timeout(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_grows_for_long_is_told_from_what_is_made_once() {
        let leak: Vec<i64> = (0..40).map(|epoch| epoch * 300_000 + epoch % 3 * 100_000).collect();
        assert!(!grows(&leak[..39]) && grows(&leak));
        let once: Vec<i64> =
            (0..80).map(|epoch| 9_000_000 - 9_000_000 / (epoch + 1) + epoch % 4 * 900_000).collect();
        assert!(!(1..=once.len()).any(|count| grows(&once[..count])));
    }
}
