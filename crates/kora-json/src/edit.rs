//! Changing a run: bytes are put in place of others, and the heads of the containers around them follow.
//!
//! One change moves what stands behind it; several at once make the run anew in one pass, so that a path with a million places costs as much
//! as reading the value twice.

mod rebuild;
mod remove;
#[cfg(test)]
mod tests;

pub(crate) use remove::{remove, without_members};

use crate::number::Number;
use crate::packed::{Builder, Node, Value, put_count, take_count};
use crate::path::Found;

/// Bytes of a run that others take the place of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Splice {
    /// The container in whose body they are; `None`: they are the whole value.
    owner: Option<usize>,
    from: usize,
    to: usize,
    with: Vec<u8>,
    /// How many elements or members the container gets or loses.
    more: isize,
}

impl Splice {
    /// Bytes that it adds.
    pub(crate) fn added(&self) -> usize {
        self.with.len()
    }

    /// Puts a run in the place of a value that was found.
    pub(crate) fn replace(found: &Found, root: Value<'_>, with: Vec<u8>) -> Self {
        let value = found.value(root);
        Self { owner: found.owner(), from: value.place(), to: value.end(), with, more: 0 }
    }

    /// Puts `count` elements or members behind those of a container.
    pub(crate) fn append(container: Value<'_>, with: Vec<u8>, count: usize) -> Self {
        let end = container.end();
        Self { owner: Some(container.place()), from: end, to: end, with, more: signed(count) }
    }

    /// Puts `count` elements before the one at `index` of an array, or behind all.
    pub(crate) fn insert(array: Value<'_>, index: usize, with: Vec<u8>, count: usize) -> Self {
        let at = place_in(array, index);
        Self { owner: Some(array.place()), from: at, to: at, with, more: signed(count) }
    }

    /// Takes the elements from one index to another out of an array.
    pub(crate) fn cut(array: Value<'_>, from: usize, to: usize) -> Self {
        let more = -signed(to - from);
        let (from, to) = (place_in(array, from), place_in(array, to));
        Self { owner: Some(array.place()), from, to, with: Vec::new(), more }
    }
}

fn signed(count: usize) -> isize {
    isize::try_from(count).expect("a value has fewer parts than bytes")
}

/// Where an element of an array begins, or its body ends.
fn place_in(array: Value<'_>, index: usize) -> usize {
    let element = match array.node() {
        Node::Array(elements) => elements.element(index),
        _ => None,
    };
    element.map_or(array.end(), Value::place)
}

/// Makes all changes. Where one takes away what another one changes, the other one does not count.
/// Complexity: O(bytes + n log n) for n changes.
pub(crate) fn apply(run: &mut Vec<u8>, mut splices: Vec<Splice>) {
    match splices.len() {
        0 => {}
        1 => apply_one(run, splices.remove(0)),
        _ => *run = rebuild::rebuild(run, splices),
    }
}

/// Puts numbers in the places of others. Places are in order, each once. Complexity: O(bytes).
pub(crate) fn replace_numbers(run: &mut Vec<u8>, numbers: impl Iterator<Item = (Found, Number)>) {
    let before = std::mem::take(run);
    let root = Value::root(&before);
    let mut splices = numbers.map(|(found, number)| {
        let mut builder = Builder::default();
        builder.number(number);
        Splice::replace(&found, root, builder.finish())
    });
    let Some(first) = splices.next() else {
        *run = before;
        return;
    };
    let Some(second) = splices.next() else {
        drop(splices);
        *run = before;
        return apply_one(run, first);
    };
    *run = rebuild::rebuild_in_order(&before, 0, [first, second].into_iter().chain(splices));
}

fn apply_one(run: &mut Vec<u8>, splice: Splice) {
    let Splice { owner, from, to, with, more } = splice;
    let Some(owner) = owner else {
        *run = with;
        return;
    };
    let around = containers_down_to(run, owner);
    let mut grown = signed(with.len()) - signed(to - from);
    run.splice(from..to, with);
    let mut more = more;
    for &at in around.iter().rev() {
        grown += grow_head(run, at, grown, std::mem::take(&mut more));
    }
}

/// The containers from the root to this one.
fn containers_down_to(run: &[u8], owner: usize) -> Vec<usize> {
    let mut value = Value::root(run);
    let mut around = vec![value.place()];
    while value.place() != owner {
        let inner = match value.node() {
            Node::Array(container) => container.values(false).find(|inner| inner.end() > owner),
            Node::Object(container) => container.values(true).find(|inner| inner.end() > owner),
            _ => None,
        };
        value = inner.expect("a container is in those around it");
        around.push(value.place());
    }
    around
}

/// Corrects the head of a container whose body has grown, and returns by how much the head has.
fn grow_head(run: &mut Vec<u8>, at: usize, grown: isize, more: isize) -> isize {
    let (len, behind) = take_count(run, at + 1);
    let (count, body) = take_count(run, behind);
    let mut head = Vec::new();
    put_count(&mut head, len.strict_add_signed(grown));
    put_count(&mut head, count.strict_add_signed(more));
    let further = signed(head.len()) - signed(body - (at + 1));
    run.splice(at + 1..body, head);
    further
}
