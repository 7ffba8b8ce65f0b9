//! A calendar: reminders of what is due when, found in order of time without a look at what is due later.
//!
//! A reminder is one word that its owner makes. It lies on the page of a time: the nearer the time, the finer the pages.
//! Each level has a ring of pages, 64 times as long as those of the level below. A page of the lowest level has come when its
//! time is over; one of another level a little before its time begins, so that its reminders can move to finer pages before
//! any of them is due. Within a page there is no order, and a reminder does not know its own time: whoever takes it looks
//! that up, and puts it on another page if its time has not come.
//!
//! So noting a reminder costs O(1), and it is taken at most once for each level. Taking one back is not possible, which is
//! why it takes so little: its owner drops those that have become void when they come, and [`Calendar::review`] finds
//! them before.
//!
//! Invariants:
//! - at each level all pages with reminders lie within [`RING_PAGES`] from its base on, and the base is not in the future;
//! - `occupied` says which pages have reminders, `len` how many there are in all.
//!
//! Source: Varghese and Lauck, "Hashed and hierarchical timing wheels", 1987.

#[cfg(test)]
mod tests;

use smallvec::SmallVec;

use crate::entry::deadline::TIME_BITS;
use crate::time::UnixMs;

/// Number of levels. The pages of the last are so long that all times fit into its ring.
const LEVELS: usize = 8;
/// A page of the lowest level has 2 to this power milliseconds.
const PAGE_BITS: u32 = 4;
/// A page is 2 to this power times as long as one of the level below.
const LEVEL_BITS: u32 = 6;
/// Pages of a level: twice those that one page of the level above makes, so that the next one fits in beside the present one.
const RING_LEN: usize = 128;
const RING_PAGES: u64 = RING_LEN as u64;
/// Reminders that are allocated together: 3584 bytes, a size class that the segments of the table have no use for. A sheet
/// lives long, and among segments, which come and go as the table grows, it would keep the memory of those that went.
const SHEET_LEN: usize = 448;
/// The room of a page with few reminders.
const SHEET_LEN_FIRST: usize = 4;
/// A sheet with fewer is merged with others.
const SHEET_LEN_MIN: usize = SHEET_LEN / 4 * 3;
/// Reminders that are taken together: so many of what they are about can be fetched into the cache at the same time.
pub(crate) const BATCH_LEN: usize = 32;
/// When the clock goes back by more than this, in milliseconds, all pages are made anew.
const CLOCK_STEP_MS: u64 = 1000;

/// Some reminders.
pub(crate) type Batch = SmallVec<[u64; BATCH_LEN]>;

/// Reminders by time. An empty one allocates nothing.
#[derive(Debug, Default)]
pub(crate) struct Calendar {
    rings: [Option<Box<Ring>>; LEVELS],
    /// The first page of each level that may have reminders, counted from 1970.
    bases: [u64; LEVELS],
    /// Which pages of each ring have reminders.
    occupied: [u128; LEVELS],
    len: usize,
    /// The latest time it was told.
    now: u64,
    /// Pages whose reminders are to be put elsewhere at once, because the clock went back.
    loose: Vec<Page>,
    reviewed: Reviewed,
}

/// The pages of one level. Page `n` from 1970 on lies at `n` modulo their number.
#[derive(Debug)]
struct Ring([Page; RING_LEN]);

/// Reminders of one stretch of time, in no order.
#[derive(Debug, Default)]
struct Page {
    sheets: Vec<Vec<u64>>,
    /// The sheet that is being filled.
    open: Vec<u64>,
}

/// How far a review has come.
#[derive(Clone, Copy, Debug, Default)]
struct Reviewed {
    level: usize,
    /// Place in the ring.
    at: usize,
    sheet: usize,
}

impl Page {
    fn push(&mut self, reminder: u64) {
        if self.open.len() == self.open.capacity() {
            self.make_room();
        }
        self.open.push(reminder);
    }

    #[cold]
    fn make_room(&mut self) {
        if self.open.len() >= SHEET_LEN {
            self.sheets.push(std::mem::take(&mut self.open));
        }
        let len = (self.open.len() * 2).clamp(SHEET_LEN_FIRST, SHEET_LEN);
        self.open.reserve_exact(len - self.open.len());
    }

    /// Takes out up to `count` reminders.
    fn take(&mut self, count: usize) -> Batch {
        if self.open.is_empty() {
            self.open = self.sheets.pop().unwrap_or_default();
        }
        let rest = self.open.len().saturating_sub(count);
        let batch = self.open.drain(rest..).collect();
        if self.open.is_empty() {
            self.open = Vec::new();
        }
        batch
    }

    fn is_empty(&self) -> bool {
        self.open.is_empty() && self.sheets.is_empty()
    }
}

/// The page of a time at a level.
#[inline]
fn page_of(time: u64, level: usize) -> u64 {
    time >> shift(level)
}

/// A page of this level has 2 to this power milliseconds.
#[inline]
#[expect(clippy::cast_possible_truncation, reason = "there are few levels")]
fn shift(level: usize) -> u32 {
    PAGE_BITS + LEVEL_BITS * level as u32
}

/// The time at which a page has come.
fn come_at(page: u64, level: usize) -> u64 {
    match level {
        0 => (page + 1) << PAGE_BITS,
        _ => (page << shift(level)).saturating_sub(1 << shift(level - 1)),
    }
}

/// A time as the calendar counts it.
#[inline]
fn time_of(at: UnixMs) -> u64 {
    u64::try_from(at.0).unwrap_or(0)
}

impl Calendar {
    /// Number of reminders.
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// Notes a reminder of a time, which has [`TIME_BITS`]. One of the past comes as soon as it can.
    #[inline]
    pub(crate) fn note(&mut self, at: UnixMs, reminder: u64) {
        let time = time_of(at);
        debug_assert!(time >> TIME_BITS == 0);
        let mut level = 0;
        while page_of(time, level).saturating_sub(self.bases[level]) >= RING_PAGES {
            level += 1;
        }
        let page = page_of(time, level).max(self.bases[level]);
        self.occupied[level] |= 1 << (page % RING_PAGES);
        self.len += 1;
        let ring = self.rings[level].get_or_insert_with(Ring::empty);
        ring.0[place_of(page)].push(reminder);
    }

    /// Tells the time. The clock may go back.
    pub(crate) fn tell(&mut self, now: UnixMs) {
        let now = time_of(now);
        if now + CLOCK_STEP_MS < self.now {
            self.loosen();
        } else if now < self.now {
            return;
        }
        self.now = now;
        for level in 0..LEVELS {
            let first = self.first_page(level).unwrap_or(u64::MAX);
            self.bases[level] = page_of(now, level).min(first);
        }
    }

    /// When the next reminders come, which may be in the past; `None` if there are none.
    pub(crate) fn next(&self) -> Option<UnixMs> {
        if !self.loose.is_empty() {
            return Some(UnixMs(0));
        }
        let pages = (0..LEVELS).filter_map(|level| Some(come_at(self.first_page(level)?, level)));
        pages.min().map(|time| UnixMs(time.cast_signed()))
    }

    /// Takes some reminders, at most [`BATCH_LEN`] and `count`, that have come at the time it was told last. Their time may
    /// not have come yet, and may have changed. Complexity: O(`count`).
    pub(crate) fn take(&mut self, count: usize) -> Batch {
        let count = count.min(BATCH_LEN);
        let batch = self.take_loose(count);
        if !batch.is_empty() {
            return batch;
        }
        for level in 0..LEVELS {
            let Some(page) = self.first_page(level).filter(|&page| come_at(page, level) <= self.now) else {
                continue;
            };
            let Some(ring) = &mut self.rings[level] else { continue };
            let batch = ring.0[place_of(page)].take(count);
            self.len -= batch.len();
            if ring.0[place_of(page)].is_empty() {
                self.occupied[level] &= !(1 << (page % RING_PAGES));
                self.bases[level] = page_of(self.now, level).min(self.first_page(level).unwrap_or(u64::MAX));
            }
            return batch;
        }
        Batch::new()
    }

    fn take_loose(&mut self, count: usize) -> Batch {
        let Some(page) = self.loose.last_mut() else { return Batch::new() };
        let batch = page.take(count);
        if page.is_empty() {
            self.loose.pop();
        }
        self.len -= batch.len();
        batch
    }

    /// About how many reminders are about something that is due.
    pub(crate) fn overdue(&self) -> usize {
        let Some(ring) = &self.rings[0] else { return 0 };
        let end = page_of(self.now, 0);
        let pages = self.bases[0]..end.min(self.bases[0] + RING_PAGES);
        pages
            .map(|page| &ring.0[place_of(page)])
            .map(|page| page.sheets.len() * SHEET_LEN + page.open.len())
            .sum()
    }

    /// The first page of a level that has reminders.
    #[inline]
    fn first_page(&self, level: usize) -> Option<u64> {
        let base = self.bases[level];
        let from_base = self.occupied[level].rotate_right((base % RING_PAGES) as u32);
        (from_base != 0).then(|| base + u64::from(from_base.trailing_zeros()))
    }

    /// Takes all pages out of their rings, because they may not fit in any longer.
    #[cold]
    fn loosen(&mut self) {
        let rings = self.rings.iter_mut().filter_map(Option::take);
        self.loose.extend(rings.flat_map(|ring| ring.0).filter(|page| !page.is_empty()));
        self.occupied = [0; LEVELS];
    }

    /// Goes on with a review of all reminders: takes some out that are not needed any more. `keep` gets a few hundred at
    /// most and removes those that are void. Returns how many were looked at.
    pub(crate) fn review(&mut self, keep: impl FnOnce(&mut Vec<u64>)) -> usize {
        for _ in 0..=LEVELS {
            let Reviewed { level, at, .. } = self.reviewed;
            let ahead = self.occupied[level] >> at;
            if ahead != 0 {
                let skipped = ahead.trailing_zeros() as usize;
                if skipped > 0 {
                    self.reviewed = Reviewed { level, at: at + skipped, sheet: 0 };
                }
                return self.review_sheet(keep);
            }
            self.reviewed = Reviewed { level: (level + 1) % LEVELS, at: 0, sheet: 0 };
        }
        0
    }

    fn review_sheet(&mut self, keep: impl FnOnce(&mut Vec<u64>)) -> usize {
        let Reviewed { level, at, sheet: index } = self.reviewed;
        let Some(ring) = &mut self.rings[level] else { return 0 };
        let page = &mut ring.0[at];
        let sheet = page.sheets.get_mut(index);
        let is_last = sheet.is_none();
        let sheet = sheet.unwrap_or(&mut page.open);
        let before = sheet.len();
        keep(sheet);
        self.len -= before - sheet.len();
        if is_last {
            page.open.shrink_to(page.open.len() * 2);
            if page.is_empty() {
                self.occupied[level] &= !(1 << at);
            }
            self.reviewed = if at + 1 < RING_LEN {
                Reviewed { level, at: at + 1, sheet: 0 }
            } else {
                Reviewed { level: (level + 1) % LEVELS, at: 0, sheet: 0 }
            };
        } else if sheet.len() < SHEET_LEN_MIN {
            let left = page.sheets.swap_remove(index);
            left.into_iter().for_each(|reminder| page.push(reminder));
        } else {
            self.reviewed.sheet += 1;
        }
        before
    }

    /// About how many allocations it consists of.
    pub(crate) fn allocations(&self) -> usize {
        self.len / SHEET_LEN + self.rings.iter().flatten().count() * RING_LEN
    }

    /// Bytes allocated, about.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.len * size_of::<u64>() + self.rings.iter().flatten().count() * size_of::<Ring>()
    }

    /// Frees up to about `budget` allocations of one that is no longer in use, and says how many: fewer than `budget` if
    /// little is left.
    pub(crate) fn free_some(&mut self, budget: usize) -> usize {
        if self.rings.iter().any(Option::is_some) {
            self.loosen();
        }
        let mut freed = 0;
        while freed < budget
            && let Some(page) = self.loose.last_mut()
        {
            if page.sheets.pop().is_none() {
                self.loose.pop();
            }
            freed += 1;
        }
        freed
    }
}

impl Ring {
    fn empty() -> Box<Self> {
        Box::new(Self(std::array::from_fn(|_| Page::default())))
    }
}

/// Where a page lies in its ring.
#[inline]
fn place_of(page: u64) -> usize {
    (page % RING_PAGES) as usize
}
