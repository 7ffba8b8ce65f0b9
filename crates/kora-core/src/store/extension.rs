//! Values of extension types, for their commands: typed access that expires what is due inside first, and tells the database of the
//! next deadline afterwards.

use std::marker::PhantomData;

use super::{Keyspace, ShardStore};
use crate::db::DbIndex;
use crate::entry::Entry;
use crate::entry::object::Object;
use crate::error::{CommandError, CommandResult};
use crate::journal::Journal;
use crate::table::deadlines::Deadlines;
use crate::table::{EntryMut, Position};
use crate::time::UnixMs;

/// Parts of one value that a look-up expires in one go.
const PARTS_AT_ONCE: usize = 1024;

/// A value of an extension type in its entry, open for modification. Once it is dropped, its database knows its next deadline, and
/// those who follow the key are told.
#[derive(Debug)]
pub struct ExtensionMut<'a, T> {
    entry: EntryMut<'a>,
    /// The database's index of values by their next deadline, with this one's number and what is noted there.
    index: &'a mut Deadlines,
    number: u64,
    noted: Option<UnixMs>,
    value: PhantomData<T>,
}

impl<T: Object> ExtensionMut<'_, T> {
    /// Whether nothing is in it. Then the key is to be deleted, if the type has it so.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entry.size() == 0
    }
}

impl<T: Object> std::ops::Deref for ExtensionMut<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        value_of(&self.entry).expect("opened on values of this type only")
    }
}

impl<T: Object> std::ops::DerefMut for ExtensionMut<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        let value = self.entry.as_object_mut().and_then(|object| object.as_any_mut().downcast_mut());
        value.expect("opened on values of this type only")
    }
}

impl<T> Drop for ExtensionMut<'_, T> {
    fn drop(&mut self) {
        let next = self.entry.as_object().and_then(Object::next_deadline);
        self.index.change(self.noted, next, self.number);
    }
}

fn value_of<T: Object>(entry: &Entry) -> CommandResult<&T> {
    let value = entry.as_object().and_then(|object| object.as_any().downcast_ref());
    value.ok_or(CommandError::WrongType)
}

impl Keyspace<'_> {
    /// The value of an extension type at `key`, for reading, once what is due in it has expired.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    pub fn read_extension<T: Object>(&mut self, key: &[u8]) -> CommandResult<Option<&T>> {
        let hash = self.hash(key);
        let Some(position) = self.locate_extension::<T>(hash, key)? else {
            self.miss(key);
            return Ok(None);
        };
        self.store.stats.hits += 1;
        self.touch(position);
        value_of(self.entry(position)).map(Some)
    }

    /// The value of an extension type at `key`, for modification, once what is due in it has expired.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    pub fn write_extension<T: Object>(&mut self, key: &[u8]) -> CommandResult<Option<ExtensionMut<'_, T>>> {
        let hash = self.hash(key);
        let Some(position) = self.locate_extension::<T>(hash, key)? else { return Ok(None) };
        self.touch(position);
        Ok(Some(self.store.extension_mut(self.db, hash, position)))
    }

    fn locate_extension<T: Object>(&mut self, hash: u64, key: &[u8]) -> CommandResult<Option<Position>> {
        let now = self.lapse_time();
        while let Some(position) = self.locate(hash, key) {
            let value: &T = value_of(self.entry(position))?;
            if value.next_deadline().is_none_or(|at| at >= now) {
                return Ok(Some(position));
            }
            self.store.expire_parts(self.journal, self.db, (hash, position), now, PARTS_AT_ONCE);
        }
        Ok(None)
    }
}

impl ShardStore {
    fn extension_mut<T>(&mut self, db: DbIndex, hash: u64, position: Position) -> ExtensionMut<'_, T> {
        let (entry, expiries, changes, index) = self.databases[db.index()].entry_and_deadlines(position);
        let entry = EntryMut::new((entry, hash), expiries, changes, &mut self.garbage);
        let noted = entry.as_object().and_then(Object::next_deadline);
        ExtensionMut { entry, index, number: hash, noted, value: PhantomData }
    }

    /// Takes up to `most` parts whose time has come out of the value of an extension type at `position`, and deletes the key if none are
    /// left. Returns how many they were.
    ///
    /// # Panics
    /// If something is due and none expires: whoever asks for what is due would ask for ever.
    pub(crate) fn expire_parts(
        &mut self,
        journal: &mut Journal,
        db: DbIndex,
        place: (u64, Position),
        now: UnixMs,
        most: usize,
    ) -> usize {
        let mut expired: Vec<Box<[u8]>> = Vec::new();
        let mut value = self.extension_mut::<()>(db, place.0, place.1);
        if let Some(object) = value.entry.as_object_mut() {
            object.expire_parts(now, most, &mut |part| expired.push(part.into()));
        }
        drop(value);
        assert!(!expired.is_empty(), "what is due expires");
        self.parts_expired(journal, db, place, &expired)
    }
}
