//! How an index is brought up to date with keys that are there: a few at a time, while others change keys.
//!
//! A scan goes through the keys of a store and puts those into the index that it does not have yet. What changes meanwhile the index takes up
//! at once, as always; the scan passes over it. So, when the scan is through, the index has just what the keys hold.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kora_core::context::errand::Effort;
use kora_core::store::ShardStore;

use super::{DB, SearchPart, deadline_of, is_followed};
use crate::service::Counters;

/// What a document that is put counts, in steps.
const DOCUMENT_STEPS: usize = 200;
/// What a key that is looked at counts, in steps.
const KEY_STEPS: usize = 1;
/// Buckets of keys that are looked at before the next look at what is left of the effort.
const BUCKETS: usize = 16;

/// A scan that is under way.
#[derive(Debug)]
pub(crate) struct Build {
    /// Where it goes on.
    cursor: u64,
    is_scanned: bool,
    /// Keys that were found and not looked at yet.
    found: Vec<Box<[u8]>>,
    /// Documents with greater numbers were put since it began.
    last_number: u32,
    /// Keys that it has gone through.
    key_count: u64,
    /// Tells all who use the index that a part of it is not whole.
    counters: Arc<Counters>,
}

impl Build {
    /// From the first key on. Documents up to this number are to be put anew.
    pub(super) fn new(counters: &Arc<Counters>, last_number: u32) -> Self {
        counters.building.fetch_add(1, Ordering::AcqRel);
        let counters = Arc::clone(counters);
        Self { cursor: 0, is_scanned: false, found: Vec::new(), last_number, key_count: 0, counters }
    }

    /// How many keys it has gone through.
    pub(crate) fn key_count(&self) -> u64 {
        self.key_count
    }
}

impl Drop for Build {
    fn drop(&mut self) {
        self.counters.building.fetch_sub(1, Ordering::AcqRel);
    }
}

impl SearchPart {
    /// Goes on with the scan of an index until the effort is spent; returns whether there is nothing left to do.
    pub(crate) fn build_some(&mut self, store: &ShardStore, number: u64, effort: &mut Effort) -> bool {
        loop {
            let Some(index) = self.find(number) else { return true };
            let Some(build) = &mut index.build else { return true };
            if let Some(key) = build.found.pop() {
                build.key_count += 1;
                let is_new = index.index.document(&key).is_none_or(|document| document <= build.last_number);
                if is_new {
                    let steps = DOCUMENT_STEPS.saturating_add(index.index.distances_of_a_put());
                    self.put_found(store, number, &key);
                    effort.spend(steps);
                }
            } else if build.is_scanned {
                index.build = None;
                return true;
            } else {
                for _ in 0..BUCKETS {
                    let Build { cursor, found, key_count, .. } = build;
                    let declaration = &index.declaration;
                    *cursor = store.show_entries(DB, *cursor, 1, &mut |entry| {
                        if is_followed(entry.kind()) && declaration.admits(entry.key()) {
                            found.push(entry.key().into());
                        } else {
                            *key_count += 1;
                        }
                        effort.spend(KEY_STEPS);
                    });
                    build.is_scanned = build.cursor == 0;
                    if build.is_scanned || !build.found.is_empty() {
                        break;
                    }
                }
            }
            if effort.is_spent() {
                return false;
            }
        }
    }

    fn put_found(&mut self, store: &ShardStore, number: u64, key: &[u8]) {
        let order = self.order.fetch_add(1, Ordering::Relaxed);
        let Some(entry) = store.peek(DB, key) else { return };
        let Some(index) = self.find(number) else { return };
        if index.look_at(key, Some(entry), order)
            && let Some(deadline) = deadline_of(entry)
        {
            self.deadlines.set(key, Some(deadline));
        }
    }
}

/// Tells one part of an index from another that has taken its place.
pub(super) fn next_identity() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}
