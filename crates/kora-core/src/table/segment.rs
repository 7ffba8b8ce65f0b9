//! A part of the table that grows, splits and shrinks as one.
//!
//! Buckets are ordered by hash: with `r` bits of a place left behind the prefix, the home of an entry is
//! `(rest * width) >> r`. So the width can be any number, steps of growth are small, and scanning buckets in order
//! scans places in order.

use super::bucket::{Bucket, SLOTS};
use super::{PLACE_BITS, Place, prefetch};
use crate::entry::Entry;
use crate::hash::{KeyHasher, hash_key};

/// Width at which a segment splits rather than grows.
pub(super) const WIDTH_MAX: usize = 64;

/// Where an entry lies in its segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Spot {
    bucket: u32,
    slot: u8,
}

/// A part of the table.
#[derive(Debug)]
pub(super) struct Segment {
    buckets: Box<[Bucket]>,
    len: u32,
    /// The top bits that all its places have in common.
    pub(super) prefix: u32,
    /// How many they are.
    pub(super) depth: u32,
}

impl Segment {
    /// An empty segment.
    pub(super) fn new(prefix: u32, depth: u32, width: usize) -> Self {
        let buckets = std::iter::repeat_with(Bucket::default).take(width).collect();
        Self { buckets, len: 0, prefix, depth }
    }

    /// A segment with `entries`, whose keys differ, and room for more.
    pub(super) fn with_entries(
        prefix: u32,
        depth: u32,
        width: usize,
        entries: impl Iterator<Item = (u64, Entry)>,
    ) -> Self {
        let mut segment = Self::new(prefix, depth, width);
        entries.for_each(|(hash, entry)| segment.insert(hash, entry));
        segment
    }

    pub(super) fn len(&self) -> usize {
        self.len as usize
    }

    pub(super) fn width(&self) -> usize {
        self.buckets.len()
    }

    /// Whether another entry needs more buckets first.
    #[inline]
    pub(super) fn is_full(&self) -> bool {
        self.len() >= capacity(self.width())
    }

    /// Whether it has so few entries that memory should be given back.
    #[inline]
    pub(super) fn is_sparse(&self) -> bool {
        self.len() * 3 < capacity(self.width())
    }

    /// Number of place bits behind the prefix.
    #[inline]
    fn rest_bits(&self) -> u32 {
        PLACE_BITS - self.depth
    }

    /// The home bucket of a place.
    #[inline]
    pub(super) fn home(&self, place: Place) -> usize {
        let rest = place.0 & ((1 << self.rest_bits()) - 1);
        #[expect(
            clippy::cast_possible_truncation,
            reason = "rest < 2^rest_bits, so the result is below the width"
        )]
        let home = ((rest * self.buckets.len() as u64) >> self.rest_bits()) as usize;
        home
    }

    /// The first place whose home is `bucket`; for the bucket behind the last one, the first of the next segment.
    pub(super) fn first_place(&self, bucket: usize) -> Place {
        let rest = ((bucket as u64) << self.rest_bits()).div_ceil(self.width() as u64);
        Place::at((u64::from(self.prefix) << self.rest_bits()) + rest)
    }

    #[inline]
    fn next(&self, bucket: usize) -> usize {
        if bucket + 1 == self.buckets.len() { 0 } else { bucket + 1 }
    }

    /// Where the entry with this hash lies that `is_wanted`.
    #[inline]
    pub(super) fn find(&self, hash: u64, mut is_wanted: impl FnMut(&Entry) -> bool) -> Option<Spot> {
        let mut at = self.home(Place::of(hash));
        for _ in 0..self.buckets.len() {
            let bucket = &self.buckets[at];
            for slot in bucket.candidates(hash) {
                if bucket.slot(slot).is_some_and(&mut is_wanted) {
                    return Some(spot(at, slot));
                }
            }
            if !bucket.is_passed_over() {
                break;
            }
            at = self.next(at);
        }
        None
    }

    #[inline]
    pub(super) fn entry(&self, spot: Spot) -> &Entry {
        self.buckets[spot.bucket as usize].slot(usize::from(spot.slot)).expect("a spot names an entry")
    }

    #[inline]
    pub(super) fn entry_mut(&mut self, spot: Spot) -> &mut Entry {
        self.buckets[spot.bucket as usize].slot_mut(usize::from(spot.slot)).expect("a spot names an entry")
    }

    /// The spot of slot number `slot`, counted through all buckets, if an entry is there.
    pub(super) fn occupied(&self, slot: usize) -> Option<Spot> {
        let (bucket, slot) = (slot / SLOTS, slot % SLOTS);
        self.buckets.get(bucket)?.slot(slot).map(|_| spot(bucket, slot))
    }

    /// Adds an entry; there must be room.
    pub(super) fn insert(&mut self, hash: u64, entry: Entry) {
        let mut at = self.home(Place::of(hash));
        let mut entry = entry;
        self.len += 1;
        debug_assert!(self.len() <= self.width() * SLOTS);
        while let Err(rejected) = self.buckets[at].put(hash, entry) {
            entry = rejected;
            self.buckets[at].pass_over();
            at = self.next(at);
        }
    }

    /// Takes out the entry at `spot`, whose hash is `hash`.
    pub(super) fn remove(&mut self, spot: Spot, hash: u64) -> Entry {
        let end = spot.bucket as usize;
        let mut at = self.home(Place::of(hash));
        while at != end {
            self.buckets[at].undo_pass_over();
            at = self.next(at);
        }
        self.len -= 1;
        self.buckets[end].take(usize::from(spot.slot)).expect("a spot names an entry")
    }

    /// All entries with their hashes, in order of their buckets.
    pub(super) fn into_entries(self, hasher: &KeyHasher) -> Vec<(u64, Entry)> {
        let mut entries = Vec::with_capacity(self.len());
        // The hash of an entry needs its key: without a prefetch that is a cache miss at a time.
        self.prefetch_entries();
        for bucket in self.buckets.into_vec() {
            entries.extend(bucket.into_entries().map(|entry| (hash_key(hasher, entry.key()), entry)));
        }
        entries
    }

    /// Visits the entries whose home is `home`, with their places and where they lie.
    pub(super) fn visit_home(
        &self,
        home: usize,
        hasher: &KeyHasher,
        mut visit: impl FnMut(Place, Spot, &Entry),
    ) {
        let mut at = home;
        for _ in 0..self.width() {
            for (spot, entry) in self.bucket_entries(at) {
                let place = Place::of(hash_key(hasher, entry.key()));
                if self.home(place) == home {
                    visit(place, spot, entry);
                }
            }
            if !self.buckets[at].is_passed_over() {
                break;
            }
            at = self.next(at);
        }
    }

    /// Spots and entries in one bucket, whatever their home.
    pub(super) fn bucket_entries(&self, bucket: usize) -> impl Iterator<Item = (Spot, &Entry)> {
        (0..SLOTS).filter_map(move |slot| Some((spot(bucket, slot), self.buckets[bucket].slot(slot)?)))
    }

    /// Fetches a bucket into the cache, if there is one of that number.
    #[inline]
    pub(super) fn prefetch_bucket(&self, bucket: usize) {
        if let Some(bucket) = self.buckets.get(bucket) {
            prefetch::line(bucket);
        }
    }

    /// Fetches the entries in a bucket into the cache, if there is one of that number.
    #[inline]
    pub(super) fn prefetch_entries_in(&self, bucket: usize) {
        let bucket = self.buckets.get(bucket);
        bucket.into_iter().flat_map(Bucket::entries).for_each(prefetch::entry);
    }

    /// Fetches all entries into the cache.
    pub(super) fn prefetch_entries(&self) {
        self.buckets.iter().flat_map(Bucket::entries).for_each(prefetch::entry);
    }

    /// Fetches the home bucket into the cache.
    #[inline]
    pub(super) fn prefetch_home(&self, hash: u64) {
        prefetch::line(&raw const self.buckets[self.home(Place::of(hash))]);
    }

    /// Fetches the entries that may have this hash into the cache, as far as the home bucket holds them.
    #[inline]
    pub(super) fn prefetch_candidates(&self, hash: u64) {
        let bucket = &self.buckets[self.home(Place::of(hash))];
        bucket.candidates(hash).filter_map(|slot| bucket.slot(slot)).for_each(prefetch::entry);
    }
}

#[inline]
#[expect(clippy::cast_possible_truncation, reason = "a slot is below 7, a bucket's number far below 2^32")]
fn spot(bucket: usize, slot: usize) -> Spot {
    Spot { bucket: bucket as u32, slot: slot as u8 }
}

/// Most entries in `width` buckets: 7/8 of the slots, beyond which searches get long; all of them in the smallest
/// segments, where a search is short anyway.
#[inline]
pub(super) const fn capacity(width: usize) -> usize {
    let slots = width * SLOTS;
    if width <= 2 { slots } else { slots * 7 / 8 }
}

/// The next larger width: 1, 2, 3, 4, 6, 8, 12, 16 ... so that two steps double, and each is an allocator's size.
pub(super) fn wider(width: usize) -> usize {
    if width.is_power_of_two() { (width + width / 2).max(2) } else { width / 3 * 4 }
}

/// The least width from which `len` entries can grow for a while.
pub(super) fn width_for(len: usize) -> usize {
    let mut width = 1;
    while len * 5 > capacity(width) * 4 {
        width = wider(width);
    }
    width
}
