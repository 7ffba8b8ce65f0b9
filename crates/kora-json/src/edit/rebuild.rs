//! Several changes in one pass.

use std::cmp::Reverse;
use std::iter::Peekable;

use super::Splice;
use crate::packed::{Builder, Node, Value};

/// The run with all changes made.
pub(super) fn rebuild(run: &[u8], mut splices: Vec<Splice>) -> Vec<u8> {
    if let Some(at) = splices.iter().rposition(|splice| splice.owner.is_none()) {
        return splices.swap_remove(at).with;
    }
    let added: usize = splices.iter().map(|splice| splice.with.len()).sum();
    // What ends in one place ends from the inside out.
    splices.sort_by_key(|splice| (splice.from, Reverse(splice.owner)));
    rebuild_in_order(run, added, splices.into_iter())
}

/// The same of changes in containers that come in the order of their places, and add so many bytes at most. They are made one by one, so that there
/// may be very many.
pub(super) fn rebuild_in_order(run: &[u8], added: usize, splices: impl Iterator<Item = Splice>) -> Vec<u8> {
    let builder = Builder::with_capacity(run.len() + added);
    let mut rebuilding = Rebuilding { builder, splices: splices.peekable() };
    rebuilding.container(Value::root(run));
    rebuilding.builder.finish()
}

struct Rebuilding<I: Iterator<Item = Splice>> {
    builder: Builder,
    /// Those to come, by their place.
    splices: Peekable<I>,
}

/// How far a body was copied, and how many elements or members it has more.
struct Progress {
    copied: usize,
    more: isize,
}

impl<I: Iterator<Item = Splice>> Rebuilding<I> {
    /// Adds a container with the changes in it. Values are nested only as deep as runs may be.
    fn container(&mut self, value: Value<'_>) {
        let (container, is_object) = match value.node() {
            Node::Array(container) => (container, false),
            Node::Object(container) => (container, true),
            _ => unreachable!("changes are in containers"),
        };
        let open = self.builder.open(is_object);
        let mut at = Progress { copied: container.body.0, more: 0 };
        for inner in container.values(is_object) {
            let end = inner.end();
            if self.splices.peek().is_none_or(|next| next.from > end) {
                continue;
            }
            self.own(value, end, &mut at);
            if at.copied >= end {
                self.drop_those_in(inner);
            } else if self.has_in(inner) {
                self.builder.copy_bytes(&value.run()[at.copied..inner.place()]);
                self.container(inner);
                at.copied = end;
            }
        }
        self.own(value, usize::MAX, &mut at);
        self.builder.copy_bytes(&value.run()[at.copied..container.body.1]);
        self.builder.close(&open, container.len().strict_add_signed(at.more));
    }

    /// Makes the container's own changes that begin before a place.
    fn own(&mut self, value: Value<'_>, before: usize, at: &mut Progress) {
        let is_own = |next: &Splice| next.owner == Some(value.place()) && next.from < before;
        while let Some(splice) = self.splices.next_if(is_own) {
            if splice.from < at.copied {
                continue;
            }
            self.builder.copy_bytes(&value.run()[at.copied..splice.from]);
            self.builder.copy_bytes(&splice.with);
            at.copied = splice.to;
            at.more += splice.more;
        }
    }

    /// Whether the next change is somewhere in a value.
    fn has_in(&mut self, value: Value<'_>) -> bool {
        self.splices.peek().is_some_and(|next| is_in(next, value))
    }

    /// Leaves out the changes in a value that is gone.
    fn drop_those_in(&mut self, value: Value<'_>) {
        while self.splices.next_if(|next| is_in(next, value)).is_some() {}
    }
}

fn is_in(splice: &Splice, value: Value<'_>) -> bool {
    splice.owner.is_some_and(|owner| (value.place()..value.end()).contains(&owner))
}
