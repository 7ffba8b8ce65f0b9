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
#[derive(Debug)]
pub(super) struct Wanted {
    place: Option<usize>,
    is_numeric: bool,
    from: From,
}

#[derive(Debug)]
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
        let is_numeric =
            place.is_some_and(|place| matches!(declaration.schema.fields[place].kind, FieldKind::Numeric));
        Self { place, is_numeric, from }
    }

    /// Of a name, as LOAD * loads it: the value of a hash's field is a text, whatever the index takes it for.
    pub(super) fn as_it_is(declaration: &Declaration, name: &str) -> Self {
        match declaration.schema.source {
            Source::Hash => Self { place: None, is_numeric: false, ..Self::new(declaration, name) },
            Source::Json => Self::new(declaration, name),
        }
    }

    /// The value of a document: the one that the index keeps, if that is the document's own, or else the document's.
    pub(super) fn value(
        &self,
        part: &IndexPart,
        document: u32,
        entry: &Entry,
        dialect: Dialect,
    ) -> Option<Value> {
        self.kept(part, document).or_else(|| self.read(entry, dialect))
    }

    /// The value of a document that the index keeps, if that is the document's own.
    pub(super) fn kept(&self, part: &IndexPart, document: u32) -> Option<Value> {
        let is_kept_whole = |place: &usize| {
            let field = &part.declaration.schema.fields[*place];
            field.sortable && field.un_normalised
        };
        let kept = self.place.filter(is_kept_whole).map(|place| part.index.sortable(document, place));
        match kept {
            Some(SortKey::Number(number)) => Some(Value::Number(number)),
            Some(SortKey::Text(text)) => Some(Value::text(text)),
            _ => None,
        }
    }

    /// The document's own value.
    pub(super) fn read(&self, entry: &Entry, dialect: Dialect) -> Option<Value> {
        match &self.from {
            From::Key => Some(Value::text(entry.key())),
            From::Field(name) => {
                let text = HashRef::of(entry)?.get(name.as_bytes())?.value.to_vec();
                let number = || std::str::from_utf8(&text).ok().and_then(whole_number).map(Value::Number);
                let number = if self.is_numeric { number() } else { None };
                Some(number.unwrap_or_else(|| Value::text(&text)))
            }
            From::Path(path) => found(path, json_of(entry)?.root(), dialect),
            From::Nothing => None,
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
    Some(Value::Json(out.into()))
}

fn value_of(value: JsonValue<'_>) -> Value {
    match value.node() {
        Node::Null => Value::Null,
        Node::Bool(is_true) => Value::boolean(is_true),
        Node::Number(number) => Value::Number(number.as_f64()),
        _ => Value::text(text_of_value(value)),
    }
}

/// Whether a field of a hash says something of the document itself, and is no field of it.
pub(super) fn is_own(declaration: &Declaration, name: &[u8]) -> bool {
    let schema = &declaration.schema;
    let own = [&schema.language_field, &schema.score_field, &schema.payload_field];
    schema.source == Source::Hash && own.into_iter().flatten().any(|own| own.as_bytes() == name)
}

/// All of a document: the fields of a hash, or a JSON value under the name `$`.
pub(super) fn all(declaration: &Declaration, entry: &Entry, dialect: Dialect) -> Vec<(Vec<u8>, Value)> {
    let mut fields = Vec::new();
    match declaration.schema.source {
        Source::Hash => {
            if let Some(hash) = HashRef::of(entry) {
                hash.for_each(|field| {
                    let name = field.name.to_vec();
                    if !is_own(declaration, &name) {
                        fields.push((name, Value::text(field.value.to_vec())));
                    }
                });
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
