//! Errands that stand aside ([`crate::context::errand`]): whose turn it is, and what follows.
//!
//! Each share goes to the keeper of its shard, which goes on with it: one slice whenever it polls. So the shards' shares run in parallel on
//! the workers that look after them. Whoever ends the last share of a stage asks the errand what follows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::executor::Executor;
use super::hub::WorkerMail;
use super::operation::{Driver, Operation, Part, Request, Setting, Style};
use super::replies::Replies as _;
use super::runner::Shard;
use super::slices::{Sliced, Upcoming};
use crate::context::errand::{Answer, Aside, Errand, Next, Share, ShareOf};
use crate::reply::Reply as _;
use crate::slot::ShardId;

/// Shares that are done together.
struct Stage<D: Driver> {
    operation: Arc<Operation<D>>,
    errand: Arc<dyn Errand>,
    /// Shares that are not done.
    left: AtomicUsize,
    /// Its client has its answer: what is left is for nobody.
    is_answered: bool,
}

impl<D: Driver> Stage<D> {
    /// Whether nobody wants it any more.
    fn is_left(&self) -> bool {
        !self.is_answered && self.operation.is_left() && !self.errand.outlives_its_client()
    }
}

/// A share on its way.
pub(super) struct Task<D: Driver> {
    stage: Arc<Stage<D>>,
    pub(super) shard: ShardId,
    share: Box<dyn Share>,
}

impl<D: Driver> Task<D> {
    /// Runs a slice; returns whether that was the last.
    fn step(&mut self, shard: &mut Shard<D>) -> Option<bool> {
        let store = shard.store()?;
        let mut effort = self.stage.errand.slice();
        Some(self.share.step(store, &mut effort))
    }
}

impl<D: Driver> Executor<D> {
    /// Makes an operation of a command that goes on as an errand, and that began by [`Executor::run`] or [`Executor::run_together`]. Its
    /// reply comes as that operation's part. Shards in hand are put back.
    pub fn keep_aside(
        &mut self,
        request: Request,
        setting: Setting<Style<D>>,
        origin: D::Origin,
        aside: Aside,
    ) -> Arc<Operation<D>> {
        let operation = Arc::new(Operation::new(request, setting, origin));
        let _ = operation.begin(operation.request.shards[0]);
        self.hand_over();
        self.release();
        self.stand_aside(&operation, aside);
        operation
    }

    /// Goes on with a command's errand aside.
    pub(super) fn stand_aside(&mut self, operation: &Arc<Operation<D>>, Aside { errand, shares }: Aside) {
        operation.note_work(0, self.journal.take_spent());
        self.distribute(operation, errand, shares, false);
    }

    /// Gives shares to the keepers of their shards.
    fn distribute(
        &mut self,
        operation: &Arc<Operation<D>>,
        errand: Arc<dyn Errand>,
        shares: Vec<ShareOf>,
        is_answered: bool,
    ) {
        let left = AtomicUsize::new(shares.len());
        let stage = Arc::new(Stage { operation: Arc::clone(operation), errand, left, is_answered });
        for (shard, share) in shares {
            self.give(Task { stage: Arc::clone(&stage), shard, share });
        }
    }

    fn give(&mut self, task: Task<D>) {
        let keeper = self.hub.keeper(task.shard);
        if keeper == self.worker {
            self.take_task(task);
        } else {
            self.hub.send(keeper, WorkerMail::Share(Box::new(task)));
        }
    }

    /// Drops all shares of errands: the engine ends, and nobody waits for them.
    pub fn drop_errands(&mut self) {
        self.upcoming.retain(|share| !matches!(share, Upcoming::Share(_)));
    }

    /// Takes a share that others have sent.
    pub(super) fn take_task(&mut self, task: Task<D>) {
        self.upcoming.add(Upcoming::Share(task));
    }

    /// Runs a slice of a share, or drops it if nobody wants it.
    pub(super) fn go_on_with(&mut self, mut task: Task<D>) -> Sliced<D> {
        let is_left = task.stage.is_left();
        let is_done = is_left || {
            let shard = task.shard;
            let stepped = self.in_turn(shard, |this, shard| {
                this.work(shard);
                let began_ns = this.journal.read_time();
                let is_done = task.step(shard);
                let spent_ns = this.journal.read_time().saturating_sub(began_ns);
                task.stage.operation.note_work(0, spent_ns);
                is_done
            });
            match stepped.flatten() {
                None => return Sliced::NotNow(Upcoming::Share(task)),
                Some(is_done) => is_done,
            }
        };
        if !is_done {
            return Sliced::More(Upcoming::Share(task));
        }
        let Task { stage, share, .. } = task;
        // What it holds is let go of before anybody hears that it is done.
        drop(share);
        if stage.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.end_stage(&stage);
        }
        if is_left { Sliced::Left } else { Sliced::Done }
    }

    /// All shares of a stage are done.
    fn end_stage(&mut self, stage: &Stage<D>) {
        let Stage { operation, errand, .. } = stage;
        loop {
            let Next { answer, shares } = Arc::clone(errand).next(stage.is_left());
            let is_answered = stage.is_answered || answer.is_some() || stage.is_left();
            match answer.filter(|_| !stage.is_answered && !stage.is_left()) {
                Some(Answer::Reply) => self.answer_errand(operation, &**errand),
                Some(Answer::Again) => self.submit_to_all(operation),
                Some(Answer::Resume) => self.run_anew(operation, errand),
                None => {}
            }
            if !shares.is_empty() {
                return self.distribute(operation, Arc::clone(errand), shares, is_answered);
            }
            if is_answered {
                return;
            }
        }
    }

    fn answer_errand(&mut self, operation: &Arc<Operation<D>>, errand: &dyn Errand) {
        let mut replies = D::Replies::new(operation.setting.style);
        if let Err(error) = errand.reply(&mut replies) {
            replies.refuse(&error);
        }
        replies.end_item();
        let shard = operation.request.shards[0];
        self.deliver(Part { operation: Arc::clone(operation), shard, replies });
    }
}
