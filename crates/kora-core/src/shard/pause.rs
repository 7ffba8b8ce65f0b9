//! Commands that take long and pause, so that their worker can do network work meanwhile.
//!
//! What was in the stores in hand is with the command. To the shards these stores are lent: whoever needs them waits, and
//! everything else goes on. The worker goes on with the command for a while in each round.

use std::sync::Arc;

use super::operation::{Driver, Operation, Part, Request, Setting, Style};
use super::replies::Replies as _;
use super::runner::Shard;
use super::store::ShardStore;
use crate::context::{Blocking, Ctx, Resume, Resumed, Stores};
use crate::reply::Reply as _;
use crate::time::UnixMs;

/// A command that has paused.
pub(super) struct Paused<D: Driver> {
    pub(super) resume: Resume,
    pub(super) operation: Arc<Operation<D>>,
    /// The stores in hand; what was in them is with the command.
    #[expect(clippy::vec_box, reason = "a store keeps its box on the way from shard to shard and home")]
    pub(super) stores: Vec<Box<ShardStore>>,
    /// The time at which the command runs.
    pub(super) now: UnixMs,
}

impl<D: Driver> Shard<D> {
    /// Makes an operation of a command that has paused while it ran by [`Shard::run`]. Its reply comes as that operation's
    /// part.
    pub fn hold(&mut self, request: Request, setting: Setting<Style<D>>, origin: D::Origin, resume: Resume) {
        let now = setting.now;
        let operation = Arc::new(Operation::new(request, setting, origin));
        let store = self.store.take().expect("a command that ran here had this store in hand");
        self.paused = Some(Paused { resume, operation, stores: vec![store], now });
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
        let setting = &paused.operation.setting;
        let mut replies = D::Replies::new(setting.style);
        let stores = match &mut paused.stores[..] {
            [store] => Stores::One(store),
            stores => Stores::Lent { stores, shard_count: self.hub().shard_count() },
        };
        let mut ctx = Ctx {
            stores,
            journal: &mut self.journal,
            services: &self.services,
            db: setting.db,
            now: paused.now,
            no_touch: setting.no_touch,
            blocking: Blocking::Forbidden,
            watch: None,
        };
        let result = match (paused.resume)(&mut ctx, &mut replies) {
            Resumed::Paused => {
                self.paused = Some(paused);
                return;
            }
            Resumed::NeedsAll => None,
            Resumed::Done(result) => Some(result),
        };
        let Paused { operation, stores, now, .. } = paused;
        let mut parts = Vec::new();
        match result {
            None => self.submit_to_all(&operation),
            Some(result) => {
                if let Err(error) = result {
                    replies.refuse(&error);
                }
                replies.end_item();
                parts.push(Part { operation, shard: self.id(), replies });
            }
        }
        self.send_home(stores, parts, now);
        self.journal.end_operation(self.position);
    }
}
