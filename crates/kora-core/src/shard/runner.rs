//! One shard: the store it owns, the doors through which work reaches it, and the order in which it runs that work.
//!
//! The order that makes operations on several shards strictly serialisable:
//!
//! 1. Work is received first (from the inbox, or by the driver from a socket).
//! 2. Then the lane is drained, in ticket order, as far as its tickets are published.
//! 3. Only then the received work runs; and none of it while the store is lent.
//!
//! So work that was sent by someone who had seen an operation's effect finds that operation in the lane in step 2.
//!
//! Those who wait for keys are served at the end of every command: [`super::serve`].

use std::collections::VecDeque;
use std::sync::Arc;

use kora_stream::record::RecordBuilder;
use smallvec::SmallVec;

use super::driven::Driven;
use super::handler::{Desk, run_handler};
use super::hub::{Doors, Hub, LaneEntry, Mail, Wake};
use super::operation::{
    COUNT_OF_ERROR, Course, Driver, Item, Operation, Part, Request, RequestKind, Setting, Style,
};
use super::pause::{Halt, Halted, Paused};
use super::probe::{Note, Rule};
use super::replies::{Replies, SumSink};
use super::serve::Blocked;
use crate::command::Run;
use crate::command::spec::Merge;
use crate::config::CoreConfig;
use crate::context::{Blocking, Deferral, Resume, Stores};
use crate::db::DbIndex;
use crate::journal::{Announcement, Journal};
use crate::reply::Reply;
use crate::services::Services;
use crate::slot::ShardId;
use crate::store::ShardStore;
use crate::store::eviction::Eviction;
use crate::store::sweep::Sweep;
use crate::store::waiters::Waiter;
use crate::store::watch::Watched;
use crate::table::garbage::Garbage;
use crate::time::UnixMs;

/// Takes the effects of a round before anyone can see them.
pub type EffectSink = Box<dyn FnMut(&RecordBuilder) + Send>;

/// Takes what is to be announced, after the effects before it: events of keys, messages to channels.
pub type AnnouncementSink = Box<dyn FnMut(Vec<Announcement>) + Send>;

/// Brings the settings of a store up to date: called before operations run on it, so that whoever has seen new settings
/// finds them in force everywhere.
pub type ConfigSource = Box<dyn FnMut(&mut ShardStore) + Send>;

/// Takes what a shard threw away, to free it elsewhere.
pub type GarbageSink = Box<dyn FnMut(Garbage) + Send>;

/// Keys of one operation whose memory is fetched ahead: more would push each other out of the nearest cache.
const PREFETCH_KEYS_MAX: usize = 128;

/// What became of a command that was to run at once.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub enum Ran {
    /// It replied.
    Replied,
    /// It has done nothing so far, and must be submitted as an operation: it has to wait, or needs more stores.
    Deferred,
    /// It has paused: what is made an operation of it must be given to [`Shard::hold`] before anything else.
    Paused(Resume),
}

/// Where a shard's driver takes what comes of commands, and where settings come from.
#[derive(Default)]
pub(super) struct Outlets {
    effects: Option<EffectSink>,
    announcements: Option<AnnouncementSink>,
    pub(super) config: Option<ConfigSource>,
    garbage: Option<GarbageSink>,
}

/// Of whom word came while the store was lent.
#[derive(Default)]
pub(super) struct Departed {
    /// Waiters that are over.
    pub(super) waiters: Vec<Arc<Waiter>>,
    /// What clients no longer watch.
    pub(super) watched: Vec<Arc<Watched>>,
}

/// One shard.
pub struct Shard<D: Driver> {
    pub(super) id: ShardId,
    pub(super) hub: Arc<Hub<D>>,
    doors: Doors<D>,
    /// Absent while it is lent.
    pub(super) store: Option<Box<ShardStore>>,
    pub(super) journal: Journal,
    pub(super) services: Arc<Services>,
    pub(super) outlets: Outlets,
    /// Taken from the lane, and not yet published.
    lane_head: Option<LaneEntry<D>>,
    /// How many tickets were published when work was last received: what this shard does by itself, once it has run those that
    /// concern it, stands behind all of them in the order.
    pub(super) position: u64,
    /// Received, and not yet run.
    pub(super) waiting: VecDeque<Arc<Operation<D>>>,
    finished: Vec<Part<D>>,
    /// Operations of this shard's worker that have to wait.
    pub(super) blocked: Vec<Blocked<D>>,
    /// What is to be taken out of the store when it is back.
    pub(super) departed: Departed,
    /// Whether operations must be submitted for waiters before anything of the shard's own runs.
    pub(super) has_promised: bool,
    driver_mail: Vec<D::Mail>,
    /// Operations that turned out to need all stores, and are to be submitted for them.
    pub(super) wider: VecDeque<Arc<Operation<D>>>,
    /// The command that has paused, if one has.
    pub(super) paused: Option<Paused<D>>,
    /// Transactions that this shard's worker is to run.
    pub(super) driven: VecDeque<Driven<D>>,
    /// A command of the transaction that this shard's worker runs has paused.
    pub(super) halt: Option<Halted>,
    /// The store, once it is closed.
    retired: Option<Box<ShardStore>>,
    /// Changes counted when the usage was last published.
    published_changes: u64,
}

impl<D: Driver> std::fmt::Debug for Shard<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shard").field("id", &self.id).field("store", &self.store).finish_non_exhaustive()
    }
}

/// The shards of a new engine, one for each waker, sharing a hub. `seed` decides hashing and random choices.
#[must_use]
#[expect(clippy::cast_possible_truncation, reason = "shards are numbered by u16")]
pub fn new_shards<D: Driver>(wakers: Vec<Box<dyn Wake>>, config: &CoreConfig, seed: u64) -> Vec<Shard<D>> {
    let (hub, doors) = Hub::new(wakers, config.database_count);
    let hub = Arc::new(hub);
    let shard_count = hub.shard_count();
    let shard = |(index, doors)| {
        let id = ShardId(index as u16);
        let store = ShardStore::new(id, config.clone(), seed).among(shard_count);
        Shard {
            id,
            hub: Arc::clone(&hub),
            doors,
            store: Some(Box::new(store)),
            journal: Journal::default(),
            services: Arc::default(),
            outlets: Outlets::default(),
            lane_head: None,
            position: 0,
            waiting: VecDeque::new(),
            finished: Vec::new(),
            blocked: Vec::new(),
            departed: Departed::default(),
            has_promised: false,
            driver_mail: Vec::new(),
            wider: VecDeque::new(),
            paused: None,
            driven: VecDeque::new(),
            halt: None,
            retired: None,
            published_changes: 0,
        }
    };
    doors.into_iter().enumerate().map(shard).collect()
}

impl<D: Driver> Shard<D> {
    /// Its number.
    #[must_use]
    pub fn id(&self) -> ShardId {
        self.id
    }

    /// What it shares with the others.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub<D>> {
        &self.hub
    }

    /// Its store, unless it is lent.
    #[must_use]
    pub fn store(&mut self) -> Option<&mut ShardStore> {
        self.store.as_deref_mut()
    }

    /// What its commands did.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Gives to `sink` from now on the effects that the journal records, before anyone can see them.
    pub fn set_effect_sink(&mut self, sink: EffectSink) {
        self.outlets.effects = Some(sink);
    }

    /// Takes the store away, to be filled elsewhere: until [`Hub::send_store`] brings it home it is lent.
    pub fn take_store(&mut self) -> Option<Box<ShardStore>> {
        self.store.take()
    }

    /// Gives to `sink` from now on what is to be announced, after the effects before it and before anyone can see them.
    pub fn set_announcement_sink(&mut self, sink: AnnouncementSink) {
        self.outlets.announcements = Some(sink);
    }

    /// Asks `source` from now on for the settings of stores.
    pub fn set_config_source(&mut self, source: ConfigSource) {
        self.outlets.config = Some(source);
    }

    /// Lets commands use what the engine offers.
    pub fn set_services(&mut self, services: Arc<Services>) {
        self.services = services;
    }

    /// Gives to `sink` from now on what commands threw away: when [`Shard::dispose`] is called, and before an operation is
    /// answered, so that whoever has the answer finds the memory given up.
    pub fn set_garbage_sink(&mut self, sink: GarbageSink) {
        self.outlets.garbage = Some(sink);
    }

    /// Gives to the sink what commands threw away.
    #[inline]
    pub fn dispose(&mut self) {
        if let (Some(store), Some(sink)) = (self.store.as_deref_mut(), self.outlets.garbage.as_mut()) {
            dispose(store, sink);
        }
    }

    /// Says that commands were received that are to run here: whoever sent them may have seen everything that others had
    /// been answered by now.
    #[inline]
    pub fn receive(&mut self) {
        if !D::breaks(Rule::ReceiveNotes) {
            self.position = self.hub.published_count();
        }
    }

    /// Drains the lane; then tells whether a command may run here and now. To be asked after [`Shard::receive`].
    #[inline]
    pub fn is_free(&mut self) -> bool {
        if D::breaks(Rule::LaneFirst) {
            return self.store.is_some();
        }
        self.drain_lane();
        self.store.is_some() && self.lane_head.is_none() && self.waiting.is_empty() && !self.has_promised
    }

    /// Runs one command on this shard's store at once, replying to `out`. Only when [`Shard::is_free`].
    ///
    /// A command that puts itself off has done nothing: it must be submitted as an operation.
    ///
    /// # Panics
    /// If the store is lent.
    #[inline]
    pub fn run(&mut self, run: Run, args: &[&[u8]], setting: &Setting<Style<D>>, out: &mut dyn Reply) -> Ran {
        if run.0.may_pause() {
            self.hand_over();
        }
        D::note(Note::RunsAtOnce(self.id, setting.now));
        let before = self.journal.record().effect_count();
        let store = self.store.as_deref_mut().expect("only a free shard runs commands");
        let mut deferral = None;
        let (stores, blocking) = (Stores::One(store), Blocking::Permitted(&mut deferral));
        let begun = run.0.may_defer().then(|| self.journal.rollback_point());
        let desk = (&mut self.journal, &self.services);
        run_handler(stores, desk, run, args, setting, blocking, out);
        if let (Some(Deferral::Wait(_) | Deferral::NeedsAll | Deferral::Onward(_)), Some(begun)) =
            (&deferral, begun)
        {
            // It has looked for keys in vain; that will be told when it runs as an operation.
            self.journal.roll_back(&begun);
            D::note(Note::Loses(self.journal.record(), before));
        }
        self.answer_ready(setting.now);
        match deferral {
            None => Ran::Replied,
            Some(Deferral::Paused(resume)) => Ran::Paused(resume),
            Some(Deferral::Wait(_) | Deferral::NeedsAll | Deferral::Onward(_)) => Ran::Deferred,
        }
    }

    /// Receives and runs what has arrived, as far as it can run now; `false` if there was nothing.
    pub fn poll(&mut self) -> bool {
        if !self.wider.is_empty() {
            self.submit_wider();
        }
        self.go_on();
        let mut received = false;
        while let Ok(mail) = self.doors.inbox.try_recv() {
            received = true;
            self.receive();
            match mail {
                Mail::Operation(operation) => self.waiting.push_back(operation),
                Mail::Part(part) => self.finished.push(part),
                Mail::Store(store) => self.take_home(store),
                Mail::Driven(driven) => self.driven.push_back(driven),
                Mail::Blocked(blocked) => self.blocked.push(blocked),
                Mail::Forget(waiter) => self.forget(waiter),
                Mail::Unwatch(watched) => self.take_unwatched(watched),
                Mail::Driver(mail) => self.driver_mail.push(mail),
            }
            self.advance();
        }
        self.advance();
        received
    }

    /// Announces that the worker is about to sleep; `false` if there is something to do after all, be it that finished
    /// parts or messages were not taken yet. After sleeping, call [`Shard::unpark`].
    #[must_use]
    pub fn park(&self) -> bool {
        let parking = self.hub.parking(self.id);
        parking.prepare();
        // A lane entry whose ticket is not published yet is no reason to stay awake: publishing it wakes us.
        let head_is_ready = self.lane_head.as_ref().is_some_and(|head| self.hub.is_published(head.ticket));
        let lane_is_ready = self.lane_head.is_none() && self.store.is_some() && !self.doors.lane.is_empty();
        let is_all_taken = self.finished.is_empty() && self.blocked.is_empty() && self.driver_mail.is_empty();
        let is_idle = is_all_taken
            && !self.has_promised
            && self.wider.is_empty()
            && !self.wants_to_go_on()
            && !self.has_driven()
            && !head_is_ready
            && !lane_is_ready
            && self.doors.inbox.is_empty();
        if !is_idle {
            parking.cancel();
        }
        is_idle
    }

    /// Announces that the worker is awake.
    pub fn unpark(&self) {
        self.hub.parking(self.id).cancel();
    }

    /// Parts of operations that this shard's worker asked for.
    pub fn take_finished(&mut self) -> Vec<Part<D>> {
        std::mem::take(&mut self.finished)
    }

    /// Operations that this shard's worker asked for and that have to wait. To be taken before [`Shard::take_finished`]:
    /// one that waited for a moment only is in both.
    pub fn take_blocked(&mut self) -> Vec<Blocked<D>> {
        std::mem::take(&mut self.blocked)
    }

    /// Messages of the driver's.
    pub fn take_driver_mail(&mut self) -> Vec<D::Mail> {
        std::mem::take(&mut self.driver_mail)
    }

    /// Gives this round's effects to their sink, and then what is to be announced to its own. To be called before replies are sent; the
    /// shard itself does so before it lends its store or forwards anything, and before it runs what may pause: that keeps the
    /// journal, and must not keep what others did before.
    #[inline]
    pub fn hand_over(&mut self) {
        if !self.journal.record().is_empty() {
            if let Some(sink) = &mut self.outlets.effects {
                sink(self.journal.record());
            }
            self.journal.clear_record();
        }
        if self.journal.has_announcements() {
            self.announce();
        }
    }

    #[cold]
    fn announce(&mut self) {
        let announcements = self.journal.take_announcements();
        if let Some(sink) = &mut self.outlets.announcements {
            sink(announcements);
        }
    }

    /// Shows everyone what the databases hold, if that has changed. To be called before replies are sent; the shard
    /// itself does so before it answers an operation.
    #[inline]
    pub fn publish_usage(&mut self) {
        let changes = self.journal.changes();
        let Some(store) = self.store.as_deref_mut() else { return };
        self.hub.publish_awaited(store);
        if changes != self.published_changes {
            self.hub.publish_usage(store);
            self.published_changes = changes;
        }
    }

    /// Deletes keys whose time has come, unless the store is lent: see [`ShardStore::sweep`].
    pub fn sweep(&mut self, now: UnixMs, budget: usize) -> Sweep {
        // What stands in the lane comes first, and then what has waited for that.
        self.advance();
        let Some(store) = self.store.as_deref_mut() else { return Sweep::default() };
        self.journal.begin_sweep(now);
        let sweep = store.sweep(&mut self.journal, now, budget);
        self.answer_ready(now);
        sweep
    }

    /// Takes the store back.
    pub(super) fn take_home(&mut self, mut store: Box<ShardStore>) {
        if store.is_closed() {
            self.retired = Some(store);
            return;
        }
        for waiter in self.departed.waiters.drain(..) {
            store.waiters.remove(self.id, &waiter);
        }
        for watched in self.departed.watched.drain(..) {
            store.watchers.remove_all(self.id, &watched);
        }
        self.has_promised = store.waiters.has_promises();
        self.store = Some(store);
    }

    /// Whether the store was closed: nothing runs on this shard any more.
    #[must_use]
    pub fn has_retired(&self) -> bool {
        self.retired.is_some()
    }

    /// Serves those who wait for keys that a command has just made ready, if there are any; their answers are to be delivered.
    #[inline]
    fn serve_ready(&mut self, now: UnixMs) -> Option<Vec<Part<D>>> {
        let is_any = self.store.as_deref().is_some_and(|store| store.waiters.has_ready());
        is_any.then(|| self.serve_at_home(now))
    }

    /// Serves those who wait for keys that have just become ready, and answers them.
    #[inline]
    pub(super) fn answer_ready(&mut self, now: UnixMs) {
        if let Some(parts) = self.serve_ready(now) {
            parts.into_iter().for_each(|part| self.deliver(part));
        }
    }

    /// Evicts a key, unless the store is lent: see [`ShardStore::evict`].
    pub fn evict(&mut self, now: UnixMs) -> Eviction {
        // What stands in the lane comes first, and then what has waited for that.
        self.advance();
        let Some(store) = self.store.as_deref_mut() else { return Eviction::Pending };
        self.journal.begin_sweep(now);
        let before = self.journal.record().effect_count();
        let eviction = store.evict(&mut self.journal, now);
        D::note(Note::Loses(self.journal.record(), before));
        if D::breaks(Rule::EvictionRecorded) && before == 0 {
            self.journal.clear_record();
        }
        eviction
    }

    /// Runs everything that can run now, in order.
    pub(super) fn advance(&mut self) {
        loop {
            self.drain_lane();
            if self.store.is_none() || self.lane_head.is_some() || self.has_promised {
                return;
            }
            let Some(operation) = self.waiting.pop_front() else { return };
            self.run_items(operation);
        }
    }

    /// Runs the operations on several shards whose turn it is. What follows stands behind them in the order.
    #[inline]
    fn drain_lane(&mut self) {
        if self.has_promised || self.lane_head.is_some() || !self.doors.lane.is_empty() {
            self.run_lane();
        }
        self.journal.set_position(self.position);
    }

    #[cold]
    fn run_lane(&mut self) {
        loop {
            if self.has_promised {
                self.submit_promised();
            }
            if self.store.is_none() {
                return;
            }
            let Some(entry) = self.lane_head.take().or_else(|| self.doors.lane.try_recv().ok()) else {
                return;
            };
            if !self.hub.is_published(entry.ticket) {
                self.lane_head = Some(entry);
                return;
            }
            let ticket = entry.ticket.0;
            self.position = self.position.max(ticket + 1);
            match entry.operation.course {
                Course::Lend(_) => {
                    self.journal.begin_operation(ticket, 1);
                    self.lend(entry);
                }
                Course::FanOut | Course::Single => {
                    let parts = entry.operation.effect_parts();
                    self.journal.begin_operation(ticket, parts.unwrap_or(1));
                    if parts.is_some() {
                        // Whether it runs, is refused or changes nothing: the others must not look like half of it.
                        self.journal.note_part();
                    }
                    self.run_items(entry.operation);
                }
            }
            self.journal.end_operation(self.position);
        }
    }

    /// Runs this shard's items of an operation and answers with their replies, unless it has to wait.
    fn run_items(&mut self, operation: Arc<Operation<D>>) {
        if operation.is_pointless() {
            return;
        }
        // A driven transaction begins where it is run.
        if !operation.request.is_driven && !operation.begin(self.id) {
            return self.pass_over(&operation);
        }
        if let (Some(source), Some(store)) = (&mut self.outlets.config, self.store.as_deref_mut()) {
            source(store);
        }
        if operation.request.is_driven {
            return self.bring_own(operation);
        }
        if operation.request.kind == RequestKind::Transaction {
            return self.run_transaction_at_home(operation);
        }
        if operation.request.may_pause() {
            self.hand_over();
        }
        let store = self.store.as_deref_mut().expect("a shard runs operations while its store is at home");
        let mut replies = D::Replies::new(operation.setting.style);
        let (request, now) = (&operation.request, operation.setting.now);
        let here = self.id;
        prefetch(store, operation.setting.db, request, here);
        if request.may_defer() {
            D::note(Note::RunsWhole(&operation.origin, &[here], now));
        }
        let before = self.journal.record().effect_count();
        let mut deferral = None;
        let mut served = Vec::new();
        for item in request.items.iter().filter(|item| item.shard == here) {
            self.journal.set_command(item.command);
            let args = request.args(item);
            let may_defer = request.may_defer();
            let blocking = if may_defer { Blocking::Permitted(&mut deferral) } else { Blocking::Forbidden };
            let store = self.store.as_deref_mut().expect("those who were served have given it back");
            let desk = (&mut self.journal, &self.services);
            run_item(store, desk, item, &args, &operation.setting, blocking, &mut replies);
            if deferral.is_none() {
                replies.end_item();
                let origin = &operation.origin;
                D::note(if may_defer {
                    Note::HasReplied(origin)
                } else {
                    Note::HasRunItem(origin, here, item.command)
                });
            }
            served.extend(self.serve_ready(now).into_iter().flatten());
        }
        if deferral.is_some() {
            D::note(Note::Loses(self.journal.record(), before));
        }
        // Not before: an answer hands over what was recorded, and a part is one record's.
        served.into_iter().for_each(|part| self.deliver(part));
        if self.store.as_deref().is_some_and(ShardStore::is_closed) {
            self.retired = self.store.take();
        }
        match deferral {
            None => self.answer(operation, replies),
            Some(Deferral::NeedsAll) => self.submit_to_all(&operation),
            Some(Deferral::Onward(onward)) => self.forward(&operation, &onward),
            Some(Deferral::Paused(resume)) => {
                let store = self.store.take().expect("it is at home while commands of its own run");
                self.pause(Halt { resume, begun: None }, operation, vec![store]);
            }
            Some(Deferral::Wait(wait)) => {
                let mut store = self.store.take().expect("it is at home while commands of its own run");
                self.block(Stores::One(&mut store), operation, wait);
                self.take_home(store);
            }
        }
    }

    /// Deposits the store at the operation's meeting point; the last to arrive runs it and sends the stores home.
    fn lend(&mut self, LaneEntry { operation, resumed, .. }: LaneEntry<D>) {
        self.hand_over();
        let Course::Lend(meeting) = &operation.course else { return };
        let mut stores = {
            let mut stores = meeting.lock();
            stores.extend(self.store.take());
            self.has_promised = false;
            if stores.len() < operation.request.shards.len() {
                return;
            }
            std::mem::take(&mut *stores)
        };
        stores.sort_unstable_by_key(|store| store.id());
        if operation.request.is_driven {
            return self.bring(operation, stores);
        }
        if let Some(source) = &mut self.outlets.config {
            stores.iter_mut().for_each(|store| source(store));
        }
        let shard_count = self.hub.shard_count();
        let mut lent = Stores::Lent { stores: &mut stores, shard_count };
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
        self.send_home(stores, parts, now);
    }

    /// Serves those who wait for keys of stores that were lent, sends the stores home, and then what there is to answer.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) fn send_home(
        &mut self,
        mut stores: Vec<Box<ShardStore>>,
        mut parts: Vec<Part<D>>,
        now: UnixMs,
    ) {
        let shard_count = self.hub.shard_count();
        parts.extend(self.serve(Stores::Lent { stores: &mut stores, shard_count }, now));
        self.hand_over();
        for mut store in stores {
            if let Some(sink) = &mut self.outlets.garbage {
                dispose(&mut store, sink);
            }
            self.hub.publish_usage(&mut store);
            self.hub.publish_awaited(&store);
            if store.id() == self.id {
                self.take_home(store);
            } else {
                self.hub.send(store.id(), Mail::Store(store));
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
        if operation.is_pointless() {
            return Ok(None);
        }
        if !operation.begin(self.id) {
            if let Some(watched) = &operation.request.watched {
                self.end_watch(&mut stores, watched);
            }
            return Ok(None);
        }
        if operation.request.kind == RequestKind::Transaction {
            return self.run_transaction(stores, operation).map(Some);
        }
        D::note(Note::RunsWhole(&operation.origin, &operation.request.shards, operation.setting.now));
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
        if deferral.is_some() {
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
            Some(Deferral::Wait(wait)) => {
                self.block(stores, Arc::clone(operation), wait);
                return Ok(None);
            }
            Some(Deferral::Paused(resume)) => return Err(Halt { resume, begun: None }),
        }
        replies.end_item();
        D::note(Note::HasReplied(&operation.origin));
        Ok(Some(Part { operation: Arc::clone(operation), shard: self.id, replies }))
    }

    pub(super) fn answer(&mut self, operation: Arc<Operation<D>>, replies: D::Replies) {
        let part = Part { operation, shard: self.id, replies };
        self.deliver(part);
    }

    /// Sends a part to who waits for it.
    pub(super) fn deliver(&mut self, part: Part<D>) {
        self.publish_usage();
        self.dispose();
        match D::home(&part.operation.origin) {
            Some(home) if home == self.id => self.finished.push(part),
            Some(home) => {
                self.hand_over();
                self.hub.send(home, Mail::Part(part));
            }
            None => {
                self.hand_over();
                D::deliver(part);
            }
        }
    }
}

#[inline]
fn dispose(store: &mut ShardStore, sink: &mut GarbageSink) {
    if store.has_garbage() {
        sink(store.take_garbage());
    }
}

/// Starts to fetch the memory of a request's keys on this shard: the table's, then the entries', so that the waits
/// overlap.
fn prefetch(store: &ShardStore, db: DbIndex, request: &Request, shard: ShardId) {
    let items = request.items.iter().filter(|item| item.shard == shard);
    let keys = items.take(PREFETCH_KEYS_MAX).filter_map(|item| request.key(item));
    let hashes: SmallVec<[u64; PREFETCH_KEYS_MAX]> = keys.map(|key| store.prefetch_bucket(db, key)).collect();
    for hash in hashes {
        store.prefetch_entry(db, hash);
    }
}

fn run_item<R: Replies>(
    store: &mut ShardStore,
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
