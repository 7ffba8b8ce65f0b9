//! Values whose parts have deadlines, as fields of hashes do: look-ups that expire what is due first, and the sweep for what nobody
//! looks up. Those of extension types are in [`extension`](super::extension).
//!
//! A look-up expires the fields that its command says, as Redis does: those that it names, all, or none. Commands that go through all
//! fields pass over what is due, since a large hash may have millions of such fields at once.

use super::{Keyspace, ShardStore};
use crate::db::DbIndex;
use crate::entry::data_type::Lapse;
use crate::entry::{Entry, Kind};
use crate::error::{CommandError, CommandResult};
use crate::hash::{hash_key, splitmix64};
use crate::journal::{EventClass, Journal};
use crate::table::{EntryMut, Position};
use crate::time::UnixMs;
use crate::types::hash::{Due, HashMut, HashRef, Limits};
use crate::types::{next_deadline, type_of};

/// Fields of one hash that the sweep expires in one go.
const SWEEP_FIELDS: usize = 64;

impl Keyspace<'_> {
    /// The hash at `key`, for reading, once fields that are due have expired.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn read_hash(&mut self, key: &[u8], due: Due<'_>) -> CommandResult<Option<HashRef<'_>>> {
        let hash = self.hash(key);
        let Some(mut position) = self.locate_to_read(hash, key) else {
            self.miss(key);
            return Ok(None);
        };
        self.store.stats.hits += 1;
        self.touch(position);
        if hash_of(self.entry(position))?.is_due(self.lapse_time()) && self.expires_on_read(due) {
            let Some(left) = self.expire_fields(hash, position, key, due) else { return Ok(None) };
            position = left;
        }
        hash_of(self.entry(position)).map(Some)
    }

    /// The hash at `key`, for modification, once fields that are due have expired.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn write_hash(&mut self, key: &[u8], due: Due<'_>) -> CommandResult<Option<HashMut<'_>>> {
        let hash = self.hash(key);
        let Some(mut position) = self.locate(hash, key) else { return Ok(None) };
        self.touch(position);
        if hash_of(self.entry(position))?.is_due(self.lapse_time()) && !matches!(due, Due::Nothing) {
            let Some(left) = self.expire_fields(hash, position, key, due) else { return Ok(None) };
            position = left;
        }
        Ok(Some(self.store.hash_mut(self.db, hash, position)))
    }

    /// Whether a look-up for reading expires any of the fields that are due. One that is to choose among fields does so even while clients
    /// are paused.
    #[cold]
    fn expires_on_read(&self, due: Due<'_>) -> bool {
        match due {
            Due::Nothing => false,
            Due::Named { .. } => !self.store.holds_expiry(self.now()),
            Due::Every | Due::First(_) => true,
        }
    }

    /// The next deadline of a field of any hash.
    #[must_use]
    pub fn next_field_deadline(&self) -> Option<UnixMs> {
        self.store.databases[self.db.index()].next_field_deadline().map(|(at, _)| at)
    }

    #[cold]
    fn expire_fields(&mut self, hash: u64, position: Position, key: &[u8], due: Due<'_>) -> Option<Position> {
        self.store.expire_fields(self.journal, self.db, (hash, position), self.lapse_time(), due);
        self.locate(hash, key)
    }
}

fn hash_of(entry: &Entry) -> CommandResult<HashRef<'_>> {
    HashRef::of(entry).ok_or(CommandError::WrongType)
}

impl ShardStore {
    /// The hash at `position`, whose key has this hash.
    #[inline]
    fn hash_mut(&mut self, db: DbIndex, hash: u64, position: Position) -> HashMut<'_> {
        let limits = Limits::new(&self.config);
        let seed = splitmix64(&mut self.random_state);
        let (entry, expiries, changes, deadlines) = self.databases[db.index()].entry_and_deadlines(position);
        let entry = EntryMut::new((entry, hash), expiries, changes, &mut self.garbage);
        HashMut::new(entry, limits, seed, (deadlines, hash))
    }

    /// Deletes fields whose time has come, and the hash at `position` if none are left. Returns how many they were.
    fn expire_fields(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        (hash, position): (u64, Position),
        now: UnixMs,
        due: Due<'_>,
    ) -> usize {
        let mut expired: Vec<Box<[u8]>> = Vec::new();
        let mut fields = self.hash_mut(db, hash, position);
        fields.expire(now, due, &mut |field| expired.push(field.into()));
        drop(fields);
        self.parts_expired(journal, db, (hash, position), &expired)
    }

    /// Does what belongs to the end of parts of the value at `position`, which are gone from it. Returns how many they were.
    pub(crate) fn parts_expired(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        (hash, position): (u64, Position),
        expired: &[Box<[u8]>],
    ) -> usize {
        if expired.is_empty() {
            return 0;
        }
        self.stats.expired_fields += expired.len() as u64;
        let entry = self.databases[db.index()].table().entry(position);
        let (key, is_empty): (Box<[u8]>, _) = (entry.key().into(), entry.size() == 0);
        let Lapse { command, class, event } =
            type_of(entry).lapse.expect("a type whose parts expire says how");
        journal.parts_expired(db, command, &key, expired);
        journal.incidental_event(class, event, db, &key);
        if is_empty {
            let entry = self.databases[db.index()].remove(position, hash, &self.hasher);
            self.garbage.add_entry(entry);
            journal.incidental_event(EventClass::GENERIC, "del", db, &key);
            self.note_removal(journal, db, &key, true);
        } else {
            self.note_value(journal, db, &key);
        }
        expired.len()
    }

    /// Deletes up to about `budget` parts of values of one database whose time has come. Returns how many they were.
    pub(crate) fn sweep_fields(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        now: UnixMs,
        budget: usize,
    ) -> usize {
        let mut expired = 0;
        while expired < budget
            && let Some((at, hash)) = self.databases[db.index()].next_field_deadline()
            && at < now
        {
            let table = self.databases[db.index()].table();
            let is_it = |entry: &Entry| {
                next_deadline(entry) == Some(at) && hash_key(&self.hasher, entry.key()) == hash
            };
            let position = table.find_where(hash, is_it).expect("the index holds deadlines of parts");
            let most = SWEEP_FIELDS.min(budget - expired);
            let table = self.databases[db.index()].table();
            expired += match table.entry(position).kind() {
                Kind::Extension(_) => self.expire_parts(journal, db, (hash, position), now, most),
                _ => self.expire_fields(journal, db, (hash, position), now, Due::First(most)),
            };
        }
        expired
    }
}
