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

#[cfg(test)]
mod tests {
    use kora_index::scalar::Scalar;
    use kora_json::Json;

    use super::*;
    use crate::path::Path;

    #[test]
    fn an_index_has_the_scalars_of_its_path() {
        let json = Json::parse(r#"{"a":[1,"x",[2],{"b":3},null,1.0],"b":{"c":true},"d":5}"#).unwrap();
        let of = |path: &str, kind: IndexKind| {
            scalars_of(&Declared { path: Path::parse(path.as_bytes()).unwrap(), kind }, json.root())
        };
        let one = Scalar::Integer(1).encoded();
        let elements = vec![one.clone(), Scalar::Text(b"x").encoded(), Scalar::Null.encoded(), one.clone()];
        assert_eq!(of("a", IndexKind::Array), elements);
        assert_eq!(of("a", IndexKind::Sorted), Vec::<Vec<u8>>::new());
        assert_eq!(of("a.0", IndexKind::Hash), [one]);
        assert_eq!(of("b.c", IndexKind::Unique), [Scalar::Bool(true).encoded()]);
        assert!(of("d", IndexKind::Array).is_empty() && of("b", IndexKind::Hash).is_empty());
        assert!(of("nothing", IndexKind::Hash).is_empty());
        with_document(&[], json.root(), 7, |document| {
            assert_eq!(document.order, 7);
            assert_eq!(document.length, u32::try_from(json.root().bytes().len()).ok());
        });
    }
}
