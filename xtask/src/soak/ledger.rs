//! Counters whose every step is acknowledged: none may be lost, none may be there that was never sent.
//!
//! They stand in keys without deadlines, which no `volatile-*` policy takes.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use kora_testkit::frame::Frame;
use kora_testkit::target::Connection as _;
use kora_testkit::target::tcp::TcpConnection;

use super::link::{Command, Link, Outcome, words};
use super::stage::Stage;

/// Acknowledgements older than this are kept only as the newest of them.
const MEMORY: Duration = Duration::from_secs(4);

/// Adds one to two keys, on shards of their own as a rule.
const SCRIPT: &str = "return{redis.call('INCR',KEYS[1]),redis.call('INCR',KEYS[2])}";

/// How a counter is counted.
#[derive(Clone, Copy)]
enum Kind {
    Text,
    Field,
    Score,
    Transaction,
    Script,
}

/// One counter, or two that go together.
struct Counter {
    kind: Kind,
    key: String,
    /// Its value, as far as was acknowledged.
    known: u64,
    /// Whether one more step was sent and not answered.
    is_in_doubt: bool,
    /// Its value when the server was last read, or at the last acknowledgement that was forgotten.
    base: u64,
    acknowledged: VecDeque<(Instant, u64)>,
}

/// One client's counters.
pub(super) struct Ledger(Vec<Counter>);

impl Ledger {
    pub(super) fn new(client: usize) -> Self {
        let kinds = [Kind::Text, Kind::Field, Kind::Score, Kind::Transaction, Kind::Script];
        let counters = (0_u16..).zip(kinds).map(|(number, kind)| Counter {
            kind,
            key: format!("ledger:{client}:{number}"),
            known: 0,
            is_in_doubt: false,
            base: 0,
            acknowledged: VecDeque::new(),
        });
        Self(counters.collect())
    }

    /// One step of one of the counters.
    pub(super) fn step(&mut self, number: usize, link: &mut Link<'_>, stage: &Stage) {
        let count = self.0.len();
        self.0[number % count].step(link, stage);
    }

    /// Holds what the server has against the counters, which go on from there. What was acknowledged before `certain` must be
    /// there, or all if there is no such moment.
    ///
    /// # Errors
    /// What was lost, or was never sent.
    pub(super) fn verify(
        &mut self,
        connection: &mut TcpConnection,
        certain: Option<Instant>,
    ) -> anyhow::Result<()> {
        self.0.iter_mut().try_for_each(|counter| counter.verify(connection, certain))
    }
}

impl Counter {
    fn other_key(&self) -> String {
        format!("{}:other", self.key)
    }

    fn commands(&self) -> Vec<Command> {
        let (key, other) = (&self.key, self.other_key());
        match self.kind {
            Kind::Text => vec![words(&format!("INCR {key}"))],
            Kind::Field => vec![words(&format!("HINCRBY {key} field 1"))],
            Kind::Score => vec![words(&format!("ZINCRBY {key} 1 member"))],
            Kind::Transaction => {
                vec![words(&format!("INCR {key}")), words(&format!("INCR {other}")), words("EXEC")]
            }
            Kind::Script => {
                vec![["EVAL", SCRIPT, "2", key, &other].iter().map(|word| word.as_bytes().to_vec()).collect()]
            }
        }
    }

    fn step(&mut self, link: &mut Link<'_>, stage: &Stage) {
        // Without it the commands behind would run one by one.
        if matches!(self.kind, Kind::Transaction) && link.call("commands: ledger", "MULTI").last().is_none() {
            return;
        }
        match link.batch("commands: ledger", &self.commands()) {
            Outcome::NotSent => {}
            Outcome::Unknown => self.is_in_doubt = true,
            Outcome::Replies(mut frames) => {
                let reply = frames.pop().unwrap_or(Frame::Closed);
                if reply.is_error() {
                    return;
                }
                let alone = [reply.clone()];
                let values = if reply.items().is_empty() { &alone[..] } else { reply.items() };
                let expected = self.known + 1;
                if values.iter().any(|value| value.number() != i64::try_from(expected).ok()) {
                    stage.fail(&format!("{} should have become {expected}, and is {reply}", self.key));
                }
                self.acknowledge(expected);
            }
        }
    }

    fn acknowledge(&mut self, value: u64) {
        self.known = value;
        self.acknowledged.push_back((Instant::now(), value));
        while self.acknowledged.front().is_some_and(|(at, _)| at.elapsed() > MEMORY) {
            self.base = self.acknowledged.pop_front().map_or(self.base, |(_, value)| value);
        }
    }

    /// The least value that must have survived.
    fn least(&self, certain: Option<Instant>) -> u64 {
        let Some(certain) = certain else { return self.known };
        let before = self.acknowledged.iter().rev().find(|(at, _)| *at < certain);
        before.map_or(self.base, |(_, value)| *value)
    }

    fn verify(&mut self, connection: &mut TcpConnection, certain: Option<Instant>) -> anyhow::Result<()> {
        let (key, other) = (&self.key, self.other_key());
        let reads = match self.kind {
            Kind::Text => vec![format!("GET {key}")],
            Kind::Field => vec![format!("HGET {key} field")],
            Kind::Score => vec![format!("ZSCORE {key} member")],
            Kind::Transaction | Kind::Script => vec![format!("GET {key}"), format!("GET {other}")],
        };
        let mut values = Vec::new();
        for read in reads {
            let reply =
                connection.call(&read.split(' ').collect::<Vec<_>>()).with_context(|| read.clone())?;
            ensure!(!reply.is_error(), "{read}: {reply}");
            values.push(u64::try_from(reply.number().unwrap_or(0))?);
        }
        let (least, most) = (self.least(certain), self.known + u64::from(self.is_in_doubt));
        let value = values[0];
        ensure!(
            values.iter().all(|other| *other == value),
            "{key} and {other} change together, and are {values:?}"
        );
        ensure!(value >= least, "{key} is {value}: acknowledged was {}, certain {least}", self.known);
        ensure!(value <= most, "{key} is {value}: only {most} steps were sent");
        (self.known, self.base, self.is_in_doubt) = (value, value, false);
        self.acknowledged.clear();
        Ok(())
    }
}
