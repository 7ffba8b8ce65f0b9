//! What an engine needs to know of who drives it: its front.

use std::fmt;
use std::marker::PhantomData;

use kora_core::shard::operation::{Driver, Part};
use kora_core::shard::replies::Replies;
use kora_core::shard::serve::Blocked;
use kora_core::slot::ShardId;

/// Who stands between clients and an engine: the server, a program that has the engine in itself, a test.
pub trait Front: fmt::Debug + Send + Sync + Sized + 'static {
    /// Collects the replies of an operation's part.
    type Replies: Replies;
    /// What the front's workers tell each other.
    type Mail: Send;
    /// Runs a command that is not the core's.
    type Handler: Copy + Send + Sync + fmt::Debug;
}

/// A client's number: never reused while the engine runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId(pub u64);

/// A client that waits for an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The worker that serves it.
    pub worker: ShardId,
    /// Its place among that worker's clients.
    pub slot: usize,
    /// Tells whether the place is still the same client's.
    pub client: ClientId,
}

/// The workers of an engine with this front, as the driver of its shards.
pub struct Workers<F>(PhantomData<fn() -> F>);

impl<F> fmt::Debug for Workers<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Workers")
    }
}

impl<F: Front> Driver for Workers<F> {
    type Replies = F::Replies;
    type Origin = Origin;
    type Mail = F::Mail;

    fn home(origin: &Origin) -> Option<ShardId> {
        Some(origin.worker)
    }

    fn deliver(_: Part<Self>) {
        unreachable!("every client is served by a worker");
    }

    fn blocked(_: Blocked<Self>) {
        unreachable!("every client is served by a worker");
    }
}
