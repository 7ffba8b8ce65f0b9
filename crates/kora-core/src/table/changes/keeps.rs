//! Those who keep what entries held before they change.

use std::any::Any;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::entry::Entry;

/// Takes copies of what entries hold.
pub trait Keep: Any + Debug + Send {
    /// An entry is about to change or to go. What counts is what it held when that was told of its key first.
    fn before_change(&mut self, entry: &Entry);

    /// Memory is short, and keys go: what is kept would take more than they leave. So nothing more may be kept.
    fn give_up(&mut self) {}

    /// Whether anybody still wants what is kept.
    fn is_wanted(&self) -> bool;
}

/// Names what is kept for somebody. No two are alike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeepId(u64);

/// What is kept of a database's entries.
#[derive(Debug, Default)]
pub(crate) struct Keeps(Vec<(KeepId, Box<dyn Keep>)>);

impl Keeps {
    /// For how many something is kept.
    #[inline]
    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn add(&mut self, keep: Box<dyn Keep>) -> KeepId {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        self.drop_unwanted();
        let id = KeepId(NEXT.fetch_add(1, Ordering::Relaxed));
        self.0.push((id, keep));
        id
    }

    pub(crate) fn find(&self, id: KeepId) -> Option<&dyn Keep> {
        self.0.iter().find(|(other, _)| *other == id).map(|(_, keep)| &**keep)
    }

    pub(crate) fn end(&mut self, id: KeepId) {
        self.0.retain(|(other, _)| *other != id);
        self.drop_unwanted();
    }

    /// Shows an entry that is about to change. Complexity: O(those who keep something).
    pub(crate) fn before_change(&mut self, entry: &Entry) {
        self.drop_unwanted();
        self.0.iter_mut().for_each(|(_, keep)| keep.before_change(entry));
    }

    /// Memory is short.
    pub(crate) fn give_up(&mut self) {
        self.0.iter_mut().for_each(|(_, keep)| keep.give_up());
    }

    fn drop_unwanted(&mut self) {
        self.0.retain(|(_, keep)| keep.is_wanted());
    }
}
