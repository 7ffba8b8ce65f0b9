//! What is known of the engine's commands without running them.

mod pubsub;
mod scripting;
mod transaction;

pub use pubsub::*;
pub use scripting::*;
pub use transaction::*;
