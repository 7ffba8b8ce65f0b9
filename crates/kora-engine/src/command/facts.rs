//! What is known of the engine's commands without running them.

mod pubsub;

pub use pubsub::*;
