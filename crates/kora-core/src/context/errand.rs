//! Errands: commands that begin with all stores in hand, or that of their key, at their place in the order, and go on a slice at a time, on each shard by itself. In
//! between the shards are free, and so are the workers.
//!
//! A command that has begun has a share of work for each shard ([`Share`]). It runs them at once while they are short ([`Ctx::run_errand`]); else it
//! lets go of the stores, and the keepers of the shards go on. When all shares are done the errand says what follows ([`Errand::next`]): more
//! shares, its reply, or that the command is to run anew.
//!
//! A share that goes on later reads the store as it is by then. One that needs the store as it was takes a snapshot when it begins, or has the
//! store keep entries before they change ([`crate::store::keeping`]).

mod pace;

use std::any::Any;
use std::fmt::Debug;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use self::pace::Pace;
use super::{Blocking, Ctx, Deferral};
use crate::error::CommandResult;
use crate::reply::Reply;
use crate::slot::ShardId;
use crate::store::ShardStore;

/// A shard's share of an errand. It is dropped when it is done, or when nobody wants it any more.
pub trait Share: Debug + Send {
    /// Goes on until the effort is spent; returns whether it is done.
    fn step(&mut self, store: &mut ShardStore, effort: &mut Effort) -> bool;
}

/// What the shares of a command have in common.
pub trait Errand: Any + Debug + Send + Sync {
    /// How much one slice may take.
    fn slice(&self) -> Effort;

    /// It goes on aside from now on: what it needs of a store later is to be kept. Called for each store before it lets go of it.
    fn stand_aside(&self, _: &mut ShardStore) {}

    /// All shares are done. If its client has left, they were dropped where they stood, and the answer goes to nobody.
    fn next(self: Arc<Self>, is_left: bool) -> Next;

    /// Writes the command's reply.
    ///
    /// # Errors
    /// Instead of a reply.
    fn reply(&self, out: &mut dyn Reply) -> CommandResult;

    /// Whether stores keep for it what changes. That is not to be done while memory is short: then it does not go on aside.
    fn has_things_kept(&self) -> bool {
        false
    }

    /// Whether it is to be done whoever leaves.
    fn outlives_its_client(&self) -> bool {
        false
    }
}

/// A shard and its share.
pub type ShareOf = (ShardId, Box<dyn Share>);

/// The next step of an errand whose shares are all done.
#[derive(Debug)]
pub struct Next {
    /// The client's answer, once there is one.
    pub answer: Option<Answer>,
    /// Shares that are still to be done. The errand is over when there are none.
    pub shares: Vec<ShareOf>,
}

/// What becomes of an errand's client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It has its reply.
    Reply,
    /// Its command runs anew, with all stores in hand.
    Again,
    /// Its command runs anew, on the shards of its keys, and is given the errand ([`Ctx::resumed`]).
    Resume,
}

/// An errand that has let go of the stores.
#[derive(Debug)]
pub struct Aside {
    /// What its shares have in common.
    pub errand: Arc<dyn Errand>,
    /// What is to be done next.
    pub shares: Vec<ShareOf>,
}

/// What came of an errand within a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[must_use]
pub enum Errands {
    /// It has replied, or will: the command has nothing more to do.
    Over,
    /// The command is to run anew, at once.
    Again,
}

/// How much may be done: a number of steps, and by a clock, if there is one, for how long.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    steps: usize,
    until: Option<(fn() -> Instant, Instant)>,
}

impl Effort {
    /// No limit.
    pub const ENDLESS: Self = Self { steps: usize::MAX, until: None };

    /// So many steps, which take 100 ns or so each.
    #[must_use]
    pub fn steps(steps: usize) -> Self {
        Self { steps, until: None }
    }

    /// So many steps, but no longer than that by a clock.
    #[must_use]
    pub fn timed(self, clock: Option<fn() -> Instant>, time: Duration) -> Self {
        Self { until: clock.and_then(|clock| Some((clock, clock().checked_add(time)?))), ..self }
    }

    /// Steps that are left.
    #[must_use]
    pub fn left(&self) -> usize {
        self.steps
    }

    /// Notes that so many steps were done.
    pub fn spend(&mut self, steps: usize) {
        if self.steps != usize::MAX {
            self.steps = self.steps.saturating_sub(steps);
        }
    }

    /// Whether all is spent. It reads the clock: to be asked every few microseconds.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.steps == 0 || self.until.is_some_and(|(clock, until)| clock() >= until)
    }
}

impl Ctx<'_> {
    /// The errand that the command runs anew after, if that is of this type.
    #[must_use]
    pub fn resumed<E: Errand>(&self) -> Option<&E> {
        let errand: &dyn Any = &**self.resumed?;
        errand.downcast_ref()
    }

    /// Does an errand's shares: at once if that takes no more than `effort`, or if the command may not put itself off; else it goes on aside.
    ///
    /// # Errors
    /// Those of its reply.
    ///
    /// # Panics
    /// If the store of a shard that has a share is not in hand.
    pub fn run_errand(
        &mut self,
        errand: &Arc<dyn Errand>,
        mut shares: Vec<ShareOf>,
        mut effort: Effort,
        out: &mut dyn Reply,
    ) -> CommandResult<Errands> {
        let now = self.now;
        let mut is_short = false;
        if errand.has_things_kept() {
            self.each_store(|store, _| is_short |= store.is_short_of_memory(now));
        }
        if !self.may_defer() || is_short {
            effort = Effort::ENDLESS;
        }
        loop {
            while let Some((shard, share)) = shares.last_mut() {
                let store = self.stores.of_shard(*shard).expect("all stores are in hand");
                if share.step(store, &mut effort) {
                    shares.pop();
                } else if effort.is_spent() {
                    self.put_aside(Aside { errand: Arc::clone(errand), shares });
                    return Ok(Errands::Over);
                }
            }
            let next = Arc::clone(errand).next(false);
            match next.answer {
                Some(Answer::Reply) => return errand.reply(out).map(|()| Errands::Over),
                Some(Answer::Again | Answer::Resume) => return Ok(Errands::Again),
                None => shares = next.shares,
            }
        }
    }

    fn put_aside(&mut self, aside: Aside) {
        self.each_store(|store, _| aside.errand.stand_aside(store));
        if let Blocking::Permitted(place) = &mut self.blocking {
            **place = Some(Deferral::Aside(aside));
        }
    }
}
