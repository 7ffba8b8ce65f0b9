//! The documents of an index by number and by key, and which of them a query sees.
//!
//! A document gets the next number when it is put, also when its key was there before: a number never means two documents. So numbers are in the
//! order of writes, and a query that stands aside while writes go on sees just what was there when it began by two facts, its [`Snapshot`]: the number
//! that was next, and how many changes there had been. What was put later has a greater number. What was removed later has died at a greater count of
//! changes, and is kept until no snapshot is older than its death; then it is given to whoever frees its entries ([`Table::next_reclaimable`]).
//! While no snapshot is held, what dies is freed at once.
//!
//! Invariants: `keys` has just the documents that live; `died` and `dying` have the same documents, which are present and do not live.

mod bounds;
mod chunk;
mod records;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use ahash::RandomState;

use chunk::{CHUNK_DOCUMENTS, Chunk};

use crate::hashed::Hashed;
use crate::postings::{Marks as _, Window};
pub(crate) use bounds::Bounds;
pub(crate) use chunk::{Facts, SortBits, rank};
pub(crate) use records::{Packed, Record};

/// The documents of an index.
#[derive(Clone, Debug)]
pub(crate) struct Table {
    chunks: Vec<Option<Box<Chunk>>>,
    chunk_count: usize,
    next: u32,
    keys: Hashed,
    hasher: RandomState,
    length_total: u64,
    record_bytes: usize,
    column_bytes: usize,
    bounds: Bounds,
    changes: u64,
    dying: VecDeque<(u64, u32)>,
    died: HashMap<u32, u64>,
    renamed: HashMap<u32, Vec<FormerKey>>,
    holds: VecDeque<(u64, Arc<()>)>,
}

/// The count of changes at which a document got another key, and the key that it had.
type FormerKey = (u64, Box<[u8]>);

/// What a query sees of an index: what was there when it was taken. Its clones see the same. Dropped, it holds nothing back any more.
#[derive(Clone, Debug)]
pub struct Snapshot {
    horizon: u32,
    changes: u64,
    _hold: Arc<()>,
}

impl Snapshot {
    /// All documents that it sees have lesser numbers.
    #[must_use]
    pub fn horizon(&self) -> u32 {
        self.horizon
    }
}

impl Table {
    /// A table without documents.
    pub(crate) fn new(hasher: RandomState) -> Self {
        Self {
            chunks: Vec::new(),
            chunk_count: 0,
            next: 0,
            keys: Hashed::default(),
            hasher,
            length_total: 0,
            record_bytes: 0,
            column_bytes: 0,
            bounds: Bounds::default(),
            changes: 0,
            dying: VecDeque::new(),
            died: HashMap::new(),
            renamed: HashMap::new(),
            holds: VecDeque::new(),
        }
    }

    /// Documents that live.
    pub(crate) fn len(&self) -> usize {
        self.keys.len()
    }

    /// The greatest number that was given, 0 if none was: the first document has number 1.
    pub(crate) fn last_number(&self) -> u32 {
        self.next
    }

    /// Sum of the lengths of all documents that live.
    pub(crate) fn length_total(&self) -> u64 {
        self.length_total
    }

    /// Takes a snapshot. Complexity: O(1).
    pub(crate) fn snapshot(&mut self) -> Snapshot {
        self.drop_holds();
        if let Some((changes, hold)) = self.holds.back()
            && *changes == self.changes
        {
            return Snapshot { horizon: self.next + 1, changes: self.changes, _hold: Arc::clone(hold) };
        }
        let hold = Arc::new(());
        self.holds.push_back((self.changes, Arc::clone(&hold)));
        Snapshot { horizon: self.next + 1, changes: self.changes, _hold: hold }
    }

    /// Whether somebody holds a snapshot.
    pub(crate) fn has_snapshots(&mut self) -> bool {
        self.drop_holds();
        self.holds.iter().any(|(_, hold)| Arc::strong_count(hold) > 1)
    }

    fn drop_holds(&mut self) {
        while self.holds.front().is_some_and(|(_, hold)| Arc::strong_count(hold) == 1) {
            self.holds.pop_front();
        }
        if self.holds.is_empty() && !self.renamed.is_empty() {
            self.renamed = HashMap::new();
        }
    }

    /// A key's document. Complexity: O(1).
    pub(crate) fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hasher.hash_one(key);
        self.keys.find(hash, |number| self.current_key(*number) == key)
    }

    /// Adds a document under a key that no other has, and returns its number; none if all numbers were given.
    /// `sorts` are the sort values of its numeric fields.
    pub(crate) fn insert(&mut self, facts: Facts, sorts: &[SortBits], record: &Packed) -> Option<u32> {
        let number = self.next.checked_add(1).filter(|number| *number < u32::MAX - 1)?;
        self.next = number;
        self.changes += 1;
        let hash = self.hasher.hash_one(record.record().key());
        self.length_total += u64::from(facts.length);
        let (index, at) = split(number);
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, || None);
        }
        self.chunk_count += usize::from(self.chunks[index].is_none());
        self.bounds.insert(&facts);
        let chunk = self.chunks[index].get_or_insert_with(Box::default);
        self.column_bytes -= chunk.heap_bytes();
        self.record_bytes -= chunk.record_bytes();
        chunk.insert(at, facts, sorts, record);
        self.column_bytes += chunk.heap_bytes();
        self.record_bytes += chunk.record_bytes();
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        self.keys.insert(hash, number, |other| hasher.hash_one(key_in(chunks, other)));
        Some(number)
    }

    /// Ends a document's life, which then is not found any more, and returns whether it can be freed at once. Else snapshots still see it.
    pub(crate) fn retire(&mut self, number: u32) -> bool {
        let hash = self.hasher.hash_one(self.current_key(number));
        self.keys.remove(hash, number);
        self.changes += 1;
        if let Some(facts) = self.facts(number) {
            self.length_total -= u64::from(facts.length);
        }
        let (index, at) = split(number);
        if let Some(Some(chunk)) = self.chunks.get_mut(index) {
            chunk.set_dead(at);
        }
        self.drop_holds();
        if self.holds.is_empty() && self.dying.is_empty() {
            return true;
        }
        self.dying.push_back((self.changes, number));
        self.died.insert(number, self.changes);
        false
    }

    /// The next document that died and that no snapshot sees any more. It is to be freed by [`Table::forget`].
    pub(crate) fn next_reclaimable(&mut self) -> Option<u32> {
        self.drop_holds();
        let (died, number) = *self.dying.front()?;
        if self.holds.front().is_some_and(|(changes, _)| *changes < died) {
            return None;
        }
        self.dying.pop_front();
        self.died.remove(&number);
        if self.dying.is_empty() {
            self.dying = VecDeque::new();
            self.died = HashMap::new();
        }
        Some(number)
    }

    /// Documents that died and are not freed yet.
    pub(crate) fn dying_count(&self) -> usize {
        self.dying.len()
    }

    /// Frees a document that does not live, and says whether it was there.
    pub(crate) fn forget(&mut self, number: u32) -> bool {
        let (index, at) = split(number);
        let Some(chunk) = self.chunks.get_mut(index).and_then(Option::as_mut) else { return false };
        self.record_bytes -= chunk.record_bytes();
        let was_there = chunk.remove(at);
        if was_there {
            self.bounds.remove(&chunk.facts(at));
        }
        if chunk.is_empty() {
            self.column_bytes -= chunk.heap_bytes();
            self.chunks[index] = None;
            self.chunk_count -= 1;
        } else {
            self.record_bytes += chunk.record_bytes();
        }
        if self.chunk_count == 0 {
            self.chunks = Vec::new();
            self.bounds = Bounds::default();
        }
        was_there
    }

    /// Gives a document another key, which no document has. Complexity: O(size of its record).
    pub(crate) fn rename(&mut self, number: u32, key: &[u8]) {
        let hash = self.hasher.hash_one(self.current_key(number));
        self.keys.remove(hash, number);
        self.changes += 1;
        self.drop_holds();
        let (index, at) = split(number);
        let Some(chunk) = self.chunks.get_mut(index).and_then(Option::as_mut) else { return };
        let Some(record) = chunk.record(at) else { return };
        if !self.holds.is_empty() {
            self.renamed.entry(number).or_default().push((self.changes, record.key().into()));
        }
        let record = record.with_key(key);
        self.record_bytes -= chunk.record_bytes();
        chunk.replace_record(at, &record);
        self.record_bytes += chunk.record_bytes();
        let (chunks, hasher) = (&self.chunks, &self.hasher);
        let hash = hasher.hash_one(key);
        self.keys.insert(hash, number, |other| hasher.hash_one(key_in(chunks, other)));
    }

    /// Whether a snapshot sees a document. Complexity: O(1).
    #[inline]
    pub(crate) fn sees(&self, snapshot: &Snapshot, number: u32) -> bool {
        if number >= snapshot.horizon {
            return false;
        }
        let (index, at) = split(number);
        match self.chunks.get(index) {
            Some(Some(chunk)) if chunk.is_live(at) => true,
            Some(Some(_)) => self.died.get(&number).is_some_and(|died| *died > snapshot.changes),
            _ => false,
        }
    }

    /// Leaves those numbers of a window that a snapshot sees. Complexity: O(words of the window), and O(1) for each number that does not live.
    pub(crate) fn keep_seen(&self, snapshot: &Snapshot, window: &mut Window) {
        let all_live = self.keys.len() == self.next as usize;
        if all_live && window.end() <= snapshot.horizon {
            // No document has number 0.
            window.matched[0] &= !u64::from(window.base == 0);
            return;
        }
        let words = window.matched[..window.words].iter_mut().zip((window.base..).step_by(64));
        for (matched, first) in words.filter(|(matched, _)| **matched != 0) {
            let (index, at) = split(first);
            let live = match self.chunks.get(index) {
                _ if all_live => u64::MAX << u32::from(first == 0),
                Some(Some(chunk)) => chunk.live_word(at),
                _ => 0,
            };
            let seen = match snapshot.horizon.saturating_sub(first) {
                below @ 0..64 => live & ((1 << below) - 1),
                _ => live,
            };
            let mut others = *matched & !seen;
            *matched &= seen;
            while others != 0 && !self.died.is_empty() {
                let bit = others.trailing_zeros();
                *matched |= u64::from(self.sees(snapshot, first + bit)) << bit;
                others &= others - 1;
            }
        }
    }

    /// The first document from `number` on that a snapshot sees, or [`u32::MAX`].
    pub(crate) fn next_seen(&self, snapshot: &Snapshot, number: u32) -> u32 {
        let mut number = number.max(1);
        while number < snapshot.horizon {
            let (index, at) = split(number);
            let Some(Some(chunk)) = self.chunks.get(index) else {
                number = first_of(index + 1);
                continue;
            };
            if self.died.is_empty() {
                match chunk.next_live(at) {
                    Some(at) => {
                        return Some(first_of(index) + at)
                            .filter(|found| *found < snapshot.horizon)
                            .unwrap_or(u32::MAX);
                    }
                    None => number = first_of(index + 1),
                }
            } else if self.sees(snapshot, number) {
                return number;
            } else {
                number += 1;
            }
        }
        u32::MAX
    }

    /// Whether a document lives.
    pub(crate) fn is_alive(&self, number: u32) -> bool {
        let (index, at) = split(number);
        matches!(self.chunks.get(index), Some(Some(chunk)) if chunk.is_live(at))
    }

    /// The documents that live, in the order of their numbers, from one on.
    pub(crate) fn live_from(&self, number: u32) -> impl Iterator<Item = u32> + use<'_> {
        let (first, mut at) = split(number);
        let chunks = self.chunks.iter().enumerate().skip(first);
        chunks.flat_map(move |(index, chunk)| {
            let mut next = std::mem::take(&mut at);
            std::iter::from_fn(move || {
                let found = chunk.as_ref()?.next_live(next)?;
                next = found + 1;
                Some(first_of(index) + found)
            })
        })
    }

    /// The first document with a greater order, if orders grow with numbers; else the next number. Complexity: O(chunks + documents of a chunk).
    pub(crate) fn first_behind(&self, order: u64) -> u32 {
        let is_behind = |number: u32| self.facts(number).is_some_and(|facts| facts.order > order);
        // The last of a chunk says whether it is in it.
        let starts = (0..self.chunks.len()).map(first_of);
        let last_of = |start: u32| {
            let (index, _) = split(start);
            self.chunks[index].as_ref().and_then(|chunk| chunk.last_live()).map(|at| start + at)
        };
        let start = starts.into_iter().find(|start| last_of(*start).is_some_and(is_behind));
        let found = start.and_then(|start| self.live_from(start).find(|number| is_behind(*number)));
        found.unwrap_or(self.next.saturating_add(1))
    }

    /// Whether a document's entries are garbage: it was freed, or is being freed.
    pub(crate) fn is_forgotten(&self, number: u32) -> bool {
        let (index, at) = split(number);
        match self.chunks.get(index) {
            Some(Some(chunk)) => !chunk.is_live(at) && !self.died.contains_key(&number),
            _ => true,
        }
    }

    /// What is known of a document that is not freed.
    #[inline]
    pub(crate) fn facts(&self, number: u32) -> Option<Facts> {
        let (index, at) = split(number);
        self.chunks.get(index)?.as_ref().map(|chunk| chunk.facts(at))
    }

    /// The sort value of a document that is not freed, by the place of its field among the numeric ones.
    #[inline]
    pub(crate) fn sort(&self, number: u32, place: usize) -> Option<f64> {
        let (index, at) = split(number);
        self.chunks.get(index)?.as_ref()?.sort(at, place)
    }

    /// Which of 64 documents, from a number on that is a multiple of 64, have a sort value at that place that is admitted. Complexity: O(documents).
    #[inline]
    pub(crate) fn keep_sorts(
        &self,
        first: u32,
        among: u64,
        place: usize,
        admits: impl Fn(SortBits) -> bool,
    ) -> u64 {
        let (index, at) = split(first);
        let chunk = self.chunks.get(index).and_then(Option::as_ref);
        chunk.map_or(0, |chunk| chunk.keep_sorts(at, among, place, admits))
    }

    /// Between what the facts of documents lie.
    pub(crate) fn bounds(&self) -> &Bounds {
        &self.bounds
    }

    /// Whether a snapshot sees just the documents that live now.
    pub(crate) fn is_current(&self, snapshot: &Snapshot) -> bool {
        snapshot.changes == self.changes
    }

    /// A document's record, unless it is freed.
    #[inline]
    pub(crate) fn record(&self, number: u32) -> Option<Record<'_>> {
        let (index, at) = split(number);
        self.chunks.get(index)?.as_ref()?.record(at)
    }

    /// A document's key when the snapshot was taken.
    pub(crate) fn key(&self, snapshot: &Snapshot, number: u32) -> &[u8] {
        let older =
            self.renamed.get(&number).into_iter().flatten().find(|(changes, _)| *changes > snapshot.changes);
        older.map_or_else(|| self.current_key(number), |(_, key)| key)
    }

    pub(crate) fn current_key(&self, number: u32) -> &[u8] {
        key_in(&self.chunks, number)
    }

    /// Bytes of records, which hold keys, sort values and payloads.
    pub(crate) fn record_bytes(&self) -> usize {
        self.record_bytes
    }

    /// Bytes of the table by number.
    pub(crate) fn chunk_bytes(&self) -> usize {
        self.chunks.capacity() * size_of::<Option<Box<Chunk>>>()
            + self.chunk_count * size_of::<Chunk>()
            + self.column_bytes
            + self.dying.capacity() * size_of::<(u64, u32)>()
            + self.died.capacity() * size_of::<(u32, u64)>()
    }

    /// Bytes of the table by key.
    pub(crate) fn key_table_bytes(&self) -> usize {
        self.keys.memory_bytes()
    }
}

fn split(number: u32) -> (usize, u32) {
    ((number / CHUNK_DOCUMENTS) as usize, number % CHUNK_DOCUMENTS)
}

fn first_of(index: usize) -> u32 {
    u32::try_from(index).map_or(u32::MAX, |index| index.saturating_mul(CHUNK_DOCUMENTS))
}

fn key_in(chunks: &[Option<Box<Chunk>>], number: u32) -> &[u8] {
    let (index, at) = split(number);
    let record = chunks.get(index).and_then(|chunk| chunk.as_ref()).and_then(|chunk| chunk.record(at));
    record.map_or(&[], Record::key)
}
