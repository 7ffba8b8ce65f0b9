//! The sweep for expired keys, and expired fields of hashes, that nobody looks up.
//!
//! It goes through the tables bucket by bucket and reads only entries whose slot says that they have a deadline. It
//! stops early where few of those it meets have expired, so that its price follows what there is to find. Hashes with
//! fields that are due are found in an index, in order of time.

use smallvec::SmallVec;

use super::database::{Database, SweepState};
use super::entry::Entry;
use super::table::Position;
use crate::hash::{KeyHasher, hash_key};
use crate::journal::{EventClass, Journal};
use crate::shard::store::{DbIndex, ShardStore};
use crate::time::UnixMs;

/// Entries with a deadline between two looks at how much was found.
const BATCH_ENTRIES: usize = 20;
/// Buckets that a batch passes at most to find them.
const BATCH_BUCKETS: usize = 256;
/// The sweep of a database goes on while more than one in so many keys with a deadline had expired.
const WORTHWHILE: usize = 10;
/// A key counts for one in so many when the average time to live is brought up to date.
const AVERAGE_WEIGHT: i64 = 50;

/// What a sweep did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sweep {
    /// Entries with a deadline that were looked at.
    pub examined: usize,
    /// Those that had expired and were deleted.
    pub expired: usize,
    /// Whether the budget ended it while there was plenty to find: the driver should soon call again.
    pub is_cut_short: bool,
}

impl Sweep {
    fn is_worthwhile(self) -> bool {
        self.expired * WORTHWHILE > self.examined
    }
}

impl ShardStore {
    /// Deletes expired keys and fields of all databases, looking at up to about `budget` buckets, entries and fields.
    pub fn sweep(&mut self, journal: &mut Journal, now: UnixMs, budget: usize) -> Sweep {
        let mut total = Sweep::default();
        if !self.config.active_expire {
            return total;
        }
        let mut left = budget;
        for _ in 0..self.databases.len() {
            let db = self.next_swept;
            left = left.saturating_sub(self.sweep_fields(journal, db, now, left));
            total.is_cut_short |= left == 0;
            while self.databases[db.index()].expires() > 0 && left > 0 {
                let (batch, cost) = self.sweep_batch(journal, db, now);
                total.examined += batch.examined;
                total.expired += batch.expired;
                left = left.saturating_sub(cost);
                total.is_cut_short = left == 0 && batch.is_worthwhile();
                if !batch.is_worthwhile() {
                    break;
                }
            }
            if left == 0 {
                break;
            }
            self.next_swept = DbIndex((db.0 + 1) % self.config.database_count);
        }
        total
    }

    /// Looks at some entries of one database. Returns what it did and how many buckets and entries it looked at.
    fn sweep_batch(&mut self, journal: &mut Journal, db: DbIndex, now: UnixMs) -> (Sweep, usize) {
        let mut batch = Sweep::default();
        let mut buckets = 0;
        while batch.examined < BATCH_ENTRIES && buckets < BATCH_BUCKETS {
            buckets += 1;
            let database = &mut self.databases[db.index()];
            let (examined, expired) = database.sweep_bucket(now, &self.hasher);
            batch.examined += examined;
            batch.expired += expired.len();
            for entry in expired {
                self.bury(journal, db, entry);
            }
        }
        (batch, buckets + batch.examined)
    }

    /// Does what belongs to the end of an entry whose time has come, once it is out of its table.
    pub(super) fn bury(&mut self, journal: &mut Journal, db: DbIndex, entry: Entry) {
        self.stats.expired += 1;
        self.note_lapse(db, entry.key());
        journal.lapsed(db, entry.key());
        journal.incidental_event(EventClass::EXPIRED, "expired", db, entry.key());
        self.garbage.add_entry(entry);
    }
}

/// Entries of one bucket.
type FromBucket<T> = SmallVec<[T; 7]>;

impl Database {
    /// Takes the expired entries out of the next bucket. Returns how many had a deadline, and those taken.
    fn sweep_bucket(&mut self, now: UnixMs, hasher: &KeyHasher) -> (usize, FromBucket<Entry>) {
        let mut expired: FromBucket<(Position, u64)> = SmallVec::new();
        let mut average = self.sweep.average_ttl_ms;
        let mut examined = 0;
        let (entries, next) = self.table().bucket(self.sweep.cursor);
        for (position, entry) in entries.filter(|(_, entry)| entry.has_expiry()) {
            examined += 1;
            if entry.is_expired(now) {
                expired.push((position, hash_key(hasher, entry.key())));
            } else if let Some(at) = entry.expiry() {
                let ttl = at.0.saturating_sub(now.0);
                average = if average == 0 { ttl } else { average + (ttl - average) / AVERAGE_WEIGHT };
            }
        }
        self.sweep = SweepState { cursor: next, average_ttl_ms: average };
        (examined, self.remove_of_bucket(&expired, hasher))
    }
}
