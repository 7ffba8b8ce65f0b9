//! How many keys of each data type have a size of each class, as INFO's section Keysizes shows them.
//!
//! Invariant: the counts are those that a walk through the database would find. [`Changes`](super::changes::Changes) keeps them
//! so, one change at a time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::changes::Change;
use super::entry::{Kind, SizeClass};
use crate::shard::store::ShardStore;

/// Counts of one database.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    /// For each data type, a count for each class up to the largest that was met.
    counts: [Vec<u64>; Kind::ALL.len()],
    /// A bit for each data type whose counts have changed since they were published.
    unpublished: u8,
}

impl Sizes {
    /// Takes a change into account.
    #[inline]
    pub(super) fn note(&mut self, change: &Change<'_>) {
        if change.before == change.after {
            return;
        }
        if let Some(before) = change.before {
            *self.count(before.kind, before.size) -= 1;
        }
        if let Some(after) = change.after {
            *self.count(after.kind, after.size) += 1;
        }
    }

    #[inline]
    fn count(&mut self, kind: Kind, size: SizeClass) -> &mut u64 {
        self.unpublished |= 1 << kind as u8;
        let counts = &mut self.counts[kind as usize];
        if counts.len() <= size.index() {
            reach(counts, size);
        }
        &mut counts[size.index()]
    }

    /// All keys have gone.
    pub(super) fn clear(&mut self) {
        for (kind, counts) in self.counts.iter_mut().enumerate().filter(|(_, counts)| !counts.is_empty()) {
            counts.fill(0);
            self.unpublished |= 1 << kind;
        }
    }

    /// Has all counts published again, those of classes that never occurred as well.
    pub(super) fn show_all(&mut self) {
        self.counts.iter_mut().for_each(|counts| counts.resize(SizeClass::COUNT, 0));
        self.unpublished = u8::MAX;
    }
}

/// Makes room for the counts of a class.
#[cold]
fn reach(counts: &mut Vec<u64>, size: SizeClass) {
    counts.resize(size.index() + 1, 0);
}

/// The same counts of one database of one shard for everyone to read, once there are any.
#[derive(Debug, Default)]
pub struct PublishedSizes(OnceLock<Box<[[AtomicU64; SizeClass::COUNT]; Kind::ALL.len()]>>);

impl PublishedSizes {
    /// The counts for a data type, by [`SizeClass::index`]; none if no key was ever there.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&[AtomicU64; SizeClass::COUNT]> {
        self.0.get().map(|counts| &counts[kind as usize])
    }

    /// Shows what has changed.
    #[inline]
    pub(crate) fn publish(&self, store: &mut ShardStore, db: usize) {
        let sizes = store.databases[db].sizes_mut();
        if sizes.unpublished != 0 {
            self.publish_changed(sizes);
        }
    }

    fn publish_changed(&self, sizes: &mut Sizes) {
        let empty = || Box::new([const { [const { AtomicU64::new(0) }; SizeClass::COUNT] }; Kind::ALL.len()]);
        let shown = self.0.get_or_init(empty);
        for (kind, (counts, shown)) in sizes.counts.iter().zip(&**shown).enumerate() {
            if sizes.unpublished & 1 << kind != 0 {
                counts.iter().zip(shown).for_each(|(count, shown)| shown.store(*count, Ordering::Relaxed));
            }
        }
        sizes.unpublished = 0;
    }
}
