//! The segments of a table and the directory that finds them.
//!
//! Directory slots hold segment numbers, not pointers, so that this file is safe code; numbers stay dense: when two
//! segments merge, the last one takes the free number.

use super::Place;
use super::bucket::{Bucket, SLOTS};
use super::segment::{Segment, WIDTH_MAX, capacity, wider, width_for};
use crate::hash::KeyHasher;

/// Most bits of a place that the directory looks at.
const DEPTH_MAX: u32 = 31;
/// A split may double the directory only while it has fewer slots than this per segment. Hashes spread evenly never
/// come near; keys chosen to collide make a segment wide instead of making the directory fill the memory.
const SLOTS_PER_SEGMENT: usize = 32;
/// Two segments merge when so many entries, half of what the widest holds, are enough for both.
const MERGE_LEN: usize = capacity(WIDTH_MAX) / 2;

/// The segments and how to find them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    /// Segment numbers, by the top `depth` bits of a place.
    pub(super) slots: Vec<u32>,
    pub(super) segments: Vec<Segment>,
    pub(super) depth: u32,
    /// How many segments need all `depth` bits.
    pub(super) deepest_count: usize,
    /// No segment is wider.
    widest: usize,
}

impl Directory {
    /// The number of the segment that owns `place`; `None` while there are no segments.
    #[inline]
    pub(super) fn locate(&self, place: Place) -> Option<u32> {
        #[expect(clippy::cast_possible_truncation, reason = "a prefix has at most DEPTH_MAX bits")]
        self.slots.get(place.prefix(self.depth) as usize).copied()
    }

    /// The number of the segment that owns `place`.
    #[inline]
    pub(super) fn locate_or_create(&mut self, place: Place) -> u32 {
        self.locate(place).unwrap_or_else(|| self.create())
    }

    #[cold]
    fn create(&mut self) -> u32 {
        *self = Self {
            slots: vec![0],
            segments: vec![Segment::new(0, 0, 1)],
            depth: 0,
            deepest_count: 1,
            widest: 1,
        };
        0
    }

    /// Slots of the widest segment, or more.
    pub(super) fn widest_slots(&self) -> usize {
        let widest = if let [only] = self.segments.as_slice() { only.width() } else { self.widest };
        widest * SLOTS
    }

    /// Bytes of directory and buckets.
    pub(super) fn memory_bytes(&self) -> usize {
        let buckets: usize = self.segments.iter().map(Segment::width).sum();
        buckets * size_of::<Bucket>()
            + self.slots.capacity() * size_of::<u32>()
            + self.segments.capacity() * size_of::<Segment>()
    }

    /// Makes room for one more entry in a full segment, as a rule: a split may leave one half full.
    #[cold]
    pub(super) fn enlarge(&mut self, number: u32, hasher: &KeyHasher) {
        let segment = &self.segments[number as usize];
        if segment.width() < WIDTH_MAX || !self.may_split(segment) {
            self.set_width(number, wider(segment.width()), hasher);
        } else {
            self.split(number, hasher);
        }
    }

    fn may_split(&self, segment: &Segment) -> bool {
        let is_sparse = self.slots.len() >= SLOTS_PER_SEGMENT * self.segments.len();
        segment.depth < self.depth || (segment.depth < DEPTH_MAX && !is_sparse)
    }

    fn set_width(&mut self, number: u32, width: usize, hasher: &KeyHasher) {
        let segment = self.take(number);
        let (prefix, depth) = (segment.prefix, segment.depth);
        let entries = segment.into_entries(hasher).into_iter();
        self.segments[number as usize] = Segment::with_entries(prefix, depth, width, entries);
        self.widest = self.widest.max(width);
    }

    /// Takes a segment out, to be put back in another form.
    pub(super) fn take(&mut self, number: u32) -> Segment {
        std::mem::replace(&mut self.segments[number as usize], Segment::new(0, 0, 0))
    }

    /// Divides a segment by the next bit of its places.
    fn split(&mut self, number: u32, hasher: &KeyHasher) {
        let segment = self.take(number);
        let (prefix, depth) = (segment.prefix * 2, segment.depth + 1);
        if depth > self.depth {
            self.slots = self.slots.iter().flat_map(|&slot| [slot, slot]).collect();
            self.depth = depth;
            self.deepest_count = 0;
        }
        self.deepest_count += if depth == self.depth { 2 } else { 0 };
        let (low, high): (Vec<_>, Vec<_>) = segment
            .into_entries(hasher)
            .into_iter()
            .partition(|(hash, _)| Place::of(*hash).prefix(depth).is_multiple_of(2));
        let new_number = u32::try_from(self.segments.len()).expect("fewer segments than slots, below 2^31");
        for (number, prefix, entries) in [(number, prefix, low), (new_number, prefix + 1, high)] {
            let width = width_for(entries.len());
            self.widest = self.widest.max(width);
            let half = Segment::with_entries(prefix, depth, width, entries.into_iter());
            if number == new_number {
                self.segments.push(half)
            } else {
                self.segments[number as usize] = half
            }
            self.point_to(number);
        }
    }

    /// Gives memory back after a segment lost an entry: merges it with its buddy, the segment that differs in the
    /// last bit of the prefix, or makes it narrower. What is left has room for as many entries again as went.
    #[inline]
    pub(super) fn reduce(&mut self, number: u32, hasher: &KeyHasher) {
        if self.segments[number as usize].is_sparse() {
            self.reduce_sparse(number, hasher);
        }
    }

    #[cold]
    fn reduce_sparse(&mut self, number: u32, hasher: &KeyHasher) {
        let segment = &self.segments[number as usize];
        let (len, width) = (segment.len(), segment.width());
        if len == 0 && segment.depth == 0 {
            *self = Self::default();
        } else if let Some(buddy) = self.mergeable_buddy(segment) {
            self.merge(number, buddy, hasher);
        } else if width_for(len) < width {
            self.set_width(number, width_for(len), hasher);
        }
    }

    fn mergeable_buddy(&self, segment: &Segment) -> Option<u32> {
        if segment.depth == 0 {
            return None;
        }
        let buddy = self.slots[(segment.prefix as usize ^ 1) << (self.depth - segment.depth)];
        let other = &self.segments[buddy as usize];
        (other.depth == segment.depth && other.len() + segment.len() <= MERGE_LEN).then_some(buddy)
    }

    fn merge(&mut self, first: u32, second: u32, hasher: &KeyHasher) {
        let (number, freed) = (first.min(second), first.max(second));
        let (one, two) = (self.take(number), self.take(freed));
        let (prefix, depth) = (one.prefix / 2, one.depth - 1);
        let width = width_for(one.len() + two.len());
        let entries = one.into_entries(hasher).into_iter().chain(two.into_entries(hasher));
        self.segments[number as usize] = Segment::with_entries(prefix, depth, width, entries);
        self.point_to(number);
        self.segments.swap_remove(freed as usize);
        if (freed as usize) < self.segments.len() {
            self.point_to(freed);
        }
        if self.segments.capacity() > 4 * self.segments.len() {
            self.segments.shrink_to(2 * self.segments.len());
        }
        if depth + 1 == self.depth {
            self.deepest_count -= 2;
            while self.deepest_count == 0 {
                self.halve();
            }
        }
    }

    /// Makes the slots of a segment's prefix name it.
    fn point_to(&mut self, number: u32) {
        let Segment { prefix, depth, .. } = self.segments[number as usize];
        let shift = self.depth - depth;
        self.slots[(prefix as usize) << shift..(prefix as usize + 1) << shift].fill(number);
    }

    /// Gives up the last bit of the directory, which no segment needs.
    fn halve(&mut self) {
        self.slots = self.slots.iter().copied().step_by(2).collect();
        self.depth -= 1;
        self.deepest_count = self.segments.iter().filter(|segment| segment.depth == self.depth).count();
    }
}
