//! A companion goes along with a store and follows its keys: an index of them, for example. A store may have several, one of each type.
//!
//! Every change of a key passes one hook ([`Changes`](crate::table::changes)), which notes the keys of the followed database
//! whose values are of followed types. The companion catches up with them before anybody else can see the store: before an operation
//! is answered, before the shard is put back, and whenever it is asked for ([`ShardStore::with_companion`]). It looks at what the
//! keys hold then, so what was changed and taken back in between is no concern of its own.

pub mod deadlines;

use std::any::{Any, TypeId};
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
    /// Takes up what has changed. The store is without this companion meanwhile.
    fn catch_up(&mut self, store: &mut ShardStore, changes: Changed);

    /// Bytes that it takes, about. Complexity: O(1).
    fn memory_bytes(&self) -> usize {
        0
    }
}

/// A companion and the database that it follows.
#[derive(Debug)]
pub(super) struct Accompanied {
    /// None while it is asked or catches up.
    companion: Option<Box<dyn Companion>>,
    by: TypeId,
    db: DbIndex,
    /// Bytes that it took when it was last here.
    bytes: usize,
}

impl ShardStore {
    /// Gives the store a companion that follows values of some kinds in a database, which must exist; changes are counted by `clock`. What is
    /// there already is not told of. It takes the place of one of its type.
    pub fn accompany(
        &mut self,
        companion: Box<dyn Companion>,
        db: DbIndex,
        (follows, clock): (fn(Kind) -> bool, Arc<AtomicU64>),
    ) {
        let by = companion.as_ref().type_id();
        self.companions.retain(|accompanied| accompanied.by != by);
        self.databases[db.index()].changes().follow(Followed::new(by, follows, clock));
        let bytes = companion.memory_bytes();
        self.companions.push(Accompanied { companion: Some(companion), by, db, bytes });
    }

    /// Takes its companion of a type away.
    pub fn dismiss<T: Companion>(&mut self) {
        let by = TypeId::of::<T>();
        if let Some(at) = self.companions.iter().position(|accompanied| accompanied.by == by) {
            let accompanied = self.companions.remove(at);
            self.part_with(accompanied);
        }
    }

    /// Takes all its companions away.
    pub fn abandon(&mut self) {
        for accompanied in std::mem::take(&mut self.companions) {
            self.part_with(accompanied);
        }
    }

    /// Bytes that its companions take, about.
    pub(crate) fn companion_bytes(&self) -> usize {
        self.companions.iter().map(|accompanied| accompanied.bytes).sum()
    }

    fn part_with(&mut self, Accompanied { companion, by, db, .. }: Accompanied) {
        self.databases[db.index()].changes().unfollow(by);
        if let Some(companion) = companion {
            let bytes = companion.memory_bytes();
            self.throw_away(Box::new(companion), bytes);
        }
    }

    /// Has something freed elsewhere that takes long to free, of about so many bytes.
    pub fn throw_away(&mut self, waste: Box<dyn Any + Send>, bytes: usize) {
        self.garbage.add_whole(waste, bytes);
    }

    /// Calls `body` with the companion of type `T`, if there is one, once that has caught up, and with the store, which is without it meanwhile.
    pub fn with_companion<T: Companion, R>(
        &mut self,
        body: impl FnOnce(&mut T, &mut ShardStore) -> R,
    ) -> Option<R> {
        self.catch_up();
        let by = TypeId::of::<T>();
        let at = self.companions.iter().position(|accompanied| accompanied.by == by)?;
        let mut companion = self.companions[at].companion.take()?;
        let any: &mut dyn Any = companion.as_mut();
        let result = any.downcast_mut().map(|companion| body(companion, self));
        self.put_back(by, companion);
        // What it did to the store is no news that may wait.
        self.catch_up();
        result
    }

    fn put_back(&mut self, by: TypeId, companion: Box<dyn Companion>) {
        // Whatever was asked of it, it may have been taken away meanwhile.
        if let Some(accompanied) = self.companions.iter_mut().find(|accompanied| accompanied.by == by) {
            accompanied.bytes = companion.memory_bytes();
            accompanied.companion = Some(companion);
        }
    }

    /// Has the companions catch up, if there are some and something has changed.
    #[inline]
    pub fn catch_up(&mut self) {
        if !self.companions.is_empty() {
            self.let_catch_up();
        }
    }

    /// Has a companion not told of what has changed since it caught up: it has seen to that itself.
    pub fn disregard_changes<T: Companion>(&mut self) {
        let by = TypeId::of::<T>();
        if let Some(Accompanied { db, .. }) = self.companions.iter().find(|accompanied| accompanied.by == by)
        {
            drop(self.databases[db.index()].changes().take_followed(by));
        }
    }

    fn let_catch_up(&mut self) {
        let mut at = 0;
        while let Some(Accompanied { companion, by, db, .. }) = self.companions.get_mut(at) {
            at += 1;
            let (by, db) = (*by, *db);
            if companion.is_none() {
                continue;
            }
            let Some(changes) = self.databases[db.index()].changes().take_followed(by) else { continue };
            let Some(mut taken) = companion.take() else { continue };
            taken.catch_up(self, changes);
            self.put_back(by, taken);
            // It may itself have keys expire, which is news to all.
            at = 0;
        }
    }

    /// Two databases have changed numbers: their followers stay with the numbers, and all they follow is other than before.
    pub(super) fn exchange_followers(&mut self, one: DbIndex, other: DbIndex) {
        let first = std::mem::take(self.databases[one.index()].changes().followers());
        let second = std::mem::take(self.databases[other.index()].changes().followers());
        *self.databases[one.index()].changes().followers() = second;
        *self.databases[other.index()].changes().followers() = first;
        [one, other].iter().for_each(|db| self.databases[db.index()].changes().replace_all());
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
