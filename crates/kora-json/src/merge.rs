//! JSON merge patch (RFC 7386), as RedisJSON does it: members that are null in the patch go.

use std::collections::BTreeMap;

use crate::edit::without_members;
use crate::packed::{Builder, Container, Node, Value};

/// Members up to which an object is searched for a name.
const SEARCHED_MAX: usize = 16;

/// Adds what a value becomes by a patch. Both are nested only as deep as runs may be.
/// Complexity: O(bytes of both), O(n log n) in the members of objects.
pub(crate) fn merge(value: Option<Value<'_>>, patch: Value<'_>, builder: &mut Builder) {
    let Node::Object(changes) = patch.node() else { return builder.copy(patch) };
    let open = builder.open(true);
    let count = match value.map(Value::node) {
        Some(Node::Object(members)) => merge_members(members, changes, builder),
        _ => add_all(changes, builder),
    };
    builder.close(&open, count);
}

/// Adds what a value becomes by a patch at some places in it, which are in order; one may be in another, and is patched before that.
/// Complexity: O(bytes) for each level of places within each other.
pub(crate) fn merge_at_all(value: Value<'_>, places: &[usize], patch: Value<'_>, builder: &mut Builder) {
    let from = places.partition_point(|place| *place < value.place());
    let to = places.partition_point(|place| *place < value.end());
    let (is_place, inner) = match &places[from..to] {
        [first, inner @ ..] if *first == value.place() => (true, inner),
        inner => (false, inner),
    };
    let (Node::Array(container) | Node::Object(container), false) = (value.node(), inner.is_empty()) else {
        return if is_place { merge(Some(value), patch, builder) } else { builder.copy(value) };
    };
    let is_object = matches!(value.node(), Node::Object(_));
    let mut changed = Builder::default();
    let open = changed.open(is_object);
    if is_object {
        for (name, member) in container.members() {
            changed.text(name);
            merge_at_all(member, inner, patch, &mut changed);
        }
    } else {
        container.elements().for_each(|element| merge_at_all(element, inner, patch, &mut changed));
    }
    changed.close(&open, container.len());
    let changed = changed.finish();
    let changed = Value::root(&changed);
    if is_place { merge(Some(changed), patch, builder) } else { builder.copy(changed) }
}

/// Adds what an object becomes that was none before.
fn add_all(changes: Container<'_>, builder: &mut Builder) -> usize {
    let mut count = 0;
    for (name, change) in changes.members().filter(|(_, change)| !is_null(*change)) {
        builder.text(name);
        merge(None, change, builder);
        count += 1;
    }
    count
}

fn merge_members(members: Container<'_>, changes: Container<'_>, builder: &mut Builder) -> usize {
    let (known, change_of) = (Lookup::new(members), Lookup::new(changes));
    let nulls = changes.members().filter(|(_, change)| is_null(*change));
    let gone: Vec<usize> = nulls.filter_map(|(name, _)| known.get(name).map(|(index, _)| index)).collect();
    let mut count = 0;
    for (name, value) in without_members(members, &gone) {
        builder.text(name);
        match change_of.get(name) {
            Some((_, change)) => merge(Some(value), change, builder),
            None => builder.copy(value),
        }
        count += 1;
    }
    for (name, change) in changes.members() {
        if !is_null(change) && known.get(name).is_none() {
            builder.text(name);
            merge(None, change, builder);
            count += 1;
        }
    }
    count
}

fn is_null(value: Value<'_>) -> bool {
    matches!(value.node(), Node::Null)
}

/// Looks members up, with their indexes: those of large objects by a table.
enum Lookup<'a> {
    Search(Container<'a>),
    Table(BTreeMap<&'a [u8], (usize, Value<'a>)>),
}

impl<'a> Lookup<'a> {
    fn new(members: Container<'a>) -> Self {
        if members.len() <= SEARCHED_MAX {
            return Self::Search(members);
        }
        Self::Table(
            members.members().enumerate().map(|(index, (name, value))| (name, (index, value))).collect(),
        )
    }

    fn get(&self, name: &[u8]) -> Option<(usize, Value<'a>)> {
        match self {
            Self::Search(members) => {
                let mut members = members.members().enumerate();
                members.find(|(_, (found, _))| *found == name).map(|(index, (_, value))| (index, value))
            }
            Self::Table(table) => table.get(name).copied(),
        }
    }
}
