//! A sequence of items, each with a number of elements, found by the position of an element: a counted B+ tree.
//!
//! A branch knows how many elements lie below it, so that finding a position costs O(log n) and changing a count one
//! walk down. Searches begin at the nearer end of a branch: the ends of the sequence are always the first or last
//! child. A branch that is full splits in half, except at the ends of the sequence, where all stay and the newcomer
//! starts a branch of its own: lists grow at their ends and so have full branches. Branches shrink without being
//! refilled and go when they are empty, as in T. Johnson and D. Shasha, "B-trees with inserts and deletes: why
//! free-at-empty is better than merge-at-half" (1993).
//!
//! Invariants: no item has zero elements; a branch's `count` is the sum of its children's; no branch but an empty root is
//! without children, and all leaves are equally deep.

use std::ops::Range;

use smallvec::SmallVec;

/// Something that has a number of elements.
pub(super) trait Counted {
    /// How many.
    fn count(&self) -> usize;
}

/// Most children of a branch.
const FANOUT: usize = 32;

/// Items in order.
#[derive(Clone, Debug)]
pub(super) struct Chain<T> {
    root: Branch<T>,
}

#[derive(Clone, Debug)]
struct Branch<T> {
    count: usize,
    children: Children<T>,
}

#[derive(Clone, Debug)]
enum Children<T> {
    /// The only item of a sequence lies in its root: one allocation and one cache miss less for most lists.
    Items(SmallVec<[T; 1]>),
    Branches(Vec<Branch<T>>),
}

impl<T> Counted for Branch<T> {
    #[inline]
    fn count(&self) -> usize {
        self.count
    }
}

impl<T: Counted> Chain<T> {
    pub(super) fn new() -> Self {
        Self { root: Branch::empty() }
    }

    /// Number of elements of all items.
    #[inline]
    pub(super) fn count(&self) -> usize {
        self.root.count
    }

    /// The item that has element `at`, and the position of its first element.
    /// Complexity: O(log n).
    #[inline]
    pub(super) fn get(&self, at: usize) -> Option<(&T, usize)> {
        if at >= self.root.count {
            return None;
        }
        let (mut branch, mut first) = (&self.root, 0);
        loop {
            match &branch.children {
                Children::Items(items) => {
                    let (index, begin) = find(items, branch.count, at - first);
                    return Some((&items[index], first + begin));
                }
                Children::Branches(branches) => {
                    let (index, begin) = find(branches, branch.count, at - first);
                    branch = &branches[index];
                    first += begin;
                }
            }
        }
    }

    /// Lends the item that has element `at` for changes; `edit` is also told that element's place within the item. An
    /// item left without elements goes.
    /// Complexity: O(log n).
    ///
    /// # Panics
    /// If there is no such element.
    #[inline]
    pub(super) fn edit<R>(&mut self, at: usize, edit: impl FnOnce(&mut T, usize) -> R) -> R {
        assert!(at < self.root.count, "an element's position");
        let result = self.root.edit(at, edit);
        self.drop_levels();
        result
    }

    /// Puts `item` where its first element gets position `at`, which must not be within another item.
    /// Complexity: O(log n).
    pub(super) fn insert(&mut self, at: usize, item: T) {
        debug_assert!(at <= self.root.count && item.count() > 0, "an item between others");
        if let Some(right) = self.root.insert(at, item) {
            let empty = Branch { count: 0, children: Children::Branches(Vec::with_capacity(FANOUT)) };
            let left = std::mem::replace(&mut self.root, empty);
            self.root.count = left.count + right.count;
            self.root.children = Children::Branches(vec![left, right]);
        }
    }

    /// Removes the elements of `range`: whole items go, `cut` shortens those at its ends, which keep elements.
    /// Complexity: O(log n + items removed).
    pub(super) fn remove_range(&mut self, range: Range<usize>, cut: &mut impl FnMut(&mut T, Range<usize>)) {
        self.root.remove_range(range, cut);
        self.drop_levels();
    }

    /// Visits all items in order.
    pub(super) fn each<'a>(&'a self, visit: &mut impl FnMut(&'a T)) {
        self.root.each(visit);
    }

    /// Number of items.
    /// Complexity: O(n) with a small factor.
    pub(super) fn len(&self) -> usize {
        self.root.len()
    }

    /// Bytes allocated for what holds the items, themselves included.
    pub(super) fn memory_bytes(&self) -> usize {
        self.root.memory_bytes()
    }

    /// A root with one branch, or none, is a level too many.
    fn drop_levels(&mut self) {
        while let Children::Branches(branches) = &mut self.root.children
            && branches.len() <= 1
        {
            self.root = branches.pop().unwrap_or_else(Branch::empty);
        }
    }
}

impl<T: Counted + Default> Chain<T> {
    /// Takes out the item that has element `at`.
    ///
    /// # Panics
    /// If there is no such element.
    pub(super) fn remove(&mut self, at: usize) -> T {
        self.edit(at, |item, _| std::mem::take(item))
    }
}

impl<T> Branch<T> {
    fn empty() -> Self {
        Self { count: 0, children: Children::Items(SmallVec::new()) }
    }
}

impl<T: Counted> Branch<T> {
    fn edit<R>(&mut self, at: usize, edit: impl FnOnce(&mut T, usize) -> R) -> R {
        match &mut self.children {
            Children::Items(items) => {
                let (index, begin) = find(items, self.count, at);
                let before = items[index].count();
                let result = edit(&mut items[index], at - begin);
                self.count = self.count - before + items[index].count();
                drop_if_empty(items, index);
                result
            }
            Children::Branches(branches) => {
                let (index, begin) = find(branches, self.count, at);
                let before = branches[index].count;
                let result = branches[index].edit(at - begin, edit);
                self.count = self.count - before + branches[index].count;
                drop_if_empty(branches, index);
                result
            }
        }
    }

    /// Returns what became of the right part of the branch if it had to split.
    fn insert(&mut self, at: usize, item: T) -> Option<Self> {
        self.count += item.count();
        let total = self.count - item.count();
        let right = match &mut self.children {
            Children::Items(items) => {
                let index = match items.is_empty() {
                    true => 0,
                    false => {
                        let (index, begin) = find(items, total, at);
                        debug_assert!(at == begin || at == begin + items[index].count(), "between items");
                        index + usize::from(at > begin)
                    }
                };
                Children::Items(insert_child(items, index, item)?)
            }
            Children::Branches(branches) => {
                let (index, begin) = find(branches, total, at);
                let right = branches[index].insert(at - begin, item)?;
                Children::Branches(insert_child(branches, index + 1, right)?)
            }
        };
        let count = right.count();
        self.count -= count;
        Some(Self { count, children: right })
    }

    fn remove_range(&mut self, range: Range<usize>, cut: &mut impl FnMut(&mut T, Range<usize>)) {
        match &mut self.children {
            Children::Items(items) => retain_outside(items, range, |item, range| cut(item, range)),
            Children::Branches(branches) => {
                retain_outside(branches, range, |branch, range| branch.remove_range(range, cut));
            }
        }
        self.count = self.children.count();
    }

    fn each<'a>(&'a self, visit: &mut impl FnMut(&'a T)) {
        match &self.children {
            Children::Items(items) => items.iter().for_each(visit),
            Children::Branches(branches) => branches.iter().for_each(|branch| branch.each(visit)),
        }
    }

    fn len(&self) -> usize {
        match &self.children {
            Children::Items(items) => items.len(),
            Children::Branches(branches) => branches.iter().map(Self::len).sum(),
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.children {
            Children::Items(items) if items.spilled() => items.capacity() * size_of::<T>(),
            Children::Items(_) => 0,
            Children::Branches(branches) => {
                let own = branches.capacity() * size_of::<Self>();
                own + branches.iter().map(Self::memory_bytes).sum::<usize>()
            }
        }
    }
}

impl<T: Counted> Children<T> {
    fn count(&self) -> usize {
        match self {
            Self::Items(items) => items.iter().map(Counted::count).sum(),
            Self::Branches(branches) => branches.iter().map(Counted::count).sum(),
        }
    }
}

/// The child that has element `at`, and the position of its first element. At `total`, their sum, that is the last.
#[inline]
fn find<C: Counted>(children: &[C], total: usize, at: usize) -> (usize, usize) {
    if at <= total / 2 {
        let mut begin = 0;
        for (index, child) in children.iter().enumerate() {
            let end = begin + child.count();
            if at < end {
                return (index, begin);
            }
            begin = end;
        }
    } else {
        let mut begin = total;
        for (index, child) in children.iter().enumerate().rev() {
            begin -= child.count();
            if at >= begin {
                return (index, begin);
            }
        }
    }
    unreachable!("a branch's count is the sum of its children's, which `at` is not beyond")
}

/// Children of one branch, wherever they lie.
trait Siblings: AsRef<[Self::Child]> {
    type Child;

    fn insert(&mut self, index: usize, child: Self::Child);
    fn remove(&mut self, index: usize);
    fn split_off(&mut self, index: usize) -> Self;
    fn retain(&mut self, keep: impl FnMut(&mut Self::Child) -> bool);
}

impl<C> Siblings for Vec<C> {
    type Child = C;

    fn insert(&mut self, index: usize, child: C) {
        Vec::insert(self, index, child);
    }

    fn remove(&mut self, index: usize) {
        Vec::remove(self, index);
    }

    fn split_off(&mut self, index: usize) -> Self {
        Vec::split_off(self, index)
    }

    fn retain(&mut self, keep: impl FnMut(&mut C) -> bool) {
        self.retain_mut(keep);
    }
}

impl<C> Siblings for SmallVec<[C; 1]> {
    type Child = C;

    fn insert(&mut self, index: usize, child: C) {
        SmallVec::insert(self, index, child);
    }

    fn remove(&mut self, index: usize) {
        SmallVec::remove(self, index);
    }

    fn split_off(&mut self, index: usize) -> Self {
        self.drain(index..).collect()
    }

    fn retain(&mut self, keep: impl FnMut(&mut C) -> bool) {
        SmallVec::retain(self, keep);
    }
}

fn drop_if_empty<S: Siblings<Child: Counted>>(children: &mut S, index: usize) {
    if children.as_ref()[index].count() == 0 {
        children.remove(index);
    }
}

/// Puts `child` at `index`. Of children that are too many then, returns the right part.
fn insert_child<S: Siblings>(children: &mut S, index: usize, child: S::Child) -> Option<S> {
    if children.as_ref().len() < FANOUT {
        children.insert(index, child);
        return None;
    }
    let cut = match index {
        0 => 0,
        FANOUT => FANOUT,
        _ => FANOUT / 2,
    };
    let mut right = children.split_off(cut);
    if index < cut || cut == 0 {
        children.insert(index, child);
    } else {
        right.insert(index - cut, child);
    }
    Some(right)
}

/// Removes the children that lie in `range`, and has `cut` remove its part from those that lie there partly.
fn retain_outside<S: Siblings<Child: Counted>>(
    children: &mut S,
    range: Range<usize>,
    mut cut: impl FnMut(&mut S::Child, Range<usize>),
) {
    let mut begin = 0;
    children.retain(|child| {
        let end = begin + child.count();
        let part = range.start.max(begin)..range.end.min(end);
        let (is_whole, is_partly) = (part.start == begin && part.end == end, !part.is_empty());
        if is_partly && !is_whole {
            cut(child, part.start - begin..part.end - begin);
        }
        begin = end;
        !is_whole
    });
}
