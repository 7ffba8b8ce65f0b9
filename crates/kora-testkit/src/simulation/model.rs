//! The sequential model: one bare store, alone, that runs one command after the other.

use std::collections::BTreeMap;
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use kora_core::command::table::{CommandTable, Handler};
use kora_core::config::CoreConfig;
use kora_core::db::DbIndex;
use kora_core::entry::{Entry, StringRef};
use kora_core::journal::Journal;
use kora_core::reply::Value;
use kora_core::reply::tree::TreeSink;
use kora_core::shard::handler::run_on_store;
use kora_core::slot::{ShardId, Slot};
use kora_core::store::watch::Watch;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use kora_core::types::hash::HashRef;
use kora_core::types::list::ListRef;

use super::documents::Declared;
use super::pausing::is_killed;
use super::record::Killed;
use super::record::{Begun, comparable};
use super::transaction::{inner, selected};
use super::workload::DATABASE_COUNT;

/// Entries visited at once when the contents are read.
const SCAN_STEP: usize = 100;

/// A store that belongs to no engine.
#[derive(Debug)]
pub(super) struct Model<'a> {
    table: &'a CommandTable<()>,
    /// Shards of the engine that it is the model of.
    pub(super) shard_count: u16,
    store: Box<ShardStore>,
    journal: Journal,
    /// The indexes that there are.
    pub(super) declared: Declared,
    /// What processes watch.
    watched: BTreeMap<usize, (Arc<Watch>, Vec<WatchedKey>)>,
}

/// What is known of a command before it runs: scripts that were killed have done nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Told<'a> {
    /// The scripts in it that were killed.
    pub(super) killed: &'a [Killed],
    /// What it has answered, if anybody knows.
    pub(super) reply: Option<&'a Value>,
}

impl Told<'_> {
    /// What a script answers that was killed, and has answered this.
    fn of_killed(self, reply: Option<&Value>) -> Value {
        match reply {
            Some(Value::Error(text)) if is_killed(text) => Value::Error(text.clone()),
            _ => Value::Error("it was killed".to_owned()),
        }
    }
}

/// What stands in the history for a key that goes without a command.
pub(super) const LAPSE: &[u8] = b"LAPSE";

/// A key and its database.
type WatchedKey = (DbIndex, Vec<u8>);

impl<'a> Model<'a> {
    pub(super) fn new(table: &'a CommandTable<()>, shard_count: u16) -> Self {
        let store = Box::new(ShardStore::new(ShardId(0), config(), 1));
        Self {
            table,
            shard_count,
            store,
            journal: Journal::default(),
            declared: Declared::default(),
            watched: BTreeMap::new(),
        }
    }

    /// Runs a command of a process, of which this is `told`.
    pub(super) fn run(
        &mut self,
        args: &[&[u8]],
        (db, now): (DbIndex, UnixMs),
        process: usize,
        told: Told<'_>,
    ) -> Value {
        match args[0] {
            b"WATCH" => {
                let (watch, keys) = self.watched.entry(process).or_default();
                for key in &args[1..] {
                    Keyspace::new(&mut self.store, &mut self.journal, db, now, true).watch(key, watch);
                    keys.push((db, key.to_vec()));
                }
                Value::Simple("OK".to_owned())
            }
            b"UNWATCH" => {
                if let Some((watch, _)) = self.watched.remove(&process) {
                    watch.end();
                }
                Value::Simple("OK".to_owned())
            }
            b"EXEC" => {
                if let Some((watch, keys)) = self.watched.remove(&process) {
                    watch.end();
                    for (db, key) in keys {
                        Keyspace::new(&mut self.store, &mut self.journal, db, now, true).peek(&key);
                    }
                    if watch.is_dirty() {
                        return Value::Null;
                    }
                }
                self.run_inner(args, (db, now), told)
            }
            b"EVAL" if !told.killed.is_empty() => {
                self.look_for(&told.killed[0], now);
                told.of_killed(told.reply)
            }
            LAPSE => Value::Integer(self.lapse(args[1], db, now).into()),
            _ => self.run_one(args, db, now),
        }
    }

    /// Runs the commands in a transaction or a script.
    fn run_inner(&mut self, args: &[&[u8]], (mut db, now): (DbIndex, UnixMs), told: Told<'_>) -> Value {
        let commands = inner(args).expect("the workload writes them so that they can be read");
        let told_of = |at: usize| match told.reply {
            Some(Value::Array(replies)) => replies.get(at),
            _ => None,
        };
        let run = |(at, args): (usize, &[&[u8]])| {
            if let Some(killed) = told.killed.iter().find(|killed| killed.at == at) {
                self.look_for(killed, now);
                return told.of_killed(told_of(at));
            }
            match selected(args) {
                Some(selected) => {
                    db = DbIndex(selected);
                    Value::Simple("OK".to_owned())
                }
                None if args[0] == b"PING" => Value::Simple("PONG".to_owned()),
                None => self.run_one(args, db, now),
            }
        };
        comparable(args, Value::Array(commands.into_iter().enumerate().map(run).collect()))
    }

    /// A key goes without a command: since its time has come, of which some who watch it must not hear, or else because memory
    /// is short. `false` if it is not there.
    fn lapse(&mut self, key: &[u8], db: DbIndex, now: UnixMs) -> bool {
        let is_there = |model: &mut Self, now: UnixMs| {
            Keyspace::new(&mut model.store, &mut model.journal, db, now, true).peek(key).is_some()
        };
        // At this time nothing has expired.
        let was_there = is_there(self, UnixMs(0));
        if is_there(self, now) {
            self.run_one(&[b"DEL", key], db, UnixMs(0));
        }
        was_there
    }

    /// A script that was killed has looked for keys, which is the end of those that have expired.
    fn look_for(&mut self, killed: &Killed, now: UnixMs) {
        for (db, key) in &killed.looked_for {
            self.look(*db, key, now);
        }
    }

    /// Looks at a key, which is its end if it has expired.
    pub(super) fn look(&mut self, db: DbIndex, key: &[u8], now: UnixMs) {
        Keyspace::new(&mut self.store, &mut self.journal, db, now, true).peek(key);
    }

    /// A refused command has looked at keys, which is the end of those that have expired.
    pub(super) fn look_at(&mut self, begun: &Begun, db: DbIndex, now: UnixMs) {
        let of_shards;
        let keys = match begun {
            Begun::Keys(keys) => keys,
            Begun::Shards(shards) => {
                of_shards = self.keys_of(shards, db);
                &of_shards
            }
        };
        for key in keys {
            self.look(db, key, now);
        }
    }

    /// The keys of a database that these shards of the engine hold, expired ones included.
    fn keys_of(&mut self, shards: &[ShardId], db: DbIndex) -> Vec<Vec<u8>> {
        let mut keys = Vec::new();
        self.each_entry(db, |entry| keys.push(entry.key().to_vec()));
        keys.retain(|key| shards.contains(&Slot::of(key).shard(self.shard_count)));
        keys
    }

    fn run_one(&mut self, args: &[&[u8]], db: DbIndex, now: UnixMs) -> Value {
        if args[0] == b"EVAL" {
            return self.run_inner(args, (db, now), Told::default());
        }
        self.run_on_documents(args, db, now).unwrap_or_else(|| self.run_core(args, db, now))
    }

    /// Runs a command of the core.
    pub(super) fn run_core(&mut self, args: &[&[u8]], db: DbIndex, now: UnixMs) -> Value {
        let command = self.table.resolve(args).expect("the workload sends well-formed commands");
        let Handler::Core(handler) = command.handler else {
            unreachable!("there are no others in this table")
        };
        let mut sink = TreeSink::new(true);
        run_on_store(
            &mut self.store,
            &mut self.journal,
            (command.facts, handler),
            args,
            (db, now),
            &mut sink,
        );
        let reply = sink.into_values().pop().expect("a command writes one reply");
        comparable(args, reply)
    }

    /// Visits the entries of a database, expired ones included.
    pub(super) fn each_entry(&mut self, db: DbIndex, mut visit: impl FnMut(&Entry)) {
        let mut keyspace = Keyspace::new(&mut self.store, &mut self.journal, db, UnixMs(0), true);
        let mut cursor = 0;
        loop {
            cursor = keyspace.scan(cursor, SCAN_STEP, &mut visit);
            if cursor == 0 {
                break;
            }
        }
    }

    /// Stands for what the store holds and what is watched: the same for the same contents.
    pub(super) fn digest(&mut self) -> u64 {
        let mut contents = Vec::new();
        for db in (0..DATABASE_COUNT).map(DbIndex) {
            self.each_entry(db, |entry| {
                let value = match entry.string() {
                    Some(StringRef::Integer(number)) => number.to_string().into_bytes(),
                    Some(StringRef::Bytes(bytes)) => bytes.to_vec(),
                    None => text_of(entry),
                };
                contents.push((db, entry.key().to_vec(), value, entry.expiry()));
            });
        }
        contents.sort_unstable();
        let mut hasher = std::hash::DefaultHasher::new();
        contents.hash(&mut hasher);
        self.declared.hash(&mut hasher);
        for (process, (watch, keys)) in &self.watched {
            (process, watch.is_dirty(), keys).hash(&mut hasher);
        }
        hasher.finish()
    }
}

/// A list or a hash as text. Elements hold no commas.
fn text_of(entry: &Entry) -> Vec<u8> {
    let mut text = Vec::new();
    if let Some(hash) = HashRef::of(entry) {
        hash.for_each(|field| field.value.with(|bytes| text.extend_from_slice(bytes)));
        return text;
    }
    let list = ListRef::of(entry).expect("the workload makes no other types");
    list.each(0..list.len(), |element| {
        element.with(|bytes| text.extend_from_slice(bytes));
        text.push(b',');
    });
    text
}

/// The settings of the model and of the simulated shards.
pub(super) fn config() -> CoreConfig {
    CoreConfig { database_count: DATABASE_COUNT, ..CoreConfig::default() }
}
