//! Lists: what they are to commands, whichever form they have.
//!
//! | form | encoding | while |
//! |---|---|---|
//! | the elements of a listpack in the keyspace entry | `listpack` | it has up to [`PACKED_BYTES_MAX`] bytes |
//! | a [`QuickList`] of one node | `listpack` | it is within `list-max-listpack-size` |
//! | a [`QuickList`] | `quicklist` | it is longer; until it is one node of at most half of that |
//!
//! The second form exists because a push at the front of a listpack moves all that follows, which a node's
//! [run](run) avoids. When an encoding changes is decided by Redis's rules; how a list lies in memory below that is ours.

mod chain;
mod data_type;
mod fill;
mod node;
mod quicklist;
mod rdb;
mod run;
mod stored;
#[cfg(test)]
mod tests;
mod view;

use std::cell::Cell;
use std::ops::Range;

use crate::entry::{Collection, Entry, Kind, Packing};
use crate::packed::listpack::{self, Buffer, Element, ListPack};
use crate::table::{EntryMut, PackedMut};
pub(crate) use data_type::DATA_TYPE;
use fill::Fill;
pub use fill::set_packed_threshold;
pub use quicklist::{Figures, QuickList};
pub(crate) use stored::ListLoader;
use stored::Stored;
pub use view::ListRef;

/// An end of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// The head, or left.
    Front,
    /// The tail, or right.
    Back,
}

/// A side of an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Towards the front.
    Before,
    /// Towards the back.
    After,
}

/// The longest listpack that lies in its entry, without head and end.
const PACKED_BYTES_MAX: usize = 448;
/// Most bytes that an element takes beyond its text's.
const ELEMENT_BYTES_MORE_MAX: usize = 10;
/// A list that shrank to this moves back into its entry.
const PACKED_BYTES_AGAIN: usize = PACKED_BYTES_MAX / 2;

/// A list of `texts`, each pushed at `end`, under this `list-max-listpack-size`.
pub(crate) fn collect(texts: &[&[u8]], end: End, setting: i64) -> Collection {
    let text_bytes: usize = texts.iter().map(|text| text.len()).sum();
    let is_listpack = Fill::of(setting).holds(listpack::EMPTY.len() + text_bytes, texts.len());
    let bytes: usize = texts.iter().map(|text| listpack::element_bytes(text)).sum();
    if is_listpack && bytes <= PACKED_BYTES_MAX {
        let mut elements = Elements(Vec::with_capacity(bytes));
        match end {
            End::Back => texts.iter().for_each(|text| listpack::push_back(&mut elements, text)),
            End::Front => texts.iter().rev().for_each(|text| listpack::push_back(&mut elements, text)),
        }
        return Collection::Packed(Kind::List, Packing::BareListPack, elements.0);
    }
    let mut list = QuickList::from_listpack(ListPack::bare(&[]));
    if !is_listpack {
        list.limit_nodes(setting);
    }
    texts.iter().for_each(|text| list.push(end, text));
    Collection::Object(Box::new(list))
}

/// The elements of a listpack that is being built.
struct Elements(Vec<u8>);

impl Buffer for Elements {
    fn bytes(&self) -> &[u8] {
        &self.0
    }

    fn bytes_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }

    fn splice(&mut self, at: usize, removed: usize, inserted: &[u8]) {
        Buffer::splice(&mut self.0, at, removed, inserted);
    }

    fn is_bare(&self) -> bool {
        true
    }
}

/// A list in its entry, open for modification. It may be left empty: then its key is to be deleted.
#[derive(Debug)]
pub struct ListMut<'a> {
    entry: EntryMut<'a>,
    /// `list-max-listpack-size`.
    setting: i64,
    /// Number of elements, if it was counted since the last change: a packed list is walked through for that.
    len: Cell<Option<usize>>,
}

impl Drop for ListMut<'_> {
    #[inline]
    fn drop(&mut self) {
        if let Some(len) = self.len.get() {
            self.entry.tell_size(len);
        }
    }
}

/// A list's form, open for modification.
enum Encoded<'a> {
    Packed(PackedMut<'a>),
    Quick(&'a mut QuickList),
}

impl<'a> ListMut<'a> {
    /// The list in `entry`, if that is what it holds, under this `list-max-listpack-size`.
    pub(crate) fn open(entry: EntryMut<'a>, setting: i64) -> Option<Self> {
        (entry.kind() == Kind::List).then_some(Self { entry, setting, len: Cell::new(None) })
    }

    /// The list, for reading.
    #[must_use]
    pub fn view(&self) -> ListRef<'_> {
        ListRef::of(&self.entry).expect("opened on lists only")
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        if let Some(len) = self.len.get() {
            return len;
        }
        let len = self.view().len();
        self.len.set(Some(len));
        len
    }

    /// Whether there are none left.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Pushes each of `texts` at an end, in turn.
    pub fn push(&mut self, end: End, texts: &[&[u8]]) {
        self.grow(texts.iter().map(|text| text.len()).sum(), texts.len());
        for text in texts {
            self.push_one(end, text);
        }
    }

    /// Pushes what was an element of a list. An integer, whose text is not at hand, counts no bytes towards the limit of a
    /// listpack.
    pub fn push_element(&mut self, end: End, element: Element<'_>) {
        self.grow(element_weight(element), 1);
        element.with(|text| self.push_one(end, text));
    }

    fn push_one(&mut self, end: End, text: &[u8]) {
        self.make_room(text);
        match self.form() {
            Encoded::Packed(mut packed) => match end {
                End::Front => listpack::push_front(&mut packed, text),
                End::Back => listpack::push_back(&mut packed, text),
            },
            Encoded::Quick(list) => list.push(end, text),
        }
    }

    /// Moves the element at one end to the other, or takes it out and puts it back: the list stays, but may become a
    /// quicklist or a listpack on the way.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn rotate(&mut self, from: End, to: End) {
        let moved = self.view().end(from).expect("a list is not empty");
        let (weight, text) = (element_weight(moved), moved.to_vec());
        self.take(self.place(from));
        self.grow(weight, 1);
        self.push_one(to, &text);
        self.shrink();
    }

    /// Removes the element at an end.
    ///
    /// # Panics
    /// If the list is empty.
    pub fn pop(&mut self, end: End) {
        self.remove(self.place(end));
    }

    fn place(&self, end: End) -> Range<usize> {
        match end {
            End::Front => 0..1,
            End::Back => self.len() - 1..self.len(),
        }
    }

    /// Adds an element beside that at `at`.
    ///
    /// # Panics
    /// If there is none.
    pub fn insert(&mut self, at: usize, side: Side, text: &[u8]) {
        self.make_room(text);
        match self.form() {
            Encoded::Packed(mut packed) => {
                let place = at + usize::from(side == Side::After);
                match listpack::view(&packed).at(place.cast_signed()) {
                    Some(next) => listpack::insert(&mut packed, next, text),
                    None => listpack::push_back(&mut packed, text),
                }
            }
            Encoded::Quick(list) => list.insert(at, side, text),
        }
    }

    /// Puts another text in the place of the element at `at`.
    ///
    /// # Panics
    /// If there is none.
    pub fn set(&mut self, at: usize, text: &[u8]) {
        self.make_room(text);
        match self.form() {
            Encoded::Packed(mut packed) => {
                let place = listpack::view(&packed).at(at.cast_signed()).expect("an element's position");
                listpack::replace(&mut packed, place, text);
            }
            Encoded::Quick(list) => list.set(at, text),
        }
        self.shrink();
    }

    /// Removes the elements of `range`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn remove(&mut self, range: Range<usize>) {
        self.take(range);
        self.shrink();
    }

    /// Removes all elements but those of `range`.
    ///
    /// # Panics
    /// If there are not so many.
    pub fn keep(&mut self, range: Range<usize>) {
        let len = self.len();
        self.take(range.end..len);
        self.take(0..range.start);
        self.shrink();
    }

    /// Removes elements equal to `text`, at most `most`, counted from an end; returns how many.
    pub fn remove_equal(&mut self, text: &[u8], from: End, most: usize) -> usize {
        let removed = match self.form() {
            Encoded::Packed(mut packed) => node::remove_equal(&mut packed, text, from, most),
            Encoded::Quick(list) => list.remove_equal(text, from, most),
        };
        if removed > 0 {
            self.shrink();
        }
        removed
    }

    fn take(&mut self, range: Range<usize>) {
        if range.is_empty() {
            return;
        }
        match self.form() {
            Encoded::Packed(mut packed) => {
                let first = listpack::view(&packed).at(range.start.cast_signed());
                listpack::remove(&mut packed, first.expect("an element's position"), range.len());
            }
            Encoded::Quick(list) => list.remove(range),
        }
    }

    /// The form, for a change of the list.
    #[inline]
    fn form(&mut self) -> Encoded<'_> {
        self.len.set(None);
        if self.entry.packed().is_some() {
            return Encoded::Packed(self.entry.packed_mut().expect("looked up above"));
        }
        let list = self.entry.as_object_mut().and_then(|object| object.as_any_mut().downcast_mut());
        Encoded::Quick(list.expect("a list is packed or a quicklist"))
    }

    /// Makes the list a quicklist if so much more, as Redis estimates it, is too much for a listpack.
    pub(crate) fn grow(&mut self, text_bytes: usize, elements: usize) {
        let Some(list) = self.view().listpack() else { return };
        let (limit, setting) = (Fill::of(self.setting), self.setting);
        let elements = if limit.counts_elements() { list.len() + elements } else { elements };
        if !limit.holds(list.total_bytes() + text_bytes, elements) {
            self.move_out().limit_nodes(setting);
        }
    }

    /// Moves a listpack out of the entry before `text` makes it too long for that.
    #[inline]
    fn make_room(&mut self, text: &[u8]) {
        if let Some((_, bytes)) = self.entry.packed()
            && bytes.len() + text.len() + ELEMENT_BYTES_MORE_MAX > PACKED_BYTES_MAX
        {
            self.move_out();
        }
    }

    fn move_out(&mut self) -> &mut QuickList {
        if let Some((_, bytes)) = self.entry.packed() {
            let list = QuickList::from_listpack(ListPack::bare(bytes));
            self.entry.set_object(Box::new(list));
        }
        match self.form() {
            Encoded::Quick(list) => list,
            Encoded::Packed(_) => unreachable!("moved out above"),
        }
    }

    /// Makes the list a listpack again if it is short enough, and moves a short listpack into the entry.
    fn shrink(&mut self) {
        let limit = Fill::of(self.setting);
        let Encoded::Quick(list) = self.form() else { return };
        let Some(pack) = list.only_listpack() else { return };
        if !list.is_listpack() {
            if !limit.holds_half(pack.total_bytes(), pack.len()) {
                return;
            }
            list.unlimit();
        }
        let pack = list.only_listpack().expect("found above");
        if pack.elements().len() <= PACKED_BYTES_AGAIN {
            let elements = pack.elements().to_vec();
            self.entry.set_packed(Kind::List, Packing::BareListPack, &elements);
        }
    }
}

/// Bytes that Redis counts for an element on its way to another list.
fn element_weight(element: Element<'_>) -> usize {
    match element {
        Element::Integer(_) => 0,
        Element::Bytes(bytes) => bytes.len(),
    }
}

/// Whether `entry` holds a list that is encoded as a quicklist, and what DEBUG OBJECT tells of it.
pub(crate) fn quicklist_figures(entry: &Entry) -> Option<Figures> {
    match ListRef::of(entry)? {
        ListRef::Quick(list) if !list.is_listpack() => Some(list.figures()),
        _ => None,
    }
}
