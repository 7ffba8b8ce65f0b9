//! Taking values out. In an object, the last member takes the place of one that goes, as in RedisJSON.

use crate::packed::{Builder, Container, Node, Value};

/// The run without the values at these places, which are in order and not the root; those inside of others go with them.
/// Complexity: O(bytes + n log n) for n places.
pub(crate) fn remove(root: Value<'_>, places: &[usize]) -> Vec<u8> {
    let mut builder = Builder::with_capacity(root.bytes().len());
    add_without(root, places, &mut builder);
    builder.finish()
}

/// Adds a value without those at some places in it. Values are nested only as deep as runs may be.
fn add_without(value: Value<'_>, places: &[usize], builder: &mut Builder) {
    let places = within(places, value);
    let (container, is_object) = match value.node() {
        Node::Array(container) if !places.is_empty() => (container, false),
        Node::Object(container) if !places.is_empty() => (container, true),
        _ => return builder.copy(value),
    };
    let is_gone = |inner: Value<'_>| places.binary_search(&inner.place()).is_ok();
    let open = builder.open(is_object);
    let mut count = 0;
    if is_object {
        let values = container.values(true).enumerate();
        let gone: Vec<usize> = values.filter(|(_, inner)| is_gone(*inner)).map(|(index, _)| index).collect();
        for (name, inner) in without_members(container, &gone) {
            builder.text(name);
            add_without(inner, places, builder);
            count += 1;
        }
    } else {
        for inner in container.elements().filter(|&inner| !is_gone(inner)) {
            add_without(inner, places, builder);
            count += 1;
        }
    }
    builder.close(&open, count);
}

/// The members that stay when those with these distinct indexes go one after the other, in the order in which they then are.
/// Complexity: O(members).
pub(crate) fn without_members<'a>(object: Container<'a>, gone: &[usize]) -> Vec<(&'a [u8], Value<'a>)> {
    let mut members: Vec<_> = object.members().collect();
    // Where each member is now, by where it was, and the other way round.
    let mut now: Vec<usize> = (0..members.len()).collect();
    let mut was = now.clone();
    for &first in gone {
        let at = now[first];
        members.swap_remove(at);
        was.swap_remove(at);
        if let Some(&moved) = was.get(at) {
            now[moved] = at;
        }
    }
    members
}

/// Those of the places that are inside of a value.
fn within<'p>(places: &'p [usize], value: Value<'_>) -> &'p [usize] {
    let from = places.partition_point(|&place| place <= value.place());
    let to = places.partition_point(|&place| place < value.end());
    places.get(from..to).unwrap_or_default()
}
