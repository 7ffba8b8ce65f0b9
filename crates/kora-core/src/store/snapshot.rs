//! Snapshots: what all databases of a store hold at one instant, written a little at a time while commands go on.
//!
//! Every entry carries a mark, one bit. The marks of all entries of a database are equal, except while a snapshot is taken
//! of it: at its instant the database's mark is turned over, and whatever entry still has the other one is yet to be
//! written. That is done by going through the table, and before such an entry changes or goes; either way it gets the
//! database's mark. New entries have it from the beginning: the snapshot does not see them. So it needs no copy of anything
//! and no memory, but for the bytes that wait to be taken away. A large value whose copies share its memory is copied instead before it changes, and
//! the copy is written.
//!
//! Invariants:
//! - without a snapshot, all entries of a database have its mark;
//! - with one, those that have not are exactly those of the instant that were not written yet, as they were at the instant.
//!   They are in the table at or behind the cursor, in `large`, or in the table that was emptied meanwhile; but for those that copies in `large` stand for.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use super::{Database, ShardStore};
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::hash::{KeyHasher, hash_key};
use crate::rdb::{Style, ValueWriter, write_entry, write_entry_head};
use crate::slot::ShardId;
use crate::table::{Position, Table};
use crate::time::UnixMs;

/// Entries that one step through a table looks at.
const STEP_ENTRIES: usize = 16;

/// An entry of more allocations than this is written in slices.
const LARGE_EFFORT: usize = 512;

/// Room for bytes that are to be written is made at once up to so many.
const BUFFER_BYTES_MAX: usize = 1024 * 1024;

/// Takes what a snapshot writes, away from the shard. Dropped before [`SnapshotSink::finish`], it has not got all.
pub trait SnapshotSink: Send {
    /// Takes entries of one database. The bytes begin in the midst of an entry if those before them did not end with one:
    /// `is_whole` tells how these end.
    fn put(&mut self, chunk: Chunk);
    /// So many bytes of memory are in use for what is being written and was not put yet.
    fn note_open(&mut self, bytes: usize);
    /// Whether it can take more now. What is about to change is given to it in any case.
    fn has_room(&self) -> bool;
    /// Whether anybody still wants the snapshot.
    fn is_wanted(&self) -> bool;
    /// Everything was put.
    fn finish(&mut self);
}

/// Some entries of a snapshot, as they stand in an RDB file.
#[derive(Debug)]
pub struct Chunk {
    /// The shard they come from.
    pub shard: ShardId,
    /// The database they were in.
    pub db: DbIndex,
    /// Number of entries that end in it.
    pub entries: usize,
    /// The entries.
    pub bytes: Vec<u8>,
    /// Whether it ends with the end of an entry.
    pub is_whole: bool,
}

/// How far a snapshot is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// None is being taken.
    None,
    /// There is more to write.
    More,
    /// There is more to write when the sink has room.
    Full,
    /// That was the last of it.
    Done,
}

/// The snapshot that is being taken of a store.
pub(crate) struct StoreSnapshot {
    sink: Box<dyn SnapshotSink>,
}

impl fmt::Debug for StoreSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreSnapshot").finish_non_exhaustive()
    }
}

/// A database's share of a snapshot, and the mark of those of its entries that none has to write.
#[derive(Debug, Default)]
pub(crate) struct Snapshotting {
    mark: bool,
    task: Option<Box<Task>>,
}

/// How entries are written.
#[derive(Debug)]
struct Manner {
    style: Style,
    /// The instant.
    now: UnixMs,
    /// The settings then: they say how use is told.
    config: CoreConfig,
}

impl Manner {
    fn write(&self, entry: &Entry, out: &mut Vec<u8>) {
        write_entry(entry, self.style, self.now, &self.config, out);
    }
}

/// What is left to be written of a database.
#[derive(Debug)]
struct Task {
    /// The number it had at the instant.
    db: DbIndex,
    manner: Arc<Manner>,
    cursor: u64,
    is_scanned: bool,
    /// The table as it was emptied, if it was: the entries are there.
    emptied: Option<Table>,
    /// Large entries that the scan has passed, and copies of large ones that have changed.
    large: VecDeque<Large>,
    /// Copies that are written: to be freed.
    written: Vec<Entry>,
    /// The first of `large`, partly written.
    open: Option<ValueWriter>,
    /// Written and not yet taken away.
    bytes: Vec<u8>,
    /// Written and not yet taken away, to stand behind the entry that is partly written.
    behind: Vec<u8>,
    entries: usize,
    entries_behind: usize,
}

#[derive(Debug)]
enum Large {
    InTable { hash: u64, key: Box<[u8]> },
    Copied(Entry),
}

impl Large {
    fn is_copied(&self) -> bool {
        matches!(self, Self::Copied(_))
    }

    /// Whether it is an entry of the table with this key.
    fn is_in_table(&self, key: &[u8]) -> bool {
        matches!(self, Self::InTable { key: own, .. } if **own == *key)
    }
}

/// Whether an entry is written in slices.
fn is_large(entry: &Entry) -> bool {
    entry.as_object().is_some_and(|object| object.free_effort() > LARGE_EFFORT)
}

impl Snapshotting {
    /// The instant: all entries are to be written.
    fn begin(&mut self, db: DbIndex, manner: &Arc<Manner>) {
        self.mark = !self.mark;
        self.task = Some(Box::new(Task {
            db,
            manner: Arc::clone(manner),
            cursor: 0,
            is_scanned: false,
            emptied: None,
            large: VecDeque::new(),
            written: Vec::new(),
            open: None,
            bytes: Vec::new(),
            behind: Vec::new(),
            entries: 0,
            entries_behind: 0,
        }));
    }

    /// To be called before an entry changes or goes.
    #[inline]
    pub(crate) fn before_change(&mut self, entry: &mut Entry) {
        if let Some(task) = &mut self.task
            && entry.mark() != self.mark
        {
            task.write_ahead(entry);
            entry.set_mark(self.mark);
        }
    }

    /// To be called before an entry comes in.
    #[inline]
    pub(crate) fn note_added(&self, entry: &mut Entry) {
        if self.mark || entry.mark() {
            entry.set_mark(self.mark);
        }
    }

    /// Takes the table of a database that is emptied, if there is something to write in it; returns it otherwise.
    pub(crate) fn keep_emptied(&mut self, table: Table) -> Option<Table> {
        match &mut self.task {
            Some(task) if task.emptied.is_none() && !(task.is_scanned && task.large.is_empty()) => {
                task.emptied = Some(table);
                None
            }
            _ => Some(table),
        }
    }
}

impl Task {
    /// Writes an entry that is about to change.
    #[cold]
    fn write_ahead(&mut self, entry: &Entry) {
        let is_open =
            self.open.is_some() && self.large.front().is_some_and(|large| large.is_in_table(entry.key()));
        let is_copied =
            is_large(entry) && entry.as_object().is_some_and(|object| object.is_shared_by_copies());
        if is_copied {
            let copy = Large::Copied(entry.duplicate());
            match self.large.front_mut().filter(|_| is_open) {
                Some(front) => *front = copy,
                None => self.large.push_back(copy),
            }
        } else if is_open {
            self.go_on(entry, usize::MAX);
            self.large.pop_front();
        } else if self.open.is_some() {
            self.manner.write(entry, &mut self.behind);
            self.entries_behind += 1;
        } else {
            self.manner.write(entry, &mut self.bytes);
            self.entries += 1;
        }
    }

    /// Writes about `budget` bytes of the first large entry; whether that was the rest of it, which the caller takes out then.
    fn go_on(&mut self, entry: &Entry, budget: usize) -> bool {
        let Self { manner, open, bytes, .. } = self;
        let writer = open.get_or_insert_with(|| {
            write_entry_head(entry, manner.style, manner.now, &manner.config, bytes);
            ValueWriter::new(manner.style)
        });
        if !writer.write_some(entry, &mut self.bytes, budget) {
            return false;
        }
        self.open = None;
        self.entries += 1 + std::mem::take(&mut self.entries_behind);
        self.bytes.append(&mut self.behind);
        true
    }

    /// Writes until about `budget` bytes wait; whether nothing is left.
    fn write_some(&mut self, table: &mut Table, mark: bool, hasher: &KeyHasher, budget: usize) -> bool {
        let mut emptied = self.emptied.take();
        let is_done = self.write_some_of(emptied.as_mut().unwrap_or(table), mark, hasher, budget);
        self.emptied = emptied;
        is_done
    }

    fn write_some_of(&mut self, table: &mut Table, mark: bool, hasher: &KeyHasher, budget: usize) -> bool {
        while self.bytes.len() < budget {
            let left = budget - self.bytes.len();
            if let Some(Large::InTable { hash, key }) = self.large.front() {
                let position = table.find(*hash, key);
                match position.map(|position| table.entry_mut(position)) {
                    Some(entry) if entry.mark() != mark => {
                        if self.go_on(entry, left) {
                            entry.set_mark(mark);
                            self.large.pop_front();
                        }
                    }
                    // It was written before it changed.
                    _ => drop(self.large.pop_front()),
                }
            } else if let Some(Large::Copied(copy)) = self.large.pop_front_if(|large| large.is_copied()) {
                if self.go_on(&copy, left) {
                    self.written.push(copy);
                } else {
                    self.large.push_front(Large::Copied(copy));
                }
            } else if self.is_scanned {
                return true;
            } else {
                self.scan(table, mark, hasher);
            }
        }
        false
    }

    fn scan(&mut self, table: &mut Table, mark: bool, hasher: &KeyHasher) {
        let Self { manner, large, bytes, entries, .. } = self;
        let mut written: SmallVec<[Position; 2 * STEP_ENTRIES]> = SmallVec::new();
        self.cursor = table.scan_positions(self.cursor, STEP_ENTRIES, hasher, &mut |position, entry| {
            if entry.mark() == mark {
                return;
            }
            if is_large(entry) {
                let (hash, key) = (hash_key(hasher, entry.key()), entry.key().into());
                large.push_back(Large::InTable { hash, key });
            } else {
                manner.write(entry, bytes);
                *entries += 1;
                written.push(position);
            }
        });
        for position in written {
            table.entry_mut(position).set_mark(mark);
        }
        self.is_scanned = self.cursor == 0;
    }

    /// Makes room for what a budget of so many bytes writes, and a little more, at once; returns the bytes of memory in use.
    fn reserve(&mut self, budget: usize) -> usize {
        self.bytes.reserve_exact(budget.min(BUFFER_BYTES_MAX) / 4 * 5);
        self.bytes.capacity()
    }

    /// Gives the sink what waits to be taken away.
    fn put(&mut self, shard: ShardId, sink: &mut dyn SnapshotSink) {
        let (mut bytes, entries) = (std::mem::take(&mut self.bytes), std::mem::take(&mut self.entries));
        if sink.is_wanted() && !bytes.is_empty() {
            if bytes.len() < bytes.capacity() / 2 {
                bytes.shrink_to_fit();
            }
            sink.put(Chunk { shard, db: self.db, entries, bytes, is_whole: self.open.is_none() });
        }
        sink.note_open(0);
    }
}

impl Database {
    /// Goes on with the snapshot; whether this database has nothing left to write.
    fn snapshot_some(&mut self, hasher: &KeyHasher, budget: usize) -> bool {
        let (snapshot, table) = self.snapshot_and_table();
        let mark = snapshot.mark;
        snapshot.task.as_mut().is_none_or(|task| task.write_some(table, mark, hasher, budget))
    }
}

impl ShardStore {
    /// Number of keys in all databases.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.databases.iter().map(Database::len).sum()
    }

    /// Whether a file of all keys may hold a hash in a form with room for field deadlines.
    #[must_use]
    pub fn has_room_for_field_deadlines(&self) -> bool {
        self.databases.iter().any(Database::has_room_for_field_deadlines)
    }

    /// Whether a snapshot is being taken.
    #[must_use]
    pub fn is_in_snapshot(&self) -> bool {
        self.snapshot.is_some()
    }

    /// Begins a snapshot of all databases as they are at `now`; `compress`: strings are compressed. [`ShardStore::snapshot_some`] is to be called until it is done.
    ///
    /// # Panics
    /// If one is being taken.
    pub fn begin_snapshot(&mut self, compress: bool, now: UnixMs, sink: Box<dyn SnapshotSink>) {
        assert!(self.snapshot.is_none(), "one snapshot at a time");
        let style = Style { compress };
        let manner = Arc::new(Manner { style, now, config: self.config.clone() });
        for (db, database) in (0..).map(DbIndex).zip(&mut self.databases) {
            if !database.is_empty() {
                database.snapshot_and_table().0.begin(db, &manner);
            }
        }
        self.snapshot = Some(StoreSnapshot { sink });
    }

    /// Writes about `budget` bytes of the snapshot, if one is being taken, and gives them and whatever was written ahead of
    /// changes to the sink. Complexity: O(`budget`).
    pub fn snapshot_some(&mut self, budget: usize) -> Progress {
        let Some(mut snapshot) = self.snapshot.take() else { return Progress::None };
        let progress = self.advance_snapshot(&mut *snapshot.sink, budget);
        if progress == Progress::Done {
            snapshot.sink.finish();
        } else {
            self.snapshot = Some(snapshot);
        }
        progress
    }

    fn advance_snapshot(&mut self, sink: &mut dyn SnapshotSink, budget: usize) -> Progress {
        let (shard, is_wanted) = (self.id(), sink.is_wanted());
        let mut left = if is_wanted && !sink.has_room() { 0 } else { budget };
        let Self { databases, hasher, garbage, .. } = self;
        while let Some(index) = next_to_write(databases) {
            if left > 0
                && let Some(task) = &mut databases[index].snapshot_and_table().0.task
            {
                sink.note_open(task.reserve(left));
            }
            let is_done = left > 0 && databases[index].snapshot_some(hasher, left);
            let state = databases[index].snapshot_and_table().0;
            let Some(task) = &mut state.task else { break };
            left = left.saturating_sub(task.bytes.len());
            task.put(shard, sink);
            if !is_done {
                break;
            }
            garbage.add_emptied(task.emptied.take());
            task.written.drain(..).for_each(|copy| garbage.add_whole(Box::new(copy), 0));
            state.task = None;
        }
        let Some(first) = next_to_write(databases) else { return Progress::Done };
        // Nothing may stand between the parts of one entry.
        if databases[first].snapshot().task.as_ref().is_some_and(|task| task.open.is_none()) {
            let states = databases.iter_mut().map(|database| database.snapshot_and_table().0);
            states.filter_map(|state| state.task.as_deref_mut()).for_each(|task| task.put(shard, sink));
        }
        if left == 0 && is_wanted && !sink.has_room() { Progress::Full } else { Progress::More }
    }
}

/// The database to go on with: the one that has written part of an entry, or else the first that has something to write.
fn next_to_write(databases: &[Database]) -> Option<usize> {
    let is_open = |database: &Database| database.snapshot().task.as_ref().map(|task| task.open.is_some());
    let open = databases.iter().position(|database| is_open(database) == Some(true));
    open.or_else(|| databases.iter().position(|database| is_open(database).is_some()))
}
