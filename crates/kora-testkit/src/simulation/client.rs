//! A client, and what its worker has not done for it yet.

use std::collections::VecDeque;

use kora_engine::front::Origin;

use super::record::{Args, OperationId};

/// A command on its way from the client to its worker.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) args: Args,
    /// Its number among all that were sent.
    pub(super) sequence: u64,
    /// The step at which it was sent.
    pub(super) invoked: u64,
}

/// A client.
#[derive(Debug)]
pub(super) struct Client {
    /// Where its session is.
    pub(super) origin: Origin,
    /// Its place in the history.
    pub(super) process: usize,
    /// Pipelines it will still send.
    pub(super) pipelines_left: usize,
    pub(super) input: VecDeque<Sent>,
    /// What was queued since MULTI.
    pub(super) queue: Option<Vec<Args>>,
    /// What it waits for.
    pub(super) pending: Option<OperationId>,
    /// Operations whose replies are written and not yet sent.
    pub(super) answered: Vec<OperationId>,
    /// Its worker knows that there is something to do for it.
    pub(super) is_runnable: bool,
    /// It has closed its connection.
    pub(super) is_leaving: bool,
    /// Its worker has noticed.
    pub(super) has_left: bool,
}

impl Client {
    pub(super) fn new(origin: Origin, process: usize, pipelines_left: usize) -> Self {
        Self {
            origin,
            process,
            pipelines_left,
            input: VecDeque::new(),
            queue: None,
            pending: None,
            answered: Vec::new(),
            is_runnable: false,
            is_leaving: false,
            has_left: false,
        }
    }

    /// The worker that serves it.
    pub(super) fn worker(&self) -> usize {
        self.origin.worker.index()
    }

    /// Whether its worker has something to do for it.
    pub(super) fn is_ready(&self) -> bool {
        !self.has_left && (self.is_leaving || self.is_runnable && !self.input.is_empty())
    }

    /// Whether it waits for nothing.
    pub(super) fn is_quiet(&self) -> bool {
        self.has_left || (self.input.is_empty() && self.pending.is_none() && self.answered.is_empty())
    }
}
