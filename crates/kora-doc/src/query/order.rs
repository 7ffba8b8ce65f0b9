//! The order of what is found, and the first of it in bounded memory.

use std::cmp::Ordering;

use kora_index::search::Direction;

/// Rows above the limit that are kept before the last ones are dropped.
const SPARE: usize = 256;

/// A document that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    /// Which of the stores in hand it is in.
    pub(crate) place: usize,
    pub(crate) position: Position,
}

/// A place in an order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    /// What it is sorted by; where a document has no scalar there is none.
    pub(crate) keys: Vec<Option<Box<[u8]>>>,
    /// When it was written, among all documents.
    pub(crate) order: u64,
    pub(crate) id: Box<[u8]>,
}

/// Which of two comes first: by the keys in these directions, where none is behind all others either way, and then by the ids; or by the order in which they were written,
/// if there are no keys.
pub(crate) fn compare(directions: &[Direction], one: &Position, other: &Position) -> Ordering {
    if directions.is_empty() {
        return one.order.cmp(&other.order);
    }
    let keys = directions.iter().zip(one.keys.iter().zip(&other.keys));
    let mut orders =
        keys.map(|(direction, keys)| compare_keys(*direction, keys.0.as_deref(), keys.1.as_deref()));
    orders.find(|order| order.is_ne()).unwrap_or_else(|| one.id.cmp(&other.id))
}

/// Which of two keys comes first.
pub(crate) fn compare_keys(direction: Direction, one: Option<&[u8]>, other: Option<&[u8]>) -> Ordering {
    match (one, other) {
        (None, None) => Ordering::Equal,
        (None, Some(_)) => Ordering::Greater,
        (Some(_), None) => Ordering::Less,
        (Some(one), Some(other)) if direction == Direction::Ascending => one.cmp(other),
        (Some(one), Some(other)) => other.cmp(one),
    }
}

/// The first of many documents.
#[derive(Debug)]
pub(crate) struct First {
    directions: Vec<Direction>,
    limit: usize,
    hits: Vec<Hit>,
}

impl First {
    pub(crate) fn new(directions: Vec<Direction>, limit: Option<usize>) -> Self {
        Self { directions, limit: limit.unwrap_or(usize::MAX), hits: Vec::new() }
    }

    pub(crate) fn directions(&self) -> &[Direction] {
        &self.directions
    }

    /// Offers a document. Complexity: O(1) on average.
    pub(crate) fn offer(&mut self, hit: Hit) {
        if self.limit == 0 {
            return;
        }
        self.hits.push(hit);
        if self.hits.len() >= self.limit.saturating_mul(2).saturating_add(SPARE) {
            let directions = &self.directions;
            self.hits.select_nth_unstable_by(self.limit - 1, |one, other| {
                compare(directions, &one.position, &other.position)
            });
            self.hits.truncate(self.limit);
        }
    }

    /// They, in their order.
    pub(crate) fn finish(mut self) -> Vec<Hit> {
        let directions = &self.directions;
        self.hits.sort_unstable_by(|one, other| compare(directions, &one.position, &other.position));
        self.hits.truncate(self.limit);
        self.hits
    }
}
