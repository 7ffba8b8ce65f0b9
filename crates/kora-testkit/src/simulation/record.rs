//! What clients sent and saw: the history that a sequential order has to explain.

use std::fmt;

use kora_core::db::DbIndex;
use kora_core::journal::Effect;
use kora_core::reply::Value;
use kora_core::slot::{ShardId, Slot};
use kora_core::time::UnixMs;

use super::{documents, transaction};

/// A command's name and arguments.
pub(super) type Args = Vec<Vec<u8>>;

/// An operation's place in the history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct OperationId(pub(super) usize);

/// A command's place in the history: its operation, and its number in that.
pub(super) type CallId = (OperationId, usize);

/// A command and what it answered.
#[derive(Clone)]
pub(super) struct Call {
    pub(super) args: Args,
    /// Number of the command among all that clients sent.
    pub(super) sequence: u64,
    /// Absent when nobody received it.
    pub(super) reply: Option<Value>,
    /// The shards that ran it or a part of it, once that is settled.
    pub(super) shards: Vec<ShardId>,
}

impl Call {
    /// Whether no shard takes part in it: it is the end of watching, or was refused.
    pub(super) fn is_unbound(&self) -> bool {
        self.args[0] == b"UNWATCH" || self.reply.as_ref().is_some_and(is_refusal)
    }

    /// What has run of it although it was refused: a look at keys of those shards that had begun.
    pub(super) fn begun_part(&self, shard_count: u16) -> Option<Begun> {
        let has_run = |key: &&Vec<u8>| self.shards.contains(&Slot::of(key).shard(shard_count));
        match self.args[0].as_slice() {
            b"MGET" | b"EXISTS" => {
                Some(Begun::Keys(self.args[1..].iter().filter(has_run).cloned().collect()))
            }
            b"KEYS" => Some(Begun::Shards(self.shards.clone())),
            _ => None,
        }
    }
}

/// What a refused command has looked at: what it has found expired is gone.
#[derive(Debug)]
pub(super) enum Begun {
    /// These keys.
    Keys(Args),
    /// All keys of these shards.
    Shards(Vec<ShardId>),
}

/// Whether a command was refused because a script takes long.
pub(super) fn is_refusal(reply: &Value) -> bool {
    matches!(reply, Value::Error(text) if text.starts_with("BUSY ") || text.starts_with("EXECABORT "))
}

impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let args: Vec<_> = self.args.iter().map(|arg| String::from_utf8_lossy(arg)).collect();
        write!(f, "{} => {}", args.join(" "), shown(self.reply.as_ref()))
    }
}

/// A script that was killed.
#[derive(Debug)]
pub(super) struct Killed {
    /// 0, or in a transaction its place among the commands.
    pub(super) at: usize,
    /// Keys that it may have looked for in vain since they had expired, or else that the transaction has deleted it is a part of.
    pub(super) looked_for: Vec<(DbIndex, Vec<u8>)>,
}

impl Killed {
    /// The one at this place in an operation that had these effects.
    pub(super) fn new(at: usize, effects: &[Effect]) -> Self {
        let deletions = effects.iter().filter(|effect| effect.args.len() == 2);
        Self { at, looked_for: deletions.map(|effect| (effect.db, effect.args[1].to_vec())).collect() }
    }
}

/// Commands of one process that ran as a unit.
#[derive(Debug)]
pub(super) struct Record {
    pub(super) process: usize,
    pub(super) db: DbIndex,
    pub(super) now: UnixMs,
    pub(super) calls: Vec<Call>,
    /// The scripts in it that were killed.
    pub(super) killed: Vec<Killed>,
    /// The step at which the client sent the commands.
    pub(super) invoked: u64,
    /// The step at which it received the replies, if it did.
    pub(super) responded: Option<u64>,
}

/// All operations, and in which order each shard ran those that concerned it.
#[derive(Debug)]
pub(super) struct History {
    pub(super) records: Vec<Record>,
    /// Operations of each process, in the order it sent them.
    pub(super) processes: Vec<Vec<OperationId>>,
    /// What each shard ran. Nothing is proved by that: it is a hint where to look for an order.
    pub(super) chains: Vec<Vec<CallId>>,
}

impl History {
    pub(super) fn new(shard_count: u16) -> Self {
        let chains = vec![Vec::new(); usize::from(shard_count)];
        Self { records: Vec::new(), processes: Vec::new(), chains }
    }

    pub(super) fn shard_count(&self) -> u16 {
        u16::try_from(self.chains.len()).expect("shards are numbered by u16")
    }

    /// A new process: one that sends each operation after the one before.
    pub(super) fn add_process(&mut self) -> usize {
        self.processes.push(Vec::new());
        self.processes.len() - 1
    }

    pub(super) fn add(&mut self, record: Record) -> OperationId {
        let id = OperationId(self.records.len());
        self.processes[record.process].push(id);
        self.records.push(record);
        id
    }

    pub(super) fn get(&self, id: OperationId) -> &Record {
        &self.records[id.0]
    }

    /// The commands of a process in the order it sent them: operation and place in it.
    pub(super) fn calls_as_sent(&self, process: usize) -> Vec<CallId> {
        let calls = |&id: &OperationId| (0..self.get(id).calls.len()).map(move |at| (id, at));
        let mut all: Vec<_> = self.processes[process].iter().flat_map(calls).collect();
        all.sort_by_key(|&(id, at)| self.get(id).calls[at].sequence);
        all
    }

    /// Notes what an operation replied.
    ///
    /// # Errors
    /// If that is not one reply for each command.
    pub(super) fn reply(&mut self, id: OperationId, values: Vec<Value>) -> Result<(), String> {
        let record = &mut self.records[id.0];
        if record.calls.len() != values.len() {
            return Err(format!("#{} got {} replies: {values:?}", id.0, values.len()));
        }
        for (call, value) in record.calls.iter_mut().zip(values) {
            call.reply = Some(comparable(&call.args, value));
        }
        Ok(())
    }
}

impl fmt::Display for History {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (id, record) in self.records.iter().enumerate() {
            let until = record.responded.map_or("..".to_owned(), |step| step.to_string());
            let (process, db, now) = (record.process, record.db.0, record.now.0);
            writeln!(f, "#{id} process {process}, steps {}-{until}, db {db}, at {now}:", record.invoked)?;
            for call in &record.calls {
                writeln!(f, "    {call:?}")?;
            }
        }
        for (shard, chain) in self.chains.iter().enumerate() {
            let ids: Vec<_> = chain.iter().map(|(id, at)| format!("#{}.{at}", id.0)).collect();
            writeln!(f, "shard {shard} ran {}", ids.join(" "))?;
        }
        Ok(())
    }
}

fn shown(reply: Option<&Value>) -> String {
    match reply {
        None => "?".to_owned(),
        Some(Value::Bulk(bytes)) => format!("\"{}\"", String::from_utf8_lossy(bytes)),
        Some(Value::Array(values)) => {
            let values: Vec<_> = values.iter().map(|value| shown(Some(value))).collect();
            format!("[{}]", values.join(", "))
        }
        Some(value) => format!("{value:?}"),
    }
}

/// A reply in the form in which it is compared: the keys that KEYS finds have no order, nothing is nothing, and an error within
/// a script is one whatever its words.
pub(super) fn comparable<T: AsRef<[u8]>>(args: &[T], reply: Value) -> Value {
    match (reply, transaction::inner(args)) {
        (Value::Array(values), Some(commands)) => {
            let is_script = args[0].as_ref() == b"EVAL";
            let replies = commands.into_iter().zip(values).map(|(args, value)| match value {
                Value::Error(_) if is_script => Value::Error(String::new()),
                value => comparable(args, value),
            });
            Value::Array(replies.collect())
        }
        (reply, _) => comparable_of_one(args, reply),
    }
}

fn comparable_of_one<T: AsRef<[u8]>>(args: &[T], reply: Value) -> Value {
    match documents::comparable(args[0].as_ref(), reply) {
        Value::Array(mut values) if args[0].as_ref() == b"KEYS" => {
            values.sort_by(|one, other| format!("{one:?}").cmp(&format!("{other:?}")));
            Value::Array(values)
        }
        // A command whose time to wait is over replies with the absent array, where one that may not wait replies with
        // what suits it.
        Value::NullArray => Value::Null,
        reply => reply,
    }
}
