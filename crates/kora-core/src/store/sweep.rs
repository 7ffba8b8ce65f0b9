//! The sweep for expired keys, and expired fields of hashes, that nobody looks up.
//!
//! Keys are found by the calendar of their database, fields by an index of hashes, both in order of time: what a sweep costs
//! follows what there is to find, whatever else is in the database.

use super::{Database, ShardStore};
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::hash::{KeyHasher, hash_key};
use crate::journal::{EventClass, Journal};
use crate::table::calendar::BATCH_LEN;
use crate::table::expiries;
use crate::time::UnixMs;

/// Fields' deadlines in the same stretch of so many milliseconds are looked for together.
const FIELDS_TOGETHER_MS: i64 = 16;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Reminders of deadlines, and fields, that were looked at.
    pub examined: usize,
    /// Keys that had expired and were deleted.
    pub expired: usize,
    /// Whether the budget ended it while there was more to do: the driver should soon call again.
    pub is_cut_short: bool,
}

impl ShardStore {
    /// Has a value look after itself, if one is due, and deletes expired keys and fields of all databases, looking at up to about `budget` of them. What is due has gone a few
    /// milliseconds after its deadline at the latest if this is called as [`ShardStore::next_due`] tells.
    pub fn sweep(&mut self, journal: &mut Journal, now: UnixMs, budget: usize) -> Sweep {
        let mut total = Sweep { examined: self.tend_some(now).into(), ..Sweep::default() };
        if !self.config.active_expire {
            return total;
        }
        let mut left = budget;
        for _ in 0..self.databases.len() {
            let db = self.next_swept;
            self.databases[db.index()].tell_time(now);
            let fields = self.sweep_fields(journal, db, now, left);
            left = left.saturating_sub(fields);
            total.examined += fields;
            while left > 0 {
                let (examined, expired) = self.sweep_batch(journal, db, now, left);
                if examined == 0 {
                    break;
                }
                total.examined += examined;
                total.expired += expired;
                left = left.saturating_sub(examined);
            }
            if left == 0 {
                break;
            }
            self.next_swept = DbIndex((db.0 + 1) % self.config.database_count);
        }
        total.is_cut_short = left == 0 && self.databases.iter().any(|database| database.is_due(now));
        total
    }

    /// When there is something to sweep again, which may be in the past; `None` if nothing has a deadline, or the sweep is
    /// switched off, and no value is to be looked after. Complexity: O(number of databases).
    #[must_use]
    pub fn next_due(&self) -> Option<UnixMs> {
        let expiring = self.used_databases().iter().filter(|_| self.config.active_expire);
        expiring.filter_map(Database::next_due).chain(self.tending.due()).min()
    }

    /// About how many keys have expired and were not found yet, as of the last sweep.
    #[must_use]
    pub fn overdue(&self) -> usize {
        self.databases.iter().map(|database| database.expiries().calendar.overdue()).sum()
    }

    /// Number of keys with a deadline in all databases.
    #[must_use]
    pub fn expiring(&self) -> usize {
        self.databases.iter().map(Database::expires).sum()
    }

    /// Looks after some reminders of one database that have come, or, if there are too many void ones, at some others. Returns
    /// how many they were, and how many keys had expired.
    fn sweep_batch(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        now: UnixMs,
        budget: usize,
    ) -> (usize, usize) {
        let (expiries, table) = self.databases[db.index()].expiries_and_table();
        let batch = expiries.calendar.take(budget.min(BATCH_LEN));
        if batch.is_empty() {
            let examined = if expiries.has_too_many() { expiries.review(table) } else { 0 };
            return (examined, 0);
        }
        expiries::prefetch(&batch, table);
        let mut expired = 0;
        for &reminder in &batch {
            while let Some(entry) = self.databases[db.index()].heed(reminder, now, &self.hasher) {
                expired += 1;
                self.bury(journal, db, entry);
            }
        }
        (batch.len(), expired)
    }

    /// Does what belongs to the end of an entry whose time has come, once it is out of its table.
    pub(crate) fn bury(&mut self, journal: &mut Journal, db: DbIndex, entry: Entry) {
        self.stats.expired += 1;
        self.note_lapse(journal, db, entry.key());
        journal.lapsed(db, entry.key());
        journal.incidental_event(EventClass::EXPIRED, "expired", db, entry.key());
        self.garbage.add_entry(entry);
    }
}

impl Database {
    /// When there is something to sweep in it.
    #[inline]
    fn next_due(&self) -> Option<UnixMs> {
        if self.expiries().calendar.len() == 0 && self.expiring_hashes() == 0 {
            return None;
        }
        self.next_reminder_or_field()
    }

    fn next_reminder_or_field(&self) -> Option<UnixMs> {
        if self.expiries().has_too_many() {
            return Some(UnixMs(0));
        }
        let fields = self.next_field_deadline().map(|(at, _)| end_of_stretch(at));
        let keys = self.expiries().calendar.next();
        fields.into_iter().chain(keys).min()
    }

    /// Whether there is something to sweep in it.
    fn is_due(&self, now: UnixMs) -> bool {
        self.next_field_deadline().is_some_and(|(at, _)| at < now)
            || self.next_due().is_some_and(|due| due <= now)
    }

    /// Looks after a reminder that was taken from the calendar: takes out an entry that answers to it and has expired. Once there is
    /// none, the reminder is put where the next of them is due; it is void if there is none at all.
    fn heed(&mut self, reminder: u64, now: UnixMs, hasher: &KeyHasher) -> Option<Entry> {
        let (expiries, table) = self.expiries_and_table();
        let mut next: Option<UnixMs> = None;
        let expired = expiries::find(reminder, table, |entry| {
            let is_expired = entry.is_expired(now);
            if !is_expired {
                next = next.into_iter().chain(entry.expiry()).min();
            }
            is_expired
        });
        if let Some(position) = expired {
            let hash = hash_key(hasher, table.entry(position).key());
            return Some(self.remove(position, hash, hasher));
        }
        if let Some(at) = next {
            expiries.calendar.note(at, reminder);
        }
        None
    }
}

fn end_of_stretch(at: UnixMs) -> UnixMs {
    UnixMs(at.0.saturating_add(FIELDS_TOGETHER_MS).div_euclid(FIELDS_TOGETHER_MS) * FIELDS_TOGETHER_MS)
}
