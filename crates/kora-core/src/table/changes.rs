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

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::sizes::Sizes;
use crate::db::DbIndex;
use crate::entry::{Entry, Kind, SizeClass, Tally};
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
    follows: fn(Kind) -> bool,
    /// Counts changes, of all stores that share it.
    clock: Arc<AtomicU64>,
    changed: Changed,
    keeps: Keeps,
}

impl Followed {
    /// Of values of some kinds; nothing has changed yet.
    pub(crate) fn new(follows: fn(Kind) -> bool, clock: Arc<AtomicU64>) -> Self {
        Self { follows, clock, changed: Changed::default(), keeps: Keeps::default() }
    }

    /// All keys are others than before.
    pub(crate) fn replace_all(&mut self) {
        self.changed = Changed { keys: Vec::new(), is_replaced: true };
        self.keeps = Keeps::default();
    }

    #[cold]
    fn show_before(&mut self, entry: &Entry) {
        if (self.follows)(entry.kind()) {
            self.keeps.before_change(entry);
        }
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
    /// What somebody follows.
    followed: Option<Box<Followed>>,
    /// What a test wants to see.
    #[cfg(test)]
    pub(crate) witness: Option<tests::Witness>,
}

impl Changes {
    /// Nothing yet, of the database at `home`.
    pub(crate) fn at(home: Home) -> Self {
        Self { home, ..Self::default() }
    }

    /// Has the keys noted that change from now on, or none any more.
    pub(crate) fn follow(&mut self, followed: Option<Box<Followed>>) {
        self.followed = followed;
    }

    /// Takes out whoever follows.
    pub(crate) fn unfollow(&mut self) -> Option<Box<Followed>> {
        self.followed.take()
    }

    /// Takes what has changed since it was last taken, if anything has.
    pub(crate) fn take_followed(&mut self) -> Option<Changed> {
        let changed = &mut self.followed.as_mut()?.changed;
        let is_news = changed.is_replaced || !changed.keys.is_empty();
        is_news.then(|| std::mem::take(changed))
    }

    /// What is kept of entries, if somebody follows them.
    pub(crate) fn keeps(&self) -> Option<&Keeps> {
        self.followed.as_ref().map(|followed| &followed.keeps)
    }

    /// The same, to change it.
    pub(crate) fn keeps_mut(&mut self) -> Option<&mut Keeps> {
        self.followed.as_mut().map(|followed| &mut followed.keeps)
    }

    /// `entry` is about to change or to go.
    #[inline]
    pub(crate) fn before(&mut self, entry: &Entry) {
        if let Some(followed) = &mut self.followed
            && followed.keeps.count() > 0
        {
            followed.show_before(entry);
        }
    }

    /// How many keys of which size there are, to publish them.
    pub(crate) fn sizes_mut(&mut self) -> &mut Sizes {
        &mut self.sizes
    }

    /// `entry` is about to come in.
    #[inline]
    pub(crate) fn added(&mut self, entry: &mut Entry) {
        let after = entry.tally_of(entry.size());
        entry.count_as(after);
        self.tell(entry, ChangeKind::Added, None, Some(after.into()));
    }

    /// `entry` has gone.
    #[inline]
    pub(crate) fn removed(&mut self, entry: &Entry) {
        self.tell(entry, ChangeKind::Removed, Some(entry.tally().into()), None);
    }

    /// The value of `entry`, which was counted as `before`, may have changed; it is to be counted as `after` now.
    #[inline]
    pub(crate) fn modified(&mut self, entry: &mut Entry, before: Tally, after: Tally) {
        if (before != after) | self.followed.is_some() || TELLS_ALL {
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
        if let Some(followed) = &mut self.followed {
            followed.replace_all();
        }
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
        if let Some(followed) = &mut self.followed {
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
