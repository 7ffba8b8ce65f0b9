//! An executor: what one worker runs commands with. It takes shards that are at rest, runs what concerns them, and puts them back.
//!
//! While it holds a shard it is the only one who runs anything there, so nothing in a shard is locked. Its journal takes up what
//! its commands do, whichever shards they are on, and is handed over before a shard is put back: whoever takes it next finds
//! everything before in the stream.
//!
//! An executor has a *position* in the order: how many tickets were published when it last received work. A shard's is raised to it
//! whenever it runs something there, and its own to the shard's: what runs later, there or on its behalf, does not stand
//! before.
//!
//! In an engine with one worker nothing is put back.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::Receiver;
use kora_stream::record::RecordBuilder;
use smallvec::SmallVec;

use super::driven::Driven;
use super::hub::{Hub, Outlook, ShardMail, Wake, WorkerMail};
use super::operation::{Driver, Operation, Part};
use super::pause::{Halted, Paused};
use super::probe::Rule;
use super::rest::fence;
use super::runner::Shard;
use super::serve::Blocked;
use super::slices::Agenda;
use crate::config::CoreConfig;
use crate::journal::{Announcement, Journal};
use crate::services::Services;
use crate::slot::{ShardId, WorkerId};
use crate::store::ShardStore;
use crate::store::waiters::Waiter;
use crate::table::garbage::Garbage;

/// Takes the effects of a round before anyone can see them.
pub type EffectSink = Box<dyn FnMut(&RecordBuilder) + Send>;

/// Takes what is to be announced, after the effects before it: events of keys, messages to channels.
pub type AnnouncementSink = Box<dyn FnMut(Vec<Announcement>) + Send>;

/// Brings the settings of a store up to date: called before operations run on it, so that whoever has seen new settings
/// finds them in force everywhere.
pub type ConfigSource = Box<dyn FnMut(&mut ShardStore) + Send>;

/// Takes what a shard threw away, to free it elsewhere.
pub type GarbageSink = Box<dyn FnMut(Garbage) + Send>;

/// Shows to others what a store counts: before its shard is put back, and before replies are sent.
pub type StatsSink = Box<dyn FnMut(&ShardStore) + Send>;

/// Shards that are looked at in one go, when there is work for them.
const VISITS_MAX: usize = 64;

/// Tells how many messages were sent to a worker so far: each tells of something that had happened before it was counted.
pub type SentSource = Box<dyn Fn(WorkerId) -> u64 + Send>;

/// Where a worker takes what comes of commands, and where settings come from.
#[derive(Default)]
pub(super) struct Outlets {
    effects: Option<EffectSink>,
    announcements: Option<AnnouncementSink>,
    sent: Option<SentSource>,
    config: Option<ConfigSource>,
    garbage: Option<GarbageSink>,
    stats: Option<StatsSink>,
}

impl Outlets {
    /// Brings the settings of a store up to date.
    #[inline]
    pub(super) fn configure(&mut self, store: &mut ShardStore) {
        if let Some(source) = &mut self.config {
            source(store);
        }
    }

    /// Shows what a shard in hand holds and counts, and gives away what was thrown away there.
    #[inline]
    pub(super) fn show<D: Driver>(&mut self, shard: &mut Shard<D>, hub: &Hub<D>) {
        if let Some(store) = shard.store.as_deref_mut() {
            store.catch_up();
        }
        shard.show(hub);
        if let Some(store) = shard.store.as_deref_mut() {
            if let Some(sink) = &mut self.stats {
                sink(store);
            }
            self.dispose(store);
        }
    }

    /// Gives away what a store threw away.
    #[inline]
    pub(super) fn dispose(&mut self, store: &mut ShardStore) {
        if let Some(sink) = &mut self.garbage
            && store.has_garbage()
        {
            sink(store.take_garbage());
        }
    }
}

/// See the module.
// Many fields: one for each thing that a worker has under way.
pub struct Executor<D: Driver> {
    pub(super) worker: WorkerId,
    pub(super) hub: Arc<Hub<D>>,
    mailbox: Receiver<WorkerMail<D>>,
    pub(super) journal: Journal,
    /// When what may pause, and runs or has run last, began: by the journals' clock.
    pub(super) script_began_ns: u64,
    /// While a command has paused: its journal, or what stands for it while the command has that. Else it is empty.
    pub(super) aside: Journal,
    pub(super) services: Arc<Services>,
    pub(super) outlets: Outlets,
    /// See the module.
    pub(super) position: u64,
    /// By number of shard: those in hand.
    pub(super) held: Box<[Option<Box<Shard<D>>>]>,
    /// Those in hand, in the order in which they were taken.
    pub(super) in_hand: Vec<ShardId>,
    /// Shards for which there may be work.
    visits: VecDeque<ShardId>,
    /// Shards where something stands that may pause, while something has paused: see [`super::pause`].
    stalled: Vec<ShardId>,
    pub(super) finished: Vec<Part<D>>,
    /// Operations of this worker that have to wait.
    pub(super) blocked: Vec<Blocked<D>>,
    driver_mail: Vec<D::Mail>,
    /// Operations that turned out to need all stores, and are to be submitted for them.
    pub(super) wider: VecDeque<Arc<Operation<D>>>,
    /// What goes on when it next polls.
    pub(super) upcoming: Agenda<D>,
    /// The command that has paused, if one has.
    pub(super) paused: Option<Paused<D>>,
    /// Transactions that this worker is to run.
    pub(super) driven: VecDeque<Driven<D>>,
    /// A command of the transaction that this worker runs has paused.
    pub(super) halt: Option<Halted>,
}

impl<D: Driver> std::fmt::Debug for Executor<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { worker, in_hand, position, .. } = self;
        let mut shown = f.debug_struct("Executor");
        shown.field("worker", worker).field("in_hand", in_hand).field("position", position);
        shown.finish_non_exhaustive()
    }
}

/// The executors of a new engine, one for each waker, sharing a hub with `shard_count` shards, or as many as there are wakers if that
/// is more. `seed` decides hashing and random choices.
#[must_use]
pub fn new_executors<D: Driver>(
    wakers: Vec<Box<dyn Wake>>,
    shard_count: u16,
    config: &CoreConfig,
    seed: u64,
) -> Vec<Executor<D>> {
    let (hub, mailboxes) = Hub::new(wakers, shard_count, config, seed);
    let hub = Arc::new(hub);
    let executor = |(worker, mailbox)| Executor {
        worker,
        mailbox,
        journal: Journal::default(),
        script_began_ns: 0,
        aside: Journal::default(),
        services: Arc::default(),
        outlets: Outlets::default(),
        position: 0,
        held: hub.shards().map(|_| None).collect(),
        in_hand: Vec::new(),
        visits: VecDeque::new(),
        stalled: Vec::new(),
        finished: Vec::new(),
        blocked: Vec::new(),
        driver_mail: Vec::new(),
        wider: VecDeque::new(),
        upcoming: Agenda::default(),
        paused: None,
        driven: VecDeque::new(),
        halt: None,
        hub: Arc::clone(&hub),
    };
    hub.workers().zip(mailboxes).map(executor).collect()
}

impl<D: Driver> Executor<D> {
    /// Its worker.
    #[inline]
    #[must_use]
    pub fn worker(&self) -> WorkerId {
        self.worker
    }

    /// The shards that its worker looks after.
    pub fn kept(&self) -> impl Iterator<Item = ShardId> + use<D> {
        self.hub.kept_by(self.worker)
    }

    /// The first of them: where commands run that may run anywhere.
    #[inline]
    #[must_use]
    pub fn home_shard(&self) -> ShardId {
        ShardId(self.worker.0)
    }

    /// The hub of its engine.
    #[must_use]
    pub fn hub(&self) -> &Arc<Hub<D>> {
        &self.hub
    }

    /// What its commands did.
    pub fn journal(&mut self) -> &mut Journal {
        &mut self.journal
    }

    /// Sets up its journals: that in use, and that of a command that has paused.
    pub fn set_up_journals(&mut self, mut set_up: impl FnMut(&mut Journal)) {
        set_up(&mut self.journal);
        set_up(&mut self.aside);
    }

    /// Sets the journal of a command aside that has paused, or goes on with it.
    pub(super) fn exchange_journals(&mut self) {
        std::mem::swap(&mut self.journal, &mut self.aside);
        // What ran by the other one is not what runs next by this one.
        self.journal.read_time();
    }

    /// How many changes of keys there were since it was last asked.
    pub fn take_changes(&mut self) -> u64 {
        self.journal.take_changes() + self.aside.take_changes()
    }

    /// Gives to `sink` from now on the effects that the journal records, before anyone can see them.
    pub fn set_effect_sink(&mut self, sink: EffectSink) {
        self.outlets.effects = Some(sink);
    }

    /// Gives to `sink` from now on what is to be announced, after the effects before it and before anyone can see them.
    pub fn set_announcement_sink(&mut self, sink: AnnouncementSink) {
        self.outlets.announcements = Some(sink);
    }

    /// Asks `source` from now on how many messages were sent to a worker.
    pub fn set_sent_source(&mut self, source: SentSource) {
        self.outlets.sent = Some(source);
    }

    /// Asks `source` from now on for the settings of stores.
    pub fn set_config_source(&mut self, source: ConfigSource) {
        self.outlets.config = Some(source);
    }

    /// Lets commands use what the engine offers.
    pub fn set_services(&mut self, services: Arc<Services>) {
        self.services = services;
    }

    /// What the engine offers to commands.
    #[must_use]
    pub fn services(&self) -> &Arc<Services> {
        &self.services
    }

    /// Gives to `sink` from now on what commands threw away: when [`Executor::dispose`] is called, and before an operation is
    /// answered, so that whoever has the answer finds the memory given up.
    pub fn set_garbage_sink(&mut self, sink: GarbageSink) {
        self.outlets.garbage = Some(sink);
    }

    /// Shows to `sink` from now on what stores count.
    pub fn set_stats_sink(&mut self, sink: StatsSink) {
        self.outlets.stats = Some(sink);
    }

    /// Says that commands were received that are to run here: whoever sent them may have seen everything that others had
    /// been answered by now.
    #[inline]
    pub fn receive(&mut self) {
        if !D::breaks(Rule::ReceiveNotes) {
            // Published tickets only get more.
            self.position = self.position.max(self.hub.published_count());
        }
    }

    /// Takes a shard, unless it is in hand; `false` if somebody else holds it.
    #[inline]
    pub fn hold(&mut self, shard: ShardId) -> bool {
        self.held[shard.index()].is_some() || self.take(shard)
    }

    #[inline(never)]
    fn take(&mut self, id: ShardId) -> bool {
        let Some(mut shard) = self.hub.take(id) else { return false };
        if let Some(store) = shard.store.as_deref_mut() {
            self.outlets.configure(store);
        }
        self.held[id.index()] = Some(shard);
        self.in_hand.push(id);
        true
    }

    /// Takes all of some shards, ascending; `false` if somebody else holds one. Then those taken so far stay in hand.
    pub fn hold_all(&mut self, shards: &[ShardId]) -> bool {
        shards.iter().all(|&shard| self.hold(shard))
    }

    /// Brings the settings of the stores in hand up to date.
    pub fn configure(&mut self) {
        self.each_store_in_hand(Outlets::configure);
    }

    /// Does something with each store in hand.
    #[inline]
    fn each_store_in_hand(&mut self, body: impl Fn(&mut Outlets, &mut ShardStore)) {
        for &id in &self.in_hand {
            let store = self.held[id.index()].as_mut().and_then(|shard| shard.store.as_deref_mut());
            if let Some(store) = store {
                body(&mut self.outlets, store);
            }
        }
    }

    /// A shard in hand.
    #[inline]
    pub fn held(&mut self, shard: ShardId) -> Option<&mut Shard<D>> {
        self.held[shard.index()].as_deref_mut()
    }

    /// The store of a shard, which is taken if it can be; none if somebody else holds it or its store is lent.
    #[inline]
    pub fn store_of(&mut self, shard: ShardId) -> Option<&mut ShardStore> {
        if self.hold(shard) { self.held(shard)?.store.as_deref_mut() } else { None }
    }

    /// Gives to the sink what commands threw away on shards in hand.
    #[inline]
    pub fn dispose(&mut self) {
        self.each_store_in_hand(Outlets::dispose);
    }

    /// Shows everyone what the databases in hand hold and count. To be called before replies are sent; it is done
    /// before an operation is answered, and before a shard is put back.
    pub fn publish_usage(&mut self) {
        for &id in &self.in_hand {
            if let Some(shard) = &mut self.held[id.index()] {
                self.outlets.show(shard, &self.hub);
            }
        }
    }

    /// Shows everyone what a store holds and counts that is in hand, in the midst of a transaction.
    pub fn show_store(&mut self, store: &mut ShardStore) {
        self.hub.publish_usage(store);
        if let Some(sink) = &mut self.outlets.stats {
            sink(store);
        }
    }

    /// Puts all shards in hand back, unless there is nobody else who could want them.
    #[inline]
    pub fn release(&mut self) {
        if self.hub.worker_count() > 1 {
            self.release_all();
        }
    }

    /// Whether a shard is in hand.
    #[must_use]
    pub fn is_held(&self, shard: ShardId) -> bool {
        self.held[shard.index()].is_some()
    }

    /// Puts a shard back, unless there is nobody else who could want it.
    pub fn release_one(&mut self, id: ShardId) {
        if self.hub.worker_count() == 1 {
            return;
        }
        self.in_hand.retain(|held| *held != id);
        self.hand_over_first();
        let outlook = self.lay_to_rest(id);
        fence();
        self.look_again(outlook);
    }

    /// How many shards are in hand.
    #[inline]
    #[must_use]
    pub fn in_hand_count(&self) -> usize {
        self.in_hand.len()
    }

    /// Puts back all shards in hand but these: something runs on them that takes long.
    #[cold]
    pub fn release_others(&mut self, kept: &[ShardId]) {
        let others: SmallVec<[ShardId; 8]> =
            self.in_hand.iter().copied().filter(|id| !kept.contains(id)).collect();
        others.into_iter().for_each(|id| self.release_one(id));
    }

    /// Lays a shard in hand to rest, and says which and how it was, for the look behind the fence.
    #[inline]
    fn lay_to_rest(&mut self, id: ShardId) -> Option<(ShardId, Outlook)> {
        let mut shard = self.held[id.index()].take()?;
        self.outlets.show(&mut shard, &self.hub);
        let outlook = shard.outlook();
        self.hub.lay_to_rest(shard);
        Some((id, outlook))
    }

    /// Looks whether there is work for a shard that was put back. What waits there for a command that has paused is run when that
    /// has ended.
    #[inline]
    fn look_again(&mut self, put_back: Option<(ShardId, Outlook)>) {
        let Some((shard, outlook)) = put_back else { return };
        let has_work = self.hub.has_work(shard, outlook) && !D::breaks(Rule::LookAgain);
        if has_work && !self.stalled.contains(&shard) {
            self.visits.push_back(shard);
        }
    }

    /// Puts all shards in hand back.
    pub fn release_all(&mut self) {
        if self.in_hand.is_empty() {
            return;
        }
        self.hand_over_first();
        let mut in_hand = std::mem::take(&mut self.in_hand);
        let outlooks: SmallVec<[_; 16]> = in_hand.drain(..).map(|id| self.lay_to_rest(id)).collect();
        self.in_hand = in_hand;
        fence();
        outlooks.into_iter().for_each(|outlook| self.look_again(outlook));
    }

    /// Sends a message to a shard, which is looked at when what runs now has come to its end.
    pub(super) fn send(&mut self, shard: ShardId, mail: ShardMail<D>) {
        self.hub.put(shard, mail);
        self.visits.push_back(shard);
    }

    /// Submits an operation; its shards are looked at when what runs now has come to its end.
    pub(super) fn send_operation(&mut self, operation: Arc<Operation<D>>) {
        self.look_at(&operation);
        D::submit(&self.hub, operation);
    }

    /// Has a shard looked at when what runs now has come to its end.
    pub(super) fn note_visit(&mut self, shard: ShardId) {
        self.visits.push_back(shard);
    }

    /// Has the shards of an operation looked at that was submitted on behalf of this executor.
    pub fn look_at(&mut self, operation: &Operation<D>) {
        self.visits.extend(operation.shards());
    }

    /// Takes a waiter that is over out of all queues.
    pub fn forget_everywhere(&mut self, waiter: &Arc<Waiter>) {
        for shard in waiter.shards() {
            self.send(shard, ShardMail::Forget(Arc::clone(waiter)));
        }
    }

    /// Receives and runs what has arrived, as far as it can run now, and a slice of what takes long; `false` if nothing has arrived.
    pub fn poll(&mut self) -> bool {
        let received = self.poll_mail();
        self.run_next_slice();
        received
    }

    /// Receives and runs what has arrived, as far as it can run now; `false` if there was nothing.
    pub fn poll_mail(&mut self) -> bool {
        if !self.wider.is_empty() {
            self.submit_wider();
        }
        self.submit_onward();
        self.go_on();
        if !self.has_paused() {
            self.visits.extend(self.stalled.drain(..));
        }
        let mut received = false;
        while let Ok(mail) = self.mailbox.try_recv() {
            received = true;
            match mail {
                WorkerMail::Part(part) => self.finished.push(part),
                WorkerMail::Driven(driven) => self.driven.push_back(driven),
                WorkerMail::Blocked(blocked) => self.blocked.push(blocked),
                WorkerMail::Visit(shard) => self.visits.push_back(shard),
                WorkerMail::Share(task) => self.take_task(*task),
                WorkerMail::Driver(mail) => self.driver_mail.push(mail),
            }
        }
        self.visit();
        received
    }

    /// Looks at the shards for which there may be work, and runs what it finds.
    #[inline]
    pub fn visit(&mut self) {
        if !self.visits.is_empty() {
            self.visit_some();
        }
    }

    fn visit_some(&mut self) {
        let mut again = None;
        for _ in 0..VISITS_MAX {
            let Some(id) = self.visits.pop_front() else { return };
            // What was pushed for the shard is found by whoever holds it, if that is somebody else.
            fence();
            let was_held = self.held[id.index()].is_some();
            if self.hold(id) {
                self.with_held(id, Self::work);
                if !was_held {
                    self.release_one(id);
                }
            }
            // What others sent for this shard meanwhile does not wait for what this worker has to do on the next ones; but only once.
            again = self.visits.pop_back_if(|next| *next == id && again != Some(id));
            if let Some(id) = again {
                self.visits.push_front(id);
            }
        }
    }

    /// Whether something that would run next on a shard has to wait for what has paused. It is run when that has ended.
    #[inline]
    pub(super) fn stalls(&mut self, shard: ShardId, operation: &Operation<D>) -> bool {
        let stalls = self.has_paused() && operation.request.may_pause();
        if stalls && !self.stalled.contains(&shard) {
            self.stalled.push(shard);
        }
        stalls
    }

    /// Does something with a shard in hand.
    #[inline]
    pub(super) fn with_held<T>(
        &mut self,
        id: ShardId,
        body: impl FnOnce(&mut Self, &mut Shard<D>) -> T,
    ) -> T {
        let mut shard = self.held[id.index()].take().expect("the shard is in hand");
        let result = body(self, &mut shard);
        self.held[id.index()] = Some(shard);
        result
    }

    /// Announces that the worker is about to sleep; `false` if there is something to do after all, be it that finished
    /// parts or messages were not taken yet. After sleeping, call [`Executor::unpark`].
    #[must_use]
    pub fn park(&self) -> bool {
        let parking = self.hub.parking(self.worker);
        parking.prepare();
        let is_all_taken = self.finished.is_empty() && self.blocked.is_empty() && self.driver_mail.is_empty();
        let is_idle = is_all_taken
            && self.visits.is_empty()
            && self.wider.is_empty()
            && !self.upcoming.is_any()
            && !self.wants_to_go_on()
            && !self.has_driven()
            && self.mailbox.is_empty();
        if !is_idle {
            parking.cancel();
        }
        is_idle
    }

    /// Announces that the worker is awake.
    pub fn unpark(&self) {
        self.hub.parking(self.worker).cancel();
    }

    /// Parts of operations that this worker asked for.
    pub fn take_finished(&mut self) -> Vec<Part<D>> {
        std::mem::take(&mut self.finished)
    }

    /// Operations that this worker asked for and that have to wait. To be taken before [`Executor::take_finished`]:
    /// one that waited for a moment only is in both.
    pub fn take_blocked(&mut self) -> Vec<Blocked<D>> {
        std::mem::take(&mut self.blocked)
    }

    /// Messages of the driver's.
    pub fn take_driver_mail(&mut self) -> Vec<D::Mail> {
        std::mem::take(&mut self.driver_mail)
    }

    /// Gives this round's effects to their sink, and then what is to be announced to its own. To be called before replies are
    /// sent; it is done before a shard is put back, a store lent or anything forwarded, and before anything runs that may pause:
    /// that keeps the journal, and must not keep what others did before.
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

    /// Does so before a shard is put back, or replies are sent.
    #[inline]
    pub fn hand_over_first(&mut self) {
        if !D::breaks(Rule::HandOverFirst) {
            self.hand_over();
        }
    }

    /// Notes the moment of an operation that runs now, with what it needs in hand: see [`Operation::moment`].
    #[inline]
    pub(super) fn note_moment(&mut self, operation: &Operation<D>) {
        if operation.setting.reader.is_some() && operation.setting.resumed.is_none() {
            self.note_moment_now(operation);
        }
    }

    /// Notes the moment of an operation that has run while others were served, with what it needed still in hand.
    #[inline]
    pub(super) fn note_moment_of_served(&mut self, operation: &Operation<D>) {
        if operation.setting.reader.is_some() && operation.moment() == 0 {
            self.note_moment_now(operation);
        }
    }

    #[cold]
    fn note_moment_now(&mut self, operation: &Operation<D>) {
        let Some(home) = D::home(&operation.origin) else { return };
        if self.journal.has_announcements() && !D::breaks(Rule::HandOverFirst) {
            // Of what ran here before.
            self.hand_over();
        }
        if let Some(sent) = &self.outlets.sent {
            operation.note_moment(sent(home));
        }
    }

    #[cold]
    fn announce(&mut self) {
        let announcements = self.journal.take_announcements();
        if let Some(sink) = &mut self.outlets.announcements {
            sink(announcements);
        }
    }

    /// Sends a part to who waits for it.
    pub(super) fn deliver(&mut self, part: Part<D>) {
        match D::home(&part.operation.origin) {
            Some(home) if home == self.worker => self.finished.push(part),
            Some(home) => {
                self.hand_over();
                self.hub.send(home, WorkerMail::Part(part));
            }
            None => {
                self.hand_over();
                D::deliver(part);
            }
        }
    }
}
