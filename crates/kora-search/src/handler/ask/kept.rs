//! Documents as they were when a query began, of those that have changed since.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use kora_core::entry::Entry;
use kora_core::store::keeping::Keep;

use crate::service::Declaration;

/// Bytes that one store keeps for a query.
const BYTES_MAX: usize = 64 * 1024 * 1024;

/// Bytes that a kept document takes besides its entry: about.
const OVERHEAD_BYTES: usize = 64;

/// What one store keeps for a query.
#[derive(Debug)]
pub(super) struct Kept {
    declaration: Arc<Declaration>,
    entries: HashMap<Box<[u8]>, Entry>,
    bytes: usize,
    /// The query, while it goes on.
    query: Weak<()>,
    /// Set when there is no room for more.
    has_lost: Arc<AtomicBool>,
}

impl Kept {
    pub(super) fn new(declaration: &Arc<Declaration>, query: &Arc<()>, has_lost: &Arc<AtomicBool>) -> Self {
        let (declaration, has_lost) = (Arc::clone(declaration), Arc::clone(has_lost));
        Self { declaration, entries: HashMap::new(), bytes: 0, query: Arc::downgrade(query), has_lost }
    }

    /// The documents by their keys.
    pub(super) fn entries(&self) -> &HashMap<Box<[u8]>, Entry> {
        &self.entries
    }
}

impl Keep for Kept {
    fn before_change(&mut self, entry: &Entry) {
        if !self.declaration.admits(entry.key()) || self.entries.contains_key(entry.key()) {
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
        self.query.strong_count() > 0
    }
}
