//! Fetching memory ahead of look-ups that will be made soon, so that their waits overlap: of keys, and of members and fields in the values
//! of keys.

use super::ShardStore;
use crate::db::DbIndex;
use crate::entry::object::Ahead;
use crate::hash::hash_key;
use crate::table::Position;

/// Where a large collection lies, until the store changes.
#[derive(Clone, Copy, Debug)]
pub struct LargeValue(Position);

impl ShardStore {
    /// Begins a look-up that will be made soon: fetches the place where `key` must be into the cache. Returns the
    /// hash for [`ShardStore::prefetch_entry`].
    #[inline]
    #[must_use]
    pub fn prefetch_bucket(&self, db: DbIndex, key: &[u8]) -> u64 {
        let hash = hash_key(&self.hasher, key);
        self.databases[db.index()].table().prefetch_bucket(hash);
        hash
    }

    /// Goes on with a look-up that will be made soon: fetches the entry into the cache.
    #[inline]
    pub fn prefetch_entry(&self, db: DbIndex, hash: u64) {
        self.databases[db.index()].table().prefetch_entry(hash);
    }

    /// The value of `key`, whose hash is known, if it is a large collection. Call it once the entry has arrived.
    #[inline]
    #[must_use]
    pub fn large_value(&self, db: DbIndex, hash: u64, key: &[u8]) -> Option<LargeValue> {
        let table = self.databases[db.index()].table();
        // Most values are not large: their keys are not compared.
        table.find_where(hash, |entry| entry.is_large() && entry.key() == key).map(LargeValue)
    }

    /// Begins a look-up of a member or field in a collection. `None` if there is nothing to be gained.
    #[inline]
    #[must_use]
    pub fn fetch_part(&self, db: DbIndex, value: LargeValue, part: &[u8]) -> Option<Ahead> {
        self.databases[db.index()].table().entry(value.0).as_object()?.fetch_ahead(part)
    }

    /// Goes on with it, up to [`STEPS_AHEAD`](crate::entry::object::STEPS_AHEAD) times.
    #[inline]
    pub fn fetch_part_further(&self, db: DbIndex, value: LargeValue, ahead: Ahead, step: usize) {
        if let Some(object) = self.databases[db.index()].table().entry(value.0).as_object() {
            object.fetch_further(ahead, step);
        }
    }
}
