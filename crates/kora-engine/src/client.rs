//! Who a client is, and where it is served.

use kora_core::slot::ShardId;

/// A client's number: never reused while the engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// A client, and where it is served: who waits when it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The worker that serves it.
    pub worker: ShardId,
    /// Its place among that worker's sessions.
    pub slot: usize,
    /// Tells whether the place is still the same client's.
    pub client: ClientId,
}

/// Where a client is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SessionPlace {
    /// The worker.
    pub worker: ShardId,
    /// Its place among that worker's sessions.
    pub slot: usize,
}
