//! Walks through what words, values and sets match, a window of numbers at a time.

use super::{Flow, Match, Walk};
use crate::index::Index;
use crate::matcher::{Matcher, Sweep};
use crate::plan::{Distance, Plan};
use crate::postings::{Marks, Window};
use crate::score::{Ceiling, Scoring};
use crate::table::Snapshot;

/// Entries of which the reading counts a step.
const ENTRIES_PER_STEP: usize = 8;
/// What a window counts besides.
const STEPS_PER_WINDOW: usize = 8;

/// What a slice of a search goes by.
pub(super) struct Course<'c, 'a> {
    pub(super) index: &'c Index,
    pub(super) plan: &'c Plan,
    pub(super) snapshot: &'c Snapshot,
    pub(super) nearest: Option<&'c Distance>,
    pub(super) matcher: &'c mut Matcher<'a>,
    pub(super) scoring: &'c Scoring<'c>,
    pub(super) ceiling: &'c Ceiling<'c>,
    /// No score is greater.
    pub(super) highest: f64,
    /// Nobody asks for scores.
    pub(super) is_unasked: bool,
    /// Scores need positions.
    pub(super) with_positions: bool,
}

impl Course<'_, '_> {
    /// Has the document seen at which the matcher stands, unless it scores no more than `floor`.
    #[inline]
    pub(super) fn show(
        &mut self,
        document: u32,
        floor: f64,
        visit: &mut impl FnMut(&Match<'_>) -> Flow,
    ) -> Flow {
        if floor >= self.highest {
            return Flow::Continue;
        }
        if !self.is_unasked {
            if floor > f64::NEG_INFINITY {
                if self.ceiling.needs_frequencies() {
                    self.matcher.read(false);
                }
                if floor >= self.ceiling.of_this(self.matcher) {
                    return Flow::Continue;
                }
            }
            self.matcher.read(self.with_positions);
        }
        let Self { index, plan, nearest, scoring, .. } = *self;
        visit(&Match { document, index, plan, nearest, matcher: self.matcher, scoring })
    }
}

impl Walk {
    /// Goes on as [`super::Search::step`] does, from window to window.
    pub(super) fn sweep(
        &mut self,
        sweep: &mut Sweep<'_>,
        course: &mut Course<'_, '_>,
        mut steps: usize,
        visit: &mut impl FnMut(&Match<'_>) -> Flow,
    ) -> bool {
        let single = course.ceiling.of_singles(course.matcher);
        let mut window = sweep.blank();
        while steps > 0 {
            if self.floor >= course.highest && self.known.is_some() || self.aim(course).is_none() {
                return self.end();
            }
            let Some(read) = sweep.fill(&mut window, self.next, self.horizon) else { return self.end() };
            steps = steps.saturating_sub(read / ENTRIES_PER_STEP + STEPS_PER_WINDOW * self.document_steps);
            course.index.table().keep_seen(course.snapshot, &mut window);
            match self.show_window(&window, (sweep.is_exact, single), course, &mut steps, visit) {
                Flow::Stop => {
                    self.next = super::END;
                    return true;
                }
                Flow::Rest => break,
                Flow::Continue | Flow::Above(_) | Flow::Before(_) => self.next = window.end(),
            }
        }
        self.next >= self.horizon && self.end()
    }

    /// Has those of a window seen that may be of interest, and counts the others. If what is marked matches for sure, documents where all occurs once are of
    /// no interest once the floor is at `single`.
    fn show_window(
        &mut self,
        window: &Window,
        (is_exact, single): (bool, f64),
        course: &mut Course<'_, '_>,
        steps: &mut usize,
        visit: &mut impl FnMut(&Match<'_>) -> Flow,
    ) -> Flow {
        let mut next = 0;
        while let Some(at) = window.next_filled(next) {
            next = at + 1;
            let (matched, several, first) = (window.matched[at], window.several[at], window.first_of(at));
            if is_exact {
                self.matched += u64::from(matched.count_ones());
            }
            let mut left = matched;
            if let Some(bound) = self.before.filter(|_| is_exact) {
                left = course.index.keep_before(first, left, &bound);
                *steps = steps.saturating_sub(matched.count_ones() as usize / ENTRIES_PER_STEP);
            }
            loop {
                if is_exact && self.floor >= single {
                    left &= if self.floor >= course.highest { 0 } else { several };
                }
                if left == 0 {
                    break;
                }
                let bit = left.trailing_zeros();
                left &= left - 1;
                *steps = steps.saturating_sub(self.document_steps);
                let document = first + bit;
                let needs_place = !is_exact || !course.is_unasked;
                if needs_place && course.matcher.go(document, document + 1) != document {
                    continue;
                }
                if !is_exact {
                    self.matched += 1;
                    if !self.may_come(course.index, document) {
                        continue;
                    }
                }
                match course.show(document, self.floor, visit) {
                    Flow::Continue => {}
                    Flow::Above(score) => self.floor = score,
                    Flow::Before(bound) if self.before == Some(bound) => {}
                    Flow::Before(bound) => {
                        left = if is_exact { course.index.keep_before(first, left, &bound) } else { left };
                        self.before = Some(bound);
                    }
                    flow => {
                        self.next = document + 1;
                        if is_exact {
                            let behind = u64::MAX.checked_shl(bit + 1).unwrap_or(0);
                            self.matched -= u64::from((matched & behind).count_ones());
                        }
                        return flow;
                    }
                }
            }
        }
        Flow::Continue
    }
}
