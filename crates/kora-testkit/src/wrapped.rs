//! Plays the commands of transcripts as transactions on two servers and compares what they answer.
//!
//! A server of one worker and one of several must not differ, whatever stands in a transaction: its keys on however many
//! shards, commands of the server's own between the others. The replies that are recorded say nothing about that, since
//! they are to commands on their own.

use anyhow::Context as _;

use crate::frame::Frame;
use crate::session::{Mismatch, Report};
use crate::target::{Connection, Resp, Target};
use crate::transcript::{Action, Rule, Step, Transcript};

/// Commands of one transaction.
const COMMANDS: usize = 6;

/// Commands that are left out: they begin or end a transaction or the connection, answer with more or less than one frame,
/// wait, or tell of the server, the time or chance.
const LEFT_OUT: &[&str] = &[
    "ACL",
    "AUTH",
    "BGREWRITEAOF",
    "BGSAVE",
    "CLIENT",
    "COMMAND",
    "COMMANDLOG",
    "CONFIG",
    "DEBUG",
    "DISCARD",
    "EXEC",
    "HOTKEYS",
    "HRANDFIELD",
    "HSCAN",
    "INFO",
    "LASTSAVE",
    "LATENCY",
    "LOLWUT",
    "MEMORY",
    "MIGRATE",
    "MONITOR",
    "MULTI",
    "PSUBSCRIBE",
    "PUNSUBSCRIBE",
    "QUIT",
    "RANDOMKEY",
    "RESET",
    "SAVE",
    "SCAN",
    "SHUTDOWN",
    "SLOWLOG",
    "SPOP",
    "SRANDMEMBER",
    "SSCAN",
    "SSUBSCRIBE",
    "SUBSCRIBE",
    "SUNSUBSCRIBE",
    "TIME",
    "UNSUBSCRIBE",
    "UNWATCH",
    "WAIT",
    "WAITAOF",
    "WATCH",
    "ZRANDMEMBER",
    "ZSCAN",
];

/// Plays a transcript's commands in transactions on both servers, to clients of `resp`. One with pauses is left out: what
/// expires meanwhile would be another on each.
///
/// # Errors
/// When a server does not answer.
pub fn compare(transcript: &Transcript, targets: [&mut dyn Target; 2], resp: Resp) -> anyhow::Result<Report> {
    let mut report = Report::default();
    if transcript.steps().any(|step| matches!(step.action, Action::Wait(_))) {
        report.skipped = transcript.steps().count();
        return Ok(report);
    }
    let now_ms = targets[0].now_ms();
    let mut connections = Vec::new();
    for target in targets {
        target.connect(Resp::V2)?.call(&["FLUSHALL"])?;
        connections.push(target.connect(resp)?);
    }
    let mut chosen = Vec::new();
    for step in transcript.steps() {
        match words(step, now_ms) {
            Some(words) if is_queued(connections[0].as_mut(), &words)? => chosen.push((step, words)),
            _ => report.skipped += 1,
        }
    }
    for (number, steps) in chosen.chunks(COMMANDS).enumerate() {
        // With a command of the server's own in their midst, and without.
        let own_at = if number % 2 == 0 { Some(steps.len() / 2) } else { None };
        let mut replies = Vec::new();
        for connection in &mut connections {
            replies.push(play(connection.as_mut(), steps, own_at)?);
        }
        for (at, (step, words)) in steps.iter().enumerate() {
            let [one, several] = [0, 1].map(|server| reply_to(step, replies[server].get(at)));
            report.compared += 1;
            if !Rule::accept(&step.rules, &one.clone().abbreviated(), &several) {
                let words: Vec<_> =
                    words.iter().map(|word| String::from_utf8_lossy(word).into_owned()).collect();
                report.mismatches.push(Mismatch {
                    path: transcript.path.clone(),
                    line: step.line,
                    text: words.join(" "),
                    resp,
                    expected: one.to_string(),
                    got: several.to_string(),
                });
            }
        }
    }
    Ok(report)
}

/// The words of a step, if it is a command that may stand in a transaction here.
fn words(step: &Step, now_ms: i64) -> Option<Vec<Vec<u8>>> {
    let Action::Command(args) = &step.action else { return None };
    let words: Vec<_> = args.iter().map(|arg| arg.bytes(now_ms)).collect();
    let name = words.first()?.to_ascii_uppercase();
    (!LEFT_OUT.iter().any(|left_out| left_out.as_bytes() == name)).then_some(words)
}

/// Whether a server would take a command into a transaction.
fn is_queued(connection: &mut dyn Connection, words: &[Vec<u8>]) -> anyhow::Result<bool> {
    connection.call(&["MULTI"])?;
    connection.send(words)?;
    let reply = connection.receive()?;
    connection.call(&["DISCARD"])?;
    Ok(reply.bytes() == b"QUEUED")
}

/// Plays commands as one transaction, with PING behind the first `own_at` of them; returns their replies.
fn play(
    connection: &mut dyn Connection,
    steps: &[(&Step, Vec<Vec<u8>>)],
    own_at: Option<usize>,
) -> anyhow::Result<Vec<Frame>> {
    connection.call(&["MULTI"])?;
    for (at, (_, words)) in steps.iter().enumerate() {
        if own_at == Some(at) {
            connection.call(&["PING"])?;
        }
        connection.send(words)?;
        connection.receive()?;
    }
    let reply = connection.call(&["EXEC"])?;
    let mut replies = reply.items().to_vec();
    if let Some(at) = own_at {
        anyhow::ensure!(replies.len() == steps.len() + 1, "EXEC answered {reply}");
        let pong = replies.remove(at);
        anyhow::ensure!(pong.bytes() == b"PONG", "PING answered {pong} in {reply}");
    }
    anyhow::ensure!(replies.len() == steps.len(), "EXEC answered {reply}");
    replies.first().context("a transaction has commands")?;
    Ok(replies)
}

fn reply_to(step: &Step, reply: Option<&Frame>) -> Frame {
    Rule::normalise(&step.rules, reply.cloned().unwrap_or(Frame::Closed))
}
