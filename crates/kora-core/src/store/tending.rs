//! Values that look after themselves when there is time: the sweep calls them, a slice at a time.
//!
//! A command that leaves such a value to be looked after names its key. A key that has another name by then is forgotten: whoever uses the value next
//! names it again.

#[cfg(test)]
mod tests;

use super::{Keyspace, ShardStore};
use crate::db::DbIndex;
use crate::hash::hash_key;
use crate::table::EntryMut;
use crate::time::UnixMs;

/// Keys that are remembered, at most.
const KEYS_MAX: usize = 64;
/// When a snapshot is being taken, values wait for so many milliseconds: what changes then is copied.
const SNAPSHOT_MS: i64 = 250;

/// Keys whose values are to be looked after.
#[derive(Debug, Default)]
pub(crate) struct Tending(Vec<Tended>);

#[derive(Debug)]
struct Tended {
    db: DbIndex,
    key: Box<[u8]>,
    /// When the value was last used.
    used: UnixMs,
    due: UnixMs,
}

impl Tending {
    /// When a value is to be looked after next.
    pub(super) fn due(&self) -> Option<UnixMs> {
        self.0.iter().map(|tended| tended.due).min()
    }
}

impl Keyspace<'_> {
    /// Has the value of a key look after itself once there is time ([`Object::tend`](crate::entry::object::Object::tend)). Complexity: O(1).
    pub fn tend_later(&mut self, key: &[u8]) {
        let (db, now) = (self.db(), self.now());
        let keys = &mut self.store.tending.0;
        if let Some(tended) = keys.iter_mut().find(|tended| tended.db == db && *tended.key == *key) {
            tended.used = now;
        } else if keys.len() < KEYS_MAX {
            keys.push(Tended { db, key: key.into(), used: now, due: now });
        }
    }
}

impl ShardStore {
    /// Has one value look after itself for a slice, if one is due. Returns whether one did.
    pub(super) fn tend_some(&mut self, now: UnixMs) -> bool {
        let keys = self.tending.0.iter().enumerate().filter(|(_, tended)| tended.due <= now);
        let Some((at, _)) = keys.min_by_key(|(_, tended)| tended.due) else { return false };
        let mut tended = self.tending.0.swap_remove(at);
        let wait = if self.is_in_snapshot() { Some(SNAPSHOT_MS) } else { self.tend(&tended, now) };
        if let Some(wait) = wait {
            tended.due = UnixMs(now.0.saturating_add(wait.max(1)));
            self.tending.0.push(tended);
        }
        true
    }

    /// Returns after how many milliseconds the value is to be looked after again.
    fn tend(&mut self, Tended { db, key, used, .. }: &Tended, now: UnixMs) -> Option<i64> {
        let hash = hash_key(&self.hasher, key);
        let database = self.databases.get_mut(db.index())?;
        let position = database.table().find(hash, key)?;
        let (entry, expiries, changes) = database.entry_and_expiries(position);
        let mut entry = EntryMut::new((entry, hash), expiries, changes, &mut self.garbage);
        entry.as_object_mut()?.tend(now.0.saturating_sub(used.0))
    }
}
