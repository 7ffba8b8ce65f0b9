//! The documents of a query's ranges and circles, and of vectors around another one if a graph leads to them, collected in slices before its search
//! begins.

mod near;

use crate::geo;
use crate::index::Index;
use crate::numbers::Visited;
use crate::plan::{Plan, SetOf};
use crate::profile::Profile;
use crate::query::{Radius, Range};
use crate::scalar::ScalarRange;
use crate::scalars;
use crate::sets::DocumentSet;
use crate::table::Snapshot;
pub(super) use near::Seeing;

/// How far the collection has come.
#[derive(Clone)]
pub(super) struct Preparation {
    done: Vec<DocumentSet>,
    current: Option<Current>,
    nears: Vec<Option<DocumentSet>>,
    walk: Option<near::Walk>,
    horizon: u32,
}

/// The set that is being collected.
#[derive(Clone)]
struct Current {
    set: DocumentSet,
    left: Left,
}

/// What is still to be visited: ranges, the next one last, and how far that one is.
#[derive(Clone)]
enum Left {
    Numbers(Vec<Range>, Visited),
    Scalars(Vec<ScalarRange>, scalars::Visited),
}

impl Preparation {
    pub(super) fn new(plan: &Plan, index: &Index, snapshot: &Snapshot) -> Self {
        let mut preparation = Self {
            done: Vec::with_capacity(plan.sets.len()),
            current: None,
            nears: Vec::new(),
            walk: None,
            horizon: snapshot.horizon(),
        };
        preparation.begin_next(plan, index);
        preparation
    }

    fn begin_next(&mut self, plan: &Plan, index: &Index) {
        let Some(of) = plan.sets.get(self.done.len()) else { return };
        let left = match of {
            SetOf::Scalars { ranges, .. } => Left::Scalars(ranges.iter().rev().cloned().collect(), None),
            _ => Left::Numbers(of.ranges().into_iter().rev().collect(), None),
        };
        self.current = Some(Current { set: DocumentSet::new(of.count(index), self.horizon), left });
    }

    /// Goes on until all sets are there or the steps are used up. Returns whether all are there.
    pub(super) fn step(
        &mut self,
        plan: &Plan,
        index: &Index,
        profile: Option<&Profile>,
        steps: &mut usize,
    ) -> bool {
        let horizon = self.horizon;
        while let Some(mut current) = self.current.take() {
            let of = &plan.sets[self.done.len()];
            let mut step = || current.step(of, index, horizon, steps);
            let is_through = match profile {
                None => step(),
                Some(profile) => profile.prepare(self.done.len(), step),
            };
            if !is_through {
                self.current = Some(current);
                return false;
            }
            current.set.seal();
            self.done.push(current.set);
            self.begin_next(plan, index);
        }
        true
    }

    /// Goes on with what is near until all that a graph leads to is found, or the steps are used up. Returns whether it is.
    pub(super) fn step_nears(
        &mut self,
        plan: &Plan,
        seeing: &near::Seeing<'_>,
        is_worth: impl Fn(usize) -> bool,
        steps: &mut usize,
    ) -> bool {
        while self.nears.len() < plan.nears.len() {
            let place = self.nears.len();
            let near = &plan.nears[place];
            if self.walk.is_none() && is_worth(place) {
                self.walk = near::Walk::new(near, seeing.index);
            }
            let found = match &mut self.walk {
                None => None,
                Some(walk) => {
                    if !walk.step(near, seeing, steps) {
                        return false;
                    }
                    walk.take(self.horizon)
                }
            };
            self.walk = None;
            self.nears.push(found);
        }
        true
    }

    pub(super) fn sets(&self) -> &[DocumentSet] {
        &self.done
    }

    pub(super) fn nears(&self) -> &[Option<DocumentSet>] {
        &self.nears
    }
}

impl Current {
    /// Goes on until all is visited or the steps are used up. Returns whether all is.
    fn step(&mut self, of: &SetOf, index: &Index, horizon: u32, steps: &mut usize) -> bool {
        let set = &mut self.set;
        match &mut self.left {
            Left::Numbers(ranges, visited) => {
                let Some(numbers) = of.numbers(index) else { return true };
                while let Some(range) = ranges.last().copied() {
                    let is_through = numbers.visit(&range, visited, steps, |values, documents| match of {
                        SetOf::Radius { radius, .. } => {
                            let pairs = values.iter().zip(documents);
                            let inside = pairs.filter(|(value, _)| is_in_circle(radius, **value));
                            inside
                                .filter(|(_, document)| **document < horizon)
                                .for_each(|(_, document)| set.insert(*document));
                        }
                        _ => set.extend(documents, horizon),
                    });
                    if !is_through {
                        return false;
                    }
                    ranges.pop();
                    *visited = None;
                }
            }
            Left::Scalars(ranges, visited) => {
                let Some(held) = of.scalars(index) else { return true };
                while let Some(range) = ranges.last() {
                    let is_through = held.all.visit(range, visited, steps, |_, document| {
                        if document < horizon {
                            set.insert(document);
                        }
                    });
                    if !is_through {
                        return false;
                    }
                    ranges.pop();
                    *visited = None;
                }
            }
        }
        true
    }
}

/// Whether a point is in a circle.
fn is_in_circle(radius: &Radius, value: f64) -> bool {
    geo::distance((radius.longitude, radius.latitude), geo::decode(point(value))) <= radius.metres
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "it was a whole number of 52 bits"
)]
fn point(value: f64) -> u64 {
    value as u64
}
