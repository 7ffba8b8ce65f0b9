//! A node of a large list: a listpack of several elements, or one element too large to share a listpack.

use std::ops::{ControlFlow, Range};

use super::chain::Counted;
use super::fill::Fill;
use super::run::Run;
use super::{End, Side};
use crate::packed::listpack::{self, At, Buffer, Element, ListPack, Wanted};
use crate::table::prefetch;

/// How far ahead of a walk through elements their memory is fetched: a line follows from the one before only when its elements are read,
/// so the processor sees too late what comes next.
const BYTES_AHEAD: usize = 512;

/// One node.
#[derive(Clone, Debug, Default)]
pub(super) struct Node {
    /// A listpack, or the bytes of a plain element.
    run: Run,
    /// Number of elements; 0 only in a node that was taken apart.
    count: u32,
    /// Whether it is one element as it is.
    is_plain: bool,
}

impl Counted for Node {
    #[inline]
    fn count(&self) -> usize {
        self.count as usize
    }
}

impl Node {
    /// A node of one element of any size.
    pub(super) fn plain(text: &[u8]) -> Self {
        Self { run: Run::from(text), count: 1, is_plain: true }
    }

    /// A listpack of one element.
    pub(super) fn packed(text: &[u8]) -> Self {
        let mut node = Self { run: Run::from(&listpack::EMPTY[..]), count: 0, is_plain: false };
        node.push(End::Back, text);
        node
    }

    /// A listpack as a node.
    pub(super) fn from_listpack(list: ListPack<'_>) -> Self {
        let count = u32::try_from(list.len()).expect("a listpack is shorter than 4 GiB");
        let mut run = Run::from(&listpack::EMPTY[..]);
        listpack::append(&mut run, list);
        Self { run, count, is_plain: false }
    }

    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// Bytes of its elements as they are stored, the listpack's head included.
    pub(super) fn bytes(&self) -> usize {
        self.run.len()
    }

    /// Bytes allocated for it, without the node itself.
    pub(super) fn memory_bytes(&self) -> usize {
        self.run.memory_bytes()
    }

    /// Gives back memory kept for growth.
    pub(super) fn settle(&mut self) {
        self.run.settle();
    }

    /// Its listpack, if it is not plain.
    #[inline]
    pub(super) fn listpack(&self) -> Option<ListPack<'_>> {
        (!self.is_plain).then(|| ListPack::new(self.run.bytes()))
    }

    /// Its elements.
    pub(super) fn view(&self) -> NodeRef<'_> {
        match self.listpack() {
            Some(list) => NodeRef::Packed(list),
            None => NodeRef::Plain(self.run.bytes()),
        }
    }

    /// Whether an element of `text_bytes` may join.
    #[inline]
    pub(super) fn takes(&self, fill: Fill, text_bytes: usize) -> bool {
        !self.is_plain && !fill.is_large(text_bytes) && fill.takes(self.bytes(), self.count(), text_bytes)
    }

    /// Whether both may become one node.
    pub(super) fn takes_node(&self, fill: Fill, other: &Self) -> bool {
        let bytes = self.bytes() + other.bytes() - listpack::EMPTY.len();
        !self.is_plain && !other.is_plain && fill.holds(bytes, self.count() + other.count())
    }

    /// Adds an element at an end.
    #[inline]
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        debug_assert!(!self.is_plain, "a plain node has one element");
        match end {
            End::Front => listpack::push_front(&mut self.run, text),
            End::Back => listpack::push_back(&mut self.run, text),
        }
        self.count += 1;
    }

    fn place(&self, index: usize) -> At {
        place(ListPack::new(self.run.bytes()), index)
    }

    /// Adds an element beside that at `index`.
    pub(super) fn insert(&mut self, index: usize, side: Side, text: &[u8]) {
        debug_assert!(!self.is_plain, "a plain node has one element");
        if side == Side::After && index + 1 == self.count() {
            return self.push(End::Back, text);
        }
        let at = self.place(index + usize::from(side == Side::After));
        listpack::insert(&mut self.run, at, text);
        self.count += 1;
    }

    /// Puts another text in the place of the element at `index`, in a plain node of the only one.
    pub(super) fn replace(&mut self, index: usize, text: &[u8]) {
        if self.is_plain {
            self.run = Run::from(text);
        } else {
            let at = self.place(index);
            listpack::replace(&mut self.run, at, text);
        }
    }

    /// Removes the elements of `range`.
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if range.len() == self.count() {
            *self = Self::default();
            return;
        }
        let at = self.place(range.start);
        listpack::remove(&mut self.run, at, range.len());
        self.count -= u32::try_from(range.len()).expect("no more than the count");
    }

    /// Takes the elements from `index` on, neither none nor all, into a node of their own.
    pub(super) fn split_off(&mut self, index: usize) -> Self {
        let mut right = self.clone();
        right.remove(0..index);
        self.remove(index..self.count());
        right
    }

    /// Adds the elements of another listpack behind its own.
    pub(super) fn append(&mut self, other: &Self) {
        listpack::append(&mut self.run, ListPack::new(other.run.bytes()));
        self.count += other.count;
    }

    /// Removes elements equal to `text`, at most `most`, counted from an end; returns how many.
    pub(super) fn remove_equal(&mut self, text: &[u8], from: End, most: usize) -> usize {
        let removed = if self.is_plain {
            usize::from(self.run.bytes() == text)
        } else {
            remove_equal(&mut self.run, text, from, most)
        };
        match self.count() - removed {
            0 => *self = Self::default(),
            left => self.count = u32::try_from(left).expect("no more than the count"),
        }
        removed
    }
}

/// Removes elements of a listpack that are equal to `text`, at most `most`, counted from an end; returns how many.
pub(super) fn remove_equal<B: Buffer>(buffer: &mut B, text: &[u8], from: End, most: usize) -> usize {
    let wanted = Wanted::new(text);
    let mut removed = 0;
    let list = listpack::view(buffer);
    let mut next = if from == End::Front { list.first() } else { list.last() };
    while removed < most
        && let Some(at) = next
    {
        let list = listpack::view(buffer);
        let (is_hit, behind) = (list.is(at, &wanted), list.next(at));
        next = match from {
            // Where one is removed, what followed it begins.
            End::Front if is_hit => behind.map(|_| at),
            End::Front => behind,
            End::Back => list.previous(at),
        };
        if is_hit {
            listpack::remove(buffer, at, 1);
            removed += 1;
        }
    }
    removed
}

/// A node's elements, for reading.
#[derive(Clone, Copy, Debug)]
pub(super) enum NodeRef<'a> {
    /// Several.
    Packed(ListPack<'a>),
    /// One.
    Plain(&'a [u8]),
}

impl<'a> NodeRef<'a> {
    #[inline]
    pub(super) fn len(self) -> usize {
        match self {
            Self::Packed(list) => list.len(),
            Self::Plain(_) => 1,
        }
    }

    /// The element at `index`, if there is one.
    pub(super) fn get(self, index: usize) -> Option<Element<'a>> {
        match self {
            Self::Packed(list) => list.at(index.cast_signed()).map(|at| list.get(at)),
            Self::Plain(text) => Some(Element::Bytes(text)),
        }
    }

    /// Visits the elements of `range`, which is not empty.
    #[inline]
    pub(super) fn each(self, range: Range<usize>, visit: &mut impl FnMut(Element<'a>)) {
        match self {
            Self::Packed(list) => {
                let mut elements = list.iter_from(place(list, range.start));
                for _ in range {
                    prefetch::line(elements.rest().as_ptr().wrapping_add(BYTES_AHEAD));
                    visit(elements.next().expect("an element of the node"));
                }
            }
            Self::Plain(text) => visit(Element::Bytes(text)),
        }
    }

    /// Visits the elements of `range`, which is not empty, from its end.
    pub(super) fn each_back(self, range: Range<usize>, visit: &mut impl FnMut(Element<'a>)) {
        match self {
            Self::Packed(list) => {
                let mut next = Some(place(list, range.end - 1));
                for _ in range {
                    let at = next.expect("an element of the node");
                    visit(list.get(at));
                    next = list.previous(at);
                }
            }
            Self::Plain(text) => visit(Element::Bytes(text)),
        }
    }

    /// Tells `hit` the indexes of elements equal to `wanted` among the first `most`, until it breaks.
    pub(super) fn search(
        self,
        wanted: &Wanted<'_>,
        most: usize,
        hit: &mut impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Self::Packed(list) => {
                let mut next = list.first();
                for index in 0..most {
                    let at = next.expect("an element of the node");
                    if list.is(at, wanted) {
                        hit(index)?;
                    }
                    next = list.next(at);
                }
                ControlFlow::Continue(())
            }
            Self::Plain(text) if text == wanted.text() => hit(0),
            Self::Plain(_) => ControlFlow::Continue(()),
        }
    }

    /// Tells `hit` the indexes of elements equal to `wanted` in `range`, which is not empty, from its end, until it breaks.
    pub(super) fn search_back(
        self,
        wanted: &Wanted<'_>,
        range: Range<usize>,
        hit: &mut impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        match self {
            Self::Packed(list) => {
                let mut next = Some(place(list, range.end - 1));
                for index in range.rev() {
                    let at = next.expect("an element of the node");
                    if list.is(at, wanted) {
                        hit(index)?;
                    }
                    next = list.previous(at);
                }
                ControlFlow::Continue(())
            }
            Self::Plain(text) if text == wanted.text() => hit(0),
            Self::Plain(_) => ControlFlow::Continue(()),
        }
    }
}

fn place(list: ListPack<'_>, index: usize) -> At {
    list.at(index.cast_signed()).expect("an element of the node")
}
