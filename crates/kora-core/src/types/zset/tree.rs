//! The order of a large sorted set: a counted B+ tree.
//!
//! Inner nodes hold, for each child, how many entries are below it and a separator: a key that no entry to the left
//! reaches and none in the child comes before. A separator is no longer than it takes to tell both sides apart, which
//! between different scores is no member at all.
//!
//! Source: Bayer and McCreight, "Organization and maintenance of large ordered indexes", 1972; separators as in Bayer and
//! Unterauer, "Prefix B-trees", 1977; counts as in Knuth, TAOCP 3, 6.2.3.
//!
//! Invariant: every count equals the number of entries below it, which ranks rely on, and is not 0.

use super::leaf::{Key, LEAF_ENTRIES, Leaf, LeafId, NewEntry};
use super::leaves::Leaves;
use super::locator::Locator;

/// Most children of a node.
const FANOUT: usize = 64;

/// A node or leaf with fewer than this is joined with a neighbour if both fit into one.
const SMALL: usize = LEAF_ENTRIES / 4;

/// A leaf and a place in it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Position {
    pub(super) leaf: LeafId,
    pub(super) at: usize,
}

/// The tree.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    root: Node,
    pub(super) leaves: Leaves,
}

/// An inner node; what belongs to one child stands at the same place in each vector.
#[derive(Clone, Debug, Default)]
struct Node {
    separators: Separators,
    counts: Vec<usize>,
    children: Children,
}

/// Separators, the first of which is never looked at: scores apart, because most comparisons need nothing else.
#[derive(Clone, Debug, Default)]
struct Separators {
    scores: Vec<f64>,
    members: Vec<Box<[u8]>>,
}

#[derive(Clone, Debug)]
enum Children {
    Leaves(Vec<LeafId>),
    Nodes(Vec<Node>),
}

impl Default for Children {
    fn default() -> Self {
        Self::Leaves(Vec::new())
    }
}

/// What a split adds behind a child.
struct Sibling {
    score: f64,
    member: Box<[u8]>,
    count: usize,
    child: Child,
}

enum Child {
    Leaf(LeafId),
    Node(Node),
}

impl Separators {
    /// The child in which the first key lies for which `is_before` does not hold.
    #[inline]
    fn child_for(&self, is_before: impl Fn(Key<'_>) -> bool) -> usize {
        let (mut low, mut high) = (1, self.scores.len().max(1));
        while low < high {
            let middle = usize::midpoint(low, high);
            if is_before(Key { score: self.scores[middle], member: &self.members[middle] }) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        low - 1
    }

    /// The child in which `key` lies, if it is in the tree.
    #[inline]
    fn child_of(&self, key: Key<'_>) -> usize {
        self.child_for(|separator| !key.is_before(separator))
    }

    fn insert(&mut self, at: usize, score: f64, member: Box<[u8]>) {
        self.scores.insert(at, score);
        self.members.insert(at, member);
    }

    fn remove(&mut self, at: usize) {
        self.scores.remove(at);
        self.members.remove(at);
    }
}

impl Tree {
    /// Inserts an entry that is not there. The locator is told where it and those that made room for it are.
    pub(super) fn insert(&mut self, entry: NewEntry<'_>, locator: &mut Locator) {
        if self.root.counts.is_empty() {
            self.root = Node::around_leaf(self.leaves.add(Leaf::new()));
        }
        let Some(sibling) = self.root.insert(entry, &mut self.leaves, locator) else { return };
        let left = std::mem::take(&mut self.root);
        self.root = Node::around_node(left);
        self.root.add(1, sibling);
    }

    /// Removes an entry that is there.
    pub(super) fn remove(&mut self, key: Key<'_>, hash: u32, locator: &mut Locator) {
        self.root.remove(key, hash, &mut self.leaves, locator);
        while let Children::Nodes(nodes) = &mut self.root.children
            && nodes.len() <= 1
        {
            self.root = nodes.pop().unwrap_or_default();
        }
    }

    /// Number of entries at the beginning for which `is_before` holds; it holds for none behind those.
    pub(super) fn count_before(&self, is_before: impl Fn(Key<'_>) -> bool + Copy) -> usize {
        let (mut node, mut count) = (&self.root, 0);
        loop {
            let at = node.separators.child_for(is_before);
            count += node.counts[..at].iter().sum::<usize>();
            match &node.children {
                Children::Nodes(nodes) => node = &nodes[at],
                Children::Leaves(leaves) => {
                    return count
                        + leaves.get(at).map_or(0, |leaf| self.leaves.get(*leaf).count_before(is_before));
                }
            }
        }
    }

    /// Where the entry of a rank is; `None` if there are not so many.
    pub(super) fn select(&self, mut rank: usize) -> Option<Position> {
        let mut node = &self.root;
        loop {
            let mut at = 0;
            while rank >= *node.counts.get(at)? {
                rank -= node.counts[at];
                at += 1;
            }
            match &node.children {
                Children::Nodes(nodes) => node = &nodes[at],
                Children::Leaves(leaves) => return Some(Position { leaf: leaves[at], at: rank }),
            }
        }
    }

    /// Panics if an invariant does not hold.
    #[cfg(test)]
    pub(super) fn check(&self, len: usize) {
        let mut in_order = Vec::new();
        assert_eq!(self.root.check(&mut in_order), len);
        for (id, next) in in_order.iter().zip(in_order.iter().skip(1)) {
            assert_eq!((self.leaves.get(*id).next, self.leaves.get(*next).previous), (*next, *id));
            let (leaf, next) = (self.leaves.get(*id), self.leaves.get(*next));
            assert!(leaf.key(leaf.len() - 1).is_before(next.key(0)), "leaves are in order");
        }
        let entries: usize = in_order.iter().map(|id| self.leaves.get(*id).len()).sum();
        assert_eq!((entries, in_order.len()), (len, self.leaves.live()));
        self.root.check_separators(&self.leaves);
    }
}

impl Node {
    /// Adds the leaves below in order; says how many entries the counts promise.
    #[cfg(test)]
    fn check(&self, in_order: &mut Vec<LeafId>) -> usize {
        let len = self.counts.len();
        assert!(len <= FANOUT && len == self.separators.scores.len() && len == self.separators.members.len());
        assert!(self.counts.iter().all(|count| *count > 0));
        match &self.children {
            Children::Leaves(leaves) => in_order.extend(leaves),
            Children::Nodes(nodes) => {
                for (node, count) in nodes.iter().zip(&self.counts) {
                    assert_eq!(node.check(in_order), *count);
                }
            }
        }
        self.counts.iter().sum()
    }

    /// Checks that separators separate; returns the first and the last leaf below.
    #[cfg(test)]
    fn check_separators(&self, leaves: &Leaves) -> Option<(LeafId, LeafId)> {
        let ends: Vec<_> = match &self.children {
            Children::Leaves(ids) => ids.iter().map(|id| (*id, *id)).collect(),
            Children::Nodes(nodes) => nodes.iter().filter_map(|node| node.check_separators(leaves)).collect(),
        };
        for (at, pair) in ends.windows(2).enumerate() {
            let separator =
                Key { score: self.separators.scores[at + 1], member: &self.separators.members[at + 1] };
            let (left, right) = (leaves.get(pair[0].1), leaves.get(pair[1].0));
            assert!(left.key(left.len() - 1).is_before(separator) && !right.key(0).is_before(separator));
        }
        Some((ends.first()?.0, ends.last()?.1))
    }

    fn around_leaf(leaf: LeafId) -> Self {
        let mut node = Self { counts: vec![0], children: Children::Leaves(vec![leaf]), ..Self::default() };
        node.separators.insert(0, 0.0, Box::default());
        node
    }

    fn around_node(child: Self) -> Self {
        let count = child.counts.iter().sum();
        let mut node =
            Self { counts: vec![count], children: Children::Nodes(vec![child]), ..Self::default() };
        node.separators.insert(0, 0.0, Box::default());
        node
    }

    fn add(&mut self, at: usize, sibling: Sibling) {
        self.separators.insert(at, sibling.score, sibling.member);
        self.counts.insert(at, sibling.count);
        match (&mut self.children, sibling.child) {
            (Children::Leaves(leaves), Child::Leaf(leaf)) => leaves.insert(at, leaf),
            (Children::Nodes(nodes), Child::Node(node)) => nodes.insert(at, node),
            _ => unreachable!("a child's sibling is of its kind"),
        }
    }

    fn insert(&mut self, entry: NewEntry<'_>, leaves: &mut Leaves, locator: &mut Locator) -> Option<Sibling> {
        let at = self.separators.child_of(entry.key);
        self.counts[at] += 1;
        let sibling = match &mut self.children {
            Children::Nodes(nodes) => nodes[at].insert(entry, leaves, locator)?,
            Children::Leaves(ids) => {
                let right = leaves.insert(ids[at], entry, locator)?;
                leaf_sibling(leaves, ids[at], right)
            }
        };
        self.counts[at] -= sibling.count;
        self.add(at + 1, sibling);
        (self.counts.len() > FANOUT).then(|| self.split())
    }

    /// Moves the second half of the children into a new node.
    fn split(&mut self) -> Sibling {
        let middle = self.counts.len() / 2;
        let right = Self {
            separators: Separators {
                scores: self.separators.scores.split_off(middle),
                members: self.separators.members.split_off(middle),
            },
            counts: self.counts.split_off(middle),
            children: match &mut self.children {
                Children::Leaves(leaves) => Children::Leaves(leaves.split_off(middle)),
                Children::Nodes(nodes) => Children::Nodes(nodes.split_off(middle)),
            },
        };
        Sibling {
            score: right.separators.scores[0],
            member: right.separators.members[0].clone(),
            count: right.counts.iter().sum(),
            child: Child::Node(right),
        }
    }

    fn remove(&mut self, key: Key<'_>, hash: u32, leaves: &mut Leaves, locator: &mut Locator) {
        let at = self.separators.child_of(key);
        self.counts[at] -= 1;
        let is_small = match &mut self.children {
            Children::Nodes(nodes) => {
                nodes[at].remove(key, hash, leaves, locator);
                nodes[at].counts.len() < SMALL
            }
            Children::Leaves(ids) => {
                let leaf = leaves.get_mut(ids[at]);
                leaf.remove(leaf.count_before(|other| other.is_before(key)));
                locator.remove(hash, ids[at]);
                self.counts[at] < SMALL
            }
        };
        if self.counts[at] == 0 {
            self.drop_child(at, leaves);
        } else if is_small && !self.join(at, leaves, locator) && at > 0 {
            self.join(at - 1, leaves, locator);
        }
    }

    fn drop_child(&mut self, at: usize, leaves: &mut Leaves) {
        self.separators.remove(at);
        self.counts.remove(at);
        match &mut self.children {
            // A node without entries has let go of all its children already.
            Children::Nodes(nodes) => drop(nodes.remove(at)),
            Children::Leaves(ids) => drop(leaves.release(ids.remove(at))),
        }
    }

    /// Joins child `at` with the next one if both fit into one.
    fn join(&mut self, at: usize, leaves: &mut Leaves, locator: &mut Locator) -> bool {
        if at + 1 >= self.counts.len() {
            return false;
        }
        match &mut self.children {
            Children::Leaves(ids) => {
                if !leaves.join(ids[at], ids[at + 1], locator) {
                    return false;
                }
                ids.remove(at + 1);
            }
            Children::Nodes(nodes) => {
                if nodes[at].counts.len() + nodes[at + 1].counts.len() > FANOUT * 3 / 4 {
                    return false;
                }
                let mut right = nodes.remove(at + 1);
                // The first separator of a node is not kept up to date: the one above is.
                right.separators.scores[0] = self.separators.scores[at + 1];
                right.separators.members[0] = std::mem::take(&mut self.separators.members[at + 1]);
                nodes[at].append(right);
            }
        }
        self.separators.remove(at + 1);
        self.counts[at] += self.counts.remove(at + 1);
        true
    }

    fn append(&mut self, mut right: Self) {
        self.separators.scores.append(&mut right.separators.scores);
        self.separators.members.append(&mut right.separators.members);
        self.counts.append(&mut right.counts);
        match (&mut self.children, right.children) {
            (Children::Leaves(leaves), Children::Leaves(mut more)) => leaves.append(&mut more),
            (Children::Nodes(nodes), Children::Nodes(mut more)) => nodes.append(&mut more),
            _ => unreachable!("neighbours are on one level"),
        }
    }
}

/// A new leaf as the sibling of the one it was split from.
fn leaf_sibling(leaves: &Leaves, left: LeafId, right: LeafId) -> Sibling {
    let left = leaves.get(left);
    let right_leaf = leaves.get(right);
    let (last, first) = (left.key(left.len() - 1), right_leaf.key(0));
    let member = if last.score < first.score {
        Box::default()
    } else {
        let shared = last.member.iter().zip(first.member).take_while(|(a, b)| a == b).count();
        first.member[..=shared].into()
    };
    Sibling { score: first.score, member, count: right_leaf.len(), child: Child::Leaf(right) }
}
