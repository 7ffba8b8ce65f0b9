//! The Kora server.

pub mod config;
