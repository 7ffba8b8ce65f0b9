//! `=>{ $name: value; ... }`: what is said about a part of a query.
//!
//! `@field:` is no part of its own here: what is said behind `(@field:words)` is said of the words.

use super::error::QueryError;
use super::part::{Part, PartKind};
use super::vectors;
use crate::number::whole_number;

/// Keeps what is said.
///
/// # Errors
///
/// The name is unknown, or does not take the value.
pub(super) fn set(part: &mut Part, name: &str, value: &str) -> Result<(), QueryError> {
    if let PartKind::Within(_, inner) = &mut part.kind {
        return set(inner, name, value);
    }
    if vectors::set(&mut part.kind, name, value)? {
        return Ok(());
    }
    let attributes = &mut part.attributes;
    let invalid = |name| QueryError::InvalidValue { value: value.to_owned(), name };
    match name.to_ascii_lowercase().as_str() {
        "weight" => attributes.weight = Some(weight(value).ok_or_else(|| invalid("weight"))?),
        "slop" => attributes.slop = Some(slop(value).ok_or_else(|| invalid("slop"))?),
        "inorder" => attributes.in_order = Some(boolean(value).ok_or_else(|| invalid("inorder"))?),
        "phonetic" => attributes.phonetic = Some(boolean(value).ok_or_else(|| invalid("phonetic"))?),
        _ => return Err(QueryError::InvalidAttribute(name.to_owned())),
    }
    Ok(())
}

fn weight(value: &str) -> Option<f64> {
    whole_number(value).filter(|weight| weight.is_nan() || *weight >= 0.0)
}

/// A whole number of 32 bits, of which RediSearch keeps the lower ones of a longer one.
#[expect(clippy::cast_possible_truncation, reason = "it keeps the lower bits, as RediSearch does")]
fn slop(value: &str) -> Option<i64> {
    let number: i64 = value.trim_ascii_start().parse().ok()?;
    (number >= -1).then_some(i64::from(number as i32))
}

fn boolean(value: &str) -> Option<bool> {
    match value.to_ascii_lowercase().as_str() {
        "1" | "true" => Some(true),
        "0" | "false" => Some(false),
        _ => None,
    }
}
