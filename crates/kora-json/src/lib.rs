//! JSON values: a type of the keyspace, paths into it, and the commands on it. No I/O.
//!
//! A value is [packed](packed) into one run of bytes that is read in place. [`Path`] finds values in it; [`Json`] is what the keyspace
//! holds. Whoever assembles an engine hands it [`TYPES`] and [`COMMANDS`].

#![forbid(unsafe_code)]

pub mod command;
mod compare;
mod data_type;
mod edit;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
mod merge;
mod number;
pub mod packed;
mod parse;
mod path;
#[cfg(test)]
mod testing;
pub mod text;
pub mod tree;

pub use command::COMMANDS;
pub use compare::are_equal;
pub use data_type::{JSON, Json};
use kora_core::entry::data_type::DataType;
pub use number::Number;
pub use packed::{Container, Node, Value};
pub use parse::ParseError;
pub use path::{Budget, Path, PathError, TooMuch};

/// Name and version of the module of Redis that has these commands and this type, for clients that ask.
pub const MODULE: (&str, i64) = ("ReJSON", 20803);

/// The data types that this crate brings along.
pub const TYPES: &[&DataType] = &[&JSON];
