//! From a JSON object to a document of an index: the scalars and vectors that its paths find.

use kora_index::document::{Content, Document, Values};
use kora_json::{Node, Value};

use crate::collection::{Declared, IndexKind};
use crate::condition::evaluate::scalar_of;
use crate::vector::{self, Misfit};

/// The scalars that an index has of a document: those in an array, or the one that there is.
pub(crate) fn scalars_of(index: &Declared, root: Value<'_>) -> Vec<Vec<u8>> {
    let Some(found) = index.path.find(root) else { return Vec::new() };
    let encoded = |value: Value<'_>| scalar_of(value).map(|scalar| scalar.encoded());
    match (&index.kind, found.node()) {
        (IndexKind::Array, Node::Array(array)) => array.elements().filter_map(encoded).collect(),
        (IndexKind::Array | IndexKind::Vector(_), _) => Vec::new(),
        _ => encoded(found).into_iter().collect(),
    }
}

/// The vector that an index on vectors has of a document: none of one without the field, or with null in it.
///
/// # Errors
/// If something else is there.
pub(crate) fn vector_of(index: &Declared, root: Value<'_>) -> Result<Option<Vec<u8>>, Misfit> {
    let Some(kind) = index.kind.vector() else { return Ok(None) };
    match index.path.find(root) {
        None => Ok(None),
        Some(value) if matches!(value.node(), Node::Null) => Ok(None),
        Some(value) => vector::of_json(kind, value).map(Some),
    }
}

/// What an index has of a document.
enum Held {
    Scalars(Vec<Vec<u8>>),
    /// What is no vector is left out.
    Vector(Option<Vec<u8>>),
}

impl Held {
    fn of(index: &Declared, root: Value<'_>) -> Self {
        match index.kind {
            IndexKind::Vector(_) => Self::Vector(vector_of(index, root).unwrap_or(None)),
            _ => Self::Scalars(scalars_of(index, root)),
        }
    }

    fn content(&self) -> Content<'_> {
        match self {
            Self::Scalars(scalars) => Content::Scalars(scalars.iter().map(Vec::as_slice).collect()),
            Self::Vector(Some(vector)) => Content::Vectors(vec![vector]),
            Self::Vector(None) => Content::Missing,
        }
    }
}

/// Calls with what an index is given of a document.
pub(super) fn with_document<R>(
    indexes: &[Declared],
    root: Value<'_>,
    order: u64,
    body: impl FnOnce(&Document<'_>) -> R,
) -> R {
    let found: Vec<Held> = indexes.iter().map(|index| Held::of(index, root)).collect();
    let fields = found.iter().map(|held| Values { content: held.content(), sort: None }).collect();
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
