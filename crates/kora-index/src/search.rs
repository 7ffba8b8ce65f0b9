//! A search through one part of an index: it finds what a plan matches, in slices, and sees one moment however long it takes.
//!
//! A search owns what it needs between two slices: its snapshot, the sets that it collected, and the number that it goes on from. It borrows the
//! index for each slice only, so puts and removals go on in between. First it collects the documents of ranges and circles, then it walks through
//! the matches in the order of their numbers.

mod before;
mod nearest;
mod prepare;
mod sweep;
mod terms;
#[cfg(test)]
mod tests;
mod top;

use std::sync::Arc;

use crate::index::Index;
use crate::matcher::{Builder, Matcher, Sweep, build};
use crate::plan::{Distance, Plan};
use crate::postings::END;
use crate::profile::Profile;
use crate::score::{Ceiling, Explanation, Scorer, Scoring};
use crate::statistics::Statistics;
use crate::table::Snapshot;

pub use before::{Before, SharedBound};
pub use nearest::{Admits, NearestSearch};
use prepare::{Preparation, Seeing};
use sweep::Course;
pub use terms::FoundTerm;
pub use top::{Direction, Hit, KeptKey, TopKeys, TopScores};

/// Numbers that a search looks at between two looks at its budget.
const WINDOW: u32 = 1024;
/// Elements of vectors that are compared in a window at most, if a single vector has no more.
const WINDOW_ELEMENTS: usize = 1 << 16;
/// What such a window counts, in steps.
const WINDOW_STEPS: usize = 128;

/// What a word or value that a slice opens counts, in steps.
const STEPS_PER_OPENED: usize = 2;
/// Among so many words and values a document takes a step longer.
const OPENED_PER_STEP: usize = 512;
/// What a distance of short vectors counts, in steps.
const STEPS_PER_DISTANCE: usize = 1;

/// A search through one part of an index. Its clones go on each for itself.
#[derive(Clone)]
pub struct Search {
    plan: Arc<Plan>,
    statistics: Arc<Statistics>,
    snapshot: Snapshot,
    preparation: Preparation,
    walk: Walk,
    profile: Option<Arc<Profile>>,
    /// Words and values that each slice opens.
    opened: usize,
}

/// How far a search has come.
#[derive(Clone)]
struct Walk {
    /// All documents that it sees have lesser numbers.
    horizon: u32,
    /// Documents that it is about; none: all.
    keys: Option<Vec<u32>>,
    /// Numbers that are looked at between two looks at the budget.
    window: u32,
    /// What a document that is looked at counts, in steps: the more words there are, the longer it takes.
    document_steps: usize,
    next: u32,
    matched: u64,
    /// How many it matches, if that was known when it began to walk.
    known: Option<u64>,
    /// Matches that do not score more are counted only.
    floor: f64,
    /// Matches that come later are counted only.
    before: Option<Before>,
}

impl std::fmt::Debug for Search {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { snapshot, walk: Walk { next, matched, .. }, .. } = self;
        let mut shown = f.debug_struct("Search");
        shown
            .field("snapshot", snapshot)
            .field("next", next)
            .field("matched", matched)
            .finish_non_exhaustive()
    }
}

/// A document that a query matches. What depends on where its words are may be asked for if [`SearchScoring::is_unasked`] does not say otherwise.
pub struct Match<'m> {
    /// Its number in this part of the index.
    pub document: u32,
    index: &'m Index,
    plan: &'m Plan,
    nearest: Option<&'m Distance>,
    matcher: &'m Matcher<'m>,
    scoring: &'m Scoring<'m>,
}

impl Match<'_> {
    /// Its score. Complexity: O(parts of the query), and O(positions) for scorers that count distances.
    #[must_use]
    pub fn score(&self) -> f64 {
        let table = self.index.table();
        let Some(facts) = table.facts(self.document) else { return 0.0 };
        let payload =
            if self.scoring.scorer == Scorer::Hamming { self.index.payload(self.document) } else { None };
        self.scoring.score(self.matcher, &facts, payload)
    }

    /// How its score came about.
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let facts = self.index.table().facts(self.document).unwrap_or_default();
        self.scoring.explain(self.matcher, &facts, self.index.payload(self.document))
    }

    /// The distance of its vector from the one whose nearest are asked for, if it has one. Complexity: O(elements of its vectors).
    #[must_use]
    pub fn distance(&self) -> Option<f64> {
        let distance = self.nearest?;
        self.plan.distance(self.index, self.document, distance)
    }

    /// Its place among equals.
    #[must_use]
    pub fn order(&self) -> u64 {
        self.index.table().facts(self.document).map_or(0, |facts| facts.order)
    }

    /// The index that it is in.
    #[must_use]
    pub fn index(&self) -> &Index {
        self.index
    }
}

/// What is to be done with matches.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Flow {
    /// More of them.
    Continue,
    /// More of them, but those that do not score more than this need only be counted. A number that is never less than it was before.
    Above(f64),
    /// More of them, but those that come later than this need only be counted. A bound of the same field that is never later than it was before.
    Before(Before),
    /// No more: the search is over.
    Stop,
    /// No more for now, though steps may be left: the search goes on from here.
    Rest,
}

impl Search {
    /// Begins a search. The snapshot must be of the moment at which the statistics were gathered.
    ///
    /// Complexity: O(keys that the query names).
    #[must_use]
    pub fn new(index: &Index, plan: Arc<Plan>, statistics: Arc<Statistics>, snapshot: Snapshot) -> Self {
        let keys = plan.keys.as_ref().map(|keys| {
            let mut documents: Vec<u32> = keys.iter().filter_map(|key| index.document(key)).collect();
            documents.sort_unstable();
            documents
        });
        let opened = statistics.opened(&plan);
        let preparation = Preparation::new(&plan, index, &snapshot);
        let window = WINDOW_ELEMENTS / plan.elements_compared(index).max(1);
        let window = u32::try_from(window).unwrap_or(WINDOW).clamp(1, WINDOW);
        let walk = Walk {
            horizon: snapshot.horizon(),
            keys,
            window,
            document_steps: 1 + opened / OPENED_PER_STEP,
            next: 1,
            matched: 0,
            known: None,
            floor: f64::NEG_INFINITY,
            before: None,
        };
        Self { plan, statistics, snapshot, preparation, walk, profile: None, opened }
    }

    /// Looks at these documents only, whose numbers ascend, instead of those of the keys that the query names.
    #[must_use]
    pub fn among(mut self, documents: Vec<u32>) -> Self {
        self.walk.keys = Some(documents);
        self
    }

    /// Notes what it does.
    #[must_use]
    pub fn profiled(mut self, profile: Arc<Profile>) -> Self {
        self.profile = Some(profile);
        self
    }

    /// Looks at documents with this number or a greater one only: [`Index::first_behind`] gives such numbers.
    #[must_use]
    pub fn from(mut self, document: u32) -> Self {
        self.walk.next = self.walk.next.max(document);
        self
    }

    /// Goes on for about so many steps, a step being a document that is looked at, and calls with each match. Returns whether it is over.
    ///
    /// Complexity: O(steps), and O(parts of the plan) to begin.
    pub fn step(
        &mut self,
        index: &Index,
        steps: usize,
        scoring: &SearchScoring<'_>,
        mut visit: impl FnMut(&Match<'_>) -> Flow,
    ) -> bool {
        let mut steps = steps;
        let profile = self.profile.as_deref();
        if !self.preparation.step(&self.plan, index, profile, &mut steps) {
            return false;
        }
        let seeing = Seeing { index, snapshot: &self.snapshot };
        // Of a few documents each is measured.
        let is_of_all = self.walk.keys.is_none();
        let is_worth = |near| is_of_all && self.plan.asks_many(near, &self.statistics);
        if !self.preparation.step_nears(&self.plan, &seeing, is_worth, &mut steps) {
            return false;
        }
        let builder = Builder {
            index,
            plan: &self.plan,
            statistics: &self.statistics,
            snapshot: &self.snapshot,
            sets: self.preparation.sets(),
            nears: self.preparation.nears(),
            counting: profile.map(Profile::counting),
        };
        let mut matcher = build(&builder);
        let nearest = self.plan.nearest_distance();
        let is_unasked = scoring.is_unasked;
        let scoring = Scoring::new(scoring.scorer, &self.statistics, scoring.payload);
        let ceiling = Ceiling::new(&scoring, &matcher, index.table().bounds());
        let highest = ceiling.of_all(&matcher);
        let walk = &mut self.walk;
        if walk.next == 1 && walk.keys.is_none() {
            walk.known = known_count(index, &self.snapshot, &matcher);
        }
        let mut course = Course {
            index,
            plan: &self.plan,
            snapshot: &self.snapshot,
            nearest: nearest.as_ref(),
            with_positions: scoring.measures_distances(&matcher),
            matcher: &mut matcher,
            scoring: &scoring,
            ceiling: &ceiling,
            highest,
            is_unasked,
        };
        if walk.keys.is_none()
            && let Some(mut sweep) = Sweep::of(course.matcher, walk.horizon)
        {
            return walk.sweep(&mut sweep, &mut course, steps, &mut visit);
        }
        walk.go(&mut course, steps, profile, &mut visit)
    }

    /// About how many of so many documents of this part it matches at most, if they are like those of the whole index.
    fn expected(&self, count: usize) -> usize {
        let (count, documents) = (count as u128, u128::from(self.statistics.documents.max(1)));
        let expected = u128::from(self.plan.estimate(&self.statistics)) * count / documents;
        usize::try_from(expected).unwrap_or(usize::MAX)
    }

    /// What it costs to begin a slice, in steps: a slice that does less spends most of its time on that.
    #[must_use]
    pub fn slice_steps(&self) -> usize {
        self.opened * STEPS_PER_OPENED
    }

    /// Documents that it matched so far.
    #[must_use]
    pub fn matched(&self) -> u64 {
        self.walk.matched
    }

    /// What it sees.
    #[must_use]
    pub fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }
}

impl Walk {
    /// Goes on as [`Search::step`] does, from match to match.
    fn go(
        &mut self,
        course: &mut Course<'_, '_>,
        mut steps: usize,
        profile: Option<&Profile>,
        visit: &mut impl FnMut(&Match<'_>) -> Flow,
    ) -> bool {
        while steps > 0 {
            if self.floor >= course.highest && self.known.is_some() {
                return self.end();
            }
            let Some(limit) = self.aim(course) else { return self.end() };
            if let Some(profile) = profile.filter(|_| self.keys.is_some()) {
                profile.note_key();
            }
            let found = course.matcher.go(self.next, limit);
            if found >= limit {
                self.next = found;
                steps = steps.saturating_sub(if self.keys.is_some() { 1 } else { WINDOW_STEPS });
                if found == END {
                    return self.end();
                }
                continue;
            }
            self.next = found + 1;
            steps = steps.saturating_sub(self.document_steps);
            if !course.index.table().sees(course.snapshot, found) {
                continue;
            }
            self.matched += 1;
            if !self.may_come(course.index, found) {
                continue;
            }
            match course.show(found, self.floor, visit) {
                Flow::Continue => {}
                Flow::Above(score) => self.floor = score,
                Flow::Before(bound) => self.before = Some(bound),
                Flow::Rest => break,
                Flow::Stop => {
                    self.next = END;
                    return true;
                }
            }
        }
        self.next >= self.horizon && self.end()
    }

    /// Moves on to the next number that may be of interest, and gives the limit of the numbers to look at then; none: it is over.
    fn aim(&mut self, course: &mut Course<'_, '_>) -> Option<u32> {
        if let Some(keys) = &self.keys {
            let candidate = *keys.get(keys.partition_point(|document| *document < self.next))?;
            self.next = candidate;
            return (candidate < self.horizon).then(|| candidate.saturating_add(1).min(self.horizon));
        }
        if let (Matcher::Term { cursor, idf, .. }, Some(_)) = (course.matcher.bare(), self.known)
            && self.floor > f64::NEG_INFINITY
        {
            let ceiling = course.ceiling;
            self.next = cursor.pass(self.next, |best| ceiling.of_block(*idf, best) > self.floor);
        }
        (self.next < self.horizon).then(|| self.next.saturating_add(self.window).min(self.horizon))
    }

    /// Whether a document may come early enough.
    #[inline]
    fn may_come(&self, index: &Index, document: u32) -> bool {
        let word = document & !(u64::BITS - 1);
        self.before.is_none_or(|bound| index.keep_before(word, 1 << (document - word), &bound) != 0)
    }

    /// It is over, and all that matches is counted.
    fn end(&mut self) -> bool {
        self.next = END;
        self.matched = self.known.unwrap_or(self.matched);
        true
    }
}

/// How many documents a matcher matches, if that is known without a walk: of the snapshot's moment, while nothing has changed since.
fn known_count(index: &Index, snapshot: &Snapshot, matcher: &Matcher<'_>) -> Option<u64> {
    match matcher {
        Matcher::Counted(counted) => known_count(index, snapshot, &counted.inner),
        Matcher::Nothing => Some(0),
        Matcher::All { .. } => index.table().is_current(snapshot).then(|| index.table().len() as u64),
        Matcher::Term { here, .. } => *here,
        // What died and is not freed is in sets, too.
        Matcher::Set { cursor, .. } => {
            let table = index.table();
            let is_known = table.is_current(snapshot) && table.dying_count() == 0;
            is_known.then(|| cursor.count() as u64)
        }
        _ => None,
    }
}

/// How a search scores what it matches.
#[derive(Clone, Copy, Debug, Default)]
pub struct SearchScoring<'a> {
    /// The scorer.
    pub scorer: Scorer,
    /// The query's payload, for [`Scorer::Hamming`].
    pub payload: Option<&'a [u8]>,
    /// Nobody asks for the scores, words and explanations of matches, which are not found out then.
    pub is_unasked: bool,
}

impl SearchScoring<'_> {
    /// Nobody asks for scores.
    pub const NONE: Self = Self { scorer: Scorer::DocScore, payload: None, is_unasked: true };
}
