//! Shares of operations that run a slice at a time: KEYS on a shard with many keys. Between two slices the shard is free for others,
//! and so is the worker.
//!
//! What such a share reads is not of one instant. What it goes through by a cursor it meets just once if it is there from beginning to
//! end. A share that looks at no more than a slice runs whole, at its operation's place in the order.
//!
//! The executor that comes upon a share goes on with it: one slice whenever it polls, of each of its shards in turn. One that somebody
//! else holds, or whose store is lent, is tried again a little later; no one need tell when it is free.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::errands::Task;
use super::executor::Executor;
use super::handler::{Desk, run_handler};
use super::operation::{Driver, Operation, Part};
use super::replies::Replies as _;
use super::runner::{Shard, begin_share, end_share};
use crate::command::generic::scan::SLICE_KEYS;
use crate::context::{Blocking, Slice, Stores};
use crate::slot::ShardId;
use crate::store::ShardStore;

/// How long a worker sleeps that can go on with none of its shares.
pub const RETRY: Duration = Duration::from_millis(1);

/// A share that has begun.
pub(super) struct UnderWay<D: Driver> {
    operation: Arc<Operation<D>>,
    replies: D::Replies,
    slice: Slice,
}

impl<D: Driver> UnderWay<D> {
    /// Runs the next slice.
    fn run(&mut self, store: &mut Box<ShardStore>, desk: Desk<'_>) {
        let Self { operation, replies, slice } = self;
        let slice_begins = slice.cursor == 0;
        let Operation { request, setting, .. } = &**operation;
        let item = request.items.iter().find(|item| item.shard == store.id());
        let item = item.expect("a share that is under way has an item here");
        let (run, args, blocking) =
            ((item.facts, item.handler), request.args(item), Blocking::InSlices(slice));
        let (journal, services) = desk;
        if slice_begins {
            operation.tell_command(item, journal);
        }
        let begun = begin_share(journal);
        run_handler(Stores::One(store), (&mut *journal, services), run, &args, setting, blocking, replies);
        end_share(journal, operation, item, begun);
    }
}

/// A share whose turn comes when its executor polls.
pub(super) enum Upcoming<D: Driver> {
    /// One that is under way on this shard; there is one entry for each.
    Keys(ShardId),
    /// One of an errand.
    Share(Task<D>),
}

/// What an executor goes on with when it next polls.
pub(super) struct Agenda<D: Driver> {
    shares: VecDeque<Upcoming<D>>,
    /// None of these could be gone on with when that was last tried.
    are_shares_waiting: bool,
    /// Operations that commands go on as.
    pub(super) onward: Vec<Arc<Operation<D>>>,
}

impl<D: Driver> Default for Agenda<D> {
    fn default() -> Self {
        Self { shares: VecDeque::new(), are_shares_waiting: false, onward: Vec::new() }
    }
}

impl<D: Driver> Agenda<D> {
    /// Whether there is anything that could go on now.
    pub(super) fn is_any(&self) -> bool {
        !self.onward.is_empty() || (!self.shares.is_empty() && !self.are_shares_waiting)
    }

    /// Drops some shares.
    pub(super) fn retain(&mut self, keeps: impl FnMut(&Upcoming<D>) -> bool) {
        self.shares.retain(keeps);
    }

    /// Adds a share behind the others.
    pub(super) fn add(&mut self, share: Upcoming<D>) {
        self.shares.push_back(share);
        self.are_shares_waiting = false;
    }
}

/// What became of an attempt to go on with a share.
pub(super) enum Sliced<D: Driver> {
    /// Somebody else holds the shard, or its store is lent.
    NotNow(Upcoming<D>),
    /// There is more to do.
    More(Upcoming<D>),
    /// The share has come to its end.
    Done,
    /// Nobody wants it any more: nothing was done.
    Left,
}

impl<D: Driver> Executor<D> {
    /// Begins with an operation's share, if it is one that is to run in slices.
    #[inline]
    pub(super) fn begins_slices(&mut self, shard: &mut Shard<D>, operation: &Arc<Operation<D>>) -> bool {
        operation.request.runs_in_slices() && self.begin_if_many(shard, operation)
    }

    #[cold]
    fn begin_if_many(&mut self, shard: &mut Shard<D>, operation: &Arc<Operation<D>>) -> bool {
        let keys = shard.store().map_or(0, |store| store.database(operation.setting.db).len());
        if keys <= SLICE_KEYS {
            return false;
        }
        let replies = D::Replies::new(operation.setting.style);
        let operation = Arc::clone(operation);
        shard.under_way.push_back(UnderWay { operation, replies, slice: Slice::default() });
        self.upcoming.add(Upcoming::Keys(shard.id()));
        true
    }

    /// Whether there are shares that wait for their shards.
    #[must_use]
    pub fn awaits_slices(&self) -> bool {
        !self.upcoming.shares.is_empty()
    }

    /// Runs a slice of the first share that can go on.
    #[inline]
    pub(super) fn run_next_slice(&mut self) {
        if !self.upcoming.shares.is_empty() {
            self.upcoming.are_shares_waiting = !self.try_slices();
        }
    }

    /// Whether one could be run, or was dropped.
    fn try_slices(&mut self) -> bool {
        let mut has_dropped = false;
        for _ in 0..self.upcoming.shares.len() {
            let Some(share) = self.upcoming.shares.pop_front() else { return false };
            let sliced = match share {
                Upcoming::Keys(shard) => self.go_on_with_keys(shard),
                Upcoming::Share(task) => self.go_on_with(task),
            };
            match sliced {
                Sliced::Done => return true,
                Sliced::Left => has_dropped = true,
                Sliced::More(share) => {
                    self.upcoming.shares.push_back(share);
                    return true;
                }
                Sliced::NotNow(share) => self.upcoming.shares.push_back(share),
            }
        }
        has_dropped
    }

    /// Does something with a shard, which is put back then if it was not in hand before. `None` if somebody else holds it.
    pub(super) fn in_turn<T>(
        &mut self,
        id: ShardId,
        body: impl FnOnce(&mut Self, &mut Shard<D>) -> T,
    ) -> Option<T> {
        let was_held = self.is_held(id);
        let result = self.hold(id).then(|| self.with_held(id, body));
        if !was_held && self.is_held(id) {
            self.release_one(id);
        }
        result
    }

    fn go_on_with_keys(&mut self, id: ShardId) -> Sliced<D> {
        self.in_turn(id, Self::run_slice).unwrap_or(Sliced::NotNow(Upcoming::Keys(id)))
    }

    /// Runs what has come for a shard, and then a slice of the share whose turn it is.
    fn run_slice(&mut self, shard: &mut Shard<D>) -> Sliced<D> {
        self.work(shard);
        let Some(store) = shard.store.as_mut() else { return Sliced::NotNow(Upcoming::Keys(shard.id())) };
        let Some(mut share) = shard.under_way.pop_front() else { return Sliced::Left };
        if share.operation.claim.is_over() {
            return Sliced::Left;
        }
        let changes = self.journal.changes();
        share.run(store, (&mut self.journal, &self.services));
        // It deletes what it finds expired.
        shard.has_changed |= self.journal.changes() != changes;
        self.answer_ready(shard, share.operation.setting.now);
        if share.slice.cursor != 0 {
            shard.under_way.push_back(share);
            return Sliced::More(Upcoming::Keys(shard.id()));
        }
        let UnderWay { operation, mut replies, slice } = share;
        replies.push_count(i64::try_from(slice.elements).expect("lengths fit"));
        replies.end_item();
        let part = Part { operation, shard: shard.id(), replies };
        self.answer(shard, [part]);
        Sliced::Done
    }
}
