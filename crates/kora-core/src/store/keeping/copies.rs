//! Copies of entries as they were when a question began, of those that have changed since.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use super::Keep;
use crate::entry::Entry;

/// Bytes that one store keeps for a question.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a copy takes besides its entry: about.
const OVERHEAD_BYTES: usize = 64;

/// Whether the entry of a key is of interest.
type Admits = dyn Fn(&[u8]) -> bool + Send;

/// What one store keeps for a question.
pub struct Copies {
    admits: Box<Admits>,
    entries: HashMap<Box<[u8]>, Entry>,
    bytes: usize,
    /// The question, while it goes on.
    question: Weak<()>,
    /// Set when there is no room for more.
    has_lost: Arc<AtomicBool>,
}

impl fmt::Debug for Copies {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { entries, bytes, .. } = self;
        f.debug_struct("Copies")
            .field("entries", &entries.len())
            .field("bytes", bytes)
            .finish_non_exhaustive()
    }
}

impl Copies {
    /// None yet. They are of entries whose keys are admitted, and wanted while `question` is there; `has_lost` is set once they would take more than 64 MB.
    pub fn new(
        admits: impl Fn(&[u8]) -> bool + Send + 'static,
        question: &Arc<()>,
        has_lost: &Arc<AtomicBool>,
    ) -> Self {
        Self {
            admits: Box::new(admits),
            entries: HashMap::new(),
            bytes: 0,
            question: Arc::downgrade(question),
            has_lost: Arc::clone(has_lost),
        }
    }

    /// The entries by their keys.
    #[must_use]
    pub fn entries(&self) -> &HashMap<Box<[u8]>, Entry> {
        &self.entries
    }
}

impl Keep for Copies {
    fn before_change(&mut self, entry: &Entry) {
        if !(self.admits)(entry.key()) || self.entries.contains_key(entry.key()) {
            return;
        }
        self.bytes += entry.memory_bytes() + entry.key().len() + OVERHEAD_BYTES;
        if self.bytes > BYTES_MAX {
            self.has_lost.store(true, Ordering::Release);
            self.entries = HashMap::new();
            return;
        }
        self.entries.insert(entry.key().into(), entry.duplicate());
    }

    fn is_wanted(&self) -> bool {
        self.question.strong_count() > 0
    }
}
