//! What must be found after a crash: every record is applied to a copy of the data as soon as it is written, and the state
//! after it is noted.

use std::collections::BTreeMap;

use kora_core::digest::{Detail, Digest};
use kora_core::journal::{Effects, Journal};
use kora_core::keyspace::Keyspace;
use kora_core::shard::store::{DbIndex, ShardStore};
use kora_core::time::UnixMs;

use super::super::loader::{Replay, Target};
use super::world::{Bench, DATABASES};

/// What all data are: a digest of the keys, and the libraries.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    keys: Digest,
    libraries: Vec<Box<[u8]>>,
}

/// The state of stores.
pub(super) fn state_of(stores: &mut [&mut ShardStore], mut libraries: Vec<Box<[u8]>>) -> State {
    libraries.sort_unstable();
    let mut databases = Vec::new();
    for db in (0..DATABASES).map(DbIndex) {
        let (mut digest, mut keys) = (Digest::default(), 0);
        let mut journal = Journal::default();
        for store in &mut *stores {
            // At a time when nothing has expired: whatever is still there is looked at.
            let mut keyspace = Keyspace::new(store, &mut journal, db, UnixMs(0), true);
            digest.merge(Digest::of_keys(&mut keyspace, Detail::Effects));
            keys += keyspace.len();
        }
        if keys > 0 {
            databases.push((db, digest));
        }
    }
    State { keys: Digest::of_databases(databases), libraries }
}

/// Each key with its database and digest: to tell what differs.
pub(super) fn keys_of(stores: &mut [&mut ShardStore]) -> BTreeMap<(u16, Vec<u8>), String> {
    let mut found = BTreeMap::new();
    for db in 0..DATABASES {
        let mut journal = Journal::default();
        for store in &mut *stores {
            let mut keyspace = Keyspace::new(store, &mut journal, DbIndex(db), UnixMs(0), true);
            let mut cursor = 0;
            loop {
                cursor = keyspace.scan(cursor, 1000, &mut |entry| {
                    let digest = Digest::of_value(entry, Detail::Effects).to_hex();
                    let plain = Digest::of_value(entry, Detail::AsRedis).to_hex();
                    let text = format!("{:?} {digest} (as Redis {plain})", entry.kind());
                    found.insert((db, entry.key().to_vec()), text);
                });
                if cursor == 0 {
                    break;
                }
            }
        }
    }
    found
}

/// Parts of an operation: how many there are, and the records that hold those written.
#[derive(Debug, Default)]
pub(super) struct Parts {
    count: u16,
    records: Vec<u64>,
}

impl Parts {
    /// Whether a log that ends with a record has all of it or nothing.
    pub(super) fn is_whole_or_absent(&self, end: u64) -> bool {
        let within = self.records.iter().filter(|record| **record <= end).count();
        within == 0 || within == usize::from(self.count)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct Book {
    /// The copy of the data.
    pub(super) copy: Option<Bench>,
    /// The state after each record since the last start, and before the first.
    pub(super) history: BTreeMap<u64, State>,
    /// Records in order, and when they were acknowledged, if they were.
    pub(super) times: Vec<(u64, Option<u64>)>,
    pub(super) operations: BTreeMap<u64, Parts>,
    /// The state now.
    pub(super) last: State,
    /// Effects of commands so far.
    pub(super) changes: u64,
    /// Records so far.
    pub(super) records: u64,
    /// What was recorded since the last look, in words.
    pub(super) heard: Vec<String>,
    /// An effect that could not be applied.
    pub(super) failure: Option<String>,
    /// The log's clock.
    pub(super) now_ms: u64,
}

impl Book {
    /// Begins anew behind a record.
    pub(super) fn begin(&mut self, record: u64, state: State) {
        self.history = [(record, state.clone())].into();
        self.last = state;
        self.times.clear();
        self.operations.clear();
    }

    /// Notes a record.
    pub(super) fn note(&mut self, record: u64, effects: &Effects) {
        for mark in effects.parts() {
            let parts = self.operations.entry(mark.operation).or_default();
            parts.count = mark.parts;
            parts.records.push(record);
        }
        self.records += 1;
        self.apply(record, effects);
        self.history.insert(record, self.last.clone());
        self.times.push((record, None));
    }

    fn apply(&mut self, record: u64, effects: &Effects) {
        let Some(copy) = &mut self.copy else { return };
        {
            let Bench { engine, stores } = copy;
            let persistence = &engine.shared.persistence;
            let mut target: Target<'_> =
                persistence.target(&engine.shared, stores, &engine.services, UnixMs(1));
            let mut replay = Replay::new(&mut target);
            for effect in effects.iter() {
                let args: Vec<&[u8]> = effect.args().collect();
                self.changes += u64::from(!effect.is_incidental);
                let words: Vec<String> =
                    args.iter().map(|arg| arg[..arg.len().min(60)].escape_ascii().to_string()).collect();
                let refusal = replay.run(effect.db, &args).unwrap_or_else(Some);
                self.heard.push(format!("{record}/{}: {}", effect.db.0, words.join(" ")));
                if let Some(error) = refusal {
                    self.failure = Some(format!("the effect {words:?} is refused: {error}"));
                }
            }
        }
        self.last = copy.state();
    }
}
