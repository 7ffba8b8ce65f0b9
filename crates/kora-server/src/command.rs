//! The server's own commands.

pub mod facts;
