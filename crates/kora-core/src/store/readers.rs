//! Keys that clients have read and keep copies of: whoever changes one has them told.
//!
//! A read is noted with the key's store in hand, behind the command that reads. So the next change of the key, on whatever worker, finds the
//! reader here; it takes the note out, and announces to whom the key is void. A reader that wants to hear of the next change, too, has to read
//! again.
//!
//! The names of keys count, whatever database they are in: that is what clients are told. Notes of clients that have left stay until their
//! key changes: whoever delivers knows who is there. `tracking-table-max-keys` bounds how many keys all stores note together: the store
//! that notes one too many gives up others of its own.
//!
//! Nothing is looked at by commands while nobody keeps copies but whether anybody does: see `ShardStore::note_value`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crate::entry::Heap;
use crate::hash::splitmix64;
use crate::journal::{Announcement, Journal};
use crate::reader::{Invalidation, ReaderId};
use crate::table::garbage::Garbage;
use crate::types::packed_table::{PackedTable, Record};
use crate::types::set::SetTable;

/// Keys that are given up at most when one is noted: where the limit was lowered, the rest goes with the next reads.
const GIVEN_UP_MAX: usize = 16;

/// Bytes of a reader's number in a record.
const ID_BYTES: usize = size_of::<u64>();

/// What all stores of an engine know of readers together.
#[derive(Debug, Default)]
pub struct Readership {
    key_count: AtomicUsize,
    item_count: AtomicUsize,
    /// Clients that keep copies, in whatever mode.
    clients: AtomicUsize,
    /// Whether somebody wants to hear of all keys with some prefix.
    is_broadcast: AtomicBool,
}

impl Readership {
    /// Number of keys that are noted.
    #[must_use]
    pub fn key_count(&self) -> usize {
        self.key_count.load(Ordering::Relaxed)
    }

    /// Number of readers of all these keys, each counted for each of its keys.
    #[must_use]
    pub fn item_count(&self) -> usize {
        self.item_count.load(Ordering::Relaxed)
    }

    /// Says how many clients keep copies, and whether one of them wants to hear of all keys with some prefix: that holds for whatever
    /// any store runs from now on.
    pub fn set_clients(&self, clients: usize, is_broadcast: bool) {
        self.clients.store(clients, Ordering::Release);
        self.is_broadcast.store(is_broadcast, Ordering::Release);
    }

    #[inline]
    fn is_broadcast(&self) -> bool {
        self.is_broadcast.load(Ordering::Acquire)
    }
}

/// Who has read which keys of one store.
#[derive(Debug)]
pub(crate) struct Readers {
    /// By key the numbers of its readers, ascending, eight bytes each.
    table: PackedTable,
    /// Readers in all records.
    item_count: usize,
    shared: Arc<Readership>,
    random_state: u64,
}

impl Readers {
    /// Nobody yet. `seed` decides hashing and random choices.
    pub(crate) fn new(mut seed: u64) -> Self {
        let table = PackedTable::new(splitmix64(&mut seed));
        Self { table, item_count: 0, shared: Arc::default(), random_state: seed }
    }

    /// Counts together with other stores.
    pub(crate) fn share(&mut self, shared: Arc<Readership>) {
        self.shared = shared;
    }

    /// Whether no change of a key is to be told to anybody.
    #[inline]
    pub(crate) fn is_quiet(&self) -> bool {
        self.table.is_empty() & !self.shared.is_broadcast()
    }

    /// Number of keys that are noted.
    pub(crate) fn key_count(&self) -> usize {
        self.table.len()
    }

    /// Bytes allocated.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.table.memory_bytes()
    }

    /// Notes that `reader` has read `key`. If more than `key_max` keys are noted, others are given up, and their readers told; 0: there is
    /// no limit.
    pub(crate) fn note(&mut self, journal: &mut Journal, key: &[u8], reader: ReaderId, key_max: u64) {
        self.add(key, &[reader]);
        let mut given_up = 0;
        while key_max > 0 && self.shared.key_count() as u64 > key_max && given_up < GIVEN_UP_MAX {
            let Some(position) = self.table.random(|| splitmix64(&mut self.random_state)) else { return };
            let key: Box<[u8]> = self.table.record(position).key.into();
            let readers = self.take(&key);
            let (author, is_incidental, is_broadcast) = (None, true, false);
            let invalidation = Invalidation { key, readers, author, is_incidental, is_broadcast };
            journal.announce(Announcement::Invalidation(invalidation));
            given_up += 1;
        }
    }

    /// Adds readers of a key.
    pub(crate) fn add(&mut self, key: &[u8], readers: &[ReaderId]) {
        let found = self.table.get(key).map(|record| record.value);
        let mut ids: Vec<u64> = decode(found.unwrap_or_default()).collect();
        let (count, is_new) = (ids.len(), found.is_none());
        for reader in readers {
            if let Err(at) = ids.binary_search(&reader.0) {
                ids.insert(at, reader.0);
            }
        }
        if ids.len() == count {
            return;
        }
        let value: Vec<u8> = ids.iter().flat_map(|id| id.to_le_bytes()).collect();
        self.table.insert(&Record { key, value: &value, deadline: None });
        self.shared.key_count.fetch_add(is_new.into(), Ordering::Relaxed);
        self.item_count += ids.len() - count;
        self.shared.item_count.fetch_add(ids.len() - count, Ordering::Relaxed);
    }

    /// Takes out who has read a key.
    fn take(&mut self, key: &[u8]) -> Vec<ReaderId> {
        let Some(position) = self.table.find(key) else { return Vec::new() };
        let readers: Vec<_> = decode(self.table.record(position).value).map(ReaderId).collect();
        self.table.remove_at(position);
        self.shared.key_count.fetch_sub(1, Ordering::Relaxed);
        self.item_count -= readers.len();
        self.shared.item_count.fetch_sub(readers.len(), Ordering::Relaxed);
        readers
    }

    /// Announces that `key` has changed, if anybody is to be told.
    #[cold]
    pub(crate) fn touch(&mut self, journal: &mut Journal, key: &[u8], is_incidental: bool) {
        let (readers, is_broadcast) = (self.take(key), self.shared.is_broadcast());
        if !readers.is_empty() || is_broadcast {
            let (key, author) = (key.into(), journal.author());
            let invalidation = Invalidation { key, readers, author, is_incidental, is_broadcast };
            journal.announce(Announcement::Invalidation(invalidation));
        }
    }

    /// Forgets all keys: databases were emptied, and all who keep copies are told so at once. Returns whether anybody does.
    pub(crate) fn forget_all(&mut self, garbage: &mut Garbage) -> bool {
        if !self.table.is_empty() {
            self.shared.key_count.fetch_sub(self.table.len(), Ordering::Relaxed);
            let items = std::mem::take(&mut self.item_count);
            self.shared.item_count.fetch_sub(items, Ordering::Relaxed);
            let table = PackedTable::new(splitmix64(&mut self.random_state));
            let forgotten = std::mem::replace(&mut self.table, table);
            garbage.add_heap(Some(Heap::Object(Box::new(SetTable::of(forgotten)))));
        }
        self.shared.clients.load(Ordering::Acquire) > 0
    }
}

/// The readers' numbers in a record.
fn decode(value: &[u8]) -> impl Iterator<Item = u64> + '_ {
    value.as_chunks::<ID_BYTES>().0.iter().map(|bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests;
