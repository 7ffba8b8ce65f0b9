//! Secondary indexes over documents, without any input or output: what an index is declared to hold ([`schema`]), what is asked of it
//! ([`query`]), and how it answers.
//!
//! A query language only parses to a [`query::Node`]; an index only evaluates one. So several languages share one engine.

#![forbid(unsafe_code)]

pub mod analysis;
mod dictionary;
pub mod document;
mod geo;
mod numbers;
mod postings;
pub mod query;
pub mod schema;
mod table;
mod varint;
