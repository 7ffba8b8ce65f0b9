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

use kora_core::command::Run;
use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::db::DbIndex;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::shard::executor::{Executor, new_executors};
use kora_core::shard::hub::Wake;
use kora_core::shard::operation::{Driver, Operation, Part, Request, Setting};
use kora_core::shard::replies::{Replies as _, TreeReplies};
use kora_core::shard::route::{Placement, place};
use kora_core::shard::runner::Ran;
use kora_core::shard::serve::Blocked;
use kora_core::slot::{ShardId, WorkerId};
use kora_core::time::UnixMs;
use kora_stream::merge::{Numbered, merge};
use kora_stream::order::{Cut, Operations};
use kora_stream::record::{Item, Items, RecordBuilder};
use smallvec::{SmallVec, smallvec};

const WORKERS: u16 = 4;
const SHARDS: u16 = 6;
const CLIENTS: usize = 6;
const KEYS: usize = 8;
const PIPELINES: usize = 12;

/// How many steps a worker that is stalled waits, about.
const STALL_STEPS: usize = 20;

#[derive(Debug)]
struct Bare;

impl Driver for Bare {
    type Replies = TreeReplies;
    type Origin = usize;
    type Mail = ();

    fn home(client: &usize) -> Option<WorkerId> {
        Some(home(*client))
    }

    fn deliver(_: Part<Self>) {
        unreachable!("every client has a home");
    }

    fn blocked(_: Blocked<Self>) {
        unreachable!("nothing here waits");
    }
}

#[expect(clippy::cast_possible_truncation, reason = "there are few clients")]
fn home(client: usize) -> WorkerId {
    WorkerId(client as u16 % WORKERS)
}

struct Silent;

impl Wake for Silent {
    fn wake(&self) {}
}

fn resolve(table: &CommandTable<()>, args: &[&[u8]]) -> Run {
    let command = table.resolve(args).unwrap();
    let Handler::Core(handler) = command.handler else { unreachable!("the table has no others") };
    (command.facts, handler)
}

/// A small generator: the same numbers for the same seed.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ mixed >> 31) % end as u64).unwrap()
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

#[derive(Debug, Default)]
struct Client {
    sent: usize,
    /// The pipeline that is not answered yet.
    pending: Option<usize>,
    parts: Vec<Part<Bare>>,
}

struct World<'a> {
    table: &'a CommandTable<()>,
    random: Random,
    workers: Vec<Executor<Bare>>,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
    clients: Vec<Client>,
    pipelines: Vec<Pipeline>,
    /// What clients were told that they wrote, and what they read.
    known: BTreeSet<Written>,
    /// The worker that hardly ever gets to run, if there is one of that number.
    stalled: usize,
    /// Whether workers note that they receive something. They must.
    receives: bool,
}

/// The shards that a command needs, if it may run where it stands.
fn shards_of(placement: &Placement) -> SmallVec<[ShardId; 8]> {
    match placement {
        Placement::One(shard) => smallvec![*shard],
        Placement::Together(shards) => shards.clone(),
        Placement::Anywhere | Placement::Spread(_) => unreachable!("no such command is sent"),
    }
}

fn setting() -> Setting<bool> {
    Setting { db: DbIndex(0), now: UnixMs(1), no_touch: false, style: true, watch: None }
}

impl World<'_> {
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
        let worker = &mut self.workers[home(client).index()];
        if self.receives {
            worker.receive();
        }
        let (mut request, mut seen) = (Request::default(), Vec::new());
        for words in &commands {
            let args: Vec<&[u8]> = words.iter().map(String::as_bytes).collect();
            let run = resolve(self.table, &args);
            let placement = place(run.0, &args, SHARDS);
            let shards = shards_of(&placement);
            if request.is_empty() && worker.hold_all(&shards) && worker.are_free(&shards) {
                let mut sink = TreeSink::new(true);
                let ran = match shards[..] {
                    [shard] => worker.run(shard, run, &args, &setting(), &mut sink),
                    _ => worker.run_together(&shards, run, &args, &setting(), &mut sink),
                };
                assert!(matches!(ran, Ran::Replied));
                seen.extend(sink.into_values());
                continue;
            }
            request.push(run, &args, &placement, SHARDS, ShardId(0));
        }
        if !request.is_empty() {
            self.clients[client].pending = Some(self.pipelines.len() - 1);
            worker.submit(request, setting(), client);
        }
        worker.release();
        self.see(&seen);
        if self.clients[client].pending.is_none() {
            self.answer(self.pipelines.len() - 1);
        }
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
            self.stalled = self.random.below(2 * self.workers.len());
        }
        let index = self.random.below(self.workers.len());
        if index == self.stalled && self.random.below(STALL_STEPS) > 0 {
            return true;
        }
        let worker = &mut self.workers[index];
        if self.random.below(3) == 0 {
            // It is put off while it has this in its hands.
            worker.hold(ShardId(u16::try_from(self.random.below(SHARDS.into())).unwrap()));
            return true;
        }
        worker.poll();
        let finished = worker.take_finished();
        worker.hand_over();
        worker.release();
        finished.into_iter().for_each(|part| self.finish(part));
        true
    }

    fn finish(&mut self, part: Part<Bare>) {
        let (client, operation) = (part.operation.origin, Arc::clone(&part.operation));
        self.clients[client].parts.push(part);
        if self.clients[client].parts.len() == operation.part_count() {
            let mut parts = std::mem::take(&mut self.clients[client].parts);
            let mut whole = TreeReplies::new(true);
            Operation::assemble(&operation, &mut parts, &mut whole);
            let pipeline = self.clients[client].pending.take().expect("a pipeline is answered once");
            self.answer(pipeline);
            self.see(&whole.into_values());
        }
    }
}

/// Plays a schedule; the records and what was sent.
fn play(
    table: &CommandTable<()>,
    seed: u64,
    receives: bool,
) -> (Vec<Vec<u8>>, Vec<Pipeline>, Vec<Vec<String>>) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let wakers = (0..WORKERS).map(|_| Box::new(Silent) as Box<dyn Wake>).collect();
    let mut workers = new_executors::<Bare>(wakers, SHARDS, &CoreConfig::default(), seed);
    for worker in &mut workers {
        let records = Arc::clone(&records);
        worker.journal().set_recording(true);
        worker.set_effect_sink(Box::new(move |record: &RecordBuilder| {
            records.lock().unwrap().push(record.bytes().to_vec());
        }));
    }
    let clients = (0..CLIENTS).map(|_| Client::default()).collect();
    let mut run = World {
        table,
        random: Random(seed),
        workers,
        records,
        clients,
        pipelines: Vec::new(),
        known: BTreeSet::new(),
        stalled: 0,
        receives,
    };
    while run.step() {}
    // Stores are on their way home still.
    run.workers.iter_mut().for_each(Executor::release);
    let goes_on = |worker: &mut Executor<Bare>| {
        worker.poll();
        let is_idle = worker.park();
        worker.unpark();
        !is_idle
    };
    while run.workers.iter_mut().any(goes_on) {}
    let contents = contents(&mut run.workers[0]);
    let records = std::mem::take(&mut *run.records.lock().unwrap());
    (records, run.pipelines, contents)
}

/// What every key holds.
fn contents(worker: &mut Executor<Bare>) -> Vec<Vec<String>> {
    (0..KEYS)
        .map(|key| {
            let key = format!("k{key}");
            let args: [&[u8]; 4] = [b"LRANGE", key.as_bytes(), b"0", b"-1"];
            let table = CommandTable::<()>::new(&[], &[]);
            let run = resolve(&table, &args);
            let Placement::One(shard) = place(run.0, &args, SHARDS) else { unreachable!("one key") };
            worker.receive();
            assert!(worker.hold(shard) && worker.is_free(shard), "all is done");
            let mut sink = TreeSink::new(true);
            assert!(matches!(worker.run(shard, run, &args, &setting(), &mut sink), Ran::Replied));
            let Some(Value::Array(values)) = sink.into_values().pop() else { unreachable!("a list") };
            let text = |value: Value| match value {
                Value::Bulk(text) => String::from_utf8(text.to_vec()).unwrap(),
                other => unreachable!("{other:?}"),
            };
            values.into_iter().map(text).collect()
        })
        .collect()
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
    let table = CommandTable::<()>::new(&[], &[]);
    for seed in 0..150 {
        let (records, pipelines, contents) = play(&table, seed, true);
        assert!(records.len() > 10);
        if let Some(fault) = fault(&records, &pipelines, &contents) {
            panic!("seed {seed}: {fault}");
        }
    }
}

/// A worker that does not note what was published when it receives work stamps that work too low.
#[test]
fn a_position_that_is_too_old_is_noticed() {
    let table = CommandTable::<()>::new(&[], &[]);
    let is_noticed = (0..150).any(|seed| {
        let (records, pipelines, contents) = play(&table, seed, false);
        fault(&records, &pipelines, &contents).is_some()
    });
    assert!(is_noticed);
}
