//! From a JSON object to a document of an index: the scalars that its paths find.

use kora_index::document::{Content, Document, Values};
use kora_json::{Node, Value};

use crate::collection::{Declared, IndexKind};
use crate::condition::evaluate::scalar_of;

/// The scalars that an index has of a document: those in an array, or the one that there is.
pub(crate) fn scalars_of(index: &Declared, root: Value<'_>) -> Vec<Vec<u8>> {
    let Some(found) = index.path.find(root) else { return Vec::new() };
    let encoded = |value: Value<'_>| scalar_of(value).map(|scalar| scalar.encoded());
    match (index.kind, found.node()) {
        (IndexKind::Array, Node::Array(array)) => array.elements().filter_map(encoded).collect(),
        (IndexKind::Array, _) => Vec::new(),
        _ => encoded(found).into_iter().collect(),
    }
}

/// Calls with what an index is given of a document.
pub(super) fn with_document<R>(
    indexes: &[Declared],
    root: Value<'_>,
    order: u64,
    body: impl FnOnce(&Document<'_>) -> R,
) -> R {
    let found: Vec<Vec<Vec<u8>>> = indexes.iter().map(|index| scalars_of(index, root)).collect();
    let fields = found
        .iter()
        .map(|scalars| Values {
            content: Content::Scalars(scalars.iter().map(Vec::as_slice).collect()),
            sort: None,
        })
        .collect();
    let length = u32::try_from(root.bytes().len()).unwrap_or(u32::MAX);
    body(&Document { fields, length: Some(length), order, ..Document::default() })
}
