//! What the parts of a query do while it is searched for: how many documents each of them came to, and how long that took.
//!
//! One profile is shared by the searches through all parts of an index, which add to it.

mod tree;

use std::sync::Arc;

use crate::index::Index;
use crate::matcher::{Builder, Counting, build};
use crate::plan::Plan;
use crate::sets::DocumentSet;
use crate::statistics::Statistics;
use crate::table::Snapshot;
use crate::tally::{Clock, Tally};

pub use tree::{Kind, ProfiledPart, UnionOf};

/// See the module.
#[derive(Debug)]
pub struct Profile {
    /// The parts as they are built, with nothing counted.
    root: ProfiledPart,
    /// By the numbers of parts.
    tallies: Box<[Tally]>,
    /// How long the sets of the plan took to collect.
    sets: Box<[Tally]>,
    /// Documents of the keys that the query names.
    keys: Tally,
    clock: Clock,
}

impl Profile {
    /// Nothing done yet. Any part of the index will do.
    ///
    /// Complexity: O(parts of the plan and words that its patterns stand for).
    #[must_use]
    pub fn new(
        index: &Index,
        plan: &Plan,
        statistics: &Statistics,
        snapshot: &Snapshot,
        clock: Clock,
    ) -> Self {
        let sets: Vec<DocumentSet> = plan.sets.iter().map(|_| DocumentSet::new(0, 0)).collect();
        let counting = Some(Counting::new(&[], clock));
        let builder = Builder { index, plan, statistics, snapshot, sets: &sets, nears: &[], counting };
        let root = tree::describe(&build(&builder), plan, statistics, index);
        let count = builder.counting.as_ref().map_or(0, Counting::len);
        let none = |count: usize| (0..count).map(|_| Tally::default()).collect();
        Self { root, tallies: none(count), sets: none(plan.sets.len()), keys: Tally::default(), clock }
    }

    pub(crate) fn counting(&self) -> Counting<'_> {
        Counting::new(&self.tallies, self.clock)
    }

    /// Notes that the document of a key is looked at.
    pub(crate) fn note_key(&self) {
        self.keys.note(1);
    }

    /// Collects a set of the plan.
    pub(crate) fn prepare(&self, set: usize, collect: impl FnOnce() -> bool) -> bool {
        match self.sets.get(set) {
            None => collect(),
            Some(tally) => tally.time(self.clock, collect),
        }
    }

    /// What was done until now, part by part. `nearest` tells how many were found of those that are the nearest.
    ///
    /// Complexity: O(parts).
    #[must_use]
    pub fn parts(&self, plan: &Arc<Plan>, nearest: u64) -> ProfiledPart {
        let root = self.counted(&self.root);
        let (documents, taken) = (root.documents, root.taken);
        let part = |kind, documents, parts| ProfiledPart { kind, documents, taken, parts, number: None };
        if plan.nearest.is_some() {
            // Of all documents, the nearest are looked for without a filter.
            let is_filtered =
                !matches!(&root.kind, Kind::Not if root.parts.iter().all(|part| part.kind == Kind::Nothing));
            return part(Kind::Nearest, nearest, if is_filtered { vec![root] } else { Vec::new() });
        }
        if plan.keys.is_some() {
            let keys = ProfiledPart {
                kind: Kind::Keys,
                documents: self.keys.documents(),
                ..ProfiledPart::default()
            };
            return part(Kind::And, documents, vec![keys, root]);
        }
        root
    }

    fn counted(&self, part: &ProfiledPart) -> ProfiledPart {
        let parts: Vec<_> = part.parts.iter().map(|part| self.counted(part)).collect();
        let tally = part.number.and_then(|number| self.tallies.get(number));
        let mut taken = tally.map(Tally::taken).unwrap_or_default();
        // The walk through a part holds those through its own parts, but sets are collected before.
        if let Kind::Numbers { set, .. } | Kind::Points { set, .. } | Kind::Scalars { set, .. } = &part.kind {
            taken += self.sets.get(*set).map(Tally::taken).unwrap_or_default();
        }
        let longest = parts.iter().map(|part| part.taken).max().unwrap_or_default();
        ProfiledPart {
            kind: part.kind.clone(),
            documents: tally.map_or(0, Tally::documents),
            taken: taken.max(longest),
            parts,
            number: part.number,
        }
    }
}
