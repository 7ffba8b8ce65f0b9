//! One database of one shard: its table, which of its keys have a deadline, and which have parts with deadlines, such as fields of hashes.
//!
//! Every way in, out and over a deadline goes through here, so that calendar and index are right by construction. The
//! deadlines of parts change inside the value: see [`HashMut`](crate::types::hash::HashMut) and
//! [`ExtensionMut`](super::extension::ExtensionMut).
//!
//! Invariants:
//! - every entry with a deadline is counted in `expiries`, and has a reminder there, see [`Expiries`];
//! - `field_deadlines` holds, for each value that has parts with deadlines, the next of them with the hash of
//!   its key.

use super::snapshot::Snapshotting;
use super::watch::Presence;
use crate::db::DbIndex;
use crate::entry::{Entry, Heap, NewValue, Tally};
use crate::hash::KeyHasher;
use crate::table::changes::{Changes, Home, Keeps};
use crate::table::deadlines::Deadlines;
use crate::table::expiries::Expiries;
use crate::table::garbage::Garbage;
use crate::table::sizes::PublishedSizes;
use crate::table::{Position, Table};
use crate::time::UnixMs;
use crate::types::{has_room_for_deadlines, next_deadline};

/// One database of one shard.
#[derive(Debug, Default)]
pub struct Database {
    table: Table,
    expiries: Expiries,
    field_deadlines: Deadlines,
    /// Cursor of the bucket from which eviction takes its next candidates.
    pub(crate) next_sampled: u64,
    /// Cursor of a bucket some way behind that one, whose entries are fetched next.
    pub(crate) next_fetched: u64,
    /// The snapshot that is being taken of it, and which of its entries that has no need to write any more.
    snapshot: Snapshotting,
    /// Whoever follows its keys.
    changes: Changes,
}

impl Database {
    /// An empty one at `home`.
    pub(crate) fn at(home: Home) -> Self {
        Self { changes: Changes::at(home), ..Self::default() }
    }

    /// Notes that it has got another number.
    pub(crate) fn note_move(&mut self, db: DbIndex) {
        self.changes.moved(db);
    }

    /// Whoever follows its keys.
    pub(crate) fn changes(&mut self) -> &mut Changes {
        &mut self.changes
    }

    /// What is kept of its entries.
    pub(super) fn keeps(&self) -> Option<&Keeps> {
        self.changes.keeps()
    }

    /// Shows how many keys of which size there are, where that has changed.
    #[inline]
    pub(super) fn publish_sizes(&mut self, published: &PublishedSizes) {
        published.publish(self.changes.sizes_mut());
    }

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
        self.expiries.count()
    }

    /// Number of hashes that have fields with deadlines.
    #[must_use]
    pub fn expiring_hashes(&self) -> usize {
        self.field_deadlines.len()
    }

    /// Whether a file of its keys may hold a hash in a form with room for field deadlines. Such a form outlives the deadlines.
    #[must_use]
    pub fn has_room_for_field_deadlines(&self) -> bool {
        self.field_deadlines.len() > 0 || self.field_deadlines.has_room()
    }

    /// The next deadline of any field, and the hash of its key.
    pub(crate) fn next_field_deadline(&self) -> Option<(UnixMs, u64)> {
        self.field_deadlines.first()
    }

    /// The mean of all deadlines of keys; 0 if there are none.
    #[must_use]
    pub fn mean_deadline(&self) -> UnixMs {
        self.expiries.mean()
    }

    /// Bytes of the table itself, the entries not included.
    #[must_use]
    pub fn table_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// Bytes of its entries with keys and values, of the table, and of what is known of deadlines. What waits to be freed is not counted, nor what a
    /// snapshot keeps. Complexity: O(1).
    #[must_use]
    pub fn memory_bytes(&self) -> usize {
        let deadlines = self.expiries.calendar.memory_bytes() + self.field_deadlines.memory_bytes();
        self.changes.bytes() + self.table_bytes() + deadlines
    }

    /// The table, to look things up.
    #[inline]
    pub(crate) fn table(&self) -> &Table {
        &self.table
    }

    /// The entry at `position`, to note its use.
    #[inline]
    pub(crate) fn entry_to_touch(&mut self, position: Position) -> &mut Entry {
        self.table.entry_mut(position)
    }

    /// The snapshot that is being taken of it.
    pub(crate) fn snapshot(&self) -> &Snapshotting {
        &self.snapshot
    }

    /// The snapshot that is being taken of it and the table, to go on with it.
    pub(crate) fn snapshot_and_table(&mut self) -> (&mut Snapshotting, &mut Table) {
        (&mut self.snapshot, &mut self.table)
    }

    /// What is known of the deadlines of its keys.
    pub(crate) fn expiries(&self) -> &Expiries {
        &self.expiries
    }

    /// What is known of the deadlines of its keys, to go on with it, and the table to look things up.
    #[inline]
    pub(crate) fn expiries_and_table(&mut self) -> (&mut Expiries, &Table) {
        (&mut self.expiries, &self.table)
    }

    /// Has some reminders reviewed if deadlines that came have made that due. To be called where commands set deadlines.
    #[inline]
    pub(crate) fn tend(&mut self) {
        let (expiries, table) = self.expiries_and_table();
        if expiries.owes_review() {
            expiries.review(table);
        }
    }

    /// Tells the time, by which deadlines are put in order.
    pub(crate) fn tell_time(&mut self, now: UnixMs) {
        self.expiries.calendar.tell(now);
    }

    /// The entry at `position`, what is known of deadlines, which follows the entry's, and who is told of its change.
    #[inline]
    pub(crate) fn entry_and_expiries(
        &mut self,
        position: Position,
    ) -> (&mut Entry, &mut Expiries, &mut Changes) {
        let entry = entry_to_change(&mut self.table, (&mut self.snapshot, &mut self.changes), position);
        (entry, &mut self.expiries, &mut self.changes)
    }

    /// What [`Database::entry_and_expiries`] gives, and the index of hashes with deadlines, which follows the entry's fields.
    pub(crate) fn entry_and_deadlines(
        &mut self,
        position: Position,
    ) -> (&mut Entry, &mut Expiries, &mut Changes, &mut Deadlines) {
        let entry = entry_to_change(&mut self.table, (&mut self.snapshot, &mut self.changes), position);
        (entry, &mut self.expiries, &mut self.changes, &mut self.field_deadlines)
    }

    /// Replaces value and deadline of the entry at `position`, whose key has this hash, by a value that has no fields
    /// with deadlines and is to be counted as `after`. Returns what the old value owned.
    pub(crate) fn replace(
        &mut self,
        (position, hash): (Position, u64),
        (value, after): (NewValue<'_>, Tally),
        expiry: Option<UnixMs>,
    ) -> Option<Heap> {
        let entry = entry_to_change(&mut self.table, (&mut self.snapshot, &mut self.changes), position);
        forget_parts(&mut self.field_deadlines, entry, hash);
        let deadline = self.expiries.renew(entry.deadline(), expiry, hash);
        let (before, footprint) = (entry.tally(), entry.footprint());
        let mut heap = entry.replace(value, deadline);
        self.changes.left(&mut heap);
        self.changes.modified(entry, before, after);
        self.changes.grown(entry.growth_since(footprint));
        heap
    }

    /// Adds an entry whose key is not there.
    pub(crate) fn insert(&mut self, hash: u64, mut entry: Entry, hasher: &KeyHasher) {
        self.snapshot.note_added(&mut entry);
        self.changes.added(&mut entry);
        if let Some(at) = entry.expiry() {
            entry.write_deadline(self.expiries.add(at, hash));
        }
        self.field_deadlines.change(None, next_deadline(&entry), hash);
        if has_room_for_deadlines(&entry) {
            self.field_deadlines.note_room();
        }
        self.table.insert(hash, entry, hasher);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, position: Position, hash: u64, hasher: &KeyHasher) -> Entry {
        entry_to_change(&mut self.table, (&mut self.snapshot, &mut self.changes), position);
        let entry = self.table.remove(position, hash, hasher);
        if let Some(deadline) = entry.deadline() {
            self.expiries.forget(deadline);
        }
        forget_parts(&mut self.field_deadlines, &entry, hash);
        self.changes.removed(&entry);
        entry
    }

    /// Takes all entries out, to be freed later. A snapshot that still has to write some frees them later still.
    pub(crate) fn empty_into(&mut self, garbage: &mut Garbage) {
        let mut snapshot = std::mem::take(&mut self.snapshot);
        let mut changes = std::mem::take(&mut self.changes);
        changes.cleared();
        let Self { table, expiries, field_deadlines, .. } = std::mem::take(self);
        garbage.add_emptied(snapshot.keep_emptied(table));
        garbage.add_calendar(expiries.calendar);
        garbage.add_deadlines(field_deadlines);
        self.snapshot = snapshot;
        self.changes = changes;
    }
}

/// The entry at `position`, which is about to change or to go: a snapshot writes it first if it still has to, and whoever keeps what it
/// holds takes a copy.
#[inline]
fn entry_to_change<'a>(
    table: &'a mut Table,
    (snapshot, changes): (&mut Snapshotting, &mut Changes),
    position: Position,
) -> &'a mut Entry {
    let entry = table.entry_mut(position);
    snapshot.before_change(entry);
    changes.before(entry);
    entry
}

/// Takes the next deadline of an entry's parts out of the index: the entry is about to lose its value. While no entry has such parts
/// the value is not looked at.
#[inline]
fn forget_parts(deadlines: &mut Deadlines, entry: &Entry, hash: u64) {
    if deadlines.len() > 0 {
        deadlines.change(next_deadline(entry), None, hash);
    }
}
