//! Users and rules: who may run which command with which keys and channels.
//!
//! The rules, their order of precedence, their errors and how they are written down are Redis's: ACL SETUSER's. This crate
//! reads and writes them, keeps the set of users and the log of refusals as values, and judges. It does no input or output,
//! knows no connections, runs no commands and has no locks: whoever uses it puts these values behind locks of his own.

#![forbid(unsafe_code)]

pub mod catalog;
pub mod files;
#[cfg(any(test, feature = "fuzz"))]
pub mod fuzz;
pub mod judge;
pub mod log;
pub mod password;
pub mod pattern;
pub mod rules;
pub mod selector;
pub mod user;
pub mod users;

pub use catalog::{Catalog, CommandId};
pub use judge::{Denial, Verdict};
pub use rules::RuleError;
pub use user::User;
pub use users::Users;

#[cfg(test)]
mod tests;
