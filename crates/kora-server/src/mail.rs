//! What the server's workers tell each other.

use kora_engine::front::Origin;

use crate::net::listen::Change;
use crate::net::{Peer, Transport};

/// What one worker tells another.
#[derive(Debug)]
pub(crate) enum WorkerMail {
    /// Serve this new connection.
    Adopt(Transport, Peer),
    /// Close this client's connection.
    Kill(Origin),
    /// Close this client's connection at once, to save memory.
    Evict(Origin),
    /// Do nothing for this long: DEBUG SLEEP.
    Sleep(std::time::Duration),
    /// Listen on these instead.
    Listen(Change),
}
