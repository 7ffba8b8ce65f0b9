//! What a command runs in that is about the engine and no session: clients may send it, and scripts may call it.

use kora_core::error::CommandResult;
use kora_core::reply::Reply;
use kora_core::time::UnixMs;

use super::Engine;
use crate::front::Front;

/// See the module.
#[derive(Debug)]
pub struct ServerCall<'a, F: Front> {
    /// The engine.
    pub engine: &'a Engine<F>,
    /// Its front.
    pub front: &'a F,
    /// The time.
    pub now: UnixMs,
}

impl<F: Front> Clone for ServerCall<'_, F> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<F: Front> Copy for ServerCall<'_, F> {}

/// Runs such a command: writes one reply, or refuses before writing any.
pub type ServerHandler<F> = fn(ServerCall<'_, F>, &[&[u8]], &mut dyn Reply) -> CommandResult;
