//! Walks through the documents that a plan matches, in the order of their numbers.
//!
//! A [`Matcher`] stands at a document, or at [`END`]; `advance` takes it to the first one from a number on. It borrows the index, so it lives for one
//! slice of a search; the next slice builds another and takes it to where the last one stood. What it stands at may be dead or unseen: the search
//! looks that up once per match.
//!
//! `advance` is given a limit as well, so that it never looks for long: what it returns below the limit is a match; from the limit on it may not be,
//! but no match lies before it.

mod build;
mod counted;
mod places;
mod sweep;

use smallvec::{SmallVec, smallvec};

use crate::plan::NearTo;
use crate::postings::{Cursor, END};
use crate::sets::{DocumentSet, SetCursor};
use crate::table::{Snapshot, Table};
use crate::vectors::Vectors;

pub(crate) use build::{Builder, build};
pub(crate) use counted::{Counted, Counting};
pub(crate) use places::distance;
pub(crate) use sweep::Sweep;

/// What a plan's part matches.
pub(crate) enum Matcher<'a> {
    /// Nothing.
    Nothing,
    /// All documents that the snapshot sees.
    All {
        table: &'a Table,
        snapshot: &'a Snapshot,
        at: u32,
    },
    /// A word or value.
    Term {
        cursor: Cursor<'a>,
        text: &'a str,
        fields: u128,
        weight: f64,
        /// Its inverse document frequencies, of TFIDF and of BM25STD.
        idf: (f64, f64),
        /// In how many documents of this part of the index it is, whichever fields it is in there, if that is known.
        here: Option<u64>,
        at: u32,
    },
    /// A collected set, of numbers or of points.
    Set {
        cursor: SetCursor<'a>,
        /// Whether it counts where positions do, though it has none.
        is_group: bool,
        at: u32,
    },
    /// Documents with vectors around another one. Each look at one costs as much as its vectors have elements.
    Near {
        near: &'a NearTo,
        vectors: &'a Vectors,
        /// Those that are near, if they were found beforehand.
        found: Option<SetCursor<'a>>,
        table: &'a Table,
        snapshot: &'a Snapshot,
        at: u32,
        is_sure: bool,
    },
    /// Documents that lack a field.
    Missing {
        cursor: Cursor<'a>,
        weight: f64,
        at: u32,
    },
    And(And<'a>),
    Or(Or<'a>),
    Not {
        inner: Box<Matcher<'a>>,
        table: &'a Table,
        snapshot: &'a Snapshot,
        at: u32,
        is_sure: bool,
    },
    /// All documents; those that the inner part does not match have the weight `missed`.
    Optional {
        inner: Box<Matcher<'a>>,
        missed: f64,
        table: &'a Table,
        snapshot: &'a Snapshot,
        at: u32,
        is_sure: bool,
    },
    /// Any of the others, whose steps are counted.
    Counted(Counted<'a>),
}

/// All of several.
pub(crate) struct And<'a> {
    pub(crate) parts: Vec<Matcher<'a>>,
    pub(crate) weight: f64,
    slop: Option<u64>,
    in_order: bool,
    at: u32,
    is_sure: bool,
}

/// Any of several.
pub(crate) struct Or<'a> {
    pub(crate) parts: Vec<Matcher<'a>>,
    pub(crate) weight: f64,
    /// Only the first that matches counts: the words of a pattern.
    pub(crate) first_only: bool,
    /// Where each part stands and its place, the least first, if there are many and all are of terms.
    heap: Vec<(u32, u32)>,
    at: u32,
    is_sure: bool,
}

/// From this many terms on a union keeps them in a heap.
const HEAP_PARTS_MIN: usize = 9;

impl Matcher<'_> {
    /// The document it stands at.
    #[inline]
    pub(crate) fn at(&self) -> u32 {
        match self {
            Self::Nothing => END,
            Self::All { at, .. }
            | Self::Term { at, .. }
            | Self::Set { at, .. }
            | Self::Near { at, .. }
            | Self::Missing { at, .. }
            | Self::Not { at, .. }
            | Self::Optional { at, .. } => *at,
            Self::And(and) => and.at,
            Self::Or(or) => or.at,
            Self::Counted(counted) => counted.inner.at(),
        }
    }

    /// Goes to the first document from `target` on, which must not be before where it stands, and returns it or [`END`]. Of what it returns from
    /// `limit` on, only that no match lies before it is sure.
    pub(crate) fn advance(&mut self, target: u32, limit: u32) -> u32 {
        match self {
            Self::Nothing => END,
            Self::All { table, snapshot, at } => {
                *at = table.next_seen(snapshot, target);
                *at
            }
            Self::Term { cursor, fields, at, .. } => {
                *at = cursor.advance(target, *fields);
                *at
            }
            Self::Missing { cursor, at, .. } => {
                *at = cursor.advance(target, u128::MAX);
                *at
            }
            Self::Set { cursor, at, .. } => {
                *at = cursor.advance(target);
                *at
            }
            Self::Near { found: Some(cursor), at, is_sure, .. } => {
                (*at, *is_sure) = (cursor.advance(target), true);
                *at
            }
            Self::Near { near, vectors, table, snapshot, at, is_sure, .. } => {
                *at = table.next_seen(snapshot, target);
                while *at < limit && near.distance_of(vectors, *at).is_none() {
                    *at = table.next_seen(snapshot, *at + 1);
                }
                *is_sure = *at < limit;
                *at
            }
            Self::And(and) => and.advance(target, limit),
            Self::Or(or) => or.advance(target, limit),
            Self::Not { inner, table, snapshot, at, is_sure } => {
                *at = table.next_seen(snapshot, target);
                while *at < limit && inner.go(*at, limit) == *at {
                    *at = table.next_seen(snapshot, *at + 1);
                }
                *is_sure = *at < limit;
                *at
            }
            Self::Optional { inner, table, snapshot, at, is_sure, .. } => {
                *at = table.next_seen(snapshot, target);
                if *at < limit {
                    inner.go(*at, limit);
                }
                *is_sure = *at < limit;
                *at
            }
            Self::Counted(counted) => counted.advance(target, limit),
        }
    }

    /// Goes to the first document from `target` on, unless it stands at it already and is sure that it matches.
    #[inline]
    pub(crate) fn go(&mut self, target: u32, limit: u32) -> u32 {
        if let Self::Term { cursor, fields, at, .. } = self {
            if *at < target {
                *at = cursor.advance(target, *fields);
            }
            return *at;
        }
        let at = self.at();
        if at >= target && (at >= limit || self.is_sure()) { at } else { self.advance(target.max(at), limit) }
    }

    /// Reads frequencies of all that matches where it stands, and positions if they are asked for; before that nobody may ask for them.
    pub(crate) fn read(&mut self, with_positions: bool) {
        match self {
            Self::Term { cursor, .. } => cursor.read(with_positions),
            Self::And(and) => and.parts.iter_mut().for_each(|part| part.read(with_positions)),
            Self::Or(or) => {
                let at = or.at;
                if or.heap.is_empty() {
                    let matching = or.parts.iter_mut().filter(|part| part.at() == at);
                    matching.for_each(|part| part.read(with_positions));
                } else {
                    or.places().into_iter().for_each(|place| or.parts[place as usize].read(with_positions));
                }
            }
            Self::Optional { inner, at, .. } if inner.at() == *at => inner.read(with_positions),
            Self::Counted(counted) => counted.inner.read(with_positions),
            _ => {}
        }
    }

    /// What is counted, if it is.
    pub(crate) fn bare(&mut self) -> &mut Self {
        match self {
            Self::Counted(counted) => &mut counted.inner,
            _ => self,
        }
    }

    /// Whether it looks at candidates of others only, if there are others.
    fn looks_once(&self) -> bool {
        match self {
            Self::Near { found, .. } => found.is_none(),
            Self::Counted(counted) => counted.inner.looks_once(),
            _ => false,
        }
    }

    /// Whether it is a term or any of some, so that no limit stops it: it stands where it says.
    fn is_of_terms(&self) -> bool {
        match self {
            Self::Term { .. } => true,
            Self::Or(or) => {
                !or.heap.is_empty() || or.parts.iter().all(|part| matches!(part, Self::Term { .. }))
            }
            _ => false,
        }
    }

    /// Whether it is known to match where it stands: it was not stopped by its limit.
    fn is_sure(&self) -> bool {
        match self {
            Self::And(and) => and.is_sure,
            Self::Or(or) => or.is_sure,
            Self::Near { is_sure, .. } | Self::Not { is_sure, .. } | Self::Optional { is_sure, .. } => {
                *is_sure
            }
            Self::Counted(counted) => counted.inner.is_sure(),
            _ => true,
        }
    }
}

impl<'a> And<'a> {
    fn new(parts: Vec<Matcher<'a>>, weight: f64, slop: Option<u64>, in_order: bool) -> Self {
        Self { parts, weight, slop, in_order, at: 0, is_sure: false }
    }

    fn advance(&mut self, target: u32, limit: u32) -> u32 {
        let mut target = target;
        'candidates: loop {
            if target >= limit {
                (self.at, self.is_sure) = (target, false);
                return target;
            }
            for (place, part) in self.parts.iter_mut().enumerate() {
                // What is behind a part that selects looks at its candidates only.
                let looks_once = place > 0 && part.looks_once();
                let found = part.go(target, if looks_once { target + 1 } else { limit });
                if found > target {
                    target = found;
                    continue 'candidates;
                }
            }
            if self.is_close() {
                (self.at, self.is_sure) = (target, true);
                return target;
            }
            target += 1;
        }
    }

    /// Whether the words stand as close and in the order that is asked for.
    fn is_close(&mut self) -> bool {
        if self.slop.is_none() && !self.in_order {
            return true;
        }
        self.parts.iter_mut().for_each(|part| part.read(true));
        places::is_within(&self.parts, self.slop.unwrap_or(u64::MAX), self.in_order)
    }
}

impl<'a> Or<'a> {
    fn new(parts: Vec<Matcher<'a>>, weight: f64, first_only: bool) -> Self {
        let is_large = parts.len() >= HEAP_PARTS_MIN && parts.iter().all(Matcher::is_of_terms);
        let heap = (0..u32::try_from(parts.len()).unwrap_or(u32::MAX)).map(|place| (0, place));
        let heap = if is_large { heap.collect() } else { Vec::new() };
        Self { parts, weight, first_only, heap, at: 0, is_sure: false }
    }

    fn advance(&mut self, target: u32, limit: u32) -> u32 {
        if !self.heap.is_empty() {
            return self.advance_in_heap(target, limit);
        }
        let mut least = END;
        for part in &mut self.parts {
            least = least.min(part.go(target, limit));
        }
        (self.at, self.is_sure) = (least, least < limit);
        least
    }

    fn advance_in_heap(&mut self, target: u32, limit: u32) -> u32 {
        while let Some(&(at, place)) = self.heap.first()
            && at < target
        {
            self.heap[0].0 = self.parts[place as usize].go(target, limit);
            self.sift_down();
        }
        self.at = self.heap.first().map_or(END, |(at, _)| *at);
        self.is_sure = self.at < limit;
        self.at
    }

    fn sift_down(&mut self) {
        let mut at = 0;
        loop {
            let (left, right) = (2 * at + 1, 2 * at + 2);
            let Some(left_entry) = self.heap.get(left) else { return };
            let least =
                if self.heap.get(right).is_some_and(|entry| entry < left_entry) { right } else { left };
            if self.heap[at] <= self.heap[least] {
                return;
            }
            self.heap.swap(at, least);
            at = least;
        }
    }

    /// The parts that match the document, in their order. Complexity: O(parts), but O(those that match, and their order) in a heap.
    pub(crate) fn matching(&self) -> impl Iterator<Item = &Matcher<'a>> {
        let limit = if self.first_only { 1 } else { usize::MAX };
        let (scanned, places) =
            if self.heap.is_empty() { (&*self.parts, SmallVec::new()) } else { (&[][..], self.places()) };
        let scanned = scanned.iter().filter(|part| part.at() == self.at);
        scanned.chain(places.into_iter().map(|place| &self.parts[place as usize])).take(limit)
    }

    /// Places of the parts that match the document, in their order, if there is a heap: below one that stands further on, no other one matches.
    fn places(&self) -> SmallVec<[u32; 8]> {
        let mut places = SmallVec::new();
        let mut open: SmallVec<[usize; 8]> = smallvec![0];
        while let Some(entry) = open.pop() {
            if let Some(&(at, place)) = self.heap.get(entry)
                && at == self.at
            {
                places.push(place);
                open.extend([2 * entry + 1, 2 * entry + 2]);
            }
        }
        places.sort_unstable();
        places
    }
}

/// Documents collected beforehand.
pub(crate) fn of_set(set: &DocumentSet, is_group: bool) -> Matcher<'_> {
    Matcher::Set { cursor: set.cursor(), is_group, at: 0 }
}
