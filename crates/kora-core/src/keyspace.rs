//! The keys of a shard: compact entries in a segmented table, with expiry and use tracking.

pub mod entry;
pub mod table;

use crate::error::CommandResult;
use crate::journal::{EventClass, Journal};
use crate::shard::store::{DbIndex, ShardStore};
use crate::time::UnixMs;
use entry::{Entry, StringRef};

/// One database of one shard: its table, and how many of its keys have a deadline.
#[derive(Debug, Default)]
pub struct Database {}

/// What becomes of a key's deadline when its value is replaced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ttl {
    /// The key lives until it is deleted.
    Clear,
    /// The deadline stays.
    Keep,
    /// The key lives until then.
    At(UnixMs),
}

/// One database of one shard as a command sees it at one moment.
///
/// No look-up returns an expired entry: it is deleted first, with effect and event.
#[derive(Debug)]
pub struct Keyspace<'a> {
    store: &'a mut ShardStore,
    journal: &'a mut Journal,
    db: DbIndex,
    now: UnixMs,
    no_touch: bool,
}

/// An entry in its table, open for modification. Dereferences to [`Entry`].
#[derive(Debug)]
pub struct EntryMut<'a> {
    entry: &'a mut Entry,
}

#[expect(unused_variables, clippy::missing_panics_doc, missing_docs, reason = "signatures first")]
impl<'a> Keyspace<'a> {
    #[inline]
    pub fn new(
        store: &'a mut ShardStore,
        journal: &'a mut Journal,
        db: DbIndex,
        now: UnixMs,
        no_touch: bool,
    ) -> Self {
        Self { store, journal, db, now, no_touch }
    }
    /// The entry of `key`, for reading: counts a hit or a miss and marks its use.
    pub fn read(&mut self, key: &[u8]) -> Option<&Entry> {
        unimplemented!()
    }
    /// The entry of `key` without a trace: no counts, no mark of use (OBJECT, TYPE, TTL).
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        unimplemented!()
    }
    /// The entry of `key`, for modification: marks its use.
    pub fn write(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        unimplemented!()
    }
    /// The string at `key`, for reading. Errors: `WrongType`.
    pub fn read_string(&mut self, key: &[u8]) -> CommandResult<Option<StringRef<'_>>> {
        unimplemented!()
    }
    /// The string entry at `key`, for modification. Errors: `WrongType`.
    pub fn write_string(&mut self, key: &[u8]) -> CommandResult<Option<EntryMut<'_>>> {
        unimplemented!()
    }
    /// Sets `key` to the string `value`, whatever it held; integers are stored as such, as Redis encodes them.
    pub fn set_string(&mut self, key: &[u8], value: &[u8], ttl: Ttl) {
        unimplemented!()
    }
    /// Sets `key` to the integer `value`, whatever it held.
    pub fn set_integer(&mut self, key: &[u8], value: i64, ttl: Ttl) {
        unimplemented!()
    }
    /// Sets `key` to a raw string (no integer encoding; OBJECT ENCODING `raw`), as APPEND and SETRANGE make it.
    pub fn set_raw(&mut self, key: &[u8], value: &[u8]) {
        unimplemented!()
    }
    /// Takes the entry out of the table. The caller reports effect and event.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        unimplemented!()
    }
    /// Puts `entry` (value and deadline) under `key`; replaces what was there.
    pub fn insert(&mut self, key: &[u8], entry: Entry) {
        unimplemented!()
    }
    /// Gives `key` a deadline or takes it away; `false` if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], at: Option<UnixMs>) -> bool {
        unimplemented!()
    }
    /// Number of keys, expired but unswept ones included.
    pub fn len(&self) -> usize {
        unimplemented!()
    }
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
    /// A uniformly chosen key that is not expired.
    pub fn random_key(&mut self) -> Option<Box<[u8]>> {
        unimplemented!()
    }
    /// Visits keys from `cursor` (0 to begin) until at least `count` entries were visited; returns the next
    /// cursor, 0 at the end. Every key present throughout a whole scan is visited exactly once.
    pub fn scan(&mut self, cursor: u64, count: usize, visit: &mut dyn FnMut(&Entry)) -> u64 {
        unimplemented!()
    }
    /// Empties the database; the entries are freed later.
    pub fn clear(&mut self) -> usize {
        unimplemented!()
    }
    /// The time at which the command runs.
    pub fn now(&self) -> UnixMs {
        self.now
    }
    /// Reports a keyspace event and counts one change.
    #[inline]
    pub fn changed(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        self.journal.changed(1);
        self.journal.event(class, name, self.db, key);
    }
    pub fn journal(&mut self) -> &mut Journal {
        self.journal
    }
}

impl std::ops::Deref for EntryMut<'_> {
    type Target = Entry;
    fn deref(&self) -> &Entry {
        self.entry
    }
}

#[expect(unused_variables, clippy::missing_panics_doc, reason = "signatures first")]
impl EntryMut<'_> {
    /// Replaces a string value by an integer, in place; the deadline stays.
    pub fn set_integer(&mut self, value: i64) {
        unimplemented!()
    }
    /// Replaces a string value; the deadline stays. `raw` as for [`Keyspace::set_raw`].
    pub fn set_string(&mut self, value: &[u8]) {
        unimplemented!()
    }
    /// Appends to a string value, which becomes raw; returns the new length in bytes.
    pub fn append(&mut self, bytes: &[u8]) -> usize {
        unimplemented!()
    }
    /// Makes a string value raw and at least `len` bytes long (zero padded), and lends it for writing.
    pub fn raw_mut(&mut self, len: usize) -> &mut [u8] {
        unimplemented!()
    }
    /// Gives the entry a deadline or takes it away.
    pub fn set_expiry(&mut self, at: Option<UnixMs>) {
        unimplemented!()
    }
}
