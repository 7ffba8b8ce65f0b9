//! A run of neighbouring entries in one listpack.
//!
//! The layout is that of Redis's stream nodes, so that snapshots copy blocks:
//!
//! ```text
//! block:  live | deleted | field count | field ... | 0 | entry ...
//! entry:  flags | ms | seq | value ...                          | count     fields as those of the block
//!         flags | ms | seq | field count | field | value | ...  | count     fields of its own
//! ```
//!
//! A block begins with the fields of the entry that it was made for, and an entry with the same fields stores values
//! only. IDs are stored as distances from the block's own ID, which is that first entry's. `count` is the number of
//! elements of the entry before it, for a reader who comes from behind; the 0 stops him. A deleted entry stays as a
//! tombstone, marked in its flags.
//!
//! Tombstones are cleared away when they are most of a block, which Redis never does. How full the block would be with
//! them is remembered, so that the next block begins at the same entry as in Redis: approximate trimming shows where
//! blocks begin. For the same reason the last entry stays, even as a tombstone.
//!
//! Complexity: everything is O(bytes of a block).

mod check;
mod entry;

use crate::packed::listpack::{self, At, Element, ListPack};
pub(super) use check::check;
pub use check::{BlockSummary, Corrupt};
pub use entry::Entry;
pub(super) use entry::Walk;

use super::id::StreamId;

/// The entry is a tombstone.
const DELETED: i64 = 1;
/// The entry has the fields of its block.
const SAME_FIELDS: i64 = 2;

/// Elements of an entry before its values: flags and the two parts of its ID.
const ENTRY_HEAD: u8 = 3;

/// No block is larger, whatever the settings.
pub(super) const BLOCK_BYTES_MAX: usize = 1 << 30;

/// Fewer tombstones are not worth a copy of their block.
const TOMBSTONES_MIN: u64 = 8;

/// When the last block is full and another begins.
#[derive(Clone, Copy, Debug)]
pub struct BlockLimits {
    /// `stream-node-max-bytes`; 0 for no limit.
    pub bytes_max: u64,
    /// `stream-node-max-entries`; 0 for no limit.
    pub entries_max: u64,
}

/// A run of neighbouring entries.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pack: Vec<u8>,
    /// Entries and bytes that were cleared away and still count towards the limits.
    cleared_entries: u32,
    cleared_bytes: u32,
}

impl Block {
    /// A block without entries for those with the fields of `pairs` (field, value, field ...).
    pub(super) fn new(pairs: &[&[u8]]) -> Self {
        let mut head = listpack::Run::default();
        head.push_integer(0);
        head.push_integer(0);
        head.push_integer(count(pairs.len() / 2));
        pairs.chunks_exact(2).for_each(|pair| head.push(pair[0]));
        head.push_integer(0);
        let mut pack = listpack::EMPTY.to_vec();
        listpack::push_run(&mut pack, &head);
        Self { pack, cleared_entries: 0, cleared_bytes: 0 }
    }

    /// A block of these bytes, which were checked.
    pub(super) fn from_bytes(bytes: &[u8]) -> Self {
        Self { pack: bytes.to_vec(), cleared_entries: 0, cleared_bytes: 0 }
    }

    fn list(&self) -> ListPack<'_> {
        ListPack::new(&self.pack)
    }

    /// The listpack.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.pack
    }

    /// Bytes reserved for the listpack.
    pub(super) fn capacity(&self) -> usize {
        self.pack.capacity()
    }

    /// Entries that are not deleted.
    pub(super) fn live(&self) -> u64 {
        self.counter(0).unsigned_abs()
    }

    /// Tombstones.
    pub(super) fn dead(&self) -> u64 {
        self.counter(1).unsigned_abs()
    }

    fn counter(&self, index: isize) -> i64 {
        integer(self.list().get(self.counter_at(index)))
    }

    fn counter_at(&self, index: isize) -> At {
        self.list().at(index).expect("a block begins with its counters")
    }

    fn add_to_counter(&mut self, index: isize, delta: i64) {
        let value = self.counter(index) + delta;
        let at = self.counter_at(index);
        listpack::replace_integer(&mut self.pack, at, value);
    }

    /// Whether an entry with `element_bytes` of fields and values must go into another block.
    pub(super) fn is_full(&self, element_bytes: usize, limits: BlockLimits) -> bool {
        let bytes_max = match usize::try_from(limits.bytes_max) {
            Ok(bytes_max @ 1..=BLOCK_BYTES_MAX) => bytes_max,
            _ => BLOCK_BYTES_MAX,
        };
        let bytes = self.pack.len() + self.cleared_bytes as usize;
        let entries = self.live() + self.dead() + u64::from(self.cleared_entries);
        bytes + element_bytes >= bytes_max || (limits.entries_max > 0 && entries >= limits.entries_max)
    }

    /// Adds an entry behind the others; `base` is the block's own ID.
    pub(super) fn append(&mut self, base: StreamId, id: StreamId, pairs: &[&[u8]]) {
        let has_same_fields = self.has_fields(pairs);
        let (ms, seq) = id.distance(base);
        let mut entry = listpack::Run::default();
        entry.push_integer(if has_same_fields { SAME_FIELDS } else { 0 });
        entry.push_integer(ms);
        entry.push_integer(seq);
        let elements = if has_same_fields {
            pairs.chunks_exact(2).for_each(|pair| entry.push(pair[1]));
            count(pairs.len() / 2)
        } else {
            entry.push_integer(count(pairs.len() / 2));
            pairs.iter().for_each(|text| entry.push(text));
            count(pairs.len()) + 1
        };
        entry.push_integer(i64::from(ENTRY_HEAD) + elements);
        listpack::push_run(&mut self.pack, &entry);
        self.add_to_counter(0, 1);
    }

    fn has_fields(&self, pairs: &[&[u8]]) -> bool {
        let head = Head::of(self.list());
        let mut at = head.fields;
        head.field_count == pairs.len() / 2
            && pairs.chunks_exact(2).all(|pair| {
                let field = self.list().get(at);
                at = next(self.list(), at);
                field.equals(pair[0])
            })
    }

    /// The entries, tombstones included; `base` is the block's own ID.
    pub(super) fn walk(&self, base: StreamId) -> Walk<'_> {
        Walk::new(self.list(), base)
    }

    /// The entry `id`, if it is there and not deleted.
    pub(super) fn find(&self, base: StreamId, id: StreamId) -> Option<Entry<'_>> {
        self.walk(base).find(|entry| entry.id >= id).filter(|entry| entry.id == id && !entry.is_deleted())
    }

    /// The ID of the last entry, be it a tombstone.
    pub(super) fn last_id(&self, base: StreamId) -> StreamId {
        self.walk(base).next_back().map_or(base, |entry| entry.id)
    }

    /// Makes tombstones of the first entries that `chosen` takes and are not deleted; ends at the first entry for which
    /// it answers `None`. Says how many there were.
    pub(super) fn delete_where(
        &mut self,
        base: StreamId,
        mut chosen: impl FnMut(StreamId) -> Option<bool>,
    ) -> u64 {
        let mut places = Vec::new();
        for entry in self.walk(base).filter(|entry| !entry.is_deleted()) {
            match chosen(entry.id) {
                Some(true) => places.push((entry.place(), entry.flags())),
                Some(false) => {}
                None => break,
            }
        }
        for &(at, flags) in &places {
            // Flags are stored in as many bytes with the mark as without: places stay right.
            listpack::replace_integer(&mut self.pack, at, flags | DELETED);
        }
        let deleted = count(places.len());
        if deleted > 0 {
            self.add_to_counter(0, -deleted);
            self.add_to_counter(1, deleted);
            self.clear_tombstones(base);
        }
        deleted.unsigned_abs()
    }

    /// Rewrites the block without tombstones if they are most of it.
    /// Complexity: O(bytes), amortised O(1) for each entry deleted.
    fn clear_tombstones(&mut self, base: StreamId) {
        let dead = self.dead();
        if dead < TOMBSTONES_MIN || dead <= self.live() {
            return;
        }
        let list = self.list();
        let mut kept = list.bytes()[..Head::of(list).end].to_vec();
        let (mut tombstones, mut elements) = (0, Head::of(list).elements());
        let mut walk = self.walk(base).peekable();
        while let Some(entry) = walk.next() {
            if entry.is_deleted() && walk.peek().is_some() {
                continue;
            }
            tombstones += u64::from(entry.is_deleted());
            elements += entry.elements();
            kept.extend_from_slice(entry.bytes());
        }
        let cleared = dead - tombstones;
        let cleared_bytes = self.pack.len() - 1 - kept.len();
        self.pack = listpack::rebuild(kept, elements);
        self.add_to_counter(1, -cleared.cast_signed());
        self.pack.shrink_to_fit();
        self.cleared_entries = self.cleared_entries.saturating_add(saturate(cleared));
        self.cleared_bytes = self.cleared_bytes.saturating_add(saturate(cleared_bytes as u64));
    }

    /// Gives back memory that was reserved for more entries.
    pub(super) fn close(&mut self) {
        self.pack.shrink_to_fit();
    }
}

/// The part of a block before its entries.
#[derive(Clone, Copy, Debug)]
struct Head {
    field_count: usize,
    /// Where the first field begins, or the 0 if there are none.
    fields: At,
    /// Where the 0 ends and entries begin, in bytes.
    end: usize,
}

impl Head {
    fn of(list: ListPack<'_>) -> Self {
        let live = list.first().expect("a block begins with its counters");
        let field_count_at = next(list, next(list, live));
        let field_count = usize::try_from(integer(list.get(field_count_at))).expect("counts are positive");
        let fields = next(list, field_count_at);
        let zero = skip(list, fields, field_count);
        Self { field_count, fields, end: list.behind(zero) }
    }

    fn elements(self) -> usize {
        self.field_count + 4
    }
}

/// The element behind `at`, which is not the last.
#[inline]
fn next(list: ListPack<'_>, at: At) -> At {
    list.next(at).expect("a block is whole")
}

/// The element `elements` behind `at`.
#[inline]
fn skip(list: ListPack<'_>, mut at: At, elements: usize) -> At {
    for _ in 0..elements {
        at = next(list, at);
    }
    at
}

/// An element that the layout says is an integer.
#[inline]
fn integer(element: Element<'_>) -> i64 {
    match element {
        Element::Integer(value) => value,
        Element::Bytes(_) => unreachable!("blocks are made here or checked"),
    }
}

fn count(len: usize) -> i64 {
    i64::try_from(len).expect("no allocation is longer than isize::MAX")
}

fn saturate(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}
