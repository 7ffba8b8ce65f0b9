//! A list for reading: ranges and searches, the same over all forms.

use std::ops::{ControlFlow, Range};

use super::node::NodeRef;
use super::{End, QuickList};
use crate::entry::{Entry, Kind};
use crate::packed::listpack::{Element, ListPack, Wanted};

/// A list, for reading.
#[derive(Clone, Copy, Debug)]
pub enum ListRef<'a> {
    /// In its entry.
    Packed(ListPack<'a>),
    /// Beside it.
    Quick(&'a QuickList),
}

impl<'a> ListRef<'a> {
    /// The list in `entry`, if that is what it holds.
    #[inline]
    #[must_use]
    pub fn of(entry: &'a Entry) -> Option<Self> {
        if entry.kind() != Kind::List {
            return None;
        }
        match entry.packed() {
            Some((_, elements)) => Some(Self::Packed(ListPack::bare(elements))),
            None => entry.as_object()?.as_any().downcast_ref().map(Self::Quick),
        }
    }

    /// Number of elements.
    #[inline]
    #[must_use]
    pub fn len(self) -> usize {
        match self {
            Self::Packed(list) => list.len(),
            Self::Quick(list) => list.len(),
        }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == 0
    }

    /// The element at `at`, if there is one.
    /// Complexity: O(log n), and O(1) in the number of bytes of a node.
    #[must_use]
    pub fn get(self, at: usize) -> Option<Element<'a>> {
        let (node, first) = self.node(at)?;
        node.get(at - first)
    }

    /// The element at an end, if there is one.
    #[must_use]
    pub fn end(self, end: End) -> Option<Element<'a>> {
        match end {
            End::Front => self.get(0),
            End::Back => match self {
                Self::Packed(list) => list.last().map(|at| list.get(at)),
                Self::Quick(list) => self.get(list.len().checked_sub(1)?),
            },
        }
    }

    /// Its listpack, if that is its encoding.
    pub(super) fn listpack(self) -> Option<ListPack<'a>> {
        match self {
            Self::Packed(list) => Some(list),
            Self::Quick(list) => list.is_listpack().then(|| list.only_listpack()).flatten(),
        }
    }

    /// The elements that lie together with that at `at`, and the position of the first of them.
    #[inline]
    fn node(self, at: usize) -> Option<(NodeRef<'a>, usize)> {
        match self {
            Self::Packed(list) => Some((NodeRef::Packed(list), 0)),
            Self::Quick(list) => list.node(at),
        }
    }

    /// Visits the elements of `range`, which there must be.
    /// Complexity: O(log n + elements).
    pub fn each(self, range: Range<usize>, mut visit: impl FnMut(Element<'a>)) {
        let mut at = range.start;
        while at < range.end {
            let (node, first) = self.node(at).expect("an element's position");
            let behind = first + node.len();
            node.each(at - first..range.end.min(behind) - first, &mut visit);
            at = behind;
        }
    }

    /// Visits the elements of `range`, which there must be, from its end.
    /// Complexity: O(log n + elements).
    pub fn each_back(self, range: Range<usize>, mut visit: impl FnMut(Element<'a>)) {
        let mut behind = range.end;
        while behind > range.start {
            let (node, first) = self.node(behind - 1).expect("an element's position");
            let begin = first.max(range.start);
            node.each_back(begin - first..behind - first, &mut visit);
            behind = begin;
        }
    }

    /// Tells `hit` the positions of elements equal to `text`, looking from an end at up to `most` elements, until it
    /// breaks.
    pub fn search(
        self,
        text: &[u8],
        from: End,
        most: usize,
        mut hit: impl FnMut(usize) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        let wanted = Wanted::new(text);
        let len = self.len();
        let most = most.min(len);
        match from {
            End::Front => {
                let mut at = 0;
                while at < most {
                    let (node, first) = self.node(at).expect("an element's position");
                    let behind = first + node.len();
                    node.search(&wanted, behind.min(most) - first, &mut |index| hit(first + index))?;
                    at = behind;
                }
            }
            End::Back => {
                let mut behind = len;
                while behind > len - most {
                    let (node, first) = self.node(behind - 1).expect("an element's position");
                    let begin = first.max(len - most);
                    node.search_back(
                        &wanted,
                        begin - first..behind - first,
                        &mut |index| hit(first + index),
                    )?;
                    behind = begin;
                }
            }
        }
        ControlFlow::Continue(())
    }
}
