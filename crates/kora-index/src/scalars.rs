//! The scalars of a field in order, each with the documents that have it.
//!
//! Pairs of scalar and document lie in packed runs of bounded length, sorted by scalar and then by document: a scalar that many documents have stands once in
//! a run, and each of its documents takes a byte or two. A range is two places and the runs between, so counting it costs O(runs in it). A walk can be
//! given up at any pair and taken up again after it, whatever came and went meanwhile.
//!
//! Invariants: no run is empty; pairs are in order within a run and over all runs; a pair is there once.

mod run;
#[cfg(test)]
mod tests;

use crate::scalar::ScalarRange;
use crate::search::{Direction, Flow};
use run::{Edit, Run};

/// Bytes of a run with several values at most.
const RUN_BYTES_MAX: usize = 768;

/// Scalars with their documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scalars {
    runs: Vec<Run>,
    pairs: u64,
    values: u64,
    run_bytes: usize,
}

/// A place in a walk through a range: the last pair that was visited.
pub(crate) type Visited = Option<(Box<[u8]>, u32)>;

impl Scalars {
    /// How many pairs there are.
    pub(crate) fn pairs(&self) -> u64 {
        self.pairs
    }

    /// How many different scalars there are.
    pub(crate) fn values(&self) -> u64 {
        self.values
    }

    /// The run in which a pair is or would be.
    fn run_of(&self, value: &[u8], document: u32) -> usize {
        self.runs.partition_point(|run| run.first() <= (value, document)).saturating_sub(1)
    }

    /// Adds a pair, unless it is there. Complexity: O(log pairs + run length), and O(runs) for one in many.
    pub(crate) fn insert(&mut self, value: &[u8], document: u32) {
        if self.runs.is_empty() {
            self.runs.push(Run::default());
        }
        let at = self.run_of(value, document);
        let before = self.runs[at].bytes.capacity();
        let edit = self.runs[at].insert(value, document);
        self.run_bytes = self.run_bytes + self.runs[at].bytes.capacity() - before;
        if edit == Edit::Nothing {
            return;
        }
        self.pairs += 1;
        if matches!(edit, Edit::Value { .. }) && !self.begins_with(at + 1, value) {
            self.values += 1;
        }
        let run = &mut self.runs[at];
        let before = run.bytes.capacity();
        if run.bytes.len() > RUN_BYTES_MAX
            && let Some(upper) = run.split()
        {
            self.run_bytes = self.run_bytes + run.bytes.capacity() + upper.bytes.capacity() - before;
            self.runs.insert(at + 1, upper);
        }
    }

    /// Takes a pair out. Complexity: as for [`Scalars::insert`].
    pub(crate) fn remove(&mut self, value: &[u8], document: u32) {
        let at = self.run_of(value, document);
        let Some(run) = self.runs.get_mut(at) else { return };
        let before = run.bytes.capacity();
        let edit = run.remove(value, document);
        if edit == Edit::Nothing {
            return;
        }
        self.pairs -= 1;
        if let Edit::Value { is_first } = edit
            && !self.begins_with(at + 1, value)
            && !(is_first && at > 0 && self.ends_with(at - 1, value))
        {
            self.values -= 1;
        }
        let length = self.runs[at].bytes.len();
        self.run_bytes -= before;
        if length == 0 {
            self.runs.remove(at);
        } else {
            if length < self.runs[at].bytes.capacity() / 2 {
                self.runs[at].bytes.shrink_to_fit();
            }
            self.run_bytes += self.runs[at].bytes.capacity();
            if length <= RUN_BYTES_MAX / 4 {
                self.join(at);
            }
        }
        if self.runs.is_empty() {
            self.runs = Vec::new();
        }
    }

    /// Joins a short run with a neighbour that has room for it.
    fn join(&mut self, at: usize) {
        let fits = |run: Option<&Run>| run.is_some_and(|run| run.bytes.len() <= RUN_BYTES_MAX / 2);
        let left = if fits(self.runs.get(at + 1)) {
            at
        } else if at > 0 && fits(self.runs.get(at - 1)) {
            at - 1
        } else {
            return;
        };
        let right = self.runs.remove(left + 1);
        let before = right.bytes.capacity() + self.runs[left].bytes.capacity();
        self.runs[left].join(&right);
        self.run_bytes = self.run_bytes + self.runs[left].bytes.capacity() - before;
    }

    fn begins_with(&self, at: usize, value: &[u8]) -> bool {
        self.runs.get(at).is_some_and(|run| run.first().0 == value)
    }

    fn ends_with(&self, at: usize, value: &[u8]) -> bool {
        self.runs[at].groups().last().is_some_and(|group| group.value == value)
    }

    /// The runs that a range may be in.
    fn span(&self, range: &ScalarRange) -> std::ops::Range<usize> {
        let from = self.runs.partition_point(|run| range.is_after(run.first().0)).saturating_sub(1);
        let to = self.runs.partition_point(|run| !range.is_before(run.first().0));
        from..to.max(from)
    }

    /// How many pairs are in a range. Complexity: O(log pairs + runs in the range).
    pub(crate) fn count_in(&self, range: &ScalarRange) -> u64 {
        let span = self.span(range);
        let Some(last) = span.len().checked_sub(1) else { return 0 };
        let mut count = 0;
        for (place, run) in self.runs[span].iter().enumerate() {
            // A run that begins in the range and is not the last one ends in it.
            if place > 0 && place < last {
                count += u64::from(run.pairs);
                continue;
            }
            let groups = run.groups().filter(|group| range.contains(group.value));
            count += groups.map(|group| group.count).sum::<u64>();
        }
        count
    }

    /// Visits the documents in a range, in the order of their scalars, after `visited` and until `steps` are used up. Returns whether it is through.
    ///
    /// Complexity: O(log pairs + pairs visited).
    pub(crate) fn visit(
        &self,
        range: &ScalarRange,
        visited: &mut Visited,
        steps: &mut usize,
        mut visit: impl FnMut(&[u8], u32),
    ) -> bool {
        let after = visited.take();
        let first = match &after {
            Some((value, document)) => self.run_of(value, *document),
            None => self.span(range).start,
        };
        let mut last: Option<(&[u8], u32)> = None;
        for run in self.runs.get(first..).unwrap_or_default() {
            for group in run.groups() {
                if range.is_after(group.value) {
                    continue;
                }
                if range.is_before(group.value) {
                    return true;
                }
                for document in group.documents() {
                    if after
                        .as_ref()
                        .is_some_and(|(value, before)| (group.value, document) <= (value, *before))
                    {
                        continue;
                    }
                    if *steps == 0 {
                        *visited = last.map(|(value, document)| (value.into(), document)).or(after);
                        return false;
                    }
                    *steps -= 1;
                    visit(group.value, document);
                    last = Some((group.value, document));
                }
            }
        }
        true
    }

    /// Walks through the pairs in a range, or those behind one of them, in their order or against it. Returns whether it came to the end.
    ///
    /// Complexity: O(log pairs + pairs visited).
    pub(crate) fn walk(
        &self,
        range: &ScalarRange,
        direction: Direction,
        after: Option<(&[u8], u32)>,
        visit: &mut dyn FnMut(&[u8], u32) -> Flow,
    ) -> bool {
        let mut span = self.span(range);
        let is_ascending = direction == Direction::Ascending;
        if let Some((value, document)) = after {
            let at = self.run_of(value, document);
            if is_ascending {
                span.start = span.start.max(at).min(span.end);
            } else {
                span.end = span.end.min(at + 1).max(span.start);
            }
        }
        let mut go = |value: &[u8], document: u32| {
            let is_behind = after.is_none_or(|after| {
                if is_ascending { (value, document) > after } else { (value, document) < after }
            });
            !is_behind || !matches!(visit(value, document), Flow::Stop | Flow::Rest)
        };
        let mut runs = self.runs[span].iter();
        if is_ascending {
            return runs.all(|run| {
                let mut groups = run.groups().filter(|group| range.contains(group.value));
                groups.all(|group| group.documents().all(|document| go(group.value, document)))
            });
        }
        runs.rev().all(|run| {
            let groups: Vec<_> = run.groups().filter(|group| range.contains(group.value)).collect();
            groups.into_iter().rev().all(|group| {
                let documents: Vec<u32> = group.documents().collect();
                documents.into_iter().rev().all(|document| go(group.value, document))
            })
        })
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>() + self.run_bytes
    }
}
