//! What a server is made of but for its threads' loops and sockets: one assembly of the engine, whoever drives it.
//!
//! No sockets, no configuration files, no wire format. `docs/architecture.md` has the map.

pub mod access;
mod admission;
pub mod assembly;
pub mod caching;
pub mod client;
pub mod command;
pub mod counters;
#[cfg(any(test, feature = "crash"))]
pub mod crash;
pub mod embedded;
pub mod ending;
pub mod engine;
pub mod entropy;
pub mod events;
pub mod front;
pub mod latency;
pub mod memory;
mod memory_limit;
pub mod metrics;
pub mod observe;
pub mod pause;
pub mod persistence;
pub mod pubsub;
mod queue;
pub mod reclaim;
pub mod scripting;
pub mod session;
mod sessions;
pub mod settings;
pub mod stream;
pub mod threads;
pub mod turn;
pub mod usage;

pub use admission::NO_MODULES;
pub use engine::Engine;

/// The version of Redis whose behaviour clients may expect.
pub const REDIS_VERSION: &str = "8.0.2";
