//! What is known of the engine's commands without running them.

mod pubsub;
mod transaction;

pub use pubsub::*;
pub use transaction::*;
