//! Plays steps on two servers and compares what they answer and what they hold.

use std::fmt;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::Step;
use super::generate::encoding_rules;
use crate::frame::Frame;
use crate::session::scan;
use crate::target::tcp::TcpTarget;
use crate::target::{Connection, Resp, Target as _, encode_into};
use crate::transcript::{Origin, Rule};

/// Commands sent before their replies are read.
const BATCH_COMMANDS: usize = 50;

/// Databases of a server as it comes.
const DATABASES: usize = 16;

/// Where two servers disagree.
#[derive(Clone, Debug)]
pub struct Difference {
    /// The command, or the part of the final state.
    pub what: String,
    /// What the reference says.
    pub reference: Frame,
    /// What the other says.
    pub other: Frame,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.what)?;
        for (name, frame) in [("reference", &self.reference), ("other", &self.other)] {
            let text = frame.clone().abbreviated().to_string();
            text.lines().try_for_each(|line| writeln!(f, "  {name:9} {line}"))?;
        }
        Ok(())
    }
}

/// A connection to each of two servers.
pub struct Pair {
    connections: [Box<dyn Connection>; 2],
    /// Of another client of each.
    other_connections: [Box<dyn Connection>; 2],
    origin: Origin,
}

impl Pair {
    /// Connects to both, of which the reference is of `origin`, and empties them.
    ///
    /// # Errors
    /// When either refuses.
    pub fn connect(
        reference: &TcpTarget,
        other: &TcpTarget,
        resp: Resp,
        origin: Origin,
    ) -> anyhow::Result<Self> {
        let mut connections = [reference.clone().connect(resp)?, other.clone().connect(resp)?];
        for connection in &mut connections {
            let reply = connection.call(&["FLUSHALL"])?;
            anyhow::ensure!(!reply.is_error(), "FLUSHALL was refused: {reply}");
        }
        let other_connections = [reference.clone().connect(resp)?, other.clone().connect(resp)?];
        Ok(Self { connections, other_connections, origin })
    }

    /// Lets the other client go on.
    pub(super) fn swap_clients(&mut self) {
        std::mem::swap(&mut self.connections, &mut self.other_connections);
    }

    /// Plays steps on both. The first difference, with the number of the step, or the number of steps if all replies
    /// agree and the keys at the end do not.
    ///
    /// # Errors
    /// When a server stops answering.
    pub fn play(&mut self, steps: &[Step]) -> anyhow::Result<Option<(usize, Difference)>> {
        let mut at = 0;
        while at < steps.len() {
            let batch = batch(&steps[at..]);
            if let Some((index, difference)) = self.play_batch(batch)? {
                return Ok(Some((at + index, difference)));
            }
            at += batch.len();
        }
        Ok(self.compare_state()?.map(|difference| (steps.len(), difference)))
    }

    fn play_batch(&mut self, steps: &[Step]) -> anyhow::Result<Option<(usize, Difference)>> {
        if let [Step { block: Some(block), .. }] = steps {
            return Ok(self.play_block(block)?.map(|difference| (0, difference)));
        }
        let replies = if let [step] = steps
            && step.rules.contains(&Rule::Scan)
        {
            let [reference, other] = &mut self.connections;
            [vec![call_scan(reference.as_mut(), step)?], vec![call_scan(other.as_mut(), step)?]]
        } else {
            let commands: Vec<_> = steps.iter().map(|step| step.args.clone()).collect();
            self.call_all(&commands)?
        };
        let [references, others] = replies;
        for (index, (step, (reference, other))) in
            steps.iter().zip(references.into_iter().zip(others)).enumerate()
        {
            if !step.accepts(&reference, &other) {
                return Ok(Some((index, Difference { what: step.to_string(), reference, other })));
            }
        }
        if let Some(wait_ms) = steps.last().map(|step| step.wait_ms).filter(|wait_ms| *wait_ms > 0) {
            std::thread::sleep(Duration::from_millis(wait_ms));
        }
        Ok(None)
    }

    /// Sends commands to both, then reads all replies.
    pub(super) fn call_all(&mut self, commands: &[Vec<Vec<u8>>]) -> anyhow::Result<[Vec<Frame>; 2]> {
        let mut bytes = Vec::new();
        commands.iter().for_each(|args| encode_into(&mut bytes, args));
        for connection in &mut self.connections {
            connection.send_raw(&bytes)?;
        }
        let mut replies = [Vec::new(), Vec::new()];
        for (connection, replies) in self.connections.iter_mut().zip(&mut replies) {
            for args in commands {
                let reply = connection.receive().with_context(|| show(args))?;
                if reply == Frame::Closed {
                    bail!("a server closed the connection at or before: {}", show(args));
                }
                replies.push(reply);
            }
        }
        Ok(replies)
    }

    fn compare_state(&mut self) -> anyhow::Result<Option<Difference>> {
        for db in 0..DATABASES {
            let select = vec![b"SELECT".to_vec(), db.to_string().into_bytes()];
            let [references, others] = self.call_all(&[select, words(&["KEYS", "*"])])?;
            let sorted = |replies: &[Frame]| Rule::normalise(&[Rule::Sorted], replies[1].clone());
            let (reference, other) = (sorted(&references), sorted(&others));
            if reference != other {
                return Ok(Some(Difference { what: format!("all keys of database {db}"), reference, other }));
            }
            let keys: Vec<_> = reference.items().iter().map(|key| key.bytes().to_vec()).collect();
            if let Some(difference) = self.compare_keys(db, &keys)? {
                return Ok(Some(difference));
            }
        }
        Ok(None)
    }

    fn compare_keys(&mut self, db: usize, keys: &[Vec<u8>]) -> anyhow::Result<Option<Difference>> {
        let encoding = encoding_rules(self.origin);
        let about_key = |question: &[&str], key: &Vec<u8>| [words(question), vec![key.clone()]].concat();
        let ask = |question: &[&str]| keys.iter().map(|key| about_key(question, key)).collect::<Vec<_>>();
        let types = self.call_all(&ask(&["TYPE"]))?;
        let reads: Vec<_> =
            keys.iter().zip(&types[0]).map(|(key, kind)| read_all(kind.bytes(), key)).collect();
        let questions: [(Vec<_>, &[Rule]); 4] = [
            (ask(&["TYPE"]), &[]),
            (reads, &[]),
            (ask(&["OBJECT", "ENCODING"]), &encoding),
            (ask(&["PTTL"]), &[Rule::Near(3000)]),
        ];
        for (commands, rules) in questions {
            let [references, others] = self.call_all(&commands)?;
            for (args, (reference, other)) in commands.iter().zip(references.into_iter().zip(others)) {
                let rules = if rules.is_empty() { read_rules(&args[0]) } else { rules };
                if !accept(
                    rules,
                    &Rule::normalise(rules, reference.clone()),
                    &Rule::normalise(rules, other.clone()),
                ) {
                    let what = format!("at the end, in database {db}: {}", show(args));
                    return Ok(Some(Difference { what, reference, other }));
                }
            }
        }
        Ok(None)
    }
}

/// The command that reads all of a value of this type.
fn read_all(kind: &[u8], key: &[u8]) -> Vec<Vec<u8>> {
    let (before, behind): (&[&str], &[&str]) = match kind {
        b"list" => (&["LRANGE"], &["0", "-1"]),
        b"set" => (&["SMEMBERS"], &[]),
        b"hash" => (&["HGETALL"], &[]),
        b"zset" => (&["ZRANGE"], &["0", "-1", "WITHSCORES"]),
        b"stream" => (&["XRANGE"], &["-", "+"]),
        _ => (&["GET"], &[]),
    };
    [words(before), vec![key.to_vec()], words(behind)].concat()
}

/// How replies of such a command are compared.
fn read_rules(command: &[u8]) -> &'static [Rule] {
    match command {
        b"SMEMBERS" => &[Rule::Sorted],
        b"HGETALL" => &[Rule::Pairs],
        _ => &[],
    }
}

/// Steps to send together: a pause ends them, and a SCAN stands alone because what it asks depends on the replies, as does
/// a transaction, which is more than one command.
fn batch(steps: &[Step]) -> &[Step] {
    let is_scan = |step: &Step| step.rules.contains(&Rule::Scan) || step.block.is_some();
    if is_scan(&steps[0]) {
        return &steps[..1];
    }
    let end = steps.iter().take(BATCH_COMMANDS).position(is_scan);
    let pause = steps.iter().position(|step| step.wait_ms > 0).map(|at| at + 1);
    let len = [Some(steps.len()), Some(BATCH_COMMANDS), end, pause].into_iter().flatten().min();
    &steps[..len.unwrap_or(steps.len())]
}

fn accept(rules: &[Rule], reference: &Frame, other: &Frame) -> bool {
    Rule::accept(rules, &reference.clone().abbreviated(), other)
}

fn call_scan(connection: &mut dyn Connection, step: &Step) -> anyhow::Result<Frame> {
    connection.send(&step.args)?;
    let reply = connection.receive()?;
    scan(connection, step.args.clone(), reply)
}

fn words(words: &[&str]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

pub(super) fn show(args: &[Vec<u8>]) -> String {
    Step::of(args.to_vec()).to_string()
}
