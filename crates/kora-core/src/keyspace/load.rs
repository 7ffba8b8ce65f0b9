//! Entries that come from files.

use super::entry::Entry;
use super::usage::Usage;
use crate::hash::hash_key;
use crate::shard::store::{DbIndex, ShardStore};
use crate::time::UnixMs;

impl ShardStore {
    /// Adds an entry that was read from a file to a database, which must exist. `false` if its key is there already: then
    /// nothing changes. It is no change of the data: nobody is told.
    pub fn load(&mut self, db: DbIndex, mut entry: Entry, now: UnixMs) -> bool {
        let hash = hash_key(&self.hasher, entry.key());
        let database = &mut self.databases[db.index()];
        if database.table().find(hash, entry.key()).is_some() {
            return false;
        }
        if entry.is_new() {
            entry.set_usage(Usage::new(&self.config, now));
        }
        database.insert(hash, entry, &self.hasher);
        true
    }

    /// Forgets all keys of all databases, to load others. It is no change of the data: nobody is told.
    pub fn unload(&mut self) {
        for database in &mut self.databases {
            if let Some(table) = database.take() {
                self.garbage.add_emptied(Some(table));
            }
        }
    }
}
