//! Collections by key: how a list is opened, and how what was made becomes the value of a key.

use super::Keyspace;
use crate::entry::Collection;
use crate::error::{CommandError, CommandResult};
use crate::types::hash::{self, Limits};
use crate::types::list::{self, End, ListLoader, ListMut, ListRef};
use crate::types::set::SetValue;
use crate::types::zset::NewZSet;

impl Keyspace<'_> {
    /// The list at `key`, for reading.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn read_list(&mut self, key: &[u8]) -> CommandResult<Option<ListRef<'_>>> {
        match self.read(key) {
            None => Ok(None),
            Some(entry) => ListRef::of(entry).map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// The list at `key`, for modification. It is the caller who deletes a list that is left empty.
    ///
    /// # Errors
    /// `WrongType` if it is something else.
    #[inline]
    pub fn write_list(&mut self, key: &[u8]) -> CommandResult<Option<ListMut<'_>>> {
        let setting = self.config().list_max_listpack_size;
        match self.write(key) {
            None => Ok(None),
            Some(entry) => ListMut::open(entry, setting).map(Some).ok_or(CommandError::WrongType),
        }
    }

    /// Makes `key` a list of `texts`, of which there must be some, whatever it held; it has no deadline then. Like a list
    /// from a file it is built of nodes, and a listpack if it is one node in the end: so Redis stores what SORT found.
    pub fn put_list(&mut self, key: &[u8], texts: &[&[u8]]) {
        let mut list = ListLoader::new(self.config().list_max_listpack_size);
        texts.iter().for_each(|text| list.push(text));
        if let Some(list) = list.into_collection() {
            self.put_collection(key, list);
        }
    }

    /// Makes `key`, which a look-up has just not found, a list of `texts`, each pushed at `end`.
    pub fn add_list(&mut self, key: &[u8], end: End, texts: &[&[u8]]) {
        let list = list::collect(texts, end, self.config().list_max_listpack_size);
        self.add_collection(key, list);
    }

    /// Makes `key`, which a look-up has just not found, a hash of `pairs`, names and values in turn. Returns the number
    /// of its fields.
    pub fn add_hash(&mut self, key: &[u8], pairs: &[&[u8]]) -> usize {
        let seed = self.table_seed();
        let (hash, len) = hash::collect(pairs, Limits::new(self.config()), seed);
        self.add_collection(key, hash);
        len
    }

    fn put_collection(&mut self, key: &[u8], collection: Collection) {
        match collection {
            Collection::Packed(kind, packing, bytes) => self.put_packed(key, kind, packing, &bytes),
            Collection::Object(object) => self.put_object(key, object),
        }
    }

    fn add_collection(&mut self, key: &[u8], collection: Collection) {
        match collection {
            Collection::Packed(kind, packing, bytes) => self.add_packed(key, kind, packing, &bytes),
            Collection::Object(object) => self.add_object(key, object),
        }
    }
}

impl SetValue {
    /// Puts it under `key`, whatever that held; a deadline goes.
    pub fn store(self, keyspace: &mut Keyspace<'_>, key: &[u8]) {
        keyspace.put_collection(key, self.into_collection());
    }

    /// Makes it the value of `key`, which a look-up has just not found.
    pub fn add_to(self, keyspace: &mut Keyspace<'_>, key: &[u8]) {
        keyspace.add_collection(key, self.into_collection());
    }
}

impl NewZSet {
    /// Puts it under `key`, whatever that held; a deadline goes.
    pub fn store(self, keyspace: &mut Keyspace<'_>, key: &[u8]) {
        keyspace.put_collection(key, self.into_collection());
    }
}
