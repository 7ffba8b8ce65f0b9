//! What is known of the server's commands without running them.

mod acl;
mod client;
mod command;
mod config;
mod connection;
mod server;

pub use acl::*;
pub use client::*;
pub use command::*;
pub use config::*;
pub use connection::*;
pub use kora_engine::command::facts::*;
pub use server::*;
