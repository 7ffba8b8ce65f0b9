//! What is wrong with a query, in the words of RediSearch.

use thiserror::Error;

/// Why a query is refused.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum QueryError {
    /// A piece that no rule admits, or the end of the text too early: where it is, and the last word up to there.
    #[error("Syntax error at offset {offset} near {near}")]
    Syntax {
        /// Bytes before it.
        offset: usize,
        /// The word.
        near: String,
    },
    /// Parts within parts, deeper than is followed.
    #[error("Parser stack overflow. Try moving nested parentheses more to the left")]
    TooDeep,
    /// A text longer than is read.
    #[error("Query is longer than {0} bytes")]
    TooLong(usize),
    /// A parameter that PARAMS does not give.
    #[error("No such parameter `{0}`")]
    NoSuchParameter(String),
    /// A parameter that is not a number.
    #[error("Invalid numeric value ({value}) for parameter `{name}`")]
    InvalidNumber {
        /// What it is.
        value: String,
        /// Its name.
        name: String,
    },
    /// A parameter for the lower end of a range that is not a number.
    #[error("Bad lower range: {0}")]
    BadLower(String),
    /// A parameter for the upper end of a range that is not a number.
    #[error("Bad upper range: {0}")]
    BadUpper(String),
    /// `=>{ $name: ... }` with an unknown name.
    #[error("Invalid attribute {0}")]
    InvalidAttribute(String),
    /// `=>{ $name: value }` with a value that the name does not take.
    #[error("Invalid value ({value}) for `{name}`")]
    InvalidValue {
        /// The value.
        value: String,
        /// The attribute.
        name: &'static str,
    },
    /// A point outside of the world.
    #[error("Invalid GeoFilter lat/lon")]
    InvalidPoint,
    /// A radius that is not above zero.
    #[error("Invalid GeoFilter radius")]
    InvalidRadius,
    /// Not m, km, ft or mi.
    #[error("Invalid GeoFilter unit")]
    InvalidUnit,
    /// `[word $parameter]`, which only shapes have.
    #[error("Syntax error: Expecting a geoshape predicate at offset {0}")]
    NotAShape(usize),
    /// KNN or VECTOR_RANGE.
    #[error("Vector queries are not supported")]
    Vector,
    /// WITHIN, CONTAINS, INTERSECTS or DISJOINT.
    #[error("GEOSHAPE queries are not supported")]
    Shape,
    /// An empty text is asked for in a field that does not index it.
    #[error("Use `INDEXEMPTY` in field creation in order to index and query for empty strings")]
    EmptyNotIndexed,
    /// `ismissing` of a field that does not index it.
    #[error("'ismissing' requires field '{0}' to be defined with 'INDEXMISSING'")]
    MissingNotIndexed(String),
    /// `*word` or a wildcard in fields some of which lack what others have.
    #[error("Contains query on fields without WITHSUFFIXTRIE support")]
    NoSuffixes,
    /// `$phonetic: true` of a field without PHONETIC.
    #[error("field does not support phonetics")]
    NotPhonetic,
}
