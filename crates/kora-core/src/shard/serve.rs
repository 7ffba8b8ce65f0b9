//! How commands wait for keys, and how they are served.
//!
//! A blocking command that finds nothing leaves a request. Its operation then stands in the queues of its keys, which are
//! all in hand at that moment, and is not answered. Every command that changes a key somebody waits for marks it as
//! ready. At the end of that command, before its reply can be seen and before any store goes home, whoever waits for
//! ready keys is served in the order of arrival: their commands run again on the stores in hand, which may make more keys
//! ready, until none is left.
//!
//! A command whose keys live on several shards runs again with all of them in hand, as it did at first. Where they are not,
//! it is *promised* to be served: an operation that lends what it needs goes into the lanes before the shard whose key
//! became ready does anything else of its own. Until that has run, nobody behind it is served from its keys. If there is
//! nothing for it by then, it waits on where it stood. Each shard one of whose keys becomes ready promises for itself: what another has
//! promised holds up nobody here before it stands in the lanes. The first of these operations that finds something serves it.
//!
//! At one key there is a line for each thing that is waited for, and in most lines nobody is looked at behind one who found
//! nothing: see [`crate::store::waiters`]. So the cost does not grow with the number of those who wait.
//!
//! Who may end a wait is decided by [`super::claim`]. The reply reaches the client as the operation's part.

use std::sync::Arc;

use super::executor::Executor;
use super::handler::run_handler;
use super::hub::{Resumed, ShardMail, WorkerMail};
use super::operation::{Driver, Operation, Part, Setting};
use super::probe::Note;
use super::replies::Replies;
use super::runner::Shard;
use crate::context::guard::Asker;
use crate::context::{Blocking, Stores};
use crate::entry::Kind;
use crate::reply::Reply as _;
use crate::slot::ShardId;
use crate::store::Keyspace;
use crate::store::waiters::{ReadyKey, SpotId, WaitRequest, Waiter};
use crate::time::UnixMs;

use super::claim::Taken;

/// An operation that waits.
#[derive(Debug)]
pub struct Blocked<D: Driver> {
    /// The operation.
    pub operation: Arc<Operation<D>>,
    /// Where it stands.
    pub waiter: Arc<Waiter>,
}

impl<D: Driver> Executor<D> {
    /// Makes an operation wait whose only command left `wait`. The stores of its keys are in hand.
    pub(super) fn block(&mut self, mut stores: Stores<'_>, operation: Arc<Operation<D>>, wait: WaitRequest) {
        if operation.claim.is_over() {
            // Its client has left.
            return;
        }
        let place = (operation.setting.db, self.hub.shard_count());
        let waiter = Arc::new(Waiter::new(Arc::clone(&operation) as _, place, wait));
        for shard in waiter.shards() {
            if let Some(store) = stores.of_shard(shard) {
                store.waiters.add(shard, &waiter, &store.hasher);
                self.hub.publish_awaited(store);
            }
        }
        let home = D::home(&operation.origin);
        let blocked = Blocked { operation, waiter };
        match home {
            Some(home) if home == self.worker => self.blocked.push(blocked),
            Some(home) => self.hub.send(home, WorkerMail::Blocked(blocked)),
            None => D::blocked(blocked),
        }
    }

    /// Serves those who wait for keys of this shard that became ready; their answers are to be delivered.
    #[cold]
    pub(super) fn serve_at_home(&mut self, shard: &mut Shard<D>, now: UnixMs) -> Vec<Part<D>> {
        let Some(mut store) = shard.store.take() else { return Vec::new() };
        let changes = self.journal.changes();
        let parts = self.serve(Stores::One(&mut store), now);
        shard.has_changed |= self.journal.changes() != changes;
        shard.take_home(store);
        if shard.has_promised {
            // If the shard stays in hand, nobody else will look.
            self.note_visit(shard.id);
        }
        parts
    }

    /// Serves those who wait for keys of the stores in hand that became ready. The answers may leave once the stores are
    /// at home.
    pub(super) fn serve(&mut self, mut stores: Stores<'_>, now: UnixMs) -> Vec<Part<D>> {
        let mut parts = Vec::new();
        while let Some((shard, key)) = take_ready(&mut stores) {
            self.serve_key(&mut stores, (shard, &key), now, &mut parts);
        }
        parts
    }

    /// Serves those who wait for `key`: one line after the other, since they are not after the same.
    fn serve_key(
        &mut self,
        stores: &mut Stores<'_>,
        (shard, key): (ShardId, &ReadyKey),
        now: UnixMs,
        parts: &mut Vec<Part<D>>,
    ) {
        let kind = self.kind_of(stores, (shard, key), now);
        let Some(store) = stores.of_shard(shard) else { return };
        for topic in store.waiters.topics(key, kind) {
            let first = stores.of_shard(shard).and_then(|store| store.waiters.first(key, &topic));
            self.serve_line(stores, (shard, key), first, now, parts);
        }
    }

    /// Serves those who stand at `key` on spot `at` and behind it, until there is nothing for them. It looks at no more than
    /// one whom it does not serve, unless all who wait get the same, or some have left.
    fn serve_line(
        &mut self,
        stores: &mut Stores<'_>,
        (shard, key): (ShardId, &ReadyKey),
        mut at: Option<SpotId>,
        now: UnixMs,
        parts: &mut Vec<Part<D>>,
    ) {
        while let Some(spot) = at {
            let kind = self.kind_of(stores, (shard, key), now);
            let Some(store) = stores.of_shard(shard) else { return };
            let Some((waiter, next)) = store.waiters.examine(spot) else { return };
            if !waiter.wakes_on(kind) {
                // Nor is anybody behind it, who waits for the same.
                return;
            }
            at = next;
            let operation = operation_of::<D>(&waiter);
            if operation.claim.take() == Taken::Over {
                // Word of it is on its way: whoever comes next need not pass it again.
                store.waiters.remove(shard, &waiter);
                continue;
            }
            let in_hand = stores.shards();
            if !operation.request.shards.iter().all(|shard| in_hand.contains(shard)) {
                // Also if another shard has promised: that operation may not stand in this shard's lane yet.
                if let Some(store) = stores.of_shard(shard) {
                    store.waiters.promise(shard, waiter, now);
                }
                return;
            }
            match self.serve_taken(stores, &waiter, &operation, now) {
                Some(part) => {
                    self.forget_in(stores, &waiter);
                    parts.push(part);
                }
                None if waiter.topic().is_shared_out() => return,
                None => {}
            }
        }
    }

    /// What a key holds whose store is in hand.
    fn kind_of(
        &mut self,
        stores: &mut Stores<'_>,
        (shard, key): (ShardId, &ReadyKey),
        now: UnixMs,
    ) -> Option<Kind> {
        let store = stores.of_shard(shard)?;
        Keyspace::new(store, &mut self.journal, key.0, now, true).peek(&key.1).map(|entry| entry.kind())
    }

    /// Serves a waiter that was taken, unless its wait was ended since; `None` if it has to wait on.
    fn serve_taken(
        &mut self,
        stores: &mut Stores<'_>,
        waiter: &Arc<Waiter>,
        operation: &Arc<Operation<D>>,
        now: UnixMs,
    ) -> Option<Part<D>> {
        if operation.claim.is_abandoned() {
            operation.claim.finish();
            return Some(operation.given_up());
        }
        self.resume(stores, waiter, operation, now)
    }

    /// Runs the command of a waiter that was taken; `None` if it has to wait on.
    fn resume(
        &mut self,
        stores: &mut Stores<'_>,
        waiter: &Arc<Waiter>,
        operation: &Arc<Operation<D>>,
        now: UnixMs,
    ) -> Option<Part<D>> {
        let item = &operation.request.items[0];
        operation.forget_moment();
        let run = (item.facts, item.handler);
        let args = waiter.args().unwrap_or_else(|| operation.request.args(item));
        let setting = Setting { now, is_again: true, ..operation.setting.clone() };
        D::note(Note::RunsWhole(&operation.origin, &operation.request.shards, now));
        let mut replies = D::Replies::new(setting.style);
        let mut deferral = None;
        // What it may do may have changed while it waited.
        let guard = setting.guard.as_ref();
        let permitted =
            guard.map_or(Ok(()), |guard| guard.permit(item.facts.name, &args, Asker::Waiter, now));
        match permitted {
            Ok(()) => {
                let blocking = Blocking::Permitted(&mut deferral);
                let desk = (&mut self.journal, &self.services);
                run_handler(stores.reborrow(), desk, run, &args, &setting, blocking, &mut replies);
            }
            Err(error) => replies.refuse(&error),
        }
        let part = if deferral.is_none() {
            operation.claim.finish();
            replies.end_item();
            D::note(Note::HasReplied(&operation.origin));
            Part { operation: Arc::clone(operation), shard: operation.request.shards[0], replies }
        } else if operation.claim.put_back() {
            return None;
        } else {
            operation.given_up()
        };
        Some(part)
    }

    /// Serves a waiter as was promised, with all the stores it needs in hand, and those it kept waiting.
    pub(super) fn keep_promise(
        &mut self,
        stores: &mut Stores<'_>,
        operation: &Arc<Operation<D>>,
        (waiter, now): &Resumed,
    ) -> Vec<Part<D>> {
        waiter.end_promises();
        // Another shard's promise may have come first, and have served it or not.
        let is_taken = operation.claim.take() != Taken::Over;
        let mut parts = Vec::new();
        if is_taken && self.is_awake(stores, waiter, *now) {
            parts.extend(self.serve_taken(stores, waiter, operation, *now));
        } else if is_taken && !operation.claim.put_back() {
            parts.push(operation.given_up());
        }
        let is_over = !is_taken || !parts.is_empty();
        // It stands in its lines still: those behind it are found from there.
        for (index, (shard, key)) in waiter.keys().enumerate() {
            let key = (waiter.db(), key.into());
            let behind = stores.of_shard(shard).and_then(|store| store.waiters.behind(waiter, index, &key));
            self.serve_line(stores, (shard, &key), behind, *now, &mut parts);
        }
        if is_over {
            self.forget_in(stores, waiter);
        }
        parts
    }

    /// Whether a key holds what a waiter waits for.
    fn is_awake(&mut self, stores: &mut Stores<'_>, waiter: &Waiter, now: UnixMs) -> bool {
        waiter.keys().any(|(shard, key)| {
            let kind = self.kind_of(stores, (shard, &(waiter.db(), key.into())), now);
            waiter.wakes_on(kind)
        })
    }

    /// Submits the operations that serve those who were promised to be. Until that is done, the shard runs nothing of its
    /// own.
    #[cold]
    pub(super) fn submit_promised(&mut self, shard: &mut Shard<D>) {
        self.hand_over();
        let Some(store) = shard.store.as_deref_mut() else { return };
        while let Some(promise) = store.waiters.take_promise() {
            let operation = operation_of::<D>(&promise.0);
            if !self.hub.try_submit(Arc::clone(&operation), Some(promise.clone())) {
                store.waiters.put_promise_back(promise);
                return;
            }
            self.look_at(&operation);
        }
        shard.has_promised = false;
    }

    /// Takes a waiter out of the lines it stands in, wherever they are.
    fn forget_in(&mut self, stores: &mut Stores<'_>, waiter: &Arc<Waiter>) {
        for shard in waiter.shards() {
            match stores.of_shard(shard) {
                Some(store) => store.waiters.remove(shard, waiter),
                None => self.send(shard, ShardMail::Forget(Arc::clone(waiter))),
            }
        }
    }
}

/// The first key in hand that became ready.
fn take_ready(stores: &mut Stores<'_>) -> Option<(ShardId, ReadyKey)> {
    let mut stores = stores.as_mut_slice().iter_mut();
    stores.find_map(|store| Some((store.id(), store.waiters.take_ready()?)))
}

fn operation_of<D: Driver>(waiter: &Waiter) -> Arc<Operation<D>> {
    Arc::downcast(waiter.operation()).expect("all shards of an engine have one driver")
}
