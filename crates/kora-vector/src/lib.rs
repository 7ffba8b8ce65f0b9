//! Vector sets: a type of the keyspace whose elements are named vectors in a graph, with attributes and filters on them. No I/O.
//!
//! [`VectorSet`] is what the keyspace holds; kora-hnsw is its graph. Whoever assembles an engine hands it [`TYPES`] and [`COMMANDS`].

#![forbid(unsafe_code)]

mod care;
pub mod command;
mod data_type;
mod file;
pub mod filter;
mod names;
mod pacing;
mod projection;
mod set;
mod texts;

pub use command::COMMANDS;
pub use data_type::VECTOR_SET;
use kora_core::entry::data_type::DataType;
pub use pacing::Pacing;
pub use set::{Quantization, Shape, VectorSet};

/// Name and version of the module of Redis that has these commands and this type, for clients that ask.
pub const MODULE: (&str, i64) = ("vectorset", 1);

/// The data types that this crate brings along.
pub const TYPES: &[&DataType] = &[&VECTOR_SET];
