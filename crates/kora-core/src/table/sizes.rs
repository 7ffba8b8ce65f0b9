//! How many keys of each data type have a size of each class, as INFO's section Keysizes shows them.
//!
//! Invariant: the counts are those that a walk through the database would find. [`Changes`](super::changes::Changes) keeps them
//! so, one change at a time.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use super::changes::Change;
use crate::entry::{Kind, SizeClass};

/// Counts of one database.
#[derive(Debug, Default)]
pub(crate) struct Sizes {
    /// For each data type, a count for each class up to the largest that was met.
    counts: [Vec<u64>; Kind::COUNT],
    /// A bit for each data type whose counts have changed since they were published.
    unpublished: u16,
}

impl Sizes {
    /// Takes a change into account.
    #[inline]
    pub(crate) fn note(&mut self, change: &Change<'_>) {
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
        self.unpublished |= 1 << kind.number();
        let counts = &mut self.counts[kind.index()];
        if counts.len() <= size.index() {
            reach(counts, size);
        }
        &mut counts[size.index()]
    }

    /// All keys have gone.
    pub(crate) fn clear(&mut self) {
        for (kind, counts) in self.counts.iter_mut().enumerate().filter(|(_, counts)| !counts.is_empty()) {
            counts.fill(0);
            self.unpublished |= 1 << kind;
        }
    }

    /// Has all counts published again, those of classes that never occurred as well.
    pub(crate) fn show_all(&mut self) {
        self.counts.iter_mut().for_each(|counts| counts.resize(SizeClass::COUNT, 0));
        self.unpublished = u16::MAX;
    }
}

/// Makes room for the counts of a class.
#[cold]
fn reach(counts: &mut Vec<u64>, size: SizeClass) {
    counts.resize(size.index() + 1, 0);
}

/// Counts for one data type, as others read them.
type PublishedCounts = [AtomicU64; SizeClass::COUNT];

/// The same counts of one database of one shard for everyone to read, for each data type once there are any.
#[derive(Debug, Default)]
pub struct PublishedSizes([OnceLock<Box<PublishedCounts>>; Kind::COUNT]);

impl PublishedSizes {
    /// The counts for a data type, by [`SizeClass::index`]; none if no key of it was ever there.
    #[must_use]
    pub fn of(&self, kind: Kind) -> Option<&PublishedCounts> {
        self.0[kind.index()].get().map(|counts| &**counts)
    }

    /// Shows what has changed in a database.
    #[inline]
    pub(crate) fn publish(&self, sizes: &mut Sizes) {
        if sizes.unpublished != 0 {
            self.publish_changed(sizes);
        }
    }

    fn publish_changed(&self, sizes: &mut Sizes) {
        for (kind, (counts, shown)) in sizes.counts.iter().zip(&self.0).enumerate() {
            if sizes.unpublished & 1 << kind == 0 || counts.is_empty() {
                continue;
            }
            let shown = shown.get_or_init(|| Box::new([const { AtomicU64::new(0) }; SizeClass::COUNT]));
            counts.iter().zip(&**shown).for_each(|(count, shown)| shown.store(*count, Ordering::Relaxed));
        }
        sizes.unpublished = 0;
    }
}
