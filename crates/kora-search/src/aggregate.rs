//! Aggregation: rows through the steps of FT.AGGREGATE.
//!
//! The steps as they are asked for ([`plan`]) are compiled once ([`Pipeline`]). Each shard puts its own rows into a [`Partial`], which
//! goes through the steps up to the first one that needs all rows: a GROUPBY keeps states of groups, a SORTBY the first rows. Partials
//! are merged, in any grouping of neighbours, and the last one is finished: the rest of the steps runs on what is left.

mod columns;
mod error;
mod groups;
mod key;
mod partial;
mod pipeline;
pub mod plan;
mod reduce;
mod row;
mod sketch;
mod sort;

#[cfg(test)]
mod tests;

pub use self::columns::{Origin, Source};
pub use self::error::AggregateError;
pub use self::partial::{Outcome, Partial};
pub use self::pipeline::Pipeline;
pub use self::row::Row;

/// How much an aggregation may keep.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Rows.
    pub rows_max: usize,
    /// Groups of a GROUPBY.
    pub groups_max: usize,
    /// Values of the reducers of a GROUPBY.
    pub values_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rows_max: 1 << 22, groups_max: 1 << 20, values_max: 1 << 23 }
    }
}
