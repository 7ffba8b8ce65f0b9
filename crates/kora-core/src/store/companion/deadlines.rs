//! The deadlines of documents, in their order.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use kora_core::time::UnixMs;

/// Which keys have something that lapses, and when.
#[derive(Debug, Default)]
pub(super) struct Deadlines {
    in_order: BTreeSet<(UnixMs, Arc<[u8]>)>,
    by_key: BTreeMap<Arc<[u8]>, UnixMs>,
}

impl Deadlines {
    /// Notes when something of a key lapses next. Complexity: O(log n).
    pub(super) fn set(&mut self, key: &[u8], at: Option<UnixMs>) {
        let known = if self.by_key.is_empty() { None } else { self.by_key.get(key).copied() };
        if known == at {
            return;
        }
        if let Some((key, known)) = known.and_then(|_| self.by_key.remove_entry(key)) {
            self.in_order.remove(&(known, key));
        }
        if let Some(at) = at {
            let key: Arc<[u8]> = key.into();
            self.by_key.insert(Arc::clone(&key), at);
            self.in_order.insert((at, key));
        }
    }

    /// Takes out the keys with something that is due. Complexity: O(log n) for each.
    pub(super) fn take_due(&mut self, now: UnixMs) -> Vec<Arc<[u8]>> {
        let mut due = Vec::new();
        while let Some((at, _)) = self.in_order.first()
            && *at <= now
            && let Some((_, key)) = self.in_order.pop_first()
        {
            self.by_key.remove(&key);
            due.push(key);
        }
        due
    }
}
