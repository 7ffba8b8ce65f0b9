//! Which operations have all their parts in the log.
//!
//! An operation on several shards leaves a part in the record of each. A state of which only some parts are there
//! is one that nobody could have seen, so the log counts only up to before the first part of an operation that
//! lacks others. Cut there, another operation may lose its last part, and the log counts only up to before its
//! first; and so on, until no operation is torn. What is left is the *complete prefix*.

use std::collections::{HashMap, VecDeque};

/// An operation some of whose parts were appended.
#[derive(Clone, Copy, Debug)]
struct Open {
    operation: u64,
    /// The record that holds its first part.
    first: u64,
    /// The record that holds its last part, once there is one.
    last: Option<u64>,
}

/// The operations with parts, in the order of their first parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Operations {
    open: VecDeque<Open>,
    /// How many parts are missing, and the place in `open`, counted from the beginning of time.
    missing: HashMap<u64, (u16, u64)>,
    /// How many left `open` at its front.
    gone: u64,
}

impl Operations {
    /// Notes that a record holds a part of an operation with so many parts.
    pub(crate) fn note(&mut self, sequence: u64, operation: u64, parts: u16) {
        if parts <= 1 {
            return;
        }
        let gone = self.gone;
        let end = gone + self.open.len() as u64;
        let (missing, place) = self.missing.entry(operation).or_insert_with(|| {
            self.open.push_back(Open { operation, first: sequence, last: None });
            (parts, end)
        });
        *missing = missing.saturating_sub(1);
        if *missing == 0 {
            let at = usize::try_from(place.saturating_sub(gone)).unwrap_or(usize::MAX);
            if let Some(open) = self.open.get_mut(at) {
                open.last = Some(sequence);
            }
            self.missing.remove(&operation);
        }
    }

    /// The complete prefix of a log that ends with a record. Ends must not go back.
    ///
    /// Complexity: O(operations with parts behind the last prefix).
    pub(crate) fn complete_prefix(&mut self, end: u64) -> u64 {
        let mut prefix = end;
        // The first parts are in order: what an operation takes away can only tear those before it.
        for open in self.open.iter().rev().skip_while(|open| open.first > end) {
            if open.first <= prefix && open.last.is_none_or(|last| last > prefix) {
                prefix = open.first - 1;
            }
        }
        while let Some(front) = self.open.front()
            && front.last.is_some_and(|last| last <= prefix)
        {
            self.open.pop_front();
            self.gone += 1;
        }
        prefix
    }

    /// The operation whose first part is in a record.
    pub(crate) fn first_in(&self, record: u64) -> Option<u64> {
        self.open.iter().find(|open| open.first == record).map(|open| open.operation)
    }

    /// Whether an operation lacks parts.
    pub(crate) fn has_incomplete(&self) -> bool {
        !self.missing.is_empty()
    }

    /// Forgets all.
    pub(crate) fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_ends_before_the_first_operation_that_lacks_parts() {
        let mut operations = Operations::default();
        operations.note(3, 100, 2);
        operations.note(4, 101, 2);
        operations.note(5, 101, 2);
        assert_eq!(operations.complete_prefix(2), 2);
        assert_eq!(operations.complete_prefix(5), 2);
        assert_eq!(operations.first_in(3), Some(100));
        operations.note(7, 100, 2);
        assert!(!operations.has_incomplete());
        assert_eq!(operations.complete_prefix(6), 2, "the last part is not within it");
        assert_eq!(operations.complete_prefix(7), 7);
    }

    #[test]
    fn a_cut_that_tears_another_operation_is_made_before_it() {
        let mut operations = Operations::default();
        operations.note(3, 100, 2);
        operations.note(5, 101, 2);
        operations.note(7, 100, 2);
        assert_eq!(operations.complete_prefix(7), 2, "cut before 5, operation 100 lacks its part in 7");
        operations.note(8, 101, 2);
        assert_eq!(operations.complete_prefix(8), 8);
    }

    proptest! {
        #[test]
        fn prefixes_equal_a_slow_count(
            records in prop::collection::vec(prop::collection::vec(0..6u64, 0..3), 1..40)
        ) {
            // Part counts are such that some operations stay open.
            let parts = |operation: u64| u16::try_from(operation % 4 + 1).unwrap();
            let mut operations = Operations::default();
            let mut noted: Vec<(u64, u64)> = Vec::new();
            let mut counts = HashMap::<u64, u16>::new();
            for (sequence, record) in (1..).zip(&records) {
                for &operation in record {
                    let count = counts.entry(operation).or_default();
                    if *count < parts(operation) {
                        *count += 1;
                        operations.note(sequence, operation, parts(operation));
                        noted.push((sequence, operation));
                    }
                }
            }
            let is_torn = |end: u64| {
                noted.iter().filter(|note| note.0 <= end).any(|&(_, operation)| {
                    let within = noted.iter().filter(|note| note.1 == operation && note.0 <= end).count();
                    within < usize::from(parts(operation))
                })
            };
            for end in 1..=records.len() as u64 {
                let expected = (0..=end).rev().find(|end| !is_torn(*end)).unwrap();
                prop_assert_eq!(operations.complete_prefix(end), expected);
            }
        }
    }
}
