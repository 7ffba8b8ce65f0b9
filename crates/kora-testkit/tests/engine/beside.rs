//! Commands that go on aside, a slice at a time, beside a client that changes what they look at: the engine, the client that asks and the one that
//! changes, and the rounds in which workers take turns. What is asked about is the tests' own.

use std::marker::PhantomData;

use kora_core::db::DbIndex;
use kora_core::hash::splitmix64;
use kora_core::reply::Value;
use kora_core::slot::{ShardId, WorkerId};
use kora_engine::front::Origin;
use kora_engine::session::Choice;
use kora_testkit::stepped::Stepped;

/// Rounds after which a command must have come to its end.
pub(crate) const ROUNDS_MAX: usize = 20_000;

/// What is asked about.
pub(crate) trait Subject {
    /// The words of a line, in which bars part them.
    fn words(line: &str) -> Vec<Vec<u8>> {
        words(line)
    }
}

/// See the module.
pub(crate) struct World<S> {
    pub(crate) engine: Stepped,
    pub(crate) asking: Origin,
    pub(crate) writer: Origin,
    shards: u16,
    random: u64,
    /// Rounds that commands took in all.
    pub(crate) rounds: usize,
    subject: PhantomData<S>,
}

pub(crate) fn choice() -> Choice<bool> {
    Choice { style: false, ..Choice::of_program(DbIndex(0)) }
}

pub(crate) fn words(line: &str) -> Vec<Vec<u8>> {
    line.split('|').map(|word| word.as_bytes().to_vec()).collect()
}

impl<S: Subject> World<S> {
    /// Two clients, of the first worker and of the last.
    pub(crate) fn of(mut engine: Stepped, workers: u16, shards: u16, seed: u64) -> Self {
        let asking = engine.connect(WorkerId(0), choice());
        let writer = engine.connect(WorkerId(workers - 1), choice());
        Self { engine, asking, writer, shards, random: seed, rounds: 0, subject: PhantomData }
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        splitmix64(&mut self.random) % limit
    }

    pub(crate) fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        let at = self.below(from.len() as u64);
        from[usize::try_from(at).unwrap_or(0)]
    }

    /// Runs a command to its end.
    pub(crate) fn run(&mut self, client: Origin, line: &str) -> Value {
        self.engine.send(client, [S::words(line)]);
        self.engine.settle();
        let answers = self.engine.answers();
        let own = answers.into_iter().rfind(|(of, _)| *of == client.client);
        own.unwrap_or_else(|| panic!("{line} has a reply")).1
    }

    /// What a question is answered now, at once.
    pub(crate) fn ask_at_once(&mut self, question: &str) -> Value {
        self.run(self.asking, "MULTI");
        self.run(self.asking, question);
        match self.run(self.asking, "EXEC") {
            Value::Array(mut replies) => replies.pop().expect("EXEC replies what its command does"),
            other => panic!("{question}: {other:?}"),
        }
    }

    /// A worker takes a round. What other clients than `asking` are answered is forgotten.
    pub(crate) fn round(&mut self) -> Option<Value> {
        let worker = usize::try_from(self.below(self.engine.turns.len() as u64)).unwrap_or(0);
        self.engine.round(worker);
        self.own_answer()
    }

    pub(crate) fn own_answer(&mut self) -> Option<Value> {
        let client = self.asking.client;
        self.engine.answers().into_iter().rfind(|(of, _)| *of == client).map(|(_, value)| value)
    }

    /// A question's answer, beside changes.
    pub(crate) fn ask_beside(&mut self, question: &str, change: impl FnMut(&mut Self)) -> Value {
        self.engine.send(self.asking, [S::words(question)]);
        match self.own_answer() {
            Some(reply) => reply,
            None => self.wait_beside(question, change),
        }
    }

    /// The answer to what was sent, beside changes.
    pub(crate) fn wait_beside(&mut self, question: &str, mut change: impl FnMut(&mut Self)) -> Value {
        for round in 0..ROUNDS_MAX {
            for _ in 0..self.below(3) {
                change(self);
            }
            if let Some(reply) = self.round() {
                self.rounds += round;
                return reply;
            }
        }
        panic!("{question} has no end");
    }

    /// What is kept in all stores.
    pub(crate) fn keep_count(&mut self) -> usize {
        let shards = self.shards;
        let executor = self.engine.turns[0].executor();
        let count = (0..shards)
            .map(|shard| executor.store_of(ShardId(shard)).expect("all are at rest").keep_count(DbIndex(0)))
            .sum();
        executor.release();
        count
    }
}
