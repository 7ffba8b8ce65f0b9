//! What a graph has lost lately, for searches and insertions that go on after a pause: nodes that were taken out or changed.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};

/// Losses that are remembered, at most.
const REMEMBERED_MAX: usize = 1024;

/// A moment in the life of a graph.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Moment {
    graph: u64,
    losses: u64,
}

/// The losses of one graph.
#[derive(Debug)]
pub(crate) struct Losses {
    recent: VecDeque<u32>,
    now: Moment,
}

impl Losses {
    pub(crate) fn new() -> Self {
        /// Tells graphs apart; 0 is none.
        static GRAPHS: AtomicU64 = AtomicU64::new(1);
        let graph = GRAPHS.fetch_add(1, Ordering::Relaxed);
        Self { recent: VecDeque::new(), now: Moment { graph, losses: 0 } }
    }

    /// What they are at this moment, of the same graph. It remembers none of before.
    pub(crate) fn view(&self) -> Self {
        Self { recent: VecDeque::new(), now: self.now }
    }

    #[inline]
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// Nodes that were lost since; none if that is not known any more, or the moment is one of another graph.
    pub(crate) fn since(&self, then: Moment) -> Option<impl Iterator<Item = u32> + '_> {
        let missed = usize::try_from(self.now.losses.checked_sub(then.losses)?).ok()?;
        let is_known = then.graph == self.now.graph && missed <= self.recent.len();
        is_known.then(|| self.recent.iter().rev().take(missed).copied())
    }

    /// Notes a loss. Complexity: O(1).
    pub(crate) fn add(&mut self, id: u32) {
        if self.recent.len() == REMEMBERED_MAX {
            self.recent.pop_front();
        }
        self.recent.push_back(id);
        self.now.losses += 1;
    }

    /// Says that all is lost: whoever walks over the graph has to begin anew.
    pub(crate) fn add_all(&mut self) {
        *self = Self::new();
    }

    /// Bytes on the heap.
    pub(crate) fn memory(&self) -> usize {
        self.recent.capacity() * 4
    }
}

impl Clone for Losses {
    /// A copy of a graph is another graph.
    fn clone(&self) -> Self {
        Self::new()
    }
}
