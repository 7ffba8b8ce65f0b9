//! The Kora server.

pub mod command;
pub mod config;
pub mod log;
