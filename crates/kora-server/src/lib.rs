//! The Kora server.

pub mod config;
pub mod log;
