//! How the core's shards reach the server's connections.

use kora_core::shard::operation::{Driver, Part};
use kora_core::shard::serve::Blocked;
use kora_core::slot::ShardId;

use crate::client::ClientId;
use crate::net::{Peer, Stream};
use crate::resp::RespReplies;

/// The server as the driver of its shards.
#[derive(Debug)]
pub(crate) struct ServerDriver;

/// A connection that waits for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) worker: ShardId,
    pub(crate) slot: usize,
    /// Tells whether the place is still the same connection's.
    pub(crate) client: ClientId,
}

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

impl Driver for ServerDriver {
    type Replies = RespReplies;
    type Origin = Origin;
    type Mail = WorkerMail;

    fn home(origin: &Origin) -> Option<ShardId> {
        Some(origin.worker)
    }

    fn deliver(_: Part<Self>) {
        unreachable!("every connection is served by a worker");
    }

    fn blocked(_: Blocked<Self>) {
        unreachable!("every connection is served by a worker");
    }
}
