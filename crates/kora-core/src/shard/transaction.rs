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

use smallvec::SmallVec;

use super::executor::Executor;
use super::handler::{Desk, run_handler};
use super::hub::ShardMail;
use super::operation::{Driver, Operation, Part, Request, RequestKind, Setting, Style};
use super::pause::{Begun, Halt};
use super::probe::Note;
use super::replies::Replies;
use super::route::add_shards_of_whole;
use super::runner::Shard;
use super::together::InHand;
use crate::command::Run;
use crate::context::guard::Guard;
use crate::context::{Blocking, Resume, Stores};
use crate::journal::meter::Seen;
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

    /// Whether the driver's worker runs it.
    #[must_use]
    pub fn is_driven(&self) -> bool {
        self.request.is_driven
    }

    /// Whom its commands run for, if that is somebody who may not do everything.
    pub fn set_guard(&mut self, guard: Option<Arc<dyn Guard>>) {
        self.setting.guard = guard;
    }

    /// The arguments of one of its commands.
    ///
    /// # Panics
    /// If there is no such command.
    #[must_use]
    pub fn args(&self, index: usize) -> SmallVec<[&[u8]; 8]> {
        self.request.args(&self.request.items[index])
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

    /// Says what those who look on are told behind its commands: the command that runs it, by its full name and as it was sent.
    pub fn be_told_as(&mut self, name: &'static str, sent: &[u8]) {
        self.request.told_as = Some((name, sent.into()));
    }

    /// Whether a command of it may pause.
    #[must_use]
    pub fn may_pause(&self) -> bool {
        self.request.may_pause()
    }

    /// The shards that it concerns, ascending; after [`Transaction::begin`].
    #[must_use]
    pub fn shards(&self) -> &[ShardId] {
        &self.request.shards
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

impl<D: Driver> Executor<D> {
    /// Submits a transaction that was begun; its part comes back to `origin`.
    pub fn submit_transaction(
        &mut self,
        transaction: Transaction<Style<D>>,
        origin: D::Origin,
    ) -> Arc<Operation<D>> {
        self.submit_operation(Arc::new(Operation::of_transaction(transaction, origin)))
    }

    /// Begins to run a transaction at once whose shards are in hand: its stores, and whether no watched key has changed. Only when
    /// they are free ([`Executor::are_free`]). Whatever the answer, [`Executor::end_transaction`] must follow.
    ///
    /// # Panics
    /// If a shard is not in hand or a store is lent.
    pub fn begin_transaction(&mut self, transaction: &Transaction<Style<D>>) -> (InHand, bool) {
        let request = &transaction.request;
        if request.may_pause() {
            self.begin_script();
        }
        D::note(Note::RunsAtOnce(&request.shards, transaction.setting().now));
        self.journal.begin_unit();
        self.journal.begin_block();
        let mut in_hand = self.take_in_hand(&request.shards);
        let is_valid = request.watched.as_ref().is_none_or(|watched| {
            let now = transaction.setting().now;
            self.check(&mut in_hand.stores(), watched, now)
        });
        (in_hand, is_valid)
    }

    /// Runs one command of the transaction that was begun in `setting`, replying to `out`. If it pauses, the answer is how to
    /// go on with it: the transaction must be given to [`Executor::hold_transaction`] before anything else.
    pub fn run_queued(
        &mut self,
        transaction: &Transaction<Style<D>>,
        in_hand: &mut InHand,
        index: usize,
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Option<Resume> {
        in_hand.iter_mut().for_each(|store| self.outlets.configure(store));
        let desk = (&mut self.journal, &self.services);
        run_item_whole(in_hand.stores(), desk, &transaction.request, index, setting, out)
    }

    /// Ends the transaction that was begun: those who wait for its keys are served.
    pub fn end_transaction(&mut self, transaction: &Transaction<Style<D>>, in_hand: InHand, now: UnixMs) {
        self.tell_transaction(&transaction.request, &transaction.setting);
        self.journal.end_unit();
        self.put_in_place(in_hand, now);
    }

    /// Tells those who look on, behind the commands of a transaction, what has run them.
    pub(super) fn tell_transaction(&mut self, request: &Request, setting: &Setting<Style<D>>) {
        if let Some((name, sent)) = &request.told_as {
            let args: [&[u8]; 1] = [sent];
            self.journal.tell(|| Seen { name, args: &args, whose: setting.whose() });
        }
        self.journal.end_block(true);
    }

    /// Runs a transaction of one shard alone and answers it.
    pub(super) fn run_transaction_at_home(&mut self, shard: &mut Shard<D>, operation: Arc<Operation<D>>) {
        if operation.request.may_pause() {
            self.begin_script();
        }
        let mut store = shard.store.take().expect("a shard runs operations while its store is at home");
        let changes = self.journal.changes();
        match self.run_transaction(Stores::One(&mut store), &operation) {
            Ok(part) => {
                shard.store = Some(store);
                shard.has_changed |= self.journal.changes() != changes;
                self.journal.end_unit();
                self.answer_ready(shard, operation.setting.now);
                self.answer(shard, [part]);
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
        self.note_moment(operation);
        D::note(Note::RunsWhole(&operation.origin, &request.shards, operation.setting.now));
        let mut replies = D::Replies::new(operation.setting.style);
        self.journal.begin_unit();
        self.journal.begin_block();
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
        if request.kind == RequestKind::Transaction {
            self.tell_transaction(request, setting);
        }
        self.journal.end_unit();
        Ok(Part { operation: Arc::clone(operation), shard: request.shards[0], replies })
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

    /// Ends a client's watch: UNWATCH, DISCARD, or the client has left.
    pub fn unwatch(&mut self, watched: Watched) {
        watched.watch().end();
        let watched = Arc::new(watched);
        for id in watched.shards() {
            match self.held(id) {
                Some(shard) => shard.take_unwatched(Arc::clone(&watched)),
                None => self.send(id, ShardMail::Unwatch(Arc::clone(&watched))),
            }
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
