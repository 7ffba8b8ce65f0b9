//! The hook that every change of a key passes, whoever makes it: a command, a script and what takes it back, expiry, eviction, a
//! file that is loaded.
//!
//! [`Database`](crate::store::Database) and [`EntryMut`](super::EntryMut) are the only ways to an entry that can change, and both
//! report here. Whatever follows keys from outside their values, as the histograms of sizes do, is told by `Changes::tell` and
//! needs to know no command.
//!
//! A size is told by its class only, which an entry keeps, so that the old size of a value costs nothing. Changes that leave
//! data type and class as they were are told while somebody follows the keys.

mod keeps;

use std::any::TypeId;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sizes::Sizes;
use crate::db::DbIndex;
use crate::entry::{Entry, Heap, Kind, SizeClass, Tally};
use crate::slot::ShardId;
pub(crate) use keeps::Keeps;
pub use keeps::{Keep, KeepId};

/// A value as the hook describes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measure {
    /// Its data type.
    pub kind: Kind,
    /// Its size.
    pub size: SizeClass,
}

#[cfg(test)]
impl Measure {
    /// That of the value that an entry holds.
    fn of(entry: &Entry) -> Self {
        Self { kind: entry.kind(), size: SizeClass::of(entry.size()) }
    }
}

impl From<Tally> for Measure {
    fn from(tally: Tally) -> Self {
        Self { kind: tally.kind(), size: tally.class() }
    }
}

/// What happened to a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    /// It came in.
    Added,
    /// Its value or its deadline may be another one.
    Modified,
    /// It went.
    Removed,
}

/// A change of one key.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// Where the key lives.
    pub home: Home,
    /// The key with its value after the change, or as it was if it went.
    pub entry: &'a Entry,
    /// What happened.
    pub kind: ChangeKind,
    /// What the key held before; nothing if it was not there.
    pub before: Option<Measure>,
    /// What it holds now; nothing if it is not there.
    pub after: Option<Measure>,
}

/// A database of a store.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Home {
    /// The shard whose store it is.
    pub shard: ShardId,
    /// Its number.
    pub db: DbIndex,
}

/// Whether changes are told that leave data type and class as they were although nobody follows the keys. Only the test needs them.
const TELLS_ALL: bool = cfg!(test);

/// The keys of a database that have changed, for whoever follows them.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Who follows.
    by: TypeId,
    follows: fn(Kind) -> bool,
    /// Counts changes, of all stores that share it.
    clock: Arc<AtomicU64>,
    changed: Changed,
}

impl Followed {
    /// Of values of some kinds; nothing has changed yet.
    pub(crate) fn new(by: TypeId, follows: fn(Kind) -> bool, clock: Arc<AtomicU64>) -> Self {
        Self { by, follows, clock, changed: Changed::default() }
    }

    /// All keys are others than before.
    fn replace_all(&mut self) {
        self.changed = Changed { keys: Vec::new(), is_replaced: true };
    }

    fn has_news(&self) -> bool {
        self.changed.is_replaced || !self.changed.keys.is_empty()
    }

    fn note(&mut self, change: &Change<'_>) {
        let is_followed =
            |measure: Option<Measure>| measure.is_some_and(|measure| (self.follows)(measure.kind));
        if self.changed.is_replaced || !is_followed(change.before) && !is_followed(change.after) {
            return;
        }
        let (keys, key) = (&mut self.changed.keys, change.entry.key());
        let time = self.clock.fetch_add(1, Ordering::Relaxed);
        match keys.last_mut().filter(|(last, _)| **last == *key) {
            Some((_, last)) => *last = time,
            None => keys.push((key.into(), time)),
        }
    }
}

/// What has changed in a followed database.
#[derive(Debug, Default)]
pub struct Changed {
    /// Keys that came, went, or whose values or deadlines may be others, each with when it changed by the clock that the companion follows
    /// by; some may be there twice.
    pub keys: Vec<(Box<[u8]>, u64)>,
    /// All keys are others than before, and `keys` is empty: FLUSHDB, SWAPDB.
    pub is_replaced: bool,
}

/// What is told of the changes in one database.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    home: Home,
    sizes: Sizes,
    /// Bytes of all entries, as they were counted.
    bytes: usize,
    /// What others follow: one for each of them.
    followed: Vec<Followed>,
    /// What is kept of entries before they change, while somebody follows.
    keeps: Keeps,
    /// What a test wants to see.
    #[cfg(test)]
    pub(crate) witness: Option<tests::Witness>,
}

impl Changes {
    /// Nothing yet, of the database at `home`.
    pub(crate) fn at(home: Home) -> Self {
        Self { home, ..Self::default() }
    }

    /// Has the keys noted that change from now on, for one more who follows.
    pub(crate) fn follow(&mut self, followed: Followed) {
        self.unfollow(followed.by);
        self.followed.push(followed);
    }

    /// Notes keys no more for one who followed.
    pub(crate) fn unfollow(&mut self, by: TypeId) {
        self.followed.retain(|followed| followed.by != by);
        if self.followed.is_empty() {
            self.keeps = Keeps::default();
        }
    }

    /// All keys are others than before, for all who follow.
    pub(crate) fn replace_all(&mut self) {
        self.followed.iter_mut().for_each(Followed::replace_all);
        self.keeps = Keeps::default();
    }

    /// All who follow. They may be exchanged for those of another database.
    pub(crate) fn followers(&mut self) -> &mut Vec<Followed> {
        &mut self.followed
    }

    /// Takes what has changed for one who follows since it was last taken, if anything has.
    pub(crate) fn take_followed(&mut self, by: TypeId) -> Option<Changed> {
        let followed = self.followed.iter_mut().find(|followed| followed.by == by)?;
        followed.has_news().then(|| std::mem::take(&mut followed.changed))
    }

    /// What is kept of entries, if somebody follows them.
    pub(crate) fn keeps(&self) -> Option<&Keeps> {
        (!self.followed.is_empty()).then_some(&self.keeps)
    }

    /// The same, to change it.
    pub(crate) fn keeps_mut(&mut self) -> Option<&mut Keeps> {
        (!self.followed.is_empty()).then_some(&mut self.keeps)
    }

    /// `entry` is about to change or to go.
    #[inline]
    pub(crate) fn before(&mut self, entry: &Entry) {
        if self.keeps.count() > 0 {
            self.show_before(entry);
        }
    }

    #[cold]
    fn show_before(&mut self, entry: &Entry) {
        if self.followed.iter().any(|followed| (followed.follows)(entry.kind())) {
            self.keeps.before_change(entry);
        }
    }

    /// How many keys of which size there are, to publish them.
    pub(crate) fn sizes_mut(&mut self) -> &mut Sizes {
        &mut self.sizes
    }

    /// Bytes of all entries with their keys and values, as far as they were [counted](crate::entry::Account).
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An entry has grown by so many bytes, which wrap around if it has become less.
    #[inline]
    pub(crate) fn grown(&mut self, bytes: usize) {
        self.bytes = self.bytes.wrapping_add(bytes);
    }

    /// A value's memory has left its entry: it is counted no more.
    #[inline]
    pub(crate) fn left(&mut self, heap: &mut Option<Heap>) {
        if let Some(heap) = heap {
            self.grown(heap.leave_account().wrapping_neg());
        }
    }

    /// `entry` is about to come in.
    #[inline]
    pub(crate) fn added(&mut self, entry: &mut Entry) {
        if entry.is_large() {
            entry.measure(true);
        }
        self.grown(entry.counted_bytes());
        let after = entry.tally_of(entry.size());
        entry.count_as(after);
        self.tell(entry, ChangeKind::Added, None, Some(after.into()));
    }

    /// `entry` has gone.
    #[inline]
    pub(crate) fn removed(&mut self, entry: &Entry) {
        self.grown(entry.counted_bytes().wrapping_neg());
        self.tell(entry, ChangeKind::Removed, Some(entry.tally().into()), None);
    }

    /// The value of `entry`, which was counted as `before`, may have changed; it is to be counted as `after` now.
    #[inline]
    pub(crate) fn modified(&mut self, entry: &mut Entry, before: Tally, after: Tally) {
        if (before != after) | !self.followed.is_empty() || TELLS_ALL {
            self.tell_modified(entry, before, after);
        }
    }

    #[cold]
    fn tell_modified(&mut self, entry: &mut Entry, before: Tally, after: Tally) {
        entry.count_as(after);
        self.tell(entry, ChangeKind::Modified, Some(before.into()), Some(after.into()));
    }

    /// All keys have gone.
    pub(crate) fn cleared(&mut self) {
        self.sizes.clear();
        self.bytes = 0;
        self.replace_all();
        #[cfg(test)]
        if let Some(witness) = &mut self.witness {
            witness.keys.clear();
        }
    }

    /// The database has got another number, with all its keys.
    pub(crate) fn moved(&mut self, db: DbIndex) {
        self.home.db = db;
        self.sizes.show_all();
        #[cfg(test)]
        if let Some(witness) = &mut self.witness {
            witness.home.db = db;
        }
    }

    #[inline]
    fn tell(&mut self, entry: &Entry, kind: ChangeKind, before: Option<Measure>, after: Option<Measure>) {
        let change = Change { home: self.home, entry, kind, before, after };
        self.sizes.note(&change);
        for followed in &mut self.followed {
            followed.note(&change);
        }
        #[cfg(test)]
        if let Some(witness) = &mut self.witness {
            witness.note(&change);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests;
