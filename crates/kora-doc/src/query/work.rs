//! One part's share of a question: a way through documents that is left when a slice is over and taken up again.

use std::ops::Bound;
use std::sync::Arc;

use kora_core::context::errand::Effort;
use kora_index::scalar::ScalarRange;
use kora_index::search::{Direction, Flow, KeptKey, NearestSearch, Search, SearchScoring};

use super::find::{Figures, Ready};
use super::nearest;
use super::order::{First, Hit, Position, compare};
use super::view::{Found, View};
use crate::companion::scalars_of;
use crate::condition::Term;

/// Steps of a search between two looks at what is left of a slice.
const STEPS: usize = 2048;
/// The same of a search for the nearest, whose steps are distances.
const DISTANCE_STEPS: usize = 512;
/// The same if it looks at documents.
const LOOKING_STEPS: usize = 64;
/// Steps that documents count between two such looks.
const PAUSE_STEPS: usize = 32;
/// What a document that was found counts, in steps.
const FOUND_STEPS: usize = 4;
/// Tests that take as long as a step, on a short document.
const TESTS_PER_STEP: usize = 2;
/// Bytes of a document through which one test looks as long as another takes that finds its field at the beginning.
const BYTES_PER_TEST: usize = 512;

/// What a way through documents is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stage {
    /// To count those that match.
    Count,
    /// To find those that match, in the order in which they were written.
    AsWritten,
    /// To find those that match in the order of an index.
    InOrder,
    /// To find those that match and that this index does not have.
    Missing,
    /// To count those that pass each test that no index answers.
    Tests,
    /// To find those of them whose vectors are the nearest to one.
    Nearest,
    /// To find the numbers of those that match and have not changed since.
    Seek,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Work {
    stage: Stage,
    pub(crate) figures: Figures,
    pub(crate) first: First,
    /// Documents that pass each test.
    pub(crate) passed: Vec<u64>,
    /// Those that match, by their numbers.
    pub(crate) found: Vec<u32>,
    /// Matches that were taken.
    pub(crate) taken: usize,
    search: Option<Search>,
    nearest: Option<NearestSearch>,
    /// Documents before this one are not looked at.
    from: u32,
    /// The pair of the index that came last.
    visited: Option<(Box<[u8]>, u32)>,
    /// The scalar of the match that was taken last.
    last: Option<Box<[u8]>>,
}

impl Work {
    /// A way through the documents from one on, by their numbers.
    pub(crate) fn new(ready: &Ready, stage: Stage, from: u32) -> Self {
        Self {
            stage,
            figures: Figures::default(),
            first: ready.first(),
            passed: vec![0; ready.plan.terms.len()],
            found: Vec::new(),
            taken: 0,
            search: None,
            nearest: None,
            from,
            visited: None,
            last: None,
        }
    }

    /// Goes on until the effort is spent; returns whether it is done.
    pub(crate) fn step(&mut self, ready: &Ready, view: &View<'_>, effort: &mut Effort) -> bool {
        match self.stage {
            Stage::InOrder => self.walk(ready, view, effort),
            Stage::Nearest => self.nearest(ready, view, effort),
            _ => self.search(ready, view, effort),
        }
    }

    /// Looks for the nearest. What no index tells of a document is asked of it where it would be one of them.
    fn nearest(&mut self, ready: &Ready, view: &View<'_>, effort: &mut Effort) -> bool {
        let condition = ready.condition();
        let begin = || {
            let nearest = NearestSearch::new(begin(ready, view, self.stage)?);
            Some(if condition.is_some() { nearest.with_costly_looks() } else { nearest })
        };
        let Some(mut nearest) = self.nearest.take().or_else(begin) else { return true };
        let most = if condition.is_some() { LOOKING_STEPS } else { DISTANCE_STEPS };
        let mut pause = Pause::new(ready, self.stage);
        loop {
            let steps = most.min(effort.left());
            let is_over = nearest.step(view.index(), steps, &mut |document| {
                let Some(condition) = condition else { return true };
                self.figures.examined += 1;
                let found = Found { view, document };
                pause.is_due(&found, effort);
                found.root().is_some_and(|root| condition.holds(root))
            });
            effort.spend(steps);
            if is_over {
                self.figures.walks += u64::from(nearest.has_walked());
                self.take_nearest(nearest, view);
                return true;
            }
            if effort.is_spent() {
                self.nearest = Some(nearest);
                return false;
            }
        }
    }

    fn take_nearest(&mut self, nearest: NearestSearch, view: &View<'_>) {
        for (key, hit) in nearest.finish() {
            let KeptKey::Number(distance) = key else { continue };
            let id = view.index().key(view.snapshot, hit.document).into();
            let keys = vec![Some(nearest::key(distance, hit.order))];
            self.first.offer(Hit { place: view.place, position: Position { keys, order: hit.order, id } });
        }
    }

    fn search(&mut self, ready: &Ready, view: &View<'_>, effort: &mut Effort) -> bool {
        let begin = || Some(begin(ready, view, self.stage)?.from(self.from));
        let Some(mut search) = self.search.take().or_else(begin) else { return true };
        let tests = ready.tests();
        let mut pause = Pause::new(ready, self.stage);
        let is_over = loop {
            let steps = STEPS.min(effort.left());
            let is_over = search.step(view.index(), steps, &SearchScoring::NONE, |one| {
                let found = Found { view, document: one.document };
                let flow = self.look(ready, &tests, &found);
                if flow != Flow::Stop && pause.is_due(&found, effort) { Flow::Rest } else { flow }
            });
            effort.spend(steps);
            if is_over || effort.is_spent() {
                break is_over;
            }
        };
        self.search = Some(search);
        is_over
    }

    fn look(&mut self, ready: &Ready, tests: &[&Term], found: &Found<'_, '_>) -> Flow {
        match self.stage {
            Stage::Count => {
                self.matches(ready, found);
                Flow::Continue
            }
            Stage::Seek => {
                if found.view.index().is_alive(found.document) && self.matches(ready, found) {
                    self.found.push(found.document);
                }
                Flow::Continue
            }
            Stage::AsWritten | Stage::InOrder | Stage::Nearest => {
                if !self.matches(ready, found)
                    || !self.offer(ready, found)
                    || !ready.question.order.is_empty()
                {
                    return Flow::Continue;
                }
                // They come in the order in which they were written.
                self.taken += 1;
                let is_enough = ready.question.limit.is_some_and(|limit| self.taken >= limit);
                if is_enough { Flow::Stop } else { Flow::Continue }
            }
            Stage::Missing => {
                let is_missing = ready.sorted().is_some_and(|index| {
                    let declared = &ready.collection.indexes[index];
                    found.root().is_some_and(|root| scalars_of(declared, root).is_empty())
                });
                if is_missing && self.matches(ready, found) {
                    self.offer(ready, found);
                }
                Flow::Continue
            }
            Stage::Tests => {
                if let Some(root) = found.root() {
                    let open = ready.plan.terms.iter().zip(tests).zip(&mut self.passed);
                    for ((_, test), passed) in open.filter(|((term, _), _)| term.answer.is_none()) {
                        *passed += u64::from(test.holds(root));
                    }
                }
                Flow::Continue
            }
        }
    }

    /// Whether a document fulfils the condition.
    fn matches(&mut self, ready: &Ready, found: &Found<'_, '_>) -> bool {
        let is_walk = matches!(self.stage, Stage::InOrder | Stage::Missing);
        let condition = ready.condition();
        self.figures.examined += u64::from(is_walk || condition.is_some());
        let holds = condition.is_none_or(|condition| found.root().is_some_and(|root| condition.holds(root)));
        self.figures.matched += u64::from(holds);
        holds
    }

    /// Takes a match, unless it is before those that are asked for.
    fn offer(&mut self, ready: &Ready, found: &Found<'_, '_>) -> bool {
        let position = ready.position(found);
        let after = ready.question.after.as_ref();
        if after.is_some_and(|after| compare(self.first.directions(), &position, after).is_le()) {
            return false;
        }
        self.first.offer(Hit { place: found.view.place, position });
        true
    }

    /// Goes through the documents in the order of the index on the first field that is sorted by, until enough match.
    fn walk(&mut self, ready: &Ready, view: &View<'_>, effort: &mut Effort) -> bool {
        let (Some((path, direction)), Some(limit)) = (ready.question.order.first(), ready.question.limit)
        else {
            return true;
        };
        let Some(field) = view.indexed.field(path) else { return true };
        let after = ready.question.after.as_ref();
        let Some(range) =
            after.map_or_else(|| Some(ScalarRange::all()), |after| rest_of_order(after, *direction))
        else {
            return true;
        };
        let visited = self.visited.take();
        let from = visited.as_ref().map(|(value, document)| (&**value, *document));
        let (mut pause, mut is_enough) = (Pause::new(ready, self.stage), false);
        let is_through = view.index().walk_scalars_seen(
            view.snapshot,
            (field, &range, *direction),
            from,
            |value, document, is_seen| {
                // Those that are equal come in any order, so all of them are looked at.
                if self.taken >= limit && self.last.as_deref() != Some(value) {
                    is_enough = true;
                    return Flow::Stop;
                }
                let found = Found { view, document };
                if is_seen && self.matches(ready, &found) && self.offer(ready, &found) {
                    self.taken += 1;
                    if self.last.as_deref() != Some(value) {
                        self.last = Some(value.into());
                    }
                }
                if pause.is_due(&found, effort) {
                    self.visited = Some((value.into(), document));
                    return Flow::Rest;
                }
                Flow::Continue
            },
        );
        is_through || is_enough
    }
}

/// The search through a part for a stage; none if there is nothing to search.
fn begin(ready: &Ready, view: &View<'_>, stage: Stage) -> Option<Search> {
    let engines = match stage {
        Stage::Missing | Stage::Tests => ready.all(),
        Stage::Nearest => ready.nearest()?,
        Stage::Count | Stage::AsWritten | Stage::InOrder | Stage::Seek => ready.matches(),
    };
    let (plan, statistics) = engines.of(view.indexed)?;
    Some(Search::new(view.index(), Arc::clone(plan), Arc::clone(statistics), view.snapshot.clone()))
}

/// Counts what documents take, to look at what is left of a slice now and then.
#[derive(Debug)]
struct Pause {
    /// Tests that are tried on a document at most.
    tests: usize,
    /// Steps since the last look.
    steps: usize,
}

impl Pause {
    fn new(ready: &Ready, stage: Stage) -> Self {
        let tries = stage == Stage::Tests || ready.condition().is_some();
        Self { tests: if tries { ready.plan.terms.len() } else { 0 }, steps: 0 }
    }

    /// Notes a document; returns whether the effort is spent.
    fn is_due(&mut self, found: &Found<'_, '_>, effort: &mut Effort) -> bool {
        let mut steps = FOUND_STEPS;
        if self.tests > 0 {
            let (_, length) = found.view.index().order_and_length(found.document);
            let looks = 1 + usize::try_from(length).unwrap_or(usize::MAX) / BYTES_PER_TEST;
            steps = steps.saturating_add(self.tests.saturating_mul(looks) / TESTS_PER_STEP);
        }
        effort.spend(steps);
        self.steps = self.steps.saturating_add(steps);
        if self.steps < PAUSE_STEPS {
            return false;
        }
        self.steps = 0;
        effort.is_spent()
    }
}

/// What is left of an order by its first key.
fn rest_of_order(after: &Position, direction: Direction) -> Option<ScalarRange> {
    let key = after.keys.first()?.clone()?;
    Some(match direction {
        Direction::Ascending => ScalarRange { from: Bound::Included(key), to: Bound::Unbounded },
        Direction::Descending => ScalarRange { from: Bound::Unbounded, to: Bound::Included(key) },
    })
}
