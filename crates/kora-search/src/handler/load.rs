//! The values of a document for replies, sorting and expressions: from its hash or JSON value, or from what its index keeps.

use kora_core::entry::Entry;
use kora_core::types::hash::HashRef;
use kora_index::document::SortKey;
use kora_index::schema::{FieldKind, Source};
use kora_json::{Node, Path, Value as JsonValue};

use super::ask::PartSearch;
use crate::aggregate::{self, Origin, Pipeline, Row};
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
    kept: Kept,
}

#[derive(Debug)]
enum From {
    Key,
    Field(String),
    Path(Path),
    Nothing,
}

/// What the rows of a pipeline are filled with, by column.
#[derive(Debug)]
pub(super) struct Columns(Vec<(usize, Wanted)>);

impl Columns {
    /// Those that a pipeline's steps ask for; `loads_all`: some step loads everything.
    pub(super) fn of(
        pipeline: &Pipeline,
        declaration: &Declaration,
        loads_all: bool,
        dialect: Dialect,
    ) -> Self {
        let wanted = |source| Wanted::of_source(declaration, source, loads_all, dialect);
        Self(pipeline.sources().iter().map(|source| (source.column, wanted(source))).collect())
    }

    /// Sets the columns of a document's row. The document itself is looked up only for what the index does not keep.
    pub(super) fn fill(&self, row: &mut Row, part: &PartSearch<'_>, document: u32) {
        let mut entry = None;
        for (column, wanted) in &self.0 {
            let read = || *entry.get_or_insert_with(|| part.entry(document));
            let value = wanted.value(part.part, document, read, part.question().dialect);
            if let Some(value) = value {
                row.set(*column, value);
            }
        }
    }

    /// Whether no step asks for any.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether the documents must be looked at.
    pub(super) fn read_documents(&self) -> bool {
        self.0.iter().any(|(_, wanted)| wanted.reads_documents())
    }
}

/// When what the index keeps of a field is taken instead of what the document has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kept {
    Never,
    Always,
    /// Unless the document has none, or several values or an array.
    IfSingle,
}

impl Wanted {
    /// Of what a step asks for; `loads_all`: some step loads everything.
    fn of_source(
        declaration: &Declaration,
        source: &aggregate::Source,
        loads_all: bool,
        dialect: Dialect,
    ) -> Self {
        let field = &source.field;
        match source.origin {
            Origin::Index => Self::kept_of(declaration, field, dialect),
            Origin::Document if !loads_all => Self::new(declaration, field, dialect),
            Origin::Document | Origin::AsItIs => Self::as_it_is(declaration, field, dialect),
        }
    }

    /// Of a field of the index, or else of a field of hashes or a path: what the document has.
    pub(super) fn new(declaration: &Declaration, name: &str, dialect: Dialect) -> Self {
        let place = declaration.place(name);
        let field = place.map(|place| &declaration.schema.fields[place]);
        let identifier = field.map_or(name, |field| &field.identifier);
        let from = match declaration.schema.source {
            _ if name == "__key" && place.is_none() => From::Key,
            Source::Hash => From::Field(identifier.to_owned()),
            Source::Json => path(identifier).map_or(From::Nothing, From::Path),
        };
        let is_numeric = field.is_some_and(|field| matches!(field.kind, FieldKind::Numeric));
        let kept = match (field, &declaration.schema.source) {
            (Some(field), Source::Hash) if field.sortable && field.un_normalised => Kept::Always,
            (Some(field), Source::Json) if field.sortable && shows_arrays(dialect) => Kept::IfSingle,
            _ => Kept::Never,
        };
        Self { place, is_numeric, from, kept }
    }

    /// Of a sortable field: what the index keeps.
    pub(super) fn kept_of(declaration: &Declaration, name: &str, dialect: Dialect) -> Self {
        let wanted = Self::new(declaration, name, dialect);
        let kept = if wanted.kept == Kept::IfSingle { Kept::IfSingle } else { Kept::Always };
        Self { kept, ..wanted }
    }

    /// Of a name, as LOAD * loads it: the value of a hash's field is a text, whatever the index takes it for.
    pub(super) fn as_it_is(declaration: &Declaration, name: &str, dialect: Dialect) -> Self {
        let wanted = Self::new(declaration, name, dialect);
        match declaration.schema.source {
            Source::Hash => Self { place: None, is_numeric: false, kept: Kept::Never, ..wanted },
            Source::Json => wanted,
        }
    }

    /// Whether the documents must be looked at.
    fn reads_documents(&self) -> bool {
        self.kept != Kept::Always
    }

    /// The value of a document. `entry` gives the document, if it is still there.
    pub(super) fn value<'a>(
        &self,
        part: &IndexPart,
        document: u32,
        entry: impl FnOnce() -> Option<&'a Entry>,
        dialect: Dialect,
    ) -> Option<Value> {
        let kept = || match self.place.map(|place| part.index.sortable(document, place)) {
            Some(SortKey::Number(number)) => Some(Value::Number(number)),
            Some(SortKey::Text(text)) => Some(Value::text(text)),
            _ => None,
        };
        match self.kept {
            Kept::Never => self.read(entry()?, dialect),
            Kept::Always => kept(),
            Kept::IfSingle => {
                let entry = entry()?;
                if self.is_single(entry) { kept() } else { self.read(entry, dialect) }
            }
        }
    }

    /// Whether a document has nothing but one value that is no array.
    fn is_single(&self, entry: &Entry) -> bool {
        let (From::Path(path), Some(json)) = (&self.from, json_of(entry)) else { return false };
        let found = path.find(json.root()).unwrap_or_default();
        matches!(found[..], [one] if !matches!(one.node(), Node::Array(_)))
    }

    /// What a document is sorted by if the index does not keep it: since dialect 3 the first element of an array.
    pub(super) fn sort_value(&self, entry: &Entry, dialect: Dialect) -> Option<Value> {
        let From::Path(path) = &self.from else { return self.read(entry, dialect) };
        let first = path.first(json_of(entry)?.root()).ok()??;
        match first.node() {
            Node::Array(array) if shows_arrays(dialect) => array.elements().next().map(value_of),
            _ => Some(value_of(first)),
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

/// Whether what a path finds is an array.
pub(super) fn shows_arrays(dialect: Dialect) -> bool {
    dialect.number() >= 3
}

/// What a path finds: the first value, or since dialect 3 all of them as a JSON array.
fn found(path: &Path, root: JsonValue<'_>, dialect: Dialect) -> Option<Value> {
    if shows_arrays(dialect) { array_of(path.find(root).ok()?) } else { path.first(root).ok()?.map(value_of) }
}

/// A JSON array of all that a path finds.
fn array_of(all: Vec<JsonValue<'_>>) -> Option<Value> {
    // As in RediSearch, what has no first value has none.
    if all
        .first()
        .is_none_or(|first| matches!(first.node(), Node::Array(array) if array.elements().next().is_none()))
    {
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
            // The path `$` finds the root alone.
            let root = json_of(entry).map(|json| json.root());
            let is_array = shows_arrays(dialect);
            let value =
                root.and_then(|root| if is_array { array_of(vec![root]) } else { Some(value_of(root)) });
            if let Some(value) = value {
                fields.push((b"$".to_vec(), value));
            }
        }
    }
    fields
}
