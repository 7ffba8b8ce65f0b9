//! One database of one shard: its table, how many of its keys have a deadline, and which have fields with deadlines.
//!
//! Every way in, out and over a deadline goes through here, so that count and index are right by construction. The
//! deadlines of a hash's fields change inside the value: see [`HashMut`](crate::types::hash::HashMut).
//!
//! Invariant: `field_deadlines` holds, for each hash that has fields with deadlines, the next of them with the hash of
//! its key.

use super::entry::{Entry, Heap, NewValue};
use super::snapshot::Snapshotting;
use super::table::{Position, Table};
use crate::hash::KeyHasher;
use crate::shard::watch::Presence;
use crate::time::UnixMs;
use crate::types::deadlines::Deadlines;
use crate::types::hash::next_deadline;

/// One database of one shard.
#[derive(Debug, Default)]
pub struct Database {
    table: Table,
    expires: usize,
    field_deadlines: Deadlines,
    pub(super) sweep: SweepState,
    /// Cursor of the bucket from which eviction takes its next candidates.
    pub(super) next_sampled: u64,
    /// Cursor of a bucket some way behind that one, whose entries are fetched next.
    pub(super) next_fetched: u64,
    /// The snapshot that is being taken of it, and which of its entries that has no need to write any more.
    snapshot: Snapshotting,
}

/// How far the sweep for expired keys has come, and what it learned.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SweepState {
    /// Where it goes on.
    pub(super) cursor: u64,
    /// Mean time to live in milliseconds of the keys it met lately; 0 if it met none.
    pub(super) average_ttl_ms: i64,
}

impl Database {
    /// Number of keys, expired but unswept ones included.
    #[inline]
    #[must_use]
    pub fn len(&self) -> usize {
        self.table.len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Whether it holds `key`.
    pub(crate) fn presence(&self, hash: u64, key: &[u8], now: UnixMs) -> Presence {
        match self.table.find(hash, key) {
            None => Presence::Absent,
            Some(position) if self.table.entry(position).is_expired(now) => Presence::Expired,
            Some(_) => Presence::Present,
        }
    }

    /// Number of keys with a deadline.
    #[must_use]
    pub fn expires(&self) -> usize {
        self.expires
    }

    /// Number of hashes that have fields with deadlines.
    #[must_use]
    pub fn expiring_hashes(&self) -> usize {
        self.field_deadlines.len()
    }

    /// The next deadline of any field, and the hash of its key.
    pub(super) fn next_field_deadline(&self) -> Option<(UnixMs, u64)> {
        self.field_deadlines.first()
    }

    /// Estimated mean time to live in milliseconds of the keys with a deadline; 0 if unknown.
    #[must_use]
    pub fn average_ttl_ms(&self) -> i64 {
        if self.expires == 0 { 0 } else { self.sweep.average_ttl_ms }
    }

    /// Bytes of the table itself, the entries not included.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// The table, to look things up.
    #[inline]
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The entry at `position`, to note its use.
    #[inline]
    pub(super) fn entry_to_touch(&mut self, position: Position) -> &mut Entry {
        self.table.entry_mut(position)
    }

    /// The snapshot that is being taken of it.
    pub(super) fn snapshot(&self) -> &Snapshotting {
        &self.snapshot
    }

    /// The same and the table, to go on with it.
    pub(super) fn snapshot_and_table(&mut self) -> (&mut Snapshotting, &mut Table) {
        (&mut self.snapshot, &mut self.table)
    }

    /// The entry at `position` and the count of deadlines, which follows the entry's.
    pub(super) fn entry_and_expires(&mut self, position: Position) -> (&mut Entry, &mut usize) {
        let entry = entry_to_change(&mut self.table, &mut self.snapshot, position);
        (entry, &mut self.expires)
    }

    /// The same, and the index of hashes with deadlines, which follows the entry's fields.
    pub(super) fn entry_and_deadlines(
        &mut self,
        position: Position,
    ) -> (&mut Entry, &mut usize, &mut Deadlines) {
        let entry = entry_to_change(&mut self.table, &mut self.snapshot, position);
        (entry, &mut self.expires, &mut self.field_deadlines)
    }

    /// Replaces value and deadline of the entry at `position`, whose key has this hash, by a value that has no fields
    /// with deadlines. Returns what the old value owned.
    pub(super) fn replace(
        &mut self,
        (position, hash): (Position, u64),
        value: NewValue<'_>,
        expiry: Option<UnixMs>,
    ) -> Option<Heap> {
        let entry = entry_to_change(&mut self.table, &mut self.snapshot, position);
        let had_expiry = entry.has_expiry();
        self.field_deadlines.change(next_deadline(entry), None, hash);
        let heap = entry.replace(value, expiry);
        self.expires = self.expires + usize::from(expiry.is_some()) - usize::from(had_expiry);
        heap
    }

    /// Adds an entry whose key is not there.
    pub(super) fn insert(&mut self, hash: u64, mut entry: Entry, hasher: &KeyHasher) {
        self.snapshot.note_added(&mut entry);
        self.expires += usize::from(entry.has_expiry());
        self.field_deadlines.change(None, next_deadline(&entry), hash);
        self.table.insert(hash, entry, hasher);
    }

    /// Takes an entry out.
    pub(super) fn remove(&mut self, position: Position, hash: u64, hasher: &KeyHasher) -> Entry {
        entry_to_change(&mut self.table, &mut self.snapshot, position);
        let entry = self.table.remove(position, hash, hasher);
        self.expires -= usize::from(entry.has_expiry());
        self.field_deadlines.change(next_deadline(&entry), None, hash);
        entry
    }

    /// Takes several entries, given with their hashes, out of one bucket.
    pub(super) fn remove_of_bucket<T: FromIterator<Entry>>(
        &mut self,
        positions: &[(Position, u64)],
        hasher: &KeyHasher,
    ) -> T {
        let taken = positions
            .iter()
            .map(|&(position, hash)| {
                entry_to_change(&mut self.table, &mut self.snapshot, position);
                let entry = self.table.remove_in_place(position, hash);
                self.expires -= usize::from(entry.has_expiry());
                self.field_deadlines.change(next_deadline(&entry), None, hash);
                entry
            })
            .collect();
        if let Some((position, _)) = positions.first() {
            self.table.reduce(*position, hasher);
        }
        taken
    }

    /// Takes all entries out, to be freed. `None` if a snapshot still has to write some: it frees them later.
    pub(super) fn take(&mut self) -> Option<Table> {
        let mut snapshot = std::mem::take(&mut self.snapshot);
        let table = std::mem::take(self).table;
        let unneeded = snapshot.keep_emptied(table);
        self.snapshot = snapshot;
        unneeded
    }
}

/// The entry at `position`, which is about to change or to go: a snapshot writes it first if it still has to.
#[inline]
fn entry_to_change<'a>(
    table: &'a mut Table,
    snapshot: &mut Snapshotting,
    position: Position,
) -> &'a mut Entry {
    let entry = table.entry_mut(position);
    snapshot.before_change(entry);
    entry
}
