//! Documents in hashes.

use kora_core::types::hash::HashRef;
use kora_index::document::{Content, Document, SortValue, Values};
use kora_index::schema::{FieldKind, Language};

use super::extract::{point_of, score_of};
use super::failures::Failure;
use crate::command::create::language;
use crate::service::{Column, Declaration};
use crate::value::Value;

/// The values of a hash that an index looks at.
pub(super) struct Fields<'a> {
    hash: HashRef<'a>,
    values: Vec<Option<Vec<u8>>>,
    language: Option<Language>,
    payload: Option<Vec<u8>>,
    score: Option<f64>,
}

impl<'a> Fields<'a> {
    pub(super) fn read(declaration: &Declaration, hash: HashRef<'a>) -> Self {
        let schema = &declaration.schema;
        let of = |name: Option<&String>| name.and_then(|name| value_of(hash, name.as_bytes()));
        Self {
            hash,
            values: schema.fields.iter().map(|field| value_of(hash, field.identifier.as_bytes())).collect(),
            language: of(schema.language_field.as_ref()).and_then(|text| language(&text)),
            payload: of(schema.payload_field.as_ref()),
            score: of(schema.score_field.as_ref()).and_then(|text| score_of(&text)),
        }
    }

    /// What a name in the index's filter means.
    pub(super) fn column(&self, key: &[u8], column: &Column) -> Option<Value> {
        match column {
            Column::Key => Some(Value::text(key)),
            Column::Field(name) => value_of(self.hash, name.as_bytes()).map(Value::text),
            Column::Path(_) | Column::Nothing => None,
        }
    }

    /// # Errors
    /// If a value is not of its field's type.
    pub(super) fn document(&self, declaration: &Declaration) -> Result<Document<'_>, Failure> {
        let mut fields = Vec::with_capacity(self.values.len());
        for (place, (field, value)) in declaration.schema.fields.iter().zip(&self.values).enumerate() {
            let Some(value) = value else {
                fields.push(Values::default());
                continue;
            };
            let values = values_of(&field.kind, value, field.sortable);
            fields.push(values.map_err(|text| Failure::new(text, Some(place)))?);
        }
        Ok(Document {
            fields,
            language: self.language.as_ref().map(|language| &*language.0),
            score: self.score,
            payload: self.payload.as_deref(),
            length: None,
            order: 0,
        })
    }
}

/// A field's value.
pub(super) fn value_of(hash: HashRef<'_>, name: &[u8]) -> Option<Vec<u8>> {
    hash.get(name).map(|field| field.value.to_vec())
}

fn values_of<'a>(kind: &FieldKind, value: &'a [u8], is_sortable: bool) -> Result<Values<'a>, String> {
    let text = || is_sortable.then(|| SortValue::Text(value.to_vec()));
    Ok(match kind {
        FieldKind::Text { .. } => Values { content: Content::Text(vec![value]), sort: text() },
        FieldKind::Tag { .. } => Values { content: Content::Tags(vec![value]), sort: text() },
        FieldKind::Numeric => {
            let number = number_of(value)?;
            let sort = is_sortable.then_some(SortValue::Number(number));
            Values { content: Content::Numbers(vec![number]), sort }
        }
        FieldKind::Geo => {
            let sort = text();
            Values { content: Content::Points(vec![point_of(value)?]), sort }
        }
        FieldKind::Vector(_) => Values { content: Content::Vectors(vec![value]), sort: None },
        // No FT index has one.
        FieldKind::Scalar => Values::default(),
    })
}

fn number_of(value: &[u8]) -> Result<f64, String> {
    let text = std::str::from_utf8(value).ok();
    let number = text.and_then(crate::number::whole_number).filter(|number| !number.is_nan());
    number.ok_or_else(|| format!("Invalid numeric value: '{}'", String::from_utf8_lossy(value)))
}
