//! How operations leave an executor: those that its driver submits, and those that its commands go on as.

use std::sync::Arc;

use super::executor::Executor;
use super::operation::{Driver, Operation, Request, Setting, Style};
use crate::context::Onward;
use crate::context::errand::Errand;

impl<D: Driver> Executor<D> {
    /// Submits an operation; its parts come back to `origin`. Shards in hand are put back, and those that it needs are looked at
    /// by the next [`Executor::visit`].
    pub fn submit(
        &mut self,
        request: Request,
        setting: Setting<Style<D>>,
        origin: D::Origin,
    ) -> Arc<Operation<D>> {
        self.submit_operation(Arc::new(Operation::new(request, setting, origin)))
    }

    /// Submits what was made of a request.
    pub(super) fn submit_operation(&mut self, operation: Arc<Operation<D>>) -> Arc<Operation<D>> {
        self.hand_over();
        self.release();
        self.send_operation(Arc::clone(&operation));
        operation
    }

    /// Sends a command that has done its part here on to another shard, whose reply is the command's, or to the same once more:
    /// when the worker next polls, so that it serves others in between.
    #[cold]
    pub(super) fn forward(&mut self, operation: &Arc<Operation<D>>, onward: &Onward) {
        self.upcoming.onward.push(Arc::new(operation.onward(onward)));
    }

    /// Has a command run anew that an errand was done for: when the worker next polls.
    #[cold]
    pub(super) fn run_anew(&mut self, operation: &Arc<Operation<D>>, errand: &Arc<dyn Errand>) {
        self.upcoming.onward.push(Arc::new(operation.resumed(Arc::clone(errand))));
    }

    /// Submits what has gone on since the last time.
    pub(super) fn submit_onward(&mut self) {
        if self.upcoming.onward.is_empty() {
            return;
        }
        self.hand_over();
        for operation in std::mem::take(&mut self.upcoming.onward) {
            self.look_at(&operation);
            self.hub.submit(operation);
        }
    }

    /// Submits an operation that has not run once more, for all stores together.
    #[cold]
    pub(super) fn submit_to_all(&mut self, operation: &Arc<Operation<D>>) {
        self.wider.push_back(Arc::new(operation.on_all(self.hub.shard_count())));
        self.submit_wider();
    }

    /// Submits the operations that turned out to need all stores, unless somebody else is submitting.
    #[cold]
    pub(super) fn submit_wider(&mut self) {
        self.hand_over();
        while let Some(operation) = self.wider.pop_front() {
            if !self.hub.try_submit(Arc::clone(&operation), None) {
                self.wider.push_front(operation);
                return;
            }
            self.look_at(&operation);
        }
    }
}
