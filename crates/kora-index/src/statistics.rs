//! What scores need to know of a whole index: how many documents it has, how long they are, and in how many of them each word of a query is.
//!
//! Each part of an index gathers its own for a plan ([`Gathering`]); the caller merges them and gives the sum to the search of each part. So scores,
//! and which words a pattern stands for, come out as if there were one part.

use std::fmt;

use crate::dictionary::Compiled;
use crate::index::{Held, Index, Indexed};
use crate::plan::{Leaf, Plan};
use crate::postings::Layout;
use crate::table::Snapshot;

/// Figures of an index, for one plan.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Statistics {
    /// Documents.
    pub documents: u64,
    /// Sum of their lengths in words.
    pub length_total: u64,
    /// For each leaf of the plan.
    pub(crate) leaves: Vec<LeafStatistics>,
    /// Numbers in each range of the plan, and points in the ranges of each circle.
    pub(crate) sets: Vec<u64>,
    /// Numbers or points in the whole field of each of those.
    pub(crate) set_totals: Vec<u64>,
}

/// In how many documents something is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum LeafStatistics {
    /// A word or value.
    Count(u64),
    /// What a pattern stands for, in the order of its bytes.
    Expansions(Vec<(Box<str>, u64)>),
}

impl LeafStatistics {
    /// Documents that have it, or of all that a pattern stands for, added up.
    pub(crate) fn count(&self) -> u64 {
        match self {
            Self::Count(count) => *count,
            Self::Expansions(expansions) => expansions.iter().map(|(_, count)| count).sum(),
        }
    }
}

impl Statistics {
    /// Adds those of another part of the index, for the same plan. Complexity: O(their size).
    pub fn merge(&mut self, other: Self, plan: &Plan) {
        self.documents += other.documents;
        self.length_total += other.length_total;
        add_all(&mut self.sets, &other.sets);
        add_all(&mut self.set_totals, &other.set_totals);
        if self.leaves.is_empty() {
            self.leaves = other.leaves;
            return;
        }
        for (leaf, more) in self.leaves.iter_mut().zip(other.leaves) {
            match (leaf, more) {
                (LeafStatistics::Count(count), LeafStatistics::Count(more)) => *count += more,
                (LeafStatistics::Expansions(expansions), LeafStatistics::Expansions(more)) => {
                    merge_expansions(expansions, more, plan.expansions_max);
                }
                _ => {}
            }
        }
    }

    /// Whether RediSearch would find the numbers of a range in several nodes of its tree of numbers.
    pub(crate) fn is_spread(&self, set: usize) -> bool {
        let (Some(&count), Some(&total)) = (self.sets.get(set), self.set_totals.get(set)) else {
            return false;
        };
        total >= ONE_NODE && count >= node_size(total)
    }

    /// Numbers in the nodes of that tree in which those of a range are.
    pub(crate) fn nodes_estimate(&self, set: usize) -> u64 {
        let count = self.sets.get(set).copied().unwrap_or(0);
        match self.set_totals.get(set).copied() {
            Some(total) if total > 0 => total.min(count + node_size(total)),
            _ => count,
        }
    }

    /// Average length of a document.
    #[expect(clippy::cast_precision_loss, reason = "an average")]
    pub(crate) fn average_length(&self) -> f64 {
        if self.documents == 0 { 0.0 } else { self.length_total as f64 / self.documents as f64 }
    }

    /// Words and values that a search opens, each as often as the query has it. Complexity: O(leaves).
    pub(crate) fn opened(&self, plan: &Plan) -> usize {
        let counts = self.leaves.iter().enumerate().map(|(place, leaf)| match leaf {
            LeafStatistics::Count(_) => 1,
            LeafStatistics::Expansions(expansions) => expansions.len().saturating_mul(plan.uses_of(place)),
        });
        counts.fold(0, usize::saturating_add)
    }

    /// Whether the plan's patterns stand for more words together than a query may ask for ([`Plan::words_max`]). Complexity: O(leaves).
    #[must_use]
    pub fn asks_too_much(&self, plan: &Plan) -> bool {
        let words = self.leaves.iter().enumerate().map(|(place, leaf)| match leaf {
            LeafStatistics::Count(_) => 0,
            LeafStatistics::Expansions(expansions) => expansions.len().saturating_mul(plan.uses_of(place)),
        });
        words.fold(0, usize::saturating_add) > plan.words_max()
    }

    /// How many words and values the plan's patterns stand for.
    #[must_use]
    pub fn expansion_count(&self) -> usize {
        let counts = self.leaves.iter().map(|leaf| match leaf {
            LeafStatistics::Count(_) => 0,
            LeafStatistics::Expansions(expansions) => expansions.len(),
        });
        counts.sum()
    }
}

/// So many numbers are in one node, whatever they are.
const ONE_NODE: u64 = 20;

/// How many of so many numbers are about in one node: there are several nodes from some twenty numbers on, the more the more numbers there are.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a share of a count"
)]
fn node_size(total: u64) -> u64 {
    if total < ONE_NODE {
        return total;
    }
    (total as f64 * (24.0 / total as f64).sqrt().min(0.4)).ceil() as u64
}

fn add_all(counts: &mut Vec<u64>, more: &[u64]) {
    counts.resize(more.len(), 0);
    counts.iter_mut().zip(more).for_each(|(count, more)| *count += more);
}

fn merge_expansions(expansions: &mut Vec<(Box<str>, u64)>, more: Vec<(Box<str>, u64)>, max: usize) {
    expansions.extend(more);
    expansions.sort_by(|one, other| one.0.cmp(&other.0));
    expansions.dedup_by(|later, first| {
        let is_same = later.0 == first.0;
        first.1 += if is_same { later.1 } else { 0 };
        is_same
    });
    expansions.truncate(max);
}

/// What a word that a pattern stands for counts besides, in steps: it is kept.
const STEPS_PER_WORD: usize = 2;
/// What a pattern counts, in steps.
const STEPS_PER_PATTERN: usize = 4;

/// Gathers a part's statistics, some steps at a time.
pub struct Gathering {
    statistics: Statistics,
    /// Places of the patterns that are not through; the last one is under way.
    patterns: Vec<usize>,
    /// The last of them, once it has begun.
    current: Option<Compiled>,
    /// Words that those that are through stand for, as often as the query has them.
    words: usize,
    /// Goes on while documents come and die: only words count that are in one that this sees.
    snapshot: Option<Snapshot>,
}

impl fmt::Debug for Gathering {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Gathering").field("statistics", &self.statistics).finish_non_exhaustive()
    }
}

impl Gathering {
    /// Begins: all but patterns is counted at once. What is to go on later is given the search's snapshot, at the moment that it is taken.
    ///
    /// Complexity: O(leaves of the plan), and O(runs of numbers) for each range.
    #[must_use]
    pub fn new(index: &Index, plan: &Plan, snapshot: Option<Snapshot>) -> Self {
        let mut patterns = Vec::new();
        let leaves = plan.leaves.iter().enumerate().map(|(place, leaf)| match leaf {
            Leaf::Word(text) => LeafStatistics::Count(count_of(index.terms(), text)),
            Leaf::Value(field, text) => match &index.fields()[*field].indexed {
                Indexed::Tags(dictionary) => LeafStatistics::Count(count_of(dictionary, text)),
                _ => LeafStatistics::Count(0),
            },
            Leaf::Words(_) | Leaf::Values(..) => {
                patterns.push(place);
                LeafStatistics::Expansions(Vec::new())
            }
        });
        let leaves = leaves.collect();
        patterns.reverse();
        let table = index.table();
        let sets = plan.sets.iter().map(|set| set.count(index) as u64).collect();
        let set_totals = plan.sets.iter().map(|set| set.total(index) as u64).collect();
        let (documents, length_total) = (table.len() as u64, table.length_total());
        let statistics = Statistics { documents, length_total, leaves, sets, set_totals };
        Self { statistics, patterns, current: None, words: 0, snapshot }
    }

    /// Goes on until it is through or has looked at so many words. Returns whether it is through; it is as soon as there are more words than a query may
    /// ask for ([`Statistics::asks_too_much`]). What changes between two steps changes counts, and
    /// so scores, but not what the snapshot matches.
    pub fn step(&mut self, index: &Index, plan: &Plan, mut steps: usize) -> bool {
        while let Some(&place) = self.patterns.last() {
            if steps == 0 {
                return false;
            }
            let words = (index.terms(), index.layout());
            let (pattern, (dictionary, layout)) = match &plan.leaves[place] {
                Leaf::Values(field, pattern) => match &index.fields()[*field].indexed {
                    Indexed::Tags(dictionary) => (pattern, (&**dictionary, Layout::BARE)),
                    _ => (pattern, words),
                },
                Leaf::Words(pattern) => (pattern, words),
                Leaf::Word(_) | Leaf::Value(..) => {
                    self.patterns.pop();
                    continue;
                }
            };
            let is_seen = |held: &Held| match &self.snapshot {
                None => held.count() > 0,
                Some(snapshot) => sees_any(index, snapshot, held, layout),
            };
            if let LeafStatistics::Expansions(found) = &mut self.statistics.leaves[place] {
                let of_values = matches!(plan.leaves[place], Leaf::Values(..));
                let compiled = self.current.get_or_insert_with(|| {
                    if of_values { Compiled::of_bytes(pattern) } else { Compiled::new(pattern) }
                });
                let before = found.len();
                let is_through = dictionary.expand(compiled, &mut steps, |text, held: &Held| {
                    if is_seen(held) {
                        found.push((text.into(), held.count().max(1)));
                    }
                    found.len() < plan.expansions_max
                });
                steps = steps.saturating_sub((found.len() - before) * STEPS_PER_WORD + STEPS_PER_PATTERN);
                if !is_through {
                    return false;
                }
                self.words = self.words.saturating_add(found.len().saturating_mul(plan.uses_of(place)));
            }
            (self.current, _) = (None, self.patterns.pop());
            if self.words > plan.words_max() {
                self.patterns.clear();
            }
        }
        true
    }

    /// What was gathered.
    #[must_use]
    pub fn finish(self) -> Statistics {
        self.statistics
    }

    /// Gathers all at once.
    #[must_use]
    pub fn all(index: &Index, plan: &Plan) -> Statistics {
        let mut gathering = Self::new(index, plan, None);
        while !gathering.step(index, plan, usize::MAX) {}
        gathering.finish()
    }
}

/// Whether a word or value is in a document that a snapshot sees. Complexity: O(1), but O(documents with it) where they came or died of late.
fn sees_any(index: &Index, snapshot: &Snapshot, held: &Held, layout: Layout) -> bool {
    let mut cursor = held.postings.cursor(layout);
    let mut document = cursor.advance(0, u128::MAX);
    while document < snapshot.horizon() {
        if index.table().sees(snapshot, document) {
            return true;
        }
        document = cursor.advance(document + 1, u128::MAX);
    }
    false
}

fn count_of(dictionary: &crate::dictionary::Dictionary<Held>, text: &str) -> u64 {
    dictionary.find(text).and_then(|number| dictionary.value(number)).map_or(0, Held::count)
}
