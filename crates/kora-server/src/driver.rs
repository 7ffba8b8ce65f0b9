//! How the core's shards reach the server's connections.

use kora_engine::front::{Origin, Workers};

use crate::net::{Peer, Stream};
use crate::shared::Shared;

/// The server as the driver of its shards.
pub(crate) type ServerDriver = Workers<Shared>;

/// What one worker tells another.
#[derive(Debug)]
pub(crate) enum WorkerMail {
    /// Serve this new connection.
    Adopt(Stream, Peer),
    /// Close this client's connection.
    Kill(Origin),
    /// Close this client's connection at once, to save memory.
    Evict(Origin),
    /// End this client's wait, with an error or as if its time were over.
    Unblock(Origin, bool),
    /// What this client waited for is free: FLUSHALL and FLUSHDB.
    Freed(Origin),
    /// CONFIG SET has come to its end: what went wrong, if anything did.
    Configured(Origin, Option<String>),
    /// A pause ended or changed.
    PauseChanged,
    /// Do nothing for this long: DEBUG SLEEP.
    Sleep(std::time::Duration),
    /// Save if that is configured, and end the server.
    End,
    /// Listen on these instead.
    Listen(crate::listen::Change),
}
