//! Is the order of stamps one in which clients saw things?
//!
//! Workers and clients take steps in an order drawn from a seed, and what is recorded is kept. Clients write values of their own and
//! read what others wrote, in pipelines over one shard and several, and in commands on several shards, which run at once where their
//! shards can be had, and else as operations. A worker may be put off while it has shards in its hands. Then the records are merged
//! and cut, at every record as if that were the last in the file:
//!
//! - merged, they give what a sequential run gives;
//! - no pipeline over several shards is torn, and its commands stand in the order in which they were sent;
//! - whatever is kept, everything is kept that had been answered to anybody before it was sent.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use kora_core::reply::Value;
use kora_core::slot::{ShardId, WorkerId};
use kora_engine::front::probe::Probe;
use kora_engine::front::{ClientId, Origin};
use kora_stream::merge::{Numbered, merge};
use kora_stream::order::{Cut, Operations};
use kora_stream::record::{Item, Items, RecordBuilder};
use kora_testkit::simulation::Rule;
use kora_testkit::simulation::random::Random;
use kora_testkit::stepped::{Alone, Stepped};

const WORKERS: u16 = 4;
const SHARDS: u16 = 6;
const CLIENTS: usize = 6;
const KEYS: usize = 8;
const PIPELINES: usize = 12;

/// How many steps a worker that is stalled waits, about.
const STALL_STEPS: usize = 20;

/// Its workers do not note which operations had been submitted when they receive work, so that they stamp it too low.
#[derive(Debug)]
struct Forgetful;

impl Probe for Forgetful {
    const IS_ALONE: bool = true;

    fn breaks(rule: Rule) -> bool {
        rule == Rule::ReceiveNotes
    }
}

/// A value that a client writes: no two are the same.
type Written = String;

/// What a client sends at once.
#[derive(Debug, Default)]
struct Pipeline {
    /// What clients had been told of before: those who read or wrote it may have told this one.
    known: BTreeSet<Written>,
    /// What it writes, in order.
    writes: Vec<Written>,
}

#[derive(Debug)]
struct Client {
    origin: Origin,
    sent: usize,
    /// The pipeline that is not answered yet, and how many of its replies are to come.
    pending: Option<(usize, usize)>,
}

struct World<P: Probe> {
    random: Random,
    engine: Stepped<P>,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
    clients: Vec<Client>,
    pipelines: Vec<Pipeline>,
    /// What clients were told that they wrote, and what they read.
    known: BTreeSet<Written>,
    /// The worker that hardly ever gets to run, if there is one of that number.
    stalled: usize,
}

impl<P: Probe> World<P> {
    /// The words of a pipeline: writes and reads of random keys, or one command that lends stores.
    fn invent(&mut self, client: usize) -> Vec<Vec<String>> {
        let key = |random: &mut Random| format!("k{}", random.below(KEYS));
        let value = |pipelines: &Vec<Pipeline>, at: usize| format!("{client}.{}.{at}", pipelines.len());
        match self.random.below(8) {
            0 => {
                let (from, to) = (key(&mut self.random), key(&mut self.random));
                vec![["LMOVE", &from, &to, "LEFT", "RIGHT"].map(str::to_owned).to_vec()]
            }
            1 => (0..KEYS)
                .map(|at| ["LRANGE", &format!("k{at}"), "0", "-1"].map(str::to_owned).to_vec())
                .collect(),
            2 => vec![["LRANGE", &key(&mut self.random), "0", "-1"].map(str::to_owned).to_vec()],
            3 | 4 => vec![
                ["RPUSH", &key(&mut self.random), &value(&self.pipelines, 0)].map(str::to_owned).to_vec(),
            ],
            _ => (0..=self.random.below(4))
                .map(|at| {
                    ["RPUSH", &key(&mut self.random), &value(&self.pipelines, at)].map(str::to_owned).to_vec()
                })
                .collect(),
        }
    }

    fn send(&mut self, client: usize) {
        let commands = self.invent(client);
        let writes: Vec<Written> =
            commands.iter().filter(|words| words[0] == "RPUSH").map(|words| words[2].clone()).collect();
        self.pipelines.push(Pipeline { known: self.known.clone(), writes });
        self.clients[client].sent += 1;
        self.clients[client].pending = Some((self.pipelines.len() - 1, commands.len()));
        let bytes = |words: Vec<String>| words.into_iter().map(String::into_bytes).collect();
        self.engine.send(self.clients[client].origin, commands.into_iter().map(bytes));
        self.take_answers();
    }

    /// Notes what a client was told that it wrote.
    fn answer(&mut self, pipeline: usize) {
        self.known.extend(self.pipelines[pipeline].writes.iter().cloned());
    }

    /// Notes what a client was told of others.
    fn see(&mut self, values: &[Value]) {
        for value in values {
            match value {
                Value::Array(values) => self.see(values),
                Value::Bulk(text) => {
                    self.known.insert(String::from_utf8(text.to_vec()).unwrap());
                }
                _ => {}
            }
        }
    }

    fn step(&mut self) -> bool {
        let free: Vec<usize> = (0..CLIENTS)
            .filter(|&client| self.clients[client].pending.is_none() && self.clients[client].sent < PIPELINES)
            .collect();
        let is_over = free.is_empty() && self.clients.iter().all(|client| client.pending.is_none());
        if is_over {
            return false;
        }
        if !free.is_empty() && self.random.below(3) == 0 {
            let client = free[self.random.below(free.len())];
            self.send(client);
            return true;
        }
        if self.random.below(STALL_STEPS) == 0 {
            self.stalled = self.random.below(2 * self.engine.turns.len());
        }
        let index = self.random.below(self.engine.turns.len());
        if index == self.stalled && self.random.below(STALL_STEPS) > 0 {
            return true;
        }
        if self.random.below(3) == 0 {
            // It is put off while it has this in its hands.
            let shard = ShardId(u16::try_from(self.random.below(SHARDS.into())).unwrap());
            self.engine.turns[index].executor().hold(shard);
            return true;
        }
        self.engine.round(index);
        self.take_answers();
        true
    }

    fn take_answers(&mut self) {
        for (client, value) in self.engine.answers() {
            self.see(std::slice::from_ref(&value));
            let client = self.clients.iter_mut().find(|other| other.origin.client == client).unwrap();
            let (pipeline, left) = client.pending.take().expect("a pipeline is answered once");
            if left > 1 {
                client.pending = Some((pipeline, left - 1));
            } else {
                self.answer(pipeline);
            }
        }
    }
}

/// What a schedule gives: the records, what was sent, and what every key holds.
type Played = (Vec<Vec<u8>>, Vec<Pipeline>, Vec<Vec<String>>);

/// Plays a schedule.
fn play<P: Probe>(seed: u64) -> Played {
    let records = Arc::new(Mutex::new(Vec::new()));
    let mut engine = Stepped::<P>::new(WORKERS, SHARDS, seed);
    for turn in &mut engine.turns {
        let records = Arc::clone(&records);
        turn.executor().journal().set_recording(true);
        turn.executor().set_effect_sink(Box::new(move |record: &RecordBuilder| {
            records.lock().unwrap().push(record.bytes().to_vec());
        }));
    }
    let mut client = |number: usize| {
        let home = WorkerId(u16::try_from(number).unwrap() % WORKERS);
        Client { origin: engine.connect_program(home), sent: 0, pending: None }
    };
    let clients = (0..CLIENTS).map(&mut client).collect();
    let mut run = World {
        random: Random::new(seed),
        engine,
        records,
        clients,
        pipelines: Vec::new(),
        known: BTreeSet::new(),
        stalled: 0,
    };
    while run.step() {}
    // Stores are on their way home still.
    run.engine.settle();
    let records = std::mem::take(&mut *run.records.lock().unwrap());
    let contents = contents(&mut run.engine);
    (records, run.pipelines, contents)
}

/// What every key holds.
fn contents<P: Probe>(engine: &mut Stepped<P>) -> Vec<Vec<String>> {
    let reader = engine.connect_program(WorkerId(0));
    let commands = (0..KEYS)
        .map(|key| ["LRANGE", &format!("k{key}"), "0", "-1"].map(|word| word.as_bytes().to_vec()).to_vec());
    engine.send(reader, commands);
    engine.settle();
    let text = |value: Value| match value {
        Value::Bulk(text) => String::from_utf8(text.to_vec()).unwrap(),
        other => unreachable!("{other:?}"),
    };
    let list = |(_, value): (ClientId, Value)| match value {
        Value::Array(values) => values.into_iter().map(text).collect(),
        other => unreachable!("{other:?}"),
    };
    engine.answers().into_iter().map(list).collect()
}

/// What a sequential run of effects gives.
fn replay(effects: &[Numbered<'_>]) -> Vec<Vec<String>> {
    let mut lists = BTreeMap::<String, Vec<String>>::new();
    for Numbered { effect, .. } in effects {
        let words: Vec<String> =
            effect.arguments.clone().map(|word| String::from_utf8(word.to_vec()).unwrap()).collect();
        match words[0].as_str() {
            "RPUSH" => lists.entry(words[1].clone()).or_default().extend_from_slice(&words[2..]),
            "LMOVE" => {
                let list = lists.get_mut(&words[1]).expect("an effect finds its list");
                let value = list.remove(0);
                lists.entry(words[2].clone()).or_default().push(value);
            }
            other => unreachable!("{other}"),
        }
    }
    (0..KEYS).map(|key| lists.get(&format!("k{key}")).cloned().unwrap_or_default()).collect()
}

/// The values that effects write, in order.
fn writes(effects: &[Numbered<'_>]) -> Vec<Written> {
    let value = |effect: &Numbered<'_>| {
        let words: Vec<&[u8]> = effect.effect.arguments.clone().collect();
        (words[0] == b"RPUSH").then(|| String::from_utf8(words[2].to_vec()).unwrap())
    };
    effects.iter().filter_map(value).collect()
}

/// An operation of which a part is kept, and not all.
fn torn(whole: &[Numbered<'_>], kept: &[Numbered<'_>]) -> Option<u64> {
    let count = |effects: &[Numbered<'_>]| {
        let mut counts = BTreeMap::<u64, usize>::new();
        for ticket in effects.iter().filter_map(|found| found.effect.scope.stamp.ticket()) {
            *counts.entry(ticket).or_default() += 1;
        }
        counts
    };
    let whole = count(whole);
    count(kept).into_iter().find(|(ticket, count)| whole[ticket] != *count).map(|(ticket, _)| ticket)
}

/// What is wrong with the order of records, if anything is.
fn fault(records: &[Vec<u8>], pipelines: &[Pipeline], contents: &[Vec<String>]) -> Option<String> {
    let numbered = |end: usize| (1..).zip(records[..end].iter().map(Vec::as_slice));
    let whole = merge(numbered(records.len()), &Cut::default()).unwrap();
    if replay(&whole) != contents {
        return Some("merged, they give something else".to_owned());
    }
    let (mut operations, mut covered) = (Operations::default(), 0);
    for end in 0..=records.len() {
        if let Some(last) = end.checked_sub(1) {
            for item in Items::new(&records[last]) {
                if let Item::Part(part) = item.unwrap() {
                    operations.note(end as u64, part.ticket, part.count);
                }
            }
        }
        let cut = operations.cut(end as u64);
        let effects = merge(numbered(end), &cut).unwrap();
        let lost = (1..=covered).find(|record| {
            let within =
                |effects: &[Numbered<'_>]| effects.iter().filter(|found| found.record == *record).count();
            within(&effects) < within(&whole)
        });
        if let Some(lost) = lost {
            return Some(format!("at {end}: record {lost} was covered, and not all of it counts"));
        }
        if let Some(ticket) = torn(&whole, &effects) {
            return Some(format!("at {end}: of operation {ticket} a part counts"));
        }
        covered = operations.covered(end as u64);
        operations.forget(covered);
        let kept = writes(&effects);
        let places: BTreeMap<&Written, usize> = kept.iter().zip(0..).collect();
        for Pipeline { known, writes } in pipelines {
            let found: Vec<_> = writes.iter().filter_map(|value| places.get(value)).collect();
            if !found.is_sorted() {
                return Some(format!("at {end}: {writes:?} are in another order"));
            }
            let Some(first) = found.first() else { continue };
            if let Some(lost) = known.iter().find(|value| places.get(value).is_none_or(|place| place > first))
            {
                return Some(format!(
                    "at {end}: {lost} was known before {writes:?} and does not stand before it"
                ));
            }
        }
    }
    operations.has_incomplete().then(|| "an operation lacks parts in the end".to_owned())
}

#[test]
fn any_cut_is_a_state_that_somebody_could_have_seen() {
    for seed in 0..150 {
        let (records, pipelines, contents) = play::<Alone>(seed);
        assert!(records.len() > 10);
        if let Some(fault) = fault(&records, &pipelines, &contents) {
            panic!("seed {seed}: {fault}");
        }
    }
}

/// A worker that does not note what was published when it receives work stamps that work too low.
#[test]
fn a_position_that_is_too_old_is_noticed() {
    let is_noticed = (0..150).any(|seed| {
        let (records, pipelines, contents) = play::<Forgetful>(seed);
        fault(&records, &pipelines, &contents).is_some()
    });
    assert!(is_noticed);
}
