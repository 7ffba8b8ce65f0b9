//! What a process recorded since its start, and which of it counts if the log ends with some record: found the slow way, from what
//! the rule says.

use std::collections::{BTreeMap, BTreeSet};

use kora_stream::order::Stamp;
use kora_stream::record::Part;

use super::State;

/// A change that is atomic.
#[derive(Debug)]
pub(super) struct Unit {
    pub(super) stamp: Stamp,
    pub(super) key: Vec<u8>,
    pub(super) value: Vec<u8>,
}

/// See the module.
#[derive(Debug)]
pub(super) struct History {
    /// The state at the start.
    begin: State,
    /// Records at which a log may end.
    ends: BTreeSet<u64>,
    units: Vec<(u64, Unit)>,
    /// The records that hold a part of an operation, and how many parts it has.
    operations: BTreeMap<u64, (u16, Vec<u64>)>,
}

impl History {
    /// Begins behind a record, with a state.
    pub(super) fn new(record: u64, begin: State) -> Self {
        Self { begin, ends: [record].into(), units: Vec::new(), operations: BTreeMap::new() }
    }

    pub(super) fn note(&mut self, record: u64, parts: &[Part], units: Vec<Unit>) {
        self.ends.insert(record);
        self.units.extend(units.into_iter().map(|unit| (record, unit)));
        for part in parts {
            let (_, records) = self.operations.entry(part.ticket).or_insert_with(|| (part.count, Vec::new()));
            records.push(record);
        }
    }

    /// A log may end there because the next one begins behind it.
    pub(super) fn note_barrier(&mut self, record: u64) {
        self.ends.insert(record);
    }

    /// The operations that do not count if the log ends with a record, each with the record of its first part.
    fn lost(&self, end: u64) -> BTreeMap<u64, u64> {
        let within = |records: &[u64]| records.iter().filter(|record| **record <= end).count();
        let mut lost = BTreeMap::new();
        loop {
            let next = self.operations.iter().find(|(ticket, (count, records))| {
                let present = within(records);
                let taken = records.iter().take(present);
                let taken = taken.filter(|record| takes(&lost, Stamp::of_ticket(**ticket), **record)).count();
                !lost.contains_key(*ticket) && present > 0 && (present < usize::from(*count) || taken > 0)
            });
            let Some((ticket, (_, records))) = next else { return lost };
            lost.insert(*ticket, records[0]);
        }
    }

    /// The state that a log gives which ends with a record; none if it can't end there.
    pub(super) fn state_at(&self, end: u64) -> Option<State> {
        self.ends.contains(&end).then(|| {
            let lost = self.lost(end);
            let mut state = self.begin.clone();
            for (record, unit) in self.units.iter().filter(|(record, _)| *record <= end) {
                if !takes(&lost, unit.stamp, *record) {
                    state.insert(unit.key.clone(), unit.value.clone());
                }
            }
            state
        })
    }

    /// The first record of which something does not count if the log ends with a record.
    pub(super) fn first_lost(&self, end: u64) -> Option<u64> {
        let lost = self.lost(end);
        let units =
            self.units.iter().filter(|(record, unit)| *record <= end && takes(&lost, unit.stamp, *record));
        lost.values().copied().chain(units.map(|(record, _)| *record)).min()
    }

    /// The last record up to which everything counts if the log ends with a record.
    pub(super) fn covered(&self, end: u64) -> u64 {
        self.first_lost(end).map_or(end, |lost| lost - 1)
    }
}

/// Whether one of the operations takes what has a stamp, in a record.
fn takes(lost: &BTreeMap<u64, u64>, stamp: Stamp, record: u64) -> bool {
    lost.iter().any(|(ticket, first)| Stamp::of_ticket(*ticket) <= stamp && *first <= record)
}
