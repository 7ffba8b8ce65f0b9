//! The numbers of a field in order, each with the document that has it.
//!
//! Pairs of number and document lie in runs of bounded length, sorted by number and then by document. A range is two places and the runs between,
//! so counting it costs O(runs in it), and its documents are read in the order of their numbers' values. A walk can be given up at any pair
//! and taken up again after it, whatever came and went meanwhile.
//!
//! Invariants: no run is empty; pairs are in order within a run and over all runs; a pair is there once.

#[cfg(test)]
mod tests;

use crate::query::{Bound, Range};

/// Pairs in a run at most.
const RUN_LENGTH_MAX: usize = 256;
/// Room that a run grows by.
const RUN_GROWTH: usize = 32;

#[derive(Clone, Debug, Default)]
struct Run {
    values: Vec<f64>,
    documents: Vec<u32>,
}

/// Numbers with their documents.
#[derive(Clone, Debug, Default)]
pub(crate) struct Numbers {
    runs: Vec<Run>,
    count: usize,
    /// What all runs have on the heap.
    run_bytes: usize,
}

/// A place in a walk through a range: the last pair that was visited.
pub(crate) type Visited = Option<(f64, u32)>;

fn is_before(one: (f64, u32), other: (f64, u32)) -> bool {
    one.0 < other.0 || (one.0 == other.0 && one.1 < other.1)
}

impl Run {
    fn pair(&self, at: usize) -> (f64, u32) {
        (self.values[at], self.documents[at])
    }

    fn last(&self) -> (f64, u32) {
        self.pair(self.values.len() - 1)
    }

    /// How many pairs stand before one.
    fn position(&self, pair: (f64, u32)) -> usize {
        let start = self.values.partition_point(|value| *value < pair.0);
        let same = self.values[start..].partition_point(|value| *value <= pair.0);
        start + self.documents[start..start + same].partition_point(|document| *document < pair.1)
    }

    fn insert(&mut self, at: usize, pair: (f64, u32)) {
        if self.values.len() == self.values.capacity() {
            self.values.reserve_exact(RUN_GROWTH);
            self.documents.reserve_exact(RUN_GROWTH);
        }
        self.values.insert(at, pair.0);
        self.documents.insert(at, pair.1);
    }

    fn split(&mut self, at: usize) -> Self {
        let upper = Self { values: self.values.split_off(at), documents: self.documents.split_off(at) };
        self.shrink();
        upper
    }

    fn bytes(&self) -> usize {
        self.values.capacity() * 8 + self.documents.capacity() * 4
    }

    fn shrink(&mut self) {
        self.values.shrink_to(self.values.len() + RUN_GROWTH / 2);
        self.documents.shrink_to(self.documents.len() + RUN_GROWTH / 2);
    }
}

impl Numbers {
    /// How many pairs there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    fn run_of(&self, pair: (f64, u32)) -> usize {
        self.runs.partition_point(|run| is_before(run.last(), pair))
    }

    /// Adds a pair, unless it is there or its number is not a number. Complexity: O(log pairs + run length), and O(runs) for one in 128.
    pub(crate) fn insert(&mut self, value: f64, document: u32) {
        if value.is_nan() {
            return;
        }
        // One zero, not two.
        let pair = (value + 0.0, document);
        if self.runs.is_empty() {
            let mut run = Run::default();
            run.insert(0, pair);
            self.run_bytes = run.bytes();
            self.runs.push(run);
            self.count = 1;
            return;
        }
        let index = self.run_of(pair).min(self.runs.len() - 1);
        let run = &mut self.runs[index];
        let at = run.position(pair);
        if at < run.values.len() && run.pair(at) == pair {
            return;
        }
        let before = run.bytes();
        run.insert(at, pair);
        self.count += 1;
        if run.values.len() > RUN_LENGTH_MAX {
            // A field that only grows fills its runs.
            let is_growing = at + 1 == run.values.len();
            let upper = run.split(if is_growing { RUN_LENGTH_MAX } else { RUN_LENGTH_MAX / 2 });
            self.run_bytes += upper.bytes();
            self.runs.insert(index + 1, upper);
        }
        self.run_bytes = self.run_bytes + self.runs[index].bytes() - before;
    }

    /// Takes a pair out. Complexity: as for [`Numbers::insert`].
    pub(crate) fn remove(&mut self, value: f64, document: u32) {
        let pair = (value + 0.0, document);
        let index = self.run_of(pair);
        let Some(run) = self.runs.get_mut(index) else { return };
        let at = run.position(pair);
        if at >= run.values.len() || run.pair(at) != pair {
            return;
        }
        run.values.remove(at);
        run.documents.remove(at);
        self.count -= 1;
        let length = run.values.len();
        if length == 0 {
            self.run_bytes -= self.runs[index].bytes();
            self.runs.remove(index);
        } else if length <= RUN_LENGTH_MAX / 4 {
            self.join(index);
        }
        if self.runs.is_empty() {
            self.runs = Vec::new();
        }
    }

    /// Joins a short run with a neighbour that has room for it.
    fn join(&mut self, index: usize) {
        let fits = |run: Option<&Run>| run.is_some_and(|run| run.values.len() <= RUN_LENGTH_MAX / 2);
        let left = if fits(self.runs.get(index + 1)) {
            index
        } else if index > 0 && fits(self.runs.get(index - 1)) {
            index - 1
        } else {
            let before = self.runs[index].bytes();
            self.runs[index].shrink();
            self.run_bytes = self.run_bytes + self.runs[index].bytes() - before;
            return;
        };
        let right = self.runs.remove(left + 1);
        let before = right.bytes() + self.runs[left].bytes();
        self.runs[left].values.extend_from_slice(&right.values);
        self.runs[left].documents.extend_from_slice(&right.documents);
        self.runs[left].shrink();
        self.run_bytes = self.run_bytes + self.runs[left].bytes() - before;
    }

    /// The pairs before the first one in a range, or, of `to`, up to the last one: run and place in it.
    fn edge(&self, value: f64, takes_equal: bool) -> (usize, usize) {
        let is_before = |other: f64| other < value || (takes_equal && other == value);
        let run = self.runs.partition_point(|run| is_before(run.last().0));
        let at = self.runs.get(run).map_or(0, |run| run.values.partition_point(|other| is_before(*other)));
        (run, at)
    }

    /// How many pairs are in a range. Complexity: O(log pairs + runs in the range).
    pub(crate) fn count_in(&self, range: &Range) -> usize {
        let from = self.edge(range.from.value, range.from.is_exclusive);
        let to = self.edge(range.to.value, !range.to.is_exclusive);
        if from >= to {
            return 0;
        }
        let whole: usize = self.runs[from.0..to.0].iter().map(|run| run.values.len()).sum();
        whole + to.1 - from.1
    }

    /// Visits the pairs in a range, in their order and many at once, after `visited` and until `steps` are used up. Returns whether it is through.
    ///
    /// Complexity: O(log pairs + pairs visited).
    pub(crate) fn visit(
        &self,
        range: &Range,
        visited: &mut Visited,
        steps: &mut usize,
        mut visit: impl FnMut(&[f64], &[u32]),
    ) -> bool {
        let Bound { value: to, is_exclusive } = range.to;
        let is_inside = |value: f64| value < to || (!is_exclusive && value == to);
        let (mut index, mut at) = match *visited {
            None => self.edge(range.from.value, range.from.is_exclusive),
            Some((value, document)) => {
                let next = (value, document.saturating_add(1));
                let index = self.run_of(next);
                (index, self.runs.get(index).map_or(0, |run| run.position(next)))
            }
        };
        while let Some(run) = self.runs.get(index) {
            let (values, documents) = (&run.values[at..], &run.documents[at..]);
            let inside = match values.last() {
                // Most runs are in the range as a whole.
                Some(last) if is_inside(*last) => values.len(),
                _ => values.partition_point(|value| is_inside(*value)),
            };
            let now = inside.min(*steps);
            if let Some(last) = now.checked_sub(1) {
                visit(&values[..now], &documents[..now]);
                *visited = Some((values[last], documents[last]));
                *steps -= now;
            }
            if now < values.len() {
                return now == inside;
            }
            (index, at) = (index + 1, 0);
        }
        true
    }

    /// Bytes on the heap. Complexity: O(1).
    pub(crate) fn memory_bytes(&self) -> usize {
        self.runs.capacity() * size_of::<Run>() + self.run_bytes
    }
}
