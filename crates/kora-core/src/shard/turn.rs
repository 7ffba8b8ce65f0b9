//! Whether an operation runs or is refused, which is decided once: by the shard that gets to it, or by its client's worker,
//! which gives up when a script keeps a shard for too long.
//!
//! Each shard's share of a pipeline is decided by itself. A command that shards would run in parts is decided as a whole if
//! it writes: no part may be refused when another has run.

use std::sync::atomic::{AtomicU8, Ordering};

use smallvec::SmallVec;

use super::operation::{Driver, Operation};
use super::runner::Shard;

const WAITING: u8 = 0;
const BEGUN: u8 = 1;
const REFUSED: u8 = 2;

/// The states of an operation's shares, in order of shard, or the one state of the whole.
#[derive(Debug)]
pub(super) struct Turn(SmallVec<[AtomicU8; 8]>);

impl Turn {
    /// Nothing is decided; `share_count` shares are decided apart.
    pub(super) fn new(share_count: usize) -> Self {
        Self((0..share_count).map(|_| AtomicU8::new(WAITING)).collect())
    }

    fn state(&self, share: usize) -> &AtomicU8 {
        if let [whole] = &self.0[..] { whole } else { &self.0[share] }
    }

    /// Shard: runs a share; `false` if it was refused.
    pub(super) fn begin(&self, share: usize) -> bool {
        let state = self.state(share);
        let begun = state.compare_exchange(WAITING, BEGUN, Ordering::AcqRel, Ordering::Acquire);
        begun != Err(REFUSED)
    }

    /// Shard: what it ran has changed nothing, and is to run elsewhere.
    pub(super) fn put_back(&self) {
        self.0.iter().for_each(|state| state.store(WAITING, Ordering::Release));
    }

    /// Client's worker: refuses a share; `false` if it has begun, or was refused before.
    pub(super) fn refuse(&self, share: usize) -> bool {
        let state = self.state(share);
        state.compare_exchange(WAITING, REFUSED, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether the shares are decided together.
    pub(super) fn is_whole(&self) -> bool {
        self.0.len() == 1
    }
}

impl<D: Driver> Shard<D> {
    /// Passes over its share of an operation that was refused.
    #[cold]
    pub(super) fn pass_over(&mut self, operation: &Operation<D>) {
        if let (Some(watched), Some(store)) = (&operation.request.watched, self.store.as_deref_mut()) {
            store.watchers.remove_all(self.id, watched);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_runs_or_is_refused() {
        let turn = Turn::new(2);
        assert!(turn.begin(0));
        assert!(!turn.refuse(0));
        assert!(turn.refuse(1));
        assert!(!turn.begin(1));
        assert!(!turn.refuse(1), "it is answered once");
    }

    #[test]
    fn a_whole_that_has_begun_anywhere_runs_everywhere() {
        let turn = Turn::new(1);
        assert!(turn.begin(2));
        assert!(!turn.refuse(0));
        assert!(turn.begin(0));
        turn.put_back();
        assert!(turn.refuse(1));
        assert!(!turn.begin(0));
    }
}
