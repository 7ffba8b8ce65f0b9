//! All keys of a database: how many there are, one of them, some at a time, none.

use smallvec::SmallVec;

use super::Keyspace;
use crate::entry::Entry;
use crate::hash::hash_key;
use crate::store::ShardStore;

/// After so many expired keys a choice among all keys ends: there may be no others.
const RANDOM_PASSES: usize = 100;

impl Keyspace<'_> {
    /// Number of keys, expired but unswept ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.store.databases[self.db.index()].len()
    }

    /// Whether there are no keys.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A uniformly chosen key that is not expired. Complexity: O(1) expected, O(n) where nearly all are expired.
    pub fn random_key(&mut self) -> Option<Box<[u8]>> {
        let now = self.lapse_time();
        let is_held = self.store.holds_expiry(self.now);
        let mut passes = 0;
        loop {
            let ShardStore { databases, random_state, hasher, .. } = &mut *self.store;
            let table = databases[self.db.index()].table();
            let position = table.random(|| crate::hash::splitmix64(random_state))?;
            let entry = table.entry(position);
            if !entry.is_expired(now) {
                return Some(entry.key().into());
            }
            passes += 1;
            if passes == RANDOM_PASSES {
                return self.first_live_key();
            }
            if !is_held {
                let hash = hash_key(hasher, entry.key());
                self.expire(hash, position);
            }
        }
    }

    /// The first key in the order of the table that is not expired, for where nearly all keys are. Complexity: O(n).
    fn first_live_key(&self) -> Option<Box<[u8]>> {
        let now = self.lapse_time();
        let table = self.store.databases[self.db.index()].table();
        let (mut found, mut cursor) = (None, 0);
        loop {
            cursor = table.scan(cursor, 1, &self.store.hasher, &mut |entry| {
                if found.is_none() && !entry.is_expired(now) {
                    found = Some(entry.key().into());
                }
            });
            if cursor == 0 || found.is_some() {
                return found;
            }
        }
    }

    /// Visits keys from `cursor` (0 to begin) until at least `count` entries were visited; returns the next
    /// cursor, 0 at the end. Every key present throughout a whole scan is visited exactly once.
    pub fn scan(&mut self, cursor: u64, count: usize, visit: &mut dyn FnMut(&Entry)) -> u64 {
        let mut expired: SmallVec<[(u64, Box<[u8]>); 4]> = SmallVec::new();
        let now = self.lapse_time();
        let hasher = &self.store.hasher;
        let table = self.store.databases[self.db.index()].table();
        let next = table.scan(cursor, count, hasher, &mut |entry| {
            if entry.is_expired(now) {
                expired.push((hash_key(hasher, entry.key()), entry.key().into()));
            } else {
                visit(entry);
            }
        });
        for (hash, key) in expired {
            // A look-up deletes what has expired.
            self.locate_to_read(hash, &key);
        }
        next
    }

    /// Empties the database and says how many keys it had; the entries are freed later.
    pub fn clear(&mut self) -> usize {
        self.store.note_clearing(self.db, self.now);
        let database = &mut self.store.databases[self.db.index()];
        let len = database.len();
        database.empty_into(&mut self.store.garbage);
        len
    }
}
