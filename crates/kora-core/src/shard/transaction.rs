//! Transactions: commands that run one after the other with all stores they need in hand, or not at all.
//!
//! A driver queues commands between MULTI and EXEC and gives them to the shards as one operation. Its shards are those of
//! all its commands and of all watched keys. If that is one, the commands run there like one command; if they are several,
//! those lend their stores ([`Course::Lend`](super::operation)). Each command runs whole, never split, and none may wait.
//! Whoever waits for keys that the commands made ready is served behind the last of them, before a store goes home.
//!
//! A transaction may have commands of the driver's own between those of the shards. Then it is the driver's worker that runs
//! it, on the shard that is its home: it is brought all stores ([`super::driven`]), unless they are that shard's own.
//!
//! With the stores in hand, the watched keys are looked at first ([`crate::store::watch`]): if one has changed, nothing runs and
//! the reply is the absent array.
//!
//! All effects of a transaction carry one number. One that went through lanes has its ticket's; one that ran on one shard
//! has a number with the highest bit set, which no ticket reaches, made of the shard's and a count.

use std::sync::Arc;

use super::handler::{Desk, run_handler};
use super::hub::Mail;
use super::operation::{Driver, Operation, Part, Request, Setting, Style};
use super::pause::{Begun, Halt};
use super::probe::Note;
use super::replies::Replies;
use super::route::add_shards_of_whole;
use super::runner::Shard;
use crate::command::Run;
use crate::context::{Blocking, Resume, Stores};
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::Keyspace;
use crate::store::watch::Watched;
use crate::time::UnixMs;

/// Commands to be run as a unit, in the order in which they were queued.
#[derive(Debug)]
pub struct Transaction<S> {
    request: Request,
    setting: Setting<S>,
}

impl<S: Clone> Transaction<S> {
    /// One without commands, which will run in `setting`.
    #[must_use]
    pub fn new(setting: Setting<S>) -> Self {
        Self { request: Request::for_transaction(), setting }
    }

    /// Makes it one without commands, which will run in `setting`: its memory is used again.
    pub fn reset(&mut self, setting: Setting<S>) {
        self.request.clear();
        self.setting = setting;
    }

    /// Adds a command. Complexity: O(length of its arguments).
    pub fn queue(&mut self, run: Run, args: &[&[u8]], shard_count: u16) {
        add_shards_of_whole(run.0, args, shard_count, &mut self.request);
        self.request.push_queued(run, args);
    }

    /// Has the driver's worker run it, between commands of the driver's own. The setting of each command is that worker's
    /// business.
    pub fn be_driven(&mut self) {
        self.request.is_driven = true;
    }

    /// What its commands run in, unless the driver's worker runs it.
    #[must_use]
    pub fn setting(&self) -> &Setting<S> {
        &self.setting
    }

    /// Number of commands.
    #[must_use]
    pub fn len(&self) -> usize {
        self.request.items.len()
    }

    /// Whether there is no command in it.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes allocated for it, about.
    #[must_use]
    pub fn byte_count(&self) -> usize {
        self.request.allocated_bytes()
    }

    /// Has it run at `now`, and only if nothing of `watched` has changed. Without keys it runs on `home`.
    pub fn begin(&mut self, watched: Option<Watched>, now: UnixMs, home: ShardId) {
        self.setting.now = now;
        for shard in watched.iter().flat_map(Watched::shards) {
            self.request.add_shard(shard);
        }
        self.request.watched = watched;
        if self.request.shards.is_empty() {
            self.request.add_shard(home);
        }
    }

    /// Whether it concerns `shard` and no other; after [`Transaction::begin`].
    #[must_use]
    pub fn is_on(&self, shard: ShardId) -> bool {
        self.request.shards[..] == [shard]
    }
}

impl<D: Driver> Operation<D> {
    /// A transaction, begun, as an operation ready to be submitted.
    #[must_use]
    pub fn of_transaction(transaction: Transaction<Style<D>>, origin: D::Origin) -> Self {
        Self::new(transaction.request, transaction.setting, origin)
    }
}

impl<D: Driver> Part<D> {
    /// Whether the transaction whose part it is has run: to be asked once, before its replies are taken.
    pub fn take_verdict(&mut self) -> bool {
        self.replies.next_count() != 0
    }
}

impl<D: Driver> Shard<D> {
    /// Submits a transaction that was begun; its part comes back to `origin`.
    pub fn submit_transaction(
        &mut self,
        transaction: Transaction<Style<D>>,
        origin: D::Origin,
    ) -> Arc<Operation<D>> {
        self.submit_operation(Arc::new(Operation::of_transaction(transaction, origin)))
    }

    /// Begins to run a transaction of this shard alone at once; `false` if a watched key has changed. Only when
    /// [`Shard::is_free`]. Whatever the answer, [`Shard::end_transaction`] must follow.
    ///
    /// # Panics
    /// If the store is lent.
    #[must_use]
    pub fn begin_transaction(&mut self, transaction: &Transaction<Style<D>>) -> bool {
        debug_assert!(transaction.is_on(self.id), "all its keys live here");
        if transaction.request.may_pause() {
            self.hand_over();
        }
        D::note(Note::RunsAtOnce(self.id, transaction.setting().now));
        self.journal.begin_unit();
        let Some(watched) = &transaction.request.watched else { return true };
        let mut store = self.store.take().expect("only a free shard runs transactions");
        let is_valid = self.check(&mut Stores::One(&mut store), watched, transaction.setting().now);
        self.store = Some(store);
        is_valid
    }

    /// Runs one command of the transaction that was begun in `setting`, replying to `out`. If it pauses, the answer is how to
    /// go on with it: the transaction must be given to [`Shard::hold_transaction`] before anything else.
    ///
    /// # Panics
    /// If the store is lent.
    pub fn run_queued(
        &mut self,
        transaction: &Transaction<Style<D>>,
        index: usize,
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Option<Resume> {
        let store = self.store.as_deref_mut().expect("only a free shard runs transactions");
        let desk = (&mut self.journal, &self.services);
        run_item_whole(Stores::One(store), desk, &transaction.request, index, setting, out)
    }

    /// Ends the transaction that was begun: those who wait for its keys are served.
    pub fn end_transaction(&mut self, now: UnixMs) {
        self.journal.end_unit();
        self.answer_ready(now);
    }

    /// Runs a transaction of this shard alone and answers it.
    pub(super) fn run_transaction_at_home(&mut self, operation: Arc<Operation<D>>) {
        if operation.request.may_pause() {
            self.hand_over();
        }
        let mut store = self.store.take().expect("a shard runs operations while its store is at home");
        match self.run_transaction(Stores::One(&mut store), &operation) {
            Ok(part) => {
                self.store = Some(store);
                self.end_transaction(operation.setting.now);
                self.deliver(part);
            }
            Err(halt) => self.pause(halt, operation, vec![store]),
        }
    }

    /// Runs a transaction with all its stores in hand.
    ///
    /// # Errors
    /// If one of its commands has paused.
    pub(super) fn run_transaction(
        &mut self,
        mut stores: Stores<'_>,
        operation: &Arc<Operation<D>>,
    ) -> Result<Part<D>, Halt<D>> {
        let request = &operation.request;
        D::note(Note::RunsWhole(&operation.origin, &request.shards, operation.setting.now));
        let mut replies = D::Replies::new(operation.setting.style);
        self.journal.begin_unit();
        let is_valid = request
            .watched
            .as_ref()
            .is_none_or(|watched| self.check(&mut stores, watched, operation.setting.now));
        replies.push_count(is_valid.into());
        let first = if is_valid { 0 } else { request.items.len() };
        self.run_rest(stores, operation, first, replies)
    }

    /// Runs the commands of a transaction from `first` on.
    ///
    /// # Errors
    /// If one of them has paused.
    pub(super) fn run_rest(
        &mut self,
        mut stores: Stores<'_>,
        operation: &Arc<Operation<D>>,
        first: usize,
        mut replies: D::Replies,
    ) -> Result<Part<D>, Halt<D>> {
        let Operation { request, setting, .. } = &**operation;
        for index in first..request.items.len() {
            let desk = (&mut self.journal, &self.services);
            let paused = run_item_whole(stores.reborrow(), desk, request, index, setting, &mut replies);
            if let Some(resume) = paused {
                return Err(Halt { resume, begun: Some(Begun { replies, next: index + 1 }) });
            }
            replies.end_item();
        }
        self.journal.end_unit();
        Ok(Part { operation: Arc::clone(operation), shard: self.id, replies })
    }

    /// Whether nothing has changed that is watched. It is watched no longer.
    pub(super) fn check(&mut self, stores: &mut Stores<'_>, watched: &Watched, now: UnixMs) -> bool {
        watched.watch().end();
        for shard in watched.shards() {
            let store = stores.of_shard(shard).expect("the shards of watched keys are part of the operation");
            for (db, key) in watched.of_shard(shard) {
                // What has expired since it was watched is deleted by the look-up, which is a change.
                Keyspace::new(store, &mut self.journal, db, now, true).settle(key);
            }
            store.watchers.remove_all(shard, watched);
        }
        !watched.watch().is_dirty()
    }

    /// Takes what is watched no longer out of its stores, which are in hand.
    pub(super) fn end_watch(&mut self, stores: &mut Stores<'_>, watched: &Watched) {
        for shard in watched.shards() {
            if let Some(store) = stores.of_shard(shard) {
                store.watchers.remove_all(shard, watched);
            }
        }
    }

    /// Ends a client's watch: UNWATCH, DISCARD, or the client has left.
    pub fn unwatch(&mut self, watched: Watched) {
        watched.watch().end();
        let watched = Arc::new(watched);
        for shard in watched.shards() {
            if shard == self.id {
                self.take_unwatched(Arc::clone(&watched));
            } else {
                self.hub.send(shard, Mail::Unwatch(Arc::clone(&watched)));
            }
        }
    }

    /// Takes what is watched no longer out of the store, at once or when it is back.
    pub(super) fn take_unwatched(&mut self, watched: Arc<Watched>) {
        match self.store.as_deref_mut() {
            Some(store) => store.watchers.remove_all(self.id, &watched),
            None => self.departed.watched.push(watched),
        }
    }
}

/// Runs one command of a transaction with all stores it needs in hand; how to go on with it, if it has paused.
pub(super) fn run_item_whole<S>(
    stores: Stores<'_>,
    desk: Desk<'_>,
    request: &Request,
    index: usize,
    setting: &Setting<S>,
    out: &mut dyn Reply,
) -> Option<Resume> {
    let item = &request.items[index];
    let run = (item.facts, item.handler);
    let mut paused = None;
    let blocking = Blocking::PauseOnly(&mut paused);
    run_handler(stores, desk, run, &request.args(item), setting, blocking, out);
    paused
}
