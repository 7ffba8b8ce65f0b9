//! What a store has deleted and not freed yet: see [`Garbage`].

use super::ShardStore;
use crate::table::garbage::Garbage;

impl ShardStore {
    /// Frees up to about `budget` allocations of what was deleted. Returns whether anything is left.
    pub fn free_some(&mut self, budget: usize) -> bool {
        self.garbage.free_some(budget)
    }

    /// Takes all that waits to be freed, for another thread to drop.
    pub fn take_garbage(&mut self) -> Garbage {
        std::mem::take(&mut self.garbage)
    }

    /// Whether anything waits to be freed.
    #[must_use]
    pub fn has_garbage(&self) -> bool {
        !self.garbage.is_empty()
    }
}
