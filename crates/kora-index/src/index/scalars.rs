//! The scalars of a field: what can be asked of them besides queries.

use super::{HeldScalars, Index, Indexed, contents};
use crate::scalar::ScalarRange;
use crate::search::{Direction, Flow};
use crate::table::Snapshot;
use crate::varint::Reader;

/// What is known of the scalars of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ScalarFigures {
    /// Pairs of a scalar and a document that has it.
    pub entries: u64,
    /// Different scalars, those included that only snapshots still see.
    pub values: u64,
    /// Bytes that they take, those included by which a document's are taken out.
    pub bytes: usize,
}

impl HeldScalars {
    /// How many scalars of documents that live are in the ranges, which do not overlap.
    pub(crate) fn count_in(&self, ranges: &[ScalarRange]) -> u64 {
        ranges.iter().map(|range| self.all.count_in(range) - self.dying.count_in(range)).sum()
    }
}

impl Index {
    fn held_scalars(&self, field: usize) -> Option<&HeldScalars> {
        match &self.fields.get(field)?.indexed {
            Indexed::Scalars(held) => Some(held),
            _ => None,
        }
    }

    /// What is known of a field's scalars, by the field's place in the schema. Complexity: O(1).
    #[must_use]
    pub fn scalar_figures(&self, field: usize) -> ScalarFigures {
        self.held_scalars(field).map_or_else(ScalarFigures::default, |held| ScalarFigures {
            entries: held.all.pairs() - held.dying.pairs(),
            values: held.all.values(),
            bytes: held.all.memory_bytes() + held.dying.memory_bytes() + held.listed_bytes,
        })
    }

    /// How many scalars of a field are in the ranges, which do not overlap. Complexity: O(log entries, and entries in the ranges / 500).
    #[must_use]
    pub fn count_scalars(&self, field: usize, ranges: &[ScalarRange]) -> u64 {
        self.held_scalars(field).map_or(0, |held| held.count_in(ranges))
    }

    /// Walks through the documents that live and have a scalar in a range, in the order of the scalars; those with one scalar come in any order. Returns
    /// whether it came to the end. Complexity: O(log entries + entries visited).
    pub fn walk_scalars(
        &self,
        field: usize,
        range: &ScalarRange,
        direction: Direction,
        mut visit: impl FnMut(&[u8], u32) -> Flow,
    ) -> bool {
        let Some(held) = self.held_scalars(field) else { return true };
        let has_dying = held.dying.pairs() > 0;
        held.all.walk(range, direction, None, &mut |value, document| {
            if has_dying && !self.table.is_alive(document) { Flow::Continue } else { visit(value, document) }
        })
    }

    /// Walks through the scalars of a field in their order with their documents, from behind a pair on if one is given. The call is told which of the documents
    /// a snapshot sees, so a walk is left by [`Flow::Rest`] and taken up behind the pair that came last. Returns whether it came to the end. Complexity: as
    /// for [`Index::walk_scalars`].
    pub fn walk_scalars_seen(
        &self,
        snapshot: &Snapshot,
        (field, range, direction): (usize, &ScalarRange, Direction),
        after: Option<(&[u8], u32)>,
        mut visit: impl FnMut(&[u8], u32, bool) -> Flow,
    ) -> bool {
        let Some(held) = self.held_scalars(field) else { return true };
        held.all.walk(range, direction, after, &mut |value, document| {
            visit(value, document, self.table.sees(snapshot, document))
        })
    }

    /// Calls with each scalar of a document that is not freed.
    pub(super) fn each_scalar_of(&mut self, number: u32, mut body: impl FnMut(&mut HeldScalars, &[u8])) {
        let Self { table, fields, .. } = self;
        if !fields.iter().any(|field| matches!(field.indexed, Indexed::Scalars(_))) {
            return;
        }
        let Some(record) = table.record(number) else { return };
        let mut reader = Reader::new(record.contents());
        contents::read_ascending(&mut reader, |_| {});
        contents::read_ascending(&mut reader, |_| {});
        for field in fields.iter_mut() {
            match &mut field.indexed {
                Indexed::Nothing | Indexed::Text(_) | Indexed::Vectors(_) => {}
                Indexed::Tags(_) => contents::read_ascending(&mut reader, |_| {}),
                Indexed::Numbers(_) | Indexed::Points(_) => {
                    contents::read_numbers(&mut reader, crate::document::SortKey::Missing, |_| {});
                }
                Indexed::Scalars(held) => contents::read_scalars(&mut reader, |value| body(held, value)),
            }
        }
    }
}
