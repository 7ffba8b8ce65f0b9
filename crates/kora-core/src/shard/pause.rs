//! Commands that take long and pause, so that their worker can do network work meanwhile.
//!
//! What was in the stores in hand is with the command. To the shards these stores are lent: whoever needs them waits, and
//! everything else goes on. The worker goes on with the command for a while in each round. A command of a transaction keeps
//! the stores of the whole transaction; when it comes to its end, so do the commands behind it.
//!
//! A worker has no more than one such command at a time. What it finds meanwhile that may pause waits for its end, unless another
//! worker finds it first. Its journal is set aside while others run: the executor has two, and exchanges them.

use std::sync::Arc;

use super::executor::Executor;
use super::operation::{Driver, Operation, Request, Setting, Style};
use super::probe::Note;
use super::replies::Replies as _;
use crate::context::{Blocking, Ctx, Resume, Resumed, Stores};
use crate::journal::meter::Seen;
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::ShardStore;

/// A command that has paused.
pub(super) struct Paused<D: Driver> {
    pub(super) resume: Resume,
    pub(super) operation: Arc<Operation<D>>,
    /// The stores in hand; what was in them is with the command.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) stores: Vec<Box<ShardStore>>,
    /// The transaction that the command belongs to, if it does.
    pub(super) begun: Option<Begun<D>>,
    /// How many nanoseconds it took so far.
    pub(super) spent_ns: u64,
    /// It waits for something that the worker will be woken by.
    pub(super) is_waiting: bool,
}

/// A transaction one of whose commands has paused.
pub(super) struct Begun<D: Driver> {
    /// The replies of the commands before.
    pub(super) replies: D::Replies,
    /// The command behind.
    pub(super) next: usize,
}

/// What a command does that has paused, of a transaction that this shard's worker runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Halted {
    /// It has more to do.
    Working,
    /// It waits for something that the worker will be woken by.
    Waiting,
}

/// Why an operation has not come to its end: a command has paused.
pub(super) struct Halt<D: Driver> {
    pub(super) resume: Resume,
    pub(super) begun: Option<Begun<D>>,
}

impl<D: Driver> Executor<D> {
    /// Makes an operation of a command that has paused while it ran by [`Executor::run`] or [`Executor::run_together`]. Its reply
    /// comes as that operation's part.
    ///
    /// # Panics
    /// If a shard of the command is not in hand.
    pub fn keep_paused(
        &mut self,
        request: Request,
        setting: Setting<Style<D>>,
        origin: D::Origin,
        resume: Resume,
    ) -> Arc<Operation<D>> {
        let operation = Arc::new(Operation::new(request, setting, origin));
        let shards = &operation.request.shards[..];
        let take_store = |shard: &ShardId| {
            let held = self.held[shard.index()].as_mut().expect("a command runs on shards in hand");
            held.store.take().expect("a command that ran here had this store in hand")
        };
        let stores = shards.iter().map(take_store).collect();
        let _ = operation.begin(shards[0]);
        D::note(Note::RunsWhole(&operation.origin, shards, operation.setting.now));
        self.pause(Halt { resume, begun: None }, Arc::clone(&operation), stores);
        operation
    }

    /// Keeps an operation whose command has paused, with its stores.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) fn pause(
        &mut self,
        Halt { resume, begun }: Halt<D>,
        operation: Arc<Operation<D>>,
        stores: Vec<Box<ShardStore>>,
    ) {
        self.exchange_journals();
        let spent_ns = self.spent_on_script();
        let now_ns = self.script_began_ns.saturating_add(spent_ns);
        stores.iter().for_each(|store| self.hub.lent(store.id()).begin(now_ns));
        self.paused = Some(Paused { resume, operation, stores, begun, spent_ns, is_waiting: false });
    }

    /// How many nanoseconds what has just paused took; its journal is set aside.
    pub(super) fn spent_on_script(&mut self) -> u64 {
        self.journal.read_time().saturating_sub(self.script_began_ns)
    }

    /// Whether a command has paused that this worker runs.
    #[must_use]
    pub fn has_paused(&self) -> bool {
        self.paused.is_some() || self.halt.is_some()
    }

    /// Whether what has paused wants to go on without anything that happens.
    pub(super) fn wants_to_go_on(&self) -> bool {
        self.paused.as_ref().is_some_and(|paused| !paused.is_waiting) || self.halt == Some(Halted::Working)
    }

    /// Goes on with the command that has paused, if there is one.
    #[inline]
    pub(super) fn go_on(&mut self) {
        if let Some(paused) = self.paused.take() {
            self.resume_paused(paused);
        }
    }

    #[cold]
    fn resume_paused(&mut self, mut paused: Paused<D>) {
        self.hand_over();
        self.exchange_journals();
        let setting = &paused.operation.setting;
        let (mut replies, next) = match paused.begun.take() {
            Some(Begun { replies, next }) => (replies, Some(next)),
            None => (D::Replies::new(setting.style), None),
        };
        let (resumed, spent_ns) = self.resume_on(paused.resume, &mut paused.stores, setting, &mut replies);
        paused.spent_ns += spent_ns;
        paused.is_waiting = matches!(resumed, Resumed::Waiting);
        let result = match resumed {
            Resumed::Paused | Resumed::Waiting => {
                paused.begun = next.map(|next| Begun { replies, next });
                self.exchange_journals();
                self.paused = Some(paused);
                return;
            }
            Resumed::NeedsAll => None,
            Resumed::Done(result) => Some(result),
        };
        let Paused { operation, mut stores, spent_ns, .. } = paused;
        let mut parts = Vec::new();
        match result {
            None => {
                debug_assert!(next.is_none(), "a script in a transaction has all stores from the start");
                self.journal.end_block(false);
                // Nothing else has been recorded since it began.
                D::note(Note::Loses(self.journal.record(), 0));
                self.submit_to_all(&operation);
            }
            Some(result) => {
                let command = next.map_or(0, |next| next - 1);
                self.end_script(&operation, command, spent_ns);
                if let Err(error) = result {
                    let failed = next.map_or(0, |next| next - 1);
                    let record = self.journal.record();
                    D::note(Note::Fails(&operation.origin, failed, &error, record));
                    replies.refuse(&error);
                }
                replies.end_item();
                let stores_in_hand = Stores::of(&mut stores, self.hub.shard_count());
                // What does not belong to a transaction has no commands behind it.
                let next = next.unwrap_or(operation.request.items.len());
                match self.run_rest(stores_in_hand, &operation, next, replies) {
                    Ok(part) => parts.push(part),
                    Err(halt) => return self.pause(halt, operation, stores),
                }
            }
        }
        let now = operation.setting.now;
        self.send_home(None, stores, parts, now);
        self.journal.end_operation(self.position);
    }

    /// A command has come to its end that had paused, and took so many nanoseconds in all.
    pub(super) fn end_script(&mut self, operation: &Operation<D>, command: usize, spent_ns: u64) {
        let Some(item) = operation.request.items.get(command) else { return };
        let (name, args) = (item.facts.name, operation.request.args(item));
        let seen = Seen { name, args: &args, whose: operation.setting.whose() };
        self.journal.end_summed(&seen, spent_ns);
        self.journal.end_block(true);
    }

    /// Goes on with a command that has paused, with its stores; returns how many nanoseconds that took, too.
    pub(super) fn resume_on(
        &mut self,
        resume: Resume,
        stores: &mut [Box<ShardStore>],
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> (Resumed, u64) {
        let began_ns = self.journal.read_time().max(self.aside.read_time());
        let mut ctx = Ctx {
            stores: Stores::of(stores, self.hub.shard_count()),
            journal: &mut self.journal,
            services: &self.services,
            db: setting.db,
            now: setting.now,
            no_touch: setting.no_touch,
            blocking: Blocking::Forbidden,
            watch: None,
            resumed: None,
            reader: setting.reader,
            command: "",
            guard: setting.guard.as_ref(),
        };
        let resumed = resume(&mut ctx, out);
        // Of a command that has not ended the journal is with the command.
        let ended_ns = self.journal.read_time().max(self.aside.read_time());
        (resumed, ended_ns.saturating_sub(began_ns))
    }
}
