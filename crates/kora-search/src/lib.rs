//! The FT commands: their query language, arguments, expressions and aggregation, over [`kora_index`]. No I/O.
//!
//! - [`command`]: arguments to structs.
//! - [`aggregate`]: rows through the steps of FT.AGGREGATE.
//! - [`expression`]: what APPLY and FILTER compute of the values of a row.
//! - [`words`]: suggestions, dictionaries, synonyms, spelling.
//! - [`query`]: the text of a query to a tree, and the tree to what FT.EXPLAIN prints.

#![forbid(unsafe_code)]

pub mod aggregate;
pub mod command;
pub mod expression;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod number;
pub mod query;
pub mod stop_words;
#[cfg(test)]
mod testing;
pub mod value;
pub mod words;
