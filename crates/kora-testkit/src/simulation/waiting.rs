//! Clients that wait for keys: how their waits end, and whether they were served in the order in which they came.

use std::collections::HashMap;

use kora_core::journal::Journal;
use kora_core::reply::Value;
use kora_core::slot::{ShardId, Slot};
use kora_core::store::Keyspace;
use kora_engine::front::Mail;

use super::Simulation;
use super::record::{Args, Call, History, OperationId, Record};

/// When an operation ran, in the order of all runs.
#[derive(Clone, Copy, Debug)]
struct Runs {
    first: u64,
    last: u64,
    /// It has replied.
    has_replied: bool,
    /// Its wait has ended, and it was not served.
    ended: Option<u64>,
}

/// By database and key: operations that had to wait, and until when.
type Waits<'a> = HashMap<(u16, &'a [u8]), Vec<(usize, u64)>>;

/// When operations ran, for the order in which those that wait are served.
#[derive(Debug, Default)]
pub(super) struct Queues {
    clock: u64,
    runs: HashMap<usize, Runs>,
    /// An operation that ran after its wait was ended.
    unasked: Option<usize>,
}

impl Queues {
    /// Notes that an operation runs: for the first time (`true`), or once more because it has waited.
    pub(super) fn note_ran(&mut self, operation: OperationId) -> bool {
        self.clock += 1;
        let runs = Runs { first: self.clock, last: self.clock, has_replied: false, ended: None };
        let runs = self.runs.entry(operation.0).or_insert(runs);
        runs.last = self.clock;
        if runs.ended.is_some() {
            self.unasked = Some(operation.0);
        }
        runs.first == runs.last
    }

    /// Notes that an operation has replied.
    pub(super) fn note_replied(&mut self, operation: OperationId) {
        if let Some(runs) = self.runs.get_mut(&operation.0) {
            runs.has_replied = true;
        }
    }

    /// Notes that an operation waits no longer, if it did, and was not served.
    pub(super) fn note_ended(&mut self, operation: OperationId) {
        self.clock += 1;
        if let Some(runs) = self.runs.get_mut(&operation.0).filter(|runs| !runs.has_replied) {
            runs.ended = Some(self.clock);
        }
    }

    /// Leaves each command once in the shards' orders: where it ran last if it was served, else where it ran first.
    pub(super) fn settle(&self, history: &mut History) {
        let History { chains, records, .. } = history;
        for (shard, chain) in (0..).map(ShardId).zip(chains) {
            let all = std::mem::take(chain);
            for (at, &id) in all.iter().enumerate() {
                let is_served = self.is_served(id.0, &records[id.0.0]);
                let is_place =
                    if is_served { !all[at + 1..].contains(&id) } else { !all[..at].contains(&id) };
                if is_place {
                    chain.push(id);
                    records[id.0.0].calls[id.1].shards.push(shard);
                }
            }
        }
    }

    fn is_served(&self, id: OperationId, record: &Record) -> bool {
        let is_ended = self.runs.get(&id.0).is_some_and(|runs| runs.ended.is_some());
        let is_null = matches!(record.calls[..], [Call { reply: Some(Value::Null | Value::NullArray), .. }]);
        !is_ended && !is_null
    }

    /// Checks that nobody was served whose wait was over, and that nobody took an element from a key while someone waited
    /// for it who came before.
    pub(super) fn check(&self, history: &History) -> Result<(), String> {
        if let Some(id) = self.unasked {
            return Err(format!("#{id} ran although its wait was over"));
        }
        let waited = self.waited(history);
        for (id, record) in history.records.iter().enumerate() {
            let [call] = &record.calls[..] else { continue };
            let (Some(key), Some(taker)) = (taken_from(call), self.runs.get(&id)) else { continue };
            // It was submitted before the element came, and ran before one that was promised to be served.
            let came_between = taker.first == taker.last && is_spread(history, &call.args);
            // It was its turn at one of its keys, and another was the first of them that held something.
            let keys = awaited_keys(&call.args);
            let had_choice = keys.iter().any(|key| *key != keys[0]);
            if came_between || had_choice {
                continue;
            }
            for &(other, until) in waited.get(&(record.db.0, key)).into_iter().flatten() {
                let began = self.runs[&other].first;
                if other != id && began < taker.first && taker.last < until {
                    return Err(format!("#{id} took an element that #{other} had waited for longer"));
                }
            }
        }
        Ok(())
    }

    /// By database and key, the operations that had to wait for it, and until when. One whose keys live on several shards
    /// is left out: until it can be served, operations that were submitted before may come between.
    fn waited<'a>(&self, history: &'a History) -> Waits<'a> {
        let mut waited = Waits::new();
        for (&id, runs) in &self.runs {
            let record = &history.records[id];
            let [call] = &record.calls[..] else { continue };
            let keys = awaited_keys(&call.args);
            if is_spread(history, &call.args) {
                continue;
            }
            let until = match runs.ended {
                Some(ended) => ended,
                None if self.is_served(OperationId(id), record) => runs.last,
                None => u64::MAX,
            };
            for key in keys {
                waited.entry((record.db.0, key.as_slice())).or_default().push((id, until));
            }
        }
        waited
    }
}

/// Whether the lists that a command needs live on several shards.
fn is_spread(history: &History, args: &Args) -> bool {
    let shard_count = history.shard_count();
    let keys = match args[0].as_slice() {
        b"LMOVE" => &args[1..3],
        _ => awaited_keys(args),
    };
    let mut shards = keys.iter().chain(destination(args)).map(|key| Slot::of(key).shard(shard_count));
    shards.next().is_some_and(|first| shards.any(|shard| shard != first))
}

/// The keys that a command waits for, if it is one that waits.
fn awaited_keys(args: &Args) -> &[Vec<u8>] {
    match args[0].as_slice() {
        b"BLPOP" | b"BRPOP" => &args[1..args.len() - 1],
        b"BLMOVE" | b"BRPOPLPUSH" => &args[1..2],
        b"BLMPOP" => &args[3..args.len() - 1],
        _ => &[],
    }
}

/// The key that a command moves an element to.
fn destination(args: &Args) -> Option<&Vec<u8>> {
    matches!(args[0].as_slice(), b"BLMOVE" | b"BRPOPLPUSH").then(|| &args[2])
}

/// The key from which a command took an element, if it did.
fn taken_from(call: &Call) -> Option<&[u8]> {
    match (call.args[0].as_slice(), call.reply.as_ref()?) {
        (b"LPOP" | b"RPOP" | b"LMOVE" | b"RPOPLPUSH" | b"BLMOVE" | b"BRPOPLPUSH", Value::Bulk(_)) => {
            Some(&call.args[1])
        }
        (b"BLPOP" | b"BRPOP" | b"BLMPOP" | b"LMPOP", Value::Array(reply)) => match reply.first()? {
            Value::Bulk(key) => call.args[1..].iter().map(Vec::as_slice).find(|arg| arg == key),
            _ => None,
        },
        _ => None,
    }
}

impl Simulation<'_> {
    /// The clients that wait for keys.
    fn waiting(&mut self) -> Vec<usize> {
        let Self { clients, workers, .. } = self;
        let is_blocked = |client: &usize| {
            let origin = clients[*client].origin;
            let session = workers[origin.worker.index()].turn.sessions.of(origin);
            session.is_some_and(|session| session.is_blocked())
        };
        (0..clients.len()).filter(is_blocked).collect()
    }

    /// CLIENT UNBLOCK of some client that waits, by some worker.
    pub(super) fn unblock(&mut self) {
        let waiting = self.waiting();
        if waiting.is_empty() {
            return;
        }
        let origin = self.clients[*self.random.choose(&waiting)].origin;
        let Some(session) = self.workers[origin.worker.index()].turn.sessions.of(origin) else { return };
        if session.client.end_wait() {
            self.hub.send_driver_mail(origin.worker, Mail::Unblock(origin, false));
        }
        self.take_in(&[]);
    }

    /// Checks that who still waits has nothing to wait for.
    pub(super) fn check_endless_waits(&mut self) -> Result<(), String> {
        for client in self.waiting() {
            let Some(pending) = self.clients[client].pending else { continue };
            let record = self.history.get(pending);
            let (id, db) = (pending.0, record.db);
            for key in awaited_keys(&record.calls[0].args) {
                let shard = Slot::of(key).shard(self.hub.shard_count());
                let store = self.workers[shard.index()].turn.shard().store();
                let store = store.ok_or("a store is away for ever")?;
                let mut journal = Journal::default();
                if Keyspace::new(store, &mut journal, db, self.clock, true).peek(key).is_some() {
                    return Err(format!("#{id} waits for {} for ever", String::from_utf8_lossy(key)));
                }
            }
        }
        Ok(())
    }

    /// Checks that the stores know of nobody who waits or watches, since nobody does.
    pub(super) fn check_forgotten(&mut self) -> Result<(), String> {
        for (at, worker) in self.workers.iter_mut().enumerate() {
            let store = worker.turn.shard().store().ok_or("a store is away for ever")?;
            if store.awaited_keys() > 0 {
                return Err(format!("shard {at} keeps waiters that are over"));
            }
            if store.watched_keys() > 0 {
                return Err(format!("shard {at} keeps keys that nobody watches"));
            }
        }
        Ok(())
    }
}
