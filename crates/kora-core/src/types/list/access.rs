//! Lists by key.

use super::stored::{ListLoader, Loaded};
use super::{End, ListMut, ListRef, NewList};
use crate::error::{CommandError, CommandResult};
use crate::keyspace::Keyspace;
use crate::keyspace::entry::{Kind, Packing};

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
        list.finish(|list| match list {
            Loaded::Packed(elements) => self.put_packed(key, Kind::List, Packing::BareListPack, elements),
            Loaded::Quick(list) => self.put_object(key, list),
        });
    }

    /// Makes `key`, which a look-up has just not found, a list of `texts`, each pushed at `end`.
    pub fn add_list(&mut self, key: &[u8], end: End, texts: &[&[u8]]) {
        match NewList::of(texts, end, self.config().list_max_listpack_size) {
            NewList::Packed(elements) => self.add_packed(key, Kind::List, Packing::BareListPack, &elements),
            NewList::Quick(list) => self.add_object(key, list),
        }
    }
}
