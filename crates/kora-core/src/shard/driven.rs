//! Transactions that the driver's worker runs, because commands of the driver's own stand between those of the shards.
//!
//! Nothing else makes the whole of it happen at one place in the order: what such a command changes (the client's session,
//! the configuration) holds for the commands behind it, and what it shows is as those before it left it. So the stores are
//! brought to the worker that serves the client: by the last of the shards that lend them, or by the one shard that is
//! concerned. Until they are sent home they are lent, and that worker is the only one who has them.
//!
//! A worker that goes on with a command that has paused, its shard's or a driven transaction's, takes up none meanwhile: the
//! journal has one writer at a time.

use std::sync::Arc;

use kora_stream::order::Stamp;

use smallvec::SmallVec;

use super::executor::Executor;
use super::hub::WorkerMail;
use super::operation::{Driver, Operation, Setting, Style};
use super::pause::Halted;
use super::probe::Note;
use super::runner::{Shard, end_watch};
use super::together::InHand;
use super::transaction::{Transaction, run_item_whole};
use crate::context::{Resume, Resumed, Stores};
use crate::reply::Reply;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// A transaction that has all its stores in hand, at its home. Whoever takes it must give it to [`Shard::end_driven`].
#[derive(Debug)]
pub struct Driven<D: Driver> {
    operation: Arc<Operation<D>>,
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    stores: Vec<Box<ShardStore>>,
    /// Where it stands in the order.
    stamp: Stamp,
    /// How many nanoseconds the command took so far that has paused.
    spent_ns: u64,
    /// It runs: those who look on are told of it.
    has_begun: bool,
}

impl<D: Driver> Driven<D> {
    /// Who waits for it.
    #[must_use]
    pub fn origin(&self) -> &D::Origin {
        &self.operation.origin
    }

    /// Decides that it runs; `false` if it was refused.
    #[must_use]
    pub fn begin(&self) -> bool {
        self.operation.begin(self.operation.request.shards[0])
    }

    /// The time at which it runs.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.operation.setting.now
    }

    /// What its client had chosen when it was sent.
    #[must_use]
    pub fn setting(&self) -> &Setting<Style<D>> {
        &self.operation.setting
    }

    /// The arguments of one of the core's commands.
    ///
    /// # Panics
    /// If there is no such command.
    #[must_use]
    pub fn args(&self, index: usize) -> SmallVec<[&[u8]; 8]> {
        let request = &self.operation.request;
        request.args(&request.items[index])
    }

    /// Number of the core's commands in it.
    #[must_use]
    pub fn len(&self) -> usize {
        self.operation.request.items.len()
    }

    /// Whether all its commands are the driver's own.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The stores in hand, ascending.
    pub fn stores(&mut self) -> impl Iterator<Item = &mut ShardStore> {
        self.stores.iter_mut().map(|store| &mut **store)
    }
}

impl<D: Driver> Executor<D> {
    /// Sends a transaction with its stores to the worker that runs it.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) fn bring(&mut self, operation: Arc<Operation<D>>, stores: Vec<Box<ShardStore>>) {
        let home = D::home(&operation.origin).expect("only what a worker serves is driven");
        let driven = Driven { operation, stores, stamp: self.journal.stamp(), spent_ns: 0, has_begun: false };
        if home == self.worker {
            self.driven.push_back(driven);
        } else {
            self.hand_over();
            self.hub.send(home, WorkerMail::Driven(driven));
        }
    }

    /// Sends a transaction that concerns a shard alone to the worker that runs it.
    pub(super) fn bring_own(&mut self, shard: &mut Shard<D>, operation: Arc<Operation<D>>) {
        let store = shard.store.take().expect("a shard runs operations while its store is at home");
        self.hub.lent(shard.id).begin(self.journal.read_time());
        self.bring(operation, vec![store]);
    }

    /// A transaction that is to be run now.
    #[inline]
    pub fn take_driven(&mut self) -> Option<Driven<D>> {
        if self.has_driven() { self.driven.pop_front() } else { None }
    }

    /// Whether there is a transaction to be run now.
    pub(super) fn has_driven(&self) -> bool {
        !self.driven.is_empty() && self.paused.is_none() && self.halt.is_none()
    }

    /// Begins to run a transaction; `false` if a watched key has changed.
    #[must_use]
    pub fn begin_driven(&mut self, driven: &mut Driven<D>) -> bool {
        self.begin_script();
        self.journal.begin_at(driven.stamp);
        self.journal.begin_unit();
        self.journal.begin_block();
        driven.has_begun = true;
        let Driven { operation, stores, .. } = driven;
        D::note(Note::RunsWhole(&operation.origin, &operation.request.shards, operation.setting.now));
        let mut stores = Stores::of(stores, self.hub.shard_count());
        let (watched, now) = (&operation.request.watched, operation.setting.now);
        watched.as_ref().is_none_or(|watched| self.check(&mut stores, watched, now))
    }

    /// Runs one command of the transaction that was begun in `setting`, replying to `out`. If it pauses, the answer is how to
    /// go on with it: by [`Shard::resume_driven`] until it has ended, before anything else of the transaction.
    pub fn run_driven(
        &mut self,
        Driven { operation, stores, spent_ns, .. }: &mut Driven<D>,
        index: usize,
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Option<Resume> {
        stores.iter_mut().for_each(|store| self.outlets.configure(store));
        let stores = Stores::of(stores, self.hub.shard_count());
        let desk = (&mut self.journal, &self.services);
        let paused = run_item_whole(stores, desk, &operation.request, index, setting, out);
        if paused.is_some() {
            self.halt = Some(Halted::Working);
            self.exchange_journals();
            *spent_ns = self.spent_on_script();
        }
        paused
    }

    /// Makes a driven one of a transaction that ran here at once by [`Executor::run_queued`], and of which a command has paused.
    pub fn hold_transaction(
        &mut self,
        transaction: Transaction<Style<D>>,
        in_hand: InHand,
        origin: D::Origin,
    ) -> Driven<D> {
        self.halt = Some(Halted::Working);
        let operation = Arc::new(Operation::of_transaction(transaction, origin));
        let stamp = self.journal.stamp();
        self.exchange_journals();
        let spent_ns = self.spent_on_script();
        D::note(Note::RunsWhole(&operation.origin, operation.shards(), operation.setting.now));
        Driven { operation, stores: in_hand.into_stores(), stamp, spent_ns, has_begun: true }
    }

    /// Goes on for a while with the command of a transaction that has paused.
    pub fn resume_driven(
        &mut self,
        driven: &mut Driven<D>,
        resume: Resume,
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Resumed {
        self.hand_over();
        self.exchange_journals();
        let (resumed, spent_ns) = self.resume_on(resume, &mut driven.stores, setting, out);
        driven.spent_ns += spent_ns;
        if matches!(resumed, Resumed::Paused | Resumed::Waiting) {
            self.exchange_journals();
        }
        self.halt = match resumed {
            Resumed::Paused => Some(Halted::Working),
            Resumed::Waiting => Some(Halted::Waiting),
            Resumed::NeedsAll | Resumed::Done(_) => None,
        };
        resumed
    }

    /// The core's command `index` of the transaction has come to its end, which had paused.
    pub fn end_paused_of(&mut self, driven: &mut Driven<D>, index: usize) {
        let spent_ns = std::mem::take(&mut driven.spent_ns);
        self.end_script(&driven.operation, index, spent_ns);
    }

    /// Ends a transaction that has not begun, since nobody waits for it any more: as if it had never come.
    pub fn give_up_driven(&mut self, mut driven: Driven<D>) {
        let operation = Arc::clone(&driven.operation);
        if let Some(watched) = &operation.request.watched {
            watched.watch().end();
            let mut stores = Stores::of(&mut driven.stores, self.hub.shard_count());
            end_watch(&mut stores, watched);
        }
        self.end_driven(driven);
    }

    /// Ends a transaction: those who wait for its keys are served, and the stores go home.
    pub fn end_driven(&mut self, Driven { operation, stores, has_begun, .. }: Driven<D>) {
        if has_begun {
            self.tell_transaction(&operation.request, &operation.setting);
        }
        self.journal.end_unit();
        self.send_home(None, stores, Vec::new(), operation.setting.now);
        self.journal.end_operation(self.position);
    }
}
