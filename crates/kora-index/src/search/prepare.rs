//! The documents of a query's ranges and circles, collected in slices before its search begins.

use crate::geo;
use crate::index::Index;
use crate::numbers::Visited;
use crate::plan::{Plan, SetOf};
use crate::query::Range;
use crate::sets::DocumentSet;
use crate::table::Snapshot;

/// How far the collection has come.
#[derive(Clone)]
pub(super) struct Preparation {
    done: Vec<DocumentSet>,
    current: Option<Current>,
    horizon: u32,
}

/// The set that is being collected.
#[derive(Clone)]
struct Current {
    set: DocumentSet,
    /// Ranges that are still to be visited, the next one last.
    ranges: Vec<Range>,
    visited: Visited,
}

impl Preparation {
    pub(super) fn new(plan: &Plan, index: &Index, snapshot: &Snapshot) -> Self {
        let mut preparation =
            Self { done: Vec::with_capacity(plan.sets.len()), current: None, horizon: snapshot.horizon() };
        preparation.begin_next(plan, index);
        preparation
    }

    fn begin_next(&mut self, plan: &Plan, index: &Index) {
        let Some(of) = plan.sets.get(self.done.len()) else { return };
        let mut ranges = of.ranges();
        let expected = of.count(index);
        ranges.reverse();
        self.current = Some(Current { set: DocumentSet::new(expected, self.horizon), ranges, visited: None });
    }

    /// Goes on until all sets are there or the steps are used up. Returns whether all are there.
    pub(super) fn step(&mut self, plan: &Plan, index: &Index, steps: &mut usize) -> bool {
        let horizon = self.horizon;
        while let Some(mut current) = self.current.take() {
            let of = &plan.sets[self.done.len()];
            if let Some(numbers) = of.numbers(index) {
                while let Some(range) = current.ranges.last().copied() {
                    let Current { set, visited, .. } = &mut current;
                    let is_through = numbers.visit(&range, visited, steps, |value, document| match of {
                        _ if document >= horizon => {}
                        SetOf::Range { .. } => set.insert(document),
                        SetOf::Radius { radius, .. } => {
                            let at = geo::decode(point(value));
                            if geo::distance((radius.longitude, radius.latitude), at) <= radius.metres {
                                set.insert(document);
                            }
                        }
                    });
                    if !is_through {
                        self.current = Some(current);
                        return false;
                    }
                    current.ranges.pop();
                    current.visited = None;
                }
            }
            current.set.seal();
            self.done.push(current.set);
            self.begin_next(plan, index);
        }
        true
    }

    pub(super) fn sets(&self) -> &[DocumentSet] {
        &self.done
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was a whole number of 52 bits"
)]
fn point(value: f64) -> u64 {
    value as u64
}
