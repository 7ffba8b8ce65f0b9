//! From an entry to a document: whether an index takes it, and the values of its fields.

use kora_core::entry::{Entry, Kind};
use kora_core::types::hash::HashRef;
use kora_index::document::Document;
use kora_index::schema::Source;

use super::failures::Failure;
use super::{hash, json};
use crate::service::{Column, Declaration};
use crate::value::Value;

/// Degrees of latitude that the map ends at.
const LATITUDE_MAX: f64 = 85.051_128_78;

/// Calls with the document that an entry is to an index; `false`, without a call, if it is none.
///
/// # Errors
/// If a field's value is not of the field's type, or whatever the call returns.
pub(super) fn with_document(
    declaration: &Declaration,
    key: &[u8],
    entry: &Entry,
    body: impl FnOnce(&mut Document<'_>) -> Result<(), Failure>,
) -> Result<bool, Failure> {
    match declaration.schema.source {
        Source::Hash if entry.kind() == Kind::Hash => {
            let Some(hash) = HashRef::of(entry) else { return Ok(false) };
            let fields = hash::Fields::read(declaration, hash);
            if !passes(declaration, |column| fields.column(key, column)) {
                return Ok(false);
            }
            body(&mut fields.document(declaration)?)?;
        }
        Source::Json => {
            let Some(value) = json::json_of(entry) else { return Ok(false) };
            if !passes(declaration, |column| json::column(key, value.root(), column)) {
                return Ok(false);
            }
            let fields = json::Fields::read(declaration, value)?;
            body(&mut fields.document(declaration))?;
        }
        Source::Hash => return Ok(false),
    }
    Ok(true)
}

/// Whether a document fulfils the index's filter. One that can't be evaluated is not fulfilled.
fn passes(declaration: &Declaration, value: impl Fn(&Column) -> Option<Value>) -> bool {
    let Some(filter) = &declaration.filter else { return true };
    let row: Vec<_> = filter.columns.iter().map(value).collect();
    filter.expression.evaluate(&row[..]).is_ok_and(|value| value.to_boolean())
}

/// The score that a document has in itself, of what a field says.
pub(super) fn score_of(text: &[u8]) -> Option<f64> {
    let text = std::str::from_utf8(text).ok()?;
    crate::number::whole_number(text).filter(|score| score.is_finite())
}

/// A point of a text.
///
/// # Errors
/// In the words of RediSearch, if it is none, or is not on the map.
pub(super) fn point_of(text: &[u8]) -> Result<(f64, f64), String> {
    let point = std::str::from_utf8(text).ok().and_then(|text| {
        let (longitude, latitude) = text.split_at_checked(text.find([',', ' '])?)?;
        let number = |text: &str| crate::number::whole_number(text.trim());
        Some((number(longitude)?, number(&latitude[1..])?))
    });
    let (longitude, latitude) = point.ok_or("Invalid geo string")?;
    if !(-180.0..=180.0).contains(&longitude) || !(-LATITUDE_MAX..=LATITUDE_MAX).contains(&latitude) {
        return Err(format!("Invalid geo coordinates: {longitude:.6}, {latitude:.6}"));
    }
    Ok((longitude, latitude))
}
