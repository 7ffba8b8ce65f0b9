//! Clients that keep copies, on an engine whose workers take rounds in an order drawn from a seed: each is told in time when a copy is void, and
//! a rule that is broken is noticed. `cargo xtask history --caching` asks the real server.

use std::cell::Cell;
use std::collections::VecDeque;
use std::sync::Arc;

use kora_core::reply::Value;
use kora_core::shard::probe::Rule;
use kora_core::slot::{ShardId, WorkerId};
use kora_engine::caching::{Choices, Modes};
use kora_engine::front::probe::Probe;
use kora_engine::front::{Origin, Whereabouts};
use kora_testkit::caching::{Key, Received, Write, Writes, check};
use kora_testkit::simulation::random::Random;
use kora_testkit::stepped::{Stepped, SteppedFront};

const KEYS: Key = 12;
const STEPS: usize = 400;

/// Runs without a broken rule, and those that a broken one has to be noticed in.
const SEEDS: u64 = 150;

thread_local! {
    static BROKEN: Cell<Option<Rule>> = const { Cell::new(None) };
}

/// Breaks the rule that is to be broken.
#[derive(Debug)]
struct Breaking;

impl Probe for Breaking {
    const IS_ALONE: bool = true;

    fn breaks(rule: Rule) -> bool {
        BROKEN.get() == Some(rule)
    }
}

/// What a request's reply shows.
#[derive(Clone, Debug)]
enum Shows {
    /// What keys hold.
    Reads(Vec<Key>),
    /// What a key was incremented to.
    Write(Key),
    /// Nothing, or not all of it.
    Nothing,
}

struct Client {
    origin: Origin,
    keeps_copies: bool,
    /// Sent and not answered: what the reply shows, and when it was sent.
    pending: VecDeque<(Shows, u64)>,
    story: Vec<Received>,
}

struct World {
    engine: Stepped<Breaking>,
    clients: Vec<Client>,
    random: Random,
    time: u64,
    writes: Vec<Write>,
}

fn name(key: Key) -> String {
    format!("k{key}")
}

fn command(words: &[String]) -> Vec<Vec<u8>> {
    words.iter().map(|word| word.as_bytes().to_vec()).collect()
}

impl World {
    fn new(workers: u16, seed: u64) -> Self {
        let mut engine: Stepped<Breaking> = Stepped::new(workers, workers * 4, seed);
        let mut clients = Vec::new();
        for number in 0..6_u16 {
            let worker = WorkerId(number % workers);
            let origin = engine.connect_program(worker);
            let keeps_copies = number < 4;
            if keeps_copies {
                let readers = &engine.engine.broker.readers;
                let session = engine.turns[worker.index()].sessions.of(origin).expect("it has just come");
                let located = Arc::new(Whereabouts::<SteppedFront<Breaking>>(Arc::clone(&session.client)));
                let modes = Modes::default();
                let choices = Choices { modes, redirect: None, prefixes: Vec::new(), tells_apart: true };
                readers.begin(origin.client, located, choices);
                session.caching = Some(Box::default());
            }
            clients.push(Client { origin, keeps_copies, pending: VecDeque::new(), story: Vec::new() });
        }
        Self { engine, clients, random: Random::new(seed), time: 1, writes: Vec::new() }
    }

    fn keys(&mut self, count: usize) -> Vec<Key> {
        (0..count).map(|_| self.random.below(KEYS)).collect()
    }

    /// Some commands, each with what its reply shows.
    fn request(&mut self, keeps_copies: bool, into: &mut Vec<(Vec<Vec<u8>>, Shows)>) {
        let word = str::to_owned;
        let key = self.random.below(KEYS);
        match self.random.below(if keeps_copies { 10 } else { 2 }) {
            0 => into.push((command(&[word("INCR"), name(key)]), Shows::Write(key))),
            1 | 2 if keeps_copies => {
                let keys = self.keys(3);
                let words: Vec<_> =
                    std::iter::once(word("MGET")).chain(keys.iter().map(|key| name(*key))).collect();
                into.push((command(&words), Shows::Reads(keys)));
            }
            3 => {
                let keys = self.keys(2);
                let script = "return {redis.call('GET', KEYS[1]) or 0, redis.call('GET', KEYS[2]) or 0}";
                let words = [word("EVAL"), word(script), word("2"), name(keys[0]), name(keys[1])];
                into.push((command(&words), Shows::Reads(keys)));
            }
            4 => {
                let keys = self.keys(2);
                into.push((command(&[word("MULTI")]), Shows::Nothing));
                for key in &keys {
                    into.push((command(&[word("GET"), name(*key)]), Shows::Nothing));
                }
                into.push((command(&[word("EXEC")]), Shows::Reads(keys)));
            }
            _ if keeps_copies => into.push((command(&[word("GET"), name(key)]), Shows::Reads(vec![key]))),
            _ => into.push((command(&[word("INCR"), name(key)]), Shows::Write(key))),
        }
    }

    fn step(&mut self) {
        self.time += 1;
        let worker = self.random.below(self.engine.turns.len());
        match self.random.below(8) {
            0 | 1 => {
                // Who holds a shard keeps others off it: their commands come as operations.
                let shards = self.engine.engine.hub.shard_count();
                for _ in 0..3 {
                    let shard = u16::try_from(self.random.below(shards.into())).expect("it is below a u16");
                    self.engine.turns[worker].executor().hold(ShardId(shard));
                }
            }
            2..=4 => {
                self.engine.turns[worker].executor().release();
                self.engine.round(worker);
            }
            _ => {
                let at = self.random.below(self.clients.len());
                if self.clients[at].pending.len() < 6 {
                    self.send(at);
                }
            }
        }
        self.take_answers();
    }

    fn send(&mut self, at: usize) {
        let (origin, keeps_copies) = (self.clients[at].origin, self.clients[at].keeps_copies);
        let mut commands = Vec::new();
        for _ in 0..=self.random.below(2) {
            self.request(keeps_copies, &mut commands);
        }
        let time = self.time;
        let (commands, shows): (Vec<_>, Vec<_>) = commands.into_iter().unzip();
        self.clients[at].pending.extend(shows.into_iter().map(|shows| (shows, time)));
        self.engine.send(origin, commands);
    }

    fn take_answers(&mut self) {
        for (id, value) in self.engine.answers() {
            let client = self.clients.iter_mut().find(|client| client.origin.client == id);
            let client = client.expect("only clients are answered");
            if let Value::Push(words) = value {
                let [Value::Bulk(_), Value::Array(keys)] = &words[..] else {
                    panic!("{words:?} is no notice")
                };
                for key in keys {
                    let Value::Bulk(key) = key else { panic!("{key:?} is no key") };
                    let key = std::str::from_utf8(key).ok().and_then(|key| key[1..].parse().ok());
                    client.story.push(Received::Void(key.expect("keys are numbered")));
                }
                continue;
            }
            let (shows, sent) = client.pending.pop_front().expect("only what was asked is answered");
            let shown = match (shows, value) {
                (Shows::Reads(keys), Value::Array(values)) => {
                    keys.into_iter().zip(values.iter().map(version)).collect()
                }
                (Shows::Reads(keys), value) => vec![(keys[0], version(&value))],
                (Shows::Write(key), value) => {
                    let (version, acknowledged) = (version(&value), self.time);
                    self.writes.push(Write { key, version, sent, acknowledged });
                    Vec::new()
                }
                (Shows::Nothing, _) => Vec::new(),
            };
            client.story.push(Received::Reply(sent, shown));
        }
        self.time += 1;
    }

    /// Everything comes to its end, and every client that keeps copies asks something.
    fn finish(&mut self) {
        self.engine.turns.iter_mut().for_each(|turn| turn.executor().release());
        self.engine.settle();
        self.take_answers();
        for at in 0..self.clients.len() {
            assert!(self.clients[at].pending.is_empty(), "all is answered");
            self.time += 1;
            let key = self.random.below(KEYS);
            self.clients[at].pending.push_back((Shows::Reads(vec![key]), self.time));
            self.engine.send(self.clients[at].origin, [command(&["GET".to_owned(), name(key)])]);
            self.engine.settle();
            self.take_answers();
        }
    }
}

fn version(value: &Value) -> u64 {
    match value {
        Value::Null => 0,
        Value::Integer(version) => u64::try_from(*version).expect("versions are counted from 0"),
        Value::Bulk(text) => {
            std::str::from_utf8(text).ok().and_then(|text| text.parse().ok()).expect("values are numbers")
        }
        other => panic!("{other:?} is no version"),
    }
}

/// Whether every copy of a run was void in time; how many notices there were.
fn run(workers: u16, seed: u64) -> Result<usize, String> {
    let mut world = World::new(workers, seed);
    (0..STEPS).for_each(|_| world.step());
    world.finish();
    let writes = Writes::new(&world.writes);
    let mut notices = 0;
    for client in world.clients.iter().filter(|client| client.keeps_copies) {
        check(&writes, &client.story).map_err(|anomaly| format!("seed {seed}: {anomaly}"))?;
        notices += client.story.iter().filter(|received| matches!(received, Received::Void(_))).count();
    }
    Ok(notices)
}

#[test]
fn copies_are_void_in_time() {
    for workers in [1, 2, 4] {
        let notices: usize = (0..SEEDS).map(|seed| run(workers, seed).unwrap()).sum();
        assert!(notices > 2000, "{notices} notices show little");
    }
}

#[test]
fn a_broken_rule_is_noticed() {
    for rule in Rule::OF_COPIES {
        BROKEN.set(Some(rule));
        let noticed = (0..SEEDS).find(|seed| run(4, *seed).is_err());
        BROKEN.set(None);
        assert!(noticed.is_some(), "{rule:?} was broken and nobody noticed");
    }
}
