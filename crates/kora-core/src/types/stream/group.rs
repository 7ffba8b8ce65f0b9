//! Consumer groups: who was given which entry and has not acknowledged it.
//!
//! Invariant: an ID is among the pending ones of a group if and only if it is among those of exactly one of its
//! consumers, the one that the pending entry names.
//!
//! Complexity: O(log n) for each pending entry looked up, added or taken away.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use super::id::StreamId;
use crate::time::UnixMs;

/// A consumer of a group, for as long as it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ConsumerId(u64);

/// An entry that was given to a consumer and not acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pending {
    /// Whom it was given to last.
    pub consumer: ConsumerId,
    /// When.
    pub delivered: UnixMs,
    /// How often it was given to someone.
    pub delivery_count: u64,
}

/// A consumer: someone who reads for the group.
#[derive(Clone, Debug)]
pub struct Consumer {
    name: Arc<[u8]>,
    /// When it last asked for something.
    pub seen: UnixMs,
    /// When it was last given something.
    pub active: Option<UnixMs>,
    pending: BTreeSet<StreamId>,
}

impl Consumer {
    /// Its name.
    #[must_use]
    pub fn name(&self) -> &[u8] {
        &self.name
    }

    /// The IDs of its pending entries, in order.
    #[must_use]
    pub fn pending(&self) -> &BTreeSet<StreamId> {
        &self.pending
    }
}

/// A consumer group.
#[derive(Clone, Debug)]
pub struct Group {
    /// The last entry that was given to anyone as new.
    pub last_id: StreamId,
    /// How many entries of the stream were read up to `last_id`, as far as it is known.
    pub entries_read: Option<u64>,
    pending: BTreeMap<StreamId, Pending>,
    consumers: BTreeMap<ConsumerId, Consumer>,
    by_name: BTreeMap<Arc<[u8]>, ConsumerId>,
    next_consumer: u64,
}

impl Group {
    /// A group that gives out entries above `last_id`.
    #[must_use]
    pub fn new(last_id: StreamId, entries_read: Option<u64>) -> Self {
        Self {
            last_id,
            entries_read,
            pending: BTreeMap::new(),
            consumers: BTreeMap::new(),
            by_name: BTreeMap::new(),
            next_consumer: 0,
        }
    }

    /// The pending entries, by ID.
    #[must_use]
    pub fn pending(&self) -> &BTreeMap<StreamId, Pending> {
        &self.pending
    }

    /// The consumers, by name.
    pub fn consumers(&self) -> impl ExactSizeIterator<Item = &Consumer> {
        self.by_name.values().map(|id| &self.consumers[id])
    }

    /// The consumers whose names come behind `last`, all if there is none, by name.
    pub(crate) fn consumers_behind<'a>(
        &'a self,
        last: Option<&'a [u8]>,
    ) -> impl Iterator<Item = &'a Consumer> {
        let start = last.map_or(Bound::Unbounded, Bound::Excluded);
        let range = self.by_name.range::<[u8], _>((start, Bound::Unbounded));
        range.map(|(_, id)| &self.consumers[id])
    }

    /// The consumer of this name.
    #[must_use]
    pub fn find_consumer(&self, name: &[u8]) -> Option<ConsumerId> {
        self.by_name.get(name).copied()
    }

    /// A consumer.
    ///
    /// # Panics
    /// If it was deleted.
    #[must_use]
    pub fn consumer(&self, id: ConsumerId) -> &Consumer {
        &self.consumers[&id]
    }

    /// A consumer, to note its activity.
    ///
    /// # Panics
    /// If it was deleted.
    pub fn consumer_mut(&mut self, id: ConsumerId) -> &mut Consumer {
        self.consumers.get_mut(&id).expect("the caller has a consumer that exists")
    }

    /// Adds a consumer of a name that no other has.
    pub fn add_consumer(&mut self, name: &[u8], now: UnixMs) -> ConsumerId {
        debug_assert!(self.find_consumer(name).is_none(), "names are unique");
        let id = ConsumerId(self.next_consumer);
        self.next_consumer += 1;
        let name: Arc<[u8]> = name.into();
        self.by_name.insert(Arc::clone(&name), id);
        self.consumers.insert(id, Consumer { name, seen: now, active: None, pending: BTreeSet::new() });
        id
    }

    /// Deletes a consumer and what is pending for it; how much that was.
    /// Complexity: O(pending entries of the consumer * log n).
    pub fn delete_consumer(&mut self, name: &[u8]) -> Option<usize> {
        let id = self.by_name.remove(name)?;
        let consumer = self.consumers.remove(&id).expect("every name has a consumer");
        for entry in &consumer.pending {
            self.pending.remove(entry);
        }
        Some(consumer.pending.len())
    }

    /// Makes an entry pending, whoever had it before.
    pub fn assign(&mut self, id: StreamId, pending: Pending) {
        let before = self.pending.insert(id, pending);
        if before.is_some_and(|before| before.consumer == pending.consumer) {
            return;
        }
        if let Some(before) = before {
            self.consumer_mut(before.consumer).pending.remove(&id);
        }
        self.consumer_mut(pending.consumer).pending.insert(id);
    }

    /// Takes an entry away from those pending, if it is one.
    pub fn release(&mut self, id: StreamId) -> Option<Pending> {
        let pending = self.pending.remove(&id)?;
        self.consumer_mut(pending.consumer).pending.remove(&id);
        Some(pending)
    }

    /// Whether the group may still need the entry: it is pending, or yet to be given out.
    #[must_use]
    pub fn needs(&self, id: StreamId) -> bool {
        id > self.last_id || self.pending.contains_key(&id)
    }

    /// Bytes allocated for it, about, itself not included: places in B-trees whose nodes are two thirds full.
    pub(super) fn memory_bytes(&self) -> usize {
        let place = |bytes: usize| bytes * 3 / 2;
        let pending = place(size_of::<StreamId>() + size_of::<Pending>()) + place(size_of::<StreamId>());
        let named = place(size_of::<Consumer>() + size_of::<ConsumerId>())
            + place(size_of::<Arc<[u8]>>() + size_of::<ConsumerId>());
        let names: usize = self.by_name.keys().map(|name| name.len() + 2 * size_of::<usize>()).sum();
        self.pending.len() * pending + self.consumers.len() * named + names
    }

    /// Frees up to `budget` pending entries of a group that is not used any more, and says how many.
    pub(super) fn free_some(&mut self, budget: usize) -> usize {
        let mut freed = 0;
        while freed < budget
            && let Some(mut consumer) = self.consumers.first_entry()
        {
            let pending = &mut consumer.get_mut().pending;
            let count = (freed..budget).take_while(|_| pending.pop_first().is_some()).count();
            freed += count;
            if pending.is_empty() {
                consumer.remove();
            }
        }
        freed + (freed..budget).take_while(|_| self.pending.pop_first().is_some()).count()
    }
}
