//! Going through a table piecemeal, while it grows and shrinks in between.
//!
//! A cursor is a place: all entries before it were visited, none behind it. Since the home bucket is monotone in the
//! place whatever the width of the segment, a step visits the entries of one home bucket from the cursor on and
//! moves the cursor to the first place of the next one, exactly. An entry's place never changes. Hence each entry
//! that is present throughout is visited exactly once.

use super::{Place, Position, Table, prefetch};
use crate::entry::Entry;
use crate::hash::KeyHasher;

/// Home buckets that a scan passes for each entry it was asked for: bounds a step through an emptied table.
const BUCKETS_PER_ENTRY: usize = 10;
/// Home buckets ahead of the one being visited that are fetched into the cache.
const PREFETCH_DISTANCE: usize = 2;

impl Table {
    /// Visits entries from `cursor` on, 0 to begin, until `count` were visited. Returns the next cursor, 0 at the
    /// end. Complexity: O(count).
    pub(crate) fn scan(
        &self,
        cursor: u64,
        count: usize,
        hasher: &KeyHasher,
        visit: &mut dyn FnMut(&Entry),
    ) -> u64 {
        self.scan_positions(cursor, count, hasher, &mut |_, entry| visit(entry))
    }

    /// Visits entries as [`Table::scan`] does, and tells where they lie.
    pub(crate) fn scan_positions(
        &self,
        cursor: u64,
        count: usize,
        hasher: &KeyHasher,
        visit: &mut dyn FnMut(Position, &Entry),
    ) -> u64 {
        let mut from = Place::at(cursor);
        let mut visited = 0;
        for _ in 0..count.saturating_mul(BUCKETS_PER_ENTRY).max(1) {
            let Some((number, segment)) = self.segment_from(from) else { return 0 };
            let home = segment.home(from);
            segment.prefetch_bucket(home + PREFETCH_DISTANCE);
            segment.prefetch_entries_in(home + 1);
            segment.visit_home(home, hasher, |place, spot, entry| {
                if place >= from {
                    visited += 1;
                    visit(Position { segment: number, spot }, entry);
                }
            });
            from = segment.first_place(home + 1);
            if visited >= count {
                break;
            }
        }
        from.cursor()
    }

    /// The entries in one bucket, and the cursor of the next bucket, 0 at the end. Buckets are taken as they lie: an
    /// entry that moves meanwhile may be met twice or not at all.
    pub(crate) fn bucket(&self, cursor: u64) -> (impl Iterator<Item = (Position, &Entry)>, u64) {
        let from = Place::at(cursor);
        let segment = self.segment_from(from).map(|(number, segment)| (number, segment, segment.home(from)));
        let next = segment.map_or(0, |(_, segment, home)| segment.first_place(home + 1).cursor());
        let entries = segment.into_iter().flat_map(|(number, segment, home)| {
            let position = move |spot| Position { segment: number, spot };
            segment.bucket_entries(home).map(move |(spot, entry)| (position(spot), entry))
        });
        (entries, next)
    }

    /// A cursor somewhere in the table.
    pub(crate) fn random_cursor(random: u64) -> u64 {
        Place::of(random).cursor()
    }

    /// Fetches the headers of the entries in the bucket at `cursor` into the cache. Returns the cursor of the next one.
    pub(crate) fn prefetch_headers(&self, cursor: u64) -> u64 {
        let (entries, next) = self.bucket(cursor);
        entries.for_each(|(_, entry)| prefetch::line(entry.address()));
        next
    }

    /// The segment of a place with its number; `None` behind the last one and in an empty table.
    fn segment_from(&self, place: Place) -> Option<(u32, &super::Segment)> {
        if !place.is_in_table() {
            return None;
        }
        self.directory.locate(place).map(|number| (number, &self.directory.segments[number as usize]))
    }
}
