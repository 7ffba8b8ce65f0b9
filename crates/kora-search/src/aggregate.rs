//! Aggregation: rows through the steps of FT.AGGREGATE.
//!
//! - [`plan`]: the steps, as they are asked for.

pub mod plan;
