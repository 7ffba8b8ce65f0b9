//! How many documents a plan is expected to match.

use super::{Part, Plan};
use crate::statistics::{LeafStatistics, Statistics};

impl Plan {
    /// Documents of the whole index that it matches at most, as far as statistics tell: of a conjunction the least of its parts, of alternatives the sum.
    /// `EXPLAIN` shows it beside the number that a search matched. Complexity: O(parts, and what patterns stand for).
    #[must_use]
    pub fn estimate(&self, statistics: &Statistics) -> u64 {
        self.root.estimate(statistics).min(statistics.documents)
    }
}

impl Part {
    /// Documents of the whole index that it matches at most; alternatives may add up to more than there are, as in the oracle, whose order of the
    /// parts of a conjunction this gives.
    pub(crate) fn estimate(&self, statistics: &Statistics) -> u64 {
        match self {
            Self::Nothing => 0,
            Self::Word { leaf, .. }
            | Self::Value { leaf, .. }
            | Self::Words { leaf, .. }
            | Self::Values { leaf, .. } => statistics.leaves.get(*leaf).map_or(0, LeafStatistics::count),
            Self::And { parts, .. } => parts.iter().map(|part| part.estimate(statistics)).min().unwrap_or(0),
            Self::Or { parts, .. } => {
                parts.iter().fold(0, |sum: u64, part| sum.saturating_add(part.estimate(statistics)))
            }
            Self::Set(place) => statistics.sets.get(*place).copied().unwrap_or(0),
            Self::All | Self::Missing { .. } | Self::Not(_) | Self::Optional { .. } => statistics.documents,
        }
    }
}
