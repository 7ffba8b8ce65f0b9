//! What is wrong with an aggregation, in the words of RediSearch.

use thiserror::Error;

use crate::expression::ExpressionError;

/// Why an aggregation is refused, or ends.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum AggregateError {
    /// GROUPBY a name that is neither a field nor a column.
    #[error("No such property `{0}`")]
    Group(String),
    /// REDUCE of such a name.
    #[error("Property `{0}` not present in document or pipeline")]
    Reduce(String),
    /// SORTBY such a name.
    #[error("Property `{0}` not loaded nor in schema")]
    Sort(String),
    /// Of APPLY or FILTER.
    #[error(transparent)]
    Expression(#[from] ExpressionError),
    /// More would be kept than the limits allow.
    #[error("Aggregation needs more memory than is allowed: {0}")]
    TooMuch(&'static str),
}
