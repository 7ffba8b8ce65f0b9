//! A companion goes along with a store and follows its keys: an index of them, for example.
//!
//! Every change of a key passes one hook ([`Changes`](crate::table::changes)), which notes the keys of the followed database
//! whose values are of followed types. The companion catches up with them before anybody else can see the store: before an operation
//! is answered, before the shard is put back, and whenever it is asked for ([`ShardStore::with_companion`]). It looks at what the
//! keys hold then, so what was changed and taken back in between is no concern of its own.

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::ShardStore;
use crate::db::DbIndex;
use crate::entry::{Entry, Kind};
use crate::hash::hash_key;
pub use crate::table::changes::Changed;
use crate::table::changes::Followed;

/// See the module.
pub trait Companion: Any + Debug + Send {
    /// Takes up what has changed. The store has no companion meanwhile.
    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed);

    /// Bytes that it takes, about. Complexity: O(1).
    fn memory_bytes(&self) -> usize {
        0
    }
}

/// A companion and the database that it follows.
#[derive(Debug)]
pub(super) struct Accompanied {
    companion: Box<dyn Companion>,
    db: DbIndex,
}

impl ShardStore {
    /// Gives the store a companion that follows values of some kinds in a database, which must exist; changes are counted by `clock`. What is
    /// there already is not told of. It has no other.
    pub fn accompany(
        &mut self,
        companion: Box<dyn Companion>,
        db: DbIndex,
        (follows, clock): (fn(Kind) -> bool, Arc<AtomicU64>),
    ) {
        self.databases[db.index()].changes().follow(Some(Box::new(Followed::new(follows, clock))));
        self.companion = Some(Accompanied { companion, db });
    }

    /// Takes its companion away.
    pub fn abandon(&mut self) {
        if let Some(Accompanied { db, companion }) = self.companion.take() {
            self.databases[db.index()].changes().follow(None);
            let bytes = companion.memory_bytes();
            self.throw_away(Box::new(companion), bytes);
        }
    }

    /// Has something freed elsewhere that takes long to free, of about so many bytes.
    pub fn throw_away(&mut self, waste: Box<dyn Any + Send>, bytes: usize) {
        self.garbage.add_whole(waste, bytes);
    }

    /// Calls `body` with the companion, if it is a `T`, once that has caught up, and with the store, which has none meanwhile.
    pub fn with_companion<T: Companion, R>(
        &mut self,
        body: impl FnOnce(&mut T, &mut ShardStore) -> R,
    ) -> Option<R> {
        self.catch_up();
        let mut accompanied = self.companion.take()?;
        let companion: &mut dyn Any = accompanied.companion.as_mut();
        let result = companion.downcast_mut().map(|companion| body(companion, self));
        self.companion = Some(accompanied);
        // What it did to the store is no news that may wait.
        self.catch_up();
        result
    }

    /// Has the companion catch up, if there is one and something has changed.
    #[inline]
    pub fn catch_up(&mut self) {
        if self.companion.is_some() {
            self.let_catch_up();
        }
    }

    fn let_catch_up(&mut self) {
        let Some(mut accompanied) = self.companion.take() else { return };
        // It may itself have keys expire.
        while let Some(changes) = self.databases[accompanied.db.index()].changes().take_followed() {
            accompanied.companion.catch_up(self, changes);
        }
        self.companion = Some(accompanied);
    }

    /// Two databases have changed numbers: their followers stay with the numbers, and all they follow is other than before.
    pub(super) fn exchange_followers(&mut self, one: DbIndex, other: DbIndex) {
        for (db, from) in [(one, other), (other, one)] {
            if self.companion.as_ref().is_some_and(|accompanied| accompanied.db == db)
                && let Some(mut followed) = self.databases[from.index()].changes().unfollow()
            {
                followed.replace_all();
                self.databases[db.index()].changes().follow(Some(followed));
                return;
            }
        }
    }

    /// What a key holds, expired or not. It does not count as used.
    #[must_use]
    pub fn peek(&self, db: DbIndex, key: &[u8]) -> Option<&Entry> {
        let table = self.database(db).table();
        table.find(hash_key(&self.hasher, key), key).map(|position| table.entry(position))
    }

    /// Shows some entries of a database, expired ones included, beginning at a cursor, which is 0 at first; returns the next one, and 0 behind
    /// the last. An entry that is there all the while is shown at least once. Complexity: O(count).
    pub fn show_entries(&self, db: DbIndex, cursor: u64, count: usize, show: &mut dyn FnMut(&Entry)) -> u64 {
        self.database(db).table().scan(cursor, count, &self.hasher, &mut |entry| show(entry))
    }
}

#[cfg(test)]
mod tests;
