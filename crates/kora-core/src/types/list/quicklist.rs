//! A list of any length: nodes that are listpacks, found by position.
//!
//! Elements lie packed, many to a node, so that one costs hardly more than its bytes; the [`Chain`] finds the node of a
//! position in O(log n). An element too large for a listpack is a plain node. Nodes are never compressed:
//! `list-compress-depth` is accepted and has no effect.
//!
//! Where elements go when a node is full, and which nodes merge, is as in Redis's quicklist, because it decides when a list
//! that shrinks is one listpack again. So is the name: OBJECT ENCODING shows it. A list that is called a listpack but
//! outgrew its entry lives here too, as one node without limit.

use std::ops::Range;

use super::chain::{Chain, Counted};
use super::fill::Fill;
use super::node::{Node, NodeRef};
use super::{End, Side};
use crate::entry::data_type::DataType;
use crate::entry::object::Object;
use crate::entry::{Account, Encoding, size_class};
use crate::packed::listpack::ListPack;

/// A list.
#[derive(Clone, Debug)]
pub struct QuickList {
    nodes: Chain<Node>,
    /// `list-max-listpack-size` when the list became a quicklist; `None` while it is a listpack.
    fill: Option<i16>,
    account: Account,
}

impl QuickList {
    /// A list that is called a listpack.
    pub(super) fn from_listpack(list: ListPack<'_>) -> Self {
        let mut nodes = Chain::new();
        if !list.is_empty() {
            nodes.insert(0, Node::from_listpack(list));
        }
        Self { nodes, fill: None, account: Account::default() }
    }

    /// Number of elements.
    #[must_use]
    pub fn len(&self) -> usize {
        self.nodes.count()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub(super) fn is_listpack(&self) -> bool {
        self.fill.is_none()
    }

    /// Makes it a quicklist whose nodes keep to `setting`.
    pub(super) fn limit_nodes(&mut self, setting: i64) {
        self.fill = Some(Fill::stored(setting));
    }

    /// Makes it a listpack.
    pub(super) fn unlimit(&mut self) {
        debug_assert!(self.only_listpack().is_some() || self.is_empty(), "a listpack is one node");
        self.fill = None;
    }

    /// The one listpack that it consists of, if it does.
    pub(super) fn only_listpack(&self) -> Option<ListPack<'_>> {
        let (node, _) = self.nodes.get(0)?;
        if node.count() == self.len() { node.listpack() } else { None }
    }

    #[inline]
    fn fill(&self) -> Fill {
        self.fill.map_or(Fill::Unlimited, |setting| Fill::of(setting.into()))
    }

    /// Number of nodes.
    /// Complexity: O(n) with a small factor.
    pub(super) fn node_count(&self) -> usize {
        self.nodes.len()
    }

    /// Adds a node behind the others.
    pub(super) fn push_node(&mut self, node: Node) {
        self.nodes.insert(self.len(), node);
    }

    /// The elements that lie together with that at `at`, and the position of the first of them.
    pub(super) fn node(&self, at: usize) -> Option<(NodeRef<'_>, usize)> {
        self.nodes.get(at).map(|(node, first)| (node.view(), first))
    }

    /// Adds an element at an end.
    /// Complexity: O(log n), amortised.
    pub(super) fn push(&mut self, end: End, text: &[u8]) {
        let fill = self.fill();
        let at = match end {
            End::Front => 0,
            End::Back => self.len(),
        };
        if fill.is_large(text.len()) {
            self.nodes.insert(at, Node::plain(text));
            return;
        }
        let is_pushed = !self.is_empty()
            && self.nodes.edit(at.saturating_sub(1), |node, _| {
                let is_taken = node.takes(fill, text.len());
                if is_taken {
                    node.push(end, text);
                } else {
                    node.settle();
                }
                is_taken
            });
        if !is_pushed {
            self.nodes.insert(at, Node::packed(text));
        }
    }

    /// Adds an element beside that at `at`.
    pub(super) fn insert(&mut self, at: usize, side: Side, text: &[u8]) {
        let fill = self.fill();
        let (node, first) = self.nodes.get(at).expect("an element's position");
        let behind = first + node.count();
        let place = at + usize::from(side == Side::After);
        let is_edge = place == first || place == behind;
        if fill.is_large(text.len()) {
            if !is_edge {
                self.split(place);
            }
            self.nodes.insert(place, Node::plain(text));
        } else if node.takes(fill, text.len()) {
            self.nodes.edit(at, |node, index| node.insert(index, side, text));
        } else if is_edge {
            self.insert_between(place, side, text);
        } else {
            self.split(place);
            match side {
                Side::Before => self.nodes.edit(place - 1, |node, _| node.push(End::Back, text)),
                Side::After => self.nodes.edit(place, |node, _| node.push(End::Front, text)),
            }
            // The part that kept the element which the new one is inserted beside.
            self.merge_around(if side == Side::Before { at + 1 } else { at });
        }
    }

    /// Adds an element at the boundary of two nodes, beside a full one: into the other, or else a node of its own.
    fn insert_between(&mut self, place: usize, side: Side, text: &[u8]) {
        let fill = self.fill();
        let (neighbour, end) = match side {
            Side::Before => (place.checked_sub(1), End::Back),
            Side::After => (Some(place), End::Front),
        };
        let taker =
            neighbour.filter(|&at| self.nodes.get(at).is_some_and(|(node, _)| node.takes(fill, text.len())));
        match taker {
            Some(at) => self.nodes.edit(at, |node, _| node.push(end, text)),
            None => self.nodes.insert(place, Node::packed(text)),
        }
    }

    /// Cuts the node within which `place` lies in two.
    fn split(&mut self, place: usize) {
        let right = self.nodes.edit(place, |node, index| {
            let right = node.split_off(index);
            node.settle();
            right
        });
        self.nodes.insert(place, right);
    }

    /// Merges nodes that fit into one: the two before that of element `at`, the two behind it, it with that before, and with
    /// that behind, in this order.
    fn merge_around(&mut self, at: usize) {
        let (node, first) = self.nodes.get(at).expect("an element's position");
        let behind = first + node.count();
        if let Some((_, first_before)) = first.checked_sub(1).and_then(|at| self.nodes.get(at)) {
            self.merge_at(first_before);
        }
        if let Some((next, first_next)) = self.nodes.get(behind) {
            self.merge_at(first_next + next.count());
        }
        self.merge_at(first);
        self.merge_at(behind);
    }

    /// Merges the nodes that meet at `place`, if there are two and they fit into one.
    fn merge_at(&mut self, place: usize) {
        let fill = self.fill();
        let Some((left, _)) = place.checked_sub(1).and_then(|at| self.nodes.get(at)) else { return };
        let Some((right, _)) = self.nodes.get(place) else { return };
        if left.takes_node(fill, right) {
            let right = self.nodes.remove(place);
            self.nodes.edit(place - 1, |left, _| left.append(&right));
        }
    }

    /// Puts another text in the place of the element at `at`.
    pub(super) fn set(&mut self, at: usize, text: &[u8]) {
        let is_large = self.fill().is_large(text.len());
        let (node, first) = self.nodes.get(at).expect("an element's position");
        let is_last = at + 1 == first + node.count();
        if node.is_plain() == is_large {
            self.nodes.edit(at, |node, index| node.replace(index, text));
        } else if node.is_plain() {
            self.insert(at, Side::After, text);
            self.nodes.remove(at);
        } else {
            let is_alone = at == first;
            if !is_last {
                self.split(at + 1);
            }
            self.nodes.insert(at + 1, Node::plain(text));
            self.nodes.edit(at, |node, index| node.remove(index..index + 1));
            if !is_alone {
                self.merge_around(at);
            }
        }
    }

    /// Removes the elements of `range`.
    /// Complexity: O(log n + nodes removed).
    pub(super) fn remove(&mut self, range: Range<usize>) {
        if range.len() == 1 {
            self.nodes.edit(range.start, |node, index| node.remove(index..index + 1));
        } else {
            self.nodes.remove_range(range, &mut |node, part| node.remove(part));
        }
    }

    /// Removes elements equal to `text`, at most `most`, counted from an end; returns how many.
    pub(super) fn remove_equal(&mut self, text: &[u8], from: End, most: usize) -> usize {
        let mut removed = 0;
        // Elements not looked at yet: before this position, or from it on.
        let mut at = if from == End::Front { 0 } else { self.len() };
        while removed < most {
            let next = if from == End::Front { Some(at) } else { at.checked_sub(1) };
            let Some((node, first)) = next.and_then(|next| self.nodes.get(next)) else { break };
            let count = node.count();
            let gone = self.nodes.edit(first, |node, _| node.remove_equal(text, from, most - removed));
            at = if from == End::Front { first + count - gone } else { first };
            removed += gone;
        }
        removed
    }

    /// What DEBUG OBJECT tells of it.
    /// Complexity: O(nodes).
    pub(super) fn figures(&self) -> Figures {
        let mut bytes = 0;
        self.nodes.each(&mut |node| bytes += node.bytes());
        let (nodes, fill) = (self.nodes.len(), self.fill.unwrap_or_default());
        Figures { nodes, elements: self.len(), bytes, fill }
    }
}

/// What DEBUG OBJECT tells of a quicklist.
#[derive(Clone, Copy, Debug)]
pub struct Figures {
    /// Number of nodes.
    pub nodes: usize,
    /// Number of elements.
    pub elements: usize,
    /// Bytes in all nodes.
    pub bytes: usize,
    /// The limit of one, as `list-max-listpack-size` states it.
    pub fill: i16,
}

impl Object for QuickList {
    fn data_type(&self) -> &'static DataType {
        &super::DATA_TYPE
    }

    fn encoding(&self) -> Encoding {
        if self.is_listpack() { Encoding::ListPack } else { Encoding::QuickList }
    }

    fn size(&self) -> usize {
        self.len()
    }

    fn memory_bytes(&self) -> usize {
        let mut bytes = size_class(size_of::<Self>()) + self.nodes.memory_bytes();
        self.nodes.each(&mut |node| bytes += node.memory_bytes());
        bytes
    }

    fn account(&self) -> &Account {
        &self.account
    }

    fn account_mut(&mut self) -> &mut Account {
        &mut self.account
    }

    fn measuring_steps(&self) -> usize {
        self.nodes.len()
    }

    fn duplicate(&self) -> Box<dyn Object> {
        Box::new(self.clone())
    }

    fn free_effort(&self) -> usize {
        self.nodes.len()
    }

    fn free_some(&mut self, budget: usize) -> usize {
        let freed = budget.min(self.nodes.len());
        for _ in 0..freed {
            self.nodes.remove(self.len() - 1);
        }
        freed
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }

    fn as_any_mut(&mut self) -> &mut dyn std::any::Any {
        self
    }
}
