//! What an engine needs to know of who drives it: its front.
//!
//! A front stands between clients and the engine's workers: the server with its sockets, a program that has the engine in
//! itself, a test. It is generic and monomorphised: a reply goes from the handler into the front's output without a detour.

pub mod probe;
mod standing;
pub mod values;

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use kora_core::db::DbIndex;
use kora_core::reply::Reply;
use kora_core::shard::hub::Hub;
use kora_core::shard::operation::{Driver, Operation, Part};
use kora_core::shard::probe::{Note, Rule};
use kora_core::shard::replies::Replies;
use kora_core::shard::serve::Blocked;
use kora_core::slot::WorkerId;
use kora_core::time::UnixMs;

pub use crate::client::{ClientId, Origin};
use crate::pubsub::{Publication, Via};
use probe::Probe;
pub use standing::{Standing, Whereabouts};

/// How a session reads replies: the version of its protocol.
pub type Style<F> = <<F as Front>::Replies as Replies>::Style;

/// Who stands between clients and an engine.
pub trait Front: fmt::Debug + Send + Sync + Sized + 'static {
    /// Collects the replies of an operation's part.
    type Replies: Collect<Self::Output>;
    /// Where the replies to a session gather until the front takes them.
    type Output: Output<Style<Self>>;
    /// What precedes a message in an output, for all who are reached by it in one way.
    type Head;
    /// What the front keeps with a session: its connection.
    type Link: fmt::Debug;
    /// What others may know of a client: its standing, and what the front adds.
    type Client: Deref<Target = Standing<Self>> + fmt::Debug + Send + Sync;
    /// Buffers that a worker keeps for the outputs of its sessions.
    type Buffers: fmt::Debug + Default;
    /// What the front's workers tell each other.
    type Mail: Send;
    /// What a test does to the engine: [`NoProbe`](probe::NoProbe) if this is no test's front.
    type Probe: Probe;

    /// Time since some moment that stays the same.
    fn elapsed(&self) -> Duration;

    /// Nanoseconds of a clock that never goes back: commands are timed by it.
    fn nanoseconds() -> u64;

    /// The same by a clock that costs less to read, and stands still for some milliseconds at a time.
    fn ticks() -> u64 {
        Self::nanoseconds()
    }

    /// Microseconds since the Unix epoch.
    fn unix_us(&self) -> u64 {
        0
    }

    /// Milliseconds that the process has run in user mode, and in the system.
    fn cpu_ms(&self) -> (u64, u64) {
        (0, 0)
    }

    /// The address and the name of a client, if it is still there.
    fn names_of(&self, _client: ClientId) -> (Vec<u8>, Vec<u8>) {
        (Vec::new(), Vec::new())
    }

    /// Shows others whether a client is told of all commands.
    fn show_monitor(_client: &Self::Client, _is_monitor: bool) {}

    /// The style of what nobody reads, and of sessions that have chosen none.
    fn plain() -> Style<Self>;

    /// Whether a session of this style can tell messages from replies.
    fn tells_messages_apart(style: Style<Self>) -> bool;

    /// The style of a session that can tell messages from replies, or of one that can't.
    fn style_of(tells_apart: bool) -> Style<Self>;

    /// Prepares an output for replies; for messages, if it is a subscriber's.
    fn prepare(buffers: &mut Self::Buffers, output: &mut Self::Output, is_subscriber: bool);

    /// Calls `body` with what precedes messages that reach a session in this way.
    fn with_head<T>(via: Via<'_>, body: impl FnOnce(&Self::Head) -> T) -> T;

    /// Writes a message.
    fn push(output: &mut Self::Output, style: Style<Self>, head: &Self::Head, publication: &Publication);

    /// Whether there is something that a session has sent and that did not run yet.
    fn has_input(link: &Self::Link) -> bool;

    /// Whether what a session sent can't come from a client of the engine: then it is not answered any more.
    fn is_stray(&self, _client: &Self::Client, _args: &[&[u8]]) -> bool {
        false
    }

    /// Shows others a session as it is now: its link, its output and some figures about it.
    fn show(
        _client: &Self::Client,
        _link: &Self::Link,
        _output: &Self::Output,
        _figures: SessionFigures,
        _now: UnixMs,
    ) {
    }

    /// A client, in a line of text: for the log of what was refused.
    fn client_line(&self, _client: &Self::Client, _now: UnixMs) -> Vec<u8> {
        Vec::new()
    }

    /// How many clients there are, as far as the front knows.
    fn client_count(&self) -> u64 {
        0
    }

    /// Bytes that the front keeps for them: buffers and what is in them.
    fn client_bytes(&self) -> u64 {
        0
    }

    /// Bytes of these that are values and messages which others hold as well.
    fn shared_client_bytes(&self) -> u64 {
        0
    }

    /// Starts the front's own counts anew.
    fn reset_stats(&self) {}
}

/// What others may know of what a session has begun.
#[derive(Clone, Copy, Debug)]
pub struct SessionFigures {
    /// The selected database.
    pub db: DbIndex,
    /// Commands queued since MULTI, if that has begun.
    pub queued: Option<usize>,
    /// Bytes that these take.
    pub queued_bytes: usize,
    /// Keys watched.
    pub watched: usize,
    /// Bytes of the arguments of what it waits for.
    pub awaited_bytes: usize,
}

/// Unsent bytes from which on no further command of a session runs.
pub const OUTPUT_HIGH_WATER_BYTES: usize = 1024 * 1024;

/// Where the replies to a session gather. Positions in it count from its beginning, and stay what they are until something is
/// taken out in front.
pub trait Output<S>: fmt::Debug + Default {
    /// What a handler writes one reply to.
    type Sink<'a>: Reply
    where
        Self: 'a;

    /// A sink at its end.
    fn sink(&mut self, style: S) -> Self::Sink<'_>;

    /// Position of what is written next.
    fn end(&self) -> usize;

    /// Takes back all from `position` on.
    fn truncate(&mut self, position: usize);

    /// The text of the reply at `position`, if that is an error.
    fn error_at(&self, position: usize) -> Option<&[u8]>;

    /// How much of it was not taken yet, in bytes.
    fn unsent(&self) -> usize;

    /// Whether more commands may write to it: not much is unsent, and nothing was dropped.
    fn has_room(&self) -> bool;

    /// Moves all of another one, of which nothing was taken, to its end.
    fn append(&mut self, other: Self);

    /// Takes out all but the first `kept` bytes that were not taken.
    fn split_off(&mut self, kept: usize) -> Self;

    /// Puts an error in the place of each reply behind the first `kept` bytes that were not taken; messages stay. `false` if that
    /// can't be done.
    fn refuse_from(&mut self, kept: usize, style: S, error: &str) -> bool;
}

/// Collected replies that can be put together in an output.
pub trait Collect<O>: Replies {
    /// A collection that goes on at the end of `output`.
    fn over(output: O, style: Self::Style) -> Self;

    /// The output, with all replies.
    fn into_output(self) -> O;

    /// Which items are errors, when the first began at `begin`, and where each of them begins.
    fn failures(&self, begin: usize) -> Vec<(usize, usize)>;

    /// Which items take so many bytes or more, and how many, when the first began at `begin`.
    fn larger_than(&self, _begin: usize, _bytes: usize) -> Vec<(usize, usize)> {
        Vec::new()
    }
}

/// What one worker tells another.
#[derive(Debug)]
pub enum Mail<M> {
    /// End this client's wait, with an error or as if its time were over.
    Unblock(Origin, bool),
    /// What this client waited for is free: FLUSHALL and FLUSHDB.
    Freed(Origin),
    /// What this client waited for has come to its end: well, or with an error.
    Answer(Origin, Result<(), String>),
    /// A pause ended or changed.
    PauseChanged,
    /// Save if that is configured, and end the engine.
    End,
    /// The front's own.
    Front(M),
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
    type Mail = Mail<F::Mail>;

    fn home(origin: &Origin) -> Option<WorkerId> {
        Some(origin.worker)
    }

    fn deliver(_: Part<Self>) {
        unreachable!("every client is served by a worker");
    }

    fn blocked(_: Blocked<Self>) {
        unreachable!("every client is served by a worker");
    }

    #[inline]
    fn breaks(rule: Rule) -> bool {
        F::Probe::breaks(rule)
    }

    #[inline]
    fn note(note: Note<'_, Origin>) {
        F::Probe::note(note);
    }

    #[inline]
    fn submit(hub: &Hub<Self>, operation: Arc<Operation<Self>>) {
        F::Probe::submit(hub, operation);
    }
}
