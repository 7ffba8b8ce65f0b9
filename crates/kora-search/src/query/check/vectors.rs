//! What is said about a search of vectors and does not belong to it.

use kora_index::schema::{Algorithm, Field, FieldKind};

use super::super::error::QueryError;
use super::super::part::VectorQuery;

/// Which vectors are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// The nearest of all.
    All,
    /// The nearest of what a query matches.
    Filtered,
    /// Those within a radius.
    Range,
}

const INVALID: QueryError = QueryError::VectorOption("Invalid value was given");
const UNKNOWN: QueryError = QueryError::VectorOption("Invalid option");

/// Checks what is said about the search. A field that has no vectors finds nothing, whatever is said.
pub(super) fn check(query: &VectorQuery, field: Option<&Field>, asked: Asked) -> Result<(), QueryError> {
    let Some(FieldKind::Vector(kind)) = field.map(|field| &field.kind) else { return Ok(()) };
    let is_graph = kind.algorithm.graph().is_some();
    let is_vamana = matches!(kind.algorithm, Algorithm::Vamana(..));
    let mut seen: Vec<String> = Vec::new();
    let mut policy = None;
    for (name, value) in &query.options {
        let upper = name.to_ascii_uppercase();
        match upper.as_str() {
            "EF_RUNTIME" if is_graph && !is_vamana && asked != Asked::Range => positive(value)?,
            "SEARCH_WINDOW_SIZE" if is_vamana => positive(value)?,
            "SEARCH_BUFFER_CAPACITY" if is_vamana => positive(value)?,
            "USE_SEARCH_HISTORY" if is_vamana => {
                if !["ON", "OFF", "AUTO"].iter().any(|word| word.eq_ignore_ascii_case(value)) {
                    return Err(INVALID);
                }
            }
            "EPSILON" if is_graph && asked == Asked::Range => {
                let epsilon: f64 = value.parse().map_err(|_| INVALID)?;
                if epsilon.is_nan() || epsilon <= 0.0 {
                    return Err(INVALID);
                }
            }
            "EPSILON" if is_graph => {
                return Err(QueryError::VectorOption(
                    "range query attributes were sent for a non-range query",
                ));
            }
            "BATCH_SIZE" | "HYBRID_POLICY" if asked != Asked::Filtered => {
                return Err(QueryError::VectorOption(
                    "hybrid query attributes were sent for a non-hybrid query",
                ));
            }
            "BATCH_SIZE" => positive(value)?,
            "HYBRID_POLICY" => policy = Some(is_ad_hoc(value)?),
            _ => return Err(UNKNOWN),
        }
        if seen.contains(&upper) {
            return Err(QueryError::VectorOption("Parameter was specified twice"));
        }
        seen.push(upper);
    }
    let has = |name: &str| policy == Some(true) && seen.iter().any(|other| other == name);
    if has("BATCH_SIZE") {
        return Err(QueryError::VectorOption("'batch size' is irrelevant for 'ADHOC_BF' policy"));
    }
    if has("EF_RUNTIME") {
        return Err(QueryError::VectorOption("'EF_RUNTIME' is irrelevant for 'ADHOC_BF' policy"));
    }
    Ok(())
}

fn positive(value: &str) -> Result<(), QueryError> {
    value.parse::<u64>().ok().filter(|number| *number > 0).map(|_| ()).ok_or(INVALID)
}

/// Whether a policy is ADHOC_BF; else it is BATCHES.
fn is_ad_hoc(value: &str) -> Result<bool, QueryError> {
    match value.to_ascii_uppercase().as_str() {
        "ADHOC_BF" => Ok(true),
        "BATCHES" => Ok(false),
        _ => Err(QueryError::VectorOption("invalid hybrid policy was given")),
    }
}
