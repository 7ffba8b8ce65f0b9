//! What a question sees of one store: its part of the collection, and documents as they were when the question began.

use std::collections::HashMap;

use kora_core::entry::Entry;
use kora_core::store::ShardStore;
use kora_index::{Index, Snapshot};
use kora_json::Value;

use crate::companion::{CollectionPart, DB, Indexed, root_of};

/// See the module.
pub(crate) struct View<'s> {
    /// Which of the stores it is.
    pub(crate) place: usize,
    pub(crate) part: &'s CollectionPart,
    pub(crate) indexed: &'s Indexed,
    pub(crate) snapshot: &'s Snapshot,
    pub(crate) store: &'s ShardStore,
    /// Documents that have changed since, by their keys.
    pub(crate) kept: Option<&'s HashMap<Box<[u8]>, Entry>>,
}

impl<'s> View<'s> {
    pub(crate) fn index(&self) -> &'s Index {
        &self.indexed.index
    }

    /// What the document of an id was. Complexity: a look-up of its key.
    pub(crate) fn root(&self, id: &[u8]) -> Option<Value<'s>> {
        let key = self.part.key_of(id);
        let entry = match self.kept.and_then(|kept| kept.get(&*key)) {
            Some(entry) => Some(entry),
            None => self.store.peek(DB, &key),
        };
        entry.and_then(root_of)
    }
}

/// A document that was found.
pub(crate) struct Found<'v, 's> {
    pub(crate) view: &'v View<'s>,
    pub(crate) document: u32,
}

impl<'s> Found<'_, 's> {
    pub(crate) fn id(&self) -> &'s [u8] {
        self.view.index().key(self.view.snapshot, self.document)
    }

    /// What it was. Complexity: a look-up of its key.
    pub(crate) fn root(&self) -> Option<Value<'s>> {
        self.view.root(self.id())
    }
}
