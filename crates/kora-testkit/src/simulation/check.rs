//! Whether one sequential order explains a history.
//!
//! An order explains it if it keeps each client's order and real time (what was answered before something else was
//! sent comes first), and if a single store that runs the commands in this order, each at its own time, answers what
//! the clients received. Such an order is the proof, wherever it came from. The order in which the shards say that
//! they ran things is tried first: it nearly always is one, at the price of one replay. If it is not, a search decides.
//!
//! The search goes through all orders of single commands, depth first, and remembers where it has been: J. Wing,
//! C. Gong, "Testing and Verifying Concurrent Objects" (1993), with the memory of G. Lowe, "Testing for
//! linearizability" (2017). It does not know that commands of one pipeline ran as a unit, since nobody promises that.

use std::collections::{HashMap, HashSet};
use std::hash::{Hash as _, Hasher as _};

use kora_core::command::table::CommandTable;
use kora_core::reply::Value;

use super::documents::is_dropped;
use super::model::{Model, Told};
use super::record::{Call, CallId, History, OperationId, Record, is_refusal};

/// Commands that a search may run before it gives up.
const SEARCH_COMMANDS_MAX: usize = 20_000;

/// Why a history is not explained; the field says where the shards' own order fails.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unexplained {
    #[error("no sequential order explains the replies ({0})")]
    Impossible(Box<Contradiction>),
    #[error("no sequential order was found that explains the replies, and the search gave up ({0})")]
    Unknown(Box<Contradiction>),
}

/// Why the order in which the shards ran operations is no explanation.
#[derive(Debug, thiserror::Error)]
pub(super) enum Contradiction {
    #[error("the shards' orders contradict each other or real time after #{0}")]
    Order(usize),
    #[error("#{1} overtook a command of the same client in #{0}")]
    Overtaken(usize, usize),
    #[error("the shards' orders ask for {expected:?} in {found:?} of #{operation}")]
    Reply { operation: usize, expected: Value, found: Call },
}

/// The search ran out of commands.
#[derive(Debug)]
struct GaveUp;

/// Checks that some order explains `history`.
pub(super) fn explain(history: &History, table: &CommandTable<()>) -> Result<(), Unexplained> {
    let tried = suggested_order(history).and_then(|order| try_order(history, &order, table));
    let Err(contradiction) = tried else { return Ok(()) };
    match Search::new(history, table).extend() {
        Ok(true) => Ok(()),
        Ok(false) => Err(Unexplained::Impossible(contradiction)),
        Err(GaveUp) => Err(Unexplained::Unknown(contradiction)),
    }
}

/// An order that agrees with what each shard ran, each client's order and real time, if these do not
/// contradict each other. Commands that never ran are left out.
fn suggested_order(history: &History) -> Result<Vec<CallId>, Box<Contradiction>> {
    let processes: Vec<_> =
        (0..history.processes.len()).map(|process| history.calls_as_sent(process)).collect();
    for calls in &processes {
        if let Some(pair) = calls.windows(2).find(|pair| pair[1].0.0 < pair[0].0.0) {
            return Err(Box::new(Contradiction::Overtaken(pair[0].0.0, pair[1].0.0)));
        }
    }
    let shards_of = shards_of(history);
    let mut heads = vec![0; history.chains.len()];
    let mut fronts = vec![0; processes.len()];
    let mut order = Vec::with_capacity(shards_of.len());
    loop {
        let front = |fronts: &[usize], process: usize| processes[process].get(fronts[process]).copied();
        let fronts_now = (0..fronts.len()).filter_map(|process| front(&fronts, process));
        let deadline = first_response(history, fronts_now.map(|(id, _)| id));
        let mut is_over = true;
        let mut found = None;
        for process in 0..fronts.len() {
            let Some(call) = front(&fronts, process) else { continue };
            let Some(shards) = shards_of.get(&call) else { continue };
            is_over = false;
            let is_next = shards.iter().all(|&shard| history.chains[shard].get(heads[shard]) == Some(&call));
            if is_next && history.get(call.0).invoked <= deadline {
                found = Some((process, call));
                break;
            }
        }
        if is_over {
            return Ok(order);
        }
        let last = || Box::new(Contradiction::Order(order.last().map_or(0, |(id, _): &CallId| id.0)));
        let (process, call) = found.ok_or_else(last)?;
        fronts[process] += 1;
        shards_of[&call].iter().for_each(|&shard| heads[shard] += 1);
        order.push(call);
    }
}

/// For each command that ran, the shards that ran part of it.
fn shards_of(history: &History) -> HashMap<CallId, Vec<usize>> {
    let mut shards_of: HashMap<CallId, Vec<usize>> = HashMap::new();
    for (shard, chain) in history.chains.iter().enumerate() {
        for &call in chain {
            shards_of.entry(call).or_default().push(shard);
        }
    }
    // What concerns a connection alone has its place among what its client sent, and nowhere else.
    let calls = history.records.iter().enumerate().flat_map(|(id, record)| {
        record.calls.iter().enumerate().map(move |(at, call)| ((OperationId(id), at), call))
    });
    let unbound = calls.filter(|(_, call)| call.is_unbound());
    for (id, _) in unbound {
        shards_of.entry(id).or_default();
    }
    shards_of
}

/// The earliest response among operations that are each the next of their process: whatever was sent later must
/// come later.
fn first_response(history: &History, fronts: impl Iterator<Item = OperationId>) -> u64 {
    fronts.filter_map(|id| history.get(id).responded).min().unwrap_or(u64::MAX)
}

/// Runs the commands in this order.
fn try_order(
    history: &History,
    order: &[CallId],
    table: &CommandTable<()>,
) -> Result<(), Box<Contradiction>> {
    let mut model = Model::new(table, history.shard_count());
    for &(id, at) in order {
        let record = history.get(id);
        let call = &record.calls[at];
        let expected = run(&mut model, record, call);
        if !is_explained(&expected, call.reply.as_ref()) {
            let found = call.clone();
            return Err(Box::new(Contradiction::Reply { operation: id.0, expected, found }));
        }
    }
    Ok(())
}

fn run(model: &mut Model<'_>, record: &Record, call: &Call) -> Value {
    match &call.reply {
        Some(reply) if is_refusal(reply) => {
            if let Some(begun) = call.begun_part(model.shard_count) {
                model.look_at(&begun, record.db, record.now);
            }
            reply.clone()
        }
        Some(reply) if is_dropped(reply) => {
            model.settle_hashes(record.now);
            reply.clone()
        }
        reply => {
            let args: Vec<&[u8]> = call.args.iter().map(Vec::as_slice).collect();
            let told = Told { killed: &record.killed, reply: reply.as_ref() };
            model.run(&args, (record.db, record.now), record.process, told)
        }
    }
}

/// Runs a command given as owned words.
pub(super) fn run_args(model: &mut Model<'_>, args: &[Vec<u8>], record: &Record) -> Value {
    let args: Vec<&[u8]> = args.iter().map(Vec::as_slice).collect();
    model.run(&args, (record.db, record.now), record.process, Told::default())
}

/// Whether what was received, if anything was, is what the model answers.
fn is_explained(expected: &Value, received: Option<&Value>) -> bool {
    received.is_none_or(|received| expected == received)
}

/// The search for an order: see the module.
struct Search<'a> {
    history: &'a History,
    table: &'a CommandTable<()>,
    /// Each process's commands in the order it sent them: operation and place in it.
    calls: Vec<Vec<CallId>>,
    model: Model<'a>,
    /// The processes whose next commands were run so far, in that order.
    path: Vec<usize>,
    /// Number of commands run so far, by process.
    places: Vec<usize>,
    seen: HashSet<u64>,
    commands_left: usize,
}

impl<'a> Search<'a> {
    fn new(history: &'a History, table: &'a CommandTable<()>) -> Self {
        let calls = (0..history.processes.len()).map(|process| history.calls_as_sent(process)).collect();
        Self {
            history,
            table,
            calls,
            model: Model::new(table, history.shard_count()),
            path: Vec::new(),
            places: vec![0; history.processes.len()],
            seen: HashSet::new(),
            commands_left: SEARCH_COMMANDS_MAX,
        }
    }

    /// The next command of a process.
    fn front(&self, process: usize) -> Option<CallId> {
        self.calls[process].get(self.places[process]).copied()
    }

    /// Whether the path can be extended to an order of everything that was answered.
    fn extend(&mut self) -> Result<bool, GaveUp> {
        let fronts = || (0..self.places.len()).filter_map(|process| self.front(process));
        if fronts().all(|(id, _)| self.history.get(id).responded.is_none()) {
            return Ok(true);
        }
        let deadline = first_response(self.history, fronts().map(|(id, _)| id));
        let mut is_spoiled = false;
        for process in 0..self.places.len() {
            let Some((id, at)) = self.front(process) else { continue };
            let record = self.history.get(id);
            if record.invoked > deadline {
                continue;
            }
            if std::mem::replace(&mut is_spoiled, true) {
                self.rebuild();
            }
            self.commands_left = self.commands_left.checked_sub(1).ok_or(GaveUp)?;
            let call = &record.calls[at];
            if !is_explained(&run(&mut self.model, record, call), call.reply.as_ref()) {
                continue;
            }
            self.places[process] += 1;
            self.path.push(process);
            if self.is_new() && self.extend()? {
                return Ok(true);
            }
            self.path.pop();
            self.places[process] -= 1;
        }
        Ok(false)
    }

    fn is_new(&mut self) -> bool {
        let mut hasher = std::hash::DefaultHasher::new();
        (self.model.digest(), &self.places).hash(&mut hasher);
        self.seen.insert(hasher.finish())
    }

    /// Brings the model back to the end of the path.
    fn rebuild(&mut self) {
        self.model = Model::new(self.table, self.history.shard_count());
        let mut places = vec![0; self.places.len()];
        for &process in &self.path {
            let (id, at) = self.calls[process][places[process]];
            let record = self.history.get(id);
            run(&mut self.model, record, &record.calls[at]);
            places[process] += 1;
        }
    }
}
