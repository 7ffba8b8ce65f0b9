//! Bounds of a search that keeps the first by a number: what comes behind all that is kept needs no more than to be counted.
//!
//! The number is one that the index keeps of each document in a column, so a search that knows a bound looks at the columns of what it matches, and at
//! nothing else of most documents.

use std::sync::atomic::{AtomicI64, Ordering};

use super::{Direction, Flow, TopKeys};
use crate::index::Index;
use crate::table::SortBits;

/// A bound of one search.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Before {
    /// The place of its field in the schema.
    pub(crate) field: usize,
    direction: Direction,
    /// The last rank that is of interest.
    last: i64,
}

impl Before {
    /// Whether a sort value comes no later. A missing one comes last.
    #[inline]
    pub(crate) fn admits(&self, sort: SortBits) -> bool {
        sort.rank().is_some_and(|rank| self.direction.turn(rank) <= self.last)
    }
}

impl Direction {
    /// A rank that is less the earlier it comes.
    pub(super) fn turn(self, rank: i64) -> i64 {
        if self == Self::Ascending { rank } else { !rank }
    }
}

/// The bound that the parts of an index find together: what one of them has kept enough of, none of the others has to keep what comes behind.
#[derive(Debug)]
pub struct SharedBound(AtomicI64);

impl Default for SharedBound {
    fn default() -> Self {
        Self(AtomicI64::new(i64::MAX))
    }
}

impl SharedBound {
    /// What is of interest to a search of one part from now on, which keeps these, by the number that its index keeps of the field at this place of the
    /// schema. Complexity: O(1).
    #[inline]
    pub fn narrow(&self, kept: &TopKeys, field: usize, index: &Index) -> Flow {
        let mut last = self.0.load(Ordering::Relaxed);
        if let Some(rank) = kept.last_rank() {
            if rank < last {
                self.0.fetch_min(rank, Ordering::Relaxed);
            }
            // In other parts an equal one may come before it, in its own part none does.
            let ties_lose = kept.direction() == Direction::Ascending && index.orders_ascend();
            last = last.min(if ties_lose { rank.saturating_sub(1) } else { rank });
        }
        if last == i64::MAX {
            Flow::Continue
        } else {
            Flow::Before(Before { field, direction: kept.direction(), last })
        }
    }
}
