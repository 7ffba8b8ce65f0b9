//! What a server is made of but for its threads' loops and sockets: one assembly of the engine, whoever drives it.
//!
//! No sockets, no configuration files, no wire format. `docs/architecture.md` has the map.

pub mod counters;
pub mod events;
pub mod latency;
pub mod memory;
pub mod pubsub;
pub mod threads;
