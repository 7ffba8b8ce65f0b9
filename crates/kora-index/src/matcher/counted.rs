//! A part of a plan whose steps are counted, for profiles.
//!
//! Parts are numbered in the order in which they are built. What is built depends on the plan and the statistics alone, so a part has the same number
//! in each part of an index, and in each slice.

use std::cell::Cell;

use super::Matcher;
use crate::plan::Part;
use crate::postings::END;
use crate::tally::{Clock, Tally};

/// See the module.
pub(crate) struct Counted<'a> {
    pub(crate) inner: Box<Matcher<'a>>,
    /// What it was built from; a word that a pattern stands for, from the pattern.
    pub(crate) part: &'a Part,
    pub(crate) number: usize,
    /// None: it only shows what would be counted.
    tally: Option<&'a Tally>,
    clock: Clock,
}

/// Numbers what is built, and has it counted.
pub(crate) struct Counting<'a> {
    tallies: &'a [Tally],
    clock: Clock,
    next: Cell<usize>,
}

impl<'a> Counting<'a> {
    pub(crate) fn new(tallies: &'a [Tally], clock: Clock) -> Self {
        Self { tallies, clock, next: Cell::new(0) }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.next.get()
    }

    /// Builds a part that is counted. What matches nothing is not, and what stands for its only part is counted as that.
    pub(crate) fn count(&self, part: &'a Part, build: impl FnOnce() -> Matcher<'a>) -> Matcher<'a> {
        let number = self.next.get();
        self.next.set(number + 1);
        match build() {
            Matcher::Nothing => {
                self.next.set(number);
                Matcher::Nothing
            }
            Matcher::Counted(counted) => Matcher::Counted(counted),
            inner => {
                let (inner, tally) = (Box::new(inner), self.tallies.get(number));
                Matcher::Counted(Counted { inner, part, number, tally, clock: self.clock })
            }
        }
    }
}

impl Counted<'_> {
    /// As [`Matcher::advance`].
    pub(super) fn advance(&mut self, target: u32, limit: u32) -> u32 {
        let Some(tally) = self.tally else { return self.inner.go(target, limit) };
        let before = self.inner.at();
        let inner = &mut self.inner;
        let at = tally.time(self.clock, || inner.go(target, limit));
        if at != before && at != END && self.inner.is_sure() {
            tally.note(1);
        }
        at
    }
}
