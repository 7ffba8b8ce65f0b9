//! How commands wait for keys, and how they are served.
//!
//! A blocking command that finds nothing leaves a wish. Its operation then stands in the queues of its keys, which are
//! all in hand at that moment, and is not answered. Every command that changes a key somebody waits for marks it as
//! ready. At the end of that command, before its reply can be seen and before any store goes home, whoever waits for
//! ready keys is served in the order of arrival: their commands run again on the stores in hand, which may make more keys
//! ready, until none is left.
//!
//! A command whose keys live on several shards runs again with all of them in hand, as it did at first. Where they are not,
//! it is *promised* to be served: an operation that lends what it needs goes into the lanes before the shard whose key
//! became ready does anything else of its own. Until that has run, nobody behind it is served from its keys. If there is
//! nothing for it by then, it waits on where it stood.
//!
//! Who may end a wait is decided by [`super::claim`]. The reply reaches the client as the operation's part.

use std::sync::Arc;

use super::hub::{Mail, Resumed};
use super::operation::{Driver, Operation, Part, Setting};
use super::replies::Replies;
use super::runner::{Shard, run_handler};
use super::waiters::{ReadyKey, Waiter};
use crate::command::spec::Flags;
use crate::context::{Blocking, Stores, Wish};
use crate::keyspace::Keyspace;
use crate::slot::ShardId;
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

impl<D: Driver> Shard<D> {
    /// Makes an operation wait whose only command left `wish`. The stores of its keys are in hand.
    pub(super) fn block(&mut self, mut stores: Stores<'_>, operation: Arc<Operation<D>>, wish: Wish) {
        if operation.claim.is_over() {
            // Its client has left.
            return;
        }
        let place = (operation.setting.db, self.hub.shard_count());
        let mut number = |shard| {
            let store = stores.of_shard(shard).expect("a command first runs with all its keys in hand");
            store.waiters.next_number()
        };
        let waiter = Arc::new(Waiter::new(Arc::clone(&operation) as _, place, wish, &mut number));
        for shard in waiter.shards() {
            if let Some(store) = stores.of_shard(shard) {
                store.waiters.add(shard, &waiter, &store.hasher);
            }
        }
        let home = D::home(&operation.origin);
        let blocked = Blocked { operation, waiter };
        match home {
            Some(home) if home == self.id => self.blocked.push(blocked),
            Some(home) => self.hub.send(home, Mail::Blocked(blocked)),
            None => D::blocked(blocked),
        }
    }

    /// Serves those who wait for keys of this shard that became ready.
    #[cold]
    pub(super) fn serve_at_home(&mut self, now: UnixMs) {
        let Some(mut store) = self.store.take() else { return };
        let parts = self.serve(Stores::One(&mut store), now);
        self.take_home(store);
        parts.into_iter().for_each(|part| self.deliver(part));
    }

    /// Serves those who wait for keys of the stores in hand that became ready. The answers may leave once the stores are
    /// at home.
    pub(super) fn serve(&mut self, mut stores: Stores<'_>, now: UnixMs) -> Vec<Part<D>> {
        let mut parts = Vec::new();
        while let Some((shard, key)) = take_ready(&mut stores) {
            self.serve_key(&mut stores, (shard, &key), None, now, &mut parts);
        }
        parts
    }

    /// Serves those who wait for `key` and came after number `after`.
    fn serve_key(
        &mut self,
        stores: &mut Stores<'_>,
        (shard, key): (ShardId, &ReadyKey),
        mut after: Option<u64>,
        now: UnixMs,
        parts: &mut Vec<Part<D>>,
    ) {
        while let Some(store) = stores.of_shard(shard) {
            let Some((number, waiter)) = store.waiters.next(key, after) else { return };
            after = Some(number);
            let mut keyspace = Keyspace::new(store, &mut self.journal, key.0, now, true);
            if !waiter.wakes_on(keyspace.peek(&key.1).map(|entry| entry.kind())) {
                continue;
            }
            let operation = operation_of::<D>(&waiter);
            match operation.claim.take() {
                Taken::Ours => {}
                Taken::Over => continue,
                Taken::Promised => return,
            }
            let in_hand = stores.shards();
            if operation.request.shards.iter().all(|shard| in_hand.contains(shard)) {
                parts.extend(self.resume(stores, &waiter, &operation, now));
            } else if let Some(store) = stores.of_shard(shard) {
                store.waiters.promise(waiter, now);
                return;
            }
        }
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
        let run = (item.facts.flags.has(Flags::WRITE), item.handler);
        let args = waiter.args().unwrap_or_else(|| operation.request.args(item));
        let setting = Setting { now, ..operation.setting.clone() };
        let mut replies = D::Replies::new(setting.style);
        let mut deferral = None;
        let blocking = Blocking::Permitted(&mut deferral);
        let desk = (&mut self.journal, &self.services);
        run_handler(stores.reborrow(), desk, run, &args, &setting, blocking, &mut replies);
        let part = if deferral.is_none() {
            operation.claim.finish();
            replies.end_item();
            Part { operation: Arc::clone(operation), shard: self.id, replies }
        } else if operation.claim.put_back() {
            return None;
        } else {
            operation.timed_out()
        };
        self.forget_in(stores, waiter);
        Some(part)
    }

    /// Serves a waiter as was promised, with all the stores it needs in hand, and those it kept waiting.
    pub(super) fn keep_promise(
        &mut self,
        stores: &mut Stores<'_>,
        operation: &Arc<Operation<D>>,
        (waiter, now): &Resumed,
    ) -> Vec<Part<D>> {
        let mut parts = Vec::new();
        if operation.claim.is_abandoned() {
            operation.claim.finish();
            self.forget_in(stores, waiter);
            parts.push(operation.timed_out());
        } else if self.is_awake(stores, waiter, *now) {
            parts.extend(self.resume(stores, waiter, operation, *now));
        } else if !operation.claim.put_back() {
            self.forget_in(stores, waiter);
            parts.push(operation.timed_out());
        }
        for (shard, key, number) in waiter.places() {
            let key = (waiter.db(), key.into());
            self.serve_key(stores, (shard, &key), Some(number), *now, &mut parts);
        }
        parts
    }

    /// Whether a key holds what a waiter waits for.
    fn is_awake(&mut self, stores: &mut Stores<'_>, waiter: &Waiter, now: UnixMs) -> bool {
        waiter.places().any(|(shard, key, _)| {
            stores.of_shard(shard).is_some_and(|store| {
                let mut keyspace = Keyspace::new(store, &mut self.journal, waiter.db(), now, true);
                waiter.wakes_on(keyspace.peek(key).map(|entry| entry.kind()))
            })
        })
    }

    /// Submits the operations that serve those who were promised to be. Until that is done, the shard runs nothing of its
    /// own.
    #[cold]
    pub(super) fn submit_promised(&mut self) {
        self.hand_over();
        let Some(store) = self.store.as_deref_mut() else { return };
        while let Some(promise) = store.waiters.take_promise() {
            let operation = operation_of::<D>(&promise.0);
            if !self.hub.try_submit(operation, Some(promise.clone())) {
                store.waiters.put_promise_back(promise);
                return;
            }
        }
        self.has_promised = false;
    }

    /// Takes a waiter out of the queues it stands in, wherever they are.
    fn forget_in(&mut self, stores: &mut Stores<'_>, waiter: &Arc<Waiter>) {
        for shard in waiter.shards() {
            match stores.of_shard(shard) {
                Some(store) => store.waiters.remove(shard, waiter),
                None => self.hub.send(shard, Mail::Forget(Arc::clone(waiter))),
            }
        }
    }

    /// Takes a waiter that is over out of this shard's queues, at once or when the store is back.
    pub(super) fn forget(&mut self, waiter: Arc<Waiter>) {
        match self.store.as_deref_mut() {
            Some(store) => store.waiters.remove(self.id, &waiter),
            None => self.forgotten.push(waiter),
        }
    }
}

/// The first key in hand that became ready.
fn take_ready(stores: &mut Stores<'_>) -> Option<(ShardId, ReadyKey)> {
    stores.shards().into_iter().find_map(|shard| {
        let key = stores.of_shard(shard)?.waiters.take_ready()?;
        Some((shard, key))
    })
}

fn operation_of<D: Driver>(waiter: &Waiter) -> Arc<Operation<D>> {
    Arc::downcast(waiter.operation()).expect("all shards of an engine have one driver")
}
