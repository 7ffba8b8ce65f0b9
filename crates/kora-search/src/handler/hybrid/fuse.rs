//! What two ranked lists come to together.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use kora_index::schema::Metric;

use crate::command::hybrid::Combination;

/// A document: the place of its part, and its number there.
pub(super) type Place = (usize, u32);

/// One of the results of a part: a document, its score, and its place among equals.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Ranked {
    pub(super) place: Place,
    pub(super) score: f64,
    pub(super) order: u64,
}

/// A document that either part has found.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Fused {
    pub(super) place: Place,
    pub(super) order: u64,
    pub(super) score: f64,
    /// The scores that it came with.
    pub(super) words: Option<f64>,
    pub(super) vectors: Option<f64>,
}

/// A score that grows with nearness, from 0 to 1 where distances have bounds.
pub(super) fn similarity(metric: Metric, distance: f64) -> f64 {
    let similarity = match metric {
        Metric::L2 => 1.0 / (1.0 + distance),
        // The mean of 1 and the inner product.
        Metric::InnerProduct | Metric::Cosine => 1.0 - distance / 2.0,
    };
    if similarity.is_nan() { 0.0 } else { similarity }
}

/// Combines two lists, each of them in its order. Equal scores are in the order of the documents. Complexity: O(n log n).
pub(super) fn fuse(combination: Combination, words: &[Ranked], vectors: &[Ranked]) -> Vec<Fused> {
    let mut all: BTreeMap<Place, Fused> = BTreeMap::new();
    let mut add = |list: &[Ranked], is_of_words: bool| {
        for (rank, ranked) in (1_u32..).zip(list) {
            let Ranked { place, order, score } = *ranked;
            let fused =
                all.entry(place).or_insert(Fused { place, order, score: 0.0, words: None, vectors: None });
            fused.score += match combination {
                Combination::Ranks { constant } => 1.0 / (constant + f64::from(rank)),
                Combination::Linear { words, vectors } => score * if is_of_words { words } else { vectors },
            };
            *(if is_of_words { &mut fused.words } else { &mut fused.vectors }) = Some(score);
        }
    };
    add(words, true);
    add(vectors, false);
    let mut fused: Vec<Fused> = all.into_values().collect();
    fused.sort_by(|one, other| other.score.total_cmp(&one.score).then(one.order.cmp(&other.order)));
    fused
}
