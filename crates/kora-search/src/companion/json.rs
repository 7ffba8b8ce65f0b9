//! Documents in JSON values.
//!
//! A field is what its path finds. Several values, or an array, are several values of the field, of which null is none; the field is missing only if
//! the path finds nothing at all. Sorted is by the first.

mod vectors;

use std::borrow::Cow;

use kora_core::entry::Entry;
use kora_index::document::{Content, Document, SortValue, Values};
use kora_index::schema::{Field, FieldKind, Language};
use kora_json::{Json, Node, Path, Value as JsonValue};

use super::extract::{point_of, score_of};
use super::failures::Failure;
use crate::command::create::language;
use crate::service::{Column, Declaration, path};
use crate::value::Value;

/// The JSON value that an entry holds.
pub(crate) fn json_of(entry: &Entry) -> Option<&Json> {
    entry.as_object()?.as_any().downcast_ref()
}

/// A JSON value as the text that replies and expressions have of it: a text as it is, everything else as JSON.
pub(crate) fn text_of_value(value: JsonValue<'_>) -> Vec<u8> {
    match value.node() {
        Node::Text(text) => text.to_vec(),
        _ => kora_json::text::of(value),
    }
}

/// What a name in the index's filter means.
pub(super) fn column(key: &[u8], root: JsonValue<'_>, column: &Column) -> Option<Value> {
    match column {
        Column::Key => Some(Value::text(key)),
        Column::Path(path) => path.first(root).ok()?.map(value_of),
        Column::Field(_) | Column::Nothing => None,
    }
}

fn value_of(value: JsonValue<'_>) -> Value {
    match value.node() {
        Node::Null => Value::Null,
        Node::Bool(is_true) => Value::boolean(is_true),
        Node::Number(number) => Value::Number(number.as_f64()),
        _ => Value::text(text_of_value(value)),
    }
}

/// What an index looks at in a JSON value.
pub(super) struct Fields {
    values: Vec<Found>,
    language: Option<Language>,
    score: Option<f64>,
    payload: Option<Vec<u8>>,
}

/// What the path of a field found.
#[derive(Default)]
enum Found {
    #[default]
    Nothing,
    Texts(Vec<Vec<u8>>),
    Tags(Vec<Vec<u8>>),
    Numbers(Vec<f64>),
    /// Points, and the text of the first.
    Points(Vec<(f64, f64)>, Option<Vec<u8>>),
    Vectors(Vec<Vec<u8>>),
}

impl Fields {
    /// # Errors
    /// If a value is not of its field's type.
    pub(super) fn read(declaration: &Declaration, json: &Json) -> Result<Self, Failure> {
        let (root, schema) = (json.root(), &declaration.schema);
        let mut values = Vec::with_capacity(schema.fields.len());
        for (place, (field, path)) in schema.fields.iter().zip(&declaration.paths).enumerate() {
            let found = path.as_ref().map_or(Ok(Found::Nothing), |path| find(field, path, root));
            values.push(found.map_err(|failing| failing.at(place))?);
        }
        let text = |name: Option<&String>| {
            let path = name.and_then(|name| path(name))?;
            Some(text_of_value(path.first(root).ok()??))
        };
        Ok(Self {
            values,
            language: text(schema.language_field.as_ref()).and_then(|text| language(&text)),
            score: text(schema.score_field.as_ref()).and_then(|text| score_of(&text)),
            payload: text(schema.payload_field.as_ref()),
        })
    }

    pub(super) fn document(&self, declaration: &Declaration) -> Document<'_> {
        let fields = declaration.schema.fields.iter().zip(&self.values);
        Document {
            fields: fields.map(|(field, found)| found.values(field.sortable)).collect(),
            language: self.language.as_ref().map(|language| &*language.0),
            score: self.score,
            payload: self.payload.as_deref(),
            length: None,
            order: 0,
        }
    }
}

impl Found {
    fn values(&self, is_sortable: bool) -> Values<'_> {
        let of =
            |texts: &'_ [Vec<u8>]| is_sortable.then(|| texts.first().cloned().map(SortValue::Text)).flatten();
        match self {
            Self::Nothing => Values::default(),
            Self::Texts(texts) => {
                Values { content: Content::Text(texts.iter().map(Vec::as_slice).collect()), sort: of(texts) }
            }
            Self::Tags(texts) => {
                Values { content: Content::Tags(texts.iter().map(Vec::as_slice).collect()), sort: of(texts) }
            }
            Self::Numbers(numbers) => {
                let first = numbers.first().copied().filter(|_| is_sortable);
                Values { content: Content::Numbers(numbers.clone()), sort: first.map(SortValue::Number) }
            }
            Self::Vectors(vectors) => {
                let content = Content::Vectors(vectors.iter().map(Vec::as_slice).collect());
                Values { content, sort: None }
            }
            Self::Points(points, text) => {
                let sort = text.clone().filter(|_| is_sortable).map(SortValue::Text);
                Values { content: Content::Points(points.clone()), sort }
            }
        }
    }
}

/// The values that a path finds: an array found alone stands for its elements. Null is no value, but it is found.
fn find(field: &Field, path: &Path, root: JsonValue<'_>) -> Result<Found, Failing> {
    let found = path.find(root).map_err(|_| Failing::Value("Too many values of a path".to_owned()))?;
    if let FieldKind::Vector(kind) = &field.kind {
        return vectors::find(kind, path, &found);
    }
    let (values, is_array) = match found.as_slice() {
        [] => return Ok(Found::Nothing),
        [only] => match only.node() {
            Node::Array(array) => (array.elements().collect(), true),
            _ => (found, false),
        },
        _ => (found, true),
    };
    let values: Vec<_> = values.into_iter().filter(|value| !matches!(value.node(), Node::Null)).collect();
    match field.kind {
        FieldKind::Text { .. } => texts(&values, is_array, false).map(Found::Texts),
        FieldKind::Tag { .. } => texts(&values, is_array, !is_array).map(Found::Tags),
        FieldKind::Numeric => {
            let number = |value: &JsonValue<'_>| match value.node() {
                Node::Number(number) => Ok(number.as_f64()),
                _ if is_array => Err("NUMERIC fields can only contain numeric or nulls".into()),
                _ => Err(wrong_type(*value)),
            };
            values.iter().map(number).collect::<Result<_, _>>().map(Found::Numbers)
        }
        FieldKind::Geo => {
            let texts = texts(&values, is_array, false)?;
            let point = |text: &Vec<u8>| point_of(text).map_err(Failing::Value);
            let points = texts.iter().map(point).collect::<Result<_, _>>()?;
            Ok(Found::Points(points, values.first().map(|value| text_of_value(*value))))
        }
        FieldKind::Vector(_) | FieldKind::Scalar => Ok(Found::Nothing),
    }
}

/// What is wrong with a value.
enum Failing {
    /// Its type: FT.INFO tells that of the index, and not of the field.
    Type(Cow<'static, str>),
    /// It itself.
    Value(String),
}

impl From<&'static str> for Failing {
    fn from(text: &'static str) -> Self {
        Self::Type(text.into())
    }
}

impl Failing {
    fn at(self, place: usize) -> Failure {
        match self {
            Self::Type(text) => Failure::new(text, None),
            Self::Value(text) => Failure::new(text, Some(place)),
        }
    }
}

fn texts(values: &[JsonValue<'_>], is_array: bool, admits_booleans: bool) -> Result<Vec<Vec<u8>>, Failing> {
    let text = |value: &JsonValue<'_>| match value.node() {
        Node::Text(text) => Ok(text.to_vec()),
        Node::Bool(is_true) if admits_booleans => Ok(is_true.to_string().into_bytes()),
        _ if is_array => Err("TEXT/TAG fields can only contain strings or nulls".into()),
        _ => Err(wrong_type(*value)),
    };
    values.iter().map(text).collect()
}

fn wrong_type(value: JsonValue<'_>) -> Failing {
    let text = match value.node() {
        Node::Bool(_) => "Invalid JSON type: Boolean type can be represent only TAG field",
        Node::Number(_) => "Invalid JSON type: Numeric type can represent only NUMERIC field",
        Node::Object(_) => "Invalid JSON type: Object type can represent only GEOMETRY fields",
        _ => "Invalid JSON type: String type can represent only TEXT, TAG, GEO or GEOMETRY field",
    };
    Failing::Type(text.into())
}
