//! The values of a document for replies, sorting and expressions: from its hash or JSON value, or from what its index keeps.

use kora_core::entry::Entry;
use kora_core::types::hash::HashRef;
use kora_index::document::SortKey;
use kora_index::schema::{FieldKind, Source};
use kora_json::{Node, Path, Value as JsonValue};

use crate::companion::{IndexPart, json_of, text_of_value};
use crate::number::whole_number;
use crate::query::Dialect;
use crate::service::{Declaration, path};
use crate::value::Value;

/// A name, and where its value is.
pub(super) struct Wanted {
    place: Option<usize>,
    from: From,
}

enum From {
    Key,
    Field(String),
    Path(Path),
    Nothing,
}

impl Wanted {
    /// Of a field of the index, or else of a field of hashes or a path.
    pub(super) fn new(declaration: &Declaration, name: &str) -> Self {
        let place = declaration.place(name);
        let identifier = place.map_or(name, |place| &declaration.schema.fields[place].identifier);
        let from = match declaration.schema.source {
            _ if name == "__key" && place.is_none() => From::Key,
            Source::Hash => From::Field(identifier.to_owned()),
            Source::Json => path(identifier).map_or(From::Nothing, From::Path),
        };
        Self { place, from }
    }

    /// The value of a document: the one that the index keeps, if that is the document's own, or else the document's.
    pub(super) fn value(
        &self,
        part: &IndexPart,
        document: u32,
        entry: &Entry,
        dialect: Dialect,
    ) -> Option<Value> {
        let is_kept_whole = |place: &usize| {
            let field = &part.declaration.schema.fields[*place];
            field.sortable && field.un_normalised
        };
        let kept = self.place.filter(is_kept_whole).map(|place| part.index.sortable(document, place));
        match kept {
            Some(SortKey::Number(number)) => Some(Value::Number(number)),
            Some(SortKey::Text(text)) => Some(Value::text(text)),
            _ => self.read(entry, dialect),
        }
    }

    /// The document's own value.
    pub(super) fn read(&self, entry: &Entry, dialect: Dialect) -> Option<Value> {
        match &self.from {
            From::Key => Some(Value::text(entry.key())),
            From::Field(name) => {
                HashRef::of(entry)?.get(name.as_bytes()).map(|field| Value::text(field.value.to_vec()))
            }
            From::Path(path) => found(path, json_of(entry)?.root(), dialect),
            From::Nothing => None,
        }
    }

    /// What a document is sorted by whose index keeps no value: a number if the field is numeric, else a text in lower case.
    pub(super) fn sort_value(&self, declaration: &Declaration, entry: &Entry) -> Option<Value> {
        let value = self.read(entry, Dialect::DEFAULT)?;
        let field = &declaration.schema.fields[self.place?];
        match (&field.kind, &value) {
            (FieldKind::Numeric, Value::Text(text)) => {
                std::str::from_utf8(text).ok().and_then(whole_number).map(Value::Number)
            }
            _ => Some(value),
        }
    }
}

/// What a path finds: the first value, or since dialect 3 all of them as a JSON array.
fn found(path: &Path, root: JsonValue<'_>, dialect: Dialect) -> Option<Value> {
    if dialect.number() < 3 {
        return path.first(root).ok()?.map(value_of);
    }
    let all = path.find(root).ok()?;
    if all.is_empty() {
        return None;
    }
    let mut out = vec![b'['];
    for (place, value) in all.into_iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        kora_json::text::write(value, &mut out);
    }
    out.push(b']');
    Some(Value::text(out))
}

fn value_of(value: JsonValue<'_>) -> Value {
    match value.node() {
        Node::Null => Value::Null,
        Node::Bool(is_true) => Value::boolean(is_true),
        Node::Number(number) => Value::Number(number.as_f64()),
        _ => Value::text(text_of_value(value)),
    }
}

/// All of a document: the fields of a hash, or a JSON value under the name `$`.
pub(super) fn all(declaration: &Declaration, entry: &Entry, dialect: Dialect) -> Vec<(Vec<u8>, Value)> {
    let mut fields = Vec::new();
    match declaration.schema.source {
        Source::Hash => {
            if let Some(hash) = HashRef::of(entry) {
                hash.for_each(|field| fields.push((field.name.to_vec(), Value::text(field.value.to_vec()))));
            }
        }
        Source::Json => {
            let root = path("$").zip(json_of(entry));
            if let Some(value) = root.and_then(|(path, json)| found(&path, json.root(), dialect)) {
                fields.push((b"$".to_vec(), value));
            }
        }
    }
    fields
}
