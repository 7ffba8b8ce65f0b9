//! What must be found after a crash: every record is applied to a copy of the data as soon as it is written, and the state
//! after it is noted.

use std::collections::BTreeMap;

use kora_core::db::DbIndex;
use kora_core::digest::{Detail, Digest};
use kora_core::journal::Journal;
use kora_core::store::{Keyspace, ShardStore};
use kora_core::time::UnixMs;
use kora_storage::simulated::SimulatedDisk;
use kora_stream::order::{Cut, Operations};
use kora_stream::record::{Item, Items, Part, RecordBuilder};

use super::company::Found;
use super::world::{Bench, DATABASES};

/// What all data are: a digest of the keys, the libraries, and what indexes find.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct State {
    keys: Digest,
    libraries: Vec<Box<[u8]>>,
    pub(super) found: Found,
}

/// The state of stores.
pub(super) fn state_of(stores: &mut [Box<ShardStore>], mut libraries: Vec<Box<[u8]>>, found: Found) -> State {
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
    State { keys: Digest::of_databases(databases), libraries, found }
}

/// Each key with its database and digest: to tell what differs.
pub(super) fn keys_of(stores: &mut [Box<ShardStore>]) -> BTreeMap<(u16, Vec<u8>), String> {
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

/// A record as it was written.
pub(super) struct Written {
    pub(super) number: u64,
    pub(super) bytes: Vec<u8>,
    parts: Vec<Part>,
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
    /// What the last start found.
    pub(super) begin: Option<SimulatedDisk>,
    /// The records since then.
    pub(super) written: Vec<Written>,
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
    /// Begins anew behind a record, with what was found on a disk. The record behind it says that a life begins.
    pub(super) fn begin(&mut self, record: u64, state: State, found: SimulatedDisk) {
        self.history = [(record, state.clone()), (record + 1, state.clone())].into();
        self.last = state;
        self.times.clear();
        self.begin = Some(found);
        self.written.clear();
    }

    /// Notes a record.
    pub(super) fn note(&mut self, number: u64, record: &RecordBuilder) {
        self.records += 1;
        self.changes += record.effect_count() as u64;
        let (bytes, parts) = (record.bytes().to_vec(), record.parts().to_vec());
        self.written.push(Written { number, bytes, parts });
        self.apply();
        self.history.insert(number, self.last.clone());
        self.times.push((number, None));
    }

    /// What counts if the log ends with a record.
    pub(super) fn cut(&self, end: u64) -> Cut {
        self.operations(end).cut(end)
    }

    /// Up to which record everything counts, whatever follows, if the log ends with a record.
    pub(super) fn covered(&self, end: u64) -> u64 {
        self.operations(end).covered(end)
    }

    fn operations(&self, end: u64) -> Operations {
        let mut operations = Operations::default();
        for Written { number, parts, .. } in self.written.iter().filter(|written| written.number <= end) {
            parts.iter().for_each(|part| operations.note(*number, part.ticket, part.count));
        }
        operations
    }

    /// Applies the last record to the copy.
    fn apply(&mut self) {
        let (Some(copy), Some(written)) = (&mut self.copy, self.written.last()) else { return };
        for item in Items::new(&written.bytes) {
            let Ok(Item::Effect(effect)) = item else { continue };
            let args: Vec<&[u8]> = effect.arguments.collect();
            let words: Vec<String> =
                args.iter().map(|arg| arg[..arg.len().min(60)].escape_ascii().to_string()).collect();
            self.heard.push(format!("{}/{}: {}", written.number, effect.db, words.join(" ")));
        }
        if let Err(error) = copy.replay([written], &Cut::default()) {
            self.failure = Some(error);
        }
        self.last = copy.state();
    }
}
