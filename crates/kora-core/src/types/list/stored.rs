//! Lists as files store them: node by node, out and in.

use super::node::{Node, NodeRef};
use super::{End, Fill, ListRef, PACKED_BYTES_MAX, QuickList};
use crate::entry::{Collection, Entry, Kind, Packing};
use crate::packed::listpack::ListPack;
use crate::time::UnixMs;

/// A node of a list, as it lies.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'a> {
    /// All elements, without the listpack's head and end.
    Bare(ListPack<'a>),
    /// A listpack.
    Listpack(ListPack<'a>),
    /// One element as it is.
    Plain(&'a [u8]),
}

impl<'a> ListRef<'a> {
    /// Number of nodes.
    pub(crate) fn stored_count(self) -> usize {
        match self {
            Self::Packed(_) => 1,
            Self::Quick(list) => list.node_count(),
        }
    }

    /// The node of the element at `at`, and the position of the first element behind it.
    pub(crate) fn stored(self, at: usize) -> Option<(Stored<'a>, usize)> {
        match self {
            Self::Packed(list) => (at == 0).then(|| (Stored::Bare(list), list.len())),
            Self::Quick(list) => {
                let (node, first) = list.node(at)?;
                Some(match node {
                    NodeRef::Packed(list) => (Stored::Listpack(list), first + list.len()),
                    NodeRef::Plain(text) => (Stored::Plain(text), first + 1),
                })
            }
        }
    }
}

/// A list that has been loaded.
enum Loaded<'a> {
    /// The elements of a listpack for its entry.
    Packed(&'a [u8]),
    /// One beside its entry.
    Quick(Box<QuickList>),
}

/// A list that is being loaded.
#[derive(Debug)]
pub(crate) struct ListLoader {
    list: QuickList,
    /// `list-max-listpack-size`.
    setting: i64,
}

impl ListLoader {
    /// An empty one, under this `list-max-listpack-size`.
    pub(crate) fn new(setting: i64) -> Self {
        let mut list = QuickList::from_listpack(ListPack::bare(&[]));
        list.limit_nodes(setting);
        Self { list, setting }
    }

    /// Adds an element.
    pub(crate) fn push(&mut self, text: &[u8]) {
        self.list.push(End::Back, text);
    }

    /// Adds a node that is one element as it is.
    pub(crate) fn push_plain(&mut self, text: &[u8]) {
        self.list.push_node(Node::plain(text));
    }

    /// Adds a listpack as a node, unless it is empty.
    pub(crate) fn push_listpack(&mut self, list: ListPack<'_>) {
        if !list.is_empty() {
            self.list.push_node(Node::from_listpack(list));
        }
    }

    /// The list as it is to be stored; `None` if it has no elements.
    pub(crate) fn into_collection(self) -> Option<Collection> {
        self.finish(|list| match list {
            Loaded::Packed(elements) => {
                Collection::Packed(Kind::List, Packing::BareListPack, elements.to_vec())
            }
            Loaded::Quick(list) => Collection::Object(list),
        })
    }

    /// The entry of the list; `None` if it has no elements.
    pub(crate) fn into_entry(self, key: &[u8], expiry: Option<UnixMs>) -> Option<Entry> {
        self.finish(|list| match list {
            Loaded::Packed(elements) => {
                Entry::new_packed(key, (Kind::List, Packing::BareListPack), elements, expiry)
            }
            Loaded::Quick(list) => Entry::new_object(key, list, expiry),
        })
    }

    /// Gives the list to `take` unless it has no elements. One node that is short enough makes it a listpack.
    fn finish<T>(mut self, take: impl FnOnce(Loaded<'_>) -> T) -> Option<T> {
        if self.list.is_empty() {
            return None;
        }
        let limit = Fill::of(self.setting);
        let listpack =
            self.list.only_listpack().filter(|list| limit.holds_stored(list.total_bytes(), list.len()));
        match listpack.map(ListPack::elements) {
            Some(elements) if elements.len() <= PACKED_BYTES_MAX => {
                return Some(take(Loaded::Packed(elements)));
            }
            Some(_) => self.list.unlimit(),
            None => {}
        }
        Some(take(Loaded::Quick(Box::new(self.list))))
    }
}
