//! Secondary indexes over documents, without any input or output: what an index is declared to hold ([`schema`]), what is asked of it
//! ([`query`]), and how it answers.
//!
//! A query language only parses to a [`query::Node`]; an index only evaluates one. So several languages share one engine.

#![forbid(unsafe_code)]

pub mod analysis;
mod dictionary;
pub mod document;
pub mod error;
mod geo;
pub mod hashed;
mod index;
mod matcher;
mod numbers;
pub mod plan;
mod postings;
pub mod profile;
pub mod query;
pub mod scalar;
mod scalars;
pub mod schema;
pub mod score;
pub mod search;
mod sets;
mod slab;
pub mod statistics;
mod table;
pub mod tally;
mod varint;
mod vectors;

pub use index::{Index, Memory, WordsNear};
pub use table::Snapshot;
