//! Entries that come from files.

use smallvec::SmallVec;

use super::ShardStore;
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::entry::usage::Usage;
use crate::hash::hash_key;
use crate::time::UnixMs;

impl ShardStore {
    /// Adds entries that were read from a file to a database, which must exist. They are no change of the data: nobody is
    /// told. The places of all are fetched into the cache before the first goes in: a few dozen at a time are best.
    ///
    /// # Errors
    /// The first entry whose key is there already. Those before it are in, those behind it are dropped.
    pub fn load(&mut self, db: DbIndex, entries: &mut Vec<Entry>, now: UnixMs) -> Result<(), Entry> {
        self.note_use(db);
        let Self { databases, hasher, config, .. } = self;
        let database = &mut databases[db.index()];
        database.tell_time(now);
        let fetch = |entry: &Entry| {
            let hash = hash_key(hasher, entry.key());
            database.table().prefetch_bucket(hash);
            hash
        };
        let hashes: SmallVec<[u64; 64]> = entries.iter().map(fetch).collect();
        for (mut entry, hash) in entries.drain(..).zip(hashes) {
            if database.table().find(hash, entry.key()).is_some() {
                return Err(entry);
            }
            if entry.is_new() {
                entry.set_usage(Usage::new(config, now));
            }
            database.insert(hash, entry, hasher);
        }
        Ok(())
    }

    /// Forgets all keys of all databases at `now`, to load others. It is no change of the data, but those who watch keys and those who
    /// wait for them to go are told, as of a flush.
    pub fn unload(&mut self, now: UnixMs) {
        for db in (0..self.config.database_count).map(DbIndex) {
            self.note_clearing(db, now);
            self.databases[db.index()].empty_into(&mut self.garbage);
        }
    }
}
