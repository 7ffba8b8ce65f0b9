//! One command or transaction on several shards that are all in hand: it runs at once, without a ticket.
//!
//! Why that is a single point in the order, as with stores that were lent: its executor is the only one who runs anything on any of
//! these shards from before it looks at their lanes until they are put back. It runs only if all of them have run the same tickets: those
//! published when it looked, and none else. So no operation has one part before it and another behind. What it records is
//! one unit in one record, whose stamp is its position; on none of its shards anything has a higher one before it, or a lower one
//! behind.

use smallvec::SmallVec;

use super::executor::Executor;
use super::handler::run_handler;
use super::operation::{Driver, Setting, Style};
use super::probe::{Note, Rule};
use super::runner::Ran;
use crate::command::Run;
use crate::context::{Blocking, HeldShards, KnownKeys, Stores};
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::ShardStore;
use crate::time::UnixMs;

/// The stores of shards in hand, while something runs on all of them. To be given back: [`Executor::put_in_place`].
#[derive(Debug)]
pub struct InHand {
    stores: SmallVec<[Box<ShardStore>; 16]>,
    shard_count: u16,
    held: HeldShards,
    /// Changes counted when they were taken out.
    changes: u64,
}

impl InHand {
    /// What a command is given that needs them.
    pub(super) fn stores(&mut self) -> Stores<'_> {
        match &mut self.stores[..] {
            [store] => Stores::One(store),
            stores => Stores::held(stores, self.shard_count, self.held),
        }
    }

    /// The stores, ascending.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut ShardStore> {
        self.stores.iter_mut().map(|store| &mut **store)
    }

    /// The stores, for somebody who keeps them.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) fn into_stores(self) -> Vec<Box<ShardStore>> {
        self.stores.into_vec()
    }
}

impl<D: Driver> Executor<D> {
    /// Drains the lanes of shards in hand; then tells whether something may run on all of them together, here and now.
    pub fn are_free(&mut self, shards: &[ShardId]) -> bool {
        if let [shard] = shards {
            return self.is_free(*shard);
        }
        self.receive();
        let end = self.hub.published_count();
        if D::breaks(Rule::LanesOfAll) {
            return shards.iter().all(|id| self.held(*id).is_some_and(|shard| shard.store.is_some()));
        }
        for &id in shards {
            if self.held[id.index()].as_ref().is_some_and(|shard| shard.has_lane_work()) {
                self.with_held(id, |this, shard| this.run_lane(shard, end));
            }
        }
        // Behind that: what stood in the lane of one may have taken the store of another.
        let is_free =
            |id: &ShardId| self.held[id.index()].as_ref().is_some_and(|shard| shard.is_free_at(end));
        if !shards.iter().all(is_free) {
            return false;
        }
        self.position = end;
        for &id in shards {
            if let Some(shard) = &mut self.held[id.index()] {
                shard.position = end;
            }
        }
        self.journal.set_position(end);
        true
    }

    /// Takes the stores of shards in hand out of them.
    pub(super) fn take_in_hand(&mut self, shards: &[ShardId]) -> InHand {
        let take_store = |id: &ShardId| {
            let shard = self.held[id.index()].as_mut().expect("the shard is in hand");
            shard.store.take().expect("only a free shard runs commands")
        };
        let stores = shards.iter().map(take_store).collect();
        let shard_count = self.hub.shard_count();
        let held = HeldShards::of(shards.iter().copied(), shard_count);
        InHand { stores, shard_count, held, changes: self.journal.changes() }
    }

    /// Serves those who wait for keys of these stores, and gives the stores back to their shards.
    pub(super) fn put_in_place(&mut self, mut in_hand: InHand, now: UnixMs) {
        let parts = self.serve(in_hand.stores(), now);
        let has_changed = self.journal.changes() != in_hand.changes;
        let mut promised: SmallVec<[ShardId; 2]> = SmallVec::new();
        for mut store in in_hand.stores {
            let shard = self.held[store.id().index()].as_mut().expect("the shard is in hand");
            self.outlets.dispose(&mut store);
            shard.take_home(store);
            shard.has_changed |= has_changed;
            if shard.has_promised {
                promised.push(shard.id);
            }
            if !parts.is_empty() {
                shard.show(&self.hub);
            }
        }
        promised.into_iter().for_each(|shard| self.note_visit(shard));
        for part in parts {
            self.note_moment_of_served(&part.operation);
            self.deliver(part);
        }
    }

    /// Runs one command at once on several shards in hand, replying to `out`; the shards of some of its keys may be known. Only
    /// when [`Executor::are_free`].
    ///
    /// A command that puts itself off has done nothing: it must be submitted as an operation.
    ///
    /// # Panics
    /// If a shard is not in hand, or its store is lent.
    pub fn run_together(
        &mut self,
        shards: &[ShardId],
        run: Run,
        (args, known): (&[&[u8]], KnownKeys<'_>),
        setting: &Setting<Style<D>>,
        out: &mut dyn Reply,
    ) -> Ran {
        if run.0.may_pause() {
            self.begin_script();
        }
        D::note(Note::RunsAtOnce(shards, setting.now));
        let before = self.journal.record().effect_count();
        let begun = run.0.may_defer().then(|| self.journal.rollback_point());
        let mut in_hand = self.take_in_hand(shards);
        let mut deferral = None;
        let blocking = Blocking::Permitted(&mut deferral);
        let desk = (&mut self.journal, &self.services);
        run_handler(in_hand.stores().knowing(known), desk, run, args, setting, blocking, out);
        let ran = self.outcome(deferral, begun, before);
        match ran {
            Ran::Paused(_) => self.put_vacant(shards, in_hand),
            Ran::Replied | Ran::Deferred | Ran::Aside(_) => self.put_in_place(in_hand, setting.now),
        }
        ran
    }

    /// Gives vacant stores to shards in hand: what was in them is with a command that has paused.
    #[cold]
    fn put_vacant(&mut self, shards: &[ShardId], in_hand: InHand) {
        for (id, store) in shards.iter().zip(in_hand.stores) {
            self.held[id.index()].as_mut().expect("the shard is in hand").store = Some(store);
        }
    }
}
