//! Vectors in JSON values: an array of numbers is one, and a path may find several.

use kora_index::schema::VectorKind;
use kora_json::{Node, Path, Value as JsonValue};

use super::{Failing, Found, wrong_type};

/// The vectors among what a path finds. Null is none. An array of arrays is several, if the path is one that may find several.
pub(super) fn find(kind: &VectorKind, path: &Path, found: &[JsonValue<'_>]) -> Result<Found, Failing> {
    if found.is_empty() {
        return Ok(Found::Nothing);
    }
    let mut vectors = Vec::new();
    let is_alone = found.len() == 1;
    let inner: Vec<JsonValue<'_>>;
    let found = match found {
        [only] if may_find_several(path) => match only.node() {
            Node::Array(array) if array.elements().any(|one| matches!(one.node(), Node::Array(_))) => {
                inner = array.elements().collect();
                &inner
            }
            _ => found,
        },
        _ => found,
    };
    for value in found {
        match value.node() {
            Node::Null => {}
            Node::Array(_) => vectors.push(vector(kind, *value)?),
            _ if is_alone => return Err(wrong_type(*value)),
            _ => return Err(Failing::Type("Unsupported JSON type for a vector of several".into())),
        }
    }
    Ok(Found::Vectors(vectors))
}

/// Whether a path has a step that may find several values: one of `..`, `*`, a filter, a slice or a union.
fn may_find_several(path: &Path) -> bool {
    let mut quote = None;
    let mut before = ' ';
    for character in path.text().chars() {
        match quote {
            Some(open) if character == open && before != '\\' => quote = None,
            Some(_) => {}
            None if matches!(character, '"' | '\'') => quote = Some(character),
            None if matches!(character, '*' | '?' | ',' | ':') => return true,
            None if character == '.' && before == '.' => return true,
            None => {}
        }
        before = character;
    }
    false
}

/// The elements of an array, as an index is given them.
fn vector(kind: &VectorKind, value: JsonValue<'_>) -> Result<Vec<u8>, Failing> {
    let Node::Array(array) = value.node() else { return Err(wrong_type(value)) };
    let count = array.elements().count();
    if count == 0 {
        return Err("Empty array for vector field on JSON document".into());
    }
    if count != kind.dimensions {
        let text = format!("Invalid vector length. Expected {}, got {count}", kind.dimensions);
        return Err(Failing::Type(text.into()));
    }
    let mut blob = Vec::with_capacity(count * kind.element.bytes());
    for (place, element) in array.elements().enumerate() {
        let Node::Number(number) = element.node() else {
            return Err(Failing::Type(format!("Invalid vector element at index {place}").into()));
        };
        if !kind.element.push(number.as_f64(), &mut blob) {
            return Err(Failing::Type(format!("Invalid vector element at index {place}").into()));
        }
    }
    Ok(blob)
}
