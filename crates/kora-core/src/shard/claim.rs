//! Who ends a command's wait: the shard that can serve it, or its client's worker, which knows of time-outs, of CLIENT
//! UNBLOCK and of clients that leave. Exactly one of them does.
//!
//! The states, checked by loom (`cargo xtask loom`):
//!
//! - `WAITING`: nobody has a hand on it. A command that does not block stays here to its end.
//! - `SERVING`: a shard tries to serve it, or several have promised to. That may fail, and then it waits again, so it is not
//!   over yet. Whoever tries has all its stores in hand, so that nobody else does.
//! - `ABANDONED`: meanwhile its time was over, or its client left. If the shard fails, it ends the wait itself.
//! - `OVER`: served or ended; for good.

#[cfg(loom)]
use loom::sync::atomic::{AtomicU8, Ordering};
#[cfg(not(loom))]
use std::sync::atomic::{AtomicU8, Ordering};

const WAITING: u8 = 0;
const SERVING: u8 = 1;
const ABANDONED: u8 = 2;
const OVER: u8 = 3;

/// The state of one command's wait.
#[derive(Debug)]
pub struct Claim(AtomicU8);

/// What came of the request to serve.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The command is to be served.
    Ours,
    /// Somebody has promised to serve it. Whoever has all the stores it needs in hand may do that now.
    Promised,
    /// Its wait is over.
    Over,
}

/// What came of the request to end a wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Abandoned {
    /// It is over: whoever asked says what the reply is.
    Now,
    /// It is being served: that will succeed, or end with the reply to a time-out. Either way a reply comes.
    Later,
    /// It was over before.
    Never,
}

impl Default for Claim {
    fn default() -> Self {
        Self(AtomicU8::new(WAITING))
    }
}

impl Claim {
    fn change(&self, from: u8, to: u8) -> Result<(), u8> {
        self.0.compare_exchange(from, to, Ordering::AcqRel, Ordering::Acquire).map(drop)
    }

    /// Shard: begins to serve.
    pub(super) fn take(&self) -> Taken {
        match self.change(WAITING, SERVING) {
            Ok(()) => Taken::Ours,
            Err(OVER) => Taken::Over,
            Err(_) => Taken::Promised,
        }
    }

    /// Shard, after [`Claim::take`]: could not serve, the command waits again. `false` if it was abandoned, and is over.
    pub(super) fn put_back(&self) -> bool {
        let is_back = self.change(SERVING, WAITING).is_ok();
        if !is_back {
            self.finish();
        }
        is_back
    }

    /// Shard, after [`Claim::take`]: it was served.
    pub(super) fn finish(&self) {
        // An exchange, as every change of the state: loom does not order a mere store behind an exchange that another thread made.
        self.0.swap(OVER, Ordering::AcqRel);
    }

    /// Whether a wait that a shard has taken was abandoned since.
    pub(super) fn is_abandoned(&self) -> bool {
        self.0.load(Ordering::Acquire) == ABANDONED
    }

    /// Whether it is over.
    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::Acquire) == OVER
    }

    /// Client's worker: its time is over, or the client has left.
    pub fn abandon(&self) -> Abandoned {
        loop {
            match self.change(WAITING, OVER) {
                Ok(()) => return Abandoned::Now,
                Err(SERVING) if self.change(SERVING, ABANDONED).is_ok() => return Abandoned::Later,
                // The shard put it back or finished in between.
                Err(SERVING) => {}
                Err(ABANDONED) => return Abandoned::Later,
                Err(_) => return Abandoned::Never,
            }
        }
    }

    /// Ends the wait unless it is being served or over: CLIENT UNBLOCK, from whichever worker.
    #[must_use]
    pub fn end(&self) -> bool {
        self.change(WAITING, OVER).is_ok()
    }
}

#[cfg(all(test, loom))]
mod tests {
    use super::{Abandoned, Claim, Taken};
    use loom::sync::{Arc, Mutex};
    use loom::thread;

    /// A shard that serves at its second attempt, a worker that gives up, and another that unblocks: one of them ends
    /// the wait, and knows.
    #[test]
    fn one_of_them_ends_the_wait() {
        loom::model(|| {
            let claim = Arc::new(Claim::default());
            let serves = {
                let claim = Arc::clone(&claim);
                thread::spawn(move || match claim.take() {
                    Taken::Ours if !claim.put_back() => true,
                    Taken::Ours if claim.take() == Taken::Ours => {
                        claim.finish();
                        true
                    }
                    _ => false,
                })
            };
            let unblocks = {
                let claim = Arc::clone(&claim);
                thread::spawn(move || claim.end())
            };
            let abandoned = claim.abandon();
            let is_served = serves.join().expect("no panic");
            let is_unblocked = unblocks.join().expect("no panic");
            let ends = [is_served, is_unblocked, abandoned == Abandoned::Now];
            assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{ends:?}");
            assert!(abandoned != Abandoned::Later || is_served, "who is told to expect a reply gets one");
            assert!(claim.is_over());
        });
    }

    /// Two shards have promised to serve it, of which one finds nothing, and a worker gives up: one of them ends the wait.
    #[test]
    fn of_two_promises_one_at_most_ends_the_wait() {
        loom::model(|| {
            let claim = Arc::new(Claim::default());
            let stores = Arc::new(Mutex::new(()));
            let promise = |finds: bool| {
                let (claim, stores) = (Arc::clone(&claim), Arc::clone(&stores));
                thread::spawn(move || {
                    if claim.take() == Taken::Over {
                        return false;
                    }
                    let _in_hand = stores.lock().expect("no panic");
                    if claim.take() == Taken::Over {
                        return false;
                    }
                    if finds || claim.is_abandoned() {
                        claim.finish();
                        return true;
                    }
                    !claim.put_back()
                })
            };
            let shards = [promise(true), promise(false)];
            let abandoned = claim.abandon();
            let served = shards.map(|shard| shard.join().expect("no panic"));
            let ends = [served[0], served[1], abandoned == Abandoned::Now];
            assert_eq!(ends.iter().filter(|end| **end).count(), 1, "{ends:?}");
            assert!(claim.is_over());
        });
    }
}
