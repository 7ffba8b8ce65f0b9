//! Plays transcripts on a target.

use std::collections::HashMap;
use std::fmt;
use std::path::PathBuf;

use anyhow::{Context as _, bail};

use crate::frame::Frame;
use crate::target::{Connection, Resp, Target};
use crate::transcript::{Action, Arg, Expect, Rule, Step, Transcript};

/// Lines of a long reply that are shown: these before the first difference, and so many in all.
const SHOWN_BEFORE: usize = 3;
const SHOWN_LINES: usize = 12;

/// A reply that is not the one recorded.
#[derive(Debug)]
pub struct Mismatch {
    /// The transcript.
    pub path: PathBuf,
    /// The step's line.
    pub line: usize,
    /// The step as written.
    pub text: String,
    /// The client's protocol.
    pub resp: Resp,
    /// The replies recorded.
    pub expected: String,
    /// The replies given, or what went wrong.
    pub got: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, text, resp, expected, got } = self;
        writeln!(f, "{}:{line} (RESP{})\n  {text}", path.display(), if *resp == Resp::V2 { 2 } else { 3 })?;
        let same = expected.lines().zip(got.lines()).take_while(|(left, right)| left == right).count();
        for (name, lines) in [("expected", expected), ("got", got)] {
            let mut shown = lines.lines().skip(same.saturating_sub(SHOWN_BEFORE)).take(SHOWN_LINES);
            shown.try_for_each(|line| writeln!(f, "  {name:8} {line}"))?;
        }
        Ok(())
    }
}

/// What playing transcripts showed.
#[derive(Debug, Default)]
pub struct Report {
    /// Steps whose replies were compared.
    pub compared: usize,
    /// Steps left out because the target does not have their command.
    pub skipped: usize,
    /// Replies that were not the ones recorded.
    pub mismatches: Vec<Mismatch>,
}

impl Report {
    /// Adds what playing another transcript showed.
    pub fn add(&mut self, other: Self) {
        self.compared += other.compared;
        self.skipped += other.skipped;
        self.mismatches.extend(other.mismatches);
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.mismatches.iter().try_for_each(|mismatch| writeln!(f, "{mismatch}"))?;
        let Self { compared, skipped, mismatches } = self;
        write!(f, "{compared} steps compared, {skipped} left out, {} differ", mismatches.len())
    }
}

/// Plays a transcript to a client of `resp` and compares every reply with the one recorded.
pub fn replay(transcript: &Transcript, target: &mut dyn Target, resp: Resp) -> Report {
    let mut report = Report::default();
    if transcript.needs_server && !target.is_server() {
        report.skipped = transcript.steps().count();
        return report;
    }
    let mismatch = |step: &Step, got: String| {
        let expected = step.answers.of(resp).iter().map(Frame::to_string).collect();
        Mismatch {
            path: transcript.path.clone(),
            line: step.line,
            text: step.text.clone(),
            resp,
            expected,
            got,
        }
    };
    let mut session = Session::new(target, resp);
    for step in transcript.steps() {
        match session.play(step) {
            Ok(None) => report.skipped += 1,
            Ok(Some(frames)) => {
                report.compared += 1;
                if !accept(&step.rules, step.answers.of(resp), &frames) {
                    report.mismatches.push(mismatch(step, shown(frames)));
                }
            }
            Err(error) => {
                report.mismatches.push(mismatch(step, format!("{error:#}")));
                break;
            }
        }
    }
    drop(session);
    target.settle();
    report
}

/// Plays a transcript twice, in both protocols, and notes the replies. Those that are as good as the ones noted
/// before stay, so that numbers which change from day to day do not show up as changes.
///
/// # Errors
/// When a step gets no reply.
pub fn record(transcript: &mut Transcript, target: &mut dyn Target) -> anyhow::Result<()> {
    for resp in Resp::ALL {
        let mut session = Session::new(target, resp);
        for step in transcript.steps_mut() {
            let frames = session.play(step).with_context(|| format!("line {}: {}", step.line, step.text))?;
            let frames = frames.context("a real server has every command")?;
            if !accept(&step.rules, step.answers.of(resp), &frames) {
                step.answers.set(resp, frames.into_iter().map(Frame::abbreviated).collect());
            }
        }
    }
    Ok(())
}

fn shown(frames: Vec<Frame>) -> String {
    frames.into_iter().map(|frame| frame.abbreviated().to_string()).collect()
}

fn accept(rules: &[Rule], recorded: &[Frame], got: &[Frame]) -> bool {
    recorded.len() == got.len()
        && recorded.iter().zip(got).all(|(left, right)| Rule::accept(rules, left, right))
}

/// The connections of one play.
struct Session<'a> {
    target: &'a mut dyn Target,
    resp: Resp,
    connections: HashMap<u32, Box<dyn Connection>>,
    /// By connection the number of its client, once it was asked for.
    clients: HashMap<u32, Vec<u8>>,
    is_started: bool,
}

impl<'a> Session<'a> {
    fn new(target: &'a mut dyn Target, resp: Resp) -> Self {
        Self { target, resp, connections: HashMap::new(), clients: HashMap::new(), is_started: false }
    }

    /// Does what a step says. `None` if the target does not have its command.
    fn play(&mut self, step: &Step) -> anyhow::Result<Option<Vec<Frame>>> {
        if !self.is_started {
            self.start()?;
        }
        let now_ms = self.target.now_ms();
        let mut frames = match &step.action {
            Action::Wait(time) => {
                self.target.wait(*time);
                Vec::new()
            }
            Action::Reconnect => {
                if let Some(mut connection) = self.connections.remove(&step.connection) {
                    connection.close()?;
                }
                self.connection(step.connection)?;
                Vec::new()
            }
            Action::Reply => vec![self.connection(step.connection)?.receive()?],
            Action::Command(args) => {
                let args =
                    args.iter().map(|arg| self.bytes(arg, now_ms)).collect::<anyhow::Result<Vec<_>>>()?;
                if !self.target.has_command(&args) {
                    return Ok(None);
                }
                self.command(step, args)?
            }
            Action::Raw(expect, args) => {
                let bytes: Vec<_> = args.iter().flat_map(|arg| arg.bytes(now_ms)).collect();
                let connection = self.connection(step.connection)?;
                // The server may have closed before it read everything; its replies tell.
                let sent = connection.send_raw(&bytes);
                match expect {
                    Expect::Replies(count) => {
                        sent?;
                        (0..*count).map(|_| connection.receive()).collect::<std::io::Result<_>>()?
                    }
                    Expect::Close => receive_all(connection.as_mut())?,
                }
            }
        };
        for frame in &mut frames {
            let raw = std::mem::replace(frame, Frame::Closed);
            *frame = Rule::normalise(&step.rules, raw);
        }
        if frames.last() == Some(&Frame::Closed) {
            self.connections.remove(&step.connection);
        }
        Ok(Some(frames))
    }

    /// The bytes of an argument.
    fn bytes(&mut self, arg: &Arg, now_ms: i64) -> anyhow::Result<Vec<u8>> {
        let Arg::Client(number) = arg else { return Ok(arg.bytes(now_ms)) };
        if let Some(id) = self.clients.get(number) {
            return Ok(id.clone());
        }
        let id = self.connection(*number)?.call(&["CLIENT", "ID"])?.bytes().to_vec();
        self.clients.insert(*number, id.clone());
        Ok(id)
    }

    fn command(&mut self, step: &Step, args: Vec<Vec<u8>>) -> anyhow::Result<Vec<Frame>> {
        let connection = self.connection(step.connection)?.as_mut();
        connection.send(&args)?;
        if step.rules.iter().any(|rule| matches!(rule, Rule::Silent | Rule::Deferred)) {
            return Ok(Vec::new());
        }
        let reply = connection.receive()?;
        Ok(vec![if step.rules.contains(&Rule::Scan) { scan(connection, args, reply)? } else { reply }])
    }

    /// Empties the target: every transcript starts from nothing.
    fn start(&mut self) -> anyhow::Result<()> {
        let reply = self.target.connect(Resp::V2)?.call(&["FLUSHALL"])?;
        if reply.is_error() {
            bail!("FLUSHALL was refused: {reply}");
        }
        self.is_started = true;
        Ok(())
    }

    fn connection(&mut self, number: u32) -> anyhow::Result<&mut Box<dyn Connection>> {
        use std::collections::hash_map::Entry;
        Ok(match self.connections.entry(number) {
            Entry::Occupied(entry) => entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(self.target.connect(self.resp)?),
        })
    }
}

/// Repeats a SCAN whose first reply is `reply` until its cursor is 0, and joins all elements.
pub(crate) fn scan(
    connection: &mut dyn Connection,
    mut args: Vec<Vec<u8>>,
    reply: Frame,
) -> anyhow::Result<Frame> {
    let Frame::Many { kind, items } = reply else { return Ok(reply) };
    // HSCAN, SSCAN and ZSCAN have a key before the cursor.
    let cursor_at = if args[0].eq_ignore_ascii_case(b"SCAN") { 1 } else { 2 };
    let mut cursor = items.first().context("SCAN answers a cursor")?.clone();
    let mut elements = items.get(1).context("SCAN answers elements")?.items().to_vec();
    while cursor.bytes() != b"0" {
        args[cursor_at] = cursor.bytes().to_vec();
        connection.send(&args)?;
        let reply = connection.receive()?;
        let [next, more] = reply.items() else { bail!("SCAN answers a cursor and elements") };
        cursor = next.clone();
        elements.extend_from_slice(more.items());
    }
    Ok(Frame::Many { kind, items: vec![cursor, Frame::Many { kind: b'*', items: elements }] })
}

fn receive_all(connection: &mut dyn Connection) -> anyhow::Result<Vec<Frame>> {
    let mut frames = Vec::new();
    while frames.last() != Some(&Frame::Closed) {
        frames.push(connection.receive()?);
    }
    Ok(frames)
}

#[cfg(test)]
mod tests;
