//! How the shards reach the simulation: replies as trees, notes of everything that runs, wakers that only record.

use std::cell::RefCell;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use kora_core::forward_reply;
use kora_core::reply::{Reply, Value};
use kora_core::shard::hub::Wake;
use kora_core::shard::operation::{Driver, Operation, Part};
use kora_core::shard::replies::{Replies, TreeReplies};
use kora_core::shard::serve::Blocked;
use kora_core::slot::ShardId;

use super::record::OperationId;

thread_local! {
    /// What shards did since the last [`take_notes`], in that order.
    static NOTES: RefCell<Vec<Note>> = const { RefCell::new(Vec::new()) };
}

/// What a shard did.
#[derive(Clone, Copy, Debug)]
pub(super) enum Note {
    /// It began to run its part of an operation; once more, if that has waited.
    Began(OperationId),
    /// It ran one more item of it to the end.
    RanItem(OperationId),
}

/// Takes the notes.
pub(super) fn take_notes() -> Vec<Note> {
    NOTES.take()
}

fn note(note: Option<Note>) {
    NOTES.with_borrow_mut(|notes| notes.extend(note));
}

/// The simulation as a driver.
#[derive(Debug)]
pub(super) struct SimulationDriver;

/// A client that waits for an operation.
#[derive(Clone, Copy, Debug)]
pub(super) struct Origin {
    pub(super) worker: ShardId,
    pub(super) client: usize,
}

/// The wait of this operation was ended on behalf of another client.
#[derive(Debug)]
pub(super) struct Unblock(pub(super) Arc<Operation<SimulationDriver>>);

impl Driver for SimulationDriver {
    type Replies = NotedReplies;
    type Origin = Origin;
    type Mail = Unblock;

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

/// Replies as trees. A shard makes one when it begins to run its part of an operation and closes each item's reply at
/// its end, which is noted.
#[derive(Debug)]
pub(super) struct NotedReplies {
    tree: TreeReplies,
    operation: Option<OperationId>,
}

impl NotedReplies {
    /// The operation it is a part of, unless it is a whole.
    pub(super) fn operation(&self) -> Option<OperationId> {
        self.operation
    }

    pub(super) fn into_values(self) -> Vec<Value> {
        self.tree.into_values()
    }
}

impl Reply for NotedReplies {
    forward_reply!(tree);

    fn array(&mut self, len: usize) {
        self.tree.array(len);
    }

    fn is_resp3(&self) -> bool {
        self.tree.is_resp3()
    }
}

impl Replies for NotedReplies {
    /// The operation whose part this is; none for a whole that is put together from parts.
    type Style = Option<OperationId>;

    fn new(operation: Option<OperationId>) -> Self {
        note(operation.map(Note::Began));
        Self { tree: TreeReplies::new(true), operation }
    }

    fn end_item(&mut self) {
        note(self.operation.map(Note::RanItem));
        self.tree.end_item();
    }

    fn begin_elements(&mut self) {
        self.tree.begin_elements();
    }

    fn push_count(&mut self, count: i64) {
        self.tree.push_count(count);
    }

    fn next_count(&mut self) -> i64 {
        self.tree.next_count()
    }

    fn move_item(&mut self, into: &mut Self) {
        self.tree.move_item(&mut into.tree);
    }

    fn skip_item(&mut self) {
        self.tree.skip_item();
    }
}

/// A worker's bell: it stays rung until the worker takes note, as an eventfd does.
#[derive(Clone, Debug, Default)]
pub(super) struct Bell {
    is_rung: Arc<AtomicBool>,
    is_broken: bool,
}

impl Bell {
    /// A bell that can't be heard, if `is_broken`.
    pub(super) fn new(is_broken: bool) -> Self {
        Self { is_rung: Arc::default(), is_broken }
    }

    /// Rings it although it may be broken: the socket of a client became readable.
    pub(super) fn ring(&self) {
        self.is_rung.store(true, Ordering::Relaxed);
    }

    pub(super) fn is_rung(&self) -> bool {
        self.is_rung.load(Ordering::Relaxed)
    }

    pub(super) fn silence(&self) {
        self.is_rung.store(false, Ordering::Relaxed);
    }
}

impl Wake for Bell {
    fn wake(&self) {
        if !self.is_broken {
            self.ring();
        }
    }
}
