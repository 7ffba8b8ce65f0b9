//! The Kora server: workers with a mio loop each, connections, configuration, and the commands about them.
//!
//! The data lives in `kora-core`, the wire format in `kora-protocol`. `docs/architecture.md` shows the way of a
//! command through all three.

mod clock;
pub mod command;
pub mod config;
pub mod descriptors;
mod disk_times;
mod http;
pub mod introspect;
pub mod last_words;
pub mod log;

mod metrics;
mod metrics_list;
pub mod net;
mod output;
mod push;
mod replication_id;
mod resp;
mod server;
pub mod service;
mod shared;
pub mod signals;
mod spread;
mod traffic;
mod users;
mod worker;

pub use server::{Ender, Server, check_users};

/// The list of all metrics, made from their declarations: `docs/metrics-list.md`.
///
/// # Errors
/// If the system gives no random bytes.
pub fn metrics_reference() -> std::io::Result<String> {
    metrics_list::markdown()
}

/// The page on all commands, made from their declarations: `docs/commands.md`.
#[must_use]
pub fn command_reference() -> String {
    introspect::reference::markdown(&command::table())
}
