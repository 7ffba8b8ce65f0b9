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

/// The outcome of [`Claim::take`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Taken {
    /// The command is to be served.
    Ours,
    /// Somebody has promised to serve it. Whoever has all the stores it needs in hand may do that now.
    Promised,
    /// Its wait is over.
    Over,
}

/// The outcome of [`Claim::abandon`].
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

    /// Whether nobody has a hand on it.
    pub(super) fn is_waiting(&self) -> bool {
        self.0.load(Ordering::Acquire) == WAITING
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
mod tests;
