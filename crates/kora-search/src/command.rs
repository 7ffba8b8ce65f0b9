//! The arguments of FT commands: to structs, or to the errors of RediSearch.
//!
//! Arguments are those behind the name of a command. Words are admitted in any case. What an option says is in its struct; whoever
//! carries a command out heeds each of them, or refuses it.

pub mod aggregate;
mod args;
pub mod create;
mod error;
pub mod hybrid;
pub mod options;
pub mod profile;
pub mod search;
pub mod small;
pub mod words;

#[cfg(test)]
mod tests;

pub use self::error::{ArgumentError, BadValue};
