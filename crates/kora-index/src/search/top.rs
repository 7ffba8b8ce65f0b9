//! The best of many matches, kept in bounded memory: so many of the greatest scores, or of the first sort keys.
//!
//! Each part of an index keeps its own; the caller merges them by the same order, which is one over all parts: equal scores and keys are in the
//! order of [`Hit::order`].

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use super::{Flow, Match};
use crate::document::SortKey;
use crate::table::rank;

/// A document among the best.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hit {
    /// Its number in its part of the index.
    pub document: u32,
    /// Its score.
    pub score: f64,
    /// Its place among equals.
    pub order: u64,
}

impl Hit {
    /// Which of two comes first: the greater score, then the lesser order. What is not a number counts as 0.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let scores = other.score.partial_cmp(&self.score);
        scores
            .unwrap_or_else(|| number(other.score).total_cmp(&number(self.score)))
            .then_with(|| (self.order, self.document).cmp(&(other.order, other.document)))
    }
}

/// A score that is not a number counts as 0.
fn number(score: f64) -> f64 {
    if score.is_nan() { 0.0 } else { score + 0.0 }
}

impl Eq for Hit {}

impl PartialOrd for Hit {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Hit {
    fn cmp(&self, other: &Self) -> Ordering {
        self.compare(other)
    }
}

/// The matches with the greatest scores.
#[derive(Clone, Debug)]
pub struct TopScores {
    limit: usize,
    /// In their order, if few are kept.
    few: Vec<Hit>,
    /// If many are. The last of them is on top.
    heap: BinaryHeap<Hit>,
}

/// So few are kept in their order: most come behind the others, or at a place that is found at once.
const FEW: usize = 32;

impl TopScores {
    /// Keeps so many.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        let few = if limit <= FEW { Vec::with_capacity(limit) } else { Vec::new() };
        Self { limit, few, heap: BinaryHeap::new() }
    }

    /// Considers a match of one part of an index, whose matches are all considered in the order of their numbers, and says which ones are of interest
    /// from now on. Complexity: that of its score, and as for [`TopScores::offer`].
    pub fn consider(&mut self, found: &Match<'_>) -> Flow {
        let score = found.score();
        let ties_lose = found.index().orders_ascend();
        let floor = self.floor();
        if !ties_lose || number(score) > floor {
            self.offer(Hit { document: found.document, score, order: found.order() });
        }
        if ties_lose && self.is_full() { Flow::Above(self.floor()) } else { Flow::Continue }
    }

    fn is_full(&self) -> bool {
        self.few.len().max(self.heap.len()) >= self.limit
    }

    /// The least score that is kept, if no more are kept without dropping one.
    fn floor(&self) -> f64 {
        match self.few.last().or_else(|| self.heap.peek()) {
            _ if !self.is_full() => f64::NEG_INFINITY,
            Some(last) => number(last.score),
            None => f64::INFINITY,
        }
    }

    /// Offers a match. Complexity: O(log limit) if it is kept, else O(1).
    pub fn offer(&mut self, hit: Hit) {
        if self.limit <= FEW {
            let is_behind = self.few.last().is_none_or(|last| *last <= hit);
            if self.few.len() == self.limit {
                if is_behind {
                    return;
                }
                self.few.pop();
            }
            let place =
                if is_behind { self.few.len() } else { self.few.partition_point(|other| *other < hit) };
            self.few.insert(place, hit);
        } else if self.heap.len() < self.limit {
            self.heap.push(hit);
        } else if let Some(mut last) = self.heap.peek_mut()
            && hit < *last
        {
            *last = hit;
        }
    }

    /// The best, in their order.
    #[must_use]
    pub fn finish(self) -> Vec<Hit> {
        if self.limit <= FEW {
            return self.few;
        }
        let mut hits = self.heap.into_vec();
        hits.sort_unstable();
        hits
    }
}

/// A sort key, owned.
#[derive(Clone, Debug, PartialEq)]
pub enum KeptKey {
    /// A number.
    Number(f64),
    /// Text.
    Text(Box<[u8]>),
    /// Null.
    Null,
    /// None.
    Missing,
}

impl KeptKey {
    /// Keeps a key.
    #[must_use]
    pub fn new(key: SortKey<'_>) -> Self {
        match key {
            SortKey::Number(number) => Self::Number(number),
            SortKey::Text(text) => Self::Text(text.into()),
            SortKey::Null => Self::Null,
            SortKey::Missing => Self::Missing,
        }
    }

    /// It, borrowed.
    #[must_use]
    pub fn borrow(&self) -> SortKey<'_> {
        match self {
            Self::Number(number) => SortKey::Number(*number),
            Self::Text(text) => SortKey::Text(text),
            Self::Null => SortKey::Null,
            Self::Missing => SortKey::Missing,
        }
    }
}

/// Which keys come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Direction {
    /// The least.
    #[default]
    Ascending,
    /// The greatest.
    Descending,
}

impl Direction {
    /// Which of two comes first, by their keys and then by their orders. Descending reverses both; null is less than all others, a missing key last
    /// either way.
    #[must_use]
    pub fn compare(self, one: (SortKey<'_>, u64), other: (SortKey<'_>, u64)) -> Ordering {
        let keys = match (one.0, other.0) {
            (SortKey::Missing, SortKey::Missing) => Ordering::Equal,
            (SortKey::Missing, _) => return Ordering::Greater,
            (_, SortKey::Missing) => return Ordering::Less,
            (SortKey::Null, SortKey::Null) => Ordering::Equal,
            (SortKey::Null, _) => Ordering::Less,
            (_, SortKey::Null) => Ordering::Greater,
            (SortKey::Number(one), SortKey::Number(other)) => one.total_cmp(&other),
            (SortKey::Text(one), SortKey::Text(other)) => one.cmp(other),
            (SortKey::Number(_), SortKey::Text(_)) => Ordering::Less,
            (SortKey::Text(_), SortKey::Number(_)) => Ordering::Greater,
        };
        let ascending = keys.then(one.1.cmp(&other.1));
        if self == Self::Ascending { ascending } else { ascending.reverse() }
    }
}

/// The matches with the first sort keys. The last of them is on top of the heap.
#[derive(Clone, Debug)]
pub struct TopKeys {
    limit: usize,
    direction: Direction,
    heap: BinaryHeap<Keyed>,
}

#[derive(Clone, Debug)]
struct Keyed {
    key: KeptKey,
    hit: Hit,
    direction: Direction,
}

impl PartialEq for Keyed {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Keyed {}

impl PartialOrd for Keyed {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Keyed {
    fn cmp(&self, other: &Self) -> Ordering {
        let keys = self
            .direction
            .compare((self.key.borrow(), self.hit.order), (other.key.borrow(), other.hit.order));
        keys.then(self.hit.document.cmp(&other.hit.document))
    }
}

impl TopKeys {
    /// Keeps so many.
    #[must_use]
    pub fn new(limit: usize, direction: Direction) -> Self {
        Self { limit, direction, heap: BinaryHeap::new() }
    }

    /// Considers a match of one part of an index, whose matches are all considered in the order of their numbers. `is_scored`: its score is to be kept.
    /// Complexity: as for [`TopKeys::offer`]; of a match that is not kept mostly nothing is looked up.
    #[inline]
    pub fn consider(&mut self, key: SortKey<'_>, found: &Match<'_>, is_scored: bool) {
        if self.heap.len() >= self.limit
            && let Some(last) = self.heap.peek()
        {
            let ties_lose = self.direction == Direction::Ascending && found.index().orders_ascend();
            match self.direction.compare((key, 0), (last.key.borrow(), 0)) {
                Ordering::Greater => return,
                Ordering::Equal if ties_lose => return,
                _ => {}
            }
        }
        let score = if is_scored { found.score() } else { 0.0 };
        self.offer(key, Hit { document: found.document, score, order: found.order() });
    }

    /// Which ones come first.
    pub(super) fn direction(&self) -> Direction {
        self.direction
    }

    /// The rank of the last number that is kept, if no more are kept without dropping one: the less the earlier it comes.
    pub(super) fn last_rank(&self) -> Option<i64> {
        match self.heap.peek().filter(|_| self.heap.len() >= self.limit)?.key {
            KeptKey::Number(number) => Some(self.direction.turn(rank(number))),
            KeptKey::Text(_) | KeptKey::Null | KeptKey::Missing => None,
        }
    }

    /// Whether a match with this number for a key would be kept, whatever its order. Complexity: O(1).
    pub(crate) fn may_keep(&self, number: f64) -> bool {
        self.heap.len() < self.limit
            || self.heap.peek().is_some_and(|last| {
                let order = self.direction.compare((SortKey::Number(number), 0), (last.key.borrow(), 0));
                order != Ordering::Greater
            })
    }

    /// Offers a match. Complexity: O(log limit + length of the key) if it is kept, else O(1).
    pub fn offer(&mut self, key: SortKey<'_>, hit: Hit) {
        if self.heap.len() < self.limit {
            self.heap.push(Keyed { key: KeptKey::new(key), hit, direction: self.direction });
        } else if let Some(mut last) = self.heap.peek_mut() {
            let order = self.direction.compare((key, hit.order), (last.key.borrow(), last.hit.order));
            if order.then(hit.document.cmp(&last.hit.document)) == Ordering::Less {
                *last = Keyed { key: KeptKey::new(key), hit, direction: self.direction };
            }
        }
    }

    /// The first ones, in their order, with their keys.
    #[must_use]
    pub fn finish(self) -> Vec<(KeptKey, Hit)> {
        let mut kept = self.heap.into_vec();
        kept.sort_unstable();
        kept.into_iter().map(|keyed| (keyed.key, keyed.hit)).collect()
    }
}
