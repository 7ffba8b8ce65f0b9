//! The order of what several shards recorded: stamps, and what counts of a stream that lacks its end.
//!
//! An operation on several shards has a *ticket*; tickets are taken one after the other. Anything else happens on one shard,
//! which has a *position*: how many tickets were published when it last received work, all of which it had run before it
//! went on. Both are stamps, and one order covers them: an operation with ticket `t` stands behind everything with a
//! position up to `t`, and before everything with a higher one.
//!
//! Why that is the order in which clients saw things: docs/adr/0031-order-stamps.md.

use std::collections::BTreeMap;

/// A place in the order of one life of the process. Equal stamps are ordered by the numbers of their records, and by their places in
/// those.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stamp(u64);

impl Stamp {
    /// The stamp of what a shard did by itself that had run all tickets below `position`.
    #[must_use]
    pub const fn of_position(position: u64) -> Self {
        Self(position << 1)
    }

    /// The stamp of the operation with this ticket.
    #[must_use]
    pub const fn of_ticket(ticket: u64) -> Self {
        Self(ticket << 1 | 1)
    }

    /// The ticket, if it is an operation's.
    #[must_use]
    pub const fn ticket(self) -> Option<u64> {
        if self.0 & 1 == 1 { Some(self.0 >> 1) } else { None }
    }

    /// The position, if it is not an operation's.
    #[must_use]
    pub const fn position(self) -> Option<u64> {
        if self.0 & 1 == 0 { Some(self.0 >> 1) } else { None }
    }
}

/// What of a stream does not count, because operations at its end lack parts.
///
/// An operation that lacks parts takes with it whatever stands behind it in the order and was recorded in the record of its first part or
/// later: what depends on it is among that. Everything else depends on nothing that goes. An operation of which that takes some
/// parts goes as a whole, and takes others with it in turn.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Operations with the records from which on they take others with them: tickets ascending, records descending.
    steps: Vec<Step>,
}

/// An operation that goes, and from which record on what is behind it goes, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Step {
    /// The operation.
    pub ticket: u64,
    /// The record.
    pub record: u64,
}

impl Cut {
    /// A cut that was noted down; `None` if these are not the steps of one.
    #[must_use]
    pub fn from_steps(steps: Vec<Step>) -> Option<Self> {
        let is_one = |pair: &[Step]| pair[0].ticket < pair[1].ticket && pair[0].record > pair[1].record;
        steps.windows(2).all(is_one).then_some(Self { steps })
    }

    /// Its steps: tickets ascending, records descending.
    #[must_use]
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// Whether everything counts.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }

    /// Whether what has this stamp counts, in the record of this number.
    ///
    /// Complexity: O(log n) for n steps, of which there are few.
    #[must_use]
    pub fn keeps(&self, stamp: Stamp, record: u64) -> bool {
        // The last step that is not behind the stamp reaches back farthest.
        let behind = self.steps.partition_point(|step| Stamp::of_ticket(step.ticket) <= stamp);
        behind.checked_sub(1).is_none_or(|last| record < self.steps[last].record)
    }

    /// The first record of which something does not count.
    #[must_use]
    pub fn first_record(&self) -> Option<u64> {
        self.steps.last().map(|step| step.record)
    }

    fn push(&mut self, step: Step) {
        if self.steps.last().is_none_or(|last| step.record < last.record) {
            self.steps.push(step);
        }
    }
}

/// The parts of operations that were recorded, as far as they may still decide what counts.
#[derive(Clone, Debug, Default)]
pub struct Operations {
    open: BTreeMap<u64, Parts>,
}

#[derive(Clone, Debug)]
struct Parts {
    count: u16,
    /// The records that hold one, ascending.
    records: Vec<u64>,
}

impl Operations {
    /// Notes that a record holds one of an operation's `count` parts. Records are noted in the order of their numbers.
    pub fn note(&mut self, record: u64, ticket: u64, count: u16) {
        if count > 1 {
            let parts = self.open.entry(ticket).or_insert_with(|| Parts { count, records: Vec::new() });
            parts.records.push(record);
        }
    }

    /// What does not count of a stream that ends with the record `end`.
    ///
    /// Complexity: O(operations noted and not [forgotten](Self::forget)).
    #[must_use]
    pub fn cut(&self, end: u64) -> Cut {
        let mut cut = Cut::default();
        // An operation takes with it only what is behind it in the order: one look at each, in that order, is enough.
        for (&ticket, parts) in &self.open {
            let within = parts.records.partition_point(|record| *record <= end);
            let Some((&first, rest)) = parts.records[..within].split_first() else { continue };
            let last = rest.last().copied().unwrap_or(first);
            let takes_part = |record: u64| cut.first_record().is_some_and(|from| from <= record);
            if within < usize::from(parts.count) || takes_part(last) {
                cut.push(Step { ticket, record: first });
            }
        }
        cut
    }

    /// Up to which record everything counts in a stream that ends with the record `end`, and will count whatever follows.
    #[must_use]
    pub fn covered(&self, end: u64) -> u64 {
        self.cut(end).first_record().map_or(end, |first| first - 1)
    }

    /// Forgets the operations that are whole up to the record `covered`.
    pub fn forget(&mut self, covered: u64) {
        self.open.retain(|_, parts| {
            parts.records.len() < usize::from(parts.count)
                || parts.records.last().is_some_and(|last| *last > covered)
        });
    }

    /// Whether an operation lacks parts.
    #[must_use]
    pub fn has_incomplete(&self) -> bool {
        self.open.values().any(|parts| parts.records.len() < usize::from(parts.count))
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.open.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operation_stands_behind_what_had_not_seen_it() {
        assert!(Stamp::of_position(7) < Stamp::of_ticket(7), "it was not drained yet");
        assert!(Stamp::of_ticket(7) < Stamp::of_position(8));
        assert!(Stamp::of_ticket(6) < Stamp::of_ticket(7));
        assert_eq!((Stamp::of_ticket(7).ticket(), Stamp::of_ticket(7).position()), (Some(7), None));
        assert_eq!((Stamp::of_position(7).ticket(), Stamp::of_position(7).position()), (None, Some(7)));
        assert_eq!(Stamp::default(), Stamp::of_position(0));
    }

    fn steps(cut: &Cut) -> Vec<(u64, u64)> {
        cut.steps().iter().map(|step| (step.ticket, step.record)).collect()
    }

    #[test]
    fn what_lacks_parts_takes_what_is_behind_it_in_both_orders() {
        let mut operations = Operations::default();
        operations.note(3, 5, 2);
        operations.note(4, 9, 1);
        let cut = operations.cut(4);
        assert_eq!((steps(&cut), operations.covered(4)), (vec![(5, 3)], 2));
        assert!(cut.keeps(Stamp::of_position(5), 4), "it stands before the operation");
        assert!(cut.keeps(Stamp::of_position(6), 2), "it was recorded before the operation was seen");
        assert!(!cut.keeps(Stamp::of_position(6), 3) && !cut.keeps(Stamp::of_ticket(5), 3));
        assert!(operations.has_incomplete());
        operations.note(7, 5, 2);
        assert_eq!(steps(&operations.cut(6)), [(5, 3)], "the last part is not within it");
        assert!(operations.cut(7).is_empty() && !operations.has_incomplete());
        operations.forget(7);
        assert!(operations.open.is_empty());
    }

    #[test]
    fn what_is_cut_in_two_goes_as_a_whole() {
        let mut operations = Operations::default();
        operations.note(2, 8, 2);
        operations.note(3, 4, 2);
        operations.note(4, 5, 2);
        operations.note(5, 8, 2);
        operations.note(6, 4, 2);
        // 5 lacks a part from 4 on: that takes the second part of 8, which stands behind it, and not that of 4.
        assert_eq!(steps(&operations.cut(6)), [(5, 4), (8, 2)]);
        assert_eq!(operations.covered(6), 1);
        let cut = operations.cut(6);
        assert!(cut.keeps(Stamp::of_ticket(4), 6) && cut.keeps(Stamp::of_ticket(4), 3));
        assert!(!cut.keeps(Stamp::of_ticket(8), 2) && !cut.keeps(Stamp::of_ticket(8), 5));
        assert!(cut.keeps(Stamp::of_position(8), 3) && !cut.keeps(Stamp::of_position(8), 4));
        assert_eq!(Cut::from_steps(cut.steps().to_vec()), Some(cut.clone()));
        assert_eq!(Cut::from_steps(cut.steps().iter().rev().copied().collect()), None);
    }
}
