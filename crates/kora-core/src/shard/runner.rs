//! One shard: the store it owns, the doors through which work reaches it, and the order in which its holder runs that work.
//!
//! The order that makes operations on several shards strictly serialisable:
//!
//! 1. Work is received first (from the inbox, or by the driver from a socket).
//! 2. Then the lane is drained, in ticket order, as far as its tickets are published.
//! 3. Only then the received work runs; and none of it while the store is lent.
//!
//! So work that was sent by someone who had seen an operation's effect finds that operation in the lane in step 2.
//!
//! What runs on several shards in one hand ([`super::together`]) is a single point in that order.
//!
//! Those who wait for keys are served at the end of every command: [`super::serve`].

use std::collections::VecDeque;
use std::sync::Arc;

use smallvec::SmallVec;

use super::executor::Executor;
use super::handler::{Desk, run_handler};
use super::hub::{Doors, Hub, LaneEntry, Outlook, ShardMail};
use super::operation::Style;
use super::operation::{
    COUNT_OF_ERROR, Course, Driver, Item, Operation, Part, Request, RequestKind, Setting,
};
use super::pause::Halt;
use super::probe::{Note, Rule};
use super::replies::{Replies, SumSink};
use super::slices::UnderWay;
use crate::command::Run;
use crate::command::spec::Merge;
use crate::context::errand::Aside;
use crate::context::{Blocking, Deferral, Resume, Stores};
use crate::db::DbIndex;
use crate::journal::{Journal, RollbackPoint};
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::ShardStore;
use crate::store::eviction::Eviction;
use crate::store::sweep::Sweep;
use crate::store::waiters::Waiter;
use crate::store::watch::Watched;
use crate::time::UnixMs;

/// Keys of one operation whose memory is fetched ahead: more would push each other out of the nearest cache.
const PREFETCH_KEYS_MAX: usize = 128;

/// Messages that a holder takes out of an inbox in one go: what else waits for it must not wait for ever.
const MESSAGES_MAX: usize = 256;

/// What became of a command that was to run at once.
#[derive(Debug)]
#[must_use]
pub enum Ran {
    /// It replied.
    Replied,
    /// It has done nothing so far, and must be submitted as an operation: it has to wait, or needs more stores.
    Deferred,
    /// It has paused: what is made an operation of it must be given to [`Executor::keep_paused`] before anything else.
    Paused(Resume),
    /// It has begun, and goes on as an errand: what is made an operation of it must be given to [`Executor::keep_aside`] before anything else.
    Aside(Aside),
}

/// Of whom word came while the store was lent.
#[derive(Default)]
pub(super) struct Departed {
    /// Waiters that are over.
    pub(super) waiters: Vec<Arc<Waiter>>,
    /// What clients no longer watch.
    pub(super) watched: Vec<Arc<Watched>>,
}

impl Departed {
    #[inline]
    fn is_empty(&self) -> bool {
        self.waiters.is_empty() && self.watched.is_empty()
    }

    /// Takes them out of the store of their shard.
    #[cold]
    fn leave(&mut self, shard: ShardId, store: &mut ShardStore) {
        for waiter in self.waiters.drain(..) {
            store.waiters.remove(shard, &waiter);
        }
        for watched in self.watched.drain(..) {
            store.watchers.remove_all(shard, &watched);
        }
    }
}

/// One shard.
pub struct Shard<D: Driver> {
    pub(super) id: ShardId,
    doors: Doors<D>,
    /// Absent while it is lent.
    pub(super) store: Option<Box<ShardStore>>,
    /// Taken from the lane, and not yet published.
    lane_head: Option<LaneEntry<D>>,
    /// Behind how many tickets stands what last ran here.
    pub(super) position: u64,
    /// Received, and not yet run.
    pub(super) waiting: VecDeque<Arc<Operation<D>>>,
    /// Shares that run a slice at a time, and have begun; the next one first.
    pub(super) under_way: VecDeque<UnderWay<D>>,
    /// What is to be taken out of the store when it is back.
    pub(super) departed: Departed,
    /// Whether operations must be submitted for waiters before anything of the shard's own runs.
    pub(super) has_promised: bool,
    /// The store, once it is closed.
    retired: Option<Box<ShardStore>>,
    /// What the databases hold has changed since it was last published.
    pub(super) has_changed: bool,
    /// Whether what expires was deleted by itself when that was last published.
    expires: bool,
}

impl<D: Driver> std::fmt::Debug for Shard<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).field("store", &self.store).finish_non_exhaustive()
    }
}

impl<D: Driver> Shard<D> {
    pub(super) fn new(id: ShardId, doors: Doors<D>, store: ShardStore) -> Self {
        Self {
            id,
            doors,
            store: Some(Box::new(store)),
            lane_head: None,
            position: 0,
            waiting: VecDeque::new(),
            under_way: VecDeque::new(),
            departed: Departed::default(),
            has_promised: false,
            retired: None,
            has_changed: false,
            expires: true,
        }
    }

    /// Its number.
    #[must_use]
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// Its store, unless it is lent.
    #[must_use]
    pub fn store(&mut self) -> Option<&mut ShardStore> {
        self.store.as_deref_mut()
    }

    /// Whether the store was closed: nothing runs on this shard any more.
    #[must_use]
    pub fn has_retired(&self) -> bool {
        self.retired.is_some()
    }

    /// Whether something stands in its lane, or is to be put into others', that may come before what is to run.
    #[inline]
    pub(super) fn has_lane_work(&self) -> bool {
        self.has_promised || self.lane_head.is_some() || !self.doors.lane.is_empty()
    }

    /// Whether nothing comes before what is to run behind all tickets below `end`, its lane being drained of these.
    #[inline]
    pub(super) fn is_free_at(&self, end: u64) -> bool {
        let head_is_behind = self.lane_head.as_ref().is_none_or(|head| head.ticket.0 >= end);
        let is_free = self.store.is_some() && self.waiting.is_empty() && !self.has_promised;
        is_free && head_is_behind && self.position <= end
    }

    /// What its holder has to know of it who puts it back.
    #[inline]
    pub(super) fn outlook(&self) -> Outlook {
        let is_home = self.store.is_some();
        Outlook {
            takes_lane: is_home && self.lane_head.is_none(),
            head: self.lane_head.as_ref().filter(|_| is_home).map(|head| head.ticket),
            is_restless: is_home && self.has_promised,
        }
    }

    /// Shows everyone what the databases hold, if that has changed.
    #[inline]
    pub(super) fn show(&mut self, hub: &Hub<D>) {
        let Some(store) = self.store.as_deref_mut() else { return };
        hub.publish_awaited(store);
        hub.publish_snapshot(store);
        let expires = store.config().active_expire;
        if std::mem::take(&mut self.has_changed) | std::mem::take(&mut store.is_unshown) {
            hub.publish_usage(store);
            hub.publish_next_due(store);
        } else if self.expires != expires {
            hub.publish_next_due(store);
        }
        self.expires = expires;
    }

    /// The store comes home. Whoever has left meanwhile waits in it no more; a closed one is retired.
    #[inline]
    pub(super) fn take_home(&mut self, mut store: Box<ShardStore>) {
        if store.is_closed() {
            self.retired = Some(store);
            return;
        }
        if !self.departed.is_empty() {
            self.departed.leave(self.id, &mut store);
        }
        self.has_promised = store.waiters.has_promises();
        self.store = Some(store);
    }

    /// Takes what is watched no longer out of the store, at once or when it is back.
    pub(super) fn take_unwatched(&mut self, watched: Arc<Watched>) {
        match self.store.as_deref_mut() {
            Some(store) => store.watchers.remove_all(self.id, &watched),
            None => self.departed.watched.push(watched),
        }
    }

    /// Takes a waiter that is over out of this shard's queues, at once or when the store is back.
    pub(super) fn forget(&mut self, waiter: Arc<Waiter>, hub: &Hub<D>) {
        match self.store.as_deref_mut() {
            Some(store) => {
                store.waiters.remove(self.id, &waiter);
                hub.publish_awaited(store);
            }
            None => self.departed.waiters.push(waiter),
        }
    }
}

impl<D: Driver> Executor<D> {
    /// Drains the lane of a shard in hand; then tells whether a command may run there and now. To be asked after
    /// [`Executor::receive`].
    #[inline]
    pub fn is_free(&mut self, shard: ShardId) -> bool {
        self.with_held(shard, Self::is_free_of)
    }

    #[inline]
    pub(super) fn is_free_of(&mut self, shard: &mut Shard<D>) -> bool {
        if D::breaks(Rule::LaneFirst) {
            return shard.store.is_some();
        }
        self.drain_lane(shard);
        shard.store.is_some() && shard.lane_head.is_none() && shard.waiting.is_empty() && !shard.has_promised
    }

    /// Runs one command on a shard in hand at once, replying to `out`. Only when [`Executor::is_free`].
    ///
    /// A command that puts itself off has done nothing: it must be submitted as an operation.
    ///
    /// # Panics
    /// If the shard is not in hand, or its store is lent.
    #[inline]
    pub fn run(
        &mut self,
        shard: ShardId,
        run: Run,
        args: &[&[u8]],
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Ran {
        if run.0.may_pause() {
            self.begin_script();
        }
        D::note(Note::RunsAtOnce(&[shard], setting.now));
        let before = self.journal.record().effect_count();
        let changes = self.journal.changes();
        let held = self.held[shard.index()].as_deref_mut().expect("only on shards in hand commands run");
        let store = held.store.as_mut().expect("only a free shard runs commands");
        let mut deferral = None;
        let (stores, blocking) = (Stores::One(store), Blocking::Permitted(&mut deferral));
        let begun = run.0.may_defer().then(|| self.journal.rollback_point());
        let desk = (&mut self.journal, &self.services);
        run_handler(stores, desk, run, args, setting, blocking, out);
        let has_ready = store.waiters.has_ready();
        held.has_changed |= self.journal.changes() != changes;
        let ran = self.outcome(deferral, begun, before);
        if has_ready {
            self.with_held(shard, |this, shard| this.answer_ready(shard, setting.now));
        }
        ran
    }

    /// What became of a command that ran at once. One that puts itself off leaves nothing in the journal behind the point where it
    /// began: it had recorded `before` effects there.
    #[inline]
    pub(super) fn outcome(
        &mut self,
        deferral: Option<Deferral>,
        begun: Option<RollbackPoint>,
        before: usize,
    ) -> Ran {
        match deferral {
            None => Ran::Replied,
            Some(Deferral::Paused(resume)) => Ran::Paused(resume),
            Some(Deferral::Aside(aside)) => Ran::Aside(aside),
            Some(Deferral::Wait(_) | Deferral::NeedsAll | Deferral::Onward(_)) => {
                if let Some(begun) = begun {
                    // It has looked for keys in vain; that will be told when it runs as an operation.
                    self.journal.roll_back(&begun);
                    D::note(Note::Loses(self.journal.record(), before));
                }
                Ran::Deferred
            }
        }
    }

    /// Something is about to run that may pause: that keeps the journal, and must not keep what others did before.
    pub(super) fn begin_script(&mut self) {
        self.hand_over();
        self.journal.refresh_time();
        self.script_began_ns = self.journal.marked_time();
    }

    /// Runs what has come for a shard, as far as it can run now.
    pub(super) fn work(&mut self, shard: &mut Shard<D>) {
        for _ in 0..MESSAGES_MAX {
            let Ok(mail) = shard.doors.inbox.try_recv() else { break };
            self.receive();
            match mail {
                ShardMail::Operation(operation) => shard.waiting.push_back(operation),
                ShardMail::Store(store) => {
                    self.hub.lent(shard.id).end(self.journal.read_time());
                    shard.take_home(store);
                }
                ShardMail::Forget(waiter) => shard.forget(waiter, &self.hub),
                ShardMail::Unwatch(watched) => shard.take_unwatched(watched),
            }
            self.advance(shard);
        }
        if !shard.doors.inbox.is_empty() {
            self.note_visit(shard.id);
        }
        self.advance(shard);
    }

    /// Deletes keys of a shard whose time has come, unless somebody else holds it or its store is lent: see
    /// [`ShardStore::sweep`].
    pub fn sweep(&mut self, shard: ShardId, now: UnixMs, budget: usize) -> Sweep {
        if !self.hold(shard) {
            return Sweep::default();
        }
        self.with_held(shard, |this, shard| {
            // What stands in the lane comes first, and then what has waited for that.
            this.advance(shard);
            let Some(store) = shard.store.as_deref_mut() else { return Sweep::default() };
            this.journal.begin_sweep(now);
            let (before, changes) = (this.journal.record().effect_count(), this.journal.changes());
            let sweep = store.sweep(&mut this.journal, now, budget);
            D::note(Note::Loses(this.journal.record(), before));
            // What was looked at in vain is not due any more.
            shard.has_changed |= sweep.examined > 0 || this.journal.changes() != changes;
            this.answer_ready(shard, now);
            sweep
        })
    }

    /// Evicts a key of a shard: see [`ShardStore::evict`]. None if somebody else holds the shard, or its store is lent.
    pub fn evict(&mut self, shard: ShardId, now: UnixMs) -> Option<Eviction> {
        if !self.hold(shard) {
            return None;
        }
        self.with_held(shard, |this, shard| {
            // What stands in the lane comes first, and then what has waited for that.
            this.advance(shard);
            let store = shard.store.as_deref_mut()?;
            this.journal.begin_sweep(now);
            let (before, changes) = (this.journal.record().effect_count(), this.journal.changes());
            let eviction = store.evict(&mut this.journal, now);
            shard.has_changed |= this.journal.changes() != changes;
            D::note(Note::Loses(this.journal.record(), before));
            if D::breaks(Rule::EvictionRecorded) && before == 0 {
                this.journal.clear_record();
            }
            Some(eviction)
        })
    }

    /// Serves those who wait for keys that a command has just made ready, if there are any; their answers are to be delivered.
    #[inline]
    fn serve_ready(&mut self, shard: &mut Shard<D>, now: UnixMs) -> Option<Vec<Part<D>>> {
        let is_any = shard.store.as_deref().is_some_and(|store| store.waiters.has_ready());
        is_any.then(|| self.serve_at_home(shard, now))
    }

    /// Serves those who wait for keys that have just become ready, and answers them.
    #[inline]
    pub(super) fn answer_ready(&mut self, shard: &mut Shard<D>, now: UnixMs) {
        if let Some(parts) = self.serve_ready(shard, now) {
            self.answer(shard, parts);
        }
    }

    /// Runs everything on a shard that can run now, in order.
    pub(super) fn advance(&mut self, shard: &mut Shard<D>) {
        loop {
            self.drain_lane(shard);
            if shard.store.is_none() || shard.lane_head.is_some() || shard.has_promised {
                return;
            }
            let Some(operation) = shard.waiting.front() else { return };
            if self.stalls(shard.id, operation) {
                return;
            }
            if let Some(operation) = shard.waiting.pop_front() {
                self.run_items(shard, operation);
            }
        }
    }

    /// Runs the operations on several shards whose turn it is. What follows stands behind them in the order.
    #[inline]
    fn drain_lane(&mut self, shard: &mut Shard<D>) {
        if shard.has_lane_work() {
            self.run_lane(shard, u64::MAX);
        }
        self.take_position(shard);
    }

    /// What runs next on a shard stands behind what ran there, and behind what this executor ran.
    #[inline]
    fn take_position(&mut self, shard: &mut Shard<D>) {
        self.position = self.position.max(shard.position);
        shard.position = self.position;
        self.journal.set_position(self.position);
    }

    /// Drains the lane of a shard of all tickets below `end` that are published, and of no other, as far as that can be done now.
    #[cold]
    pub(super) fn run_lane(&mut self, shard: &mut Shard<D>, end: u64) {
        loop {
            if shard.has_promised {
                self.submit_promised(shard);
            }
            if shard.store.is_none() {
                return;
            }
            let Some(entry) = shard.lane_head.take().or_else(|| shard.doors.lane.try_recv().ok()) else {
                return;
            };
            let may_run = entry.ticket.0 < end && self.hub.is_published(entry.ticket);
            if !may_run || self.stalls(shard.id, &entry.operation) {
                shard.lane_head = Some(entry);
                return;
            }
            let ticket = entry.ticket.0;
            shard.position = shard.position.max(ticket + 1);
            match entry.operation.course {
                Course::Lend(_) => {
                    self.journal.begin_operation(ticket, 1);
                    self.lend(shard, entry);
                }
                Course::FanOut | Course::Single => {
                    let parts = entry.operation.effect_parts();
                    if parts.is_some() {
                        // Another shard's part may be in the record: each has one of its own.
                        self.hand_over();
                    }
                    self.journal.begin_operation(ticket, parts.unwrap_or(1));
                    if parts.is_some() {
                        // Whether it runs, is refused or changes nothing: the others must not look like half of it.
                        self.journal.note_part();
                    }
                    self.run_items(shard, entry.operation);
                }
            }
            self.journal.end_operation(shard.position);
        }
    }

    /// Runs a shard's items of an operation and answers with their replies, unless it has to wait.
    fn run_items(&mut self, shard: &mut Shard<D>, operation: Arc<Operation<D>>) {
        if operation.is_pointless() {
            return;
        }
        // A driven transaction begins where it is run.
        if !operation.request.is_driven && !operation.begin(shard.id) {
            return shard.pass_over(&operation);
        }
        if self.begins_slices(shard, &operation) {
            return;
        }
        if let Some(store) = shard.store.as_deref_mut() {
            self.outlets.configure(store);
        }
        if operation.request.is_driven {
            return self.bring_own(shard, operation);
        }
        if operation.request.kind == RequestKind::Transaction {
            return self.run_transaction_at_home(shard, operation);
        }
        if operation.request.may_pause() {
            self.begin_script();
        }
        self.run_each(shard, operation);
    }

    /// Runs a shard's items of an operation, one after the other, while its store is at home.
    fn run_each(&mut self, shard: &mut Shard<D>, operation: Arc<Operation<D>>) {
        self.note_moment(&operation);
        self.journal.refresh_time();
        let store = shard.store.as_deref_mut().expect("a shard runs operations while its store is at home");
        let mut replies = D::Replies::new(operation.setting.style);
        let (request, now) = (&operation.request, operation.setting.now);
        let here = shard.id;
        prefetch(store, operation.setting.db, request, here);
        if request.may_defer() {
            D::note(Note::RunsWhole(&operation.origin, &[here], now));
        }
        let (before, changes) = (self.journal.record().effect_count(), self.journal.changes());
        let mut deferral = None;
        let mut served = Vec::new();
        let given = request.kept().map(|kept| self.journal.give(Some(Arc::clone(kept))));
        for item in request.items.iter().filter(|item| item.shard == here) {
            self.journal.set_command(item.command);
            let args = request.args(item);
            let may_defer = request.may_defer();
            let blocking = if may_defer { Blocking::Permitted(&mut deferral) } else { Blocking::Forbidden };
            let store = shard.store.as_mut().expect("those who were served have given it back");
            let begun = item.merge.map(|_| {
                operation.tell_command(item, &mut self.journal);
                begin_share(&mut self.journal)
            });
            let desk = (&mut self.journal, &self.services);
            run_item(store, desk, item, &args, &operation.setting, blocking, &mut replies);
            if let Some(begun) = begun {
                end_share(&mut self.journal, &operation, item, begun);
            }
            if deferral.is_none() {
                replies.end_item();
                let origin = &operation.origin;
                D::note(if may_defer {
                    Note::HasReplied(origin)
                } else {
                    Note::HasRunItem(origin, here, item.command)
                });
            }
            served.extend(self.serve_ready(shard, now).into_iter().flatten());
        }
        if let Some(before) = given {
            self.journal.give(before);
        }
        shard.has_changed |= self.journal.changes() != changes;
        if deferral.as_ref().is_some_and(|deferral| !matches!(deferral, Deferral::Aside(_))) {
            D::note(Note::Loses(self.journal.record(), before));
        }
        // Not before: an answer hands over what was recorded, and a part is one record's.
        self.answer(shard, served);
        if shard.store.as_deref().is_some_and(ShardStore::is_closed) {
            shard.retired = shard.store.take();
        }
        self.conclude(shard, (operation, replies), deferral);
    }

    /// Answers with the replies of a shard's items, or does what their command has put itself off for.
    fn conclude(
        &mut self,
        shard: &mut Shard<D>,
        (operation, replies): (Arc<Operation<D>>, D::Replies),
        deferral: Option<Deferral>,
    ) {
        match deferral {
            None => self.answer(shard, [Part { operation, shard: shard.id, replies }]),
            Some(Deferral::NeedsAll) => self.submit_to_all(&operation),
            Some(Deferral::Onward(onward)) => self.forward(&operation, &onward),
            Some(Deferral::Aside(aside)) => self.stand_aside(&operation, aside),
            Some(Deferral::Paused(resume)) => {
                let store = shard.store.take().expect("it is at home while commands of its own run");
                self.pause(Halt { resume, begun: None }, operation, vec![store]);
            }
            Some(Deferral::Wait(wait)) => {
                let mut store = shard.store.take().expect("it is at home while commands of its own run");
                self.block(Stores::One(&mut store), operation, wait);
                shard.take_home(store);
            }
        }
    }

    /// Deposits a shard's store at the operation's meeting point; the last to arrive runs it and sends the stores home.
    fn lend(&mut self, shard: &mut Shard<D>, LaneEntry { operation, resumed, .. }: LaneEntry<D>) {
        self.hand_over();
        let Course::Lend(meeting) = &operation.course else { return };
        self.hub.lent(shard.id).begin(self.journal.read_time());
        let mut stores = {
            let mut stores = meeting.lock();
            stores.extend(shard.store.take());
            shard.has_promised = false;
            if stores.len() < operation.request.shards.len() {
                return;
            }
            std::mem::take(&mut *stores)
        };
        stores.sort_unstable_by_key(|store| store.id());
        if operation.request.is_driven {
            return self.bring(operation, stores);
        }
        stores.iter_mut().for_each(|store| self.outlets.configure(store));
        let shard_count = self.hub.shard_count();
        let mut lent = Stores::lent(&mut stores, shard_count);
        let now = resumed.as_ref().map_or(operation.setting.now, |(_, now)| *now);
        let parts = match &resumed {
            None => match self.run_lent(lent, &operation) {
                Ok(part) => Vec::from_iter(part),
                Err(halt) => {
                    return self.pause(halt, Arc::clone(&operation), stores);
                }
            },
            Some(resumed) => self.keep_promise(&mut lent, &operation, resumed),
        };
        self.send_home(Some(shard), stores, parts, now);
    }

    /// Serves those who wait for keys of stores that were lent, sends the stores home, `here` at once and to others by mail, and
    /// then what there is to answer.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) fn send_home(
        &mut self,
        mut here: Option<&mut Shard<D>>,
        mut stores: Vec<Box<ShardStore>>,
        mut parts: Vec<Part<D>>,
        now: UnixMs,
    ) {
        let shard_count = self.hub.shard_count();
        parts.extend(self.serve(Stores::lent(&mut stores, shard_count), now));
        self.hand_over();
        parts.iter().for_each(|part| self.note_moment_of_served(&part.operation));
        // That of all before anyone has one of them: who is over the limit would evict from it for what the others threw away.
        stores.iter_mut().for_each(|store| self.outlets.dispose(store));
        for mut store in stores {
            self.hub.publish_usage(&mut store);
            self.hub.publish_next_due(&store);
            self.hub.publish_awaited(&store);
            self.hub.publish_snapshot(&store);
            match here.as_deref_mut().filter(|shard| shard.id == store.id()) {
                Some(shard) => {
                    self.hub.lent(shard.id).end(self.journal.read_time());
                    shard.take_home(store);
                }
                None => self.send(store.id(), ShardMail::Store(store)),
            }
        }
        parts.into_iter().for_each(|part| self.deliver(part));
    }

    /// Runs an operation with all its stores in hand; `None` if it has to wait.
    ///
    /// # Errors
    /// If it has paused.
    fn run_lent(
        &mut self,
        mut stores: Stores<'_>,
        operation: &Arc<Operation<D>>,
    ) -> Result<Option<Part<D>>, Halt<D>> {
        let first = operation.request.shards[0];
        if operation.is_pointless() {
            return Ok(None);
        }
        if !operation.begin(first) {
            if let Some(watched) = &operation.request.watched {
                end_watch(&mut stores, watched);
            }
            return Ok(None);
        }
        if operation.request.kind == RequestKind::Transaction {
            return self.run_transaction(stores, operation).map(Some);
        }
        self.note_moment(operation);
        D::note(Note::RunsWhole(&operation.origin, &operation.request.shards, operation.setting.now));
        self.begin_script();
        let mut replies = D::Replies::new(operation.setting.style);
        let item = &operation.request.items[0];
        let run = (item.facts, item.handler);
        let (args, setting) = (operation.request.args(item), &operation.setting);
        let mut deferral = None;
        let may_defer = operation.request.may_defer();
        let blocking = if may_defer { Blocking::Permitted(&mut deferral) } else { Blocking::Forbidden };
        let before = self.journal.record().effect_count();
        let desk = (&mut self.journal, &self.services);
        run_handler(stores.reborrow(), desk, run, &args, setting, blocking, &mut replies);
        if deferral.as_ref().is_some_and(|deferral| !matches!(deferral, Deferral::Aside(_))) {
            D::note(Note::Loses(self.journal.record(), before));
        }
        match deferral {
            None => {}
            Some(Deferral::NeedsAll) => {
                self.submit_to_all(operation);
                return Ok(None);
            }
            Some(Deferral::Onward(onward)) => {
                self.forward(operation, &onward);
                return Ok(None);
            }
            Some(Deferral::Aside(aside)) => {
                self.stand_aside(operation, aside);
                return Ok(None);
            }
            Some(Deferral::Wait(wait)) => {
                self.block(stores, Arc::clone(operation), wait);
                return Ok(None);
            }
            Some(Deferral::Paused(resume)) => return Err(Halt { resume, begun: None }),
        }
        replies.end_item();
        D::note(Note::HasReplied(&operation.origin));
        Ok(Some(Part { operation: Arc::clone(operation), shard: first, replies }))
    }

    /// Sends what was answered on a shard, once what it holds is shown and what was thrown away is given up.
    pub(super) fn answer(&mut self, shard: &mut Shard<D>, parts: impl IntoIterator<Item = Part<D>>) {
        let mut parts = parts.into_iter().peekable();
        if parts.peek().is_none() {
            return;
        }
        self.outlets.show(shard, &self.hub);
        for part in parts {
            self.note_moment_of_served(&part.operation);
            self.deliver(part);
        }
    }
}

/// Takes what is watched no longer out of its stores, which are in hand.
pub(super) fn end_watch(stores: &mut Stores<'_>, watched: &Watched) {
    for shard in watched.shards() {
        if let Some(store) = stores.of_shard(shard) {
            store.watchers.remove_all(shard, watched);
        }
    }
}

/// Starts to fetch the memory of a request's keys on this shard: the table's, then the entries', so that the waits
/// overlap.
fn prefetch(store: &ShardStore, db: DbIndex, request: &Request, shard: ShardId) {
    let items = request.items.iter().filter(|item| item.shard == shard);
    let keys = items.flat_map(|item| request.keys(item)).take(PREFETCH_KEYS_MAX);
    let hashes: SmallVec<[u64; PREFETCH_KEYS_MAX]> = keys.map(|key| store.prefetch_bucket(db, key)).collect();
    for hash in hashes {
        store.prefetch_entry(db, hash);
    }
}

/// Begins to time a share of a command; returns when that was.
pub(super) fn begin_share(journal: &mut Journal) -> u64 {
    journal.set_share(true);
    journal.read_time()
}

/// A share of a command that began then has run.
pub(super) fn end_share<D: Driver>(journal: &mut Journal, operation: &Operation<D>, item: &Item, begun: u64) {
    let spent = journal.read_time().saturating_sub(begun);
    journal.set_share(false);
    operation.note_work(item.command, spent);
}

fn run_item<R: Replies>(
    store: &mut Box<ShardStore>,
    desk: Desk<'_>,
    item: &Item,
    args: &[&[u8]],
    setting: &Setting<R::Style>,
    blocking: Blocking<'_>,
    replies: &mut R,
) {
    let run = (item.facts, item.handler);
    let stores = Stores::One(store);
    match item.merge {
        None | Some(Merge::First) => {
            run_handler(stores, desk, run, args, setting, blocking, replies);
        }
        Some(Merge::Concat) => {
            replies.begin_elements();
            if !run_handler(stores, desk, run, args, setting, blocking, replies) {
                replies.push_count(COUNT_OF_ERROR);
            }
        }
        Some(Merge::Sum) => {
            let mut sink = SumSink::default();
            run_handler(stores, desk, run, args, setting, blocking, &mut sink);
            if let Some(error) = &sink.error {
                replies.error(error);
            }
            replies.push_count(if sink.error.is_some() { COUNT_OF_ERROR } else { sink.sum });
        }
    }
}
