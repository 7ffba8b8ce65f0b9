//! The segments of a table and the directory that finds them.
//!
//! Numbers of segments stay dense: when two segments merge, the last one takes the free number.

use super::Place;
use super::bucket::{Bucket, SLOTS};
use super::segment::{Segment, WIDTH_MAX, capacity, wider, width_for};
use crate::extendible::Slots;
use crate::hash::KeyHasher;

/// Two segments merge when so many entries, half of what the widest holds, are enough for both.
const MERGE_LEN: usize = capacity(WIDTH_MAX) / 2;

/// The segments and how to find them.
#[derive(Debug, Default)]
pub(super) struct Directory {
    pub(super) slots: Slots,
    pub(super) segments: Vec<Segment>,
    /// No segment is wider.
    widest: usize,
    /// Buckets of all segments.
    pub(super) buckets: usize,
}

impl Directory {
    /// The number of the segment that owns `place`; `None` while there are no segments.
    #[inline]
    pub(super) fn locate(&self, place: Place) -> Option<u32> {
        self.slots.locate(place)
    }

    /// The number of the segment that owns `place`.
    #[inline]
    pub(super) fn locate_or_create(&mut self, place: Place) -> u32 {
        self.locate(place).unwrap_or_else(|| self.create())
    }

    #[cold]
    fn create(&mut self) -> u32 {
        let segments = vec![Segment::new(0, 0, 1)];
        *self = Self { slots: Slots::of_depth(0), segments, widest: 1, buckets: 1 };
        0
    }

    /// Slots of the widest segment, or more.
    pub(super) fn widest_slots(&self) -> usize {
        let widest = if let [only] = self.segments.as_slice() { only.width() } else { self.widest };
        widest * SLOTS
    }

    /// Bytes of directory and buckets. Complexity: O(1).
    pub(super) fn memory_bytes(&self) -> usize {
        self.buckets * size_of::<Bucket>()
            + self.slots.memory_bytes()
            + self.segments.capacity() * size_of::<Segment>()
    }

    /// Makes room for one more entry in a full segment, as a rule: a split may leave one half full.
    #[cold]
    pub(super) fn enlarge(&mut self, number: u32, hasher: &KeyHasher) {
        let segment = &self.segments[number as usize];
        if segment.width() < WIDTH_MAX || !self.slots.may_split(segment.depth, self.segments.len()) {
            self.set_width(number, wider(segment.width()), hasher);
        } else {
            self.split(number, hasher);
        }
    }

    fn set_width(&mut self, number: u32, width: usize, hasher: &KeyHasher) {
        let segment = self.take(number);
        let (prefix, depth) = (segment.prefix, segment.depth);
        self.buckets = self.buckets + width - segment.width();
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
        self.slots.split(depth);
        self.buckets -= segment.width();
        let (low, high): (Vec<_>, Vec<_>) = segment
            .into_entries(hasher)
            .into_iter()
            .partition(|(hash, _)| Place::of(*hash).prefix(depth).is_multiple_of(2));
        let new_number = u32::try_from(self.segments.len()).expect("fewer segments than slots, below 2^31");
        for (number, prefix, entries) in [(number, prefix, low), (new_number, prefix + 1, high)] {
            let width = width_for(entries.len());
            self.widest = self.widest.max(width);
            self.buckets += width;
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
        let buddy = self.slots.buddy(segment.prefix, segment.depth)?;
        let other = &self.segments[buddy as usize];
        (other.depth == segment.depth && other.len() + segment.len() <= MERGE_LEN).then_some(buddy)
    }

    fn merge(&mut self, first: u32, second: u32, hasher: &KeyHasher) {
        let (number, freed) = (first.min(second), first.max(second));
        let (one, two) = (self.take(number), self.take(freed));
        let (prefix, depth) = (one.prefix / 2, one.depth - 1);
        let width = width_for(one.len() + two.len());
        self.buckets = self.buckets + width - one.width() - two.width();
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
        let Self { slots, segments, .. } = self;
        slots.merged(depth, || segments.iter().map(|segment| segment.depth));
    }

    /// Makes the slots of a segment's prefix name it.
    fn point_to(&mut self, number: u32) {
        let Segment { prefix, depth, .. } = self.segments[number as usize];
        self.slots.point_to(number, prefix, depth);
    }
}
