//! The Kora server.

pub mod command;
pub mod config;
pub mod introspect;
pub mod log;
