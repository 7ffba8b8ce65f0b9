//! Copies of entries as they were when a question began, of those that have changed since.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Weak};

use super::Keep;
use crate::entry::Entry;

/// Bytes that one store keeps for a question.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a copy takes besides its entry: about.
const OVERHEAD_BYTES: usize = 64;

/// Whether the entry of a key is of interest.
type Admits = Box<dyn Fn(&[u8]) -> bool + Send>;

/// Why not all was kept that a question needs, if so.
#[derive(Debug, Default)]
pub struct Loss(AtomicU8);

/// More would have had to be kept than may be.
const TOO_MUCH: u8 = 1;
/// Memory is short.
const MEMORY: u8 = 2;

impl Loss {
    /// Whether anything was lost.
    #[must_use]
    pub fn is_any(&self) -> bool {
        self.0.load(Ordering::Acquire) != 0
    }

    /// Whether that is since memory is short.
    #[must_use]
    pub fn is_of_memory(&self) -> bool {
        self.0.load(Ordering::Acquire) == MEMORY
    }

    fn note(&self, why: u8) {
        // The first reason stays.
        let _ = self.0.compare_exchange(0, why, Ordering::AcqRel, Ordering::Relaxed);
    }
}

/// What one store keeps for a question.
pub struct Copies {
    /// Whether the entry of a key is of interest.
    admits: Admits,
    entries: HashMap<Box<[u8]>, Entry>,
    bytes: usize,
    /// The question, while it goes on.
    question: Weak<()>,
    /// Noted when there is no room for more, or no memory.
    loss: Arc<Loss>,
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
    /// None yet. They are of entries whose keys are admitted, and wanted while `question` is there; `loss` is noted once they would take more than 64 MB, or
    /// memory is short.
    pub fn new(
        admits: impl Fn(&[u8]) -> bool + Send + 'static,
        question: &Arc<()>,
        loss: &Arc<Loss>,
    ) -> Self {
        Self {
            admits: Box::new(admits),
            entries: HashMap::new(),
            bytes: 0,
            question: Arc::downgrade(question),
            loss: Arc::clone(loss),
        }
    }

    fn lose(&mut self, why: u8) {
        self.loss.note(why);
        self.entries = HashMap::new();
    }

    /// The entries by their keys.
    #[must_use]
    pub fn entries(&self) -> &HashMap<Box<[u8]>, Entry> {
        &self.entries
    }
}

impl Keep for Copies {
    fn before_change(&mut self, entry: &Entry) {
        let is_known = || !(self.admits)(entry.key()) || self.entries.contains_key(entry.key());
        if self.loss.is_any() || is_known() {
            return;
        }
        self.bytes += entry.memory_bytes() + entry.key().len() + OVERHEAD_BYTES;
        if self.bytes > BYTES_MAX {
            return self.lose(TOO_MUCH);
        }
        self.entries.insert(entry.key().into(), entry.duplicate());
    }

    fn give_up(&mut self) {
        self.lose(MEMORY);
    }

    fn is_wanted(&self) -> bool {
        self.question.strong_count() > 0
    }
}
