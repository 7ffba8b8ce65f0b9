//! What commands see of a store: one database at one moment. Its rules hold for every data type: no look-up returns
//! an expired entry, every look-up for reading counts as a hit or a miss, and use is marked unless the client asked
//! otherwise.

#[cfg(test)]
mod tests;
mod walk;

use std::sync::Arc;

use super::ShardStore;
use super::watch::{Presence, Watch};
use crate::config::CoreConfig;
use crate::db::DbIndex;
use crate::entry::data_type::Loader;
use crate::entry::object::Object;
use crate::entry::usage::Usage;
use crate::entry::{Entry, Form, Heap, Kind, NewValue, Packing, StringRef, StringValue, Tally, Ttl};
use crate::error::{CommandError, CommandResult};
use crate::hash::hash_key;
use crate::journal::{EventClass, GIVEN_BYTES_MIN, Journal};
use crate::slot::ShardId;
use crate::table::{EntryMut, Position};
use crate::time::UnixMs;

/// One database of one shard as a command sees it at one moment.
///
/// No look-up returns an expired entry: it is deleted first, with effect and event. During CLIENT PAUSE a look-up for reading leaves it
/// where it is.
#[derive(Debug)]
pub struct Keyspace<'a> {
    pub(super) store: &'a mut ShardStore,
    pub(super) journal: &'a mut Journal,
    pub(super) db: DbIndex,
    now: UnixMs,
    no_touch: bool,
}

impl<'a> Keyspace<'a> {
    /// Database `db` of `store`, which must exist, at `now`. `no_touch`: look-ups don't mark use.
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

    /// The entry of `key`, for reading: counts a hit or a miss, which is also an event, and marks its use.
    #[inline]
    pub fn read(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.hash(key);
        let Some(position) = self.locate_to_read(hash, key) else {
            self.miss(key);
            return None;
        };
        self.store.stats.hits += 1;
        self.touch(position);
        Some(self.entry(position))
    }

    /// The entry of `key`, to tell something about the key rather than its value: counts a hit or a miss, which is also
    /// an event, but does not mark its use.
    pub fn examine(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.hash(key);
        let Some(position) = self.locate_to_read(hash, key) else {
            self.miss(key);
            return None;
        };
        self.store.stats.hits += 1;
        Some(self.entry(position))
    }

    /// The entry of `key`, for introspection: counts a hit or a miss, and leaves no other trace.
    pub fn inspect(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.hash(key);
        let Some(position) = self.locate_to_read(hash, key) else {
            self.store.stats.misses += 1;
            return None;
        };
        self.store.stats.hits += 1;
        Some(self.entry(position))
    }

    /// The entry of `key` without a trace: no counts, no mark of use.
    pub fn peek(&mut self, key: &[u8]) -> Option<&Entry> {
        let hash = self.hash(key);
        self.locate_to_read(hash, key).map(|position| self.entry(position))
    }

    /// The entry of `key`, for modification: marks its use.
    #[inline]
    pub fn write(&mut self, key: &[u8]) -> Option<EntryMut<'_>> {
        let hash = self.hash(key);
        let position = self.locate(hash, key)?;
        self.touch(position);
        Some(self.entry_mut(hash, position))
    }

    /// The string at `key`, for reading.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn read_string(&mut self, key: &[u8]) -> CommandResult<Option<StringRef<'_>>> {
        Ok(self.read_string_value(key)?.map(StringRef::from))
    }

    /// The string at `key` as it is held, for reading.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn read_string_value(&mut self, key: &[u8]) -> CommandResult<Option<StringValue<'_>>> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => entry.string_value().map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The string entry at `key`, for modification.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn write_string(&mut self, key: &[u8]) -> CommandResult<Option<EntryMut<'_>>> {
        let hash = self.hash(key);
        let Some(position) = self.locate(hash, key) else { return Ok(None) };
        self.touch(position);
        if self.entry(position).kind() != Kind::String {
            return Err(CommandError::WrongType);
        }
        Ok(Some(self.entry_mut(hash, position)))
    }

    /// Sets `key` to the string `value`, whatever it held; integers are stored as such, as Redis encodes them.
    #[inline(always)]
    pub fn set_string(&mut self, key: &[u8], value: &[u8], ttl: Ttl) {
        if value.len() >= GIVEN_BYTES_MIN {
            return self.set_long_string(key, value, ttl);
        }
        self.set(key, NewValue::text(value), Tally::of(Kind::String, value.len()), ttl);
    }

    /// Keeps the memory that the value has come in, if it may.
    #[cold]
    fn set_long_string(&mut self, key: &[u8], value: &[u8], ttl: Ttl) {
        let value = match self.journal.given(value) {
            Some(given) => NewValue::given(given),
            None => NewValue::Bytes { bytes: value, form: Form::Text },
        };
        self.set_value(key, value, ttl);
    }

    /// Sets `key` to the integer `value`, whatever it held.
    #[inline]
    pub fn set_integer(&mut self, key: &[u8], value: i64, ttl: Ttl) {
        self.set_value(key, NewValue::Integer(value), ttl);
    }

    /// Has what its shard holds shown to others although no change is counted.
    pub(crate) fn show_uncounted(&mut self) {
        self.store.is_unshown = true;
    }

    /// Sets `key` to the string `value`, whatever it held, without integer encoding, as INCRBYFLOAT does.
    pub fn set_bytes(&mut self, key: &[u8], value: &[u8], ttl: Ttl) {
        self.set_value(key, NewValue::Bytes { bytes: value, form: Form::Text }, ttl);
    }

    /// Sets `key` to a raw string (no integer encoding; OBJECT ENCODING `raw`), as APPEND and SETRANGE make it. The
    /// deadline is cleared.
    pub fn set_raw(&mut self, key: &[u8], value: &[u8]) {
        self.set_value(key, NewValue::Bytes { bytes: value, form: Form::Raw }, Ttl::Clear);
    }

    /// Gives `key` a small collection in its packed form, which has no fields with deadlines, in place of any value; its
    /// deadline is cleared.
    ///
    /// # Panics
    /// If that kind is never packed so.
    pub fn put_packed(&mut self, key: &[u8], kind: Kind, packing: Packing, bytes: &[u8]) {
        self.set_value(key, NewValue::Bytes { bytes, form: Form::Packed(kind, packing) }, Ttl::Clear);
    }

    /// Gives `key` a large collection, which has no fields with deadlines, in place of any value; its deadline is cleared.
    pub fn put_object(&mut self, key: &[u8], object: Box<dyn Object>) {
        self.set_value(key, NewValue::Object(object), Ttl::Clear);
    }

    fn set_value(&mut self, key: &[u8], value: NewValue<'_>, ttl: Ttl) {
        let tally = value.tally();
        self.set(key, value, tally, ttl);
    }

    /// Gives `key` a value, which is to be counted as `tally`, whatever it held.
    #[inline]
    fn set(&mut self, key: &[u8], value: NewValue<'_>, tally: Tally, ttl: Ttl) {
        let hash = self.hash(key);
        if let Some(position) = self.locate(hash, key) {
            self.touch(position);
            let expiry = match ttl {
                Ttl::Clear => None,
                Ttl::Keep => self.entry(position).expiry(),
                Ttl::At(at) => Some(at),
            };
            let database = &mut self.store.databases[self.db.index()];
            let heap = database.replace((position, hash), (value, tally), expiry);
            if expiry.is_some() {
                database.tend();
            }
            self.store.garbage.add_heap(heap);
        } else {
            let expiry = if let Ttl::At(at) = ttl { Some(at) } else { None };
            self.add(hash, Entry::build(key, value, expiry));
        }
    }

    /// Makes `key`, which a look-up has just not found, a small collection in its packed form.
    ///
    /// # Panics
    /// If that kind is never packed so.
    pub fn add_packed(&mut self, key: &[u8], kind: Kind, packing: Packing, bytes: &[u8]) {
        self.add_value(key, NewValue::Bytes { bytes, form: Form::Packed(kind, packing) });
    }

    /// Makes `key`, which a look-up has just not found, a large collection.
    pub fn add_object(&mut self, key: &[u8], object: Box<dyn Object>) {
        self.add_value(key, NewValue::Object(object));
    }

    fn add_value(&mut self, key: &[u8], value: NewValue<'_>) {
        let hash = self.hash_to_add(key);
        self.add(hash, Entry::build(key, value, None));
    }

    /// The hash of `key`, which a look-up has not found, for adding it.
    fn hash_to_add(&mut self, key: &[u8]) -> u64 {
        let hash = self.hash(key);
        if self.store.holds_expiry(self.now) {
            // A look-up for reading may have left an expired entry there.
            self.locate(hash, key);
        }
        debug_assert!(self.locate(hash, key).is_none(), "only keys that are not there are added");
        hash
    }

    /// Makes `key`, which a look-up has just not found, an empty raw string that a command is about to write to. Those who watch
    /// the key are not told: the command tells them if it writes.
    pub fn add_raw(&mut self, key: &[u8]) {
        let value = NewValue::Bytes { bytes: b"", form: Form::Raw };
        let hash = self.hash_to_add(key);
        self.put_in(hash, Entry::build(key, value, None));
    }

    /// Adds an entry whose key is not there.
    fn add(&mut self, hash: u64, entry: Entry) {
        self.store.note_value(self.journal, self.db, entry.key());
        self.put_in(hash, entry);
    }

    /// Adds an entry whose key is not there; those who wait for the key or watch it are not told.
    #[inline]
    fn put_in(&mut self, hash: u64, mut entry: Entry) {
        if entry.is_new() {
            entry.set_usage(Usage::new(&self.store.config, self.store.clock(self.now)));
        }
        self.journal.event(EventClass::NEW, "new", self.db, entry.key());
        let expires = entry.has_expiry();
        self.store.note_use(self.db);
        let database = &mut self.store.databases[self.db.index()];
        database.insert(hash, entry, &self.store.hasher);
        if expires {
            database.tend();
        }
    }

    /// Takes the entry out of the table. The caller reports effect and event. If the entry is not needed,
    /// [`Keyspace::delete`] never stops to free it.
    pub fn remove(&mut self, key: &[u8]) -> Option<Entry> {
        let hash = self.hash(key);
        let position = self.locate(hash, key)?;
        self.store.note_removal(self.journal, self.db, key, false);
        Some(self.store.databases[self.db.index()].remove(position, hash, &self.store.hasher))
    }

    /// Deletes `key`, and says whether it was there. What is large is freed later. The caller reports effect and
    /// event.
    pub fn delete(&mut self, key: &[u8]) -> bool {
        let entry = self.remove(key);
        let was_there = entry.is_some();
        if let Some(entry) = entry {
            self.store.garbage.add_entry(entry);
        }
        was_there
    }

    /// Deletes a collection that a command has emptied, with event. That is part of the command's change and not counted.
    pub fn delete_emptied(&mut self, key: &[u8]) {
        self.delete(key);
        self.journal.event(EventClass::GENERIC, "del", self.db, key);
    }

    /// Takes a part of a value that is not needed any more, to be freed later if it is large.
    pub fn discard(&mut self, part: Box<dyn Object>) {
        self.store.garbage.add_heap(Some(Heap::Object(part)));
    }

    /// Puts `entry` (value and deadline) under `key`; replaces what was there.
    pub fn insert(&mut self, key: &[u8], entry: Entry) {
        self.delete(key);
        let entry = if entry.key() == key { entry } else { entry.with_key(key) };
        self.add(self.hash(key), entry);
    }

    /// Whether it holds `key`. One that has expired is left where it is.
    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.store.database(self.db).presence(self.hash(key), key, self.now) == Presence::Present
    }

    /// Deletes `key` if it has expired.
    pub(crate) fn settle(&mut self, key: &[u8]) {
        self.locate(self.hash(key), key);
    }

    /// Has `watch` told when `key` changes. One that has expired is deleted before: it is watched as one that is not there.
    pub fn watch(&mut self, key: &[u8], watch: &Arc<Watch>) {
        self.settle(key);
        let ShardStore { watchers, hasher, .. } = &mut *self.store;
        watchers.add(self.db, key, watch, hasher);
    }

    /// Gives `key` a deadline or takes it away; `false` if there is no such key.
    pub fn set_expiry(&mut self, key: &[u8], at: Option<UnixMs>) -> bool {
        let hash = self.hash(key);
        let Some(position) = self.locate(hash, key) else { return false };
        self.entry_mut(hash, position).set_expiry(at);
        self.tend();
        true
    }

    /// To be called after a deadline was set by [`EntryMut::set_expiry`]: keeps what is known of deadlines small.
    #[inline]
    pub fn tend(&mut self) {
        self.store.databases[self.db.index()].tend();
    }

    /// The settings.
    #[inline]
    #[must_use]
    pub fn config(&self) -> &CoreConfig {
        self.store.config()
    }

    /// What a value from a payload is built with.
    pub fn loader(&mut self) -> Loader<'_> {
        let seed = self.table_seed();
        self.store.loader(seed)
    }

    /// The database.
    #[must_use]
    pub fn db(&self) -> DbIndex {
        self.db
    }

    /// The shard that the keys live on.
    #[must_use]
    pub fn shard(&self) -> ShardId {
        self.store.id()
    }

    /// The time at which the command runs.
    #[must_use]
    pub fn now(&self) -> UnixMs {
        self.now
    }

    /// A secret seed for a collection's table, another one with each call.
    pub fn table_seed(&mut self) -> u64 {
        let number = self.store.random();
        hash_key(&self.store.hasher, &number.to_le_bytes())
    }

    /// Reports a keyspace event and counts one change. Those who wait for the key are served after the command, those who
    /// watch it are told.
    #[inline]
    pub fn changed(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        self.journal.changed(1);
        self.journal.event(class, name, self.db, key);
        self.touched(key);
    }

    /// Reports an event and counts a change, of which those who watch the key are not told: what belongs to a stream's groups is to
    /// Redis no change of the key.
    pub fn changed_aside(&mut self, class: EventClass, name: &'static str, key: &[u8]) {
        self.journal.changed(1);
        self.journal.event(class, name, self.db, key);
        self.store.note_value_aside(self.db, key);
    }

    /// Has those told who wait for the key or watch it, as if it had changed.
    #[inline]
    pub fn touched(&mut self, key: &[u8]) {
        self.store.note_value(self.journal, self.db, key);
    }

    /// The journal, for effects and events.
    #[inline]
    pub fn journal(&mut self) -> &mut Journal {
        self.journal
    }

    #[inline]
    pub(super) fn hash(&self, key: &[u8]) -> u64 {
        hash_key(&self.store.hasher, key)
    }

    /// What has a deadline before this is gone.
    #[inline]
    pub(super) fn lapse_time(&self) -> UnixMs {
        if self.store.is_replaying() { UnixMs(i64::MIN) } else { self.now }
    }

    /// Where the entry of `key` lies; an expired one is deleted and not found.
    #[inline]
    pub(super) fn locate(&mut self, hash: u64, key: &[u8]) -> Option<Position> {
        let table = self.store.databases[self.db.index()].table();
        let position = table.find(hash, key)?;
        if table.entry(position).is_expired(self.lapse_time()) {
            self.expire(hash, position);
            return None;
        }
        Some(position)
    }

    /// Where the entry of `key` lies, for a command that only reads; an expired one is not found, and deleted unless clients are
    /// paused.
    #[inline]
    pub(super) fn locate_to_read(&mut self, hash: u64, key: &[u8]) -> Option<Position> {
        let table = self.store.databases[self.db.index()].table();
        let position = table.find(hash, key)?;
        if table.entry(position).is_expired(self.lapse_time()) {
            self.expire_unless_held(hash, position);
            return None;
        }
        Some(position)
    }

    #[cold]
    fn expire_unless_held(&mut self, hash: u64, position: Position) {
        if !self.store.holds_expiry(self.now) {
            self.expire(hash, position);
        }
    }

    #[cold]
    fn expire(&mut self, hash: u64, position: Position) {
        let entry = self.store.databases[self.db.index()].remove(position, hash, &self.store.hasher);
        self.store.bury(self.journal, self.db, entry);
    }

    #[cold]
    pub(super) fn miss(&mut self, key: &[u8]) {
        self.store.stats.misses += 1;
        self.journal.event(EventClass::KEY_MISS, "keymiss", self.db, key);
    }

    #[inline]
    pub(super) fn entry(&self, position: Position) -> &Entry {
        self.store.databases[self.db.index()].table().entry(position)
    }

    /// The entry at `position`, whose key has this hash, for modification.
    #[inline]
    fn entry_mut(&mut self, hash: u64, position: Position) -> EntryMut<'_> {
        let (entry, expiries, changes) = self.store.databases[self.db.index()].entry_and_expiries(position);
        EntryMut::new((entry, hash), expiries, changes, &mut self.store.garbage)
    }

    /// Marks the use of an entry. The entry is written to only if its bits change.
    #[inline]
    pub(super) fn touch(&mut self, position: Position) {
        if self.no_touch {
            return;
        }
        let now = self.store.clock(self.now);
        let ShardStore { databases, config, random_state, .. } = &mut *self.store;
        let entry = databases[self.db.index()].entry_to_touch(position);
        let present = entry.usage();
        let used = present.used(config, now, || crate::hash::splitmix64(random_state));
        if used != present {
            entry.set_usage(used);
        }
    }
}
