//! From a plan to what walks through an index.
//!
//! What matches, and in which order parts count for scores, depends on the plan and the statistics alone, so it is the same in each part of an index: a
//! word that is nowhere is left out of a union, and parts of a conjunction stand in the order of their counts in the whole index, unless their order is
//! asked for.

use super::{And, Counting, Matcher, Or, of_set};
use crate::dictionary::Dictionary;
use crate::index::{Held, Index, Indexed};
use crate::plan::{Leaf, Part, Plan, SetOf};
use crate::postings::{Cursor, Layout};
use crate::score;
use crate::sets::DocumentSet;
use crate::statistics::{LeafStatistics, Statistics};
use crate::table::Snapshot;

/// What a matcher is built from.
pub(crate) struct Builder<'a> {
    pub(crate) index: &'a Index,
    pub(crate) plan: &'a Plan,
    pub(crate) statistics: &'a Statistics,
    pub(crate) snapshot: &'a Snapshot,
    pub(crate) sets: &'a [DocumentSet],
    /// What is near, where that was found beforehand.
    pub(crate) nears: &'a [Option<DocumentSet>],
    /// Counts what the parts do, if that is asked for.
    pub(crate) counting: Option<Counting<'a>>,
}

/// The matcher of a plan. Complexity: O(parts of the plan and words that its patterns stand for).
pub(crate) fn build<'a>(builder: &Builder<'a>) -> Matcher<'a> {
    builder.part(&builder.plan.root)
}

impl<'a> Builder<'a> {
    fn part(&self, part: &'a Part) -> Matcher<'a> {
        match &self.counting {
            None => self.bare(part),
            Some(counting) => counting.count(part, || self.bare(part)),
        }
    }

    fn bare(&self, part: &'a Part) -> Matcher<'a> {
        let (table, snapshot) = (self.index.table(), self.snapshot);
        match part {
            Part::All => Matcher::All { table, snapshot, at: 0 },
            Part::Nothing => Matcher::Nothing,
            Part::Word { leaf, weight, fields } => {
                let Leaf::Word(text) = &self.plan.leaves[*leaf] else { return Matcher::Nothing };
                self.term(self.index.terms(), self.index.layout(), text, self.count(*leaf), *weight, *fields)
            }
            Part::Value { leaf, weight, field } => {
                let Leaf::Value(_, text) = &self.plan.leaves[*leaf] else { return Matcher::Nothing };
                let Indexed::Tags(dictionary) = &self.index.fields()[*field].indexed else {
                    return Matcher::Nothing;
                };
                self.term(dictionary, Layout::BARE, text, self.count(*leaf), *weight, u128::MAX)
            }
            Part::Words { leaf, weight, fields } => {
                self.expanded(part, *leaf, self.index.terms(), self.index.layout(), *weight, *fields)
            }
            Part::Values { leaf, weight, field } => match &self.index.fields()[*field].indexed {
                Indexed::Tags(dictionary) => {
                    self.expanded(part, *leaf, dictionary, Layout::BARE, *weight, u128::MAX)
                }
                _ => Matcher::Nothing,
            },
            Part::Set(place) if self.statistics.sets.get(*place) == Some(&0) => Matcher::Nothing,
            Part::Set(place) => {
                let is_group = match &self.plan.sets[*place] {
                    SetOf::Radius { .. } => true,
                    SetOf::Range { .. } => self.statistics.is_spread(*place),
                    SetOf::Scalars { .. } => false,
                };
                of_set(&self.sets[*place], is_group)
            }
            Part::Near(place) => {
                let near = &self.plan.nears[*place];
                match &self.index.fields()[near.field].indexed {
                    Indexed::Vectors(vectors) => {
                        let found = self.nears.get(*place).and_then(Option::as_ref).map(DocumentSet::cursor);
                        Matcher::Near { near, vectors, found, table, snapshot, at: 0, is_sure: false }
                    }
                    _ => Matcher::Nothing,
                }
            }
            Part::Missing { field, weight } => {
                let held = self.index.fields()[*field].missing.as_ref();
                let cursor = held.map_or_else(Cursor::empty, |held| held.postings.cursor(Layout::BARE));
                Matcher::Missing { cursor, weight: *weight, at: 0 }
            }
            Part::And { parts, weight, slop, in_order } => self.and(parts, *weight, *slop, *in_order),
            Part::Or { parts, weight, is_of_values } => {
                let mut kept: Vec<Matcher<'a>> = parts
                    .iter()
                    .map(|part| self.part(part))
                    .filter(|part| !matches!(part, Matcher::Nothing))
                    .collect();
                match kept.len() {
                    0 => Matcher::Nothing,
                    1 if !is_of_values => kept.remove(0),
                    _ => Matcher::Or(Or::new(kept, *weight, false)),
                }
            }
            Part::Not(inner) => {
                Matcher::Not { inner: Box::new(self.part(inner)), table, snapshot, at: 0, is_sure: false }
            }
            Part::Optional { part, missed } => {
                let inner = Box::new(self.part(part));
                Matcher::Optional { inner, missed: *missed, table, snapshot, at: 0, is_sure: false }
            }
        }
    }

    fn and(&self, parts: &'a [Part], weight: f64, slop: Option<u64>, in_order: bool) -> Matcher<'a> {
        let mut ordered: Vec<&'a Part> = parts.iter().collect();
        if !in_order {
            ordered.sort_by_key(|part| match part {
                Part::Set(place) => self.statistics.nodes_estimate(*place),
                part => part.estimate(self.statistics),
            });
        }
        let mut built: Vec<Matcher<'a>> = ordered.iter().map(|part| self.part(part)).collect();
        if built.iter().any(|part| matches!(part, Matcher::Nothing)) {
            return Matcher::Nothing;
        }
        // One part alone has its own weight, unless it is to add nothing to scores.
        if built.len() == 1 && weight != 0.0 {
            return built.remove(0);
        }
        Matcher::And(And::new(built, weight, slop, in_order))
    }

    fn count(&self, leaf: usize) -> u64 {
        self.statistics.leaves.get(leaf).map_or(0, LeafStatistics::count)
    }

    fn term(
        &self,
        dictionary: &'a Dictionary<Held>,
        layout: Layout,
        text: &'a str,
        documents: u64,
        weight: f64,
        fields: u128,
    ) -> Matcher<'a> {
        if documents == 0 {
            return Matcher::Nothing;
        }
        let held = dictionary.find(text).and_then(|number| dictionary.value(number));
        let cursor = held.map_or_else(Cursor::empty, |held| held.postings.cursor(layout));
        let is_current = self.index.table().is_current(self.snapshot);
        let takes_all = !layout.fields || fields & self.index.text_fields() == self.index.text_fields();
        // Then nobody has to look at fields.
        let fields = if takes_all { u128::MAX } else { fields };
        let here = (is_current && takes_all).then(|| held.map_or(0, Held::count));
        let total = self.statistics.documents;
        let idf = (score::idf(total, documents), score::idf_std(total, documents));
        Matcher::Term { cursor, text, fields, weight, idf, here, at: 0 }
    }

    fn expanded(
        &self,
        part: &'a Part,
        leaf: usize,
        dictionary: &'a Dictionary<Held>,
        layout: Layout,
        weight: f64,
        fields: u128,
    ) -> Matcher<'a> {
        let Some(LeafStatistics::Expansions(expansions)) = self.statistics.leaves.get(leaf) else {
            return Matcher::Nothing;
        };
        if expansions.is_empty() {
            return Matcher::Nothing;
        }
        if let ([(text, documents)], Leaf::Values(..)) = (&**expansions, &self.plan.leaves[leaf]) {
            return self.term(dictionary, layout, text, *documents, 1.0, fields);
        }
        let parts = expansions
            .iter()
            .map(|(text, documents)| {
                let term = || self.term(dictionary, layout, text, *documents, 1.0, fields);
                match &self.counting {
                    None => term(),
                    Some(counting) => counting.count(part, term),
                }
            })
            .collect();
        Matcher::Or(Or::new(parts, weight, true))
    }
}
