//! Evaluating a path: which places of a value it finds.
//!
//! The walk goes down into the value step by step, so it is never deeper than the value is nested, twice over for `..`; and that for each
//! filter that is in another one, of which there are few. What it visits is
//! counted, since `..` and filters can multiply: a path is refused that goes to far more places than the value has.

use std::collections::HashMap;

use super::error::TooMuch;
use super::syntax::{Operand, Slice, Step};
use crate::packed::{Container, Node, Value};

/// Places that any path may visit, beyond a few for each byte of the value.
const VISITS_MIN: usize = 1 << 22;
/// Places that a path may visit for each byte of the value.
const VISITS_PER_BYTE: usize = 8;

/// A place that a path has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Found {
    /// Where the value begins in its run.
    pub(crate) at: usize,
    /// The container that it is in; [`NO_OWNER`] at the root. A path may find many millions of places: this takes half of what an option would.
    owner: usize,
    /// The containers that it is in.
    depth: u8,
}

/// No container begins here.
const NO_OWNER: usize = usize::MAX;

impl Found {
    fn root(root: Value<'_>) -> Self {
        Self { at: root.place(), owner: NO_OWNER, depth: 0 }
    }

    /// The container that it is in; `None` at the root.
    pub(crate) fn owner(&self) -> Option<usize> {
        (self.owner != NO_OWNER).then_some(self.owner)
    }

    /// The containers that it is in.
    pub(crate) fn depth(&self) -> usize {
        self.depth.into()
    }

    /// The value, in the run of this root.
    pub(crate) fn value<'a>(&self, root: Value<'a>) -> Value<'a> {
        root.moved_to(self.at)
    }
}

/// Those places that are in no other one, each once and in order. Complexity: O(n log n).
pub(crate) fn outermost(root: Value<'_>, mut found: Vec<Found>) -> Vec<Found> {
    found.sort_unstable_by_key(|found| found.at);
    let mut covered = 0;
    found.retain(|found| {
        let is_outside = found.at >= covered;
        if is_outside {
            covered = found.value(root).end();
        }
        is_outside
    });
    found
}

/// Places that the paths of one command may visit together.
#[derive(Debug)]
pub struct Budget {
    left: usize,
}

impl Default for Budget {
    fn default() -> Self {
        Self { left: VISITS_MIN }
    }
}

impl Budget {
    /// Allows for some more places, since another value is looked at.
    pub fn allow_for(&mut self, root: Value<'_>) {
        self.left = self.left.saturating_add(root.bytes().len().saturating_mul(VISITS_PER_BYTE));
    }

    fn charge(&mut self, visits: usize) -> Result<(), TooMuch> {
        self.left = self.left.checked_sub(visits).ok_or(TooMuch)?;
        Ok(())
    }
}

/// The places that steps find, in the order in which they are taken.
pub(super) fn find(root: Value<'_>, steps: &[Step], budget: &mut Budget) -> Result<Vec<Found>, TooMuch> {
    let mut search = Search { root, found: Vec::new(), budget, pattern: None, roots: HashMap::new() };
    search.walk(Found::root(root), steps)?;
    Ok(search.found)
}

/// What steps find that can find one value at most; `None` if they could find more.
pub(super) fn direct<'a>(
    root: Value<'a>,
    steps: &[Step],
    budget: &mut Budget,
) -> Result<Option<Option<Value<'a>>>, TooMuch> {
    let mut value = Some(root);
    for step in steps {
        value = match (step, value.map(Value::node)) {
            (Step::Name(name), Some(Node::Object(members))) => {
                budget.charge(members.len())?;
                members.member(name.as_bytes())
            }
            (Step::Index(index), Some(Node::Array(elements))) => match place_of(*index, elements.len()) {
                Some(place) => {
                    budget.charge(place)?;
                    elements.element(place)
                }
                None => None,
            },
            (Step::Name(_) | Step::Index(_), _) => None,
            _ => return Ok(None),
        };
    }
    Ok(Some(value))
}

/// A search in progress.
pub(super) struct Search<'a, 'b> {
    pub(super) root: Value<'a>,
    found: Vec<Found>,
    budget: &'b mut Budget,
    /// What the operands of filters find that begin at the root, by where their steps lie: it is the same for all that is looked at.
    roots: HashMap<usize, Option<Value<'a>>>,
    /// The pattern of a `=~` whose right side is in the value, compiled last.
    pub(super) pattern: Option<(Box<str>, super::syntax::Pattern)>,
}

impl<'a> Search<'a, '_> {
    pub(super) fn charge(&mut self, visits: usize) -> Result<(), TooMuch> {
        self.budget.charge(visits)
    }

    /// Takes the steps from one place. Whoever stays there goes on without a call, so that calls are as deep as the value is nested, twice over.
    fn walk(&mut self, from: Found, mut steps: &[Step]) -> Result<(), TooMuch> {
        let value = from.value(self.root);
        let node = value.node();
        loop {
            self.charge(1)?;
            let Some((step, further)) = steps.split_first() else {
                self.found.push(from);
                return Ok(());
            };
            match (step, node) {
                (Step::Descend, Node::Array(container) | Node::Object(container)) => {
                    self.walk(from, further)?;
                    return self.each_part(from, container, |search, inner| search.walk(inner, steps));
                }
                (Step::Descend, _) => {}
                // A filter looks at what is in a container; another value it looks at itself.
                (Step::Filter(filter), Node::Array(container) | Node::Object(container)) => {
                    return self.each_part(from, container, |search, inner| {
                        let holds = search.holds(filter, inner.value(search.root))?;
                        if holds { search.walk(inner, further) } else { Ok(()) }
                    });
                }
                (Step::Filter(filter), _) => {
                    if !self.holds(filter, value)? {
                        return Ok(());
                    }
                }
                (step, node) => return self.go_down(from, (step, node), further),
            }
            steps = further;
        }
    }

    /// Takes a step that leads from a container to values in it.
    fn go_down(
        &mut self,
        from: Found,
        (step, node): (&Step, Node<'a>),
        further: &[Step],
    ) -> Result<(), TooMuch> {
        match (step, node) {
            (Step::Name(name), Node::Object(members)) => self.member(from, members, name.as_bytes(), further),
            (Step::Names(names), Node::Object(members)) => {
                names.iter().try_for_each(|name| self.member(from, members, name.as_bytes(), further))
            }
            (Step::Index(index), Node::Array(elements)) => self.element(from, elements, *index, further),
            (Step::Indexes(indexes), Node::Array(elements)) => {
                indexes.iter().try_for_each(|&index| self.element(from, elements, index, further))
            }
            (Step::Slice(slice), Node::Array(elements)) => self.slice(from, elements, *slice, further),
            (Step::All, Node::Array(container) | Node::Object(container)) => {
                self.each_part(from, container, |search, inner| search.walk(inner, further))
            }
            _ => Ok(()),
        }
    }

    fn each_part(
        &mut self,
        from: Found,
        container: Container<'a>,
        mut visit: impl FnMut(&mut Self, Found) -> Result<(), TooMuch>,
    ) -> Result<(), TooMuch> {
        let is_object = matches!(from.value(self.root).node(), Node::Object(_));
        for inner in container.values(is_object) {
            visit(self, below(from, inner))?;
        }
        Ok(())
    }

    fn slice(
        &mut self,
        from: Found,
        elements: Container<'a>,
        slice: Slice,
        further: &[Step],
    ) -> Result<(), TooMuch> {
        let (first, last) = bounds(slice, elements.len());
        for (index, element) in elements.elements().enumerate().take(last).skip(first) {
            self.charge(1)?;
            if (index - first).is_multiple_of(slice.step) {
                self.walk(below(from, element), further)?;
            }
        }
        Ok(())
    }

    fn member(
        &mut self,
        from: Found,
        members: Container<'a>,
        name: &[u8],
        further: &[Step],
    ) -> Result<(), TooMuch> {
        for (place, (found, value)) in members.members().enumerate() {
            if found == name {
                self.charge(place)?;
                return self.walk(below(from, value), further);
            }
        }
        self.charge(members.len())?;
        Ok(())
    }

    fn element(
        &mut self,
        from: Found,
        elements: Container<'a>,
        index: i64,
        further: &[Step],
    ) -> Result<(), TooMuch> {
        let Some(place) = place_of(index, elements.len()) else { return Ok(()) };
        self.charge(place)?;
        let Some(element) = elements.element(place) else { return Ok(()) };
        self.walk(below(from, element), further)
    }

    /// The one value that an operand's steps find; `None` if there are none, or several.
    pub(super) fn only(&mut self, value: Value<'a>, steps: &[Step]) -> Result<Option<Value<'a>>, TooMuch> {
        self.charge(1 + steps.len())?;
        if let Some(found) = direct(value, steps, self.budget)? {
            return Ok(found);
        }
        let outer = std::mem::take(&mut self.found);
        let from = Found::root(value);
        let walked = self.walk(from, steps);
        let found = std::mem::replace(&mut self.found, outer);
        walked?;
        Ok(if let [one] = found[..] { Some(one.value(self.root)) } else { None })
    }

    /// What an operand that is no literal is in the value.
    pub(super) fn resolve(
        &mut self,
        operand: &Operand,
        current: Value<'a>,
    ) -> Result<Option<Value<'a>>, TooMuch> {
        match operand {
            Operand::Current(steps) => self.only(current, steps),
            Operand::Root(steps) => {
                let place = steps.as_ptr().addr();
                if let Some(found) = self.roots.get(&place).filter(|_| !steps.is_empty()) {
                    return Ok(*found);
                }
                let found = self.only(self.root, steps)?;
                self.roots.insert(place, found);
                Ok(found)
            }
            Operand::Literal(_) => Ok(None),
        }
    }
}

fn below(owner: Found, value: Value<'_>) -> Found {
    // Values are nested less deep than 255.
    Found { at: value.place(), owner: owner.at, depth: owner.depth.saturating_add(1) }
}

/// The element that an index means: negative ones count from the end, and those before the first mean the first.
pub(crate) fn place_of(index: i64, len: usize) -> Option<usize> {
    let place = match usize::try_from(index) {
        Ok(place) => place,
        Err(_) => len.saturating_sub(usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    (place < len).then_some(place)
}

/// The first element of a slice, and the one behind its last.
fn bounds(slice: Slice, len: usize) -> (usize, usize) {
    let place = |bound: i64| match usize::try_from(bound) {
        Ok(place) => place.min(len),
        Err(_) => len.saturating_sub(usize::try_from(bound.unsigned_abs()).unwrap_or(usize::MAX)),
    };
    (slice.from.map_or(0, place), slice.to.map_or(len, place))
}
