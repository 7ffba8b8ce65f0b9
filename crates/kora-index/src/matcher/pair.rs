//! The documents that two words or values have in common, when they are in about as many.
//!
//! Their numbers lie like dice: asked for the next one from a number on, each cursor would guess wrong every other time. So the numbers of a block of each are
//! read at once, and the two lists are merged without a branch for either.

use super::Matcher;
use crate::postings::{BLOCK_NUMBERS, Cursor, END};

/// With fewer blocks there is little to gain.
const BLOCKS_MIN: usize = 2;
/// Where one has so many times the blocks of the other, most of its blocks are better passed over.
const TIMES_MAX: usize = 16;

/// See the module.
pub(super) struct Pair<'a> {
    one: Window<'a>,
    other: Window<'a>,
}

/// Numbers of a block.
struct Window<'a> {
    /// Reads nothing but numbers.
    cursor: Cursor<'a>,
    fields: u128,
    numbers: [u32; BLOCK_NUMBERS],
    at: usize,
    count: usize,
}

impl<'a> Pair<'a> {
    /// Of two parts, if they are such.
    pub(super) fn of(parts: &[Matcher<'a>]) -> Option<Box<Self>> {
        let [
            Matcher::Term { cursor: one, fields: of_one, .. },
            Matcher::Term { cursor: other, fields: of_other, .. },
        ] = parts
        else {
            return None;
        };
        let (least, most) =
            (one.block_count().min(other.block_count()), one.block_count().max(other.block_count()));
        let is_worth = least >= BLOCKS_MIN && most <= least * TIMES_MAX;
        is_worth.then(|| {
            Box::new(Self {
                one: Window::new(one.clone(), *of_one),
                other: Window::new(other.clone(), *of_other),
            })
        })
    }

    /// The first document from `target` on that both have. From `limit` on, only that there is none before what is returned is sure.
    ///
    /// Complexity: O(numbers of both between `target` and what is returned, and a block).
    pub(super) fn next(&mut self, mut target: u32, limit: u32) -> u32 {
        loop {
            if !self.one.reaches(target) || !self.other.reaches(target) {
                return END;
            }
            if let Some(found) = self.merge(target) {
                return found;
            }
            target = target.max(self.one.passed()).max(self.other.passed());
            if target >= limit {
                return target;
            }
        }
    }

    /// The first one from `target` on in both windows. Else one of them is at its end.
    fn merge(&mut self, target: u32) -> Option<u32> {
        let (ones, others) = (&self.one.numbers[..self.one.count], &self.other.numbers[..self.other.count]);
        let (mut at, mut other_at) = (self.one.at, self.other.at);
        let mut found = None;
        while at < ones.len() && other_at < others.len() {
            let (one, other) = (ones[at], others[other_at]);
            if one == other && one >= target {
                found = Some(one);
                break;
            }
            at += usize::from(one <= other);
            other_at += usize::from(other <= one);
        }
        (self.one.at, self.other.at) = (at, other_at);
        found
    }
}

impl<'a> Window<'a> {
    fn new(cursor: Cursor<'a>, fields: u128) -> Self {
        Self { cursor, fields, numbers: [0; BLOCK_NUMBERS], at: 0, count: 0 }
    }

    /// Reads on, if it has no number from `target` on; `false` if there is none at all.
    fn reaches(&mut self, target: u32) -> bool {
        let rest = &self.numbers[self.at..self.count];
        if rest.last().is_none_or(|last| *last < target) {
            (self.at, self.count) = (0, self.cursor.numbers(target, self.fields, &mut self.numbers));
        }
        self.count > 0
    }

    /// Below this number nothing is left, if the window is at its end.
    fn passed(&self) -> u32 {
        match self.numbers[..self.count].last() {
            Some(last) if self.at == self.count => last + 1,
            _ => 0,
        }
    }
}
