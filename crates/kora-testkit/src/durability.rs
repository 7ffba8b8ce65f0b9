//! What survives the end of a server: clients change data, the server is ended at some moment, and what its successor finds is
//! held against the clients' ledgers.
//!
//! A client's keys are its own, and its connection's changes take effect in order. So what is found of them must be what the
//! first *n* of its changes make, for some *n* from the number that must have survived (under `appendfsync always` all that
//! were acknowledged) to the number sent. That says at once that nothing is lost, that nothing is there that was never sent,
//! and that MSET, transactions and scripts over several shards are there as a whole or not at all. Two checks go across
//! clients, on a list to which all append: an element whose place was acknowledged is there, and whoever told elsewhere how
//! long the list was, after having seen that, must not survive without the list.

mod change;
mod client;
mod ledger;
pub mod program;
mod state;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use parking_lot::Mutex;

use crate::simulation::random::Random;
use crate::target::Connection as _;
use crate::target::tcp::TcpConnection;
use change::{Generator, keys_of};
use client::{Client, seen_key};
use ledger::{Bounds, Ledger};
use program::{Launch, Program};
use state::{Entry, Key, Value, read};

/// Under `everysec`, what was acknowledged longer ago than this is certain.
const EVERYSEC: Duration = Duration::from_secs(2);

/// Keys that stay as they are: they make snapshots long enough to be interrupted.
const BULK_KEYS: usize = 30_000;

/// How a server's life ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// SIGKILL at any moment.
    Kill,
    /// SIGTERM at any moment: everything acknowledged must be there, whatever the policy.
    Terminate,
    /// There is no log. SAVE or BGSAVE at any moment, and SIGKILL later: the data are those of the snapshot's instant.
    SaveAndKill,
}

/// What is run.
#[derive(Clone, Debug)]
pub struct Options {
    /// The server.
    pub program: PathBuf,
    /// Lives of it.
    pub cycles: usize,
    /// Workers; now and then a life has another number of them.
    pub workers: u16,
    /// How lives end.
    pub ending: Ending,
    /// `appendfsync`.
    pub fsync: String,
    /// Clients at a time.
    pub clients: usize,
    /// Decides what clients send and when the server is ended; not how far they are by then.
    pub seed: u64,
    /// Longest life, in milliseconds of load.
    pub life_ms_max: usize,
}

/// What was done.
#[derive(Clone, Copy, Debug, Default)]
pub struct Totals {
    /// Changes that were acknowledged.
    pub acknowledged: usize,
    /// Changes that were sent, and may or may not have been made.
    pub unanswered: usize,
    /// Of these, how many survived.
    pub survived_unanswered: usize,
    /// Servers that were killed while they loaded.
    pub killed_loading: usize,
    /// Snapshots asked for under load.
    pub snapshots: usize,
}

struct Trial<'a> {
    options: &'a Options,
    launch: Launch,
    random: Random,
    generators: Vec<Generator>,
    ledgers: Vec<Mutex<Ledger>>,
    totals: Totals,
}

/// Runs all cycles in `dir`, which is empty; `tell` is told of each.
///
/// # Errors
/// At the first loss, or when a server does not do what it should.
pub fn run(options: &Options, dir: &Path, tell: &mut dyn FnMut(&str)) -> anyhow::Result<Totals> {
    let launch = Launch::new(&options.program, &dir.join("data"), &[]);
    let mut random = Random::new(options.seed);
    let generators = (0..options.clients).map(|client| Generator::new(client, random.bits())).collect();
    let ledgers = (0..options.clients).map(|_| Mutex::default()).collect();
    let mut trial = Trial { options, launch, random, generators, ledgers, totals: Totals::default() };
    let mut server = trial.start(0)?;
    fill(&mut server.connect()?)?;
    for cycle in 0..options.cycles {
        let bounds = trial.live(&mut server, cycle)?;
        drop(server);
        server = trial.start(cycle + 1)?;
        let survived = trial.verify(&server, &bounds, cycle);
        let survived = survived.with_context(|| {
            format!("cycle {cycle}, seed {}; the server said:\n{}", options.seed, server.last_words())
        })?;
        tell(&format!("cycle {cycle}: {survived}"));
    }
    check_bulk(&mut server.connect()?, 1)?;
    Ok(trial.totals)
}

impl Trial<'_> {
    /// Starts a server on the data; sometimes one before it is killed while it loads.
    fn start(&mut self, cycle: usize) -> anyhow::Result<Program> {
        let workers = match self.random.below(4) {
            0 if cycle > 0 => 1 + u16::try_from(self.random.below(5))?,
            _ => self.options.workers,
        };
        let log = if self.options.ending == Ending::SaveAndKill { "no" } else { "yes" };
        let workers = workers.to_string();
        let gathers = if self.random.one_in(2) { "yes" } else { "no" };
        self.launch.options = [
            &["--workers", &workers, "--gather-connections", gathers][..],
            &["--appendonly", log, "--appendfsync", &self.options.fsync],
            &["--save", "", "--auto-aof-rewrite-min-size", "1mb", "--protected-mode", "no"],
        ]
        .concat()
        .into_iter()
        .map(str::to_owned)
        .collect();
        while cycle > 0 && self.random.one_in(4) {
            let mut early = self.launch.spawn()?;
            thread::sleep(Duration::from_millis(self.random.below(200) as u64));
            ensure!(early.is_running()?, "the server ended at its start:\n{}", early.last_words());
            early.kill()?;
            self.totals.killed_loading += 1;
        }
        self.launch.start()
    }

    /// One life under load; what must and may have survived of each client's changes.
    fn live(&mut self, server: &mut Program, cycle: usize) -> anyhow::Result<Vec<Bounds>> {
        let (is_ending, is_over) = (AtomicBool::new(false), AtomicBool::new(false));
        let shared_list = shared_list(cycle);
        let mut clients = Vec::new();
        for (id, (generator, ledger)) in self.generators.iter_mut().zip(&self.ledgers).enumerate() {
            clients.push(Client {
                id,
                connection: server.connect()?,
                generator,
                ledger,
                // Half of them wait for each reply.
                depth: if id % 2 == 0 { 1 } else { 1 << (id % 8) },
                shared_list: shared_list.clone(),
                cycle,
                is_ending: &is_ending,
                is_over: &is_over,
                seen: None,
            });
        }
        let guide = Guide {
            options: self.options,
            random: &mut self.random,
            ledgers: &self.ledgers,
            snapshots: &mut self.totals.snapshots,
            is_ending: &is_ending,
        };
        thread::scope(|scope| {
            let threads: Vec<_> =
                clients.into_iter().map(|client| scope.spawn(move || client.work())).collect();
            let bounds = guide.run(server);
            is_ending.store(true, Ordering::Release);
            is_over.store(true, Ordering::Release);
            for thread in threads {
                let worked = thread.join().expect("clients do not panic");
                worked.map_err(anyhow::Error::msg).with_context(|| server.last_words())?;
            }
            let bounds = bounds?;
            Ok(bounds(&self.ledgers))
        })
    }

    /// Holds what the server has against the ledgers, and begins them anew from there.
    fn verify(&mut self, server: &Program, bounds: &[Bounds], cycle: usize) -> anyhow::Result<String> {
        let mut connection = server.connect()?;
        let shared_list = shared_list(cycle);
        let shared = elements(&mut connection, &shared_list)?;
        let mut counts = Vec::new();
        for (id, (ledger, bounds)) in self.ledgers.iter().zip(bounds).enumerate() {
            let mut ledger = ledger.lock();
            let mut keys = keys_of(id);
            keys.push(seen_key(id));
            let mut reading = read(&mut connection, &keys)?;
            check_seen(&reading.state, id, cycle, shared.len())?;
            let own = |element: &&Vec<u8>| element.starts_with(format!("{id}-").as_bytes());
            let own: VecDeque<_> = shared.iter().filter(own).cloned().collect();
            if !own.is_empty() {
                let entry = Entry { value: Value::List(own), deadline_ms: None };
                reading.state.insert(shared_list.clone(), entry);
            }
            let explained = ledger.explain(&reading, *bounds).map_err(anyhow::Error::msg);
            let count = explained.with_context(|| format!("client {id}"))?;
            for (at, element) in ledger.positions() {
                let is_there = shared.get(*at).is_none_or(|found| found == element);
                ensure!(is_there, "element {at} of the shared list is not what client {id} was told");
            }
            let (sent, acknowledged) = (ledger.sent_count(), ledger.acknowledged_count());
            self.totals.acknowledged += acknowledged;
            self.totals.unanswered += sent - acknowledged;
            self.totals.survived_unanswered += count.saturating_sub(acknowledged);
            counts.push(format!("{count} of {acknowledged}+{}", sent - acknowledged));
            reading.state.remove(&shared_list);
            ledger.begin(reading.state);
        }
        check_bulk(&mut connection, 97)?;
        connection.send(&[b"DEL".to_vec(), shared_list])?;
        connection.receive()?;
        Ok(counts.join(", "))
    }
}

/// What is found of one life's ledgers, told once all clients have ended.
type Reckoning = Box<dyn FnOnce(&[Mutex<Ledger>]) -> Vec<Bounds>>;

/// Ends one life in time.
struct Guide<'a> {
    options: &'a Options,
    random: &'a mut Random,
    ledgers: &'a [Mutex<Ledger>],
    snapshots: &'a mut usize,
    is_ending: &'a AtomicBool,
}

impl Guide<'_> {
    fn run(mut self, server: &mut Program) -> anyhow::Result<Reckoning> {
        match self.options.ending {
            Ending::SaveAndKill => self.save_and_kill(server),
            Ending::Kill | Ending::Terminate => {
                self.pass_time(server)?;
                self.end(server)
            }
        }
    }

    /// Waits for a random time, with a snapshot now and then.
    fn pass_time(&mut self, server: &Program) -> anyhow::Result<()> {
        let end = Instant::now() + Duration::from_millis(self.random.below(self.options.life_ms_max) as u64);
        let mut connection = server.connect()?;
        while Instant::now() < end {
            let left = end.saturating_duration_since(Instant::now());
            thread::sleep(left.min(Duration::from_millis(self.random.below(300) as u64)));
            if self.random.one_in(2) {
                // It may be refused, where another is under way.
                connection.call(&[*self.random.choose(&["BGREWRITEAOF", "BGSAVE"])])?;
                *self.snapshots += 1;
            }
        }
        Ok(())
    }

    fn end(self, server: &mut Program) -> anyhow::Result<Reckoning> {
        self.is_ending.store(true, Ordering::Release);
        let is_certain = self.options.ending == Ending::Terminate || self.options.fsync == "always";
        if self.options.ending == Ending::Terminate {
            let status = server.terminate()?;
            ensure!(status.success(), "SIGTERM ended it with {status}\n{}", server.last_words());
        } else {
            ensure!(server.is_running()?, "the server has ended by itself\n{}", server.last_words());
            server.kill()?;
        }
        let certain_before = Instant::now() - EVERYSEC;
        Ok(Box::new(move |ledgers| {
            let bounds = ledgers.iter().map(|ledger| {
                let ledger = ledger.lock();
                let acknowledged = ledger.acknowledged_count();
                let old = ledger.acknowledged_before(certain_before);
                Bounds { least: if is_certain { acknowledged } else { old }, most: ledger.sent_count() }
            });
            bounds.collect()
        }))
    }

    fn save_and_kill(self, server: &mut Program) -> anyhow::Result<Reckoning> {
        let mut connection = server.connect()?;
        thread::sleep(Duration::from_millis(self.random.below(self.options.life_ms_max) as u64));
        let least: Vec<_> = self.ledgers.iter().map(|ledger| ledger.lock().acknowledged_count()).collect();
        let command = *self.random.choose(&["SAVE", "BGSAVE"]);
        let reply = connection.call(&[command])?;
        ensure!(!reply.is_error(), "{command}: {reply}");
        // Its instant lies before the reply.
        let most: Vec<_> = self.ledgers.iter().map(|ledger| ledger.lock().sent_count()).collect();
        let begun = Instant::now();
        while info(&mut connection, "rdb_bgsave_in_progress")? != "0" {
            ensure!(begun.elapsed() < Duration::from_secs(30), "BGSAVE does not end");
            thread::sleep(Duration::from_millis(5));
        }
        ensure!(info(&mut connection, "rdb_last_bgsave_status")? == "ok", "{command} failed");
        *self.snapshots += 1;
        thread::sleep(Duration::from_millis(self.random.below(200) as u64));
        self.is_ending.store(true, Ordering::Release);
        server.kill()?;
        Ok(Box::new(move |_| {
            least.into_iter().zip(most).map(|(least, most)| Bounds { least, most }).collect()
        }))
    }
}

/// A field of INFO.
///
/// # Errors
/// When there is none, or the server does not answer.
pub fn info(connection: &mut TcpConnection, field: &str) -> anyhow::Result<String> {
    let reply = connection.call(&["INFO", "all"])?;
    let text = String::from_utf8_lossy(reply.bytes()).into_owned();
    let found = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    Ok(found.with_context(|| format!("INFO has no {field}"))?.to_owned())
}

fn shared_list(cycle: usize) -> Key {
    format!("shared:{cycle}").into_bytes()
}

fn elements(connection: &mut TcpConnection, key: &[u8]) -> anyhow::Result<Vec<Vec<u8>>> {
    connection.send(&[b"LRANGE".to_vec(), key.to_vec(), b"0".to_vec(), b"-1".to_vec()])?;
    let reply = connection.receive()?;
    ensure!(!reply.is_error(), "LRANGE: {reply}");
    Ok(reply.items().iter().map(|item| item.bytes().to_vec()).collect())
}

/// Whoever says how long the shared list was had seen it so: it must be as long still.
fn check_seen(state: &state::State, client: usize, cycle: usize, length: usize) -> anyhow::Result<()> {
    let Some(Entry { value: Value::Text(text), .. }) = state.get(&seen_key(client)) else { return Ok(()) };
    let text = String::from_utf8_lossy(text);
    let Some((told_in, seen)) = text.split_once(':') else { bail!("'{text}' was never sent") };
    if told_in == cycle.to_string() {
        let seen: usize = seen.parse()?;
        ensure!(seen <= length, "client {client} had seen {seen} elements, of which only {length} are there");
    }
    Ok(())
}

fn bulk_pair(at: usize) -> [Vec<u8>; 2] {
    [format!("bulk:{at}").into_bytes(), format!("{at}:").repeat(8).into_bytes()]
}

/// Writes the keys that stay as they are.
fn fill(connection: &mut TcpConnection) -> anyhow::Result<()> {
    for begin in (0..BULK_KEYS).step_by(500) {
        let pairs = (begin..begin + 500).flat_map(bulk_pair);
        connection.send(&[b"MSET".to_vec()].into_iter().chain(pairs).collect::<Vec<_>>())?;
        let reply = connection.receive()?;
        ensure!(!reply.is_error(), "MSET: {reply}");
    }
    Ok(())
}

/// Checks every so many of them.
fn check_bulk(connection: &mut TcpConnection, step: usize) -> anyhow::Result<()> {
    for at in (0..BULK_KEYS).step_by(step) {
        let [key, value] = bulk_pair(at);
        connection.send(&[b"GET".to_vec(), key])?;
        let reply = connection.receive()?;
        ensure!(reply.bytes() == value, "bulk:{at} is {reply}");
    }
    Ok(())
}
