//! Vectors among the arguments: a blob of single precision, or numbers.

use kora_core::error::{CommandError, CommandResult};
use kora_core::number::parse_f64;
use kora_hnsw::DIMENSIONS_MAX;

use super::positive;

pub(super) const NO_VECTOR: CommandError = CommandError::text("ERR invalid vector specification");

/// A vector, and the number of arguments that it takes.
pub(super) fn parse(args: &[&[u8]]) -> CommandResult<(Vec<f32>, usize)> {
    let (vector, taken) = match args {
        [form, blob, ..] if form.eq_ignore_ascii_case(b"FP32") => (of_blob(blob), 2),
        [form, count, values @ ..] if form.eq_ignore_ascii_case(b"VALUES") => {
            let count = positive(count).filter(|count| *count <= values.len()).ok_or(NO_VECTOR)?;
            (values[..count].iter().map(|value| element(value)).collect(), count + 2)
        }
        _ => (None, 0),
    };
    let vector =
        vector.filter(|vector| (1..=DIMENSIONS_MAX).contains(&vector.len()) && is_measurable(vector));
    Ok((vector.ok_or(NO_VECTOR)?, taken))
}

fn of_blob(blob: &[u8]) -> Option<Vec<f32>> {
    let (elements, rest) = blob.as_chunks::<4>();
    rest.is_empty().then(|| elements.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

#[expect(clippy::cast_possible_truncation, reason = "elements are kept in single precision at most")]
fn element(value: &[u8]) -> Option<f32> {
    parse_f64(value).map(|value| value as f32)
}

/// Whether a vector has a length: all elements are finite, and not too large.
#[expect(clippy::cast_possible_truncation, reason = "lengths are kept in single precision")]
fn is_measurable(vector: &[f32]) -> bool {
    let square: f64 = vector.iter().map(|one| f64::from(*one) * f64::from(*one)).sum();
    (square.sqrt() as f32).is_finite()
}
