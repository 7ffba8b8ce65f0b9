//! Reads transcripts, line by line.

use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::{Action, Answers, Arg, Expect, Item, Origin, Rule, Step, Transcript};
use crate::frame::{self, Frame};
use crate::words::split_words;

/// Stands before replies that only RESP2 clients get.
pub(super) const RESP2_ONLY: &str = "[resp2]";
/// Stands before replies that only RESP3 clients get.
pub(super) const RESP3_ONLY: &str = "[resp3]";

pub(super) fn transcript(path: &Path, text: &str) -> anyhow::Result<Transcript> {
    let mut reader = Reader::default();
    for (index, line) in text.lines().enumerate() {
        reader.line(index + 1, line).with_context(|| format!("line {}: {line}", index + 1))?;
    }
    reader.finish_step().context("at the end")?;
    anyhow::ensure!(reader.rules.is_empty(), "a rule without its step at the end");
    let origin = reader.origin.context("the line `server: ...` is missing")?;
    Ok(Transcript { path: path.to_owned(), origin, needs_server: reader.needs_server, items: reader.items })
}

#[derive(Default)]
struct Reader<'a> {
    origin: Option<Origin>,
    needs_server: bool,
    items: Vec<Item>,
    rules: Vec<Rule>,
    step: Option<Step>,
    replies: Vec<&'a str>,
}

impl<'a> Reader<'a> {
    fn line(&mut self, number: usize, line: &'a str) -> anyhow::Result<()> {
        if line.starts_with(['>', '@', '!']) && !line.starts_with("! \"") && !is_push_reply(line) {
            self.finish_step()?;
            self.step = Some(step(number, line, std::mem::take(&mut self.rules))?);
        } else if let Some(rule) = line.strip_prefix("~ ") {
            self.finish_step()?;
            self.rules.push(rule.parse()?);
        } else if line.is_empty() || line.starts_with("# ") || line == "#" {
            self.finish_step()?;
            self.items.push(Item::Text(line.to_owned()));
        } else if let Some(origin) = line.strip_prefix("server: ") {
            self.origin = Some(match origin {
                "redis 8.0.2" => Origin::Redis,
                "redis 8.0.2 with modules" => Origin::RedisWithModules,
                "redis 8.2.3" => Origin::LaterRedis,
                "valkey 8.1.1" => Origin::Valkey,
                _ => bail!("an unknown server"),
            });
            self.items.push(Item::Text(line.to_owned()));
        } else if line == "needs: server" {
            self.needs_server = true;
            self.items.push(Item::Text(line.to_owned()));
        } else if self.step.is_some() {
            self.replies.push(line);
        } else {
            bail!("a reply without a command");
        }
        Ok(())
    }

    fn finish_step(&mut self) -> anyhow::Result<()> {
        let Some(mut step) = self.step.take() else { return Ok(()) };
        let lines = std::mem::take(&mut self.replies);
        let parse = |lines: &[&str]| frame::parse(lines.iter().copied());
        step.answers = if let Some((&RESP2_ONLY, rest)) = lines.split_first() {
            let at = rest.iter().position(|line| *line == RESP3_ONLY).context("[resp3] is missing")?;
            Answers { resp2: parse(&rest[..at])?, resp3: parse(&rest[at + 1..])? }
        } else {
            let resp2 = parse(&lines)?;
            Answers { resp3: for_resp3(&resp2), resp2 }
        };
        self.items.push(Item::Step(step));
        Ok(())
    }
}

/// What clients of RESP3 get where nothing else is noted: RESP2's two nulls become one.
pub(super) fn for_resp3(resp2: &[Frame]) -> Vec<Frame> {
    resp2.iter().map(Frame::with_resp3_nulls).collect()
}

/// `>3` is the head of a push message, `> 3` a command.
fn is_push_reply(line: &str) -> bool {
    line.strip_prefix('>').is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_digit()))
}

fn step(line: usize, text: &str, rules: Vec<Rule>) -> anyhow::Result<Step> {
    let (connection, rest) = match text.strip_prefix('@') {
        None => (1, text),
        Some(rest) => {
            let end = rest.find(['>', '!']).context("`>` or `!` is missing")?;
            (rest[..end].trim().parse().context("the number of a connection")?, &rest[end..])
        }
    };
    let (sign, rest) = rest.split_at(1);
    let words = split_words(rest).context("unbalanced quotes")?;
    let action = match sign {
        ">" => Action::Command(words.iter().map(|word| arg(word)).collect()),
        _ => directive(&words)?,
    };
    Ok(Step { line, text: text.to_owned(), connection, action, rules, answers: Answers::default() })
}

fn directive(words: &[Vec<u8>]) -> anyhow::Result<Action> {
    let texts: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
    let texts: Vec<_> = texts.iter().map(AsRef::as_ref).collect();
    Ok(match texts.as_slice() {
        ["wait", time] => {
            let ms = time.strip_suffix("ms").context("a time ends in ms")?;
            Action::Wait(Duration::from_millis(ms.parse()?))
        }
        ["reconnect"] => Action::Reconnect,
        ["reply"] => Action::Reply,
        ["raw", "close", ..] => Action::Raw(Expect::Close, words[2..].iter().map(|word| arg(word)).collect()),
        ["raw", count, ..] => {
            let expect = Expect::Replies(count.parse().context("a number of replies")?);
            Action::Raw(expect, words[2..].iter().map(|word| arg(word)).collect())
        }
        _ => bail!("an unknown directive"),
    })
}

fn arg(word: &[u8]) -> Arg {
    generated(word).unwrap_or_else(|| Arg::Bytes(word.to_vec()))
}

fn generated(word: &[u8]) -> Option<Arg> {
    let text = std::str::from_utf8(word).ok()?.strip_suffix(')')?;
    let (function, inside) = text.split_once('(')?;
    match function {
        "repeat" => {
            let (text, count) = inside.rsplit_once(',')?;
            Some(Arg::Repeat(text.as_bytes().to_vec(), count.parse().ok()?))
        }
        "unix" => inside.parse().ok().map(Arg::Unix),
        "client" => inside.parse().ok().map(Arg::Client),
        "unixms" => inside.parse().ok().map(Arg::UnixMs),
        _ => None,
    }
}
