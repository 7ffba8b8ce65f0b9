//! A client and its connection, as its worker sees them.

use std::collections::VecDeque;
use std::sync::Arc;

use kora_core::db::DbIndex;
use kora_core::shard::operation::{Operation, Part};
use kora_core::store::waiters::Waiter;
use kora_core::store::watch::Watched;
use kora_core::time::UnixMs;

use super::driver::SimulationDriver;
use super::record::{Args, OperationId};

/// A command on its way from the client to its worker.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) args: Args,
    pub(super) db: DbIndex,
    /// Its number among all that were sent.
    pub(super) sequence: u64,
    /// The step at which it was sent.
    pub(super) invoked: u64,
}

/// An operation whose parts are still arriving.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) operation: OperationId,
    pub(super) parts: Vec<Part<SimulationDriver>>,
    /// What the shards know it as.
    pub(super) shared: Arc<Operation<SimulationDriver>>,
    /// Where it stands, if it has to wait for keys.
    pub(super) waiter: Option<Arc<Waiter>>,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    /// The worker that serves it.
    pub(super) worker: usize,
    /// Its place in the history.
    pub(super) process: usize,
    /// Pipelines it will still send.
    pub(super) pipelines_left: usize,
    pub(super) input: VecDeque<Sent>,
    pub(super) pending: Option<Pending>,
    /// Operations whose replies are written and not yet sent.
    pub(super) answered: Vec<OperationId>,
    pub(super) has_left: bool,
    /// The keys it watches.
    pub(super) watched: Option<Watched>,
}

impl Client {
    pub(super) fn new(worker: usize, process: usize, pipelines_left: usize) -> Self {
        Self {
            worker,
            process,
            pipelines_left,
            input: VecDeque::new(),
            pending: None,
            answered: Vec::new(),
            has_left: false,
            watched: None,
        }
    }

    /// Whether its worker has commands to run for it.
    pub(super) fn is_ready(&self) -> bool {
        !self.has_left && self.pending.is_none() && !self.input.is_empty()
    }

    /// Whether it waits for nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.has_left || (self.input.is_empty() && self.pending.is_none() && self.answered.is_empty())
    }

    /// Where it stands while it waits for keys.
    pub(super) fn waiter(&self) -> Option<&Arc<Waiter>> {
        self.pending.as_ref()?.waiter.as_ref()
    }

    /// When its wait for keys is over.
    pub(super) fn deadline(&self) -> Option<UnixMs> {
        self.waiter()?.until()
    }
}
