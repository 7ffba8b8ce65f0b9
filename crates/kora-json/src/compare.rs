//! Whether two values are equal.

use std::collections::BTreeMap;

use crate::packed::{Container, Node, Value};

/// Members up to which objects are compared by looking names up one by one.
const SEARCHED_MAX: usize = 16;

/// Whether two values are equal: integers and doubles are not, the order of members does not count.
/// Complexity: O(bytes), O(n log n) in the members of objects.
#[must_use]
pub fn are_equal(one: Value<'_>, other: Value<'_>) -> bool {
    if one.bytes() == other.bytes() {
        return true;
    }
    match (one.node(), other.node()) {
        (Node::Array(one), Node::Array(other)) => {
            one.len() == other.len()
                && one.elements().zip(other.elements()).all(|(one, other)| are_equal(one, other))
        }
        (Node::Object(one), Node::Object(other)) => one.len() == other.len() && are_members_equal(one, other),
        (Node::Number(one), Node::Number(other)) => one == other,
        _ => false,
    }
}

fn are_members_equal(one: Container<'_>, other: Container<'_>) -> bool {
    if other.len() <= SEARCHED_MAX {
        return one
            .members()
            .all(|(name, value)| other.member(name).is_some_and(|other| are_equal(value, other)));
    }
    let names: BTreeMap<&[u8], Value<'_>> = other.members().collect();
    one.members().all(|(name, value)| names.get(name).is_some_and(|other| are_equal(value, *other)))
}
