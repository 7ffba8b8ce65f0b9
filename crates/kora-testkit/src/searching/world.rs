//! An engine, its clients, and what is known of its indexes.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use kora_core::config::{CoreConfig, EvictionConfig, EvictionOrder, EvictionScope};
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::shard::executor::Executor;
use kora_core::slot::WorkerId;
use kora_engine::front::probe::{BYTES_PER_KEY, Probe, bytes_of_keys};
use kora_engine::front::{Front, Origin, Workers};
use kora_engine::session::Choice;
use kora_engine::settings::Settings;
use kora_script::Looks;
use kora_search::Pace;

use super::document::{Document, bytes};
use super::schema::{Schema, words};
use super::{Options, Tally};
use crate::simulation::random::Random;
use crate::stepped::{Choices, Stepped};

/// A command.
pub(super) type Words = Vec<Vec<u8>>;

/// Commands that a report shows.
const LOG_COMMANDS: usize = 60;
/// Milliseconds after which a script is busy. One passes whenever a script is looked at.
const BUSY_MS: i64 = 20;
/// Instructions of a script between two looks.
const INSTRUCTIONS: u32 = 500;
/// Rounds after which a command must have come to its end.
pub(super) const ROUNDS_MAX: usize = 50_000;

/// Memory is what keys take, each as much.
#[derive(Debug)]
pub(super) struct Counted;

impl Probe for Counted {
    const IS_ALONE: bool = true;

    fn bytes_staying<F: Front>(executor: &mut Executor<Workers<F>>) -> Option<u64> {
        Some(bytes_of_keys(executor))
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct World {
    pub(super) engine: Stepped<Counted>,
    /// Who asks.
    pub(super) asking: Origin,
    /// Who changes documents, of another worker if there are several.
    pub(super) writer: Origin,
    /// Who creates indexes and does not wait for the reply.
    pub(super) builder: Origin,
    pub(super) random: Random,
    /// The indexes that there are.
    pub(super) schemas: Vec<Schema>,
    /// Queries are answered in slices.
    pub(super) is_slow: bool,
    /// Keys are evicted.
    pub(super) is_short: bool,
    /// An index is being built.
    pub(super) is_building: bool,
    pub(super) tally: Tally,
    log: VecDeque<String>,
}

impl World {
    pub(super) fn new(seed: u64, options: &Options) -> Self {
        let mut random = Random::new(seed);
        let is_slow = random.one_in(2);
        let steps = 5 + random.below(60);
        let slow = Pace { whole_steps: steps, slice_steps: steps };
        let pace = if is_slow { slow } else { Pace::default() };
        let settings = settings(&mut random);
        let is_short = settings.max_memory > 0;
        let choices = Choices { settings, script_looks: Some(looks()), pace, search_clock: None };
        let mut engine = Stepped::with(options.worker_count, options.shard_count, seed, choices);
        let choice = || Choice { style: false, ..Choice::of_program(DbIndex(0)) };
        let last = WorkerId(options.worker_count - 1);
        let asking = engine.connect(WorkerId(0), choice());
        let writer = engine.connect(last, choice());
        let builder = engine.connect(last, choice());
        Self {
            engine,
            asking,
            writer,
            builder,
            random,
            schemas: Vec::new(),
            is_slow,
            is_short,
            is_building: false,
            tally: Tally::default(),
            log: VecDeque::new(),
        }
    }

    /// Changes and queries in turn, until so many queries were answered.
    pub(super) fn play(&mut self, query_count: u64) -> Result<(), String> {
        for _ in 0..40 {
            self.change();
        }
        while self.tally.queries < query_count {
            self.note_dropped();
            if self.random.one_in(4) {
                self.change_collection();
                self.check_collection()?;
            }
            if self.schemas.is_empty() || self.random.one_in(60) {
                self.change_indexes()?;
            }
            if !self.is_building {
                (0..1 + self.random.below(2)).for_each(|_| self.change());
            }
            // Where memory is short, what has gone on aside begins anew: its moment is not known.
            if !self.is_building && self.is_slow && !self.is_short && self.random.one_in(8) {
                self.check_beside_changes()?;
            } else {
                self.check()?;
            }
        }
        Ok(())
    }

    /// Keys that were evicted.
    pub(super) fn evicted(&mut self) -> u64 {
        let shards: Vec<_> = self.engine.engine.hub.shards().collect();
        let executor = self.engine.turns[0].executor();
        let evicted = |shard| executor.store_of(shard).map_or(0, |store| store.stats().evicted);
        let count = shards.into_iter().map(evicted).sum();
        executor.release();
        count
    }

    /// The last commands, one a line.
    pub(super) fn log(&self) -> String {
        self.log.iter().map(String::as_str).collect::<Vec<_>>().join("\n")
    }

    fn note(&mut self, client: Origin, command: &Words) {
        if self.log.len() == LOG_COMMANDS {
            self.log.pop_front();
        }
        let words: Vec<_> = command.iter().map(|word| format!("\"{}\"", word.escape_ascii())).collect();
        self.log.push_back(format!("{}: {}", client.client.0, words.join(" ")));
    }

    /// A client sends commands, which run as far as they can now.
    pub(super) fn send(&mut self, client: Origin, commands: Vec<Words>) {
        for command in &commands {
            self.note(client, command);
        }
        self.engine.send(client, commands);
    }

    /// Takes what a client was answered; what others were is forgotten.
    pub(super) fn answers_of(&mut self, client: Origin) -> Vec<Value> {
        let answers = self.engine.answers().into_iter();
        answers.filter(|(of, _)| *of == client.client).map(|(_, value)| value).collect()
    }

    /// Runs commands to their end, and gives their replies.
    pub(super) fn run_all(&mut self, client: Origin, commands: Vec<Words>) -> Vec<Value> {
        self.send(client, commands);
        self.engine.settle();
        self.answers_of(client)
    }

    /// Runs a command to its end.
    pub(super) fn run(&mut self, command: Words) -> Value {
        self.run_all(self.asking, vec![command]).pop().expect("each command has a reply")
    }

    /// The same for words without spaces.
    pub(super) fn line(&mut self, line: &str) -> Value {
        self.run(words(line))
    }

    /// All documents of database 0, read as they are now.
    pub(super) fn documents(&mut self) -> Vec<Document> {
        let Value::Array(keys) = self.run_quietly(vec![words("KEYS *")]).remove(0) else { return Vec::new() };
        let keys: Vec<_> = keys.iter().map(bytes).collect();
        let reading = keys.iter().flat_map(|key| {
            [vec![b"HGETALL".to_vec(), key.clone()], vec![b"JSON.GET".to_vec(), key.clone()]]
        });
        let replies = self.run_quietly(reading.collect());
        let documents = keys.iter().zip(replies.chunks_exact(2)).filter_map(|(key, replies)| {
            Document::of_hash(key, &replies[0]).or_else(|| Document::of_json(key, &replies[1]))
        });
        documents.collect()
    }

    /// Runs commands that no report needs to show.
    pub(super) fn run_quietly(&mut self, commands: Vec<Words>) -> Vec<Value> {
        self.engine.send(self.asking, commands);
        self.engine.settle();
        self.answers_of(self.asking)
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, ms: u64) {
        self.log.push_back(format!("{ms} ms pass"));
        self.engine.pass(Duration::from_millis(ms));
    }
}

/// What an engine goes by: in some, memory is short.
fn settings(random: &mut Random) -> Settings {
    let order = *random.choose(&[EvictionOrder::Lru, EvictionOrder::Lfu, EvictionOrder::Random]);
    let eviction = EvictionConfig { scope: EvictionScope::AllKeys, order, ..EvictionConfig::default() };
    let max_memory = if random.one_in(3) { (16 + random.below(16)) as u64 * BYTES_PER_KEY } else { 0 };
    Settings {
        core: CoreConfig { database_count: 2, eviction, ..CoreConfig::default() },
        max_memory,
        busy_reply_threshold_ms: BUSY_MS,
        ..Settings::default()
    }
}

/// Time passes for scripts by looks alone.
fn looks() -> Looks {
    let count = AtomicU64::new(0);
    let elapsed = move || Duration::from_millis(count.fetch_add(1, Ordering::Relaxed));
    Looks { instructions: INSTRUCTIONS, elapsed: Arc::new(elapsed) }
}
