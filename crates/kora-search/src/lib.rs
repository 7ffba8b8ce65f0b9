//! The FT commands: their query language, arguments, expressions and aggregation, over [`kora_index`]. No I/O.
//!
//! - `handler`: the commands on the engine; [`COMMANDS`] for whoever assembles one.
//! - `companion`: the parts of indexes that go along with the stores.
//! - `suggestion_type`: the type of the keys of FT.SUG*.
//! - `service`: what is declared, which all shards share ([`Service`]).
//! - [`command`]: arguments to structs.
//! - [`aggregate`]: rows through the steps of FT.AGGREGATE.
//! - `excerpt`: words of a text marked, and pieces of it.
//! - [`expression`]: what APPLY and FILTER compute of the values of a row.
//! - [`words`]: suggestions, dictionaries, synonyms, spelling.
//! - [`query`]: the text of a query to a tree, and the tree to what FT.EXPLAIN prints.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod command;
mod companion;
mod excerpt;
pub mod expression;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod handler;
pub mod number;
pub mod query;
mod service;
pub mod stop_words;
mod suggestion_type;
#[cfg(test)]
mod testing;
pub mod value;
pub mod words;

pub use handler::COMMANDS;
use kora_core::entry::data_type::DataType;
pub use service::{Pace, Service};
pub use suggestion_type::SUGGESTIONS;

/// The data types that this crate brings along.
pub const TYPES: &[&DataType] = &[&SUGGESTIONS];

/// Name and version of the module of Redis that has these commands, for clients that ask.
pub const MODULE: (&str, i64) = ("search", 21005);
