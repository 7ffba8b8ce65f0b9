//! SORTBY.

use std::cmp::Ordering;

use super::row::Row;
use crate::expression::Row as Readable;

/// Columns, and whether the greatest comes first.
pub(super) type Keys = Vec<(usize, bool)>;

/// The order of two rows. A row without a value comes last, however it is sorted; rows that are sorted alike keep their order, or have
/// it reversed if the last key has the greatest first.
pub(super) fn compare(keys: &Keys, left: &Row, right: &Row) -> Ordering {
    for (column, descending) in keys {
        let order = match (left.value(*column), right.value(*column)) {
            (Some(left), Some(right)) if *descending => right.total_order(left),
            (Some(left), Some(right)) => left.total_order(right),
            (Some(_), None) => Ordering::Less,
            (None, Some(_)) => Ordering::Greater,
            (None, None) => Ordering::Equal,
        };
        if order.is_ne() {
            return order;
        }
    }
    let is_reversed = keys.last().is_some_and(|(_, descending)| *descending);
    let order = left.order.cmp(&right.order);
    if is_reversed { order.reverse() } else { order }
}

/// Keeps the first rows by an order. Complexity: O(n log k) for n rows of which k are kept.
#[derive(Clone, Debug)]
pub(super) struct Top {
    keys: Keys,
    keep: usize,
    rows: Vec<Row>,
}

impl Top {
    pub(super) fn new(keys: Keys, keep: usize) -> Self {
        Self { keys, keep, rows: Vec::new() }
    }

    pub(super) fn add(&mut self, row: Row) {
        self.rows.push(row);
        if self.rows.len() >= self.keep.saturating_mul(2).max(64) {
            self.cut();
        }
    }

    /// How many rows are held.
    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Drops what is behind the rows to keep.
    fn cut(&mut self) {
        if self.rows.len() > self.keep {
            let keys = &self.keys;
            if self.keep > 0 {
                self.rows.select_nth_unstable_by(self.keep - 1, |left, right| compare(keys, left, right));
            }
            self.rows.truncate(self.keep);
        }
    }

    pub(super) fn finish(mut self) -> Vec<Row> {
        self.cut();
        let keys = &self.keys;
        self.rows.sort_by(|left, right| compare(keys, left, right));
        // Behind an order nobody knows which words of the query a row has.
        self.rows.iter_mut().for_each(|row| row.matched_terms = Vec::new());
        self.rows
    }
}
