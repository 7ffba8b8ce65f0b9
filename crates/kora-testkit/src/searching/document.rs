//! What an index should see in a key.

use kora_core::reply::Value;
use serde_json::Value as Json;

use super::schema::{Field, Kind, Schema};

/// What a field of a document holds.
#[derive(Clone, Debug)]
pub(super) enum Held<T> {
    Nothing,
    Values(Vec<T>),
    /// What the type of the field does not allow: the whole document is in no index over the field.
    Misfit,
}

impl<T> Held<T> {
    fn one(value: Option<T>) -> Self {
        value.map_or(Self::Misfit, |value| Self::Values(vec![value]))
    }

    /// Its values.
    pub(super) fn values(&self) -> &[T] {
        match self {
            Self::Values(values) => values,
            Self::Nothing | Self::Misfit => &[],
        }
    }

    fn is_misfit(&self) -> bool {
        matches!(self, Self::Misfit)
    }
}

/// What a query without a word about it shows of a document.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Shown {
    /// Fields and their values, sorted.
    Fields(Vec<(Vec<u8>, Vec<u8>)>),
    /// JSON.
    Text(Vec<u8>),
}

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Document {
    pub(super) key: Vec<u8>,
    pub(super) shown: Shown,
    /// Texts, each as its words.
    pub(super) texts: Held<Vec<String>>,
    /// Tags as they are written.
    pub(super) tags: Held<String>,
    pub(super) numbers: Held<f64>,
    /// Longitude and latitude.
    pub(super) points: Held<(f64, f64)>,
    pub(super) vectors: Held<[f32; 2]>,
}

impl Document {
    /// What HGETALL replies; none if that is no hash.
    pub(super) fn of_hash(key: &[u8], reply: &Value) -> Option<Self> {
        let Value::Array(parts) = reply else { return None };
        let bytes: Vec<Vec<u8>> = parts.iter().map(bytes).collect();
        let mut fields: Vec<_> =
            bytes.chunks_exact(2).map(|pair| (pair[0].clone(), pair[1].clone())).collect();
        fields.sort();
        if fields.is_empty() {
            return None;
        }
        let get = |field: Field| {
            fields.iter().find(|(name, _)| name == field.name().as_bytes()).map(|(_, value)| value.as_slice())
        };
        let text = |field: Field| get(field).map(|value| String::from_utf8_lossy(value).into_owned());
        let tags = |text: String| {
            text.split(',').map(|tag| tag.trim().to_owned()).filter(|tag| !tag.is_empty()).collect()
        };
        Some(Self {
            key: key.to_vec(),
            texts: text(Field::Text).map_or(Held::Nothing, |text| Held::Values(vec![words(&text)])),
            tags: text(Field::Tag).map_or(Held::Nothing, |text| Held::Values(tags(text))),
            numbers: text(Field::Number).map_or(Held::Nothing, |text| Held::one(text.parse().ok())),
            points: text(Field::Point).map_or(Held::Nothing, |text| Held::one(point(&text))),
            vectors: get(Field::Vector).map_or(Held::Nothing, |bytes| Held::one(vector(bytes))),
            shown: Shown::Fields(fields),
        })
    }

    /// What JSON.GET replies; none if that is no JSON object.
    pub(super) fn of_json(key: &[u8], reply: &Value) -> Option<Self> {
        let Value::Bulk(text) = reply else { return None };
        let root: Json = serde_json::from_slice(text).ok()?;
        // Paths find nothing in what is no object, which is a document all the same.
        let get = |field: Field| root.get(field.name()).filter(|value| !value.is_null());
        Some(Self {
            key: key.to_vec(),
            shown: Shown::Text(text.clone()),
            texts: each(get(Field::Text), |value| value.as_str().map(words)),
            tags: each(get(Field::Tag), |value| value.as_str().map(str::to_owned)),
            numbers: each(get(Field::Number), Json::as_f64),
            points: each(get(Field::Point), |value| value.as_str().and_then(point)),
            vectors: get(Field::Vector).map_or(Held::Nothing, |value| Held::one(vector_of_json(value))),
        })
    }

    fn kind(&self) -> Kind {
        match self.shown {
            Shown::Fields(_) => Kind::Hash,
            Shown::Text(_) => Kind::Json,
        }
    }

    /// Whether an index holds it.
    pub(super) fn is_in(&self, schema: &Schema) -> bool {
        let fits = |field: &Field| match field {
            Field::Text => !self.texts.is_misfit(),
            Field::Tag => !self.tags.is_misfit(),
            Field::Number => !self.numbers.is_misfit(),
            Field::Point => !self.points.is_misfit(),
            Field::Vector => !self.vectors.is_misfit(),
        };
        let passes = schema
            .below
            .is_none_or(|below| self.numbers.values().first().is_some_and(|number| *number < below.into()));
        self.kind() == schema.kind
            && self.key.starts_with(b"doc:")
            && schema.fields.iter().all(fits)
            && passes
    }

    /// Whether some of its texts has a word of which this holds.
    pub(super) fn has_word(&self, holds: impl Fn(&str) -> bool) -> bool {
        self.texts.values().iter().flatten().any(|word| holds(word))
    }
}

/// What a value holds, or each element of an array.
fn each<T>(value: Option<&Json>, read: impl Fn(&Json) -> Option<T>) -> Held<T> {
    match value {
        None => Held::Nothing,
        Some(Json::Array(elements)) => {
            let values: Option<Vec<T>> =
                elements.iter().filter(|element| !element.is_null()).map(read).collect();
            values.map_or(Held::Misfit, Held::Values)
        }
        Some(value) => Held::one(read(value)),
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

fn point(text: &str) -> Option<(f64, f64)> {
    let (longitude, latitude) = text.split_once(',')?;
    Some((longitude.parse().ok()?, latitude.parse().ok()?))
}

fn vector(bytes: &[u8]) -> Option<[f32; 2]> {
    let (one, other) = bytes.split_first_chunk::<4>()?;
    let other = <[u8; 4]>::try_from(other).ok()?;
    Some([f32::from_le_bytes(*one), f32::from_le_bytes(other)])
}

#[expect(clippy::cast_possible_truncation, reason = "the elements are small whole numbers")]
fn vector_of_json(value: &Json) -> Option<[f32; 2]> {
    let elements: Option<Vec<f32>> =
        value.as_array()?.iter().map(|element| element.as_f64().map(|number| number as f32)).collect();
    elements?.try_into().ok()
}

/// The bytes of a text.
pub(super) fn bytes(value: &Value) -> Vec<u8> {
    match value {
        Value::Bulk(bytes) => bytes.clone(),
        Value::Simple(text) | Value::Error(text) => text.clone().into_bytes(),
        other => format!("{other:?}").into_bytes(),
    }
}
