//! A block: some records in one allocation, with an index of tags and offsets.
//!
//! ```text
//! records, in any order | free | offset of each, 2 bytes | tag of each, 1 byte
//! ```
//!
//! Both ends grow towards the middle, as in a database's slotted page. A search compares tags eight at a time and reads
//! only the records whose tag fits. A record too long to lie among others has an allocation of its own, on the block's
//! *side list*; so has one that found the block full where it could not split.
//!
//! Invariants:
//! - `used + INDEX_BYTES * count <= bytes.len()`, and the records fill `0..used` without a gap;
//! - slots below `count` are packed records, those from `count` on are on the side list.

use super::record::Record;
use super::{Place, TableHasher};
use crate::entry::size_class;
use crate::table::prefetch;

/// Records of a block, those of its side list included, beyond which it splits.
pub(super) const RECORDS_MAX: usize = 32;
/// Bytes of a block beyond which it splits.
const BYTES_MAX: usize = 2048;
/// A record longer than this lies on the side list.
const PACKED_RECORD_BYTES_MAX: usize = 256;
/// Bytes of index for each packed record.
const INDEX_BYTES: usize = 3;
/// Two blocks merge when so many records, half of what one holds, are enough for both.
const MERGE_RECORDS: usize = RECORDS_MAX / 2;

/// A record outside the block's own bytes.
#[derive(Clone, Debug)]
struct SideRecord {
    hash: u64,
    encoded: Box<[u8]>,
}

/// Records outside a block's own bytes.
#[derive(Clone, Debug, Default)]
struct Side {
    records: Vec<SideRecord>,
    encoded_bytes: usize,
}

impl Side {
    fn push(&mut self, record: SideRecord) {
        self.encoded_bytes += size_class(record.encoded.len());
        self.records.push(record);
    }

    fn remove(&mut self, index: usize) {
        let record = self.records.swap_remove(index);
        self.encoded_bytes -= size_class(record.encoded.len());
    }
}

/// A part of the table: the records of the places that begin with its prefix.
#[derive(Clone, Debug, Default)]
pub(super) struct Block {
    bytes: Box<[u8]>,
    side: Option<Box<Side>>,
    /// The top bits that all its places have in common.
    pub(super) prefix: u32,
    used: u16,
    count: u8,
    /// How many bits the prefix has.
    pub(super) depth: u8,
}

const _: () = assert!(size_of::<Block>() == 32 && BYTES_MAX + PACKED_RECORD_BYTES_MAX < u16::MAX as usize);

/// The byte of a hash that tells records of a block apart.
#[inline]
fn tag_of(hash: u64) -> u8 {
    hash.to_le_bytes()[0]
}

impl Block {
    /// A block without records, which allocates nothing.
    pub(super) fn new(prefix: u32, depth: u8) -> Self {
        Self { prefix, depth, ..Self::default() }
    }

    /// Number of records.
    #[inline]
    pub(super) fn len(&self) -> usize {
        usize::from(self.count) + self.side_len()
    }

    #[inline]
    fn side_len(&self) -> usize {
        self.side.as_ref().map_or(0, |side| side.records.len())
    }

    /// Bytes allocated beside the block itself.
    pub(super) fn heap_bytes(&self) -> usize {
        let side = self.side.as_ref().map_or(0, |side| {
            size_class(size_of::<Side>())
                + size_class(side.records.capacity() * size_of::<SideRecord>())
                + side.encoded_bytes
        });
        size_class(self.bytes.len()) + side
    }

    /// How many allocations are freed with it.
    pub(super) fn allocations(&self) -> usize {
        1 + self.side_len()
    }

    /// The first place that is the block's.
    #[inline]
    pub(super) fn first_place(&self) -> Place {
        Place::first(self.prefix.into(), self.depth.into())
    }

    /// The first place behind the block's.
    #[inline]
    pub(super) fn end_place(&self) -> Place {
        Place::first(u64::from(self.prefix) + 1, self.depth.into())
    }

    #[inline]
    fn tags(&self) -> &[u8] {
        &self.bytes[self.bytes.len() - usize::from(self.count)..]
    }

    /// Where the index begins.
    #[inline]
    fn index_at(&self) -> usize {
        self.bytes.len() - INDEX_BYTES * usize::from(self.count)
    }

    #[inline]
    fn offset(&self, slot: usize) -> usize {
        let at = self.index_at() + 2 * slot;
        usize::from(u16::from_le_bytes([self.bytes[at], self.bytes[at + 1]]))
    }

    /// The record in `slot`, which must be one of the block's.
    #[inline]
    pub(super) fn record(&self, slot: u32) -> Record<'_> {
        let slot = slot as usize;
        let packed_len = usize::from(self.count);
        if slot < packed_len {
            return Record::decode(&self.bytes[self.offset(slot)..]).0;
        }
        let side = self.side.as_ref().expect("a slot behind the packed ones is on the side list");
        Record::decode(&side.records[slot - packed_len].encoded).0
    }

    /// All slots.
    pub(super) fn slots(&self) -> std::ops::Range<u32> {
        0..as_u32(self.len())
    }

    /// The hash of the key in `slot`.
    pub(super) fn hash(&self, slot: u32, hasher: &TableHasher) -> u64 {
        match &self.side {
            Some(side) if slot >= self.count.into() => {
                side.records[slot as usize - usize::from(self.count)].hash
            }
            _ => hasher.hash(self.record(slot).key),
        }
    }

    /// The slot of the record with `key`.
    #[inline]
    pub(super) fn find(&self, hash: u64, key: &[u8]) -> Option<u32> {
        match self.tagged(tag_of(hash)).find(|slot| self.record(*slot).key == key) {
            Some(slot) => Some(slot),
            None => self.find_aside(hash, key),
        }
    }

    /// The slots of packed records that have this tag.
    #[inline]
    fn tagged(&self, tag: u8) -> Tagged<'_> {
        Tagged { tags: self.tags(), tag, next: 0, equal: 0 }
    }

    /// Fetches tags and offsets into the cache.
    #[inline]
    pub(super) fn prefetch_index(&self) {
        let end = self.bytes.as_ptr_range().end;
        prefetch::line(end.wrapping_sub(1));
        prefetch::line(end.wrapping_sub(65));
    }

    /// Fetches the records that may have this hash into the cache, and the place of a new one.
    #[inline]
    pub(super) fn prefetch_records(&self, hash: u64) {
        let place = |offset: usize| self.bytes.as_ptr().wrapping_add(offset);
        for slot in self.tagged(tag_of(hash)) {
            prefetch::line(place(self.offset(slot as usize)));
        }
        prefetch::line(place(usize::from(self.used)));
    }

    #[inline]
    fn find_aside(&self, hash: u64, key: &[u8]) -> Option<u32> {
        let side = self.side.as_ref()?;
        let is_wanted =
            |record: &SideRecord| record.hash == hash && Record::decode(&record.encoded).0.key == key;
        side.records.iter().position(is_wanted).map(|index| as_u32(usize::from(self.count) + index))
    }

    /// Whether the block should split before it takes `record`.
    #[inline]
    pub(super) fn is_full_for(&self, record: &Record<'_>) -> bool {
        let encoded_bytes = record.encoded_bytes();
        self.len() >= RECORDS_MAX
            || (encoded_bytes <= PACKED_RECORD_BYTES_MAX && !self.has_room(encoded_bytes))
    }

    #[inline]
    fn has_room(&self, encoded_bytes: usize) -> bool {
        usize::from(self.count) < RECORDS_MAX
            && usize::from(self.used) + encoded_bytes + INDEX_BYTES * (usize::from(self.count) + 1)
                <= BYTES_MAX
    }

    /// Adds a record whose key is not in the block; returns its slot. All slots but this change.
    #[inline]
    pub(super) fn insert(&mut self, hash: u64, record: &Record<'_>) -> u32 {
        let encoded_bytes = record.encoded_bytes();
        if encoded_bytes > PACKED_RECORD_BYTES_MAX || !self.has_room(encoded_bytes) {
            return self.insert_aside(hash, record, encoded_bytes);
        }
        record.encode(self.add_packed(tag_of(hash), encoded_bytes));
        0
    }

    #[cold]
    fn insert_aside(&mut self, hash: u64, record: &Record<'_>, encoded_bytes: usize) -> u32 {
        let mut encoded = vec![0; encoded_bytes].into_boxed_slice();
        record.encode(&mut encoded);
        self.side.get_or_insert_default().push(SideRecord { hash, encoded });
        as_u32(self.len() - 1)
    }

    /// Makes slot 0 a record of so many bytes, which are to be written.
    #[inline]
    fn add_packed(&mut self, tag: u8, encoded_bytes: usize) -> &mut [u8] {
        let start = usize::from(self.used);
        let count = usize::from(self.count);
        let needed = start + encoded_bytes + INDEX_BYTES * (count + 1);
        if needed > self.bytes.len() {
            self.resize(size_class(needed));
        }
        let end = self.bytes.len();
        let offsets_at = end - INDEX_BYTES * count;
        // The offsets make room for one tag, and the new offset stands before them.
        self.bytes.copy_within(offsets_at..end - count, offsets_at - 1);
        self.bytes[end - count - 1] = tag;
        self.bytes[offsets_at - INDEX_BYTES..offsets_at - 1].copy_from_slice(&self.used.to_le_bytes());
        self.used += as_u16(encoded_bytes);
        self.count += 1;
        &mut self.bytes[start..start + encoded_bytes]
    }

    /// Moves the block to an allocation of so many bytes, which must be enough.
    fn resize(&mut self, bytes: usize) {
        let mut moved = vec![0; bytes].into_boxed_slice();
        let used = usize::from(self.used);
        moved[..used].copy_from_slice(&self.bytes[..used]);
        let index = &self.bytes[self.index_at()..];
        moved[bytes - index.len()..].copy_from_slice(index);
        self.bytes = moved;
    }

    /// Replaces value and deadline of the record in `slot` where it lies; `false` if it has not just the room.
    pub(super) fn replace_in_place(&mut self, slot: u32, record: &Record<'_>) -> bool {
        let slot = slot as usize;
        let place = match slot.checked_sub(usize::from(self.count)) {
            None => {
                let offset = self.offset(slot);
                let encoded_bytes = Record::decode(&self.bytes[offset..]).1;
                &mut self.bytes[offset..offset + encoded_bytes]
            }
            Some(index) => {
                let side = self.side.as_mut().expect("a slot behind the packed ones is on the side list");
                &mut side.records[index].encoded
            }
        };
        let fits = place.len() == record.encoded_bytes();
        if fits {
            record.encode(place);
        }
        fits
    }

    /// Takes the record in `slot` out. All other slots change.
    pub(super) fn remove(&mut self, slot: u32) {
        let slot = slot as usize;
        let Some(index) = slot.checked_sub(usize::from(self.count)) else {
            self.remove_packed(slot);
            return;
        };
        let side = self.side.as_mut().expect("a slot behind the packed ones is on the side list");
        side.remove(index);
        if side.records.is_empty() {
            self.side = None;
        }
    }

    fn remove_packed(&mut self, slot: usize) {
        let start = self.offset(slot);
        let encoded_bytes = Record::decode(&self.bytes[start..]).1;
        let (end, count, used) = (self.bytes.len(), usize::from(self.count), usize::from(self.used));
        self.bytes.copy_within(start + encoded_bytes..used, start);
        let (offsets_at, tags_at) = (end - INDEX_BYTES * count, end - count);
        self.bytes.copy_within(tags_at..tags_at + slot, tags_at + 1);
        self.bytes.copy_within(offsets_at + 2 * (slot + 1)..tags_at, offsets_at + 2 * slot + 3);
        self.bytes.copy_within(offsets_at..offsets_at + 2 * slot, offsets_at + 3);
        self.used -= as_u16(encoded_bytes);
        self.count -= 1;
        let index_at = self.index_at();
        let (offsets, _) = self.bytes[index_at..index_at + 2 * (count - 1)].as_chunks_mut::<2>();
        for offset in offsets {
            let at = u16::from_le_bytes(*offset);
            if usize::from(at) > start {
                *offset = (at - as_u16(encoded_bytes)).to_le_bytes();
            }
        }
        self.give_back();
    }

    /// Moves to a smaller allocation if half of this one is free.
    fn give_back(&mut self) {
        let needed = usize::from(self.used) + INDEX_BYTES * usize::from(self.count);
        if needed == 0 {
            self.bytes = Box::default();
        } else if 2 * needed < self.bytes.len() {
            let roomy = size_class(needed + needed / 4);
            if roomy < self.bytes.len() {
                self.resize(roomy);
            }
        }
    }

    /// Divides the records by the next bit of their places.
    pub(super) fn split(self, hasher: &TableHasher) -> [Self; 2] {
        let (prefix, depth) = (self.prefix * 2, self.depth + 1);
        let mut halves = [Self::new(prefix, depth), Self::new(prefix + 1, depth)];
        let half_of = |hash: u64| (Place::of(hash).prefix(depth.into()) & 1) as usize;
        let mut homes = [0u8; RECORDS_MAX];
        let mut needed = [0; 2];
        for slot in 0..self.count {
            let (record, encoded_bytes) = Record::decode(&self.bytes[self.offset(slot.into())..]);
            let half = half_of(hasher.hash(record.key));
            homes[usize::from(slot)] = half.to_le_bytes()[0];
            needed[half] += encoded_bytes + INDEX_BYTES;
        }
        for (half, needed) in halves.iter_mut().zip(needed) {
            half.bytes = vec![0; size_class(needed)].into_boxed_slice();
        }
        self.move_records(|slot| usize::from(homes[slot]), half_of, &mut halves);
        halves
    }

    /// One block with the records of two whose prefixes differ in the last bit.
    pub(super) fn merge(self, other: Self) -> Self {
        let mut merged = [Self::new(self.prefix / 2, self.depth - 1)];
        let needed =
            [&self, &other].map(|block| usize::from(block.used) + INDEX_BYTES * usize::from(block.count));
        merged[0].bytes = vec![0; size_class(needed.iter().sum())].into_boxed_slice();
        for block in [self, other] {
            block.move_records(|_| 0, |_| 0, &mut merged);
        }
        let [merged] = merged;
        merged
    }

    /// Moves each record to one of `targets`: packed ones by their slot, those of the side list by their hash.
    fn move_records(
        self,
        by_slot: impl Fn(usize) -> usize,
        by_hash: impl Fn(u64) -> usize,
        targets: &mut [Self],
    ) {
        for slot in 0..usize::from(self.count) {
            let start = self.offset(slot);
            let encoded_bytes = Record::decode(&self.bytes[start..]).1;
            let target = &mut targets[by_slot(slot)];
            target
                .add_packed(self.tags()[slot], encoded_bytes)
                .copy_from_slice(&self.bytes[start..start + encoded_bytes]);
        }
        for record in self.side.into_iter().flat_map(|side| side.records) {
            targets[by_hash(record.hash)].side.get_or_insert_default().push(record);
        }
    }

    /// Whether it has so few records that a merge is worth a look.
    #[inline]
    pub(super) fn is_sparse(&self) -> bool {
        self.len() <= MERGE_RECORDS / 2
    }

    /// Whether one block may take the records of both.
    pub(super) fn may_merge_with(&self, other: &Self) -> bool {
        let used = usize::from(self.used) + usize::from(other.used);
        self.depth == other.depth && self.len() + other.len() <= MERGE_RECORDS && used <= BYTES_MAX / 2
    }
}

/// The slots that have a tag, found eight at a time.
struct Tagged<'a> {
    /// The tags not looked at yet.
    tags: &'a [u8],
    tag: u8,
    /// The slot of the first of them.
    next: u32,
    /// Of the eight before: the high bit of each byte that is a slot's still to be told.
    equal: u64,
}

impl Iterator for Tagged<'_> {
    type Item = u32;

    #[inline]
    fn next(&mut self) -> Option<u32> {
        while self.equal == 0 {
            if self.tags.is_empty() {
                return None;
            }
            let word = match self.tags.split_first_chunk::<8>() {
                Some((word, rest)) => {
                    self.tags = rest;
                    *word
                }
                None => {
                    let mut word = [!self.tag; 8];
                    word[..self.tags.len()].copy_from_slice(self.tags);
                    self.tags = &[];
                    word
                }
            };
            self.equal = equal_bytes(word, self.tag);
            self.next += 8;
        }
        let slot = self.next - 8 + self.equal.trailing_zeros() / 8;
        self.equal &= self.equal - 1;
        Some(slot)
    }
}

/// The high bit of each byte of `word` that equals `byte`.
#[inline]
fn equal_bytes(word: [u8; 8], byte: u8) -> u64 {
    const LOW_SEVEN: u64 = u64::from_le_bytes([0x7F; 8]);
    let difference = u64::from_le_bytes(word) ^ u64::from_le_bytes([byte; 8]);
    // The high bit of a byte of the sum is clear only if all its bits were.
    !(((difference & LOW_SEVEN) + LOW_SEVEN) | difference | LOW_SEVEN)
}

fn as_u16(bytes: usize) -> u16 {
    u16::try_from(bytes).expect("a block has fewer than 2^16 bytes")
}

#[inline]
fn as_u32(slot: usize) -> u32 {
    u32::try_from(slot).expect("a block has fewer than 2^32 records")
}
